// SPDX-License-Identifier: Apache-2.0
/* Attention from its parts: MatMul of queries and keys, scaled, masked, Softmax, MatMul with the
 * values, and the Reshapes and Transposes that part and join the heads. firn.Attention reads the
 * heads where the products before it wrote them, and writes where the one behind it reads. */
#include <math.h>

#include "graph/emit.h"
#include "graph/match.h"

/* One of q, k, v: (batch, steps, columns) with heads from `offset` on, or (batch, heads, steps,
 * size). */
struct operand {
    value_id value;
    int64_t heads, size, offset;
    bool to_join; /* (batch, steps, heads, size): to be joined to columns first */
};

struct pattern {
    struct edit *edit;
    struct graph *graph;
    const struct uses *uses;
    struct operand q, k, v;
    value_id mask; /* or VALUE_NONE */
    bool mask_inverted, has_fill;
    double scale, fill;
    bool by_heads; /* of rank 4; of rank 3 there is one head and its batch */
};

enum { STEPS_MAX = 8 };

static int rank_of(const struct graph *graph, value_id value)
{
    return graph->values[value].shape.rank;
}

/* --- q, k and v --- */

/* Back through multiplications by numbers. */
static value_id unscaled(struct pattern *p, value_id value)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        double number;
        value_id x;

        if (!match_scaled(p->graph, value_producer(p->graph, value), &x, &number) ||
            !isfinite(number))
            break;
        p->scale *= number;
        value = x;
    }
    return value;
}

/* A dimension that is surely what it seems: inferred, or asked for by a Reshape. */
static bool sure_dim(const struct graph *graph, value_id value, size_t index, int64_t *dim)
{
    const struct value *v = &graph->values[value];
    const struct node *reshape = match_op(graph, value, "Reshape");

    if (reshape && match_target(graph, reshape, index, dim) && *dim > 0)
        return true;
    *dim = (int)index < v->shape.rank ? v->shape.dims[index] : DIM_UNKNOWN;
    return !v->declared && *dim > 0;
}

static bool same_dim(const struct value *a, int i, const struct value *b, int j)
{
    return a->shape.dims[i] != DIM_UNKNOWN && a->shape.dims[i] == b->shape.dims[j];
}

/* Does the Reshape to (batch, steps, heads, size) only part the columns of its input? */
static bool parts_columns(const struct graph *graph, const struct node *reshape, int64_t columns)
{
    const struct value *from = &graph->values[reshape->inputs[0]],
                       *to = &graph->values[reshape->outputs[0]];
    int64_t first, second;

    if (from->shape.rank != 3 || from->declared || from->shape.dims[2] != columns)
        return false;
    if (to->shape.rank == 4 && !to->declared && same_dim(from, 0, to, 0) &&
        same_dim(from, 1, to, 1))
        return true;
    return match_target(graph, reshape, 0, &first) && match_target(graph, reshape, 1, &second) &&
           (first == 0 || first == from->shape.dims[0]) && first != -1 &&
           (second == 0 || second == -1 || second == from->shape.dims[1]) &&
           !attribute_int(&reshape->attributes, "allowzero", 0);
}

/* Columns of a Split along the last axis: the value that was split, and where the part begins. */
static void find_split(const struct graph *graph, struct operand *o)
{
    const struct node *split = match_op(graph, o->value, "Split");
    int64_t axis, at = 0;
    int rank;

    if (!split)
        return;
    rank = rank_of(graph, split->inputs[0]);
    axis = attribute_int(&split->attributes, "axis", 0);
    if (rank != 3 || (axis != 2 && axis != -1) || graph->values[split->inputs[0]].declared)
        return;
    for (size_t i = 0; i < split->output_count; i++) {
        if (split->outputs[i] == o->value) {
            o->value = split->inputs[0];
            o->offset = at;
            return;
        }
        at += graph->values[split->outputs[i]].shape.dims[2];
        if (graph->values[split->outputs[i]].shape.dims[2] < 0)
            return;
    }
}

