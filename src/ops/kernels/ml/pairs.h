// SPDX-License-Identifier: Apache-2.0
/* Where a pair of integers stands in a list: nodes of trees by the number of the tree and their
 * own. */
#pragma once

#include "base/arena.h"

struct pairs {
    const int64_t *first, *second; /* borrowed */
    uint32_t *slots;               /* place + 1; 0: free */
    size_t mask;
};

enum { PAIR_NONE = INT32_MAX };

/* Index `count` pairs. *twice is the place of one that was there before, or PAIR_NONE. false: no
 * memory, or more than INT32_MAX of them. */
bool pairs_index(struct pairs *pairs, const int64_t *first, const int64_t *second, size_t count,
                 int32_t *twice, struct arena *keep);

/* The place, or PAIR_NONE. */
int32_t pairs_find(const struct pairs *pairs, int64_t first, int64_t second);
