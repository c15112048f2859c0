// SPDX-License-Identifier: Apache-2.0
/* Products of matrices. */
#include "importers/caffe2/internal.h"

/* y = x w^T + b: x (..., k) flattened from `axis` on, w (n, k) from `axis_w` on. */
static enum status fc(struct caffe2_call *c, bool transposed, struct error *err)
{
    int64_t axis = caffe2_int(c, "axis", 1), axis_w = caffe2_int(c, "axis_w", 1);
    value_id x, w;
    int rank, rank_w;

    TRY(caffe2_wants(c, 3, 3, err));
    TRY(caffe2_rank(c, 0, &rank, err));
    TRY(caffe2_rank(c, 1, &rank_w, err));
    axis += axis < 0 ? rank : 0;
    axis_w += axis_w < 0 ? rank_w : 0;
    if (axis < 1 || axis > rank || axis_w < 1 || axis_w > rank_w)
        return error_set(err, STATUS_INVALID_INPUT, "axis %lld of %d dimensions", (long long)axis,
                         rank);
    x = c->in[0];
    w = c->in[1];
    if (rank_w != 2)
        TRY(emit_node(c->e, "", "Flatten", EMIT(w),
                      EMIT_ATTRIBUTES(attribute_of_int("axis", axis_w)), &w, err));
    if (axis == 1) {
        if (rank != 2)
            TRY(emit_node(c->e, "", "Flatten", EMIT(x),
                          EMIT_ATTRIBUTES(attribute_of_int("axis", 1)), &x, err));
        return emit_node(c->e, "", "Gemm", EMIT(x, w, c->in[2]),
                         EMIT_ATTRIBUTES(attribute_of_int("transB", !transposed)), &c->out[0], err);
    }
    if (axis != rank - 1)
        return error_set(err, STATUS_UNSUPPORTED, "axis %lld of %d dimensions", (long long)axis,
                         rank);
    if (!transposed)
        TRY(emit_transpose(c->e, w, (const int64_t[]){1, 0}, 2, &w, err));
    TRY(emit_2(c->e, "MatMul", x, w, &x, err));
    return emit_2(c->e, "Add", x, c->in[2], &c->out[0], err);
}

static enum status fc_plain(struct caffe2_call *c, struct error *err)
{
    return fc(c, false, err);
}

static enum status fc_transposed(struct caffe2_call *c, struct error *err)
{
    return fc(c, true, err);
}

/* Of two matrices. */
static enum status matmul(struct caffe2_call *c, struct error *err)
{
    value_id in[2];
    int rank;

    TRY(caffe2_wants(c, 2, 2, err));
    if (caffe2_int(c, "axis_a", 1) != 1 || caffe2_int(c, "axis_b", 1) != 1)
        return error_set(err, STATUS_UNSUPPORTED, "axis_a or axis_b that is not 1");
    for (size_t i = 0; i < 2; i++) {
        in[i] = c->in[i];
        TRY(caffe2_rank(c, i, &rank, err));
        if (rank != 2)
            return error_set(err, STATUS_UNSUPPORTED, "input %zu has %d dimensions", i, rank);
        if (caffe2_int(c, i ? "trans_b" : "trans_a", 0))
            TRY(emit_transpose(c->e, in[i], (const int64_t[]){1, 0}, 2, &in[i], err));
    }
    return emit_2(c->e, "MatMul", in[0], in[1], &c->out[0], err);
}

const struct caffe2_op_set caffe2_ops_dense = CAFFE2_OP_SET(
    {"FC", fc_plain, NULL}, {"FCTransposed", fc_transposed, NULL}, {"MatMul", matmul, NULL});
