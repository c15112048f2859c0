// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 64
#define NAME epilogue_avx512
#include "ops/fast/epilogue_kernels.inc"
