// SPDX-License-Identifier: Apache-2.0
/* FakeQuantise: x rounded to what an integer of `bits` between min and max would hold.
 *
 * x float, min and max float, () or (C,) for each element of the last dimension. Attributes: bits,
 * narrow (the lowest integer is 1), divides (steps are found by division, not by a product with the
 * reciprocal: the results differ where x lies half way between two).
 * Source: tensorflow/core/kernels/fake_quant_ops_functor.h. */
#include <math.h>

#include "ops/kernels/call.h"

enum { X, LOW, HIGH };

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[X].shape;
    int64_t bits = attribute_int(call->attributes, "bits", 8);

    for (size_t i = X; i <= HIGH; i++)
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
    if (bits < 2 || bits > 16)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld bits", (long long)bits);
    for (size_t i = LOW; i <= HIGH; i++) {
        const struct shape *limit = &call->in[i].shape;

        TRY(op_wants_rank(call, i, 0, 1, err));
        if (limit->rank != 1)
            continue;
        TRY(op_wants_rank(call, X, 1, RANK_MAX, err));
        if (x->rank > 0 && dim_is_known(limit->dims[0]) && dim_is_known(x->dims[x->rank - 1]) &&
            limit->dims[0] != x->dims[x->rank - 1])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld limits for %lld channels",
                            (long long)limit->dims[0], (long long)x->dims[x->rank - 1]);
    }
    op_give(call, 0, DTYPE_F32, x);
    return STATUS_OK;
}

struct steps {
    float low, high, scale, per_unit, zero; /* the range, moved so that zero is a step */
    bool nothing;                           /* the range is empty: all is zero */
    bool divides;
};

static void steps_of(struct steps *s, float low, float high, float least, float most, bool divides)
{
    float zero;

    *s = (struct steps){.nothing = low == 0 && high == 0, .divides = divides};
    if (s->nothing)
        return;
    s->scale = (high - low) / (most - least);
    s->per_unit = (most - least) / (high - low);
    zero = least - low / s->scale;
    zero = zero < least ? least : zero > most ? most : roundf(zero);
    s->low = (least - zero) * s->scale;
    s->high = (most - zero) * s->scale;
    s->zero = floorf((divides ? -s->low / s->scale : -s->low * s->per_unit) + 0.5f);
}

static float stepped(const struct steps *s, float x)
{
    float at;

    if (s->nothing || isnan(x))
        return s->nothing ? 0 : x;
    x = x < s->high ? x : s->high;
    x = x > s->low ? x : s->low;
    at = s->divides ? (x - s->low) / s->scale : (x - s->low) * s->per_unit;
    return floorf(at - s->zero + 0.5f) * s->scale;
}

static enum status run(const struct op_call *call, struct error *err)
{
    int64_t bits = attribute_int(call->attributes, "bits", 8);
    float least = attribute_int(call->attributes, "narrow", 0) ? 1 : 0;
    float most = (float)((INT64_C(1) << bits) - 1);
    bool divides = attribute_int(call->attributes, "divides", 0);
    size_t count = tensor_count(&call->in[X]), channels;
    bool low_each = call->in[LOW].shape.rank == 1, high_each = call->in[HIGH].shape.rank == 1;
    const float *x = call->in[X].data;
    float *y = call->out[0].data;
    struct steps s;

    (void)err;
    channels = low_each    ? tensor_count(&call->in[LOW])
               : high_each ? tensor_count(&call->in[HIGH])
                           : 1;
    for (size_t c = 0; c < channels && count; c++) {
        steps_of(&s, ((const float *)call->in[LOW].data)[low_each ? c : 0],
                 ((const float *)call->in[HIGH].data)[high_each ? c : 0], least, most, divides);
        for (size_t i = c; i < count; i += channels)
            y[i] = stepped(&s, x[i]);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_fake_quantise =
    OP_SET({.name = "FakeQuantise",
            .summary = "rounded to what a small integer would hold",
            .flags = OP_INPLACE,
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
