// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm/gemm_kernels.h"
#include "tensor/convert.h"

#define VECTOR_BYTES 16
#if defined(__aarch64__)
#define VECTOR_REGISTER "w"
#elif defined(__x86_64__)
#define VECTOR_REGISTER "x"
#else
#define VECTOR_REGISTER "m"
#endif
#define ROWS 4
#define VECTORS 2
#define WIDE_1 4
#define WIDE_2 2
#define WIDE_3 1
#define PANELS_MAX 4

#include "ops/fast/gemm/gemm_types.inc"

static inline vector_f32 load_part_f32(const float *from, size_t lanes)
{
    vector_f32 value = {0};

    __builtin_memcpy(&value, from, lanes * sizeof *from);
    return value;
}

static inline void store_part_f32(float *to, vector_f32 value, size_t lanes)
{
    __builtin_memcpy(to, &value, lanes * sizeof *to);
}

static inline vector_f64 load_part_f64(const double *from, size_t lanes)
{
    return (vector_f64){lanes ? *from : 0, 0}; /* fewer than both */
}

static inline void store_part_f64(double *to, vector_f64 value, size_t lanes)
{
    if (lanes)
        *to = value[0];
}

static inline vector_f32 widen_f16(const uint16_t *from)
{
    return (vector_f32){half_to_float(from[0]), half_to_float(from[1]), half_to_float(from[2]),
                        half_to_float(from[3])};
}

static inline vector_f32 widen_bf16(const uint16_t *from)
{
    typedef uint32_t bits __attribute__((vector_size(VECTOR_BYTES)));

    return (vector_f32)((bits){from[0], from[1], from[2], from[3]} << 16);
}

#define TABLE gemm_portable
#include "ops/fast/gemm/gemm_table.inc"
