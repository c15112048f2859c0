// SPDX-License-Identifier: Apache-2.0
/* keras.ops that tell of many numbers: means with weights, medians and quantiles, reductions that
 * leave out what is no number, differences, places among sorted numbers, sums of segments. */
#include <math.h>

#include "base/text.h"
#include "importers/keras/internal.h"

/* The sum of x times weights over the sum of weights, which are as x or lie along the axis. */
static enum status average(struct call *c, struct error *err)
{
    struct operand weights;
    value_id x, w, shape, y;
    int64_t axis, axes[RANK_MAX];
    size_t count;
    int rank, own;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(value_floats(c, &x, err));
    TRY(operand_read(c, 1, "weights", &weights, err));
    TRY(option_ints(c, 2, "axis", axes, RANK_MAX, &count, err));
    if (count != 1)
        return error_set(err, STATUS_UNSUPPORTED, "a mean over %zu axes", count);
    axis = axes[0];
    TRY(axis_within(&axis, rank, err));
    if (!weights.given) {
        TRY(emit_reduce(c->e, "ReduceMean", x, &axis, 1, false, &y, err));
        return call_give(c, y);
    }
    TRY(operand_value(c, &weights, emit_dtype(c->e, x), &w, err));
    own = emit_shape(c->e, w)->rank;
    if (own != 1 && own != rank)
        return error_set(err, STATUS_UNSUPPORTED, "weights of %d dimensions", own);
    for (int64_t d = axis + 1; own == 1 && d < rank; d++)
        TRY(emit_unsqueeze(c->e, w, -1, &w, err));
    TRY(emit_1(c->e, "Shape", x, &shape, err));
    TRY(emit_2(c->e, "Expand", w, shape, &w, err));
    TRY(emit_2(c->e, "Mul", x, w, &x, err));
    TRY(emit_reduce(c->e, "ReduceSum", x, &axis, 1, false, &y, err));
    TRY(emit_reduce(c->e, "ReduceSum", w, &axis, 1, false, &w, err));
    TRY(emit_2(c->e, "Div", y, w, &y, err));
    return call_give(c, y);
}

/* --- quantiles --- */

struct quantile {
    double at; /* 0 ... 1 */
    struct bytes method;
    bool keep;
};

/* x with the axes as one, the last; *size numbers along it. `kept`: the shape with ones there. */
static enum status axes_last(struct call *c, const int64_t *axes, size_t count, value_id *x,
                             int64_t *size, struct error *err)
{
    const struct shape shape = *emit_shape(c->e, *x);
    int64_t perm[RANK_MAX], dims[RANK_MAX] = {0};
    size_t kept = 0, at;

    *size = 1;
    for (int d = 0; d < shape.rank; d++) {
        bool is_axis = false;

        for (size_t i = 0; i < count; i++)
            is_axis = is_axis || axes[i] == d;
        if (!is_axis)
            perm[kept++] = d;
    }
    at = kept;
    for (size_t i = 0; i < count; i++) {
        if (shape.dims[axes[i]] < 1 || at == RANK_MAX || shape.dims[axes[i]] > 1 << 20)
            return error_set(err, STATUS_UNSUPPORTED, "the size along its axis is not known");
        *size *= shape.dims[axes[i]];
        perm[at++] = axes[i];
        if (*size > 1 << 24)
            return error_set(err, STATUS_UNSUPPORTED, "more numbers along its axes than sorted");
    }
    TRY(emit_transpose(c->e, *x, perm, at, x, err));
    dims[kept] = *size;
    return emit_reshape(c->e, *x, dims, kept + 1, x, err);
}

/* numpy's methods: how far between the two neighbours. */
static enum status between(const struct quantile *q, int64_t size, int64_t *low, double *part,
                           struct error *err)
{
    double place = q->at * (double)(size - 1), whole = floor(place);

