// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/support.h"

#define VECTOR_BYTES 64
#define RADIAL support_radial_avx512
#include "ops/fast/support_radial.inc"
