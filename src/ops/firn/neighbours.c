// SPDX-License-Identifier: Apache-2.0
/* NearestNeighbours: what the nearest rows of a training set say of each row
 * (sklearn/neighbors: KNeighbors- and RadiusNeighborsClassifier and -Regressor).
 *
 * Inputs: x (n, w), data (w, m): the training rows as columns, targets (m, t); all double.
 * Attributes:
 *   neighbours  how many count (1 ... m); with `radius` (FLOAT) all up to that distance, if any
 *   empty       of a row without neighbours: 0 an error, 1 NaN for means, no votes, the label c
 *   metric      0 Euclidean, 1 Manhattan, 2 Chebyshev, 3 Minkowski of exponent `power`
 *   weighted    1: a neighbour counts as the inverse of its distance; those at 0 alone, if any
 *   rounded     1: the framework took distances from products (|x|^2 - 2 x y + |y|^2)
 *   classes     0: means of the targets (n, t). c: targets (m, 1) are classes 0 ... c - 1
 *   labels      1: the class with most votes, the first of several (n,) int64; else the shares of
 *               votes (n, c)
 *
 * Rows that are equally near up to rounding, at the border of those that count: the framework's
 * choice among them hangs on its search and its threads. Where the answer depends on that choice
 * there is none: UNSUPPORTED names the row. So it is of a row that is as far as the radius, but
 * where both are exact. */
#include <math.h>
#include <string.h>

#include "ops/kernels/call.h"
#include "ops/kernels/ml/nearest.h"

enum { CLASSES_MAX = 100000 };

struct rule { /* the attributes, and the sizes */
    struct nearest search;
    size_t targets, neighbours, classes;
    bool weighted, labels, empty;
    double radius; /* negative: none */
};

static struct rule rule_of(const struct op_call *call)
{
    const struct attributes *a = call->attributes;
    const struct shape *data = &call->in[1].shape, *targets = &call->in[2].shape;

    return (struct rule){
        .search = nearest_of(call->attributes, data),
        .targets = targets->rank == 2 ? (size_t)targets->dims[1] : 0,
        .neighbours = (size_t)attribute_int(a, "neighbours", 1),
        .classes = (size_t)attribute_int(a, "classes", 0),
        .weighted = attribute_int(a, "weighted", 0) != 0,
        .labels = attribute_int(a, "labels", 0) != 0,
        .empty = attribute_int(a, "empty", 0) != 0,
        .radius = attribute_float(a, "radius", -1),
    };
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *data = &call->in[1].shape;
    const struct shape *targets = &call->in[2].shape;
    struct shape out;
    struct rule rule;
    int64_t n, width;

    for (size_t i = 0; i < 3; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_rank(call, i, 2, 2, err));
    }
    rule = rule_of(call);
    if (rule.neighbours < 1 || rule.classes > CLASSES_MAX || !nearest_is_valid(&rule.search) ||
        (rule.labels && !rule.classes) ||
        (rule.radius >= 0 && rule.weighted && rule.search.rounded))
        return op_error(call, err, STATUS_INVALID_INPUT, "the attributes do not fit");
    if (shape_is_known(data) && shape_is_known(targets)) {
        if (data->dims[1] != targets->dims[0] || rule.neighbours > rule.search.rows ||
            rule.targets < 1 || (rule.classes && rule.targets != 1))
            return op_error(call, err, STATUS_INVALID_INPUT, "data and targets do not fit");
        if (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != data->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns, but %lld were fitted",
                            (long long)x->dims[1], (long long)data->dims[0]);
    }
    n = x->rank == 2 ? x->dims[0] : DIM_UNKNOWN;
    width = rule.classes ? (int64_t)rule.classes : targets->rank == 2 ? targets->dims[1] : -1;
    out = rule.labels ? SHAPE(n) : SHAPE(n, width);
    op_give(call, 0, rule.labels ? DTYPE_I64 : DTYPE_F64, &out);
    return STATUS_OK;
}

/* --- one row --- */

struct row { /* distances and who counts */
    const struct rule *rule;
    const double *distance, *targets;
    double border;    /* distance of the last one that counts */
    double slack;     /* distances this near each other may be ordered otherwise */
    size_t inside;    /* how many are nearer than the border beyond doubt */
    size_t at_border; /* and how many may be the last ones */
    double zero;      /* weighted: up to here a distance is 0; negative: none is */
};

static enum status classes_check(const struct op_call *call, const struct rule *rule,
                                 struct error *err)
{
    const double *classes = call->in[2].data;

    for (size_t j = 0; rule->classes && j < rule->search.rows; j++)
        if (!(classes[j] >= 0 && classes[j] < (double)rule->classes))
            return op_error(call, err, STATUS_INVALID_INPUT, "training row %zu has class %g of %zu",
                            j, classes[j], rule->classes);
    return STATUS_OK;
}

