// SPDX-License-Identifier: Apache-2.0
#define NAME binary_portable
#include "ops/fast/elementwise/binary.inc"