/* (batch, steps, heads, size) */
static bool operand_of_columns(struct pattern *p, value_id value, struct operand *o)
{
    const struct node *reshape;

    value = unscaled(p, value);
    if (rank_of(p->graph, value) != 4 || !sure_dim(p->graph, value, 2, &o->heads) ||
        !sure_dim(p->graph, value, 3, &o->size) || o->heads > INT32_MAX || o->size > INT32_MAX)
        return false;
    *o = (struct operand){value, o->heads, o->size, 0, true};
    reshape = match_op(p->graph, value, "Reshape");
    if (!reshape || !parts_columns(p->graph, reshape, o->heads * o->size))
        return true;
    o->to_join = false;
    o->value = unscaled(p, reshape->inputs[0]);
    find_split(p->graph, o);
    return true;
}

/* (batch, heads, steps, size) as the i-th of (3, batch, heads, steps, size), which a Transpose
 * makes of (batch, steps, 3, heads, size). */
static bool operand_of_five(struct pattern *p, value_id value, struct operand *o)
{
    static const int64_t ORDER[] = {2, 0, 3, 1, 4};
    const struct node *gather = match_op(p->graph, value, "Gather"), *transpose, *reshape;
    const struct tensor *index = gather ? node_constant(p->graph, gather, 1) : NULL;
    int64_t parts, first, i;

    if (!index || tensor_count(index) != 1 || index->shape.rank != 0 ||
        attribute_int(&gather->attributes, "axis", 0) != 0)
        return false;
    transpose = match_op(p->graph, gather->inputs[0], "Transpose");
    if (!transpose || !match_order(transpose, ORDER, ARRAY_COUNT(ORDER)))
        return false;
    reshape = match_op(p->graph, transpose->inputs[0], "Reshape");
    if (!reshape || rank_of(p->graph, reshape->outputs[0]) != 5 ||
        !sure_dim(p->graph, reshape->outputs[0], 2, &parts) ||
        !sure_dim(p->graph, reshape->outputs[0], 3, &o->heads) ||
        !sure_dim(p->graph, reshape->outputs[0], 4, &o->size) || o->heads > INT32_MAX ||
        o->size > INT32_MAX || parts > 64)
        return false;
    i = tensor_i64(index, 0);
    i += i < 0 ? parts : 0;
    first = graph_is_declared(p->graph, reshape) ? DIM_UNKNOWN
                                                 : p->graph->values[reshape->inputs[0]].shape.rank;
    if (i < 0 || i >= parts || first != 3 ||
        p->graph->values[reshape->inputs[0]].shape.dims[2] != parts * o->heads * o->size)
        return false;
    for (int d = 0; d < 2; d++)
        if (!same_dim(&p->graph->values[reshape->inputs[0]], d,
                      &p->graph->values[reshape->outputs[0]], d))
            return false;
    *o = (struct operand){reshape->inputs[0], o->heads, o->size, i * o->heads * o->size, false};
    return true;
}

/* The heads of (batch, heads, steps, size), or of (batch, steps, size). */
static bool operand_of(struct pattern *p, value_id value, struct operand *o)
{
    static const int64_t ORDER[] = {0, 2, 1, 3};
    const struct node *transpose;

    value = unscaled(p, value);
    if (!p->by_heads) {
        *o = (struct operand){value, 1, 0, 0, false};
        return rank_of(p->graph, value) == 3 && sure_dim(p->graph, value, 2, &o->size) &&
               o->size <= INT32_MAX;
    }
    transpose = match_op(p->graph, value, "Transpose");
    if (transpose && match_order(transpose, ORDER, ARRAY_COUNT(ORDER)) &&
        operand_of_columns(p, transpose->inputs[0], o))
        return true;
    if (operand_of_five(p, value, o))
        return true;
    *o = (struct operand){value, 0, 0, 0, false};
    return rank_of(p->graph, value) == 4 && sure_dim(p->graph, value, 1, &o->heads) &&
           sure_dim(p->graph, value, 3, &o->size) && o->heads <= INT32_MAX && o->size <= INT32_MAX;
}

/* Keys stand transposed: (batch, heads, size, steps). */
static bool keys_of(struct pattern *p, value_id value)
{
    static const int64_t LAST[] = {0, 1, 3, 2}, BOTH[] = {0, 2, 3, 1}, THREE[] = {0, 2, 1};
    const struct node *transpose;

    value = unscaled(p, value);
    transpose = match_op(p->graph, value, "Transpose");
    if (!transpose)
        return false;
    if (!p->by_heads)
        return match_order(transpose, THREE, ARRAY_COUNT(THREE)) &&
               operand_of(p, transpose->inputs[0], &p->k);
    if (match_order(transpose, BOTH, ARRAY_COUNT(BOTH)))
        return operand_of_columns(p, transpose->inputs[0], &p->k);
    return match_order(transpose, LAST, ARRAY_COUNT(LAST)) &&
           operand_of(p, transpose->inputs[0], &p->k);
}

