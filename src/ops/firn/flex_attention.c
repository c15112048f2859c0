// SPDX-License-Identifier: Apache-2.0
/* The two products of attention, for where something stands between them:
 *
 *     AttentionScores  q (N, H, L, E), k (N, G, S, E) -> scale q k' (N, H, L, S)
 *     AttentionMix     p (N, H, L, S), v (N, G, S, F) -> p v (N, H, L, F)
 *
 * H is a multiple of G: head h reads keys and values of h / (H / G). Sums in double. */
#include <math.h>

#include "ops/kernels/call.h"

enum { BATCH, HEADS, ROWS, COLUMNS };

static int64_t dim_of(const struct op_call *call, size_t input, int dim)
{
    const struct shape *shape = &call->in[input].shape;

    return shape->rank == 4 ? shape->dims[dim] : DIM_UNKNOWN;
}

static enum status same(const struct op_call *call, int dim, int other, struct error *err)
{
    int64_t a = dim_of(call, 0, dim), b = dim_of(call, 1, other);

    if (dim_is_known(a) && dim_is_known(b) && a != b)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "dimension %d is %lld, %d of the other %lld", dim, (long long)a, other,
                        (long long)b);
    return STATUS_OK;
}

/* What both have in common; `inner` and `outer` are dimensions of the second input. */
static enum status infer_product(struct op_call *call, int inner, int outer, enum dtype dtype,
                                 struct error *err)
{
    int64_t heads = dim_of(call, 0, HEADS), groups = dim_of(call, 1, HEADS);
    struct shape out;

    for (size_t i = 0; i < 2; i++) {
        TRY(op_wants(call, i, DTYPES_FLOAT, err));
        TRY(op_wants_rank(call, i, 4, 4, err));
    }
    TRY(same(call, BATCH, BATCH, err));
    TRY(same(call, COLUMNS, inner, err));
    if (dim_is_known(heads) && dim_is_known(groups) && (groups < 1 || heads % groups))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld heads read from %lld",
                        (long long)heads, (long long)groups);
    out = SHAPE(dim_of(call, 0, BATCH), heads, dim_of(call, 0, ROWS), dim_of(call, 1, outer));
    op_give(call, 0, dtype, &out);
    return STATUS_OK;
}

static enum status infer_scores(struct op_call *call, struct error *err)
{
    enum dtype in = call->in[0].dtype, dtype = in == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32;
    int64_t precision = attribute_int(call->attributes, "softmax_precision", 0);

    if (precision)
        dtype = dtype_from_onnx(precision);
    if (!dtype_is_float(dtype) || !(DTYPES_FLOAT & DTYPE_BIT(dtype)))
        return op_error(call, err, STATUS_UNSUPPORTED, "softmax_precision %lld",
                        (long long)precision);
    TRY(op_wants_same(call, 0, 1, err));
    return infer_product(call, COLUMNS, ROWS, dtype, err);
}

static enum status infer_mix(struct op_call *call, struct error *err)
{
    return infer_product(call, ROWS, COLUMNS, call->in[1].dtype, err);
}

/* out (n, h, i, j) = scale * sum over k of a (n, h, i, k) b (n, h / group, j or k, k or j) */
static void product(const struct op_call *call, double scale, bool turned)
{
    const struct tensor *a = &call->in[0], *b = &call->in[1];
    const int64_t *dims = call->out[0].shape.dims;
    size_t heads = (size_t)dims[HEADS], rows = (size_t)dims[ROWS], columns = (size_t)dims[COLUMNS];
    size_t inner = (size_t)a->shape.dims[COLUMNS], groups = (size_t)b->shape.dims[HEADS];
    size_t count = tensor_count(&call->out[0]);

    for (size_t at = 0; at < count; at++) {
        size_t j = at % columns, row = at / columns, plane = row / rows;
        size_t other = plane / heads * groups + plane % heads / (heads / groups);
        size_t first = other * inner * columns + (turned ? j * inner : j);
        size_t step = turned ? 1 : columns;
        double sum = 0;

        for (size_t k = 0; k < inner; k++)
            sum += tensor_f64(a, row * inner + k) * tensor_f64(b, first + k * step);
        tensor_set_f64(&call->out[0], at, scale * sum);
    }
}

static enum status run_scores(const struct op_call *call, struct error *err)
{
    double size = (double)call->in[0].shape.dims[COLUMNS];

    (void)err;
    product(call, attribute_float(call->attributes, "scale", 1 / sqrt(size)), true);
    return STATUS_OK;
}

static enum status run_mix(const struct op_call *call, struct error *err)
{
    (void)err;
    product(call, 1, false);
    return STATUS_OK;
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS, .in_min = 2, .in_max = 2, .out_min = 1,     \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

const struct op_set ops_firn_flex_attention =
    OP_SET(ROW("AttentionScores", "scale q k', head by head", infer_scores, run_scores),
           ROW("AttentionMix", "p v, head by head", infer_mix, run_mix));
