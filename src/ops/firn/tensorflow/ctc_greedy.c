// SPDX-License-Identifier: Apache-2.0
/* CtcGreedy: the best class of each step, without blanks and repetitions, as TensorFlow's
 * CTCGreedyDecoder.
 *
 * x (time, batch, classes) float or double, lengths (batch,) int32 -> a sparse matrix: indices
 * (n, 2), values (n,), shape (2,) int64; and what all steps together score, negated (batch, 1).
 * Attributes: blank (from the end when negative), merge.
 * Source: tensorflow/core/kernels/ctc_decoder_ops.cc. */
#include "ops/kernels/call.h"

enum { X, LENGTHS };

struct decoder {
    size_t time, batch, classes;
    int64_t blank;
    bool merge;
};

static enum status check(const struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[X].shape, *lengths = &call->in[LENGTHS].shape;

    TRY(op_wants(call, X, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants(call, LENGTHS, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants_rank(call, X, 3, 3, err));
    TRY(op_wants_rank(call, LENGTHS, 1, 1, err));
    if (x->rank == 3 && lengths->rank == 1 && dim_is_known(x->dims[1]) &&
        dim_is_known(lengths->dims[0]) && x->dims[1] != lengths->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld lengths for a batch of %lld",
                        (long long)lengths->dims[0], (long long)x->dims[1]);
    return STATUS_OK;
}

static enum status decoder_of(const struct op_call *call, struct decoder *d, struct error *err)
{
    const struct shape *x = &call->in[X].shape;

    *d = (struct decoder){
        .time = (size_t)x->dims[0],
        .batch = (size_t)x->dims[1],
        .classes = (size_t)x->dims[2],
        .blank = attribute_int(call->attributes, "blank", -1),
        .merge = attribute_int(call->attributes, "merge", 0),
    };
    if (d->blank < 0)
        d->blank += x->dims[2];
    if (d->blank < 0 || d->blank >= x->dims[2])
        return op_error(call, err, STATUS_INVALID_INPUT, "class %lld of %lld is the blank",
                        (long long)d->blank, (long long)x->dims[2]);
    for (size_t b = 0; b < d->batch; b++) {
        int32_t length = ((const int32_t *)call->in[LENGTHS].data)[b];

        if (length < 0 || (size_t)length > d->time)
            return op_error(call, err, STATUS_INVALID_INPUT, "length %d of %zu steps", (int)length,
                            d->time);
    }
    return STATUS_OK;
}

/* The classes of an item; `classes` may be NULL. Their number; *score as the last output. */
static size_t decode(const struct op_call *call, const struct decoder *d, size_t b,
                     int64_t *classes, double *score)
{
    size_t steps = (size_t)((const int32_t *)call->in[LENGTHS].data)[b], count = 0;
    int64_t before = -1;

    *score = 0;
    for (size_t t = 0; t < steps; t++) {
        size_t row = (t * d->batch + b) * d->classes;
        double best = tensor_f64(&call->in[X], row);
        int64_t class = 0;

        for (size_t c = 1; c < d->classes; c++) {
            double value = tensor_f64(&call->in[X], row + c);

            if (value > best) {
                best = value;
                class = (int64_t)c;
            }
        }
        *score -= best;
        if (class != d->blank && !(d->merge && class == before)) {
            if (classes)
                classes[count] = class;
            count++;
        }
        before = class;
    }
    return count;
}

static enum status infer(struct op_call *call, struct error *err)
{
    int64_t batch = call->in[X].shape.rank == 3 ? call->in[X].shape.dims[1] : DIM_UNKNOWN;
    int64_t count = DIM_UNKNOWN;
    struct decoder d;
    struct shape out;
    double ignored;

    TRY(check(call, err));
    if (op_is_known(call, X) && op_is_known(call, LENGTHS)) {
        TRY(decoder_of(call, &d, err));
        count = 0;
        for (size_t b = 0; b < d.batch; b++)
            count += (int64_t)decode(call, &d, b, NULL, &ignored);
    }
    out = SHAPE(count, 2);
    op_give(call, 0, DTYPE_I64, &out);
    out.rank = 1;
    op_give(call, 1, DTYPE_I64, &out);
    out = SHAPE(2);
    op_give(call, 2, DTYPE_I64, &out);
    out = SHAPE(batch, 1);
    op_give(call, 3, call->in[X].dtype, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return (size_t)call->in[X].shape.dims[0] * sizeof(int64_t);
}

static enum status run(const struct op_call *call, struct error *err)
{
    int64_t *classes = call->scratch, longest = 0;
    size_t room = (size_t)call->out[0].shape.dims[0], done = 0;
    struct decoder d;

    TRY(decoder_of(call, &d, err));
    for (size_t b = 0; b < d.batch; b++) {
        double score;
        size_t count = decode(call, &d, b, classes, &score);

        longest = (int64_t)count > longest ? (int64_t)count : longest;
        for (size_t i = 0; i < count && done < room; i++, done++) {
            ((int64_t *)call->out[0].data)[2 * done] = (int64_t)b;
            ((int64_t *)call->out[0].data)[2 * done + 1] = (int64_t)i;
            if (call->out_count > 1)
                ((int64_t *)call->out[1].data)[done] = classes[i];
        }
        if (call->out_count > 3)
            tensor_set_f64(&call->out[3], b, score);
    }
    if (call->out_count > 2) {
        ((int64_t *)call->out[2].data)[0] = (int64_t)d.batch;
        ((int64_t *)call->out[2].data)[1] = longest;
    }
    return STATUS_OK;
}

const struct op_set ops_firn_ctc_greedy =
    OP_SET({.name = "CtcGreedy",
            .summary = "the best class of each step, without blanks and repetitions",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 4,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
