// SPDX-License-Identifier: Apache-2.0
/* Conversion between element types. */
#pragma once

#include "tensor/tensor.h"

/* IEEE half and bfloat16 to and from float, rounding to nearest even. */
float half_to_float(uint16_t half);
uint16_t half_from_float(float value);
float bfloat16_to_float(uint16_t value);
uint16_t bfloat16_from_float(float value);

/* To float, so that rounding again to fewer bits gives what one rounding would have given. */
float float_to_odd(double value);

/* Cast as C and numpy do (no saturation); between numbers and bool only, and equal string types.
 * Out-of-range floats to integers give 0 or the limit, never undefined behaviour.
 * `to` has dtype, a shape of the same count, and data. */
enum status tensor_cast(const struct tensor *from, struct tensor *to, struct error *err) must_check;

/* As tensor_cast, but refuses to lose anything: every element must read back as the same value
 * (float to integer only when whole, integer to float only when exact, float64 to float32 may
 * round: that is what a caller who sends JSON numbers means). Number to or from string, bool to or
 * from number are refused. INVALID_INPUT names the element. */
enum status tensor_convert(const struct tensor *from, struct tensor *to, struct error *err)
    must_check;
