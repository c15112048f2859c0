// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 32
#define NAME epilogue_avx2
#include "ops/fast/epilogue_kernels.inc"
