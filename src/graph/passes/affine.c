// SPDX-License-Identifier: Apache-2.0
/* Chains of products and sums with constants: x s1 s2, x + b1 + b2, and (x s1 + b1) s2 + b2 become
 * one product and one sum. */
#include <float.h>
#include <math.h>

#include "graph/internal.h"

enum { CONSTANT_MAX = 1 << 16 }; /* elements of a constant that is made */

/* A node that multiplies x by a constant, or adds one. */
struct affine {
    const struct node *node; /* NULL: none */
    bool product;
    value_id x;
    const struct tensor *by;
};

static struct affine affine_of(const struct graph *graph, const struct node *node)
{
    struct affine affine = {0};
    bool product = node && node_is(node, "Mul");

    if (!node || (!product && !node_is(node, "Add")) || attribute_find(&node->attributes, "axis") ||
        attribute_find(&node->attributes, "broadcast"))
        return affine;
    for (size_t side = 0; side < 2; side++) {
        const struct tensor *by = node_constant(graph, node, 1 - side);
        const struct value *x = &graph->values[node->inputs[side]];

        if (by && !x->constant && (by->dtype == DTYPE_F32 || by->dtype == DTYPE_F64) &&
            x->shape.rank >= by->shape.rank)
            return (struct affine){node, product, node->inputs[side], by};
    }
    return affine;
}

/* The element of a constant that index `at` of a broadcast shape means. */
static double broadcast_f64(const struct tensor *tensor, const struct shape *shape, size_t at)
{
    size_t offset = 0, stride = 1;

    for (int d = shape->rank - 1; d >= 0; d--) {
        int own = d - (shape->rank - tensor->shape.rank);
        size_t index = at % (size_t)shape->dims[d];

        at /= (size_t)shape->dims[d];
        if (own < 0)
            continue;
        offset += tensor->shape.dims[own] == 1 ? 0 : index * stride;
        stride *= (size_t)tensor->shape.dims[own];
    }
    return tensor_f64(tensor, offset);
}

/* The shape of both together; false when it is large or they do not fit. */
static bool joint_shape(const struct tensor *a, const struct tensor *b, struct shape *shape)
{
    size_t count = 1;

    shape->rank = a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank;
    for (int d = 0; d < shape->rank; d++) {
        int in_a = d - (shape->rank - a->shape.rank), in_b = d - (shape->rank - b->shape.rank);
        int64_t one = in_a < 0 ? 1 : a->shape.dims[in_a], two = in_b < 0 ? 1 : b->shape.dims[in_b];

        if (one != two && one != 1 && two != 1)
            return false;
        shape->dims[d] = one == 1 ? two : one;
        if (shape->dims[d] < 1 || shape->dims[d] > CONSTANT_MAX)
            return false;
        count *= (size_t)shape->dims[d];
        if (count > CONSTANT_MAX)
            return false;
    }
    return true;
}

/* Does the product or the sum of two constants stand for both? Not where it leaves the range in
 * which the dtype is exact, nor where one of two numbers all but cancels the other: that may be
 * there to round. */
static bool is_faithful(enum dtype dtype, double a, double b, double both, bool product)
{
    double most = dtype == DTYPE_F32 ? FLT_MAX : DBL_MAX;
    double least = dtype == DTYPE_F32 ? FLT_MIN : DBL_MIN;

    if (!isfinite(a) || !isfinite(b) || fabs(both) > most)
        return false;
    if (product)
        return a == 0 || b == 0 || fabs(both) >= least;
    return a == 0 || b == 0 || fabs(both) >= 1e-3 * fmax(fabs(a), fabs(b));
}

/* The product or the sum of two constants; VALUE_NONE when it would not stand for both. */
static enum status combine(struct graph *graph, const struct tensor *a, const struct tensor *b,
                           bool product, value_id *value, struct error *err)
{
    struct shape shape;
    struct tensor made;

    if (!joint_shape(a, b, &shape))
        return error_set(err, STATUS_INTERNAL, "constants that do not fit");
    TRY(tensor_new(&made, a->dtype, &shape, graph->keep, err));
    for (size_t i = 0; i < tensor_count(&made); i++) {
        double one = broadcast_f64(a, &shape, i), two = broadcast_f64(b, &shape, i);

        double both = product ? one * two : one + two;

        if (!is_faithful(a->dtype, one, two, both, product)) {
            *value = VALUE_NONE;
            return STATUS_OK;
        }
        tensor_set_f64(&made, i, both);
    }
    return graph_constant(graph, "", &made, value, err);
}

static enum status put(struct graph *graph, size_t index, const char *op, value_id x, value_id by,
                       struct error *err)
{
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .op = op,
                                  .inputs = (value_id[]){x, by},
                                  .input_count = 2,
                              },
                              err);
}

/* Read by one node, and not made in this round, of which `uses` knows nothing. */
static bool is_ours(const struct uses *uses, const struct node *node)
{
    return (size_t)node->outputs[0] < uses->value_count && uses_is_private(uses, node->outputs[0]);
}

/* Node `index` is the outer one, `a` what it is, `b` what it reads. */
static enum status join(struct graph *graph, const struct uses *uses, size_t index,
                        struct affine *a, struct error *err)
{
    struct affine b = affine_of(graph, value_producer(graph, a->x)), c;
    struct shape ignored;
    value_id factor, shift, scaled;

    if (!b.node || !is_ours(uses, b.node) || !joint_shape(a->by, b.by, &ignored) ||
        a->by->dtype != b.by->dtype)
        return STATUS_OK;
    if (a->product == b.product) {
        /* a large number, added and taken away again, may be there to round */
        if (!a->product && tensor_count(a->by) == 1 && tensor_count(b.by) == 1)
            return STATUS_OK;
        TRY(combine(graph, b.by, a->by, a->product, &factor, err));
        if (factor == VALUE_NONE)
            return STATUS_OK;
        return put(graph, index, a->product ? "Mul" : "Add", b.x, factor, err);
    }
    if (!a->product)
        return STATUS_OK;
    c = affine_of(graph, value_producer(graph, b.x)); /* (x s1 + b1) s2 */
    if (!c.node || !c.product || !is_ours(uses, c.node) || !joint_shape(a->by, c.by, &ignored) ||
        a->by->dtype != c.by->dtype)
        return STATUS_OK;
    TRY(combine(graph, c.by, a->by, true, &factor, err));
    TRY(combine(graph, b.by, a->by, true, &shift, err));
    if (factor == VALUE_NONE || shift == VALUE_NONE)
        return STATUS_OK;
    TRY(graph_op(graph, "", "Mul", c.x, factor, VALUE_NONE, NULL, 0, &scaled, err));
    return put(graph, index, "Add", scaled, shift, err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    TRY(edit_begin(&edit, graph, scratch, err)); /* for its end: nodes are added */
    for (size_t n = 0; n < edit.node_count; n++) {
        struct affine affine;

        if (!uses.is_live[n])
            continue;
        affine = affine_of(graph, &graph->nodes[n]);
        if (affine.node)
            TRY(join(graph, &uses, n, &affine, err));
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_affine = {
    .name = "affine",
    .summary = "chains of products and sums with constants",
    .order = 105,
    .run = run,
};
