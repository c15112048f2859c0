// SPDX-License-Identifier: Apache-2.0
/* How much two boxes of (y, x, y, x), any corner first, overlap: intersection over union, in single
 * precision as TensorFlow has it. */
#pragma once

static inline void overlap_corners(const float box[4], float low[2], float high[2])
{
    for (int i = 0; i < 2; i++) {
        low[i] = box[i] < box[i + 2] ? box[i] : box[i + 2];
        high[i] = box[i] < box[i + 2] ? box[i + 2] : box[i];
    }
}

static inline float overlap_of(const float a[4], const float b[4])
{
    float a_low[2], a_high[2], b_low[2], b_high[2], common = 1, a_area, b_area;

    overlap_corners(a, a_low, a_high);
    overlap_corners(b, b_low, b_high);
    a_area = (a_high[0] - a_low[0]) * (a_high[1] - a_low[1]);
    b_area = (b_high[0] - b_low[0]) * (b_high[1] - b_low[1]);
    if (a_area <= 0 || b_area <= 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        float low = a_low[i] > b_low[i] ? a_low[i] : b_low[i];
        float high = a_high[i] < b_high[i] ? a_high[i] : b_high[i];

        common *= high - low > 0 ? high - low : 0;
    }
    return common / (a_area + b_area - common);
}
