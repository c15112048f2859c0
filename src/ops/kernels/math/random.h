// SPDX-License-Identifier: Apache-2.0
/* Random numbers as numpy.random.RandomState draws them: MT19937, seeded with one integer.
 * Sources: Matsumoto and Nishimura, ACM TOMACS 8 (1998); numpy/random/src (mt19937, legacy). */
#pragma once

#include "ops/op.h"

enum { RANDOM_WORDS = 624 };

struct random {
    uint32_t words[RANDOM_WORDS];
    int at;
    bool has_normal;
    double normal; /* the second one of a pair */
};

/* From the attribute "seed" (numpy takes 0 to 2^32 - 1; others are taken modulo 2^32), or without
 * it from the operating system: another draw each time. */
void random_start(struct random *random, const struct op_call *call);
void random_seed(struct random *random, uint32_t seed);

double random_uniform(struct random *random);                     /* [0, 1), 53 bits */
double random_normal(struct random *random);                      /* mean 0, deviation 1 */
bool random_bernoulli(struct random *random, double probability); /* as binomial(1, p); 0 to 1 */
