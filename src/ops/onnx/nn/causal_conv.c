// SPDX-License-Identifier: Apache-2.0
/* CausalConvWithState: each channel with a kernel of its own over the last k positions, which
 * begin in the state that the step before has left. */
#include <math.h>

#include "ops/kernels/call.h"

enum { INPUT, WEIGHT, BIAS, PAST };

static int64_t dim_of(const struct op_call *call, size_t input, int dim)
{
    const struct shape *shape = &call->in[input].shape;

    return shape->rank > dim ? shape->dims[dim] : DIM_UNKNOWN;
}

static enum status wants_dim(const struct op_call *call, size_t input, int dim, int64_t want,
                             struct error *err)
{
    int64_t got = dim_of(call, input, dim);

    if (dim_is_known(got) && dim_is_known(want) && got != want)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "dimension %d of input %zu is %lld, not %lld", dim, input, (long long)got,
                        (long long)want);
    return STATUS_OK;
}

static enum status activation_of(const struct op_call *call, bool *silu, struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "activation", "none");

    *silu = bytes_is(name, "silu") || bytes_is(name, "swish");
    if (!*silu && !bytes_is(name, "none"))
        return op_error(call, err, STATUS_INVALID_INPUT, "activation is none that there is");
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    int64_t channels = dim_of(call, INPUT, 1), kernel = dim_of(call, WEIGHT, 2);
    struct shape state;
    bool silu;

    for (size_t i = 0; i < call->in_count; i++) {
        if (!op_has(call, i))
            continue;
        TRY(op_wants(call, i, DTYPES_FLOAT & ~DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_same(call, INPUT, i, err));
        TRY(op_wants_rank(call, i, i == BIAS ? 1 : 3, i == BIAS ? 1 : 3, err));
    }
    if (kernel == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "the kernel is empty");
    TRY(wants_dim(call, WEIGHT, 0, channels, err));
    TRY(wants_dim(call, WEIGHT, 1, 1, err));
    if (op_has(call, BIAS))
        TRY(wants_dim(call, BIAS, 0, channels, err));
    if (op_has(call, PAST)) {
        TRY(wants_dim(call, PAST, 0, dim_of(call, INPUT, 0), err));
        TRY(wants_dim(call, PAST, 1, channels, err));
        TRY(wants_dim(call, PAST, 2, dim_is_known(kernel) ? kernel - 1 : DIM_UNKNOWN, err));
    }
    TRY(activation_of(call, &silu, err));
    state =
        SHAPE(dim_of(call, INPUT, 0), channels, dim_is_known(kernel) ? kernel - 1 : DIM_UNKNOWN);
    op_give(call, 0, call->in[INPUT].dtype, &call->in[INPUT].shape);
    op_give(call, 1, call->in[INPUT].dtype, &state);
    return STATUS_OK;
}

/* Position `at` of a row of the input behind its state; the first of the state is 0. */
static double padded(const struct op_call *call, size_t row, size_t at, size_t length, size_t past)
{
    if (at >= past)
        return tensor_f64(&call->in[INPUT], row * length + at - past);
    return op_has(call, PAST) ? tensor_f64(&call->in[PAST], row * past + at) : 0;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[INPUT].shape;
    size_t channels = (size_t)in->dims[1], length = (size_t)in->dims[2],
           rows = (size_t)in->dims[0] * channels, kernel = (size_t)call->in[WEIGHT].shape.dims[2],
           past = kernel - 1;
    bool silu;

    TRY(activation_of(call, &silu, err));
    for (size_t row = 0; row < rows; row++) {
        size_t channel = row % channels;
        double bias = op_has(call, BIAS) ? tensor_f64(&call->in[BIAS], channel) : 0;

        for (size_t i = 0; i < length; i++) {
            double sum = bias;

            for (size_t k = 0; k < kernel; k++)
                sum += padded(call, row, i + k, length, past) *
                       tensor_f64(&call->in[WEIGHT], channel * kernel + k);
            tensor_set_f64(&call->out[0], row * length + i, sum);
            if (silu) { /* of the rounded sum */
                sum = tensor_f64(&call->out[0], row * length + i);
                tensor_set_f64(&call->out[0], row * length + i, sum / (1 + exp(-sum)));
            }
        }
        for (size_t i = 0; call->out_count > 1 && i < past; i++)
            tensor_set_f64(&call->out[1], row * past + i,
                           padded(call, row, length + i, length, past));
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_causal_conv =
    OP_SET({.name = "CausalConvWithState",
            .summary = "convolution of each channel over what came before",
            .flags = OP_OPTIONAL_GAPS | OP_ROWS,
            .in_min = 2,
            .in_max = 4,
            .out_min = 1,
            .out_max = 2,
            .infer = infer,
            .run = run});
