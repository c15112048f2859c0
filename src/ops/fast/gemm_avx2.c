// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm_kernels.h"

#define VECTOR_BYTES 32
#define ROWS 6
#define VECTORS 2

#define TYPE float
#define NAME(verb) verb##_f32
#include "ops/fast/gemm_strip.inc"
#undef TYPE
#undef NAME

#define TYPE double
#define NAME(verb) verb##_f64
#include "ops/fast/gemm_strip.inc"

const struct gemm_kernels gemm_avx2 = {
    .f32 = {LANES_f32, VECTORS *LANES_f32, ROWS, strip_f32},
    .f64 = {LANES_f64, VECTORS *LANES_f64, ROWS, strip_f64},
};
