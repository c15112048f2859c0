// SPDX-License-Identifier: Apache-2.0
/* What several filters append. */
#pragma once

#include "filters/filter.h"

/* The place of the largest of a row's values, the first of equals; rows are what the first axis
 * counts, and all other axes one. (batch, ...) -> (batch,) int64, or (n,) -> (). */
enum status steps_argmax(struct filter_step *step, value_id in, bool batch, value_id *out,
                         struct error *err) must_check;

/* Rounded to `digits` behind the point, halves to even, as numpy.round. */
enum status steps_round(struct filter_step *step, value_id in, int64_t digits, value_id *out,
                        struct error *err) must_check;

/* (batch, any length) -> (batch, length): cut or filled on the left, or on the right. */
enum { PADDING_LEFT, PADDING_RIGHT };
struct padding {
    int64_t length;
    double value;
    int fill, cut; /* on which side */
};
enum status steps_pad(struct filter_step *step, value_id in, const struct padding *padding,
                      value_id *out, struct error *err) must_check;

/* `given` of filters whose options begin with a struct padding. */
enum status steps_pad_given(struct filter_step *step, struct filter_type *given, struct error *err)
    must_check;

/* The length that an input field of (batch, length) has; INVALID_INPUT when it is not that. */
enum status steps_length(struct filter_step *step, int64_t *length, struct error *err) must_check;

/* Integers as int64; what is none is INVALID_INPUT. */
enum status steps_index(struct filter_step *step, value_id in, value_id *out, struct error *err)
    must_check;
