// SPDX-License-Identifier: Apache-2.0
/* The shapes of numpy's matmul: (..., m, k) (..., k, n), leading dimensions broadcast, a vector is
 * a row on the left and a column on the right. */
#pragma once

#include "ops/kernels/call.h"

/* The shape of the product of two inputs. */
enum status matmul_shape(const struct op_call *call, size_t a, size_t b, struct shape *out,
                         struct error *err) must_check;

/* One product of matrices; where they begin, in elements. */
struct matmul_part {
    size_t m, n, k;
    size_t a_at, b_at, y_at;
};
typedef void matmul_visit(const struct matmul_part *part, void *context);
void matmul_each(const struct shape *a, const struct shape *b, const struct shape *y,
                 matmul_visit *visit, void *context);