/* --- scores --- */

/* A mask that does not make the scores larger, as far as can be known. */
static bool mask_fits(const struct pattern *p, value_id mask, value_id scores, enum dtype dtype)
{
    const struct value *m = &p->graph->values[mask], *s = &p->graph->values[scores];
    int rank = m->shape.rank;

    if (rank < 0 || rank > s->shape.rank || m->dtype != dtype || rank > (p->by_heads ? 4 : 3))
        return false;
    for (int i = 1; i <= rank; i++) {
        int64_t dim = m->shape.dims[rank - i], want = s->shape.dims[s->shape.rank - i];

        if (dim != 1 && want != dim && (dim_is_known(dim) ? dim_is_known(want) : want == 1))
            return false;
        /* heads and the batch are not checked by anything but their numbers */
        if (i > 2 && dim != 1 && want != dim)
            return false;
    }
    return true;
}

static bool take_where(struct pattern *p, const struct node *where, value_id *scores)
{
    for (size_t side = 1; side <= 2; side++)
        if (match_number(p->graph, where, side, &p->fill)) {
            *scores = where->inputs[3 - side];
            p->mask = where->inputs[0];
            p->mask_inverted = side == 1;
            p->has_fill = true;
            return rank_of(p->graph, *scores) >= 3 &&
                   node_constant(p->graph, where, side)->shape.rank <= rank_of(p->graph, *scores) &&
                   mask_fits(p, p->mask, *scores, DTYPE_BOOL);
        }
    return false;
}

static bool scores_of(struct pattern *p, value_id value, const struct node **product);

static bool take_sum(struct pattern *p, const struct node *sum, const struct node **product)
{
    for (size_t side = 0; side < 2; side++) {
        value_id scores = sum->inputs[side], mask = sum->inputs[1 - side];

        p->scale = 1;
        p->mask = mask;
        if (rank_of(p->graph, scores) >= 3 && mask_fits(p, mask, scores, DTYPE_F32) &&
            uses_is_private(p->uses, scores) && scores_of(p, scores, product))
            return true;
    }
    return false;
}

/* From what Softmax takes back to the product of queries and keys. */
static bool scores_of(struct pattern *p, value_id value, const struct node **product)
{
    const struct node *node = value_producer(p->graph, value);

    if (!node)
        return false;
    if (p->mask == VALUE_NONE && node_is(node, "Add") && node->input_count == 2)
        return take_sum(p, node, product);
    if (p->mask == VALUE_NONE && node_is(node, "Where")) {
        value_id scores;

        return take_where(p, node, &scores) && uses_is_private(p->uses, scores) &&
               scores_of(p, scores, product);
    }
    value = unscaled(p, value);
    *product = match_op(p->graph, value, "MatMul");
    return *product != NULL;
}

static bool is_over_last_axis(const struct graph *graph, const struct node *softmax)
{
    int rank = rank_of(graph, softmax->inputs[0]);
    int64_t axis = attribute_int(&softmax->attributes, "axis", softmax->opset >= 13 ? -1 : 1);

    return rank > 0 && (axis == -1 || axis == rank - 1);
}

static bool find(struct pattern *p, const struct node *node)
{
    const struct node *softmax, *product;
    value_id mask;
    double scale;

    if (!node_is(node, "MatMul") || p->graph->values[node->outputs[0]].dtype != DTYPE_F32)
        return false;
    softmax = match_op(p->graph, node->inputs[0], "Softmax");
    if (!softmax || !is_over_last_axis(p->graph, softmax) ||
        !uses_is_private(p->uses, softmax->outputs[0]) ||
        !uses_is_private(p->uses, softmax->inputs[0]))
        return false;
    p->by_heads = rank_of(p->graph, softmax->outputs[0]) == 4;
    if (!p->by_heads && rank_of(p->graph, softmax->outputs[0]) != 3)
        return false;
    p->mask = VALUE_NONE;
    p->scale = 1;
    if (!scores_of(p, softmax->inputs[0], &product) ||
        !uses_is_private(p->uses, product->outputs[0]))
        return false;
    mask = p->mask;
    if (!operand_of(p, product->inputs[0], &p->q) || !keys_of(p, product->inputs[1]))
        return false;
    scale = p->scale;
    p->scale = 1;
    if (!operand_of(p, node->inputs[1], &p->v) || p->scale != 1)
        return false;
    p->scale = scale;
    p->mask = mask;
    return p->q.size == p->k.size && p->k.heads == p->v.heads &&
           (p->k.heads == p->q.heads || p->k.heads == 1) && isfinite(p->scale);
}

