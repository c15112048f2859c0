// SPDX-License-Identifier: Apache-2.0
#define NAME binary_avx512
#include "ops/fast/elementwise/binary.inc"
