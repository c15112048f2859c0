// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 32
#define NAME reduce_avx2
#include "ops/fast/reduce/kernels.inc"
