// SPDX-License-Identifier: Apache-2.0
/* NeighbourImpute: what is missing (NaN) from the nearest training rows that have it
 * (sklearn/impute/_knn.py, KNNImputer).
 *
 * Inputs: x (n, w), data (w, m): the training rows as columns; both double. Attributes:
 *   neighbours  how many give their value, at most
 *   weighted    1: a value counts as the inverse of its row's distance; those at 0 alone, if any
 * Output: (n, w) double. A column without any training value stays NaN.
 *
 * The distance is Euclidean over the columns that both rows have, times the share of those; the
 * framework takes it from products, so that rows at the border that rounding may exchange are told
 * apart by nobody: UNSUPPORTED names the row, unless they have one value. */
#include <float.h>
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/ml/nearest.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *data = &call->in[1].shape;

    for (size_t i = 0; i < 2; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_rank(call, i, 2, 2, err));
    }
    if (attribute_int(call->attributes, "neighbours", 1) < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "no neighbours");
    if (x->rank == 2 && data->rank == 2 && dim_is_known(x->dims[1]) &&
        dim_is_known(data->dims[0]) && x->dims[1] != data->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns, but %lld were fitted",
                        (long long)x->dims[1], (long long)data->dims[0]);
    return op_infer_same(call, err);
}

struct search {
    const double *data; /* (width, rows) */
    size_t width, rows, neighbours;
    bool weighted;
    double *squares, *values, *heap; /* (rows,) each: distances; those of one column's donors */
    double slack;                    /* of the row at hand */
};

/* Squares of distances; NaN where no column is in both. And how far rounding moves them. */
static void measure(struct search *s, const double *x)
{
    double largest = 0;

    for (size_t j = 0; j < s->rows; j++) {
        double sum = 0, norm = 0;
        size_t both = 0;

        for (size_t f = 0; f < s->width; f++) {
            double y = s->data[f * s->rows + j];

            if (isnan(y) && isnan(x[f]))
                continue;
            norm += isnan(y) ? x[f] * x[f] : isnan(x[f]) ? y * y : x[f] * x[f] + y * y;
            if (isnan(y) || isnan(x[f]))
                continue;
            sum += (x[f] - y) * (x[f] - y);
            both++;
        }
        s->squares[j] = both ? sum / (double)both * (double)s->width : NAN;
        largest = fmax(largest, both ? norm / (double)both * (double)s->width : 0);
    }
    s->slack = 4.0 * (double)(s->width + 8) * DBL_EPSILON * largest;
}

/* The mean of a column: for rows that have no column in common with any that has this one. */
static double column_mean(const double *column, size_t rows)
{
    size_t count = 0;
    double sum = 0;

    for (size_t j = 0; j < rows; j++)
        if (!isnan(column[j])) {
            sum += column[j];
            count++;
        }
    return sum / (double)count;
}

static enum status undecided(const struct op_call *call, size_t row, size_t column,
                             struct error *err)
{
    return op_error(call, err, STATUS_UNSUPPORTED,
                    "row %zu is as far from some training rows as from others, or at one: column "
                    "%zu depends on how the framework rounds",
                    row, column);
}

/* The weighted mean of the donors: inside the border all, at it `left` of equal ones. */
static enum status donate(const struct op_call *call, const struct search *s, size_t row,
                          size_t column, size_t count, double *y, struct error *err)
{
    const double *values = s->data + column * s->rows;
    double border =
        nearest_kth(s->values, count, s->neighbours < count ? s->neighbours : count, s->heap);
    size_t left = s->neighbours < count ? s->neighbours : count, inside = 0, at_border = 0;
    double sum = 0, total = 0, first = NAN;
    bool same = true;

    for (size_t j = 0; j < s->rows; j++) {
        if (isnan(values[j]) || isnan(s->squares[j]))
            continue;
        if (s->weighted && s->squares[j] <= s->slack)
            return undecided(call, row, column, err); /* at 0, or nearly */
        if (s->squares[j] < border - s->slack) {
            inside++;
        } else if (s->squares[j] <= border + s->slack) {
            if (!at_border++)
                first = values[j];
            same = same && values[j] == first;
        }
    }
    left -= inside;
    if (at_border != left && !same)
        return undecided(call, row, column, err);
    for (size_t j = 0; j < s->rows; j++) {
        bool in = s->squares[j] < border - s->slack;
        double weight = s->weighted ? 1 / sqrt(s->squares[j]) : 1;

        if (isnan(values[j]) || isnan(s->squares[j]) || s->squares[j] > border + s->slack ||
            (!in && !left))
            continue;
        left -= !in;
        sum += weight * values[j];
        total += weight;
    }
    *y = sum / total;
    return STATUS_OK;
}

static enum status impute(const struct op_call *call, const struct search *s, size_t row,
                          size_t column, double *y, struct error *err)
{
    const double *values = s->data + column * s->rows;
    size_t donors = 0, count = 0;

    for (size_t j = 0; j < s->rows; j++) {
        donors += !isnan(values[j]);
        if (!isnan(values[j]) && !isnan(s->squares[j]))
            s->values[count++] = s->squares[j];
    }
    *y = NAN;
    if (!donors)
        return STATUS_OK;
    if (!count) {
        *y = column_mean(values, s->rows);
        return STATUS_OK;
    }
    return donate(call, s, row, column, count, y, err);
}

static size_t scratch_size(const struct op_call *call)
{
    return 3 * (size_t)call->in[1].shape.dims[1] * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct search s = {.data = call->in[1].data,
                       .width = (size_t)call->in[1].shape.dims[0],
                       .rows = (size_t)call->in[1].shape.dims[1],
                       .neighbours = (size_t)attribute_int(call->attributes, "neighbours", 1),
                       .weighted = attribute_int(call->attributes, "weighted", 0) != 0,
                       .squares = call->scratch};
    const double *x = call->in[0].data;
    double *y = call->out[0].data;

    s.values = s.squares + s.rows;
    s.heap = s.values + s.rows;
    for (size_t r = 0; r < (size_t)call->in[0].shape.dims[0]; r++, x += s.width, y += s.width) {
        bool measured = false;

        for (size_t f = 0; f < s.width; f++) {
            y[f] = x[f];
            if (!isnan(x[f]))
                continue;
            if (!measured)
                measure(&s, x);
            measured = true;
            TRY(impute(call, &s, r, f, &y[f], err));
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_neighbour_impute =
    OP_SET({.name = "NeighbourImpute",
            .summary = "what is missing from the nearest training rows that have it",
            .flags = OP_ROWS,
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
