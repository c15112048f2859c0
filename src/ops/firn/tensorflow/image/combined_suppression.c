// SPDX-License-Identifier: Apache-2.0
/* CombinedBoxSuppression: the best boxes of all classes of each image, as TensorFlow's
 * CombinedNonMaxSuppression.
 *
 * boxes (N, B, q, 4) with q 1 or the number of classes, scores (N, B, classes), most of a class (),
 * most of all () int32, threshold of the overlap (), threshold of the score () float ->
 * boxes (N, k, 4), scores (N, k), classes (N, k) float, valid (N,) int32. k is the most of all;
 * with the attribute pad_per_class no more than the classes can give. Attribute clip: to [0, 1].
 *
 * Boxes of equal scores come in the order in which the heap of the C++ library that TensorFlow is
 * built with leaves them. Source: core/kernels/image/non_max_suppression_op.cc. */
#include <math.h>

#include "ops/firn/tensorflow/image/overlap.h"
#include "ops/kernels/call.h"
#include "ops/kernels/order.h"

enum { BOXES, SCORES, MOST_CLASS, MOST_ALL, OVERLAP, SCORE };

struct candidate {
    float score;
    int32_t index;
};

struct result {
    float score;
    int32_t class;
    const float *box; /* NULL: none */
};

struct suppression {
    int64_t items, count, q, classes, per_class, most, made;
    float overlap, score;
    bool clip;
    struct candidate *heap;
    int64_t *selected;
    struct result *results; /* (classes, per_class) */
    size_t *room;           /* (2, classes, per_class) */
    const size_t *order;    /* of results */
};

/* --- std::priority_queue: push_heap and pop_heap of a maximum heap --- */

static void heap_rise(struct candidate *heap, size_t at, size_t top, struct candidate value)
{
    while (at > top && heap[(at - 1) / 2].score < value.score) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = value;
}

static struct candidate heap_pop(struct candidate *heap, size_t *count)
{
    struct candidate best = heap[0], value = heap[--*count];
    size_t at = 0, child = 0, n = *count;

    if (!n)
        return best;
    while (n > 1 && child < (n - 1) / 2) {
        child = 2 * child + 2;
        if (heap[child].score < heap[child - 1].score)
            child--;
        heap[at] = heap[child];
        at = child;
    }
    if (n % 2 == 0 && child == (n - 2) / 2) {
        child = 2 * child + 1;
        heap[at] = heap[child];
        at = child;
    }
    heap_rise(heap, at, 0, value);
    return best;
}

/* --- one class of one image --- */

static const float *box_of(const struct suppression *s, const float *boxes, int64_t index,
                           int64_t class)
{
    return boxes + (index * s->q + (s->q > 1 ? class : 0)) * 4;
}

static void select_class(struct suppression *s, const float *boxes, const float *scores,
                         int64_t class)
{
    size_t count = 0;
    int64_t kept = 0;

    for (int64_t i = 0; i < s->count; i++) {
        struct candidate one = {scores[i * s->classes + class], (int32_t)i};

        if (one.score > s->score)
            heap_rise(s->heap, count++, 0, one);
    }
    while (kept < s->per_class && count) {
        struct candidate next = heap_pop(s->heap, &count);
        const float *box = box_of(s, boxes, next.index, class);
        bool out = false;

        for (int64_t j = kept; j-- && !out;)
            out = overlap_of(box, box_of(s, boxes, s->selected[j], class)) > s->overlap;
        if (out)
            continue;
        s->results[class * s->per_class + kept] = (struct result){next.score, (int32_t) class, box};
        s->selected[kept++] = next.index;
    }
}

/* By score, the best first. */
static int compare(const void *elements, size_t a, size_t b)
{
    const struct result *results = elements;

    return (results[a].score < results[b].score) - (results[a].score > results[b].score);
}

/* --- the operator --- */

static size_t room_for(const struct suppression *s)
{
    return (size_t)s->count * (sizeof(struct candidate) + sizeof(int64_t)) +
           (size_t)(s->per_class * s->classes) * (sizeof(struct result) + 2 * sizeof(size_t)) + 64;
}

static enum status suppression_of(const struct op_call *call, struct suppression *s,
                                  struct error *err)
{
    const struct shape *boxes = &call->in[BOXES].shape;
    int64_t most_class = tensor_i64(&call->in[MOST_CLASS], 0), limit;

    *s = (struct suppression){
        .items = boxes->dims[0],
        .count = boxes->dims[1],
        .q = boxes->dims[2],
        .classes = call->in[SCORES].shape.dims[2],
        .most = tensor_i64(&call->in[MOST_ALL], 0),
        .clip = attribute_int(call->attributes, "clip", 1),
    };
    if (most_class < 1 || s->most < 1 || s->most > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld boxes of a class, %lld of all",
                        (long long)most_class, (long long)s->most);
    s->per_class = most_class < s->count ? most_class : s->count;
    limit = most_class * s->classes;
    limit = limit > INT32_MAX ? INT32_MAX : limit;
    s->made =
        attribute_int(call->attributes, "pad_per_class", 0) && limit < s->most ? limit : s->most;
    return STATUS_OK;
}

static enum status check(const struct op_call *call, struct error *err)
{
    const struct shape *boxes = &call->in[BOXES].shape, *scores = &call->in[SCORES].shape;

