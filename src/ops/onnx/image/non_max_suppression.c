// SPDX-License-Identifier: Apache-2.0
/* NonMaxSuppression: the best boxes of each class that do not overlap a better one too much. */
#include <math.h>
#include <stdlib.h>

#include "ops/kernels/call.h"

enum { BOXES, SCORES, LIMIT, OVERLAP, SCORE };

struct suppression {
    const float *boxes, *scores;   /* (items, boxes, 4), (items, classes, boxes) */
    int64_t items, classes, count; /* count: boxes */
    int64_t limit;                 /* per class */
    float overlap, score;
    bool has_score, centred;
};

/* Low and high corners. */
static void corners(const struct suppression *s, const float *box, float low[2], float high[2])
{
    for (int i = 0; i < 2; i++) {
        if (s->centred) {
            low[i] = box[i] - box[i + 2] / 2;
            high[i] = box[i] + box[i + 2] / 2;
        } else {
            low[i] = fminf(box[i], box[i + 2]);
            high[i] = fmaxf(box[i], box[i + 2]);
        }
    }
}

static bool overlaps(const struct suppression *s, const float *a, const float *b)
{
    float a_low[2], a_high[2], b_low[2], b_high[2], common = 1, a_area = 1, b_area = 1, both;

    corners(s, a, a_low, a_high);
    corners(s, b, b_low, b_high);
    for (int i = 0; i < 2; i++) {
        float side = fminf(a_high[i], b_high[i]) - fmaxf(a_low[i], b_low[i]);

        if (!(side > 0))
            return false;
        common *= side;
        a_area *= a_high[i] - a_low[i];
        b_area *= b_high[i] - b_low[i];
    }
    both = a_area + b_area - common;
    if (!(common > 0 && a_area > 0 && b_area > 0 && both > 0))
        return false;
    return common / both > s->overlap;
}

/* Is box a to be taken before b? */
static bool is_before(const float *scores, int64_t a, int64_t b)
{
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
}

static void sink(const float *scores, int64_t *heap, size_t at, size_t count)
{
    int64_t moved = heap[at];
    size_t child;

    for (; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && is_before(scores, heap[child + 1], heap[child]);
        if (!is_before(scores, heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* The boxes of one class that are kept, at the front of `kept`; both arrays have room for all. */
static size_t select_boxes(const struct suppression *s, int64_t item, int64_t class, int64_t *heap,
                           int64_t *kept)
{
    const float *boxes = s->boxes + item * s->count * 4;
    const float *scores = s->scores + (item * s->classes + class) * s->count;
    size_t left = 0, count = 0;

    for (int64_t i = 0; i < s->count; i++)
        if (!isnan(scores[i]) && (!s->has_score || scores[i] > s->score))
            heap[left++] = i;
    for (size_t i = left / 2; i--;)
        sink(scores, heap, i, left);
    while (left && (int64_t)count < s->limit) {
        int64_t best = heap[0];
        bool keep = true;

        heap[0] = heap[--left];
        if (left)
            sink(scores, heap, 0, left);
        for (size_t k = 0; k < count && keep; k++)
            keep = !overlaps(s, boxes + best * 4, boxes + kept[k] * 4);
        if (keep)
            kept[count++] = best;
    }
    return count;
}

static enum status check_scalar(const struct op_call *call, size_t input, enum dtype dtype,
                                struct error *err)
{
    if (!op_has(call, input))
        return STATUS_OK;
    TRY(op_wants(call, input, DTYPE_BIT(dtype), err));
    if (shape_is_known(&call->in[input].shape) && tensor_count(&call->in[input]) > 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is not one number", input);
    return STATUS_OK;
}

static enum status check(const struct op_call *call, struct error *err)
{
    const struct shape *boxes = &call->in[BOXES].shape, *scores = &call->in[SCORES].shape;

    TRY(op_wants(call, BOXES, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants(call, SCORES, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, BOXES, 3, 3, err));
    TRY(op_wants_rank(call, SCORES, 3, 3, err));
    TRY(check_scalar(call, LIMIT, DTYPE_I64, err));
    TRY(check_scalar(call, OVERLAP, DTYPE_F32, err));
    TRY(check_scalar(call, SCORE, DTYPE_F32, err));
    if (boxes->rank == 3 && dim_is_known(boxes->dims[2]) && boxes->dims[2] != 4)
        return op_error(call, err, STATUS_INVALID_INPUT, "boxes of %lld numbers, not 4",
                        (long long)boxes->dims[2]);
    if (shape_is_known(boxes) && shape_is_known(scores) &&
        (boxes->dims[0] != scores->dims[0] || boxes->dims[1] != scores->dims[2]))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "boxes of %lld items, %lld each; scores of %lld, %lld each",
                        (long long)boxes->dims[0], (long long)boxes->dims[1],
                        (long long)scores->dims[0], (long long)scores->dims[2]);
    return STATUS_OK;
}

static bool has_value(const struct op_call *call, size_t input)
{
    return op_has(call, input) && tensor_count(&call->in[input]) == 1;
}

static void suppression_of(const struct op_call *call, struct suppression *s)
{
    *s = (struct suppression){
        .boxes = call->in[BOXES].data,
        .scores = call->in[SCORES].data,
        .items = call->in[BOXES].shape.dims[0],
        .classes = call->in[SCORES].shape.dims[1],
        .count = call->in[BOXES].shape.dims[1],
        .limit = has_value(call, LIMIT) ? tensor_i64(&call->in[LIMIT], 0) : 0,
        .overlap = has_value(call, OVERLAP) ? *(const float *)call->in[OVERLAP].data : 0,
        .has_score = has_value(call, SCORE),
        .centred = attribute_int(call->attributes, "center_point_box", 0) == 1,
    };
    if (s->has_score)
        s->score = *(const float *)call->in[SCORE].data;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, 3}};
    bool known = true;

    TRY(check(call, err));
    for (size_t i = 0; i < call->in_count; i++)
        known = known && (!op_has(call, i) || op_is_known(call, i));
    if (known) {
        struct suppression s;
        int64_t *room;

        suppression_of(call, &s);
        room = calloc((size_t)s.count + 1, 2 * sizeof *room);
        if (!room)
            return op_error(call, err, STATUS_NO_MEMORY, "for %lld boxes", (long long)s.count);
        out.dims[0] = 0;
        for (int64_t i = 0; i < s.items && s.count; i++)
            for (int64_t c = 0; c < s.classes; c++)
                out.dims[0] += (int64_t)select_boxes(&s, i, c, room, room + s.count);
        free(room);
    }
    op_give(call, 0, DTYPE_I64, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return (size_t)call->in[BOXES].shape.dims[1] * 2 * sizeof(int64_t);
}

static enum status run(const struct op_call *call, struct error *err)
{
    int64_t *y = call->out[0].data, *room = call->scratch;
    struct suppression s;

    (void)err;
    suppression_of(call, &s);
    for (int64_t i = 0; i < s.items && s.count; i++)
        for (int64_t c = 0; c < s.classes; c++) {
            size_t count = select_boxes(&s, i, c, room, room + s.count);

            for (size_t k = 0; k < count; k++, y += 3) {
                y[0] = i;
                y[1] = c;
                y[2] = room[(size_t)s.count + k];
            }
        }
    return STATUS_OK;
}

const struct op_set ops_onnx_non_max_suppression =
    OP_SET({.name = "NonMaxSuppression",
            .summary = "the best boxes that do not overlap",
            .flags = OP_OPTIONAL_GAPS,
            .in_min = 2,
            .in_max = 5,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
