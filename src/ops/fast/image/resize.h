// SPDX-License-Identifier: Apache-2.0
/* Interpolation of floats along any axes, line by line. */
#pragma once

#include "base/team.h"
#include "ops/kernels/spatial/resize_axis.h"
#include "tensor/tensor.h"

struct image_resize {
    const struct tensor *x;
    struct tensor *y;
    const struct resize_table *tables; /* (rank,) */
    bool nearest;                      /* the first tap alone */
};

/* Not when there are too many taps, or some outputs are of nothing at all. */
bool image_resize_fits(const struct image_resize *resize);
void image_resize_run(const struct image_resize *resize, struct team *team);