    *part = place - whole;
    if (bytes_is(q->method, "lower"))
        *part = 0;
    else if (bytes_is(q->method, "higher"))
        *part = *part > 0;
    else if (bytes_is(q->method, "midpoint"))
        *part = *part > 0 ? 0.5 : 0;
    else if (bytes_is(q->method, "nearest"))
        *part = nearbyint(place) - whole;
    else if (!bytes_is(q->method, "linear"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'method' is not supported");
    *low = (int64_t)whole;
    return STATUS_OK;
}

/* One of several that are no numbers makes the whole no number. */
static enum status quantile_emit(struct call *c, const struct quantile *q, const int64_t *axes,
                                 size_t count, value_id x, value_id *y, struct error *err)
{
    struct attribute largest = attribute_of_int("largest", 0);
    value_id in[2], sorted[2], low, high, factor, nan, none;
    int64_t size, at = 0, last;
    double part = 0;

    TRY(axes_last(c, axes, count, &x, &size, err));
    last = emit_shape(c->e, x)->rank - 1;
    TRY(between(q, size, &at, &part, err));
    in[0] = x;
    TRY(EMIT_INTS(c->e, &in[1], err, size));
    TRY(emit(c->e, "", "TopK", in, 2, &largest, 1, sorted, 2, err));
    TRY(emit_slice(c->e, sorted[0], last, at, at + 1, 1, &low, err));
    *y = low;
    if (part > 0) {
        TRY(emit_slice(c->e, sorted[0], last, at + 1, at + 2, 1, &high, err));
        TRY(emit_number(c->e, emit_dtype(c->e, x), 1 - part, &factor, err));
        TRY(emit_2(c->e, "Mul", low, factor, &low, err));
        TRY(emit_number(c->e, emit_dtype(c->e, x), part, &factor, err));
        TRY(emit_2(c->e, "Mul", high, factor, &high, err));
        TRY(emit_2(c->e, "Add", low, high, y, err));
    }
    TRY(emit_1(c->e, "IsNaN", x, &nan, err));
    TRY(emit_cast(c->e, nan, DTYPE_I32, &nan, err));
    TRY(emit_reduce(c->e, "ReduceMax", nan, &last, 1, true, &nan, err));
    TRY(emit_cast(c->e, nan, DTYPE_BOOL, &nan, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), NAN, &none, err));
    TRY(emit_where(c->e, nan, none, *y, y, err));
    TRY(emit_squeeze(c->e, *y, last, y, err));
    for (int d = 0; q->keep && d <= last + (int64_t)count - 1; d++)
        for (size_t i = 0; i < count; i++)
            if (axes[i] == d)
                TRY(emit_unsqueeze(c->e, *y, d, y, err));
    return STATUS_OK;
}

static enum status quantile(struct call *c, struct error *err)
{
    struct quantile q = {.at = 0.5, .method = bytes_of("linear")};
    int64_t axes[RANK_MAX];
    struct operand given;
    size_t count;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(value_floats(c, &x, err));
    q.keep = option_bool(c, SIZE_MAX, "keepdims", false);
    if (!call_is(c, "Median")) {
        TRY(operand_read(c, 1, "q", &given, err));
        if (!given.given || !given.weak)
            return error_set(err, STATUS_UNSUPPORTED, "its 'q' is no number");
        q.at = number_single(call_is(c, "Percentile") ? given.number / 100 : given.number);
        json_string(operand_option(c, SIZE_MAX, "method"), &q.method);
    }
    if (!(q.at >= 0 && q.at <= 1))
        return error_set(err, STATUS_INVALID_INPUT, "a quantile out of range");
    TRY(option_ints(c, SIZE_MAX, "axis", axes, RANK_MAX, &count, err));
    if (!count)
        return error_set(err, STATUS_UNSUPPORTED, "has no axis");
    for (size_t i = 0; i < count; i++)
        TRY(axis_within(&axes[i], rank, err));
    TRY(quantile_emit(c, &q, axes, count, x, &y, err));
    return call_give(c, y);
}

/* --- what is no number counts for nothing --- */

struct without {
    value_id x, counts; /* x with `instead` where it is no number; 1 where it is one, else 0 */
    int64_t axes[RANK_MAX];
    size_t count;
    bool keep;
};

static enum status without_read(struct call *c, double instead, struct without *w,
                                struct error *err)
{
    value_id is, number;
    int rank;

