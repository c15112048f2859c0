// SPDX-License-Identifier: Apache-2.0
/* Graphs without signatures: inputs are their placeholders, outputs what no other node reads. */
#include "base/text.h"
#include "importers/tensorflow/control/control.h"

/* --- what goes in and out --- */

/* What runs for its effect alone, and what training leaves behind. */
static bool is_silent(const struct tf_scope *scope, const struct tf_node *node)
{
    static const char *const OPS[] = {"NoOp",           "Assert",    "Print",
                                      "PrintV2",        "SaveV2",    "SaveSlices",
                                      "Save",           "RestoreV2", "MergeV2Checkpoints",
                                      "ShardedFilename"};

    for (size_t i = 0; i < ARRAY_COUNT(OPS); i++)
        if (!strcmp(node->op, OPS[i]))
            return true;
    if (strstr(node->op, "Summary") || !strcmp(node->op, "Assign") || tf_fills_table(node->op))
        return true;
    return scope->l->trained &&
           (tf_writes(node->op) || tf_is_variable(node->op) ||
            !strncmp(node->name, "gradients/", 10) || !strncmp(node->name, "save/", 5) ||
            !strncmp(node->name, "report_uninitialized", 20));
}

/* What TensorFlow leaves behind where it lowers functions of control flow. */
static bool is_filler(const struct tf_node *node)
{
    static const char FILLER[] = "unused_control_flow_input";

    return !node->is_read && !strncmp(node->name, FILLER, sizeof FILLER - 1);
}

struct ends {
    const struct tf_node **inputs, **outputs;
    size_t input_count, output_count;
};

/* --- graphs of training: what is the model in them --- */

enum { ROUNDS_MAX = 64 }; /* nodes mostly stand in order: one round does for most graphs */

static struct tf_node *source_of(const struct tf_graph *graph, const struct tf_node *node, size_t i)
{
    return map_find(&graph->by_name, node->inputs[i].node);
}

/* Which nodes are computed from placeholders; those only that the model itself reads are not marked
 * as read by what trains, saves or reports. */
static void training_mark(const struct tf_scope *scope, bool *fed, bool *is_read)
{
    const struct tf_graph *graph = scope->stored;
    bool more = true;

    for (int round = 0; round < ROUNDS_MAX && more; round++) {
        more = false;
        for (size_t n = 0; n < graph->count; n++) {
            const struct tf_node *node = &graph->nodes[n];
            bool now = tf_is_placeholder(node->op);

            for (size_t i = 0; i < node->input_count && !fed[n]; i++) {
                const struct tf_node *from = source_of(graph, node, i);

                now = now || (from && fed[from - graph->nodes]);
            }
            more = more || (now && !fed[n]);
            fed[n] = fed[n] || now;
        }
    }
    for (size_t n = 0; n < graph->count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++) {
            const struct tf_node *from = source_of(graph, &graph->nodes[n], i);

            if (from && !is_silent(scope, &graph->nodes[n]))
                is_read[from - graph->nodes] = true;
        }
}

/* Of the placeholders those that an output is computed from. */
static void inputs_keep(const struct tf_graph *graph, struct ends *ends, bool *needed)
{
    size_t kept = 0;
    bool more = true;

    memset(needed, 0, graph->count * sizeof *needed);
    for (size_t i = 0; i < ends->output_count; i++)
        needed[ends->outputs[i] - graph->nodes] = true;
    for (int round = 0; round < ROUNDS_MAX && more; round++) {
        more = false;
        for (size_t n = graph->count; n-- > 0;)
            for (size_t i = 0; needed[n] && i < graph->nodes[n].input_count; i++) {
                const struct tf_node *from = source_of(graph, &graph->nodes[n], i);

                if (!from || needed[from - graph->nodes])
                    continue;
                needed[from - graph->nodes] = true;
                more = true;
            }
    }
    for (size_t i = 0; i < ends->input_count; i++)
        if (needed[ends->inputs[i] - graph->nodes])
            ends->inputs[kept++] = ends->inputs[i];
    ends->input_count = kept;
}

