// SPDX-License-Identifier: Apache-2.0
#include "engine/native.h"

#include <stdlib.h>

#include "base/text.h"
#include "engine/internal.h"
#include "formats/archive/artifact.h"
#include "graph/constants.h"

enum { PLANS_MAX = 32 };
static const size_t MEMORY_MAX = (size_t)4 << 30;
static const size_t WHOLE_MAX = (size_t)32 << 20;
static const size_t MODEL_MAX = (size_t)64 << 30;

static void native_free(struct servable *servable)
{
    struct native *native = (struct native *)servable;

    states_free(native->states);
    arena_release(&native->prepared);
    arena_release(&native->model);
    artifact_close(native->artifact);
    free(native);
}

static struct servable_account native_account(const struct servable *servable)
{
    const struct native *native = (const struct native *)servable;

    return (struct servable_account){
        .weights = native->prepared.used + native->model.used,
        .mapped = native->mapped,
        .arena = __atomic_load_n(&native->arena_max, __ATOMIC_RELAXED),
    };
}

static enum status signature_check(const struct servable *servable, size_t signature,
                                   struct error *err)
{
    const struct contract *contract = servable->contract;

    if (signature >= contract->count)
        return error_set(err, STATUS_NOT_FOUND, "there is no signature %zu", signature);
    if (contract->signatures[signature].reason)
        return error_set(err, STATUS_UNSUPPORTED, "signature '%.64s': %s",
                         contract->signatures[signature].name,
                         contract->signatures[signature].reason);
    return STATUS_OK;
}

/* How long it took is noted in the plan of the whole. */
static enum status run_slices(struct native_session *session, size_t signature, size_t rows,
                              const struct plan *whole, const struct tensor *inputs,
                              struct tensor *outputs, struct error *err)
{
    uint64_t start = time_ns();
    struct plan *plan;

    TRY(slices_run(session, signature, rows, whole, inputs, outputs, err));
    plan = session_plan_find(session, signature, inputs);
    if (plan)
        plan->average_us = (double)(time_ns() - start) / 1000;
    return STATUS_OK;
}

static enum status native_run(struct session *base, size_t signature, const struct tensor *inputs,
                              struct tensor *outputs, struct error *err)
{
    struct native_session *session = (struct native_session *)base;
    struct plan *plan;
    size_t rows;

    TRY(signature_check(base->servable, signature, err));
    session->last = NULL;
    if (signature_has_states(session->recipes[signature].signature))
        return states_run(session, signature, inputs, outputs, err);
    TRY(session_plan(session, signature, inputs, &plan, err));
    rows = slice_rows(session, signature, plan, inputs);
    if (rows && run_slices(session, signature, rows, plan, inputs, outputs, err) == STATUS_OK)
        return STATUS_OK;
    if (rows) /* who asks for the whole gets its message, with numbers of its rows */
        TRY(session_plan(session, signature, inputs, &plan, err));
    session->last = plan;
    return plan_execute(session, plan, inputs, outputs, err);
}

static double native_estimate_us(struct session *base, size_t signature,
                                 const struct tensor *inputs)
{
    struct plan *plan;
    struct error ignored;

    const struct native_session *session = (const struct native_session *)base;

    /* One that has states may have to wait. */
    if (signature_check(base->servable, signature, &ignored) ||
        signature_has_states(session->recipes[signature].signature))
        return -1;
    plan = session_plan_find((struct native_session *)base, signature, inputs);
    return plan ? plan->average_us : -1;
}

static const struct servable_class NATIVE = {
    .name = "native",
    .free = native_free,
    .session_new = native_session_new,
    .session_free = native_session_free,
    .run = native_run,
    .estimate_us = native_estimate_us,
    .account = native_account,
};

/* --- loading --- */

/* The call of a node with what is known at load. */
static void call_fill(const struct graph *graph, const struct node *node, struct op_call *call)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const struct value *value;

        call->in[i] = (struct tensor){0};
        if (node->inputs[i] == VALUE_NONE)
            continue;
        value = &graph->values[node->inputs[i]];
        call->in[i] = (struct tensor){.dtype = value->dtype,
                                      .shape = value->shape,
                                      .data = value->constant ? value->constant->data : NULL,
                                      .element = value->element,
                                      .stored = value->constant ? value->constant->stored : NULL};
    }
    for (size_t i = 0; i < node->output_count; i++) {
        const struct value *value = &graph->values[node->outputs[i]];
        call->out[i] = (struct tensor){value->dtype, value->shape, NULL, value->element};
    }
    call->op = node->op;
    call->opset = node->opset;
    call->attributes = &node->attributes;
    call->in_count = node->input_count;
    call->out_count = node->output_count;
    call->state = NULL;
    call->packed = 0;
}

static void forget(void *context, struct bytes bytes)
{
    const struct native *native = context;

    if (native->artifact)
        artifact_forget(native->artifact, bytes);
}

