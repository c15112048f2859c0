// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/matrix/matrix.h"

#include <complex.h>
#include <float.h>
#include <math.h>

#include "ops/kernels/types.h"

/* In the templates: D the dtype, S an element, R its real type; RM(sqrt) the function of libm for
 * R; ABS, RE, IM, CONJ of an S. */
#define SAME(x) (x)
#define NOTHING(x) ((void)(x), (R)0)

#define IS_COMPLEX 0
#define RE SAME
#define IM NOTHING
#define CONJ SAME
#define D F32
#define S float
#define R float
#define RM(name) name##f
#define ABS fabsf
#define EPSILON FLT_EPSILON
#define SMALLEST FLT_MIN
#include "ops/kernels/matrix/matrix.inc"
#include "ops/kernels/matrix/matrix_svd.inc"
#include "ops/kernels/matrix/matrix_eigen.inc"
#undef D
#undef S
#undef R
#undef RM
#undef ABS
#undef EPSILON
#undef SMALLEST

#define D F64
#define S double
#define R double
#define RM(name) name
#define ABS fabs
#define EPSILON DBL_EPSILON
#define SMALLEST DBL_MIN
#include "ops/kernels/matrix/matrix.inc"
#include "ops/kernels/matrix/matrix_svd.inc"
#include "ops/kernels/matrix/matrix_eigen.inc"
#undef D
#undef S
#undef R
#undef RM
#undef ABS
#undef EPSILON
#undef SMALLEST
#undef IS_COMPLEX
#undef RE
#undef IM
#undef CONJ

#define IS_COMPLEX 1
#define RE crealf
#define IM cimagf
#define CONJ conjf
#define D C64
#define S float complex
#define R float
#define RM(name) name##f
#define ABS cabsf
#define EPSILON FLT_EPSILON
#define SMALLEST FLT_MIN
#include "ops/kernels/matrix/matrix.inc"
#include "ops/kernels/matrix/matrix_svd.inc"
#include "ops/kernels/matrix/matrix_eigen.inc"
#undef RE
#undef IM
#undef CONJ
#undef D
#undef S
#undef R
#undef RM
#undef ABS
#undef EPSILON
#undef SMALLEST

#define RE creal
#define IM cimag
#define CONJ conj
#define D C128
#define S double complex
#define R double
#define RM(name) name
#define ABS cabs
#define EPSILON DBL_EPSILON
#define SMALLEST DBL_MIN
#include "ops/kernels/matrix/matrix.inc"
#include "ops/kernels/matrix/matrix_svd.inc"
#include "ops/kernels/matrix/matrix_eigen.inc"

#define KERNELS(D)                                                                                 \
    [DTYPE_##D] = {determinant_##D,                                                                \
                   log_determinant_##D,                                                            \
                   inverse_##D,                                                                    \
                   solve_##D,                                                                      \
                   triangular_solve_##D,                                                           \
                   cholesky_##D,                                                                   \
                   qr_##D,                                                                         \
                   lu_##D,                                                                         \
                   svd_##D,                                                                        \
                   eigen_##D,                                                                      \
                   least_squares_##D,                                                              \
                   least_norm_##D,                                                                 \
                   exponential_##D,                                                                \
                   square_root_##D,                                                                \
                   logarithm_##D}

const struct matrix_kernels *matrix_kernels_of(enum dtype dtype)
{
    static const struct matrix_kernels ALL[DTYPE_COUNT] = {KERNELS(F32), KERNELS(F64), KERNELS(C64),
                                                           KERNELS(C128)};

    return &ALL[dtype];
}

size_t matrix_room(enum dtype dtype, int64_t rows, int64_t columns, int64_t width)
{
    size_t longer = (size_t)(rows > columns ? rows : columns);
    size_t least = (size_t)(rows < columns ? rows : columns);

    return (4 * longer * least + 5 * least * least + longer * (2 * (size_t)width + 18)) *
               dtype_size(dtype) +
           64;
}
