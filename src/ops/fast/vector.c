// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/vector.h"

#include "base/cpu.h"
#include "ops/fast/vector_kernels.h"

static const struct vector_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &vector_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &vector_avx2;
#endif
    return &vector_portable;
}

void vector_apply(enum vector_function function, const float *x, float *y, size_t n)
{
    kernels_of_machine()->apply[function](x, y, n);
}

float vector_exp_sum(const float *x, float max, float *y, size_t n)
{
    return kernels_of_machine()->exp_sum(x, max, y, n);
}

void vector_widen(enum dtype dtype, const uint16_t *x, float *y, size_t n)
{
    kernels_of_machine()->widen[dtype == DTYPE_BF16](x, y, n);
}

void vector_narrow(enum dtype dtype, const float *x, uint16_t *y, size_t n)
{
    kernels_of_machine()->narrow[dtype == DTYPE_BF16](x, y, n);
}
