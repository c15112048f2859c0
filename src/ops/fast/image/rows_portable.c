// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define TABLE rows_portable
#include "ops/fast/image/rows.inc"
