// SPDX-License-Identifier: Apache-2.0
/* Rows of element types, for tables of kernels made with ops/kernels/each.h:
 *
 *     static const kernel ADD[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, add)};
 */
#pragma once

#include "tensor/convert.h"

#define FOR_FLOAT(X, f) X(F16, f) X(BF16, f) X(F32, f) X(F64, f)
#define FOR_SIGNED(X, f) X(I8, f) X(I16, f) X(I32, f) X(I64, f)
#define FOR_UNSIGNED(X, f) X(U8, f) X(U16, f) X(U32, f) X(U64, f)
#define FOR_INT(X, f) FOR_SIGNED(X, f) FOR_UNSIGNED(X, f)
#define FOR_NUMBER(X, f) FOR_FLOAT(X, f) FOR_INT(X, f)

#define KERNEL(D, f) [DTYPE_##D] = f##_##D,

#define NAME_PASTE(f, D) f##_##D
#define NAME_EXPAND(f, D) NAME_PASTE(f, D)
#define NAME(f) NAME_EXPAND(f, D)
