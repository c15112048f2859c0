// SPDX-License-Identifier: Apache-2.0
/* BoxSuppression: the best boxes of one image that do not overlap a better one too much, as
 * TensorFlow's NonMaxSuppression V1 to V5 and WithOverlaps select them.
 *
 * boxes (n, 4), or overlaps (n, n) with attribute overlaps; scores (n,), most () int, threshold of
 * the overlap, threshold of the score, sigma () of the soft form (0: hard), all of one float type
 * -> indices (k,) int32, scores (k,), valid () int32. Attribute pad: k is `most`, the rest 0.
 * Source: tensorflow/core/kernels/image/non_max_suppression_op.cc. */
#include <math.h>
#include <stdlib.h>

#include "ops/firn/tensorflow/image/overlap.h"
#include "ops/kernels/call.h"

enum { BOXES, SCORES, MOST, OVERLAP, SCORE, SIGMA };

struct candidate {
    double score;
    int64_t index;
    int64_t seen; /* how many of the selected it has been compared with */
};

struct suppression {
    const struct op_call *call;
    int64_t count, most;
    bool are_overlaps, soft;
    double overlap, score, scale;
    struct candidate *heap;
    size_t heap_count;
    int64_t *selected;
    double *scores;
    size_t selected_count;
};

/* A number as the type of the scores holds it. */
static double held(const struct suppression *s, double value)
{
    uint64_t room = 0;
    struct tensor one = {s->call->in[SCORES].dtype, shape_scalar(), &room, NULL};

    tensor_set_f64(&one, 0, value);
    return tensor_f64(&one, 0);
}

/* --- a heap of candidates, the best first; of equal scores the lower index --- */

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->score > b->score || (a->score == b->score && a->index < b->index);
}

