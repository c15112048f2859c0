// SPDX-License-Identifier: Apache-2.0
/* What operators on sequences and optionals share. */
#pragma once

#include "ops/kernels/call.h"
#include "tensor/sequence.h"

/* Describe an output that holds values of this description; `element` NULL: of unknown kind. */
enum status op_give_container(const struct op_call *call, size_t output, enum dtype dtype,
                              const struct tensor *element, struct error *err) must_check;

/* Describe an output as what a container holds; `element` may be NULL (then it is refused). */
enum status op_give_element(const struct op_call *call, size_t output, const struct tensor *element,
                            struct error *err) must_check;

/* The sequence that input `input` is, where its value is known; else NULL. */
const struct sequence *op_sequence(const struct op_call *call, size_t input);

/* An index into `count` things, negative from the end, at most `count - 1 + beyond`. */
enum status op_position(const struct op_call *call, size_t input, size_t count, size_t beyond,
                        size_t *at, struct error *err) must_check;

/* Copy a value of any kind to output 0, which must have been inferred as such. */
enum status op_copy(const struct op_call *call, const struct tensor *from, struct error *err)
    must_check;
