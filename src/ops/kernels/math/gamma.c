// SPDX-License-Identifier: Apache-2.0
/* Zeta, polygamma, incomplete gamma and beta functions. Sources: Abramowitz and Stegun 6.5 and
 * 26.5.8 (continued fractions by Lentz's method); Euler-Maclaurin summation for zeta. */
#include <math.h>
#include <stdbool.h>

#include "ops/kernels/math/special.h"

enum { STEPS_MAX = 1 << 20 }; /* of series that converge slowly where a is huge */
#define TINY 1e-300
#define EPSILON 1e-16

static double zeta(double x, double q, bool single)
{
    /* (2k)! / B_2k */
    static const double BERNOULLI[] = {12.0,
                                       -720.0,
                                       30240.0,
                                       -1209600.0,
                                       47900160.0,
                                       -1.8924375803183791606e9,
                                       7.47242496e10,
                                       -2.950130727918164224e12,
                                       1.1646782814350067249e14,
                                       -4.5979787224074726105e15,
                                       1.8152105401943546773e17,
                                       -7.1661652561756670113e18};
    double sum, term, a = q, k = 0, factor = 1;

    if (isnan(x) || isnan(q) || x < 1)
        return NAN;
    if (x == 1)
        return INFINITY;
    if (isinf(q) && q > 0)
        return 0;
    if (q <= 0) {
        if (q == floor(q))
            return x == floor(x) && fmod(x, 2) == 0 ? INFINITY : NAN;
        if (x != floor(x))
            return NAN;
    }
    sum = pow(q, -x);
    for (int i = 0; i < 9 || (a <= 9 && !single); i++) {
        if (i > STEPS_MAX) /* far below zero: the sum has begun, but is too long */
            return NAN;
        a += 1;
        term = pow(a, -x);
        sum += term;
        if (fabs(term) < EPSILON * fabs(sum) && a > 0)
            return sum;
    }
    term = pow(a, -x);
    sum += term * a / (x - 1) - 0.5 * term;
    for (int i = 0; i < 12; i++) {
        double t;

        factor *= x + k;
        term /= a;
        t = factor * term / BERNOULLI[i];
        sum += t;
        if (fabs(t) < EPSILON * fabs(sum))
            return sum;
        k += 1;
        factor *= x + k;
        term /= a;
        k += 1;
    }
    return sum;
}

double special_zeta(double x, double q)
{
    return zeta(x, q, false);
}

double special_zeta_single(double x, double q)
{
    return zeta(x, q, true);
}

static double polygamma(double n, double x, bool single)
{
    double sign = fmod(n, 2) == 0 ? -1 : 1;

    if (!(n >= 0) || n != floor(n))
        return NAN;
    if (n == 0)
        return special_digamma(x);
    return sign * exp(special_lgamma(n + 1)) * zeta(n + 1, x, single);
}

double special_polygamma(double n, double x)
{
    return polygamma(n, x, false);
}

double special_polygamma_single(double n, double x)
{
    return polygamma(n, x, true);
}

/* x^a e^-x / gamma(a) */
static double gamma_front(double a, double x)
{
    double scaled = (x - a) / a;

    if (a < 20 || fabs(scaled) > 0.4)
        return exp(a * log(x) - x - special_lgamma(a));
    /* Stirling, where the terms would cancel: 6.1.41 */
    return sqrt(a / (2 * 3.14159265358979323846)) *
           exp(a * (log1p(scaled) - scaled) - (1 / (12 * a) - 1 / (360 * a * a * a) +
                                               1 / (1260 * pow(a, 5)) - 1 / (1680 * pow(a, 7))));
}

static double gamma_series(double a, double x)
{
    double sum = 1, term = 1;

    for (int i = 1; i < STEPS_MAX && term > sum * EPSILON; i++) {
        term *= x / (a + i);
        sum += term;
    }
    return sum * gamma_front(a, x) / a;
}

static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;

    for (int i = 1; i < STEPS_MAX; i++) {
        double n = -i * (i - a), change;

        b += 2;
        d = n * d + b;
        c = b + n / c;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        change = d * c;
        h *= change;
        if (fabs(change - 1) < EPSILON)
            break;
    }
    return h * gamma_front(a, x);
}

static double incomplete_gamma(double a, double x, bool upper)
{
    double lower;

    if (x == 0 && !upper)
        return 0;
    if (!(a > 0) || !(x >= 0))
        return NAN;
    if (x == 0)
        return upper;
    if (isinf(a))
        return isinf(x) ? NAN : (double)upper;
    if (isinf(x))
        return !upper;
    if (x < a + 1 && !(upper && x > 1 && x > a)) {
        lower = gamma_series(a, x);
        return upper ? 1 - lower : lower;
    }
    lower = gamma_fraction(a, x);
    return upper ? lower : 1 - lower;
}

double special_igamma(double a, double x)
{
    return incomplete_gamma(a, x, false);
}

double special_igammac(double a, double x)
{
    return incomplete_gamma(a, x, true);
}

static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1), h;

    d = 1 / (fabs(d) < TINY ? TINY : d);
    h = d;
    for (int m = 1; m < STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), change;

        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        h *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        change = d * c;
        h *= change;
        if (fabs(change - 1) < EPSILON)
            break;
    }
    return h;
}

double special_betainc(double a, double b, double x)
{
    double front;

    if (!(a > 0) || !(b > 0) || !(x >= 0) || x > 1)
        return NAN;
    if (x == 0 || x == 1)
        return x;
    front = exp(special_lgamma(a + b) - special_lgamma(a) - special_lgamma(b) + a * log(x) +
                b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}
