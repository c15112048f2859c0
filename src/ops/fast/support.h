// SPDX-License-Identifier: Apache-2.0
/* Kernel values of support vector machines: rows of x against all support vectors, in double. */
#pragma once

#include "ops/fast/gemm/gemm.h"

enum support_kernel { SUPPORT_LINEAR, SUPPORT_POLY, SUPPORT_RBF, SUPPORT_SIGMOID };

struct support_function {
    enum support_kernel kernel;
    double gamma, coef0, degree;
};

struct support {
    struct support_function function;
    size_t vectors, features;
    struct packed_matrix packed; /* (features, vectors) */
    const double *norms;         /* (vectors,): of RBF, squared */
};

/* Pack `vectors` (count, features) into `keep`. */
enum status support_prepare(struct support *support, const struct support_function *function,
                            const double *vectors, size_t count, size_t features,
                            struct arena *keep, struct error *err) must_check;

/* k (rows, vectors) of x (rows, features). */
void support_values(const struct support *support, const double *x, size_t rows, double *k);

/* The reference: of two vectors. */
double support_exact(const struct support_function *function, const double *x, const double *vector,
                     size_t features);

/* Of one instruction set: k[j] = exp(-gamma max(0, square + norms[j] - 2 k[j])), gamma >= 0, within
 * 2 ulp (results below 1e-307 become about that). */
typedef void support_radial(double *k, const double *norms, double square, double gamma,
                            size_t count);
support_radial support_radial_portable, support_radial_avx2, support_radial_avx512;
