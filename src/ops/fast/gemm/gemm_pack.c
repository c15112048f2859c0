// SPDX-License-Identifier: Apache-2.0
/* Packing of B: panel after panel, each (k, width) with the width rounded up to whole vectors. */
#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/gemm/gemm.h"
#include "ops/fast/gemm/gemm_kernels.h"
#include "ops/fast/vector.h"
#include "tensor/convert.h"

static const struct gemm_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &gemm_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &gemm_avx2;
#endif
    return &gemm_portable;
}

static size_t padded_columns(const struct gemm_type *type, size_t n)
{
    return (n + type->vector - 1) / type->vector * type->vector;
}

size_t gemm_packed_size(enum dtype stored, size_t k, size_t n)
{
    const struct gemm_type *type = gemm_type_of(kernels_of_machine(), stored);
    size_t size;

    if (n > SIZE_MAX / 2 || !checked_multiply(k, padded_columns(type, n), &size) ||
        !checked_multiply(size, dtype_size(stored), &size))
        return SIZE_MAX;
    return size;
}

/* One panel: to (k, width) from `columns` columns of b, the rest 0. */
struct panel {
    const void *b;
    void *to;
    size_t ldb, k, columns, width;
    double scale;
};

typedef float quad __attribute__((vector_size(16)));
typedef float quad_unaligned __attribute__((vector_size(16), aligned(1), may_alias));

