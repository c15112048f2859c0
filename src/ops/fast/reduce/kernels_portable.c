// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define NAME reduce_portable
#include "ops/fast/reduce/kernels.inc"
