// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define NAME unary_portable
#include "ops/fast/elementwise/unary.inc"
