// SPDX-License-Identifier: Apache-2.0
/* Splines: each column as the values of B-splines there (sklearn/preprocessing/_polynomial.py,
 * SplineTransformer; de Boor, "A Practical Guide to Splines").
 *
 * Input: x (n, w) double. Attributes:
 *   knots          tensor (w, t) double, each row ascending
 *   degree         of the splines, 0 to 16
 *   columns        splines of a column; the last `degree` of t - degree - 1 fold onto the first
 *                  ones where there are fewer (periodic)
 *   extrapolation  0 an error, 1 constant, 2 linear, 3 continue, 4 periodic
 *   drop_last      1: without the last spline of each column
 *   zeros          1: NaN gives zeros
 * Output: (n, w (columns - drop_last)) double. */
#include <math.h>
#include <string.h>

#include "ops/kernels/call.h"

enum { DEGREE_MAX = 16 };
enum { EXTRAPOLATE_ERROR, CONSTANT, LINEAR, CONTINUE, PERIODIC };

struct rule {
    size_t width, knots, degree, columns, kept;
    int64_t extrapolation;
    bool zeros;
};

static struct rule rule_of(const struct op_call *call)
{
    const struct attributes *a = call->attributes;
    const struct tensor *knots = attribute_tensor(a, "knots");
    struct rule rule = {.width = (size_t)knots->shape.dims[0],
                        .knots = (size_t)knots->shape.dims[1],
                        .degree = (size_t)attribute_int(a, "degree", 3),
                        .columns = (size_t)attribute_int(a, "columns", 0),
                        .extrapolation = attribute_int(a, "extrapolation", 0),
                        .zeros = attribute_int(a, "zeros", 0) != 0};

    rule.kept = rule.columns - (attribute_int(a, "drop_last", 0) != 0);
    return rule;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    const struct tensor *knots = attribute_tensor(call->attributes, "knots");
    int64_t degree = attribute_int(call->attributes, "degree", 3);
    int64_t columns = attribute_int(call->attributes, "columns", 0), own;
    struct rule rule;
    struct shape out;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    if (!knots || knots->dtype != DTYPE_F64 || knots->shape.rank != 2 || degree < 0 ||
        degree > DEGREE_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "knots or degree do not fit");
    rule = rule_of(call);
    own = knots->shape.dims[1] - degree - 1;
    if (own < degree + 1 || columns < 1 ||
        columns != (rule.extrapolation == PERIODIC ? own - degree : own) ||
        rule.extrapolation < 0 || rule.extrapolation > PERIODIC)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns of %lld knots",
                        (long long)columns, (long long)knots->shape.dims[1]);
    if (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != knots->shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns, but %lld were fitted",
                        (long long)x->dims[1], (long long)knots->shape.dims[0]);
    out = SHAPE(x->rank == 2 ? x->dims[0] : DIM_UNKNOWN, (int64_t)(rule.width * rule.kept));
    op_give(call, 0, DTYPE_F64, &out);
    return STATUS_OK;
}

/* The last i in [degree, knots - degree - 2] with t[i] <= x, or the first. */
static size_t interval_of(const struct rule *rule, const double *t, double x)
{
    size_t low = rule->degree, high = rule->knots - rule->degree - 1;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (t[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The `degree` + 1 splines that are not 0 between t[at] and t[at + 1]. */
static void basis(const double *t, size_t at, size_t degree, double x, double *b)
{
    double before[DEGREE_MAX + 1];

    b[0] = 1;
    for (size_t j = 1; j <= degree; j++) {
        memcpy(before, b, j * sizeof *b);
        b[0] = 0;
        for (size_t n = 1; n <= j; n++) {
            double right = t[at + n], left = t[at + n - j], share;

            if (right == left) {
                b[n] = 0;
                continue;
            }
            share = before[n - 1] / (right - left);
            b[n - 1] += share * (right - x);
            b[n] = share * (x - left);
        }
    }
}

/* Their slopes, for degree > 0. */
static void slopes(const double *t, size_t at, size_t degree, double x, double *b)
{
    double lower[DEGREE_MAX + 1];

    basis(t, at, degree - 1, x, lower);
    b[0] = 0;
    for (size_t n = 1; n <= degree; n++) {
        double width = t[at + n] - t[at + n - degree];
        double share = width == 0 ? 0 : (double)degree * lower[n - 1] / width;

        b[n - 1] -= share;
        b[n] = share;
    }
}

static void put(const struct rule *rule, size_t at, const double *b, double *row)
{
    memset(row, 0, rule->columns * sizeof *row);
    for (size_t n = 0; n <= rule->degree; n++)
        row[(at - rule->degree + n) % rule->columns] += b[n];
}

/* Beyond `end` as a straight line. */
static void put_line(const struct rule *rule, const double *t, double end, double x, double *row)
{
    size_t at = interval_of(rule, t, end);
    double b[DEGREE_MAX + 1], slope[DEGREE_MAX + 1];

    basis(t, at, rule->degree, end, b);
    slopes(t, at, rule->degree, end, slope);
    for (size_t n = 0; n <= rule->degree; n++)
        b[n] += (x - end) * slope[n];
    put(rule, at, b, row);
}

static enum status column_write(const struct op_call *call, const struct rule *rule, size_t c,
                                size_t r, double x, double *row, struct error *err)
{
    const double *t = (const double *)attribute_tensor(call->attributes, "knots")->data;
    double b[DEGREE_MAX + 1], first, last;
    size_t at;

    t += c * rule->knots;
    first = t[rule->degree];
    last = t[rule->knots - rule->degree - 1];
    if (isnan(x) && rule->zeros) {
        memset(row, 0, rule->columns * sizeof *row);
        return STATUS_OK;
    }
    if (rule->extrapolation == PERIODIC) {
        double length = last - first, rest = length > 0 ? fmod(x - first, length) : 0;

        if (rest < 0) /* as Python's % */
            rest += length;
        x = length > 0 ? first + rest : 0;
    } else if (!(x >= first && x <= last) && rule->extrapolation != CONTINUE) {
        double end = x < first ? first : last;

        if (rule->extrapolation == EXTRAPOLATE_ERROR || isnan(x))
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "row %zu, column %zu: %.17g is beyond the knots (%.17g to %.17g)", r, c,
                            x, first, last);
        if (rule->extrapolation == LINEAR) {
            put_line(rule, t, end, x, row);
            return STATUS_OK;
        }
        x = end;
    }
    at = interval_of(rule, t, x);
    basis(t, at, rule->degree, x, b);
    put(rule, at, b, row);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return rule_of(call).columns * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct rule rule = rule_of(call);
    const double *x = call->in[0].data;
    double *out = call->out[0].data, *row = call->scratch;

    for (size_t r = 0; r < (size_t)call->in[0].shape.dims[0]; r++)
        for (size_t c = 0; c < rule.width; c++, out += rule.kept) {
            TRY(column_write(call, &rule, c, r, *x++, row, err));
            memcpy(out, row, rule.kept * sizeof *row);
        }
    return STATUS_OK;
}

const struct op_set ops_firn_splines = OP_SET({.name = "Splines",
                                               .summary = "columns as values of B-splines",
                                               .flags = OP_ROWS,
                                               .in_min = 1,
                                               .in_max = 1,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .scratch_size = scratch_size,
                                               .run = run});
