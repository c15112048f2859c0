// SPDX-License-Identifier: Apache-2.0
/* CRC-32C (Castagnoli, RFC 3720 B.4), and the masked form in which LevelDB and TFRecord store it.
 */
#pragma once

#include "base/bytes.h"

uint32_t crc32c(struct bytes bytes);

/* The same over several pieces: begin with 0. */
uint32_t crc32c_extend(uint32_t crc, struct bytes bytes);

static inline uint32_t crc32c_mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}
