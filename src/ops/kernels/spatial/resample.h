// SPDX-License-Identifier: Apache-2.0
/* Images of bytes in another size, as Pillow 13 resizes them, bit by bit: weights in 22 bits, along
 * lines and along columns, and bytes in between. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resample {
    RESAMPLE_NEAREST,
    RESAMPLE_BILINEAR,
    RESAMPLE_BICUBIC, /* a = -0.5 */
    RESAMPLE_AREA,    /* Pillow's box */
    RESAMPLE_LANCZOS, /* of three lobes */
};

struct pixels {
    uint8_t *data;                  /* (height, width, channels) */
    size_t height, width, channels; /* at most 4 channels */
};

/* Fill `to`, which has its size and the channels of `from`. False: no memory. */
bool resample(enum resample how, const struct pixels *from, const struct pixels *to);
