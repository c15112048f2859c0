// SPDX-License-Identifier: Apache-2.0
/* Operators that draw by Philox: inputs `key` (1) and behind it the counter (2), int64 or uint64.
 */
#pragma once

#include "ops/kernels/call.h"
#include "ops/kernels/math/philox.h"

#define DTYPES_PHILOX (DTYPE_BIT(DTYPE_I64) | DTYPE_BIT(DTYPE_U64))

/* For infer. */
enum status philox_wants(const struct op_call *call, size_t key, struct error *err) must_check;

/* For run: where the drawing begins. */
enum status philox_begin(const struct op_call *call, size_t key, struct philox *philox,
                         struct error *err) must_check;
