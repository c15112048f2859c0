// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/math/quantum.h"

#include <math.h>

#include "ops/kernels/types.h"

#define TEMPLATE "ops/kernels/math/quantum.inc"
#define EACH_FLOAT
#define Q uint8_t
#define Q_LOW 0
#define Q_HIGH UINT8_MAX
#define QUANTISE quantise_U8
#define DEQUANTISE dequantise_U8
#include "ops/kernels/each.h"
#undef Q
#undef Q_LOW
#undef Q_HIGH
#undef QUANTISE
#undef DEQUANTISE

#define TEMPLATE "ops/kernels/math/quantum.inc"
#define EACH_FLOAT
#define Q int8_t
#define Q_LOW INT8_MIN
#define Q_HIGH INT8_MAX
#define QUANTISE quantise_I8
#define DEQUANTISE dequantise_I8
#include "ops/kernels/each.h"
#undef Q
#undef Q_LOW
#undef Q_HIGH
#undef QUANTISE
#undef DEQUANTISE

#define FLOATS(f)                                                                                  \
    {                                                                                              \
        FOR_FLOAT(KERNEL, f)                                                                       \
    }

quantum_run quantum_quantise(enum dtype from, enum dtype to)
{
    static const quantum_run TO_U8[DTYPE_COUNT] = FLOATS(quantise_U8);
    static const quantum_run TO_I8[DTYPE_COUNT] = FLOATS(quantise_I8);

    return to == DTYPE_U8 ? TO_U8[from] : to == DTYPE_I8 ? TO_I8[from] : NULL;
}

quantum_run quantum_dequantise(enum dtype from, enum dtype to)
{
    static const quantum_run FROM_U8[DTYPE_COUNT] = FLOATS(dequantise_U8);
    static const quantum_run FROM_I8[DTYPE_COUNT] = FLOATS(dequantise_I8);

    return from == DTYPE_U8 ? FROM_U8[to] : from == DTYPE_I8 ? FROM_I8[to] : NULL;
}

void quantum_put(struct tensor *y, size_t i, double value, int64_t zero)
{
    int bits = dtype_bits(y->dtype);
    bool is_signed = dtype_kind(y->dtype) == KIND_INT;
    int64_t low = is_signed ? -((int64_t)1 << (bits - 1)) : 0;
    int64_t high = ((int64_t)1 << (bits - is_signed)) - 1, whole;

    value = rint(value);
    whole = isnan(value)   ? 0
            : value < -1e9 ? -1000000000
            : value > 1e9  ? 1000000000
                           : (int64_t)value;
    whole += zero;
    whole = whole < low ? low : whole > high ? high : whole;
    if (dtype_size(y->dtype) == 2)
        ((uint16_t *)y->data)[i] = (uint16_t)whole;
    else
        ((uint8_t *)y->data)[i] = (uint8_t)whole;
}