static bool is_inside(const struct row *row, size_t j)
{
    return row->distance[j] < row->border - row->slack;
}

static bool is_at_border(const struct row *row, size_t j)
{
    return !is_inside(row, j) && row->distance[j] <= row->border + row->slack;
}

static double weight_of(const struct row *row, size_t j)
{
    if (!row->rule->weighted)
        return 1;
    if (row->zero >= 0)
        return row->distance[j] <= row->zero ? 1 : 0;
    return 1 / nearest_true(&row->rule->search, row->distance[j]);
}

/* Do all at the border have one target, so that it does not matter which of them count? */
static bool border_agrees(const struct row *row)
{
    size_t width = row->rule->targets;
    const double *first = NULL;

    if (row->inside + row->at_border == row->rule->neighbours)
        return true;
    for (size_t j = 0; j < row->rule->search.rows; j++) {
        const double *target = row->targets + j * width;
        if (!is_at_border(row, j))
            continue;
        if (first && memcmp(first, target, width * sizeof *target) != 0)
            return false;
        first = target;
    }
    return true;
}

static enum status undecided(const struct op_call *call, size_t r, struct error *err)
{
    return op_error(
        call, err, STATUS_UNSUPPORTED,
        "row %zu is as far from some training rows as from others, or at one: the answer "
        "depends on how the framework rounds and searches",
        r);
}

/* Distances that are 0: of products rounding may make 0 of what is not, and the reverse, so that
 * weights are not known; only a label may be certain all the same. */
static enum status find_zero(const struct op_call *call, struct row *row, size_t r,
                             struct error *err)
{
    double limit = row->rule->search.rounded ? row->slack : 0;
    size_t first = SIZE_MAX, width = row->rule->targets;

    row->zero = -1;
    if (!row->rule->weighted)
        return STATUS_OK;
    for (size_t j = 0; j < row->rule->search.rows; j++) {
        if (row->distance[j] > limit)
            continue;
        row->zero = limit;
        if (row->rule->search.rounded && !row->rule->labels)
            return undecided(call, r, err);
        if (first == SIZE_MAX)
            first = j;
        else if (row->rule->search.rounded &&
                 memcmp(row->targets + first * width, row->targets + j * width,
                        width * sizeof *row->targets) != 0)
            return undecided(call, r, err);
    }
    return STATUS_OK;
}

/* Votes for each class: those that are certain, and those that are possible. */
static double count_votes(const struct row *row, double *certain, double *possible)
{
    const struct rule *rule = row->rule;
    size_t left = rule->neighbours - row->inside;
    bool agrees = border_agrees(row);
    double total = 0;

    memset(certain, 0, rule->classes * sizeof *certain);
    memset(possible, 0, rule->classes * sizeof *possible);
    for (size_t j = 0; j < rule->search.rows; j++) {
        size_t class = (size_t)row->targets[j];
        bool border = is_at_border(row, j);

        if (!is_inside(row, j) && !border)
            continue;
        if (!border || (agrees && left)) {
            certain[class] += weight_of(row, j);
            total += weight_of(row, j);
            left -= border;
        } else if (!agrees) {
            possible[class] += weight_of(row, j);
        }
    }
    for (size_t c = 0; c < rule->classes; c++) {
        double most = (double)left * weight_of(row, 0);
        if (!rule->weighted && possible[c] > most)
            possible[c] = most;
        possible[c] += certain[c];
    }
    return agrees ? total : -1;
}

/* The class that has most votes whichever of the border count; -1: that is not certain. */
static int64_t winner(const struct rule *rule, const double *certain, const double *possible)
{
    size_t best = 0;

    for (size_t c = 1; c < rule->classes; c++)
        if (certain[c] > certain[best])
            best = c;
    for (size_t c = 0; c < rule->classes; c++) {
        double margin = rule->weighted ? 1e-12 * certain[best] : 0;
        bool earlier = c < best || rule->weighted;
        if (c != best &&
            (earlier ? possible[c] >= certain[best] - margin : possible[c] > certain[best]))
            return -1;
    }
    return (int64_t)best;
}

static enum status vote(const struct op_call *call, const struct row *row, size_t r,
                        double *scratch, struct error *err)
{
    const struct rule *rule = row->rule;
    double *certain = scratch, *possible = scratch + rule->classes;
    double total = count_votes(row, certain, possible);

    if (rule->labels) {
        int64_t best = winner(rule, certain, possible);

        ((int64_t *)call->out[0].data)[r] = best;
        return best < 0 ? undecided(call, r, err) : STATUS_OK;
    }
    if (total < 0)
        return undecided(call, r, err);
    for (size_t c = 0; c < rule->classes; c++)
        ((double *)call->out[0].data)[r * rule->classes + c] = certain[c] / total;
    return STATUS_OK;
}

