// SPDX-License-Identifier: Apache-2.0
/* Pools of (N, ..., C), with the attributes of their ONNX twins. */
#include "ops/fast/image/pool.h"
#include "ops/kernels/spatial/nhwc.h"

static enum status pool_of(const struct op_call *call, bool mean, struct image_pool *pool,
                           struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct shape first = shape_channels_first(&x->shape);

    *pool = (struct image_pool){
        .n = (size_t)first.dims[0],
        .channels = (size_t)first.dims[1],
        .dtype = x->dtype,
        .mean = mean,
        .count_pads = attribute_int(call->attributes, "count_include_pad", 0),
        .x = x->data,
        .y = call->out[0].data,
    };
    return window_of(call, &first, NULL, &pool->window, err);
}

static bool is_fast(const struct op_call *call, const struct image_pool *pool)
{
    return !op_wants_reference(call) && image_pool_fits(pool);
}

static size_t scratch_size(const struct op_call *call)
{
    struct image_pool pool;

    if (tensor_count(&call->out[0]) == 0 || pool_of(call, false, &pool, &(struct error){0}))
        return 0;
    pool.mean = strstr(call->op->name, "Average") != NULL;
    return is_fast(call, &pool) ? 0 : nhwc_reference_size(call);
}

static enum status run(const struct op_call *call, const char *twin, bool mean, struct error *err)
{
    struct image_pool pool;

    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    TRY(pool_of(call, mean, &pool, err));
    if (!is_fast(call, &pool))
        return nhwc_reference(call, twin, err);
    image_pool_run(&pool, call->team);
    return STATUS_OK;
}

static bool is_fast_global(const struct op_call *call)
{
    const struct shape *in = &call->in[0].shape;

    return !op_wants_reference(call) && call->in[0].dtype == DTYPE_F32 &&
           shape_span(in, 1, in->rank - 1) > 0;
}

static size_t scratch_size_global(const struct op_call *call)
{
    return is_fast_global(call) ? 0 : nhwc_reference_size(call);
}

static enum status run_global(const struct op_call *call, const char *twin, bool mean,
                              struct error *err)
{
    const struct tensor *x = &call->in[0];
    int last = x->shape.rank - 1;
    size_t n = (size_t)x->shape.dims[0], count = shape_span(&x->shape, 1, last);
    size_t channels = (size_t)x->shape.dims[last];

    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    if (!is_fast_global(call))
        return nhwc_reference(call, twin, err);
    if (mean)
        image_mean_all(x->data, call->out[0].data, n, count, channels, call->team);
    else
        image_max_all(x->data, call->out[0].data, n, count, channels, call->team);
    return STATUS_OK;
}

#define OPERATOR(op, runs, mean)                                                                   \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return nhwc_infer(call, #op, err);                                                         \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        return runs(call, #op, mean, err);                                                         \
    }

OPERATOR(MaxPool, run, false)
OPERATOR(AveragePool, run, true)
OPERATOR(GlobalMaxPool, run_global, false)
OPERATOR(GlobalAveragePool, run_global, true)

#define ROW(op, size, text)                                                                        \
    {                                                                                              \
        .name = #op "Nhwc", .summary = text, .flags = OP_ROWS, .in_min = 1, .in_max = 1,           \
        .out_min = 1, .out_max = 1, .infer = infer_##op, .prepare = op_prepare_reference,          \
        .scratch_size = size, .run = run_##op                                                      \
    }

const struct op_set ops_firn_pool_nhwc =
    OP_SET(ROW(MaxPool, scratch_size, "largest element of each window, channels last"),
           ROW(AveragePool, scratch_size, "mean of each window, channels last"),
           ROW(GlobalMaxPool, scratch_size_global, "largest element of each map, channels last"),
           ROW(GlobalAveragePool, scratch_size_global, "mean of each map, channels last"));
