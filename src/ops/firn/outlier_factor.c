// SPDX-License-Identifier: Apache-2.0
/* OutlierFactor: how much thinner the training rows lie around a row than around its neighbours,
 * negated (sklearn/neighbors/_lof.py, LocalOutlierFactor.score_samples).
 *
 * Inputs: x (n, w), data (w, m): the training rows as columns, known (2, m): each training row's
 * distance to its last neighbour, and its density; all double. Attributes: neighbours, metric,
 * power, rounded, as NearestNeighbours has them. Output: (n,) double.
 *
 * Of rows at the border that rounding may exchange nobody knows which count: UNSUPPORTED names the
 * row, unless they are of one kind. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/ml/nearest.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *data = &call->in[1].shape;
    const struct shape *known = &call->in[2].shape;
    int64_t neighbours = attribute_int(call->attributes, "neighbours", 1);
    struct nearest search = nearest_of(call->attributes, data);
    struct shape out;

    for (size_t i = 0; i < 3; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_rank(call, i, 2, 2, err));
    }
    if (!nearest_is_valid(&search) || neighbours < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "the attributes do not fit");
    if (shape_is_known(data) && shape_is_known(known) &&
        (known->dims[0] != 2 || known->dims[1] != data->dims[1] || neighbours > data->dims[1]))
        return op_error(call, err, STATUS_INVALID_INPUT, "data and what is known do not fit");
    if (x->rank == 2 && data->rank == 2 && dim_is_known(x->dims[1]) &&
        dim_is_known(data->dims[0]) && x->dims[1] != data->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns, but %lld were fitted",
                        (long long)x->dims[1], (long long)data->dims[0]);
    out = SHAPE(x->rank == 2 ? x->dims[0] : DIM_UNKNOWN);
    op_give(call, 0, DTYPE_F64, &out);
    return STATUS_OK;
}

/* The neighbours' mean density and mean reachable distance, of one row. */
static enum status score(const struct op_call *call, const struct nearest *search, size_t r,
                         const double *distance, double border, double slack, double *y,
                         struct error *err)
{
    const double *reach = call->in[2].data, *density = reach + search->rows;
    size_t neighbours = (size_t)attribute_int(call->attributes, "neighbours", 1);
    size_t inside = 0, at_border = 0, left, first = 0;
    double densities = 0, distances = 0;
    bool same = true;

    for (size_t j = 0; j < search->rows; j++) {
        if (distance[j] < border - slack) {
            inside++;
        } else if (distance[j] <= border + slack) {
            if (!at_border++)
                first = j;
            same = same && reach[j] == reach[first] && density[j] == density[first];
        }
    }
    left = neighbours - inside;
    if (left != at_border && !same)
        return op_error(call, err, STATUS_UNSUPPORTED,
                        "row %zu is as far from some training rows as from others: the answer "
                        "depends on how the framework rounds and searches",
                        r);
    for (size_t j = 0; j < search->rows; j++) {
        bool in = distance[j] < border - slack;

        if (distance[j] > border + slack || (!in && !left))
            continue;
        left -= !in;
        densities += density[j];
        distances += fmax(nearest_true(search, distance[j]), reach[j]);
    }
    *y = -(densities / (double)neighbours) * (distances / (double)neighbours + 1e-10);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return ((size_t)call->in[1].shape.dims[1] +
            (size_t)attribute_int(call->attributes, "neighbours", 1)) *
           sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct nearest search = nearest_of(call->attributes, &call->in[1].shape);
    size_t neighbours = (size_t)attribute_int(call->attributes, "neighbours", 1);
    double *distance = call->scratch, *heap = distance + search.rows;
    const double *x = call->in[0].data;

    nearest_measure(&search, call->in[1].data);
    for (size_t r = 0; r < (size_t)call->in[0].shape.dims[0]; r++, x += search.width) {
        double border;

        nearest_distances(&search, x, distance);
        border = nearest_kth(distance, search.rows, neighbours, heap);
        TRY(score(call, &search, r, distance, border, nearest_slack(&search, x, border),
                  (double *)call->out[0].data + r, err));
    }
    return STATUS_OK;
}

const struct op_set ops_firn_outlier_factor =
    OP_SET({.name = "OutlierFactor",
            .summary = "how thinly training rows lie around, against their neighbours",
            .flags = OP_ROWS,
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
