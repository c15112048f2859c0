// SPDX-License-Identifier: Apache-2.0
/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss of (N, C, ...) and labels (N, ...). */
#include <math.h>

#include "ops/kernels/index.h"

enum { SCORES, LABELS, WEIGHTS };
enum reduction { REDUCTION_NONE, REDUCTION_SUM, REDUCTION_MEAN };

static enum status reduction_of_call(const struct op_call *call, enum reduction *reduction,
                                     struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "reduction", "mean");

    *reduction = bytes_is(name, "none")  ? REDUCTION_NONE
                 : bytes_is(name, "sum") ? REDUCTION_SUM
                                         : REDUCTION_MEAN;
    if (*reduction == REDUCTION_MEAN && !bytes_is(name, "mean"))
        return op_error(call, err, STATUS_INVALID_INPUT, "this reduction");
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *scores = &call->in[SCORES].shape, *labels = &call->in[LABELS].shape;
    struct shape scalar = shape_scalar();
    enum reduction reduction;

    TRY(op_wants(call, SCORES, DTYPES_FLOAT, err));
    TRY(op_wants(call, LABELS, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, SCORES, 2, RANK_MAX, err));
    TRY(reduction_of_call(call, &reduction, err));
    if (scores->rank >= 0)
        TRY(op_wants_rank(call, LABELS, scores->rank - 1, scores->rank - 1, err));
    for (int i = 0; scores->rank >= 0 && i < labels->rank; i++) {
        int64_t want = scores->dims[i ? i + 1 : 0];

        if (dim_is_known(want) && dim_is_known(labels->dims[i]) && want != labels->dims[i])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of the labels is %lld, not %lld", i,
                            (long long)labels->dims[i], (long long)want);
    }
    if (op_has(call, WEIGHTS)) {
        TRY(op_wants_same(call, SCORES, WEIGHTS, err));
        TRY(op_wants_rank(call, WEIGHTS, 1, 1, err));
        if (shape_is_known(&call->in[WEIGHTS].shape) && scores->rank > 1 &&
            dim_is_known(scores->dims[1]) && call->in[WEIGHTS].shape.dims[0] != scores->dims[1])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld weights for %lld classes",
                            (long long)call->in[WEIGHTS].shape.dims[0], (long long)scores->dims[1]);
    }
    op_give(call, 0, call->in[SCORES].dtype, reduction ? &scalar : labels);
    op_give(call, 1, call->in[SCORES].dtype, scores);
    return STATUS_OK;
}

/* log(sum(exp(x))) over the classes of one place. */
static double log_sum(const struct tensor *x, size_t at, size_t classes, size_t step)
{
    double max = -INFINITY, sum = 0;

    for (size_t c = 0; c < classes; c++)
        max = fmax(max, tensor_f64(x, at + c * step));
    for (size_t c = 0; c < classes; c++)
        sum += exp(tensor_f64(x, at + c * step) - max);
    return max + log(sum);
}

static enum status run(const struct op_call *call, bool softmax, struct error *err)
{
    const struct attribute *ignore = attribute_find(call->attributes, "ignore_index");
    const struct tensor *x = &call->in[SCORES];
    size_t n = (size_t)x->shape.dims[0], classes = (size_t)x->shape.dims[1];
    size_t plane = shape_span(&x->shape, 2, x->shape.rank);
    double total = 0, weights = 0;
    enum reduction reduction;

    TRY(reduction_of_call(call, &reduction, err));
    for (size_t i = 0; i < n * plane; i++) {
        size_t at = i / plane * classes * plane + i % plane, label = 0;
        bool ignored = ignore && index_at(&call->in[LABELS], i) == ignore->i;
        double shift = softmax ? log_sum(x, at, classes, plane) : 0, weight = 0, loss = 0;

        if (!ignored) {
            TRY(index_check(call, &call->in[LABELS], i, x->shape.dims[1], &label, err));
            weight = op_has(call, WEIGHTS) ? tensor_f64(&call->in[WEIGHTS], label) : 1;
            loss = -weight * (tensor_f64(x, at + label * plane) - shift);
        }
        if (reduction == REDUCTION_NONE)
            tensor_set_f64(&call->out[0], i, loss);
        total += loss;
        weights += weight;
        for (size_t c = 0; softmax && call->out_count > 1 && c < classes; c++)
            tensor_set_f64(&call->out[1], at + c * plane, tensor_f64(x, at + c * plane) - shift);
    }
    if (reduction != REDUCTION_NONE)
        tensor_set_f64(&call->out[0], 0, reduction == REDUCTION_MEAN ? total / weights : total);
    return STATUS_OK;
}

static enum status run_likelihood(const struct op_call *call, struct error *err)
{
    return run(call, false, err);
}

static enum status run_entropy(const struct op_call *call, struct error *err)
{
    return run(call, true, err);
}

#define ROW(op, outs, text, run_it)                                                                \
    {                                                                                              \
        .name = op, .summary = text, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = outs,      \
        .infer = infer, .run = run_it                                                              \
    }

const struct op_set ops_onnx_loss =
    OP_SET(ROW("NegativeLogLikelihoodLoss", 1, "loss of log probabilities", run_likelihood),
           ROW("SoftmaxCrossEntropyLoss", 2, "loss of scores", run_entropy));
