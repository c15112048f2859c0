// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define NAME normalize_portable
#include "ops/fast/normalize_kernels.inc"
