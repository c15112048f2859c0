// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm.h"

#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/gemm_kernels.h"

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

static const struct gemm_type *type_of(const struct gemm_kernels *kernels, enum dtype dtype)
{
    return dtype == DTYPE_F32 ? &kernels->f32 : &kernels->f64;
}

static size_t padded_columns(const struct gemm_type *type, size_t n)
{
    return (n + type->vector - 1) / type->vector * type->vector;
}

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t gemm_packed_size(enum dtype dtype, size_t k, size_t n)
{
    const struct gemm_type *type = type_of(kernels_of_machine(), dtype);
    size_t size;

    if (n > SIZE_MAX / 2 || !checked_multiply(k, padded_columns(type, n), &size) ||
        !checked_multiply(size, dtype_size(dtype), &size))
        return SIZE_MAX;
    return size;
}

/* The elements of B at (k, j), wherever they stand. */
#define PACK(TYPE)                                                                                 \
    for (size_t k0 = 0; k0 < k; k0 += block)                                                       \
        for (size_t j0 = 0; j0 < n; j0 += type->panel) {                                           \
            size_t depth = minimum(block, k - k0), columns = minimum(type->panel, n - j0);         \
            size_t width = padded_columns(type, columns);                                          \
            TYPE *to = (TYPE *)data + k0 * padded + j0 * depth;                                    \
            for (size_t kk = 0; kk < depth; kk++, to += width)                                     \
                for (size_t j = 0; j < width; j++)                                                 \
                    to[j] = j >= columns ? 0                                                       \
                            : transposed ? ((const TYPE *)b)[(j0 + j) * k + k0 + kk]               \
                                         : ((const TYPE *)b)[(k0 + kk) * n + j0 + j];              \
        }

void gemm_pack(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t k, size_t n,
               bool transposed, void *data)
{
    const struct gemm_kernels *kernels = kernels_of_machine();
    const struct gemm_type *type = type_of(kernels, dtype);
    size_t padded = padded_columns(type, n), block = GEMM_BLOCK_BYTES / dtype_size(dtype);

    *packed = (struct packed_matrix){dtype, k, n, kernels, data};
    if (dtype == DTYPE_F32)
        PACK(float)
    else
        PACK(double)
}

/* No column of A: C is the bias. */
static void fill_bias(const struct packed_matrix *b, size_t m, const void *bias, char *c,
                      size_t ldc)
{
    size_t size = dtype_size(b->dtype);

    for (size_t i = 0; i < m && b->columns; i++) {
        if (bias)
            memcpy(c + i * ldc * size, bias, b->columns * size);
        else
            memset(c + i * ldc * size, 0, b->columns * size);
    }
}

static void block_run(const struct packed_matrix *b, const char *a, size_t m, size_t lda,
                      const char *bias, char *c, size_t ldc, size_t k0, size_t depth)
{
    const struct gemm_type *type = type_of(b->kernels, b->dtype);
    size_t size = dtype_size(b->dtype), n = b->columns;
    const char *block = (const char *)b->data + k0 * padded_columns(type, n) * size;

    for (size_t j0 = 0; j0 < n; j0 += type->panel)
        for (size_t i = 0; i < m; i += type->rows_max) {
            struct gemm_strip strip = {
                .a = a + (i * lda + k0) * size,
                .panel = block + j0 * depth * size,
                .bias = bias ? bias + j0 * size : NULL,
                .c = c + (i * ldc + j0) * size,
                .rows = minimum(type->rows_max, m - i),
                .columns = minimum(type->panel, n - j0),
                .depth = depth,
                .lda = lda,
                .ldc = ldc,
                .add = k0 > 0,
            };
            type->strip(&strip);
        }
}

void gemm_run(const struct packed_matrix *b, const void *a, size_t m, size_t lda, const void *bias,
              void *c, size_t ldc)
{
    size_t size = dtype_size(b->dtype), block = GEMM_BLOCK_BYTES / size;

    if (!b->rows)
        fill_bias(b, m, bias, c, ldc);
    for (size_t i = 0; i < m; i += GEMM_ROW_BLOCK)
        for (size_t k0 = 0; k0 < b->rows; k0 += block)
            block_run(b, (const char *)a + i * lda * size, minimum(GEMM_ROW_BLOCK, m - i), lda,
                      bias, (char *)c + i * ldc * size, ldc, k0, minimum(block, b->rows - k0));
}
