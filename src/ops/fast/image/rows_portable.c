// SPDX-License-Identifier: Apache-2.0
#define TABLE rows_portable
#include "ops/fast/image/rows.inc"
