// SPDX-License-Identifier: Apache-2.0
/* Convolutions of floats with channels last, in up to three spatial dimensions: a matrix product
 * whose left side are the windows of x, read in place, and whose right side are the weights, packed
 * once per model.
 *
 * Spatial arrays have three entries, (depth, height, width); a dimension that a tensor lacks is 1.
 */
#pragma once

#include "base/arena.h"
#include "base/team.h"
#include "ops/fast/conv/tile.h"
#include "ops/fast/epilogue.h"

/* Weights of all groups as an array with strides: element (group, map, channel, tap) lies at data +
 * group * group_step + map * map_step + channel * channel_step + sum of (first + tap * step) * ...
 * over the dimensions, first and step counted in elements. */
struct conv_source {
    const unaligned_float *data;
    size_t groups, maps, channels; /* maps and channels of one group */
    size_t group_step, map_step, channel_step;
    size_t kernel[3];
    ptrdiff_t first, step[3];
    const double *factors; /* (groups, maps): of the weights; NULL: 1 */
    const float *bias;     /* (groups, maps) or NULL */
};

/* A part of the sum: whole runs, or a piece of one. */
struct conv_chunk {
    size_t first_run, run_count;
    size_t from, length; /* of each run, floats */
    size_t k;            /* floats before it */
};

/* Chunk after chunk, in each panel after panel, (k, width) of a panel. */
struct conv_weights {
    const struct conv_tiles *tiles;
    size_t groups, maps, channels;
    size_t kernel[3], dilation[3];
    size_t runs, run_length; /* of a window: neighbouring floats of x */
    size_t padded;           /* maps in whole vectors */
    size_t panels;
    size_t chunk_count;
    struct conv_chunk *chunks;
    float *data; /* (groups, runs * run_length, padded), 64-byte aligned */
    float *bias; /* (groups, padded) */
    bool finite; /* are the weights? Zeros that stand for what lies outside of x must not meet
                  * others */
};

bool conv_all_finite(const float *values, size_t count);

enum status conv_pack(const struct conv_source *source, const size_t *dilation,
                      struct conv_weights *weights, struct team *team, struct arena *keep,
                      struct error *err) must_check;

/* Panel i holds `vectors` vectors of maps from `column` on. */
static inline void conv_panel(const struct conv_weights *w, size_t i, size_t *column,
                              size_t *vectors)
{
    size_t all = w->padded / w->tiles->lanes, each = all / w->panels, more = all % w->panels;

    *vectors = each + (i < more);
    *column = (i * each + (i < more ? i : more)) * w->tiles->lanes;
}

/* Where a convolution reads and writes. */
struct conv_geometry {
    size_t n;
    size_t in[3], out[3], stride[3];
    ptrdiff_t begin[3];        /* zeros before x; negative: what is skipped */
    size_t x_step;             /* floats from pixel to pixel: all channels */
    size_t y_step[3], y_image; /* floats from output to output, and from image to image */
};

struct conv_operands {
    const float *x, *residual; /* residual: as y, or NULL */
    float *y;
    void *scratch;
    struct team *team;
};

/* Bytes of scratch; SIZE_MAX: too many. */
size_t conv_implicit_scratch(const struct conv_weights *weights,
                             const struct conv_geometry *geometry, struct team *team);
void conv_implicit_run(const struct conv_weights *weights, const struct conv_geometry *geometry,
                       const struct epilogue *epilogue, const struct conv_operands *operands);
