// SPDX-License-Identifier: Apache-2.0
#define VECTOR_BYTES 16
#define NAME recurrent_portable
#include "ops/fast/recurrent/cells.inc"
