// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/image/rows.h"

#include "base/cpu.h"

const struct row_kernels *row_kernels(void)
{
#ifdef __x86_64__
    if (cpu_isa() == ISA_AVX512)
        return &rows_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &rows_avx2;
#endif
    return &rows_portable;
}