    TRY(operand_ranked(c, &w->x, &rank, err));
    TRY(value_floats(c, &w->x, err));
    w->keep = option_bool(c, SIZE_MAX, "keepdims", false);
    TRY(option_ints(c, SIZE_MAX, "axis", w->axes, RANK_MAX, &w->count, err));
    for (size_t i = 0; i < w->count; i++)
        TRY(axis_within(&w->axes[i], rank, err));
    for (int d = 0; !w->count && d < rank; d++)
        w->axes[d] = d;
    w->count = w->count ? w->count : (size_t)rank;
    TRY(emit_1(c->e, "IsNaN", w->x, &is, err));
    TRY(emit_number(c->e, emit_dtype(c->e, w->x), instead, &number, err));
    TRY(emit_where(c->e, is, number, w->x, &w->x, err));
    TRY(emit_1(c->e, "Not", is, &w->counts, err));
    return emit_cast(c->e, w->counts, emit_dtype(c->e, w->x), &w->counts, err);
}

static enum status nan_reduce(struct call *c, struct error *err)
{
    bool max = call_is(c, "Nanmax"), min = call_is(c, "Nanmin"), prod = call_is(c, "Nanprod");
    value_id y, counts, zero, none;
    struct without w;

    TRY(without_read(c, max ? -HUGE_VAL : min ? HUGE_VAL : prod, &w, err));
    TRY(emit_reduce(c->e,
                    max    ? "ReduceMax"
                    : min  ? "ReduceMin"
                    : prod ? "ReduceProd"
                           : "ReduceSum",
                    w.x, w.axes, w.count, w.keep, &y, err));
    if (!max && !min)
        return call_give(c, y);
    TRY(emit_reduce(c->e, "ReduceSum", w.counts, w.axes, w.count, w.keep, &counts, err));
    TRY(emit_number(c->e, emit_dtype(c->e, y), 0, &zero, err));
    TRY(emit_2(c->e, "Equal", counts, zero, &counts, err));
    TRY(emit_number(c->e, emit_dtype(c->e, y), NAN, &none, err));
    TRY(emit_where(c->e, counts, none, y, &y, err));
    return call_give(c, y);
}

static enum status nan_moments(struct call *c, struct error *err)
{
    value_id sum, counts, wide, mean, y;
    struct without w;

    TRY(without_read(c, 0, &w, err));
    TRY(emit_reduce(c->e, "ReduceSum", w.counts, w.axes, w.count, true, &wide, err));
    TRY(emit_reduce(c->e, "ReduceSum", w.x, w.axes, w.count, true, &sum, err));
    TRY(emit_2(c->e, "Div", sum, wide, &mean, err));
    if (call_is(c, "Nanmean")) {
        y = w.x;
    } else {
        TRY(emit_2(c->e, "Sub", w.x, mean, &y, err));
        TRY(emit_2(c->e, "Mul", y, y, &y, err));
        TRY(emit_2(c->e, "Mul", y, w.counts, &y, err));
    }
    TRY(emit_reduce(c->e, "ReduceSum", y, w.axes, w.count, w.keep, &y, err));
    TRY(emit_reduce(c->e, "ReduceSum", w.counts, w.axes, w.count, w.keep, &counts, err));
    TRY(emit_2(c->e, "Div", y, counts, &y, err));
    if (call_is(c, "Nanstd"))
        TRY(emit_1(c->e, "Sqrt", y, &y, err));
    return call_give(c, y);
}

static enum status range(struct call *c, struct error *err)
{
    bool keep = option_bool(c, SIZE_MAX, "keepdims", false);
    int64_t axes[RANK_MAX];
    value_id x, low, high;
    size_t count;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "axis", axes, RANK_MAX, &count, err));
    for (size_t i = 0; i < count; i++)
        TRY(axis_within(&axes[i], rank, err));
    for (int d = 0; !count && d < rank; d++)
        axes[d] = d;
    count = count ? count : (size_t)rank;
    TRY(emit_reduce(c->e, "ReduceMin", x, axes, count, keep, &low, err));
    TRY(emit_reduce(c->e, "ReduceMax", x, axes, count, keep, &high, err));
    TRY(emit_2(c->e, "Sub", high, low, &x, err));
    return call_give(c, x);
}

/* --- along an axis --- */