static enum status average(const struct op_call *call, const struct row *row, size_t r,
                           struct error *err)
{
    const struct rule *rule = row->rule;
    double *out = (double *)call->out[0].data + r * rule->targets, total = 0;
    size_t left = rule->neighbours - row->inside;

    if (!border_agrees(row))
        return undecided(call, r, err);
    memset(out, 0, rule->targets * sizeof *out);
    for (size_t j = 0; j < rule->search.rows; j++) {
        bool border = is_at_border(row, j);

        if (!is_inside(row, j) && !(border && left))
            continue;
        left -= border;
        total += weight_of(row, j);
        for (size_t t = 0; t < rule->targets; t++)
            out[t] += weight_of(row, j) * row->targets[j * rule->targets + t];
    }
    for (size_t t = 0; t < rule->targets; t++)
        out[t] /= total;
    return STATUS_OK;
}

/* The k nearest. */
static void nearest_find(struct row *row, const double *x, double *heap)
{
    const struct rule *rule = row->rule;

    row->border = nearest_kth(row->distance, rule->search.rows, rule->neighbours, heap);
    row->slack = nearest_slack(&rule->search, x, row->border);
    for (size_t j = 0; j < rule->search.rows; j++) {
        row->inside += is_inside(row, j);
        row->at_border += is_at_border(row, j);
    }
}

/* Those up to the radius: all are inside. */
static enum status within_find(const struct op_call *call, struct row *row, const double *x,
                               size_t r, struct error *err)
{
    const struct rule *rule = row->rule;
    double border = nearest_reduced(&rule->search, rule->radius);
    double slack = nearest_slack(&rule->search, x, border);
    bool exact = !rule->search.rounded && (rule->search.metric == METRIC_MANHATTAN ||
                                           rule->search.metric == METRIC_CHEBYSHEV ||
                                           (rule->search.metric == METRIC_EUCLIDEAN &&
                                            fma(rule->radius, rule->radius, -border) == 0));

    row->border = nextafter(border, INFINITY);
    for (size_t j = 0; j < rule->search.rows; j++) {
        if (fabs(row->distance[j] - border) <= slack && !(exact && row->distance[j] == border))
            return undecided(call, r, err);
        row->inside += is_inside(row, j);
    }
    if (!row->inside && !rule->empty)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "no training row is within the radius of row %zu", r);
    return STATUS_OK;
}

static void answer_nothing(const struct op_call *call, const struct rule *rule, size_t r)
{
    size_t width = rule->classes ? rule->classes : rule->targets;
    double *out = (double *)call->out[0].data + r * width;

    if (rule->labels)
        ((int64_t *)call->out[0].data)[r] = (int64_t)rule->classes;
    for (size_t i = 0; !rule->labels && i < width; i++)
        out[i] = rule->classes ? 0 : NAN;
}

static enum status answer(const struct op_call *call, struct row *row, size_t r, double *scratch,
                          struct error *err)
{
    struct rule rule = *row->rule;

    if (rule.radius >= 0)
        rule.neighbours = row->inside;
    row->rule = &rule;
    TRY(find_zero(call, row, r, err));
    return rule.classes ? vote(call, row, r, scratch, err) : average(call, row, r, err);
}

static size_t scratch_size(const struct op_call *call)
{
    struct rule rule = rule_of(call);

    return (rule.search.rows + rule.neighbours + 2 * rule.classes) * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct rule rule = rule_of(call);
    const double *x = call->in[0].data, *data = call->in[1].data;
    double *distance = call->scratch, *heap = distance + rule.search.rows;

    nearest_measure(&rule.search, data);
    TRY(classes_check(call, &rule, err));
    for (size_t r = 0; r < (size_t)call->in[0].shape.dims[0]; r++, x += rule.search.width) {
        struct row row = {.rule = &rule, .distance = distance, .targets = call->in[2].data};

        nearest_distances(&rule.search, x, distance);
        if (rule.radius >= 0)
            TRY(within_find(call, &row, x, r, err));
        else
            nearest_find(&row, x, heap);
        if (rule.radius >= 0 && !row.inside)
            answer_nothing(call, &rule, r);
        else
            TRY(answer(call, &row, r, heap + rule.neighbours, err));
    }
    return STATUS_OK;
}

const struct op_set ops_firn_neighbours =
    OP_SET({.name = "NearestNeighbours",
            .summary = "what the nearest training rows say: votes, labels, means",
            .flags = OP_ROWS,
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
