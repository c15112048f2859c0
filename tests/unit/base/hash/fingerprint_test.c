// SPDX-License-Identifier: Apache-2.0
#include "base/hash/fingerprint.h"

#include "test.h"

/* What TensorFlow says of the same texts: tf.fingerprint, and its buckets of 2^62. */
TEST(fingerprints_are_those_of_tensorflow)
{
    static const struct {
        const char *text;
        size_t times;
        uint64_t farm, murmur, sip;
    } CASES[] = {
        {"", 1, 0x9ae16a3b2f90404f, 0x1769421199f9e3b, 0x628af35e1cba77b},
        {"a", 1, 0xb3454265b6df75e3, 0x29962dc026eac9fc, 0x795cb2ed678fcf6},
        {"hello", 1, 0xb48be5a931380ce8, 0x127bb8b9ebaa7d4a, 0x290a1607eb437896},
        {"0123456789abcdef", 1, 0x54b961e5dc834067, 0x14b0130e3fc87f66, 0x256b8a9419e12464},
        {"0123456789abcdefXYZ", 1, 0xbc0429daa98222fa, 0x1e873c06e339531f, 0x8caa1d0e09e2811},
        {"x", 40, 0xebf8e8aeac993c94, 0x7f6c8e46aff1495, 0x89b30dd1ae9e5ff},
        {"y", 64, 0x3e0f00391283e8b8, 0x366a0248a1742c41, 0x103bba8900d3f59d},
        {"z", 200, 0x79233f659ccc235c, 0x358cfc6f44701756, 0x3c00a132ce42fcfe},
    };
    const uint64_t low = (UINT64_C(1) << 62) - 1;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        char room[256];
        size_t size = strlen(CASES[i].text), used = 0;

        for (size_t t = 0; t < CASES[i].times; t++, used += size)
            memcpy(room + used, CASES[i].text, size);
        assert_true(fingerprint_farm64((struct bytes){(uint8_t *)room, used}) == CASES[i].farm);
        assert_true((fingerprint_murmur64((struct bytes){(uint8_t *)room, used}) & low) ==
                    CASES[i].murmur);
        assert_true((fingerprint_sip64((struct bytes){(uint8_t *)room, used}, 1, 2) & low) ==
                    CASES[i].sip);
    }
}
