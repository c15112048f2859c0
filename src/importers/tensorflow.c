// SPDX-License-Identifier: Apache-2.0
/* TensorFlow: frozen graphs (a bare GraphDef whose variables became constants). Inputs are its
 * placeholders, outputs what no other node reads. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { BID_FIELDS_MAX = 16, SCRATCH_MAX = 1 << 30 };

/* A GraphDef: nodes (1) that begin with a name (1) and an operator (2); library (2), versions (3,
 * 4). */
static bool is_node(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    struct error ignored;
    bool name = false, op = false;

    for (int i = 0; i < BID_FIELDS_MAX; i++) {
        if (protobuf_next(&message, &field, &ignored) || !field.number)
            break;
        if (field.number > 7 || field.wire != PROTOBUF_BYTES)
            return false;
        name = name || (field.number == 1 && text_is_utf8(field.bytes));
        op = op || (field.number == 2 && field.bytes.size && text_is_utf8(field.bytes) &&
                    field.bytes.data[0] >= 'A' && field.bytes.data[0] <= '_');
    }
    return name && op;
}

static bool is_graph(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    struct error ignored;
    int nodes = 0;

    for (int i = 0; i < BID_FIELDS_MAX; i++) {
        if (protobuf_next(&message, &field, &ignored))
            return nodes > 0;
        if (!field.number)
            break;
        if (field.number > 4 || (field.number == 1 && field.wire != PROTOBUF_BYTES))
            return false;
        if (field.number == 1 && !is_node(field.bytes))
            return false;
        nodes += field.number == 1;
    }
    return nodes > 0;
}

static int bid(struct upload *upload)
{
    struct error ignored;
    struct bytes bytes;

    if (upload->artifact->count != 1 ||
        member_bytes(&upload->artifact->members[0], &bytes, &ignored) || !is_graph(bytes))
        return 0;
    upload->main = &upload->artifact->members[0];
    return 75;
}

/* --- what goes in and out --- */

static const char *const SILENT[] = {"NoOp", "Assert", "Print", "SaveV2", "Assign", "PrintV2"};

static bool is_silent(const struct tf_node *node)
{
    for (size_t i = 0; i < ARRAY_COUNT(SILENT); i++)
        if (!strcmp(node->op, SILENT[i]))
            return true;
    return false;
}

struct ends {
    const struct tf_node **inputs, **outputs;
    size_t input_count, output_count;
};

/* What has a value only in a branch or loop is no output. */
static enum status ends_find(const struct tf_scope *scope, struct ends *ends, struct error *err)
{
    const struct tf_graph *graph = scope->stored;
    struct arena *keep = scope->l->keep;

    *ends = (struct ends){.inputs = arena_new(keep, const struct tf_node *, graph->count),
                          .outputs = arena_new(keep, const struct tf_node *, graph->count)};
    if (!ends->inputs || !ends->outputs)
        return error_no_memory(err, "the graph");
    for (size_t n = 0; n < graph->count; n++) {
        const struct tf_node *node = &graph->nodes[n];

        if (!strcmp(node->op, "Placeholder"))
            ends->inputs[ends->input_count++] = node;
        else if (!node->is_read && !is_silent(node) && tf_is_unconditional(scope, node))
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
    if (shape.rank == 0 && scope->stored->producer < 24)
        shape = shape_unknown();
    *field = (struct field){
        .name = node->name,
        .dtype = dtype,
        .shape = shape,
        .profile = profile_default(dtype),
        .evidence_name = {EVIDENCE_STORED, "Placeholder"},
        .evidence_dtype = {EVIDENCE_STORED, "attribute dtype"},
        .evidence_shape = {shape.rank < 0 ? EVIDENCE_UNKNOWN : EVIDENCE_STORED, "attribute shape"},
        .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
    };
    TRY(graph_input(scope->e->graph, node->name, dtype, &shape, value, err));
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
        for (int d = 0; d < field->shape.rank; d++)
            if (field->shape.dims[d] < 0)
                field->shape.dims[d] = DIM_UNKNOWN;
    }
    return STATUS_OK;
}

/* --- import --- */

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

static enum status build(struct tf_scope *scope, struct description *description, struct error *err)
{
    struct arena *keep = scope->l->keep;
    struct signature *signature = arena_new(keep, struct signature, 1);
    value_id *values, *results;
    struct ends ends;
    size_t outputs = 0;

    TRY(ends_find(scope, &ends, err));
    values = arena_new(keep, value_id, ends.input_count);
    if (!signature || !values)
        return error_no_memory(err, "the contract");
    signature->name = "predict";
    signature->inputs = arena_new(keep, struct field, ends.input_count);
    signature->outputs = arena_new(keep, struct field, ends.output_count);
    if (!signature->inputs || !signature->outputs)
        return error_no_memory(err, "the contract");
    description->contract = (struct contract){signature, 1};
    TRY(inputs_add(scope, &ends, signature, values, err));
    outputs_name(&ends, signature);
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
    TRY(graph_signature_add(scope->e->graph, signature->name, values, ends.input_count, results,
                            signature->output_count, err));
    return graph_finish(scope->e->graph, err);
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct tf_graph *stored = arena_new(keep, struct tf_graph, 1);
    struct arena scratch;
    struct emitter e = {.where = ""};
    struct tf_lowering l;
    struct tf_scope scope;
    struct protobuf message;
    struct bytes bytes;
    enum status status;

    if (!stored)
        return error_no_memory(err, "the graph");
    TRY(member_bytes(upload->main, &bytes, err));
    message = protobuf_over(bytes);
    description->format = "tensorflow-graph";
    description->framework = "tensorflow";
    TRY(tf_graph_read(&message, stored, keep, err));
    TRY(graph_new(&e.graph, keep, err));
    tf_lowering_init(&l, stored, keep, &scratch);
    TRY(tf_scope_open(&scope, &l, NULL, NULL, &e, err));
    arena_init(&scratch, SCRATCH_MAX);
    status = build(&scope, description, err);
    arena_release(&scratch);
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, keep, err);
    TRY(status);
    *graph = e.graph;
    return STATUS_OK;
}

static const char *const SUFFIXES[] = {".pb", NULL};

const struct importer importer_tensorflow = {
    .name = "tensorflow",
    .summary = "frozen TensorFlow graphs",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
