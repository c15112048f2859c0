// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#if defined(__SSE4_2__)
uint32_t crc32c_extend(uint32_t crc, struct bytes bytes)
{
    uint64_t sum = ~crc;
    size_t i = 0;

    for (; i + 8 <= bytes.size; i += 8) {
        uint64_t word;

        memcpy(&word, bytes.data + i, sizeof word);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (; i < bytes.size; i++)
        sum = __builtin_ia32_crc32qi((uint32_t)sum, bytes.data[i]);
    return ~(uint32_t)sum;
}
#else
uint32_t crc32c_extend(uint32_t crc, struct bytes bytes)
{
    uint32_t sum = ~crc;

    for (size_t i = 0; i < bytes.size; i++) {
        sum ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0x82F63B78u : 0);
    }
    return ~sum;
}
#endif

uint32_t crc32c(struct bytes bytes)
{
    return crc32c_extend(0, bytes);
}
