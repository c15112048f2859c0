// SPDX-License-Identifier: Apache-2.0
/* Special functions that libm lacks, in double. Outside their domain they are NaN, at poles what
 * TensorFlow has there. */
#pragma once

/* --- of one number (special.c) --- */
double special_digamma(double x);
double special_lgamma(double x); /* log |gamma(x)|, thread-safe */
double special_erfinv(double x);
double special_ndtri(double x);  /* the quantile of the normal distribution */
double special_spence(double x); /* dilogarithm of 1 - x */
double special_dawsn(double x);
double special_expint(double x); /* Ei */
double special_fresnel_cos(double x);
double special_fresnel_sin(double x);

/* --- Bessel functions (bessel.c); e: scaled by exp(-|x|), exp(x) for K --- */
double special_bessel_i0(double x);
double special_bessel_i0e(double x);
double special_bessel_i1(double x);
double special_bessel_i1e(double x);
double special_bessel_j0(double x);
double special_bessel_j1(double x);
double special_bessel_y0(double x);
double special_bessel_y1(double x);
double special_bessel_k0(double x);
double special_bessel_k0e(double x);
double special_bessel_k1(double x);
double special_bessel_k1e(double x);

/* --- of several (gamma.c) --- */
double special_zeta(double x, double q); /* Hurwitz: sum of (q + k)^-x */
/* As TensorFlow has them in single precision: far below zero its series stops early. */
double special_zeta_single(double x, double q);
double special_polygamma_single(double n, double x);
double special_polygamma(double n, double x);
double special_igamma(double a, double x);  /* regularised, lower */
double special_igammac(double a, double x); /* upper */
double special_betainc(double a, double b, double x);
