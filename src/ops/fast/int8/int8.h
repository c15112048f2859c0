// SPDX-License-Identifier: Apache-2.0
/* Integer products: A (m, depth) of uint8 or int8 times packed weights (depth, n) of uint8 or int8,
 * exact in int32 (modulo 2^32), with zero points, and what makes quanta or floats of the sums.
 *
 * A need not be a matrix: a row is `tap_count` runs of neighbouring elements at the same distances
 * from the row's first element, which is how a convolution in NHWC reads its input. */
#pragma once

#include "base/arena.h"
#include "base/team.h"
#include "ops/fast/int8/kernels.h"
#include "tensor/tensor.h"

/* The kernels in use: the best of the machine, or those that a test asks for (by
 * int8_kernels_force, false when the machine has none of this name; NULL: the best again). */
const struct int8_kernels *int8_kernels_of_machine(void);
bool int8_kernels_force(const char *name);

/* Where weight (tap, i, column) lies in its tensor, i in [0, run): element
 * column * column_step + tap * tap_step + i / inner * outer_step + i % inner * inner_step */
struct int8_layout {
    size_t tap_count, run, columns;
    size_t column_step, tap_step, outer_step, inner_step, inner;
    bool has_slack; /* what lies behind a run may be read, up to a whole group */
};

struct int8_weights {
    const struct int8_kernels *kernels;
    size_t tap_count, run, columns;
    size_t read; /* elements of a run that are read: whole groups where there is slack */
    void *data;
    int32_t *sums; /* (columns,): of what is packed */
    int32_t shift; /* was added to each weight */
};

/* Pack weights of dtype uint8 or int8 into `keep`. */
enum status int8_pack(struct int8_weights *weights, enum dtype dtype, const void *w,
                      const struct int8_layout *layout, struct team *team, struct arena *keep,
                      struct error *err) must_check;

enum { INT8_RANK_MAX = 5 };

/* The rows of A: index (i0, i1 ...) below dims, last one fastest, begins at base + sum i * step. */
struct int8_rows {
    const char *base;
    int rank;
    size_t dims[INT8_RANK_MAX];
    ptrdiff_t steps[INT8_RANK_MAX]; /* bytes */
    const ptrdiff_t *taps;          /* (tap_count,): bytes */
    bool is_signed;                 /* int8; of bytes, not of int16 */
};

struct int8_residual {
    const void *data; /* of the type of y; NULL: none */
    size_t stride;    /* bytes */
    int32_t zero;
    float own, other;                    /* scales of the sum's quanta and of its own, over y's */
    int32_t sum_zero, sum_low, sum_high; /* the quanta of the sum before it is added */
};

struct int8_output {
    enum int8_target target;
    void *y;
    size_t stride; /* bytes from row to row */
    int32_t x_zero;
    const int32_t *w_zero;   /* (columns,) or NULL: all 0 */
    const int32_t *bias;     /* (columns,) or NULL */
    const float *scale;      /* (columns,); not for INT8_TO_I32 */
    const float *shift;      /* (columns,) or NULL; of INT8_TO_F32: added at the end */
    int32_t zero, low, high; /* of quanta: low <= q <= high, zero within the type */
    struct int8_residual residual;
};

void int8_run(const struct int8_weights *weights, const struct int8_rows *rows,
              const struct int8_output *output, struct team *team);

/* What `finish` is told by an output; the pointers, rows and columns are not set. */
void int8_finish_of(const struct int8_output *output, struct int8_finish *finish);
size_t int8_target_size(enum int8_target target); /* bytes of an element */

/* Elements as the kernels read them: bytes to int16, sign or not. */
void int8_widen(const void *bytes, bool is_signed, size_t count, int16_t *words);
