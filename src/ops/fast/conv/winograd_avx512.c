// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/vector_avx512.h"

#define NAME winograd_avx512
#include "ops/fast/conv/winograd.inc"
