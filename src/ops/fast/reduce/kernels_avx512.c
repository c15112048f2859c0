// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 64
#define NAME reduce_avx512
#include "ops/fast/reduce/kernels.inc"
