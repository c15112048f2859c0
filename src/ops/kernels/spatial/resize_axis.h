// SPDX-License-Identifier: Apache-2.0
/* Interpolation along one axis: which inputs make an output, with which weights. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum resize_place {
    RESIZE_HALF_PIXEL,
    RESIZE_SYMMETRIC,
    RESIZE_PYTORCH,
    RESIZE_CORNERS,
    RESIZE_ASYMMETRIC,
    RESIZE_CROP,
    RESIZE_TF_NEAREST,
};
enum resize_nearest {
    RESIZE_PREFER_FLOOR,
    RESIZE_PREFER_CEIL,
    RESIZE_FLOOR,
    RESIZE_CEIL,
    RESIZE_OLD, /* before opset 11: floor, but ceil when it gets smaller, as ONNX Runtime */
};

struct resize_rule {
    enum resize_mode mode;
    enum resize_place place;
    enum resize_nearest nearest;
    double cubic; /* a */
    bool exclude_outside, antialias;
};

struct resize_axis {
    int64_t in, out;
    double scale, start, end; /* of the region, in units of the axis */
};

/* Output index o is the sum over k < taps of weights[o * taps + k] * in[first[o] + k], where
 * indices beyond the ends mean the end. */
struct resize_table {
    int64_t taps, in;
    int64_t *first; /* (out,); RESIZE_OUTSIDE: not of the input at all */
    double *weights;
};
#define RESIZE_OUTSIDE INT64_MIN
#define RESIZE_TABLE_MAX ((size_t)1 << 30) /* bytes; a filter of this size is an attack */

/* Bytes of an axis's table; more than RESIZE_TABLE_MAX when it is too large to count. */
size_t resize_table_size(const struct resize_rule *rule, const struct resize_axis *axis);
void resize_table_fill(const struct resize_rule *rule, const struct resize_axis *axis, void *memory,
                       struct resize_table *table);

static inline int64_t resize_index(const struct resize_table *table, int64_t out, int64_t tap)
{
    int64_t index = table->first[out] + tap;

    return index < 0 ? 0 : index >= table->in ? table->in - 1 : index;
}
