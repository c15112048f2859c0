// SPDX-License-Identifier: Apache-2.0
#include "base/hash/fingerprint.h"

#include "test.h"

/* As sklearn.utils.murmurhash3_32(text, 0, positive=True). */
TEST(fingerprint_murmur32_of_every_tail)
{
    static const struct {
        const char *text;
        uint32_t hash;
    } CASES[] = {{"", 0},
                 {"a", 0x3C2569B2},
                 {"fox", 0x9F544469},
                 {"foxy", 0xF70E0F01},
                 {"lazy dog", 0x5DD4B19E},
                 {"Z\xC3\xBCrich", 0x29695951}};

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++)
        assert_int_equal(fingerprint_murmur32(bytes_of(CASES[i].text)), CASES[i].hash);
}
