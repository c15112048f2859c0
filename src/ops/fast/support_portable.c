// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/support.h"

#define VECTOR_BYTES 16
#define RADIAL support_radial_portable
#include "ops/fast/support_radial.inc"