static enum status difference(struct call *c, struct error *err)
{
    value_id x, tail, head;
    int64_t axis, n;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "n", 1, &n, err));
    TRY(option_axis(c, 2, -1, rank, &axis, err));
    if (n < 0 || n > 64 || emit_dtype(c->e, x) == DTYPE_BOOL)
        return error_set(err, STATUS_UNSUPPORTED, "%lld differences of %s", (long long)n,
                         dtype_name(emit_dtype(c->e, x)));
    for (int64_t i = 0; i < n; i++) {
        TRY(emit_slice(c->e, x, axis, 1, INT64_MAX, 1, &tail, err));
        TRY(emit_slice(c->e, x, axis, 0, -1, 1, &head, err));
        TRY(emit_2(c->e, "Sub", tail, head, &x, err));
    }
    return call_give(c, x);
}

static enum status cumulative_product(struct call *c, struct error *err)
{
    const struct json *given = operand_option(c, 1, "axis");
    value_id x, list, y;
    int64_t axis;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    if (!given || given->kind == JSON_NULL)
        return error_set(err, STATUS_UNSUPPORTED, "has no axis");
    TRY(option_axis(c, 1, 0, rank, &axis, err));
    TRY(emit_number(c->e, DTYPE_I32, (double)axis, &list, err));
    TRY(emit_node(c->e, "firn", "Cumulative", EMIT(x, list),
                  EMIT_ATTRIBUTES(attribute_of_text("function", "prod")), &y, err));
    return call_give(c, y);
}

/* --- among sorted numbers --- */

/* How many of the bins a number has reached. */
static enum status digitize(struct call *c, struct error *err)
{
    value_id in[2], reached, y;
    struct operand bins;
    int64_t last = -1;

    TRY(operand_read(c, 1, "bins", &bins, err));
    if (!bins.given || bins.weak)
        return error_set(err, STATUS_UNSUPPORTED, "its 'bins' are no list");
    TRY(operand_tensor(c, 0, OPERAND_1, &in[0], err));
    in[1] = bins.value;
    if (emit_shape(c->e, in[1])->rank != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its 'bins' are no list");
    for (int i = 0; i < 2; i++)
        TRY(value_floats(c, &in[i], err));
    TRY(emit_unsqueeze(c->e, in[0], -1, &in[0], err));
    TRY(emit_2(c->e, "GreaterOrEqual", in[0], in[1], &reached, err));
    TRY(emit_cast(c->e, reached, DTYPE_I32, &reached, err));
    TRY(emit_reduce(c->e, "ReduceSum", reached, &last, 1, false, &y, err));
    return call_give(c, y);
}

/* Where numbers would stand in a sorted list; the list first. */
static enum status search_sorted(struct call *c, struct error *err)
{
    struct bytes side = bytes_of("left");
    value_id in[2], y;
    int64_t last = -1;

    TRY(operand_tensor(c, 0, "sorted_sequence", &in[0], err));
    TRY(operand_tensor(c, 1, "values", &in[1], err));
    json_string(operand_option(c, SIZE_MAX, "side"), &side);
    if (emit_shape(c->e, in[0])->rank != 1 || (!bytes_is(side, "left") && !bytes_is(side, "right")))
        return error_set(err, STATUS_UNSUPPORTED, "a sequence of %d dimensions",
                         emit_shape(c->e, in[0])->rank);
    for (int i = 0; i < 2; i++)
        TRY(value_floats(c, &in[i], err));
    TRY(emit_unsqueeze(c->e, in[1], -1, &in[1], err));
    TRY(emit_2(c->e, bytes_is(side, "left") ? "Less" : "LessOrEqual", in[0], in[1], &y, err));
    TRY(emit_cast(c->e, y, DTYPE_I32, &y, err));
    TRY(emit_reduce(c->e, "ReduceSum", y, &last, 1, false, &y, err));
    return call_give(c, y);
}

static enum status in_top_k(struct call *c, struct error *err)
{
    value_id targets, x, count, y;
    int64_t k;

