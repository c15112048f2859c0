// SPDX-License-Identifier: Apache-2.0
/* Attention of floats: y = softmax(scale q k' + mask) v for every head. Keys and values are packed
 * once a head; queries pass in blocks whose scores stay in the L2 cache. */
#pragma once

#include "tensor/tensor.h"

struct team;

/* Where a head's row lies: batch * b + head * h + row * i elements from `data`. */
struct attention_layout {
    size_t batch, head, row;
};

struct attention_side {
    const float *data;
    struct attention_layout at;
};

struct attention {
    size_t batch, heads, key_heads; /* heads is a multiple of key_heads */
    size_t queries, keys, size, value_size;
    struct attention_side q, k, v;
    float *y;
    struct attention_layout y_at;
    float scale;

    const void *mask;    /* NULL: none */
    enum dtype mask_is;  /* DTYPE_F32: added. DTYPE_BOOL: where false, the score is `fill` */
    size_t mask_step[4]; /* elements from batch to batch, head, query, key; 0: the same */
    float fill;

    bool is_causal; /* a query sees keys up to its own number + `causal_offset` alone */
    int64_t causal_offset;
    bool zero_forbidden; /* a query that may see no key: zeros instead of NaN */
};

/* Bytes; SIZE_MAX when it overflows. */
size_t attention_scratch_size(const struct attention *attention, size_t lanes);
/* scratch: for the lanes of `team`, 64-byte aligned. */
void attention_run(const struct attention *attention, void *scratch, struct team *team);
