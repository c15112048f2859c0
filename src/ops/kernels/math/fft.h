// SPDX-License-Identifier: Apache-2.0
/* Discrete Fourier transform of any length, in double. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct complex_f64 {
    double re, im;
};

/* Elements of scratch that a transform of n needs. */
size_t fft_scratch(size_t n);

/* In place; the inverse is not divided by n. */
void fft(struct complex_f64 *x, size_t n, bool inverse, struct complex_f64 *scratch);
