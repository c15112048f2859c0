// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 32
#define NAME unary_avx2
#include "ops/fast/elementwise/unary.inc"
