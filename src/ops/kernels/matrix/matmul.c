// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/matrix/matmul.h"

#include <math.h>

#include "ops/kernels/types.h"

/* a double as int64, out of range: the limit */
static int64_t saturated(double value)
{
    if (!(value > -0x1p63))
        return isnan(value) ? 0 : INT64_MIN;
    return value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

#define TEMPLATE "ops/kernels/matrix/matmul.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*matmul_kernel)(const struct matmul *matmul);
static const matmul_kernel KERNELS[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, matmul)};

void matmul_reference(const struct matmul *matmul)
{
    KERNELS[matmul->dtype](matmul);
}