static enum status training_ends(const struct tf_scope *scope, struct ends *ends, struct error *err)
{
    const struct tf_graph *graph = scope->stored;
    bool *fed = arena_new(scope->l->keep, bool, graph->count);
    bool *is_read = arena_new(scope->l->keep, bool, graph->count);

    if (!fed || !is_read)
        return error_no_memory(err, "the graph");
    training_mark(scope, fed, is_read);
    for (size_t n = 0; n < graph->count; n++) {
        const struct tf_node *node = &graph->nodes[n];

        if (tf_is_placeholder(node->op))
            ends->inputs[ends->input_count++] = node;
        else if (fed[n] && !is_read[n] && !is_silent(scope, node) &&
                 tf_is_unconditional(scope, node))
            ends->outputs[ends->output_count++] = node;
    }
    inputs_keep(graph, ends, is_read);
    return STATUS_OK;
}

/* What has a value only in a branch or loop is no output. */
static enum status ends_find(const struct tf_scope *scope, struct ends *ends, struct error *err)
{
    const struct tf_graph *graph = scope->stored;
    struct arena *keep = scope->l->keep;

    *ends = (struct ends){.inputs = arena_new(keep, const struct tf_node *, graph->count),
                          .outputs = arena_new(keep, const struct tf_node *, graph->count)};
    if (!ends->inputs || !ends->outputs)
        return error_no_memory(err, "the graph");
    if (scope->l->trained)
        TRY(training_ends(scope, ends, err));
    for (size_t n = 0; n < graph->count && !scope->l->trained; n++) {
        const struct tf_node *node = &graph->nodes[n];

        if (is_filler(node))
            continue;
        if (tf_is_placeholder(node->op))
            ends->inputs[ends->input_count++] = node;
        else if (!node->is_read && !is_silent(scope, node) && tf_is_unconditional(scope, node))
            ends->outputs[ends->output_count++] = node;
    }
    if (!ends->output_count)
        return error_set(err, STATUS_UNSUPPORTED, "the graph has no outputs");
    return STATUS_OK;
}

static enum status input_add(struct tf_scope *scope, const struct tf_node *node,
                             struct field *field, value_id *value, struct error *err)
{
    struct shape shape;
    enum dtype dtype;

    TRY(tf_type(node, "dtype", &dtype, err));
    TRY(tf_shape(node, "shape", &shape, scope->l->keep, err));
    /* Old writers left the shape out, and wrote a scalar's for one that is not known. */
    if (shape.rank == 0 && scope->stored->producer < 24 && strcmp(node->op, "PlaceholderV2") != 0)
        shape = shape_unknown();
    *field = (struct field){
        .name = node->name,
        .dtype = dtype,
        .shape = shape,
        .profile = profile_default(dtype),
        .evidence_name = {EVIDENCE_STORED, node->op},
        .evidence_dtype = {EVIDENCE_STORED, "attribute dtype"},
        .evidence_shape = {shape.rank < 0 ? EVIDENCE_UNKNOWN : EVIDENCE_STORED, "attribute shape"},
        .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
    };
    TRY(tf_graph_input(scope->e, node->name, dtype, &shape, value, err));
    return tf_feed(scope, node, *value, err);
}

static enum status inputs_add(struct tf_scope *scope, const struct ends *ends,
                              struct signature *signature, value_id *values, struct error *err)
{
    for (size_t i = 0; i < ends->input_count; i++) {
        if (input_add(scope, ends->inputs[i], &signature->inputs[i], &values[i], err))
            return error_within(err, "node '%.64s' (Placeholder)", ends->inputs[i]->name);
        signature->input_count++;
    }
    return STATUS_OK;
}

/* All outputs of a node: "split", "split:1" ... */
static enum status outputs_describe(const struct tf_scope *scope, const struct tf_node *node,
                                    struct signature *signature, value_id *results,
                                    struct error *err)
{
    const struct tf_state *state = tf_state_of(scope, node);

