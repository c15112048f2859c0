// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/quantum.h"

#include <math.h>

void quantum_put(struct tensor *y, size_t i, double value, int64_t zero)
{
    int64_t low = 0, high = 255, whole;

    switch (y->dtype) {
    case DTYPE_I8:
        low = -128, high = 127;
        break;
    case DTYPE_U16:
        high = 65535;
        break;
    case DTYPE_I16:
        low = -32768, high = 32767;
        break;
    case DTYPE_U4:
        high = 15;
        break;
    case DTYPE_I4:
        low = -8, high = 7;
        break;
    default:
        break;
    }
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
