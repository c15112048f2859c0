// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 32
#define NAME vector_avx2
#include "ops/fast/vector_kernels.inc"
