// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/vector_portable.h"

#define NAME winograd_portable
#include "ops/fast/conv/winograd.inc"
