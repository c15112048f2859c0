// SPDX-License-Identifier: Apache-2.0
/* Numbers as text, exactly and without the locale: parsing rounds correctly (Eisel-Lemire with a
 * big-number fallback), printing gives the shortest text that reads back (Schubfach). */
#pragma once

#include "base/bytes.h"

/* Parse a JSON-style decimal number at the front of [text, end): digits, fraction, exponent, sign.
 * Returns the end of the number, or NULL when there is none ("01" is the number 0 followed by
 * something else); what is too large gives infinity. Never reads at or past `end`. */
const char *number_parse_f64(const char *text, const char *end, double *value);
const char *number_parse_f32(const char *text, const char *end, float *value); /* rounds once */
const char *number_parse_i64(const char *text, const char *end,
                             int64_t *value); /* NULL when it does not fit */
const char *number_parse_u64(const char *text, const char *end, uint64_t *value);

/* A whole string as a number, also "nan", "inf", "-inf", "NaN", "Infinity", "+1" and blanks around.
 * False when anything else is left. */
bool number_from_text(struct bytes text, double *value);
bool number_i64_from_text(struct bytes text, int64_t *value);

enum { NUMBER_SIZE = 32 }; /* room for any printed number */
/* Shortest round-trip text, without NUL, returns its length. Whole numbers as "1.0"; NaN, Infinity
 * and -Infinity as these words (a JSON writer quotes them). */
size_t number_print_f64(double value, char *buffer);
size_t number_print_f32(float value, char *buffer);
size_t number_print_i64(int64_t value, char *buffer);
size_t number_print_u64(uint64_t value, char *buffer);
