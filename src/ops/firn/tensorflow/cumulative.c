// SPDX-License-Identifier: Apache-2.0
/* Cumulative: what the elements of an axis make up to each one.
 *
 * Inputs: x, the axis (scalar). Attributes: function (sum, prod, log_sum_exp), exclusive: without
 * the element itself, reverse: from the end. */
#include <complex.h>
#include <math.h>

#include "ops/kernels/call.h"

#define DTYPES_COMPLEX (DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))

enum kind { SUM, PROD, LOG_SUM_EXP };

static enum status kind_of(const struct op_call *call, enum kind *kind, struct error *err)
{
    static const char *const NAMES[] = {"sum", "prod", "log_sum_exp"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (attribute_is(call->attributes, "function", NAMES[i])) {
            *kind = (enum kind)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "the function is not known");
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    enum kind kind;
    int64_t axis;
    int at;

    TRY(kind_of(call, &kind, err));
    TRY(op_wants(call, 0, kind == LOG_SUM_EXP ? DTYPES_FLOAT : DTYPES_NUMBER | DTYPES_COMPLEX,
                 err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 0, 1, err));
    if (op_is_known(call, 1) && x->rank >= 0) {
        TRY(op_input_i64(call, 1, &axis, err));
        TRY(op_axis(call, axis, x->rank, &at, err));
    }
    op_give(call, 0, call->in[0].dtype, x);
    return STATUS_OK;
}

/* One line of n elements, `step` apart; each writes what it is after the one before. */
struct line {
    const struct tensor *x;
    struct tensor *y;
    size_t start, step, n;
    enum kind kind;
    bool exclusive, reverse;
};

static size_t place(const struct line *l, size_t i)
{
    return l->start + (l->reverse ? l->n - 1 - i : i) * l->step;
}

/* log(exp(sum) + exp(x)). As TensorFlow compares, an x that is NaN counts as the sum itself. */
static double log_add(double sum, double x)
{
    double low = x < sum ? x : sum, high = sum < x ? x : sum;

    return high == -INFINITY ? high : high + log1p(exp(low - high));
}

static void run_floats(const struct line *l)
{
    double sum = l->kind == SUM ? 0 : l->kind == PROD ? 1 : -INFINITY;

    for (size_t i = 0; i < l->n; i++) {
        double v = tensor_f64(l->x, place(l, i)), before = sum;

        sum = l->kind == SUM ? sum + v : l->kind == PROD ? sum * v : log_add(sum, v);
        tensor_set_f64(l->y, place(l, i), l->exclusive ? before : sum);
    }
}

static void run_integers(const struct line *l)
{
    uint64_t sum = l->kind == PROD;
    size_t size = dtype_size(l->x->dtype);

    for (size_t i = 0; i < l->n; i++) {
        uint64_t v = (uint64_t)tensor_i64(l->x, place(l, i)), before = sum;

        sum = l->kind == SUM ? sum + v : sum * v;
        before = l->exclusive ? before : sum; /* little endian: the low bytes come first */
        memcpy((char *)l->y->data + place(l, i) * size, &before, size);
    }
}

static void run_complex(const struct line *l)
{
    double complex sum = l->kind == PROD;
    bool single = l->x->dtype == DTYPE_C64;

    for (size_t i = 0; i < l->n; i++) {
        size_t at = place(l, i);
        double complex v = single ? ((const float complex *)l->x->data)[at]
                                  : ((const double complex *)l->x->data)[at];
        double complex before = sum;

        sum = l->kind == SUM ? sum + v : sum * v;
        before = l->exclusive ? before : sum;
        if (single)
            ((float complex *)l->y->data)[at] = (float complex)before;
        else
            ((double complex *)l->y->data)[at] = before;
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct line l = {.x = x,
                     .y = &call->out[0],
                     .exclusive = attribute_int(call->attributes, "exclusive", 0),
                     .reverse = attribute_int(call->attributes, "reverse", 0)};
    size_t outer;
    int64_t axis;
    int at;

    TRY(kind_of(call, &l.kind, err));
    TRY(op_input_i64(call, 1, &axis, err));
    TRY(op_axis(call, axis, x->shape.rank, &at, err));
    outer = shape_span(&x->shape, 0, at);
    l.n = (size_t)x->shape.dims[at];
    l.step = shape_span(&x->shape, at + 1, x->shape.rank);
    for (size_t o = 0; o < outer && l.n; o++)
        for (size_t i = 0; i < l.step; i++) {
            l.start = o * l.n * l.step + i;
            if (dtype_kind(x->dtype) == KIND_COMPLEX)
                run_complex(&l);
            else if (dtype_is_float(x->dtype))
                run_floats(&l);
            else
                run_integers(&l);
        }
    return STATUS_OK;
}

const struct op_set ops_firn_cumulative =
    OP_SET({.name = "Cumulative",
            .summary = "sums, products or logarithms of sums along an axis",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
