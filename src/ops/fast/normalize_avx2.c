// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 32
#define NAME normalize_avx2
#include "ops/fast/normalize_kernels.inc"
