// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/cursor.h"

/* An unsigned number in groups of seven bits, the lowest first; the cursor fails on more than 64.
 */
static inline uint64_t varint_read(struct cursor *cursor)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(cursor);

        value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return value;
    }
    cursor_fail(cursor);
    return 0;
}