    for (size_t i = 0; i <= SCORE; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(i == MOST_CLASS || i == MOST_ALL ? DTYPE_I32 : DTYPE_F32),
                     err));
        TRY(op_wants_rank(call, i,
                          i == BOXES    ? 4
                          : i == SCORES ? 3
                                        : 0,
                          i == BOXES    ? 4
                          : i == SCORES ? 3
                                        : 0,
                          err));
    }
    if (!shape_is_known(boxes) || !shape_is_known(scores))
        return STATUS_OK;
    if (boxes->dims[0] != scores->dims[0] || boxes->dims[1] != scores->dims[1] ||
        boxes->dims[3] != 4 || (boxes->dims[2] != 1 && boxes->dims[2] != scores->dims[2]))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "boxes of %lld by %lld by %lld by %lld for scores of %lld by %lld by %lld",
                        (long long)boxes->dims[0], (long long)boxes->dims[1],
                        (long long)boxes->dims[2], (long long)boxes->dims[3],
                        (long long)scores->dims[0], (long long)scores->dims[1],
                        (long long)scores->dims[2]);
    if (boxes->dims[1] > 1 << 24 || scores->dims[2] > 1 << 24)
        return op_error(call, err, STATUS_TOO_LARGE, "%lld boxes of %lld classes",
                        (long long)boxes->dims[1], (long long)scores->dims[2]);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *boxes = &call->in[BOXES].shape;
    int64_t made = DIM_UNKNOWN, items = boxes->rank == 4 ? boxes->dims[0] : DIM_UNKNOWN;
    struct suppression s;
    struct shape out;

    TRY(check(call, err));
    if (op_is_known(call, MOST_CLASS) && op_is_known(call, MOST_ALL) && shape_is_known(boxes) &&
        shape_is_known(&call->in[SCORES].shape)) {
        TRY(suppression_of(call, &s, err));
        made = s.made;
    } else if (op_is_known(call, MOST_ALL) &&
               !attribute_int(call->attributes, "pad_per_class", 0)) {
        made = tensor_i64(&call->in[MOST_ALL], 0);
        if (made < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld boxes of all", (long long)made);
    }
    out = SHAPE(items, made, 4);
    op_give(call, 0, DTYPE_F32, &out);
    out.rank = 2;
    op_give(call, 1, DTYPE_F32, &out);
    op_give(call, 2, DTYPE_F32, &out);
    out.rank = 1;
    op_give(call, 3, DTYPE_I32, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct suppression s;

    /* a request may ask for any number of a class: room for all boxes */
    s = (struct suppression){.count = call->in[BOXES].shape.dims[1],
                             .classes = call->in[SCORES].shape.dims[2]};
    s.per_class = s.count;
    if (call->in[MOST_CLASS].data && call->in[MOST_ALL].data &&
        suppression_of(call, &s, &ignored) != STATUS_OK)
        return 0;
    return room_for(&s);
}

static float clipped(const struct suppression *s, float x)
{
    if (!s->clip)
        return x;
    x = x < 1 ? x : 1;
    return x > 0 ? x : 0;
}

static void give_item(const struct op_call *call, const struct suppression *s, size_t n)
{
    size_t limit = (size_t)(s->per_class * s->classes), valid = 0;

    for (int64_t k = 0; k < s->made; k++) {
        const struct result *result = (size_t)k < limit ? &s->results[s->order[k]] : NULL;
        bool is_one = result && result->box;
        size_t at = n * (size_t)s->made + (size_t)k;

        valid += is_one;
        for (size_t i = 0; i < 4; i++)
            ((float *)call->out[0].data)[4 * at + i] = is_one ? clipped(s, result->box[i]) : 0;
        if (call->out_count > 1)
            ((float *)call->out[1].data)[at] = is_one ? result->score : 0;
        if (call->out_count > 2)
            ((float *)call->out[2].data)[at] = is_one ? (float)result->class : 0;
    }
    if (call->out_count > 3)
        ((int32_t *)call->out[3].data)[n] = (int32_t)valid;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const float *boxes = call->in[BOXES].data, *scores = call->in[SCORES].data;
    struct suppression s;
    size_t limit;

    TRY(suppression_of(call, &s, err));
    s.overlap = *(const float *)call->in[OVERLAP].data;
    s.score = *(const float *)call->in[SCORE].data;
    if (!(s.overlap >= 0 && s.overlap <= 1) || isnan(s.score))
        return op_error(call, err, STATUS_INVALID_INPUT, "thresholds of %g and %g",
                        (double)s.overlap, (double)s.score);
    limit = (size_t)(s.per_class * s.classes);
    s.results = call->scratch;
    s.room = (size_t *)(s.results + limit);
    s.selected = (int64_t *)(s.room + 2 * limit);
    s.heap = (struct candidate *)(s.selected + s.count);
    for (size_t n = 0; n < (size_t)s.items; n++) {
        for (size_t i = 0; i < limit; i++)
            s.results[i] = (struct result){-INFINITY, -1, NULL};
        for (int64_t class = 0; class < s.classes; class ++)
            select_class(&s, boxes + (int64_t)n * s.count * s.q * 4,
                         scores + (int64_t)n * s.count * s.classes, class);
        s.order = order_places(s.room, limit, compare, s.results);
        give_item(call, &s, n);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_combined_suppression =
    OP_SET({.name = "CombinedBoxSuppression",
            .summary = "the best boxes of all classes, as TensorFlow",
            .in_min = 6,
            .in_max = 6,
            .out_min = 1,
            .out_max = 4,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
