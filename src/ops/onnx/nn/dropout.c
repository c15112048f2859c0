// SPDX-License-Identifier: Apache-2.0
/* Dropout. At inference the identity, with a mask of true; in training mode (input 2, opset 12)
 * elements are dropped as numpy's random numbers say, and the others scaled. */
#include "ops/kernels/call.h"
#include "ops/kernels/math/random.h"

enum { X, RATIO, TRAINING };

static const uint64_t FLOATS = DTYPES_FLOAT | DTYPE_BIT(DTYPE_F8E4M3FN) |
                               DTYPE_BIT(DTYPE_F8E4M3FNUZ) | DTYPE_BIT(DTYPE_F8E5M2) |
                               DTYPE_BIT(DTYPE_F8E5M2FNUZ);

static enum status infer(struct op_call *call, struct error *err)
{
    bool old_mask = op_before(call, 10); /* of the type of the data */

    TRY(op_wants(call, X, FLOATS, err));
    if (op_has(call, RATIO)) {
        TRY(op_wants(call, RATIO, FLOATS, err));
        if (op_is_known(call, RATIO) && tensor_count(&call->in[RATIO]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "the ratio is not one number");
    }
    if (op_has(call, TRAINING)) {
        TRY(op_wants(call, TRAINING, DTYPE_BIT(DTYPE_BOOL), err));
        if (op_is_known(call, TRAINING) && tensor_count(&call->in[TRAINING]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "training_mode is not one bool");
    }
    op_give(call, 0, call->in[X].dtype, &call->in[X].shape);
    op_give(call, 1, old_mask ? call->in[X].dtype : DTYPE_BOOL, &call->in[X].shape);
    return STATUS_OK;
}

static enum status drop(const struct op_call *call, double ratio, struct error *err)
{
    size_t count = tensor_count(&call->in[X]);
    double scale = 1 / (1 - ratio);
    struct random random;

    if (!(ratio >= 0 && ratio < 1))
        return op_error(call, err, STATUS_INVALID_INPUT, "the ratio is %g", ratio);
    random_start(&random, call);
    for (size_t i = 0; i < count; i++) {
        bool keep = random_uniform(&random) >= ratio;
        double x = tensor_f64(&call->in[X], i);

        tensor_set_f64(&call->out[0], i, keep ? x * scale : 0);
        if (call->out_count > 1)
            tensor_set_f64(&call->out[1], i, keep);
    }
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool training = op_has(call, TRAINING) && tensor_i64(&call->in[TRAINING], 0);
    double ratio = op_has(call, RATIO) ? tensor_f64(&call->in[RATIO], 0) : 0.5;
    size_t count = tensor_count(&call->in[X]);

    if (training && ratio != 0)
        return drop(call, ratio, err);
    if (call->out[0].data != call->in[X].data && count)
        memcpy(call->out[0].data, call->in[X].data, tensor_bytes(&call->in[X]));
    for (size_t i = 0; call->out_count > 1 && i < count; i++)
        tensor_set_f64(&call->out[1], i, 1);
    return STATUS_OK;
}

const struct op_set ops_onnx_dropout =
    OP_SET({.name = "Dropout",
            .summary = "nothing, at inference; in training some elements become 0",
            .flags = OP_INPLACE | OP_RANDOM | OP_OPTIONAL_GAPS,
            .in_min = 1,
            .in_max = 3,
            .out_min = 1,
            .out_max = 2,
            .infer = infer,
            .run = run});
