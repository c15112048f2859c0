// SPDX-License-Identifier: Apache-2.0
/* SavedModel: meta graphs, their signatures, and which checkpoint tensor each variable is restored
 * from. Source: tensorflow/core/protobuf/{saved_model,meta_graph}.proto. */
#include <stdlib.h>

#include "base/text.h"
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { FIELDS_MAX = 4096, SIGNATURES_MAX = 1024, HOPS_MAX = 8 };
enum { REFERENCES = 100 }; /* DT_FLOAT_REF is DT_FLOAT + 100 */
enum { META_INFO = 1, META_GRAPH = 2, META_SIGNATURE = 5 };

/* --- signatures --- */

/* "node:0" -> node and output. */
static enum status tensor_name(struct bytes text, struct tf_edge *edge, struct error *err)
{
    *edge = (struct tf_edge){text, 0};
    for (size_t i = text.size; i-- > 0;) {
        if (text.data[i] != ':')
            continue;
        edge->node.size = i;
        for (size_t k = i + 1; k < text.size; k++) {
            if (text.data[k] < '0' || text.data[k] > '9' || edge->output > TF_OUTPUTS_MAX)
                return error_set(err, STATUS_INVALID_INPUT, "a tensor has no valid output number");
            edge->output = edge->output * 10 + (size_t)(text.data[k] - '0');
        }
        break;
    }
    return STATUS_OK;
}

static enum status info_read(struct protobuf info, struct tf_field *field, struct arena *keep,
                             struct error *err)
{
    struct protobuf_field at;
    struct protobuf shape;
    struct bytes name = {NULL, 0};
    int64_t code = 0;

    field->shape = shape_unknown();
    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            break;
        if (at.number == 1)
            TRY(protobuf_bytes(&at, &name, err));
        if (at.number == 2)
            TRY(protobuf_i64(&at, &code, err));
        if (at.number == 3) {
            field->dim_names = arena_new(keep, const char *, RANK_MAX);
            if (!field->dim_names)
                return error_no_memory(err, "a signature");
            TRY(protobuf_message(&at, &shape, err));
            TRY(tf_shape_read(&shape, &field->shape, field->dim_names, keep, err));
        }
        if (at.number > 3)
            field->composite = true;
    }
    field->dtype = dtype_from_tf(code > REFERENCES ? code - REFERENCES : code);
    return tensor_name(name, &field->tensor, err);
}

static enum status field_read(struct protobuf entry, struct tf_field *field, struct arena *keep,
                              struct error *err)
{
    struct protobuf_field at;
    struct protobuf info;

    *field = (struct tf_field){.name = ""};
    for (;;) {
        TRY(protobuf_next(&entry, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 1)
            TRY(protobuf_text(&at, &field->name, keep, err));
        if (at.number != 2)
            continue;
        TRY(protobuf_message(&at, &info, err));
        TRY(info_read(info, field, keep, err));
    }
}

static int by_field_name(const void *a, const void *b)
{
    return strcmp(((const struct tf_field *)a)->name, ((const struct tf_field *)b)->name);
}

/* A map has no order: by name. */
static enum status fields_read(const struct protobuf *signature, uint32_t number,
                               struct tf_field **fields, size_t *count, struct arena *keep,
                               struct error *err)
{
    struct protobuf reader = *signature, entry;
    struct protobuf_field at;
    size_t all;

    *count = 0;
    TRY(protobuf_count(signature, number, &all, err));
    if (all > FIELDS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a signature of %zu fields", all);
    *fields = arena_new(keep, struct tf_field, all);
    if (!*fields)
        return error_no_memory(err, "a signature");
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number != number || *count == all)
            continue;
        TRY(protobuf_message(&at, &entry, err));
        TRY(field_read(entry, &(*fields)[(*count)++], keep, err));
    }
    qsort(*fields, *count, sizeof **fields, by_field_name);
    return STATUS_OK;
}

static enum status signature_read(struct protobuf entry, struct tf_signature *signature,
                                  struct arena *keep, struct error *err)
{
    struct protobuf_field at;
    struct protobuf value = protobuf_over((struct bytes){(const uint8_t *)"", 0});

    *signature = (struct tf_signature){.name = ""};
    for (;;) {
        TRY(protobuf_next(&entry, &at, err));
        if (!at.number)
            break;
        if (at.number == 1)
            TRY(protobuf_text(&at, &signature->name, keep, err));
        if (at.number == 2)
            TRY(protobuf_message(&at, &value, err));
    }
    TRY(fields_read(&value, 1, &signature->inputs, &signature->input_count, keep, err));
    return fields_read(&value, 2, &signature->outputs, &signature->output_count, keep, err);
}

static bool is_default(const struct tf_signature *signature)
{
    return !strcmp(signature->name, "serving_default");
}

