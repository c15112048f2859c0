// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/pairs.h"

enum { RUN = 64 }; /* numbers that follow one another lie side by side */

/* The slot of the pair, or the free one where it would be. */
static uint32_t *slot_of(const struct pairs *pairs, int64_t first, int64_t second)
{
    uint64_t hash = (uint64_t)first * 0x9E3779B97F4A7C15u + (uint64_t)second / RUN;
    size_t i;

    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    for (i = (size_t)((hash >> 32) * RUN + (uint64_t)second % RUN);; i++) {
        uint32_t *slot = &pairs->slots[i & pairs->mask];

        if (!*slot || (pairs->first[*slot - 1] == first && pairs->second[*slot - 1] == second))
            return slot;
    }
}

bool pairs_index(struct pairs *pairs, const int64_t *first, const int64_t *second, size_t count,
                 int32_t *twice, struct arena *keep)
{
    size_t capacity = RUN;

    *twice = PAIR_NONE;
    if (count >= PAIR_NONE)
        return false;
    while (capacity < 2 * count)
        capacity *= 2;
    *pairs = (struct pairs){first, second, arena_new(keep, uint32_t, capacity), capacity - 1};
    if (!pairs->slots)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t *slot = slot_of(pairs, first[i], second[i]);

        if (*slot && *twice == PAIR_NONE)
            *twice = (int32_t)i;
        *slot = (uint32_t)i + 1;
    }
    return true;
}

int32_t pairs_find(const struct pairs *pairs, int64_t first, int64_t second)
{
    uint32_t slot = *slot_of(pairs, first, second);

    return slot ? (int32_t)slot - 1 : PAIR_NONE;
}
