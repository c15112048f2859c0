// SPDX-License-Identifier: Apache-2.0
/* MaxPool, AveragePool, LpPool, the global ones, and MaxUnpool, of (N, C, ...). */
#include <math.h>

#include "ops/kernels/spatial/window.h"
#include "ops/kernels/types.h"

enum pool_kind { POOL_MAX, POOL_AVERAGE, POOL_LP };

struct pool {
    enum pool_kind kind;
    struct window window;
    bool count_pads; /* the average is over the pads too */
    double p;
};

/* the maximum of nothing */
#define LOWEST_F16 0xFC00
#define LOWEST_BF16 0xFF80
#define LOWEST_F32 -INFINITY
#define LOWEST_F64 -INFINITY
#define LOWEST_I8 INT8_MIN
#define LOWEST_I16 INT16_MIN
#define LOWEST_I32 INT32_MIN
#define LOWEST_I64 INT64_MIN
#define LOWEST_U8 0
#define LOWEST_U16 0
#define LOWEST_U32 0
#define LOWEST_U64 0

#define TEMPLATE "ops/onnx/nn/pool.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*pool_kernel)(const struct pool *pool, const void *x, void *y, int64_t *where,
                            size_t y_at);
static const pool_kernel KERNELS[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, pool)};

static enum status pool_of(const struct op_call *call, enum pool_kind kind, bool global,
                           struct pool *pool, struct error *err)
{
    const struct shape *in = &call->in[0].shape;

    *pool = (struct pool){
        .kind = kind,
        .count_pads = attribute_int(call->attributes, "count_include_pad", 0),
        .p = attribute_float(call->attributes, "p", 2),
    };
    if (!(pool->p > 0))
        return op_error(call, err, STATUS_INVALID_INPUT, "p is %g", pool->p);
    if (!global)
        return window_of(call, in, NULL, &pool->window, err);
    pool->window.rank = in->rank - 2;
    for (int i = 0; i < pool->window.rank; i++) {
        pool->window.in[i] = pool->window.kernel[i] = in->dims[i + 2];
        pool->window.out[i] = pool->window.stride[i] = pool->window.dilation[i] = 1;
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, enum pool_kind kind, bool global, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    struct pool pool;

    TRY(op_wants(call, 0, kind == POOL_MAX && !global ? DTYPES_NUMBER : DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 0, 3, RANK_MAX, err));
    if (in->rank >= 0) {
        TRY(pool_of(call, kind, global, &pool, err));
        for (int i = 0; i < pool.window.rank; i++)
            out.dims[i + 2] = pool.window.out[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, DTYPE_I64, &out);
    return STATUS_OK;
}

/* From an offset in one plane to an index into the whole tensor. */
static void number_indices(const struct op_call *call, const struct window *w, int64_t *where,
                           size_t count, size_t plane_index)
{
    bool column_major = attribute_int(call->attributes, "storage_order", 0);
    int64_t plane = 1;

    for (int d = 0; d < w->rank; d++)
        plane *= w->in[d];
    for (size_t i = 0; i < count; i++) {
        int64_t at = where[i], turned = 0, step = plane;

        if (column_major && at >= 0) {
            for (int d = w->rank - 1; d >= 0; d--) {
                step /= w->in[d];
                turned += at % w->in[d] * step;
                at /= w->in[d];
            }
            where[i] = turned;
        }
        where[i] = where[i] < 0 ? 0 : where[i] + (int64_t)plane_index * plane;
    }
}

static enum status run(const struct op_call *call, enum pool_kind kind, bool global,
                       struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t planes = shape_span(&x->shape, 0, 2), outs, plane;
    struct pool pool;

    TRY(pool_of(call, kind, global, &pool, err));
    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    outs = shape_span(&call->out[0].shape, 2, x->shape.rank);
    plane = shape_span(&x->shape, 2, x->shape.rank);
    for (size_t i = 0; i < planes; i++) {
        int64_t *where = call->out_count > 1 ? (int64_t *)call->out[1].data + i * outs : NULL;

        KERNELS[x->dtype](&pool, (const char *)x->data + i * plane * dtype_size(x->dtype),
                          call->out[0].data, where, i * outs);
        if (where)
            number_indices(call, &pool.window, where, outs, i);
    }
    return STATUS_OK;
}

#define OPERATOR(op, kind, global)                                                                 \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return infer(call, kind, global, err);                                                     \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        return run(call, kind, global, err);                                                       \
    }

OPERATOR(MaxPool, POOL_MAX, false)
OPERATOR(AveragePool, POOL_AVERAGE, false)
OPERATOR(LpPool, POOL_LP, false)
OPERATOR(GlobalMaxPool, POOL_MAX, true)
OPERATOR(GlobalAveragePool, POOL_AVERAGE, true)
OPERATOR(GlobalLpPool, POOL_LP, true)

/* Indices of MaxPool count through all items, so that its rows are not alone. */
#define ROW(op, outs, text)                                                                        \
    {                                                                                              \
        .name = #op, .summary = text, .flags = outs > 1 ? 0 : OP_ROWS, .in_min = 1, .in_max = 1,   \
        .out_min = 1, .out_max = outs, .infer = infer_##op, .run = run_##op                        \
    }

const struct op_set ops_onnx_pool = OP_SET(
    ROW(MaxPool, 2, "largest element of each window, and where it is"),
    ROW(AveragePool, 1, "mean of each window"), ROW(LpPool, 1, "norm of each window"),
    ROW(GlobalMaxPool, 1, "largest element of each plane"),
    ROW(GlobalAveragePool, 1, "mean of each plane"), ROW(GlobalLpPool, 1, "norm of each plane"));