/* Four rows of four elements of b (n, k), transposed. */
static inline void transpose_quad(const unaligned_float *from, size_t ldb, float scale, float *to,
                                  size_t width)
{
    quad a = *(const quad_unaligned *)from * scale;
    quad b = *(const quad_unaligned *)(from + ldb) * scale;
    quad c = *(const quad_unaligned *)(from + 2 * ldb) * scale;
    quad d = *(const quad_unaligned *)(from + 3 * ldb) * scale;
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
         ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
         cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);

    *(quad_unaligned *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(quad_unaligned *)(to + width) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(quad_unaligned *)(to + 2 * width) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(quad_unaligned *)(to + 3 * width) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/* The whole quads of a transposed panel of floats; the rest is left to the loop for all. */
static void transpose_quads(const struct panel *p)
{
    const unaligned_float *b = p->b;
    float *to = p->to;

    for (size_t j = 0; j + 4 <= p->columns; j += 4)
        for (size_t k = 0; k + 4 <= p->k; k += 4)
            transpose_quad(b + j * p->ldb + k, p->ldb, (float)p->scale, to + k * p->width + j,
                           p->width);
}

typedef double unaligned_double __attribute__((aligned(1), may_alias));

#define PACK(TYPE)                                                                                 \
    static void pack_##TYPE(const struct panel *p)                                                 \
    {                                                                                              \
        const unaligned_##TYPE *b = p->b;                                                          \
        TYPE *to = p->to, scale = (TYPE)p->scale;                                                  \
                                                                                                   \
        for (size_t k = 0; k < p->k; k++, b += p->ldb, to += p->width) {                           \
            if (scale == 1)                                                                        \
                memcpy(to, b, p->columns * sizeof *to);                                            \
            else                                                                                   \
                for (size_t j = 0; j < p->columns; j++)                                            \
                    to[j] = b[j] * scale;                                                          \
            for (size_t j = p->columns; j < p->width; j++)                                         \
                to[j] = 0;                                                                         \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    /* from row `k_done` on for the first `j_done` columns, all rows for the others */             \
    static void pack_transposed_##TYPE(const struct panel *p, size_t k_done, size_t j_done)        \
    {                                                                                              \
        const unaligned_##TYPE *b = p->b;                                                          \
        TYPE *to = p->to, scale = (TYPE)p->scale;                                                  \
                                                                                                   \
        for (size_t j = 0; j < p->columns; j++)                                                    \
            for (size_t k = j < j_done ? k_done : 0; k < p->k; k++)                                \
                to[k * p->width + j] = b[j * p->ldb + k] * scale;                                  \
        for (size_t k = 0; k < p->k; k++)                                                          \
            for (size_t j = p->columns; j < p->width; j++)                                         \
                to[k * p->width + j] = 0;                                                          \
    }
PACK(float)
PACK(double)

static void pack_panel(const struct panel *panel, enum dtype dtype, bool transposed)
{
    if (dtype == DTYPE_F64) {
        if (transposed)
            pack_transposed_double(panel, 0, 0);
        else
            pack_double(panel);
    } else if (transposed) {
        transpose_quads(panel);
        pack_transposed_float(panel, panel->k & ~(size_t)3, panel->columns & ~(size_t)3);
    } else {
        pack_float(panel);
    }
}

void gemm_pack_strided(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t ldb,
                       size_t k, size_t n, bool transposed, double scale, void *data)
{
    const struct gemm_kernels *kernels = kernels_of_machine();
    const struct gemm_type *type = gemm_type_of(kernels, dtype);
    size_t size = dtype_size(dtype);

    *packed = (struct packed_matrix){dtype, dtype, k, n, kernels, data, 0};
    for (size_t j = 0; j < n; j += type->panel) {
        size_t columns = n - j < type->panel ? n - j : type->panel;
        struct panel panel = {
            .b = (const char *)b + (transposed ? j * ldb : j) * size,
            .to = (char *)data + j * k * size,
            .ldb = ldb,
            .k = k,
            .columns = columns,
            .width = padded_columns(type, columns),
            .scale = scale,
        };
        pack_panel(&panel, dtype, transposed);
    }
}

/* One row of a panel, as floats. */
static void gather_row(const struct panel *p, enum dtype dtype, size_t k, bool transposed,
                       float *row)
{
    for (size_t j = 0; j < p->width; j++) {
        size_t at = transposed ? j * p->ldb + k : k * p->ldb + j;
        float value = 0;

        if (j < p->columns)
            value = dtype == DTYPE_F32   ? ((const unaligned_float *)p->b)[at]
                    : dtype == DTYPE_F16 ? half_to_float(((const uint16_t *)p->b)[at])
                                         : bfloat16_to_float(((const uint16_t *)p->b)[at]);
        row[j] = value * (float)p->scale;
    }
}

void gemm_pack_narrow(struct packed_matrix *packed, enum dtype stored, enum dtype dtype,
                      const void *b, size_t ldb, size_t k, size_t n, bool transposed, double scale,
                      void *data)
{
    const struct gemm_kernels *kernels = kernels_of_machine();
    const struct gemm_type *type = gemm_type_of(kernels, stored);
    float row[GEMM_PANEL_MAX];

    *packed = (struct packed_matrix){DTYPE_F32, stored, k, n, kernels, data, 0};
    for (size_t j = 0; j < n; j += type->panel) {
        size_t columns = n - j < type->panel ? n - j : type->panel;
        struct panel panel = {.b = (const char *)b + (transposed ? j * ldb : j) * dtype_size(dtype),
                              .ldb = ldb,
                              .columns = columns,
                              .width = padded_columns(type, columns),
                              .scale = scale};
        uint16_t *to = (uint16_t *)data + j * k;

        for (size_t i = 0; i < k; i++, to += panel.width) {
            gather_row(&panel, dtype, i, transposed, row);
            vector_narrow(stored, row, to, panel.width);
        }
    }
}

void gemm_pack(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t k, size_t n,
               bool transposed, void *data)
{
    gemm_pack_strided(packed, dtype, b, transposed ? k : n, k, n, transposed, 1, data);
}

bool gemm_in_place(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t ldb,
                   size_t k, size_t n)
{
    const struct gemm_kernels *kernels = kernels_of_machine();

    *packed = (struct packed_matrix){dtype, dtype, k, n, kernels, b, ldb};
    return n % gemm_type_of(kernels, dtype)->vector == 0;
}
