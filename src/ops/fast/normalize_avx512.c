// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 64
#define NAME normalize_avx512
#include "ops/fast/normalize_kernels.inc"
