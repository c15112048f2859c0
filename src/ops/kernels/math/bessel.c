// SPDX-License-Identifier: Apache-2.0
/* Bessel functions. I: power series up to 30 (Abramowitz and Stegun 9.6.10), then 9.7.1. K: 9.6.13
 * and 9.6.11 up to 1, then the integral 9.6.24 by the trapezoidal rule, which converges
 * exponentially. */
#include <math.h>

#include "ops/kernels/math/special.h"

#define EULER 0.57721566490153286061

/* I_order(|x|) of the series, order 0 or 1 */
static double i_series(int order, double x)
{
    double quarter = x * x / 4, term = order ? x / 2 : 1, sum = 0;

    for (int k = 1; k < 200 && term > sum * 1e-18; k++) {
        sum += term;
        term *= quarter / ((double)k * (k + order));
    }
    return sum;
}

/* exp(-x) I_order(x), x > 30 */
static double i_far(int order, double x)
{
    double mu = 4.0 * order * order, term = 1, sum = 1;

    for (int k = 1; k < 30; k++) {
        double odd = 2 * k - 1;

        term *= -(mu - odd * odd) / (k * 8 * x);
        sum += term;
    }
    return sum / sqrt(2 * 3.14159265358979323846 * x);
}

static double i_scaled(int order, double x)
{
    double a = fabs(x), y;

    if (isnan(x))
        return x;
    y = a > 30 ? i_far(order, a) : i_series(order, a) * exp(-a);
    return order && x < 0 ? -y : y;
}

static double i_plain(int order, double x)
{
    double a = fabs(x), y;

    if (isnan(x))
        return x;
    /* exp in two halves: the product overflows later than exp does */
    y = a > 30 ? i_far(order, a) * exp(a / 2) * exp(a / 2) : i_series(order, a);
    return order && x < 0 ? -y : y;
}

double special_bessel_i0(double x)
{
    return isinf(x) ? NAN : i_plain(0, x);
}

double special_bessel_i0e(double x)
{
    return i_scaled(0, x);
}

double special_bessel_i1(double x)
{
    return isinf(x) ? NAN : i_plain(1, x);
}

double special_bessel_i1e(double x)
{
    return i_scaled(1, x);
}

double special_bessel_j0(double x)
{
    return isinf(x) ? NAN : j0(x);
}

double special_bessel_j1(double x)
{
    return isinf(x) ? NAN : j1(x);
}

double special_bessel_y0(double x)
{
    return x < 0 ? -INFINITY : isinf(x) ? NAN : y0(x);
}

double special_bessel_y1(double x)
{
    return x < 0 ? -INFINITY : isinf(x) ? NAN : y1(x);
}

/* 0 < x <= 1 */
static double k_near(int order, double x)
{
    double quarter = x * x / 4, term = 1, harmonic = 0, sum = 0;

    if (!order) {
        for (int k = 1; k < 30; k++) {
            term *= quarter / ((double)k * k);
            harmonic += 1.0 / k;
            sum += term * harmonic;
        }
        return -(log(x / 2) + EULER) * i_series(0, x) + sum;
    }
    for (int k = 0; k < 30; k++) { /* psi(k + 1) + psi(k + 2) */
        double next = harmonic + 1.0 / (k + 1);

        sum += (harmonic + next - 2 * EULER) * term;
        harmonic = next;
        term *= quarter / ((double)(k + 1) * (k + 2));
    }
    return 1 / x + log(x / 2) * i_series(1, x) - x / 4 * sum;
}

/* exp(x) K_order(x), x > 1 */
static double k_far(int order, double x)
{
    double step = 0.05, sum = 0.5;

    if (x > 100) /* the integrand is narrow */
        step = 0.5 / sqrt(x);
    for (int i = 1; i < 400; i++) {
        double t = i * step, half = sinh(t / 2), depth = 2 * x * half * half;

        if (depth > 60)
            break;
        sum += exp(-depth) * (order ? cosh(t) : 1);
    }
    return sum * step;
}

static double k_of(int order, double x, int scaled)
{
    if (isnan(x))
        return x;
    if (x <= 0)
        return INFINITY;
    if (x <= 1)
        return k_near(order, x) * (scaled ? exp(x) : 1);
    if (isinf(x))
        return 0;
    return k_far(order, x) * (scaled ? 1 : exp(-x));
}

double special_bessel_k0(double x)
{
    return k_of(0, x, 0);
}

double special_bessel_k0e(double x)
{
    return k_of(0, x, 1);
}

double special_bessel_k1(double x)
{
    return k_of(1, x, 0);
}

double special_bessel_k1e(double x)
{
    return k_of(1, x, 1);
}
