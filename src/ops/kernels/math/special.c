// SPDX-License-Identifier: Apache-2.0
/* Sources: Abramowitz and Stegun, Handbook of Mathematical Functions (numbers of formulas below);
 * Rybicki, Computers in Physics 3 (1989), for Dawson's integral. */
#include "base/complex.h"
#include "ops/kernels/math/special.h"

#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846
#define EULER 0.57721566490153286061

double special_lgamma(double x)
{
    int sign;

    return lgamma_r(x, &sign);
}

/* 6.3.5 up to 10, then 6.3.18; 6.3.7 below zero. */
double special_digamma(double x)
{
    double shift = 0, y, series;

    if (x <= 0) {
        if (x == floor(x))
            return NAN;
        return special_digamma(1 - x) - PI / tan(PI * (x - rint(x)));
    }
    if (isinf(x))
        return x;
    for (; x < 10; x++)
        shift += 1 / x;
    y = 1 / (x * x);
    series =
        y *
        (1.0 / 12 -
         y * (1.0 / 120 -
              y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760 - y / 12))))));
    return log(x) - 0.5 / x - series - shift;
}

/* x of erfc(x) = y, 0 < y <= 1: 26.2.23, then steps of Halley's. */
static double erfc_inverse(double y)
{
    double t = sqrt(-2 * log(y / 2)), x;

    x = (t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                 (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))) /
        sqrt(2);
    for (int i = 0; i < 3; i++) {
        double step = (erfc(x) - y) / (2 / sqrt(PI) * exp(-x * x));

        x += step / (1 + x * step);
    }
    return x;
}

/* Near zero the inverse of erfc has lost the digits that count. */
double special_erfinv(double x)
{
    double a = fabs(x), y;

    if (!(a <= 1))
        return NAN;
    if (a == 1)
        return copysign(INFINITY, x);
    if (a < 1e-8)
        return x * sqrt(PI) / 2;
    y = erfc_inverse(1 - a);
    if (a < 0.5)
        for (int i = 0; i < 2; i++)
            y -= (erf(y) - a) / (2 / sqrt(PI) * exp(-y * y));
    return copysign(y, x);
}

double special_ndtri(double x)
{
    if (!(x >= 0 && x <= 1))
        return NAN;
    if (x == 0 || x == 1)
        return x == 0 ? -INFINITY : INFINITY;
    if (fabs(x - 0.5) < 0.25)
        return sqrt(2) * special_erfinv(2 * x - 1);
    return x < 0.5 ? -sqrt(2) * erfc_inverse(2 * x) : sqrt(2) * erfc_inverse(2 * (1 - x));
}

/* sum of z^k / k^2, |z| <= 1/2 */
static double dilogarithm(double z)
{
    double power = z, sum = 0;

    for (int k = 1; k < 60; k++, power *= z)
        sum += power / ((double)k * k);
    return sum;
}

double special_spence(double x)
{
    if (!(x >= 0) || isinf(x))
        return NAN;
    if (x == 0)
        return PI * PI / 6;
    if (x == 1)
        return 0;
    if (x > 2)
        return -special_spence(1 / x) - 0.5 * log(x) * log(x);
    if (x > 1.5)
        return -dilogarithm(1 - 1 / x) - 0.5 * log(x) * log(x);
    if (x < 0.5)
        return PI * PI / 6 - log(x) * log1p(-x) - dilogarithm(x);
    return dilogarithm(1 - x);
}

double special_dawsn(double x)
{
    const double h = 0.2;
    double a = fabs(x), sum = 0, nearest, rest, n;

    if (isnan(x))
        return x;
    if (a < 0.2) {
        double y = x * x, term = x;

        for (int k = 0; k < 20; k++) { /* 7.1.6 */
            sum += term;
            term *= -2 * y / (2 * k + 3);
        }
        return sum;
    }
    if (a > 1e8)
        return 0.5 / x;
    nearest = 2 * floor(0.5 * a / h + 0.5);
    rest = a - nearest * h;
    n = nearest;
    for (int k = -41; k <= 41; k += 2) { /* odd multiples of h around x */
        double away = rest - k * h;

        sum += exp(-away * away) / (n + k);
    }
    return copysign(sum / sqrt(PI), x);
}

/* 5.1.10; 5.1.51 from 40 on. */
double special_expint(double x)
{
    double sum = 0, term = 1;

    if (!(x > 0))
        return x == 0 ? -INFINITY : NAN;
    if (x > 40) {
        for (int k = 1; k < 40; k++) {
            sum += term;
            term *= k / x;
        }
        return x > 700 ? exp(x - log(x)) * sum : exp(x) / x * sum;
    }
    for (int k = 1; k < 200; k++) {
        term *= x / k;
        sum += term / k;
    }
    return EULER + log(x) + sum;
}

/* C(x) + i S(x): 7.3.11 and 7.3.13 up to 1.5, then the continued fraction of erfc, 7.1.14. */
static double complex fresnel(double x)
{
    double a = fabs(x);
    double complex value;

    if (a < 1.5) {
        double t = PI / 2 * a * a, term = a, real = 0, imaginary = 0;

        for (int k = 0; k < 60; k += 2) {
            real += term / (2 * k + 1);
            term *= t / (k + 1);
            imaginary += term / (2 * k + 3);
            term *= -t / (k + 2);
        }
        value = CMPLX(real, imaginary);
    } else if (a > 1e8) {
        value = CMPLX(0.5, 0.5);
    } else {
        double square = PI * a * a;
        double complex b = CMPLX(1, -square), c = 1e300, d = 1 / b, h = d;

        for (int k = 1; k < 500; k++) {
            double n = 2 * k - 1;
            double complex change;

            b += 4;
            d = 1 / (-n * (n + 1) * d + b);
            c = b - n * (n + 1) / c;
            change = c * d;
            h *= change;
            if (fabs(creal(change) - 1) + fabs(cimag(change)) < 1e-16)
                break;
        }
        h *= CMPLX(a, -a);
        value = CMPLX(0.5, 0.5) * (1 - cexp(CMPLX(0, 0.5 * square)) * h);
    }
    return x < 0 ? -value : value;
}

double special_fresnel_cos(double x)
{
    return isnan(x) ? x : creal(fresnel(x));
}

double special_fresnel_sin(double x)
{
    return isnan(x) ? x : cimag(fresnel(x));
}
