// SPDX-License-Identifier: Apache-2.0
/* Categories: from an element (string, integer or float) to its place in a list. Floats compare by
 * value, all NaNs are one; of equal keys the last counts. */
#pragma once

#include "base/map.h"
#include "tensor/tensor.h"

struct categories {
    bool strings, floats;
    size_t count;
    struct map map;
};

/* `keys` is a tensor of strings, floats or integers, borrowed for as long as the categories. */
enum status categories_new(struct categories *categories, const struct tensor *keys,
                           struct arena *keep, struct error *err) must_check;

/* The place of element i of `x`, or -1. Floats are looked up among integers as integers. */
int64_t categories_find(const struct categories *categories, const struct tensor *x, size_t i);
