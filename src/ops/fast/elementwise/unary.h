// SPDX-License-Identifier: Apache-2.0
/* Functions of one tensor, element by element, in the instruction set in use: float, half and
 * bfloat16 through blocks of floats, a few of double. The table is unary.def. */
#pragma once

#include "base/team.h"
#include "tensor/tensor.h"

enum unary_function {
    UNARY_NONE = -1,
#define UNARY(name, text, expression, exact) UNARY_##name,
#include "ops/fast/elementwise/unary.def"
#undef UNARY
    UNARY_FUNCTIONS
};

struct unary {
    enum unary_function function;
    float p, q; /* the operator's attributes, in their order; a clip's bounds */
};

/* The function of a name, or UNARY_NONE. */
enum unary_function unary_find(const char *name);

/* The reference: the same of one value, in double. */
double unary_exact(const struct unary *unary, double x);

/* y[i] = function(x[i]); y may be x. */
void unary_floats(const struct unary *unary, const float *x, float *y, size_t n);

/* All functions of float, half and bfloat16; a few of double. */
bool unary_takes(enum unary_function function, enum dtype dtype);

/* The same of tensors of one shape and a dtype that unary_takes(). */
void unary_tensor(const struct unary *unary, const struct tensor *x, struct tensor *y,
                  struct team *team);
