// SPDX-License-Identifier: Apache-2.0
/* The 128 leading bits of the powers of ten that a double can meet.
 *
 * Truncated, but rounded up from -27 to -1 (Lemire, "Number parsing at a gigabyte per second",
 * 2021, asks for it there) and exact from 0 to 55. The table is made by
 * scripts/make-powers-of-ten. */
#pragma once

#include <stdint.h>

enum { POWER_OF_TEN_MIN = -342, POWER_OF_TEN_MAX = 324 };

struct power_of_ten {
    uint64_t high, low;
};

extern const struct power_of_ten POWERS_OF_TEN[POWER_OF_TEN_MAX - POWER_OF_TEN_MIN + 1];
