// SPDX-License-Identifier: Apache-2.0
#include "importers/caffe2/internal.h"

#include "base/text.h"
#include "gen/caffe2_ops.h"

/* How to compute, not what. */
static const char *const HINTS[] = {
    "cudnn_exhaustive_search",
    "exhaustive_search",
    "ws_nbytes_limit",
    "shared_buffer",
    "enable_tensor_core",
    "float16_compute",
    "no_gradient_to_input",
    "convolution_transform_strategy",
    "init_params",
    "legacy_order",
    "device_id",
    "run_once",
    "algo",
    "math",
    "use_cudnn",
};

const struct caffe2_op *caffe2_row(const char *type)
{
    for (size_t s = 0; CAFFE2_OPS[s]; s++)
        for (size_t i = 0; i < CAFFE2_OPS[s]->count; i++)
            if (!strcmp(CAFFE2_OPS[s]->ops[i].type, type))
                return &CAFFE2_OPS[s]->ops[i];
    return NULL;
}

/* --- blobs --- */

value_id caffe2_blob(const struct map *blobs, const char *name)
{
    uintptr_t value = (uintptr_t)map_find(blobs, bytes_of(name));

    return value ? (value_id)(value - 1) : VALUE_NONE;
}

/* What is not computed is forgotten: nobody takes the blob of that name that was there before. */
enum status caffe2_blob_set(struct map *blobs, const char *name, value_id value, struct error *err)
{
    void *stored = value == VALUE_NONE ? NULL : (void *)((uintptr_t)value + 1);

    return map_set(blobs, bytes_of(name), stored) ? STATUS_OK : error_no_memory(err, "a net");
}

/* --- arguments --- */

const struct caffe2_argument *caffe2_argument(struct caffe2_call *c, const char *name)
{
    for (size_t i = 0; i < c->op->argument_count; i++)
        if (!strcmp(c->op->arguments[i].name, name)) {
            c->op->arguments[i].used = true;
            return &c->op->arguments[i];
        }
    return NULL;
}

bool caffe2_has(struct caffe2_call *c, const char *name)
{
    return caffe2_argument(c, name) != NULL;
}

int64_t caffe2_int(struct caffe2_call *c, const char *name, int64_t otherwise)
{
    const struct caffe2_argument *argument = caffe2_argument(c, name);

    return argument && argument->has_i ? argument->i : otherwise;
}

double caffe2_float(struct caffe2_call *c, const char *name, double otherwise)
{
    const struct caffe2_argument *argument = caffe2_argument(c, name);

    return argument && argument->has_f ? (double)argument->f : otherwise;
}

bool caffe2_text_is(struct caffe2_call *c, const char *name, const char *text,
                    const char *otherwise)
{
    const struct caffe2_argument *argument = caffe2_argument(c, name);

    return argument && argument->has_s ? bytes_is(argument->s, text) : !strcmp(text, otherwise);
}

enum status caffe2_ints(struct caffe2_call *c, const char *name, int64_t **values, size_t *count,
                        struct error *err)
{
    const struct caffe2_argument *argument = caffe2_argument(c, name);

    *count = 0;
    return argument ? protobuf_all_i64(&argument->message, 6, values, count, c->keep, err)
                    : STATUS_OK;
}

/* --- checks --- */

enum status caffe2_wants(const struct caffe2_call *c, size_t least, size_t most, struct error *err)
{
    if (c->op->input_count < least || c->op->input_count > most)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu inputs, not %zu to %zu",
                         c->op->input_count, least, most);
    if (!c->op->output_count)
        return error_set(err, STATUS_INVALID_INPUT, "it has no output");
    return STATUS_OK;
}

enum status caffe2_rank(const struct caffe2_call *c, size_t input, int *rank, struct error *err)
{
    enum status status;

    *rank = emit_shape(c->e, c->in[input])->rank;
    if (*rank >= 0)
        return STATUS_OK;
    status = error_set(err, STATUS_UNSUPPORTED,
                       "the number of dimensions of \"%.64s\" is not known", c->op->inputs[input]);
    error_fix(err, "say the shapes of the inputs in an input_spec.json");
    return status;
}

enum status caffe2_is_test(struct caffe2_call *c, struct error *err)
{
    if (caffe2_int(c, "is_test", 0))
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED, "without is_test it is for training");
}

