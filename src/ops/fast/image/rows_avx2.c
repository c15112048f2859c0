// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 32
#define TABLE rows_avx2
#include "ops/fast/image/rows.inc"
