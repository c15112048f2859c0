// SPDX-License-Identifier: Apache-2.0
#include "base/hash/crc32c.h"

#include "test.h"

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *data, size_t size)
{
    uint32_t sum = ~crc;

    for (size_t i = 0; i < size; i++) {
        sum ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0x82F63B78u : 0);
    }
    return ~sum;
}

TEST(crc32c_of_the_standard)
{
    static const uint8_t zeros[32]; /* RFC 3720 B.4 */

    CHECK(crc32c((struct bytes){zeros, 32}) == 0x8A9136AAu);
    CHECK(crc32c((struct bytes){(const uint8_t *)"123456789", 9}) == 0xE3069283u);
    CHECK(crc32c((struct bytes){zeros, 0}) == 0);
}

TEST(crc32c_of_large_pieces_is_that_of_their_bits)
{
    enum { SIZE = 100 << 10 };
    static uint8_t data[SIZE];
    static const size_t SIZES[] = {16383, 16384, 16385, 16391, 16392, 16408, 50001, SIZE - 1};

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (size_t from = 0; from < 2; from++) {
            struct bytes bytes = {data + from, SIZES[i]};

            CHECK(crc32c(bytes) == bit_by_bit(0, bytes.data, bytes.size));
            CHECK(crc32c_extend(0x12345678, bytes) ==
                  bit_by_bit(0x12345678, bytes.data, bytes.size));
        }
}
