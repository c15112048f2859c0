// SPDX-License-Identifier: Apache-2.0
/* InstanceNormalization and GroupNormalization of (N, ..., C), with the attributes of their ONNX
 * twins; one scale per channel or per group. */
#include "ops/fast/image/norm.h"
#include "ops/kernels/spatial/nhwc.h"

enum { X, SCALE, BIAS };

static bool is_fast(const struct op_call *call)
{
    return call->in[X].dtype == DTYPE_F32 && !op_wants_reference(call);
}

static size_t channels_of(const struct op_call *call)
{
    const struct shape *x = &call->in[X].shape;

    return (size_t)x->dims[x->rank - 1];
}

static size_t scratch_size(const struct op_call *call)
{
    return is_fast(call) ? image_norm_scratch(channels_of(call)) * sizeof(float)
                         : nhwc_reference_size(call);
}

static enum status run(const struct op_call *call, const char *twin, size_t groups,
                       struct error *err)
{
    const struct tensor *x = &call->in[X];

    if (tensor_count(x) == 0)
        return STATUS_OK;
    if (!is_fast(call))
        return nhwc_reference(call, twin, err);
    image_norm_run(
        &(struct image_norm){
            .n = (size_t)x->shape.dims[0],
            .count = shape_span(&x->shape, 1, x->shape.rank - 1),
            .channels = channels_of(call),
            .groups = groups,
            .x = x->data,
            .scale = call->in[SCALE].data,
            .bias = call->in[BIAS].data,
            .scales = tensor_count(&call->in[SCALE]),
            .y = call->out[0].data,
            .epsilon = attribute_float(call->attributes, "epsilon", 1e-5f),
        },
        call->scratch);
    return STATUS_OK;
}

static enum status infer_instance(struct op_call *call, struct error *err)
{
    return nhwc_infer(call, "InstanceNormalization", err);
}

static enum status infer_group(struct op_call *call, struct error *err)
{
    return nhwc_infer(call, "GroupNormalization", err);
}

static enum status run_instance(const struct op_call *call, struct error *err)
{
    return run(call, "InstanceNormalization", channels_of(call), err);
}

static enum status run_group(const struct op_call *call, struct error *err)
{
    return run(call, "GroupNormalization", (size_t)attribute_int(call->attributes, "num_groups", 1),
               err);
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_INPLACE | OP_ROWS, .in_min = 3, .in_max = 3,      \
        .out_min = 1, .out_max = 1, .infer = infer_it, .prepare = op_prepare_reference,            \
        .scratch_size = scratch_size, .run = run_it                                                \
    }

const struct op_set ops_firn_norm_nhwc =
    OP_SET(ROW("InstanceNormalizationNhwc", "each channel of each item to mean 0, variance 1",
               infer_instance, run_instance),
           ROW("GroupNormalizationNhwc", "each group of channels to mean 0, variance 1",
               infer_group, run_group));
