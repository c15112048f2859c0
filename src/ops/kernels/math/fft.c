// SPDX-License-Identifier: Apache-2.0
/* Powers of two by Cooley and Tukey, other lengths by Bluestein's chirp, which is a convolution of
 * a length that is a power of two. */
#include "ops/kernels/math/fft.h"

#include <math.h>

#define PI 3.14159265358979323846

static struct complex_f64 multiply(struct complex_f64 a, struct complex_f64 b)
{
    return (struct complex_f64){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static bool is_power(size_t n)
{
    return (n & (n - 1)) == 0;
}

static size_t chirp_length(size_t n)
{
    size_t m = 1;

    while (m < 2 * n)
        m *= 2;
    return m;
}

size_t fft_scratch(size_t n)
{
    return n < 2 || is_power(n) ? 0 : 2 * chirp_length(n);
}

static void power_of_two(struct complex_f64 *x, size_t n, bool inverse)
{
    for (size_t i = 1, j = 0; i < n; i++) { /* bit reversal */
        size_t bit = n >> 1;

        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            struct complex_f64 swap = x[i];
            x[i] = x[j];
            x[j] = swap;
        }
    }
    for (size_t span = 2; span <= n; span *= 2)
        for (size_t k = 0; k < span / 2; k++) {
            double angle = (inverse ? 2 : -2) * PI * (double)k / (double)span;
            struct complex_f64 turn = {cos(angle), sin(angle)};

            for (size_t i = k; i < n; i += span) {
                struct complex_f64 a = x[i], b = multiply(x[i + span / 2], turn);

                x[i] = (struct complex_f64){a.re + b.re, a.im + b.im};
                x[i + span / 2] = (struct complex_f64){a.re - b.re, a.im - b.im};
            }
        }
}

/* exp(-+ i pi k^2 / n); k^2 modulo 2 n keeps the angle exact. */
static struct complex_f64 chirp(size_t k, size_t n, bool inverse)
{
    size_t square = (size_t)((unsigned __int128)k * k % (2 * n));
    double angle = (inverse ? PI : -PI) * (double)square / (double)n;

    return (struct complex_f64){cos(angle), sin(angle)};
}

void fft(struct complex_f64 *x, size_t n, bool inverse, struct complex_f64 *scratch)
{
    size_t m = chirp_length(n);
    struct complex_f64 *a = scratch, *b = scratch + m;

    if (n < 2 || is_power(n)) {
        power_of_two(x, n, inverse);
        return;
    }
    for (size_t i = 0; i < m; i++)
        a[i] = b[i] = (struct complex_f64){0, 0};
    for (size_t k = 0; k < n; k++) {
        struct complex_f64 c = chirp(k, n, inverse), other = {c.re, -c.im};

        a[k] = multiply(x[k], c);
        b[k] = other;
        if (k)
            b[m - k] = other;
    }
    power_of_two(a, m, false);
    power_of_two(b, m, false);
    for (size_t i = 0; i < m; i++)
        a[i] = multiply(a[i], b[i]);
    power_of_two(a, m, true);
    for (size_t k = 0; k < n; k++) {
        x[k] = multiply(a[k], chirp(k, n, inverse));
        x[k].re /= (double)m;
        x[k].im /= (double)m;
    }
}
