// SPDX-License-Identifier: Apache-2.0
/* Casts between all element types as ONNX defines them, numbers and strings as numpy reads and
 * writes them. */
#pragma once

#include "base/arena.h"
#include "tensor/convert.h"

/* Is there a cast at all? */
bool cast_is_known(enum dtype from, enum dtype to);

/* Numbers to float8e8m0, powers of two: which of two neighbours (halves up), and what lies beyond
 * them: the last one, or NaN. A negative number gives NaN. */
enum { CAST_POWER_NAN = 255 };
enum cast_rounding { CAST_UP, CAST_DOWN, CAST_NEAREST };
void cast_powers(const struct tensor *from, struct tensor *to, bool saturate,
                 enum cast_rounding rounding);

/* `to` has dtype, as many elements, and data. `saturate` is for the 8-bit floats. The bytes of
 * strings that are made come from `memory`. INVALID_INPUT names a string that is no number. */
enum status cast_tensor(const struct tensor *from, struct tensor *to, bool saturate,
                        struct arena *memory, struct error *err) must_check;
