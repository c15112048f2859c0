// SPDX-License-Identifier: Apache-2.0
/* The nearest of some points, as KMeans Estimators ask for them.
 * Source: tensorflow/core/kernels/clustering_ops.cc. */
#include "importers/tensorflow/internal.h"

static enum status square_sum(const struct tf_call *c, value_id x, value_id *sum, struct error *err)
{
    const int64_t last = 1;

    TRY(emit_2(c->e, "Mul", x, x, &x, err));
    return emit_reduce(c->e, "ReduceSum", x, &last, 1, true, sum, err);
}

/* points (n, d), centres (m, d), k -> which centres (n, min(k, m)), the nearest first, and their
 * squared distances */
static enum status nearest(struct tf_call *c, struct error *err)
{
    static const int64_t TURN[] = {1, 0}, LIST[] = {1};
    value_id points = c->in[0], centres = c->in[1], own, other, product, two, zero, k, count, y[2];

    TRY(square_sum(c, points, &own, err));
    TRY(square_sum(c, centres, &other, err));
    TRY(emit_transpose(c->e, other, TURN, 2, &other, err));
    TRY(emit_transpose(c->e, centres, TURN, 2, &product, err));
    TRY(emit_2(c->e, "MatMul", points, product, &product, err));
    TRY(emit_number(c->e, DTYPE_F32, 2, &two, err));
    TRY(emit_number(c->e, DTYPE_F32, 0, &zero, err));
    TRY(emit_2(c->e, "Mul", product, two, &product, err));
    TRY(emit_2(c->e, "Sub", other, product, &product, err));
    TRY(emit_2(c->e, "Add", product, own, &product, err));
    TRY(emit_2(c->e, "Max", product, zero, &product, err));
    TRY(emit_1(c->e, "Shape", centres, &count, err));
    TRY(emit_slice(c->e, count, 0, 0, 1, 1, &count, err));
    TRY(tf_index(c, 2, &k, err));
    TRY(emit_reshape(c->e, k, LIST, 1, &k, err));
    TRY(emit_2(c->e, "Min", k, count, &k, err));
    TRY(emit(c->e, "", "TopK", (value_id[]){product, k}, 2,
             (struct attribute[]){attribute_of_int("axis", 1), attribute_of_int("largest", 0)}, 2,
             y, 2, err));
    TRY(tf_add(c, y[1], err));
    return tf_add(c, y[0], err);
}

const struct tf_op_set tf_ops_neighbours =
    TF_OP_SET({.name = "NearestNeighbors", .lower = nearest, .inputs = 3}, );
