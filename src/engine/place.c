// SPDX-License-Identifier: Apache-2.0
/* Greedy best fit by decreasing size: each buffer goes into the smallest gap between those already
 * placed that are in use at the same time (within a few percent of the optimum on real networks;
 * reference: Pisarchyk & Lee, Efficient Memory Management for Deep Neural Net Inference, 2020). */
#include <stdlib.h>

#include "base/checked.h"
#include "engine/internal.h"

enum { BEST_FIT_MAX = 4096 }; /* buffers; its time grows with their square */

static enum status too_large(size_t limit, struct error *err)
{
    return error_set(err, STATUS_TOO_LARGE,
                     "the tensors of one run need more than the limit of %zu bytes", limit);
}

static int larger_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* `placed` is sorted by offset. */
static size_t best_offset(const struct buffer *buffer, struct buffer *const *placed, size_t count)
{
    size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;

    for (size_t i = 0; i < count; i++) {
        const struct buffer *other = placed[i];

        if (other->first > buffer->last || other->last < buffer->first)
            continue;
        if (other->offset > end && other->offset - end >= buffer->size &&
            other->offset - end < best_gap) {
            best = end;
            best_gap = other->offset - end;
        }
        if (other->offset + other->size > end)
            end = other->offset + other->size;
    }
    return best == SIZE_MAX ? end : best;
}

/* --- more of them: in the order of their steps, the smallest free gap that holds it --- */

struct gap {
    size_t offset, size;
};

struct gaps { /* by offset, never touching one another */
    struct gap *items;
    size_t count, end; /* end: of the memory so far */
};

static void gap_close(struct gaps *gaps, size_t i)
{
    memmove(gaps->items + i, gaps->items + i + 1, (gaps->count - i - 1) * sizeof *gaps->items);
    gaps->count--;
}

static void gap_open(struct gaps *gaps, size_t offset, size_t size)
{
    size_t i = 0;

    while (i < gaps->count && gaps->items[i].offset < offset)
        i++;
    if (i > 0 && gaps->items[i - 1].offset + gaps->items[i - 1].size == offset) {
        gaps->items[i - 1].size += size;
        i--;
    } else {
        memmove(gaps->items + i + 1, gaps->items + i, (gaps->count - i) * sizeof *gaps->items);
        gaps->items[i] = (struct gap){offset, size};
        gaps->count++;
    }
    if (i + 1 < gaps->count &&
        gaps->items[i].offset + gaps->items[i].size == gaps->items[i + 1].offset) {
        gaps->items[i].size += gaps->items[i + 1].size;
        gap_close(gaps, i + 1);
    }
}

static size_t gap_take(struct gaps *gaps, size_t size)
{
    size_t best = gaps->count, offset;

    for (size_t i = 0; i < gaps->count; i++)
        if (gaps->items[i].size >= size &&
            (best == gaps->count || gaps->items[i].size < gaps->items[best].size))
            best = i;
    if (best == gaps->count) { /* at the end, from the last gap on if that touches it */
        struct gap *last = gaps->count ? &gaps->items[gaps->count - 1] : NULL;
        bool touches = last && last->offset + last->size == gaps->end;

        offset = touches ? last->offset : gaps->end;
        gaps->count -= touches;
        gaps->end = offset + size;
        return offset;
    }
    offset = gaps->items[best].offset;
    gaps->items[best].offset += size;
    gaps->items[best].size -= size;
    if (!gaps->items[best].size)
        gap_close(gaps, best);
    return offset;
}

static int first_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return larger_first(a, b);
}

static int last_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

    if (x->last != y->last)
        return x->last < y->last ? -1 : 1;
    return x < y ? -1 : x > y;
}

static enum status place_in_order(struct buffer **sorted, struct buffer **ending, size_t count,
                                  size_t limit, size_t *size, uint32_t *step, struct arena *scratch,
                                  struct error *err)
{
    size_t half = SIZE_MAX / 2; /* so that sums do not overflow */
    struct gaps gaps = {.items = arena_new(scratch, struct gap, count + 1)};
    size_t ended = 0;

    if (!gaps.items)
        return error_no_memory(err, "placing memory");
    limit = limit < half ? limit : half;
    memcpy(ending, sorted, count * sizeof *ending);
    qsort(sorted, count, sizeof *sorted, first_first);
    qsort(ending, count, sizeof *ending, last_first);
    for (size_t i = 0; i < count; i++) {
        struct buffer *buffer = sorted[i];

        for (; ended < count && ending[ended]->last < buffer->first; ended++)
            gap_open(&gaps, ending[ended]->offset, ending[ended]->size);
        *step = buffer->step;
        if (buffer->size > limit)
            return too_large(limit, err);
        buffer->offset = gap_take(&gaps, buffer->size);
        if (gaps.end > limit)
            return too_large(limit, err);
    }
    *size = gaps.end;
    return STATUS_OK;
}

static enum status place_best(struct buffer **sorted, struct buffer **placed, size_t count,
                              size_t limit, size_t *size, uint32_t *step, struct error *err)
{
    size_t end;

    qsort(sorted, count, sizeof *sorted, larger_first);
    for (size_t i = 0; i < count; i++) {
        struct buffer *buffer = sorted[i];
        size_t at = i;

        buffer->offset = best_offset(buffer, placed, i);
        if (!checked_add(buffer->offset, buffer->size, &end) || end > limit) {
            *step = buffer->step;
            return too_large(limit, err);
        }
        *size = end > *size ? end : *size;
        for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = buffer;
    }
    return STATUS_OK;
}

enum status place_buffers(struct buffer *buffers, size_t count, size_t limit, size_t *size,
                          uint32_t *step, struct arena *scratch, struct error *err)
{
    struct buffer **sorted = arena_new(scratch, struct buffer *, count);
    struct buffer **other = arena_new(scratch, struct buffer *, count);
    size_t own = 0;

    *size = 0;
    if (!sorted || !other)
        return error_no_memory(err, "placing memory");
    for (size_t i = 0; i < count; i++)
        if (buffers[i].merged == i && buffers[i].size)
            sorted[own++] = &buffers[i];
    if (own <= BEST_FIT_MAX)
        TRY(place_best(sorted, other, own, limit, size, step, err));
    else
        TRY(place_in_order(sorted, other, own, limit, size, step, scratch, err));
    for (size_t i = 0; i < count; i++) /* merged ones point at roots, see plan.c */
        buffers[i].offset = buffers[buffers[i].merged].offset + buffers[i].shift;
    return STATUS_OK;
}
