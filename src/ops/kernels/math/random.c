// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/math/random.h"

#include <math.h>
#include <sys/random.h>
#include <time.h>

enum { SHIFT = 397 };

void random_seed(struct random *random, uint32_t seed)
{
    for (uint32_t i = 0; i < RANDOM_WORDS; i++) {
        random->words[i] = seed;
        seed = UINT32_C(1812433253) * (seed ^ seed >> 30) + i + 1;
    }
    random->at = RANDOM_WORDS;
    random->has_normal = false;
}

void random_start(struct random *random, const struct op_call *call)
{
    const struct attribute *seed = attribute_find(call->attributes, "seed");
    struct timespec now;
    uint32_t bits;

    if (seed && seed->kind == ATTRIBUTE_INT) {
        bits = (uint32_t)seed->i;
    } else if (seed && seed->kind == ATTRIBUTE_FLOAT && fabs(seed->f) < 0x1p63) {
        bits = (uint32_t)(int64_t)seed->f;
    } else if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        bits = (uint32_t)now.tv_nsec ^ (uint32_t)(uintptr_t)random;
    }
    random_seed(random, bits);
}

static uint32_t mixed(uint32_t upper, uint32_t lower)
{
    uint32_t y = (upper & 0x80000000) | (lower & 0x7FFFFFFF);

    return y >> 1 ^ (y & 1 ? UINT32_C(0x9908B0DF) : 0);
}

static void refill(struct random *random)
{
    uint32_t *w = random->words;

    for (int i = 0; i < RANDOM_WORDS; i++)
        w[i] = w[(i + SHIFT) % RANDOM_WORDS] ^ mixed(w[i], w[(i + 1) % RANDOM_WORDS]);
    random->at = 0;
}

static uint32_t next(struct random *random)
{
    uint32_t y;

    if (random->at == RANDOM_WORDS)
        refill(random);
    y = random->words[random->at++];
    y ^= y >> 11;
    y ^= y << 7 & UINT32_C(0x9D2C5680);
    y ^= y << 15 & UINT32_C(0xEFC60000);
    return y ^ y >> 18;
}

double random_uniform(struct random *random)
{
    uint32_t high = next(random) >> 5, low = next(random) >> 6;

    return (high * 0x1p26 + low) / 0x1p53;
}

/* Marsaglia's polar method. */
double random_normal(struct random *random)
{
    double x, y, square, factor;

    if (random->has_normal) {
        random->has_normal = false;
        return random->normal;
    }
    do {
        x = 2 * random_uniform(random) - 1;
        y = 2 * random_uniform(random) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    factor = sqrt(-2 * log(square) / square);
    random->normal = factor * x;
    random->has_normal = true;
    return factor * y;
}

/* By inversion; for the less likely side. */
bool random_bernoulli(struct random *random, double probability)
{
    bool flip = probability > 0.5;
    double p = flip ? 1 - probability : probability, none = exp(log1p(-p)), u;

    if (probability == 0)
        return false;
    do {
        u = random_uniform(random);
        if (!(u > none))
            return flip;
        /* beyond 1 by rounding alone: drawn again */
    } while (u - none > p * none / (1 - p));
    return !flip;
}
