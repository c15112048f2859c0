// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/vector_avx512.h"

#define PIXELS 8
#include "ops/fast/conv/depthwise.inc"

EACH(KERNEL, PIXELS)

const struct depthwise_kernels depthwise_avx512 = {
    LANES, PIXELS, (depthwise_kernel *const[]){EACH(ROW, PIXELS)}, {slide_1, slide_2, slide_3}};
