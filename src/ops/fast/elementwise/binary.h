// SPDX-License-Identifier: Apache-2.0
/* Functions of two tensors with broadcasting, in the instruction set in use: float, double, int32
 * and int64. The table is binary.def. */
#pragma once

#include "base/team.h"
#include "tensor/tensor.h"

enum binary_function {
    BINARY_NONE = -1,
#define BINARY(name, types, result, expression) BINARY_##name,
#include "ops/fast/elementwise/binary.def"
#undef BINARY
    BINARY_FUNCTIONS
};

bool binary_takes(enum binary_function function, enum dtype dtype);

/* y = function(a, b), of a dtype that it takes, both seen with the given shapes and broadcast to
 * y's; y may be a. */
void binary_tensors(enum binary_function function, const struct tensor *a,
                    const struct shape *a_shape, const struct tensor *b,
                    const struct shape *b_shape, struct tensor *y, struct team *team);

/* n floats; steps are 0 (the same element again) or 1. y may be a. */
void binary_floats(enum binary_function function, const float *a, int a_step, const float *b,
                   int b_step, float *y, size_t n);
