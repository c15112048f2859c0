// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/vector_avx2.h"

#define NAME winograd_avx2
#include "ops/fast/conv/winograd.inc"
