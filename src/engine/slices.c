// SPDX-License-Identifier: Apache-2.0
/* Large batches in slices: where each row of the outputs depends on its own row of the inputs alone
 * (OP_ROWS), a batch whose tensors are larger than the caches is run some rows at a time. */
#include <stdlib.h>

#include "engine/internal.h"
#include "tensor/sequence.h"

enum { SLICES = 4 }; /* of so much memory as is the limit, for each thread of the team */

/* --- which signatures --- */

/* Is it a tensor whose dimension 0 is `rows`, and no other? */
static bool has_rows(const struct value *value, int64_t rows)
{
    const struct shape *shape = &value->shape;

    if (shape->rank < 1 || shape->dims[0] != rows || dtype_is_container(value->dtype) ||
        value->dtype == DTYPE_NONE)
        return false;
    for (int d = 1; d < shape->rank; d++)
        if (shape->dims[d] < 0)
            return false;
    return true;
}

static bool is_fixed(const struct value *value)
{
    return shape_is_known(&value->shape) && !dtype_is_container(value->dtype);
}

static bool is_op(const struct node *node, const char *op)
{
    return !*node->domain && !strcmp(node->op->name, op);
}

/* The operator's promise, or that of this node: `carriers` of its inputs have rows, of `rank`. */
static bool promises_rows(const struct node *node, size_t carriers, int rank)
{
    bool old = node->opset < 13 && !is_op(node, "LayerNormalization");
    int64_t axis = attribute_int(&node->attributes, "axis", old ? 1 : -1);

    if (node->op->flags & OP_ROWS)
        return true;
    if (is_op(node, "Gather")) /* rows of a table, or columns */
        return carriers == 1;
    if (is_op(node, "Transpose")) /* the rows are dimension 0 before and after */
        return true;
    if (is_op(node, "Softmax") || is_op(node, "LogSoftmax") || is_op(node, "LayerNormalization"))
        return (axis < 0 ? axis + rank : axis) > 0;
    return false;
}

/* One row for one row, whatever else it reads. */
static bool node_is_by_rows(const struct graph *graph, const struct node *node, int64_t rows)
{
    size_t carriers = 0;
    int rank = 0;

    for (size_t i = 0; i < node->input_count; i++) {
        const struct value *in =
            node->inputs[i] == VALUE_NONE ? NULL : &graph->values[node->inputs[i]];

        if (!in || is_fixed(in))
            continue;
        if (!has_rows(in, rows) || (rank && in->shape.rank != rank))
            return false;
        rank = in->shape.rank;
        carriers++;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        const struct value *out = &graph->values[node->outputs[i]];

        if (rank ? !has_rows(out, rows) ||
                       out->shape.rank != graph->values[node->outputs[0]].shape.rank
                 : !is_fixed(out))
            return false;
    }
    return !(node->op->flags & (OP_RANDOM | OP_SUBGRAPHS)) &&
           (!rank || promises_rows(node, carriers, rank));
}

bool recipe_is_by_rows(const struct recipe *recipe)
{
    const struct graph *graph = recipe->graph;
    const struct graph_signature *signature = recipe->signature;
    int64_t rows = 0;

    if (!signature || signature_has_states(signature))
        return false;
    for (size_t i = 0; i < signature->input_count; i++) {
        const struct value *in = &graph->values[signature->inputs[i]];

        if (is_fixed(in))
            continue;
        rows = rows ? rows : in->shape.rank > 0 ? in->shape.dims[0] : 0;
        if (rows >= DIM_UNKNOWN || !has_rows(in, rows))
            return false;
    }
    for (size_t i = 0; i < signature->output_count; i++) {
        const struct value *out = &graph->values[signature->outputs[i]];

        if (!rows || !has_rows(out, rows) || out->dtype == DTYPE_STRING)
            return false;
    }
    for (size_t n = 0; n < recipe->node_count; n++)
        if (!node_is_by_rows(graph, recipe->nodes[n].node, rows))
            return false;
    return rows != 0;
}

/* --- a run --- */

/* The rows of the batch; 0: it has none, or other shapes than the model says. */
static size_t rows_of(const struct recipe *recipe, const struct tensor *inputs)
{
    int64_t rows = 0;

    for (size_t i = 0; i < recipe->signature->input_count; i++) {
        const struct shape *stated = &recipe->graph->values[recipe->signature->inputs[i]].shape;
        const struct shape *given = &inputs[i].shape;

        if (given->rank != stated->rank)
            return 0;
        for (int d = 0; d < given->rank; d++) {
            if (stated->dims[d] < 0 && rows && given->dims[d] != rows)
                return 0;
            if (stated->dims[d] < 0)
                rows = given->dims[d];
            else if (stated->dims[d] != given->dims[d])
                return 0;
        }
    }
    return (size_t)rows;
}