    TRY(operand_tensor(c, 0, "targets", &targets, err));
    TRY(operand_tensor(c, 1, "predictions", &x, err));
    TRY(option_int(c, 2, "k", 1, &k, err));
    TRY(emit_number(c->e, emit_dtype(c->e, targets), (double)k, &count, err));
    TRY(emit_node(c->e, "firn", "InTopK", EMIT(x, targets, count), EMIT_PLAIN, &y, err));
    return call_give(c, y);
}

/* Is it one of the second operand's elements? */
static enum status is_in(struct call *c, struct error *err)
{
    bool invert = option_bool(c, SIZE_MAX, "invert", false);
    value_id in[2], y;
    int64_t last = -1;

    TRY(operands_2(c, in, err));
    option_bool(c, SIZE_MAX, "assume_unique", false);
    TRY(emit_reshape(c->e, in[1], (const int64_t[]){-1}, 1, &in[1], err));
    TRY(emit_unsqueeze(c->e, in[0], -1, &in[0], err));
    TRY(emit_2(c->e, "Equal", in[0], in[1], &y, err));
    TRY(emit_cast(c->e, y, DTYPE_I32, &y, err));
    TRY(emit_reduce(c->e, "ReduceMax", y, &last, 1, false, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_BOOL, &y, err));
    if (invert)
        TRY(emit_1(c->e, "Not", y, &y, err));
    return call_give(c, y);
}

/* --- categories, segments --- */

/* Which of `num_classes` are along the axis. */
static enum status multi_hot(struct call *c, struct error *err)
{
    int64_t classes, axis, across;
    enum dtype dtype;
    value_id x, y;
    int rank;

    TRY(operand_tensor(c, 0, OPERAND_1 " indices", &x, err));
    TRY(option_int(c, 1, "num_classes", 0, &classes, err));
    TRY(option_int(c, 2, "axis", -1, &axis, err));
    TRY(option_dtype(c, 3, "dtype", &dtype, err));
    rank = emit_shape(c->e, x)->rank;
    if (classes < 1 || axis != -1 || rank < 1 || option_bool(c, 4, "sparse", false))
        return error_set(err, STATUS_UNSUPPORTED, "is sparse, or of another axis than the last");
    TRY(emit_cast(c->e, x, DTYPE_I64, &x, err));
    TRY(one_hot_emit(c, x, classes, -1, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, &y, err));
    across = rank > 1 ? 1 : 0;
    TRY(emit_reduce(c->e, "ReduceMax", y, &across, 1, false, &y, err));
    return call_give(c, y);
}

static enum status segment_sum(struct call *c, struct error *err)
{
    value_id data, ids, count, y;
    int64_t segments;

    TRY(operand_tensor(c, 0, "data", &data, err));
    TRY(operand_tensor(c, 1, "segment_ids", &ids, err));
    TRY(option_int(c, 2, "num_segments", 0, &segments, err));
    option_bool(c, 3, "sorted", false);
    if (segments < 1)
        return error_set(err, STATUS_UNSUPPORTED, "segments of no stated number");
    TRY(emit_number(c->e, emit_dtype(c->e, ids), (double)segments, &count, err));
    TRY(emit_node(
        c->e, "firn", "Segment", EMIT(data, ids, count),
        EMIT_ATTRIBUTES(attribute_of_text("reduction", "sum"), attribute_of_int("sorted", 0)), &y,
        err));
    return call_give(c, y);
}

const struct layer_set layers_operation_statistic = OPERATION_SET(
    {.name = "Average", .lower = average}, {.name = "Median", .lower = quantile},
    {.name = "Quantile", .lower = quantile}, {.name = "Percentile", .lower = quantile},
    {.name = "Nansum", .lower = nan_reduce}, {.name = "Nanprod", .lower = nan_reduce},
    {.name = "Nanmax", .lower = nan_reduce}, {.name = "Nanmin", .lower = nan_reduce},
    {.name = "Nanmean", .lower = nan_moments}, {.name = "Nanvar", .lower = nan_moments},
    {.name = "Nanstd", .lower = nan_moments}, {.name = "Ptp", .lower = range},
    {.name = "Diff", .lower = difference}, {.name = "Cumprod", .lower = cumulative_product},
    {.name = "Digitize", .lower = digitize}, {.name = "IsIn", .lower = is_in},
    {.name = "SearchSorted", .lower = search_sorted}, {.name = "InTopK", .lower = in_top_k},
    {.name = "MultiHot", .lower = multi_hot}, {.name = "SegmentSum", .lower = segment_sum}, );
