// SPDX-License-Identifier: Apache-2.0
/* PairwiseCoupling: probabilities of classes from the scores of all pairs of them, libsvm's
 * svm_predict_probability.
 *
 * Input: (n, pairs) double, the pairs in the order (0,1) (0,2) .. (1,2) ..; above zero speaks for
 * the first. Attributes: a, b tensors (pairs,) double: the first of a pair has the probability
 * 1 / (1 + exp(a score + b)); classes. Output: (n, classes) double. */
#include "ops/kernels/call.h"
#include "ops/kernels/ml/coupling.h"

enum { CLASSES_MAX = 1024 /* the square of it is scratch */ };

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    const struct tensor *a = attribute_tensor(call->attributes, "a");
    const struct tensor *b = attribute_tensor(call->attributes, "b");
    int64_t classes = attribute_int(call->attributes, "classes", 0), pairs;
    struct shape out;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    if (classes < 2 || classes > CLASSES_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld classes", (long long)classes);
    pairs = classes * (classes - 1) / 2;
    if (!a || !b || a->dtype != DTYPE_F64 || b->dtype != DTYPE_F64 ||
        tensor_count(a) != (size_t)pairs || tensor_count(b) != (size_t)pairs ||
        (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != pairs))
        return op_error(call, err, STATUS_INVALID_INPUT, "a, b or scores are not for %lld pairs",
                        (long long)pairs);
    out = SHAPE(x->rank == 2 ? x->dims[0] : DIM_UNKNOWN, classes);
    op_give(call, 0, DTYPE_F64, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return coupling_room((size_t)attribute_int(call->attributes, "classes", 0)) * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const double *a = attribute_tensor(call->attributes, "a")->data;
    const double *b = attribute_tensor(call->attributes, "b")->data;
    size_t classes = (size_t)attribute_int(call->attributes, "classes", 0);
    size_t rows = (size_t)call->in[0].shape.dims[0], pairs = classes * (classes - 1) / 2;
    const double *scores = call->in[0].data;
    double *p = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < rows; i++)
        coupling_probabilities(classes, scores + i * pairs, a, b, p + i * classes, call->scratch);
    return STATUS_OK;
}

const struct op_set ops_firn_pairwise_coupling =
    OP_SET({.name = "PairwiseCoupling",
            .summary = "probabilities of classes from scores of pairs",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
