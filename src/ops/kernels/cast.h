// SPDX-License-Identifier: Apache-2.0
/* Casts between all element types as ONNX defines them, numbers and strings as numpy reads and
 * writes them. */
#pragma once

#include "base/arena.h"
#include "tensor/convert.h"

/* Is there a cast at all? */
bool cast_is_known(enum dtype from, enum dtype to);

/* `to` has dtype, as many elements, and data. `saturate` is for the 8-bit floats. The bytes of
 * strings that are made come from `memory`. INVALID_INPUT names a string that is no number. */
enum status cast_tensor(const struct tensor *from, struct tensor *to, bool saturate,
                        struct arena *memory, struct error *err) must_check;