    for (size_t i = 0; i < state->output_count; i++) {
        const struct value *value = &scope->e->graph->values[state->outputs[i]];
        struct field *field = &signature->outputs[signature->output_count];
        const char *name = i ? arena_printf(scope->l->keep, "%s:%zu", node->name, i) : node->name;

        if (!name)
            return error_no_memory(err, "the contract");
        results[signature->output_count++] = state->outputs[i];
        *field = (struct field){
            .name = name,
            .dtype = value->dtype,
            .shape = value->shape,
            .profile = profile_default(value->dtype),
            .evidence_name = {EVIDENCE_DERIVED, "no other node reads it"},
            .evidence_dtype = {EVIDENCE_DERIVED, "shape inference"},
            .evidence_shape = {value->shape.rank < 0 ? EVIDENCE_UNKNOWN : EVIDENCE_DERIVED,
                               "shape inference"},
            .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
        };
        shape_forget_symbols(&field->shape);
    }
    return STATUS_OK;
}

/* Names alone, while nothing is known of what the outputs are. */
static void outputs_name(const struct ends *ends, struct signature *signature)
{
    for (size_t i = 0; i < ends->output_count; i++)
        signature->outputs[i] = (struct field){
            .name = ends->outputs[i]->name,
            .dtype = DTYPE_NONE,
            .shape = shape_unknown(),
            .evidence_name = {EVIDENCE_DERIVED, "no other node reads it"},
        };
    signature->output_count = ends->output_count;
}

/* What goes in and out; the outputs by their names alone, while nothing else is known of them. */
static enum status contract_begin(struct tf_scope *scope, const struct ends *ends,
                                  struct description *description, value_id **inputs,
                                  struct error *err)
{
    struct arena *keep = scope->l->keep;
    struct signature *signature = arena_new(keep, struct signature, 1);

    *inputs = arena_new(keep, value_id, ends->input_count);
    if (!signature || !*inputs)
        return error_no_memory(err, "the contract");
    signature->name = "predict";
    signature->inputs = arena_new(keep, struct field, ends->input_count);
    signature->outputs = arena_new(keep, struct field, ends->output_count);
    if (!signature->inputs || !signature->outputs)
        return error_no_memory(err, "the contract");
    description->contract = (struct contract){signature, 1};
    TRY(inputs_add(scope, ends, signature, *inputs, err));
    outputs_name(ends, signature);
    return STATUS_OK;
}

static enum status build(struct tf_scope *scope, struct description *description, struct error *err)
{
    struct arena *keep = scope->l->keep;
    struct signature *signature;
    value_id *inputs, *results;
    struct ends ends;
    size_t outputs = 0;

    TRY(ends_find(scope, &ends, err));
    TRY(contract_begin(scope, &ends, description, &inputs, err));
    signature = &description->contract.signatures[0];
    TRY(tf_lower(scope, ends.outputs, ends.output_count, err));
    for (size_t i = 0; i < ends.output_count; i++)
        outputs += tf_state_of(scope, ends.outputs[i])->output_count;
    results = arena_new(keep, value_id, outputs);
    signature->outputs = arena_new(keep, struct field, outputs);
    if (!results || !signature->outputs)
        return error_no_memory(err, "the contract");
    signature->output_count = 0;
    for (size_t i = 0; i < ends.output_count; i++)
        TRY(outputs_describe(scope, ends.outputs[i], signature, results, err));
    return tf_signature_finish(scope, signature->name, inputs, ends.input_count, results,
                               signature->output_count, err);
}

enum status tf_ends_build(struct tf_lowering *l, struct description *description,
                          struct graph **graph, struct error *err)
{
    struct emitter e = {.where = ""};
    struct tf_scope scope;

    TRY(tf_tables_fill(l, err));
    for (int pass = 0; pass < 2; pass++) { /* again with what it writes as state */
        TRY(graph_new(&e.graph, l->keep, err));
        tf_signature_begin(l, e.graph);
        TRY(tf_scope_open(&scope, l, NULL, NULL, &e, err));
        TRY(build(&scope, description, err));
        if (!tf_signatures_again(l))
            break;
    }
    TRY(graph_finish(e.graph, err));
    *graph = e.graph;
    return STATUS_OK;
}
