// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 64
#define NAME vector_avx512
#include "ops/fast/vector_kernels.inc"
