// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/order.h"

/* Merge sort. */
const size_t *order_places(size_t *room, size_t n, order_compare *compare, const void *elements)
{
    size_t *order = room, *next = room + n;

    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t width = 1; width < n; width *= 2) {
        size_t *swap = order;

        for (size_t start = 0; start < n; start += 2 * width) {
            size_t a = start, middle = start + width < n ? start + width : n;
            size_t b = middle, end = middle + width < n ? middle + width : n;

            for (size_t to = start; to < end; to++)
                next[to] = b >= end || (a < middle && compare(elements, order[a], order[b]) <= 0)
                               ? order[a++]
                               : order[b++];
        }
        order = next;
        next = swap;
    }
    return order;
}