size_t slice_rows(const struct native_session *session, size_t signature, const struct plan *plan,
                  const struct tensor *inputs)
{
    size_t whole = session_native(session)->options.whole_max, rows, each;
    size_t limit = whole / SLICES * team_lanes(session->base.team);

    if (plan->memory_size <= whole || !session_native(session)->by_rows[signature] ||
        plan->dynamic_step_count || plan->region)
        return 0;
    rows = rows_of(&session->recipes[signature], inputs);
    each = rows ? plan->memory_size / rows : 0;
    if (rows < 2 || each >= plan->memory_size / 2)
        return 0;
    return each >= limit ? 1 : limit / (each + 1);
}

/* Rows [first, first + count) of a tensor of `rows`. */
static struct tensor part_of(const struct tensor *whole, size_t rows, size_t first, size_t count)
{
    struct tensor part = *whole;
    size_t bytes = tensor_bytes(whole) / rows;

    part.shape.dims[0] = (int64_t)count;
    part.data = (char *)whole->data + first * bytes;
    return part;
}

/* Inputs and outputs of the largest signature. */
static size_t slice_tensors(const struct native_session *session)
{
    size_t most = 0;

    for (size_t r = 0; r < session->recipe_count; r++) {
        const struct graph_signature *signature = session->recipes[r].signature;
        size_t count = signature ? signature->input_count + signature->output_count : 0;

        most = count > most ? count : most;
    }
    return most;
}

/* Memory for the whole outputs, and for the tensors of a slice. */
static bool reserve(struct native_session *session, const struct plan *plan, struct tensor *outputs)
{
    size_t size = 0;
    char *at;

    for (size_t i = 0; i < plan->output_count; i++)
        size += (tensor_bytes(&plan->outputs[i]) + 63) / 64 * 64;
    if (size > session->sliced_size) {
        free(session->sliced);
        session->sliced = aligned_alloc(64, size);
        session->sliced_size = session->sliced ? size : 0;
    }
    at = session->sliced;
    for (size_t i = 0; at && i < plan->output_count; i++) {
        outputs[i] = plan->outputs[i];
        outputs[i].data = at;
        at += (tensor_bytes(&outputs[i]) + 63) / 64 * 64;
    }
    if (!session->slice_tensors)
        session->slice_tensors = arena_new(&session->keep, struct tensor, slice_tensors(session));
    return session->sliced && session->slice_tensors;
}

static enum status run_slice(struct native_session *session, size_t signature,
                             const struct tensor *inputs, const struct tensor *outputs, size_t rows,
                             size_t first, size_t count, struct error *err)
{
    const struct recipe *recipe = &session->recipes[signature];
    struct tensor *in = session->slice_tensors, *out = in + recipe->signature->input_count;
    struct plan *plan;

    for (size_t i = 0; i < recipe->signature->input_count; i++)
        in[i] = is_fixed(&recipe->graph->values[recipe->signature->inputs[i]])
                    ? inputs[i]
                    : part_of(&inputs[i], rows, first, count);
    TRY(session_plan(session, signature, in, &plan, err));
    session->last = plan;
    TRY(plan_execute(session, plan, in, out, err));
    for (size_t i = 0; i < recipe->signature->output_count; i++) {
        struct tensor to = part_of(&outputs[i], rows, first, count);

        if (!shape_equal(&to.shape, &out[i].shape) || to.dtype != out[i].dtype)
            return error_set(err, STATUS_INTERNAL, "a slice of another shape");
        memcpy(to.data, out[i].data, tensor_bytes(&to));
    }
    return STATUS_OK;
}

enum status slices_run(struct native_session *session, size_t signature, size_t each,
                       const struct plan *whole, const struct tensor *inputs,
                       struct tensor *outputs, struct error *err)
{
    size_t rows = rows_of(&session->recipes[signature], inputs);

    if (!reserve(session, whole, outputs))
        return error_no_memory(err, "the outputs");
    for (size_t first = 0; first < rows; first += each)
        TRY(run_slice(session, signature, inputs, outputs, rows, first,
                      rows - first < each ? rows - first : each, err));
    return STATUS_OK;
}
