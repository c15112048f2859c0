// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define NAME vector_portable
#include "ops/fast/vector_kernels.inc"