static int by_signature_name(const void *a, const void *b)
{
    const struct tf_signature *x = a, *y = b;

    if (is_default(x) != is_default(y))
        return is_default(x) ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* --- meta graphs --- */

static enum status info_of_meta(struct protobuf info, struct tf_saved_model *model, bool *serve,
                                struct arena *keep, struct error *err)
{
    struct protobuf_field at;
    struct bytes tag;

    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 4) {
            TRY(protobuf_bytes(&at, &tag, err));
            *serve = *serve || bytes_is(tag, "serve");
        }
        if (at.number == 5)
            TRY(protobuf_text(&at, &model->version, keep, err));
    }
}

static enum status meta_read(const struct protobuf *meta, struct tf_saved_model *model, bool *serve,
                             struct arena *keep, struct error *err)
{
    struct protobuf reader = *meta, inner;
    struct protobuf_field at;
    size_t count;

    *model = (struct tf_saved_model){0};
    TRY(protobuf_count(meta, META_SIGNATURE, &count, err));
    if (count > SIGNATURES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has %zu signatures", count);
    model->signatures = arena_new(keep, struct tf_signature, count);
    if (!model->signatures)
        return error_no_memory(err, "the signatures");
    for (;;) {
        struct tf_signature *signature = &model->signatures[model->signature_count];

        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number == META_INFO) {
            TRY(protobuf_message(&at, &inner, err));
            TRY(info_of_meta(inner, model, serve, keep, err));
        }
        if (at.number == META_GRAPH) {
            TRY(protobuf_message(&at, &inner, err));
            TRY(tf_graph_read(&inner, &model->graph, keep, err));
        }
        if (at.number != META_SIGNATURE || model->signature_count == count)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        TRY(signature_read(inner, signature, keep, err));
        model->signature_count += strcmp(signature->name, "__saved_model_init_op") != 0;
    }
    qsort(model->signatures, model->signature_count, sizeof *model->signatures, by_signature_name);
    return STATUS_OK;
}

/* The meta graph for serving; the first one when none is. */
enum status tf_saved_model_read(const struct protobuf *message, struct tf_saved_model *model,
                                struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, meta;
    struct protobuf_field at;
    bool found = false;

    for (;;) {
        struct tf_saved_model next;
        bool serve = false;

        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number != 2)
            continue;
        TRY(protobuf_message(&at, &meta, err));
        TRY(meta_read(&meta, &next, &serve, keep, err));
        if (!found || serve)
            *model = next;
        found = true;
        if (serve)
            break;
    }
    return found ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT, "the SavedModel holds no graph");
}

/* --- variables --- */

/* Through what passes a value on. */
static struct tf_node *origin(const struct tf_graph *graph, const struct tf_edge *edge,
                              size_t *output)
{
    struct tf_node *node = map_find(&graph->by_name, edge->node);

    *output = edge->output;
    for (int hop = 0; node && hop < HOPS_MAX && !strcmp(node->op, "Identity") && node->input_count;
         hop++) {
        *output = node->inputs[0].output;
        node = map_find(&graph->by_name, node->inputs[0].node);
    }
    return node;
}

static enum status restored_key(struct tf_lowering *l, const struct tf_node *restore, size_t output,
                                struct bytes *key, struct error *err)
{
    const struct tf_node *names =
        restore->input_count > 1 ? map_find(&l->graph->by_name, restore->inputs[1].node) : NULL;
    struct tensor tensor;

    key->size = 0;
    if (!names || strcmp(names->op, "Const"))
        return STATUS_OK;
    TRY(tf_tensor(names, "value", &tensor, l->keep, err));
    if (tensor.dtype == DTYPE_STRING && output < tensor_count(&tensor))
        *key = ((const struct bytes *)tensor.data)[output];
    return STATUS_OK;
}

/* Assign(variable, RestoreV2(prefix, names, slices):k): the variable is tensor names[k]. */
enum status tf_variables_find(struct tf_lowering *l, struct error *err)
{
    map_init(&l->variables, l->keep);
    for (size_t n = 0; n < l->graph->count; n++) {
        const struct tf_node *node = &l->graph->nodes[n];
        const struct tf_node *variable, *restore;
        struct bytes key, *kept;
        size_t output, ignored;

        if ((strcmp(node->op, "Assign") && strcmp(node->op, "AssignVariableOp")) ||
            node->input_count < 2)
            continue;
        variable = origin(l->graph, &node->inputs[0], &ignored);
        restore = origin(l->graph, &node->inputs[1], &output);
        if (!variable || !restore || strcmp(restore->op, "RestoreV2"))
            continue;
        TRY(restored_key(l, restore, output, &key, err));
        kept = arena_new(l->keep, struct bytes, 1);
        if (!kept)
            return error_no_memory(err, "the variables");
        *kept = key;
        if (key.size && !map_set(&l->variables, bytes_of(variable->name), kept))
            return error_no_memory(err, "the variables");
    }
    return STATUS_OK;
}