/* The originals of what a kernel keeps in another form are not needed any more. */
static void release_packed(struct native *native, const struct node *node,
                           const struct op_call *call, struct constants *constants)
{
    for (size_t i = 0; i < node->input_count && i < 64; i++)
        if (call->packed >> i & 1 && node->inputs[i] != VALUE_NONE)
            constants_release(native->graph, constants,
                              native->graph->values[node->inputs[i]].constant, &native->prepared,
                              forget, native);
}

/* Of bits `unaligned` and `stored` the values may be so. */
static enum status align(const struct graph *graph, const value_id *values, size_t count,
                         uint64_t unaligned, uint64_t stored, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct tensor *constant =
            values[i] == VALUE_NONE ? NULL : graph->values[values[i]].constant;
        uint64_t may_be = constant && constant->stored ? stored : unaligned;

        if (constant && !(i < 64 && may_be >> i & 1) && !value_constant(graph, values[i]))
            return error_no_memory(err, "a constant");
    }
    return STATUS_OK;
}

/* What kernels will read: all but the weights that they pack first. */
static enum status align_constants(const struct graph *graph, struct error *err)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        const struct op *op = node->op;

        TRY(align(graph, node->inputs, node->input_count, op->prepare ? op->unaligned : 0,
                  op->prepare ? op->stored : 0, err));
    }
    for (size_t s = 0; s < graph->signature_count; s++)
        TRY(align(graph, graph->signatures[s].outputs, graph->signatures[s].output_count, 0, 0,
                  err));
    return STATUS_OK;
}

enum status native_prepare(struct native *native, const struct graph *graph, void ***states,
                           struct arena *scratch, struct error *err)
{
    struct op_call call = {.team = native->options.team};
    struct constants constants;
    size_t in_max = 1;

    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].input_count > in_max)
            in_max = graph->nodes[n].input_count;
    call.in = arena_new(scratch, struct tensor, in_max);
    call.out = arena_new(scratch, struct tensor, OP_OUTPUTS_MAX);
    *states = arena_new(&native->prepared, void *, graph->node_count);
    if (!call.in || !call.out || !*states)
        return error_no_memory(err, "the model");
    TRY(align_constants(graph, err));
    TRY(constants_count(graph, &constants, scratch, err));
    arena_spare_move(graph->keep, &native->prepared);
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];

        if (!node->op->prepare)
            continue;
        call_fill(graph, node, &call);
        if (node->op->prepare(&call, &native->prepared, err))
            return graph_node_error(node, err);
        (*states)[n] = call.state;
        TRY(align(graph, node->inputs, node->input_count, call.packed, call.packed, err));
        if (graph == native->graph) /* constants of subgraphs may be shared with those around */
            release_packed(native, node, &call, &constants);
    }
    arena_settle(&native->prepared);
    return STATUS_OK;
}

static bool lies_in(const void *data, struct bytes bytes)
{
    return (uintptr_t)data >= (uintptr_t)bytes.data &&
           (uintptr_t)data < (uintptr_t)bytes.data + bytes.size;
}

/* Bytes of constants that are used where the artifact is mapped. */
static size_t mapped_bytes(const struct native *native)
{
    const struct artifact *artifact = native->artifact;
    size_t total = 0;

    for (size_t v = 0; artifact && v < native->graph->value_count; v++) {
        const struct tensor *constant = native->graph->values[v].constant;
        bool mapped = constant && lies_in(constant->data, artifact_container(artifact));

        for (size_t m = 0; constant && !mapped && m < artifact->count && m < 64; m++)
            mapped = lies_in(constant->data, artifact->members[m].bytes);
        total += mapped ? tensor_bytes(constant) : 0;
    }
    return total;
}

static enum status account_check(const struct native *native, struct error *err)
{
    size_t limit = native->options.model_max, weights = native->prepared.used + native->model.used;

    if (weights <= limit)
        return STATUS_OK;
    return error_set(err, STATUS_TOO_LARGE,
                     "the weights take %zu bytes, more than the limit of %zu", weights, limit);
}

static enum status find_rows(struct native *native, struct error *err)
{
    size_t count = native->base.contract->count;

    native->by_rows = arena_new(&native->prepared, bool, count);
    if (!native->by_rows)
        return error_no_memory(err, "the model");
    for (size_t i = 0; i < count; i++)
        native->by_rows[i] = recipe_is_by_rows(&native->recipes[i]);
    return STATUS_OK;
}

static enum status load(struct native *native, struct error *err)
{
    struct arena scratch;
    bool reference = op_reference_only(native->options.reference);
    enum status status;

