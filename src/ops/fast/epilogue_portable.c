// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define NAME epilogue_portable
#include "ops/fast/epilogue_kernels.inc"
