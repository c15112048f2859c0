// SPDX-License-Identifier: Apache-2.0
/* Elements of TensorFlow's quantised types. */
#pragma once

#include <math.h>

#include "ops/kernels/call.h"

#define DTYPES_QUANTISED                                                                           \
    (DTYPE_BIT(DTYPE_QI8) | DTYPE_BIT(DTYPE_QU8) | DTYPE_BIT(DTYPE_QI16) | DTYPE_BIT(DTYPE_QU16) | \
     DTYPE_BIT(DTYPE_QI32))

/* The integers of a type. */
static inline double quantised_lowest(enum dtype dtype)
{
    return dtype == DTYPE_QI8    ? INT8_MIN
           : dtype == DTYPE_QI16 ? INT16_MIN
           : dtype == DTYPE_QI32 ? INT32_MIN
                                 : 0;
}

static inline double quantised_highest(enum dtype dtype)
{
    return dtype == DTYPE_QI8    ? INT8_MAX
           : dtype == DTYPE_QU8  ? UINT8_MAX
           : dtype == DTYPE_QI16 ? INT16_MAX
           : dtype == DTYPE_QU16 ? UINT16_MAX
                                 : INT32_MAX;
}

static inline double quantised_get(const struct tensor *t, size_t i)
{
    switch (t->dtype) {
    case DTYPE_QI8:
        return ((const int8_t *)t->data)[i];
    case DTYPE_QU8:
        return ((const uint8_t *)t->data)[i];
    case DTYPE_QI16:
        return ((const int16_t *)t->data)[i];
    case DTYPE_QU16:
        return ((const uint16_t *)t->data)[i];
    default:
        return ((const int32_t *)t->data)[i];
    }
}

/* `value` is whole; what does not fit becomes the nearest that does. */
static inline void quantised_put(struct tensor *t, size_t i, double value)
{
    double low = quantised_lowest(t->dtype), high = quantised_highest(t->dtype);
    int64_t whole;

    value = value >= low ? value : low; /* NaN is the lowest */
    whole = (int64_t)(value <= high ? value : high);
    if (dtype_size(t->dtype) == 1)
        ((uint8_t *)t->data)[i] = (uint8_t)whole;
    else if (dtype_size(t->dtype) == 2)
        ((uint16_t *)t->data)[i] = (uint16_t)whole;
    else
        ((int32_t *)t->data)[i] = (int32_t)whole;
}

/* --- the integer that stands for a float in a range, and back: TensorFlow's quantization_utils.h
 * --- */

static inline double quantised_steps(enum dtype dtype)
{
    return ldexp(1, 8 * (int)dtype_size(dtype));
}

/* It may lie beyond the type. */
static inline double quantised_level_free(enum dtype dtype, float value, float low, float high)
{
    double steps = quantised_steps(dtype), range, scale;

    if (low == high)
        return quantised_lowest(dtype);
    range = (double)(high - low) * (steps / (steps - 1));
    scale = steps / range;
    return round((double)value * scale) - round((double)low * scale) + quantised_lowest(dtype);
}

static inline double quantised_level(enum dtype dtype, float value, float low, float high)
{
    double free = quantised_level_free(dtype, value, low, high);

    free = free > quantised_lowest(dtype) ? free : quantised_lowest(dtype);
    return free < quantised_highest(dtype) ? free : quantised_highest(dtype);
}

static inline float quantised_value(enum dtype dtype, double x, float low, float high)
{
    double steps = quantised_steps(dtype), scale, base;

    if (low == high)
        return low;
    scale = (double)(high - low) * (steps / (steps - 1)) / steps;
    base = round((double)(low / (float)scale)) * (double)(float)scale;
    return (float)(base + (x - quantised_lowest(dtype)) * scale);
}