bool caffe2_channels_last(struct caffe2_call *c)
{
    return caffe2_text_is(c, "order", "NHWC", "NCHW");
}

enum status caffe2_to_first(const struct caffe2_call *c, value_id value, value_id *first,
                            struct error *err)
{
    return emit_transpose(c->e, value, (const int64_t[]){0, 3, 1, 2}, 4, first, err);
}

enum status caffe2_to_last(const struct caffe2_call *c, value_id value, value_id *last,
                           struct error *err)
{
    return emit_transpose(c->e, value, (const int64_t[]){0, 2, 3, 1}, 4, last, err);
}

static enum status arguments_check(const struct caffe2_operator *op, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < op->argument_count; i++) {
        bool known = op->arguments[i].used || !strcmp(op->arguments[i].name, "is_test");

        for (size_t h = 0; h < ARRAY_COUNT(HINTS); h++)
            known = known || !strcmp(op->arguments[i].name, HINTS[h]);
        if (!known)
            return error_set(err, STATUS_UNSUPPORTED, "argument \"%s\"",
                             text_quote(bytes_of(op->arguments[i].name), quoted, sizeof quoted));
    }
    return STATUS_OK;
}

/* --- a net --- */

static enum status inputs_find(struct caffe2_call *c, const struct map *blobs, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (c->op->input_count > CAFFE2_INPUTS_MAX || c->op->output_count > CAFFE2_INPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "it has more than %d inputs or outputs",
                         CAFFE2_INPUTS_MAX);
    c->in = arena_new(c->keep, value_id, c->op->input_count);
    c->out = arena_new(c->keep, value_id, c->op->output_count);
    if (!c->in || !c->out)
        return error_no_memory(err, "a net");
    for (size_t i = 0; i < c->op->input_count; i++) {
        c->in[i] = caffe2_blob(blobs, c->op->inputs[i]);
        if (c->in[i] == VALUE_NONE)
            return error_set(err, STATUS_UNSUPPORTED, "nothing writes its input \"%s\"",
                             text_quote(bytes_of(c->op->inputs[i]), quoted, sizeof quoted));
    }
    for (size_t i = 0; i < c->op->output_count; i++)
        c->out[i] = VALUE_NONE;
    return STATUS_OK;
}

enum status caffe2_net_check(const struct caffe2_net *net, struct error *err)
{
    char type[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < net->operator_count; i++)
        if (!caffe2_row(net->operators[i].type))
            return error_set(err, STATUS_UNSUPPORTED,
                             "operator %zu: firn does not know Caffe2's %s", i,
                             text_quote(bytes_of(net->operators[i].type), type, sizeof type));
    return STATUS_OK;
}

static enum status lower(const struct emitter *e, struct caffe2_operator *op, struct map *blobs,
                         struct arena *keep, struct error *err)
{
    const struct emitter named = {e->graph, *op->name          ? op->name
                                            : op->output_count ? op->outputs[0]
                                                               : op->type};
    struct caffe2_call c = {.e = &named, .op = op, .keep = keep};
    const struct caffe2_op *row = caffe2_row(op->type);

    if (!row) /* caffe2_net_check was not called */
        return error_set(err, STATUS_INTERNAL, "an operator without a row");
    TRY(inputs_find(&c, blobs, err));
    TRY(row->lower(&c, err));
    TRY(arguments_check(op, err));
    for (size_t i = 0; i < op->output_count; i++)
        TRY(caffe2_blob_set(blobs, op->outputs[i], c.out[i], err));
    return STATUS_OK;
}

enum status caffe2_net_lower(const struct emitter *e, const struct caffe2_net *net,
                             struct map *blobs, struct arena *keep, struct error *err)
{
    char type[TEXT_QUOTE_SIZE], name[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < net->operator_count; i++) {
        struct caffe2_operator *op = &net->operators[i];

        if (lower(e, op, blobs, keep, err))
            return error_within(
                err, "operator %zu, %s%s%s", i, text_quote(bytes_of(op->type), type, sizeof type),
                op->output_count ? " of " : "",
                op->output_count ? text_quote(bytes_of(op->outputs[0]), name, sizeof name) : "");
    }
    return STATUS_OK;
}
