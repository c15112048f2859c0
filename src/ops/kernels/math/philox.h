// SPDX-License-Identifier: Apache-2.0
/* Philox 4x32-10: words of a key and a counter; and doubles of them as TensorFlow makes them.
 * Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011);
 * tensorflow/core/lib/random/{philox_random,random_distributions}.h. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { PHILOX_ROUNDS = 10, PHILOX_WORDS = 4 };

struct philox {
    uint32_t counter[PHILOX_WORDS], key[2];
};

static inline void philox_words(const struct philox *philox, uint32_t words[PHILOX_WORDS])
{
    uint32_t key[2] = {philox->key[0], philox->key[1]};

    memcpy(words, philox->counter, sizeof philox->counter);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t a = (uint64_t)0xD2511F53 * words[0], b = (uint64_t)0xCD9E8D57 * words[2];
        uint32_t next[PHILOX_WORDS] = {(uint32_t)(b >> 32) ^ words[1] ^ key[0], (uint32_t)b,
                                       (uint32_t)(a >> 32) ^ words[3] ^ key[1], (uint32_t)a};

        memcpy(words, next, sizeof next);
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
}

static inline void philox_skip(struct philox *philox, uint64_t count)
{
    uint64_t low = (uint64_t)philox->counter[1] << 32 | philox->counter[0];
    uint64_t high = (uint64_t)philox->counter[3] << 32 | philox->counter[2];

    low += count;
    high += low < count;
    philox->counter[0] = (uint32_t)low;
    philox->counter[1] = (uint32_t)(low >> 32);
    philox->counter[2] = (uint32_t)high;
    philox->counter[3] = (uint32_t)(high >> 32);
}

/* In [0, 1). */
static inline double philox_uniform(uint32_t high, uint32_t low)
{
    uint64_t bits = (uint64_t)1023 << 52 | (uint64_t)(high & 0xFFFFF) << 32 | low;
    double value;

    memcpy(&value, &bits, sizeof value);
    return value - 1.0;
}

/* Box and Muller: two of two. */
static inline void philox_normals(const uint32_t words[PHILOX_WORDS], double values[2])
{
    double u = philox_uniform(words[0], words[1]), radius;
    double angle = 2 * M_PI * philox_uniform(words[2], words[3]);

    u = u < 1.0e-7 ? 1.0e-7 : u;
    radius = sqrt(-2.0 * log(u));
    values[0] = sin(angle) * radius;
    values[1] = cos(angle) * radius;
}
