// SPDX-License-Identifier: Apache-2.0
/* The order of elements that stay where they are. */
#pragma once

#include <stddef.h>

/* < 0: element a comes before element b; 0: they are equal. */
typedef int order_compare(const void *elements, size_t a, size_t b);

/* The places 0 to n - 1 in the order of their elements, equal ones as they stand; in the half of
 * `room`, 2 n places, that is returned. */
const size_t *order_places(size_t *room, size_t n, order_compare *compare, const void *elements);
