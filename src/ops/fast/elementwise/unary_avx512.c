// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 64
#define NAME unary_avx512
#include "ops/fast/elementwise/unary.inc"
