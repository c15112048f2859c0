// SPDX-License-Identifier: Apache-2.0
/* LRN of (N, ..., C), with the attributes of its ONNX twin. */
#include "ops/fast/image/rows.h"
#include "ops/kernels/spatial/nhwc.h"

/* Wider windows than any network has are left to the reference. */
enum { SIZE_MAX_FAST = 32 };

/* The usual power is a square root and a fourth root. The sum may not become 0 or less. */
static bool is_fast(const struct op_call *call)
{
    return call->in[0].dtype == DTYPE_F32 && !op_wants_reference(call) &&
           attribute_float(call->attributes, "beta", 0.75) == 0.75 &&
           attribute_float(call->attributes, "bias", 1) > 0 &&
           attribute_float(call->attributes, "alpha", 0.0001f) >= 0 &&
           attribute_int(call->attributes, "size", 1) <= SIZE_MAX_FAST;
}

static size_t channels_of(const struct op_call *call)
{
    return (size_t)call->in[0].shape.dims[call->in[0].shape.rank - 1];
}

static size_t scratch_size(const struct op_call *call)
{
    return is_fast(call) ? (channels_of(call) + SIZE_MAX_FAST) * sizeof(float)
                         : nhwc_reference_size(call);
}

static enum status infer(struct op_call *call, struct error *err)
{
    return nhwc_infer(call, "LRN", err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct row_kernels *kernels = row_kernels();
    size_t size = (size_t)attribute_int(call->attributes, "size", 1), n, count;
    double alpha = attribute_float(call->attributes, "alpha", 0.0001f);
    float factor = (float)(alpha / (double)size);
    float bias = (float)attribute_float(call->attributes, "bias", 1);
    const float *x = call->in[0].data;
    float *y = call->out[0].data;

    count = tensor_count(&call->in[0]);
    if (count == 0)
        return STATUS_OK;
    if (!is_fast(call))
        return nhwc_reference(call, "LRN", err);
    n = channels_of(call);
    for (size_t i = 0; i < count; i += n)
        kernels->local_response(y + i, x + i, call->scratch, n, (size - 1) / 2, size / 2, factor,
                                bias);
    return STATUS_OK;
}

const struct op_set ops_firn_lrn_nhwc =
    OP_SET({.name = "LRNNhwc",
            .summary = "divided by the energy of neighbouring channels, channels last",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .prepare = op_prepare_reference,
            .scratch_size = scratch_size,
            .run = run});
