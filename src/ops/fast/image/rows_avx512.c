// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 64
#define TABLE rows_avx512
#include "ops/fast/image/rows.inc"
