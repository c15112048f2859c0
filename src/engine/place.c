// SPDX-License-Identifier: Apache-2.0
/* Greedy best fit by decreasing size: each buffer goes into the smallest gap between those already
 * placed that are in use at the same time (within a few percent of the optimum on real networks;
 * reference: Pisarchyk & Lee, Efficient Memory Management for Deep Neural Net Inference, 2020). */
#include <stdlib.h>

#include "base/checked.h"
#include "engine/internal.h"

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

enum status place_buffers(struct buffer *buffers, size_t count, size_t limit, size_t *size,
                          uint32_t *step, struct arena *scratch, struct error *err)
{
    struct buffer **sorted = arena_new(scratch, struct buffer *, count);
    struct buffer **placed = arena_new(scratch, struct buffer *, count);
    size_t own = 0, end;

    *size = 0;
    if (!sorted || !placed)
        return error_no_memory(err, "placing memory");
    for (size_t i = 0; i < count; i++)
        if (buffers[i].merged == i && buffers[i].size)
            sorted[own++] = &buffers[i];
    qsort(sorted, own, sizeof *sorted, larger_first);
    for (size_t i = 0; i < own; i++) {
        struct buffer *buffer = sorted[i];
        size_t at = i;

        buffer->offset = best_offset(buffer, placed, i);
        if (!checked_add(buffer->offset, buffer->size, &end) || end > limit) {
            *step = buffer->step;
            return error_set(err, STATUS_TOO_LARGE,
                             "the tensors of one run need more than the limit of %zu bytes", limit);
        }
        *size = end > *size ? end : *size;
        for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = buffer;
    }
    for (size_t i = 0; i < count; i++) /* merged ones point at roots, see plan.c */
        buffers[i].offset = buffers[buffers[i].merged].offset;
    return STATUS_OK;
}
