// SPDX-License-Identifier: Apache-2.0
#include "base/hash/crc32c.h"

enum { POLYNOMIAL = 0x82F63B78, LARGE_BYTES = 16 << 10 };

#if defined(__SSE4_2__)
static uint64_t step(uint64_t sum, const uint8_t *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof word);
    return __builtin_ia32_crc32di(sum, word);
}

/* a b modulo the polynomial; bit 31 is x^0. */
static uint32_t product(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;

    for (; a; a <<= 1) {
        sum ^= a >> 31 ? b : 0;
        b = b >> 1 ^ (b & 1 ? (uint32_t)POLYNOMIAL : 0);
    }
    return sum;
}

/* What the CRC of bytes is multiplied with when so many bytes follow them. */
static uint32_t shift_of(size_t bytes)
{
    uint32_t power = UINT32_C(1) << 23, shift = UINT32_C(1) << 31; /* x^8, 1 */

    for (; bytes; bytes >>= 1, power = product(power, power))
        shift = bytes & 1 ? product(shift, power) : shift;
    return shift;
}

/* Three at a time, because each waits three cycles for itself: CRCs of `size` bytes, a multiple of
 * 8, that follow one another, put together. */
static uint32_t extend_thrice(uint32_t crc, const uint8_t *data, size_t size)
{
    uint64_t a = ~crc, b = UINT32_MAX, c = UINT32_MAX;
    uint32_t shift = shift_of(size);

    for (size_t i = 0; i < size; i += 8) {
        a = step(a, data + i);
        b = step(b, data + size + i);
        c = step(c, data + 2 * size + i);
    }
    return product(product(~(uint32_t)a, shift) ^ ~(uint32_t)b, shift) ^ ~(uint32_t)c;
}

uint32_t crc32c_extend(uint32_t crc, struct bytes bytes)
{
    size_t third = bytes.size / 24 * 8, i = 0;
    uint64_t sum;

    if (bytes.size >= LARGE_BYTES) {
        crc = extend_thrice(crc, bytes.data, third);
        i = 3 * third;
    }
    sum = ~crc;
    for (; i + 8 <= bytes.size; i += 8)
        sum = step(sum, bytes.data + i);
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
            sum = sum >> 1 ^ (sum & 1 ? (uint32_t)POLYNOMIAL : 0);
    }
    return ~sum;
}
#endif

uint32_t crc32c(struct bytes bytes)
{
    return crc32c_extend(0, bytes);
}