    arena_init(&scratch, native->options.model_max);
    status = graph_finish(native->graph, err);
    if (!status)
        status = graph_optimise(native->graph, native->options.passes_off, &scratch, err);
    if (!status && (native->options.weights == DTYPE_F16 || native->options.weights == DTYPE_BF16))
        status = graph_narrow_weights(native->graph, native->options.weights, err);
    if (!status)
        status = recipes_make(native, &scratch, err);
    if (!status)
        status = states_make(native, err);
    if (!status)
        status = find_rows(native, err);
    op_reference_only(reference);
    arena_release(&scratch);
    native->mapped = mapped_bytes(native);
    return status ? status : account_check(native, err);
}

/* Packing that was refused because of the limit fails for want of memory: say which. */
static void weights_error(const struct native *native, struct error *err)
{
    if (err->status == STATUS_NO_MEMORY && native->options.model_max < MODEL_MAX)
        (void)!error_set(err, STATUS_TOO_LARGE,
                         "the weights need more memory than the limit of %zu bytes",
                         native->options.model_max);
}

enum status native_servable(struct graph *graph, const struct contract *contract,
                            const struct native_options *options, struct arena *model,
                            struct artifact *artifact, struct servable **servable,
                            struct error *err)
{
    struct native *native = calloc(1, sizeof *native);

    if (!native) {
        arena_release(model);
        artifact_close(artifact);
        return error_no_memory(err, "a model");
    }
    native->base = (struct servable){&NATIVE, contract};
    native->graph = graph;
    native->options = options ? *options : (struct native_options){0};
    native->options.plans_max = native->options.plans_max ? native->options.plans_max : PLANS_MAX;
    if (!native->options.whole_max)
        native->options.whole_max = WHOLE_MAX;
    if (!native->options.memory_max)
        native->options.memory_max = MEMORY_MAX;
    if (!native->options.model_max)
        native->options.model_max = MODEL_MAX;
    if (getenv("FIRN_POISON"))
        native->options.poison = true;
    native->model = *model;
    *model = (struct arena){0};
    graph_keep_in(graph, &native->model);
    native->artifact = artifact;
    graph->forget = forget;
    graph->forget_context = native;
    arena_init_regions(&native->prepared, native->options.model_max);
    if (load(native, err)) {
        weights_error(native, err);
        native_free(&native->base);
        return err->status;
    }
    *servable = &native->base;
    return STATUS_OK;
}

/* --- profile --- */

struct line {
    const struct step *step;
    uint32_t ns;
};

static int slowest_first(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->ns != y->ns)
        return x->ns < y->ns ? 1 : -1;
    return x->step < y->step ? -1 : x->step > y->step;
}

static void profile_print(const struct line *lines, size_t count, struct text *text)
{
    char name[TEXT_QUOTE_SIZE], shape[SHAPE_PRINT_SIZE];
    double total = 0;

    for (size_t i = 0; i < count; i++)
        total += lines[i].ns;
    for (size_t i = 0; i < count; i++) {
        const struct node *node = lines[i].step->node->node;
        const struct tensor *out = &lines[i].step->call.out[0];

        text_printf(text, "%10.1f us %5.1f%%  %-20s %s%s  %s\n", lines[i].ns / 1000.0,
                    total > 0 ? 100 * lines[i].ns / total : 0.0, node->op->name,
                    dtype_name(out->dtype), shape_print(&out->shape, shape, sizeof shape),
                    text_quote(bytes_of(node->name), name, sizeof name));
    }
    text_printf(text, "%10.1f us  in %zu steps\n", total / 1000, count);
}

/* The plan of the region behind this one in the last run; or NULL. */
static const struct plan *plan_behind(const struct plan *plan)
{
    return plan->region && plan->region->session ? plan->region->session->last : NULL;
}

static size_t lines_fill(const struct plan *plan, struct line *lines)
{
    for (size_t s = 0; s < plan->step_count; s++)
        *lines++ = (struct line){&plan->steps[s], plan->step_ns[s]};
    for (size_t s = 0; s < plan->dynamic_step_count; s++)
        *lines++ = (struct line){&plan->dynamic_steps[s].step, plan->step_ns[plan->step_count + s]};
    return plan->step_count + plan->dynamic_step_count;
}

void native_profile(struct session *base, struct text *text)
{
    const struct native_session *session = (const struct native_session *)base;
    const struct plan *plan = session->last;
    size_t count = 0, at = 0;
    struct line *lines;

    for (const struct plan *p = plan; p; p = plan_behind(p))
        count += p->step_count + p->dynamic_step_count;
    lines = calloc(count + 1, sizeof *lines);

    if (!lines || !plan || !session_native(session)->options.profile) {
        text->failed = text->failed || !lines;
        free(lines);
        return;
    }
    for (const struct plan *p = plan; p; p = plan_behind(p))
        at += lines_fill(p, lines + at);
    qsort(lines, count, sizeof *lines, slowest_first);
    profile_print(lines, count, text);
    free(lines);
}
