// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const NAMES[] = {"portable", "avx2", "avx512"};
static int chosen = -1;

enum isa cpu_isa_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("fma"))
        return ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ISA_AVX2;
#endif
    return ISA_PORTABLE;
}

const char *isa_name(enum isa isa)
{
    return NAMES[isa];
}

enum status cpu_isa_force(const char *name, struct error *err)
{
    for (int i = 0; i <= ISA_AVX512; i++) {
        if (strcmp(name, NAMES[i]))
            continue;
        if (i > (int)cpu_isa_best())
            return error_set(err, STATUS_UNSUPPORTED, "this machine has no %s", name);
        __atomic_store_n(&chosen, i, __ATOMIC_RELAXED);
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT,
                     "unknown instruction set \"%.32s\": portable, avx2 or avx512", name);
}

enum isa cpu_isa(void)
{
    int isa = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

    if (isa < 0) {
        const char *wanted = getenv("FIRN_ISA");
        struct error err;
        if (!wanted || cpu_isa_force(wanted, &err))
            __atomic_store_n(&chosen, (int)cpu_isa_best(), __ATOMIC_RELAXED);
        isa = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    }
    return (enum isa)isa;
}