static void heap_push(struct suppression *s, struct candidate added)
{
    size_t at = s->heap_count++;

    for (; at && is_before(&added, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = added;
}

static struct candidate heap_pop(struct suppression *s)
{
    struct candidate best = s->heap[0], moved = s->heap[--s->heap_count];
    size_t at = 0, child;

    for (; (child = 2 * at + 1) < s->heap_count; at = child) {
        child += child + 1 < s->heap_count && is_before(&s->heap[child + 1], &s->heap[child]);
        if (!is_before(&s->heap[child], &moved))
            break;
        s->heap[at] = s->heap[child];
    }
    s->heap[at] = moved;
    return best;
}

static float similarity(const struct suppression *s, int64_t a, int64_t b)
{
    const struct tensor *boxes = &s->call->in[BOXES];
    float a_box[4], b_box[4];

    if (s->are_overlaps)
        return (float)tensor_f64(boxes, (size_t)(a * s->count + b));
    for (size_t i = 0; i < 4; i++) {
        a_box[i] = (float)tensor_f64(boxes, (size_t)a * 4 + i);
        b_box[i] = (float)tensor_f64(boxes, (size_t)b * 4 + i);
    }
    return overlap_of(a_box, b_box);
}

/* --- the selection --- */

/* Lower the score of a candidate by those selected that it has not met yet; true: it is out. */
static bool is_suppressed(const struct suppression *s, struct candidate *next)
{
    for (int64_t j = (int64_t)s->selected_count - 1; j >= next->seen; j--) {
        double overlap = held(s, (double)similarity(s, next->index, s->selected[j]));
        double weight = overlap <= s->overlap ? 1 : 0;

        if (s->soft)
            weight = held(s, exp(held(s, held(s, s->scale * overlap) * overlap)));
        next->score = held(s, next->score * weight);
        if (!s->soft && overlap > s->overlap)
            return true;
        if (next->score <= s->score)
            break;
    }
    return false;
}

static void select_boxes(struct suppression *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        double score = tensor_f64(&s->call->in[SCORES], (size_t)i);

        if (score > s->score)
            heap_push(s, (struct candidate){score, i, 0});
    }
    while (s->heap_count && (int64_t)s->selected_count < s->most) {
        struct candidate next = heap_pop(s);
        double before = next.score;
        bool out = is_suppressed(s, &next);

        next.seen = (int64_t)s->selected_count;
        if (out)
            continue;
        if (next.score == before) {
            s->scores[s->selected_count] = next.score;
            s->selected[s->selected_count++] = next.index;
        } else if (next.score > s->score) {
            heap_push(s, next);
        }
    }
}

static size_t room_for(int64_t count)
{
    return (size_t)count * (sizeof(struct candidate) + sizeof(int64_t) + sizeof(double));
}

static enum status suppression_of(const struct op_call *call, char *room, struct suppression *s,
                                  struct error *err)
{
    double sigma = tensor_f64(&call->in[SIGMA], 0);

    *s = (struct suppression){
        .call = call,
        .count = call->in[SCORES].shape.dims[0],
        .most = tensor_i64(&call->in[MOST], 0),
        .are_overlaps = attribute_int(call->attributes, "overlaps", 0),
        .overlap = tensor_f64(&call->in[OVERLAP], 0),
        .score = tensor_f64(&call->in[SCORE], 0),
        .soft = sigma > 0,
    };
    if (s->most < 0 || s->most > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld boxes are asked for",
                        (long long)s->most);
    if (!s->are_overlaps && !(s->overlap >= 0 && s->overlap <= 1))
        return op_error(call, err, STATUS_INVALID_INPUT, "a threshold of overlap of %g",
                        s->overlap);
    if (!(sigma >= 0))
        return op_error(call, err, STATUS_INVALID_INPUT, "a sigma of %g", sigma);
    s->scale = s->soft ? held(s, -0.5 / sigma) : 0;
    s->heap = (struct candidate *)room;
    s->selected = (int64_t *)(s->heap + s->count);
    s->scores = (double *)(s->selected + s->count);
    return STATUS_OK;
}

/* --- the operator --- */

static enum status check(const struct op_call *call, struct error *err)
{
    const struct shape *boxes = &call->in[BOXES].shape, *scores = &call->in[SCORES].shape;
    bool are_overlaps = attribute_int(call->attributes, "overlaps", 0);

    TRY(op_wants(call, BOXES, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, BOXES, SCORES, err));
    TRY(op_wants(call, MOST, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, BOXES, 2, 2, err));
    TRY(op_wants_rank(call, SCORES, 1, 1, err));
    for (size_t i = MOST; i <= SIGMA; i++) {
        TRY(op_wants_rank(call, i, 0, 0, err));
        if (i > MOST)
            TRY(op_wants_same(call, BOXES, i, err));
    }
    if (!shape_is_known(boxes) || !shape_is_known(scores))
        return STATUS_OK;
    if (boxes->dims[0] != scores->dims[0] || boxes->dims[1] != (are_overlaps ? scores->dims[0] : 4))
        return op_error(call, err, STATUS_INVALID_INPUT, "boxes of %lld by %lld for %lld scores",
                        (long long)boxes->dims[0], (long long)boxes->dims[1],
                        (long long)scores->dims[0]);
    if (scores->dims[0] > INT32_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "%lld boxes", (long long)scores->dims[0]);
    return STATUS_OK;
}

/* How many are selected, when everything is known. */
static enum status count_selected(const struct op_call *call, int64_t *count, struct error *err)
{
    struct suppression s;
    enum status status;
    char *room;

    *count = DIM_UNKNOWN;
    for (size_t i = 0; i < call->in_count; i++)
        if (!op_is_known(call, i))
            return STATUS_OK;
    room = malloc(room_for(call->in[SCORES].shape.dims[0]) + 1);
    if (!room)
        return op_error(call, err, STATUS_NO_MEMORY, "for the boxes");
    status = suppression_of(call, room, &s, err);
    if (status == STATUS_OK) {
        select_boxes(&s);
        *count = (int64_t)s.selected_count;
    }
    free(room);
    return status;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}}, scalar = shape_scalar();

    TRY(check(call, err));
    if (!attribute_int(call->attributes, "pad", 0)) {
        TRY(count_selected(call, &out.dims[0], err));
    } else if (op_is_known(call, MOST)) {
        out.dims[0] = tensor_i64(&call->in[MOST], 0);
        if (out.dims[0] < 0 || out.dims[0] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld boxes are asked for",
                            (long long)out.dims[0]);
    }
    op_give(call, 0, DTYPE_I32, &out);
    op_give(call, 1, call->in[SCORES].dtype, &out);
    op_give(call, 2, DTYPE_I32, &scalar);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return room_for(call->in[SCORES].shape.dims[0]);
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t room = tensor_count(&call->out[0]);
    struct suppression s;

    TRY(suppression_of(call, call->scratch, &s, err));
    select_boxes(&s);
    for (size_t i = 0; i < room; i++) {
        bool valid = i < s.selected_count;

        ((int32_t *)call->out[0].data)[i] = valid ? (int32_t)s.selected[i] : 0;
        if (call->out_count > 1)
            tensor_set_f64(&call->out[1], i, valid ? s.scores[i] : 0);
    }
    if (call->out_count > 2)
        *(int32_t *)call->out[2].data = (int32_t)s.selected_count;
    return STATUS_OK;
}

const struct op_set ops_firn_suppression =
    OP_SET({.name = "BoxSuppression",
            .summary = "the best boxes that do not overlap, as TensorFlow",
            .in_min = 6,
            .in_max = 6,
            .out_min = 1,
            .out_max = 3,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