/* --- making it --- */

/* (batch, steps, heads, size) to columns. */
static enum status join(const struct emitter *e, struct operand *o, struct error *err)
{
    value_id target;

    if (!o->to_join)
        return STATUS_OK;
    TRY(EMIT_INTS(e, &target, err, 0, 0, o->heads * o->size));
    return emit_2(e, "Reshape", o->value, target, &o->value, err);
}

static enum status make(struct pattern *p, const struct emitter *e, bool heads_first,
                        value_id *output, struct error *err)
{
    struct attribute attributes[16];
    size_t count = 0;

    TRY(join(e, &p->q, err));
    TRY(join(e, &p->k, err));
    TRY(join(e, &p->v, err));
    if (p->mask_inverted)
        TRY(emit_1(e, "Not", p->mask, &p->mask, err));
    attributes[count++] = attribute_of_int("heads", p->q.heads);
    if (p->k.heads != p->q.heads)
        attributes[count++] = attribute_of_int("key_heads", p->k.heads);
    attributes[count++] = attribute_of_int("size", p->q.size);
    if (p->v.size != p->q.size)
        attributes[count++] = attribute_of_int("value_size", p->v.size);
    if (p->q.offset)
        attributes[count++] = attribute_of_int("q_offset", p->q.offset);
    if (p->k.offset)
        attributes[count++] = attribute_of_int("k_offset", p->k.offset);
    if (p->v.offset)
        attributes[count++] = attribute_of_int("v_offset", p->v.offset);
    if (heads_first)
        attributes[count++] = attribute_of_int("heads_first", 1);
    attributes[count++] = attribute_of_float("scale", p->scale);
    if (p->has_fill)
        attributes[count++] = attribute_of_float("fill", p->fill);
    return emit(e, "firn", "Attention", (value_id[]){p->q.value, p->k.value, p->v.value, p->mask},
                4, attributes, count, output, 1, err);
}

/* The Transpose that alone reads the output and puts the heads beside each other; -1: none. */
static int32_t joining_transpose(const struct pattern *p, value_id output)
{
    static const int64_t ORDER[] = {0, 2, 1, 3};
    int32_t reader;

    if (!uses_is_private(p->uses, output))
        return -1;
    reader = p->uses->nodes[p->uses->first[output]];
    return node_is(&p->graph->nodes[reader], "Transpose") &&
                   match_order(&p->graph->nodes[reader], ORDER, ARRAY_COUNT(ORDER))
               ? reader
               : -1;
}

static enum status replace(struct pattern *p, size_t index, struct error *err)
{
    const struct node node = p->graph->nodes[index];
    struct emitter e = {p->graph, node.name};
    int32_t transpose = p->by_heads ? joining_transpose(p, node.outputs[0]) : -1;
    value_id made, target, old = node.outputs[0];

    TRY(make(p, &e, p->by_heads && transpose < 0, &made, err));
    if (transpose >= 0) {
        old = p->graph->nodes[transpose].outputs[0];
        TRY(EMIT_INTS(&e, &target, err, 0, 0, p->q.heads, p->v.size));
        TRY(emit_2(&e, "Reshape", made, target, &made, err));
        edit_remove(p->edit, (size_t)transpose);
    }
    TRY(value_inherit(p->graph, old, made, err));
    edit_replace(p->edit, old, made);
    edit_remove(p->edit, index);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        struct pattern pattern = {.edit = &edit, .graph = graph, .uses = &uses};

        if (uses.is_live[n] && find(&pattern, &graph->nodes[n]))
            TRY(replace(&pattern, n, err));
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_attention = {
    .name = "attention",
    .summary = "attention from its parts",
    .order = 150,
    .run = run,
};
