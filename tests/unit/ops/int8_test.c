// SPDX-License-Identifier: Apache-2.0
/* Integer products against the sums they are, for every way to multiply that this machine has. */
#include "ops/fast/int8/int8.h"

#include <math.h>

#include "test.h"

static const char *const KERNELS[] = {"portable", "avx2", "avx2 vnni", "avx512", "avx512 vnni"};

static uint32_t seed = 1;

static uint32_t next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Bytes whose products are the largest there are, now and then. */
static void fill(void *data, size_t count)
{
    bool extreme = next() % 2;

    for (size_t i = 0; i < count; i++)
        ((uint8_t *)data)[i] =
            (uint8_t)(extreme ? (const uint8_t[]){0, 127, 128, 255}[next() % 4] : next());
}

static int32_t value(const void *data, enum dtype dtype, size_t i)
{
    return dtype == DTYPE_I8 ? ((const int8_t *)data)[i] : ((const uint8_t *)data)[i];
}

/* Buffers are exactly as large as they must be: the sanitizer sees a read or write too far. */
struct product_case {
    size_t m, k, n;
    enum dtype x, w, y; /* y: U8, I8, F32 or I32 */
    bool transposed, zeros, residual;
};

static double finished(const struct product_case *c, const struct int8_output *o, int64_t sum,
                       size_t at, size_t j)
{
    double q;

    if (c->y == DTYPE_I32)
        return (double)(int32_t)sum;
    if (c->y == DTYPE_F32)
        return (double)sum * (double)o->scale[j] + (double)o->shift[j];
    q = rint((double)sum * (double)o->scale[j]);
    if (c->residual) {
        const struct int8_residual *r = &o->residual;

        q = fmin(fmax(q, r->sum_low - r->sum_zero), r->sum_high - r->sum_zero);
        q = rint(q * (double)r->own + (value(r->data, c->y, at) - r->zero) * (double)r->other);
    }
    return fmin(fmax(q + o->zero, o->low), o->high);
}

static void check_product(const struct product_case *c)
{
    size_t size = c->y == DTYPE_U8 || c->y == DTYPE_I8 ? 1 : 4, m = c->m, k = c->k, n = c->n;
    uint8_t *x = malloc(m * k + 1), *w = malloc(k * n + 1), *residual = malloc(m * n + 1);
    int16_t *wide = malloc(m * k * 2 + 1);
    char *y = malloc(m * n * size + 1);
    int32_t *w_zero = calloc(n + 1, 4), *bias = calloc(n + 1, 4);
    float *scale = calloc(n + 1, 4), *shift = calloc(n + 1, 4);
    struct int8_weights weights;
    struct error err;
    struct arena arena;
    ptrdiff_t tap = 0;
    struct int8_layout layout = {.tap_count = 1,
                                 .run = k,
                                 .columns = n,
                                 .column_step = c->transposed ? k : 1,
                                 .inner_step = c->transposed ? 1 : n,
                                 .inner = k ? k : 1};
    struct int8_output output = {
        .target = c->y == DTYPE_U8    ? INT8_TO_U8
                  : c->y == DTYPE_I8  ? INT8_TO_I8
                  : c->y == DTYPE_F32 ? INT8_TO_F32
                                      : INT8_TO_I32,
        .y = y,
        .stride = n * size,
        .x_zero = c->x == DTYPE_I8 ? -7 : 131,
        .w_zero = c->zeros ? w_zero : NULL,
        .bias = bias,
        .scale = scale,
        .shift = shift,
        .zero = c->y == DTYPE_I8 ? -3 : 100,
        .low = c->y == DTYPE_I8 ? -100 : 20,
        .high = c->y == DTYPE_I8 ? 127 : 255,
    };
    struct int8_rows rows = {
        .base = (char *)x, .rank = 1, .dims = {m}, .steps = {(ptrdiff_t)k}, .taps = &tap};

    fill(x, m * k), fill(w, k * n), fill(residual, m * n);
    for (size_t j = 0; j < n; j++) {
        w_zero[j] = c->zeros ? (int32_t)(next() % 20) : 0;
        bias[j] = (int32_t)(next() % 2000) - 1000;
        scale[j] = (float)(next() % 1000 + 1) / (20000 * sqrtf((float)k + 1));
        shift[j] = (float)(next() % 100);
    }
    if (c->residual)
        output.residual = (struct int8_residual){residual, n, 3, 0.7f, 0.9f, 5, 0, 120};
    arena_init(&arena, 1 << 26);
    CHECK_OK(int8_pack(&weights, c->w, w, &layout, NULL, &arena, &err), err);
    rows.is_signed = c->x == DTYPE_I8;
    if (weights.kernels->element == 2) {
        int8_widen(x, rows.is_signed, m * k, wide);
        rows.base = (char *)wide;
        rows.steps[0] = (ptrdiff_t)(2 * k);
    }
    int8_run(&weights, &rows, &output, NULL);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            int64_t sum = bias[j];
            double want, got;

            for (size_t p = 0; p < k; p++)
                sum += (value(x, c->x, i * k + p) - output.x_zero) *
                       (value(w, c->w, c->transposed ? j * k + p : p * n + j) - w_zero[j]);
            want = finished(c, &output, sum, i * n + j, j);
            got = c->y == DTYPE_F32   ? (double)((float *)(void *)y)[i * n + j]
                  : c->y == DTYPE_I32 ? ((int32_t *)(void *)y)[i * n + j]
                                      : value(y, c->y, i * n + j);
            /* float instead of double: a half may be rounded the other way */
            if (!(fabs(got - want) <= (c->y == DTYPE_F32   ? 1e-5 * (fabs(want) + 100)
                                       : c->y == DTYPE_I32 ? 0
                                                           : 1)))
                fail_msg("%s: %zux%zux%zu at %zu,%zu: %g is not %g", weights.kernels->name, m, k, n,
                         i, j, got, want);
        }
    arena_release(&arena);
    free(x), free(w), free(residual), free(wide), free(y), free(w_zero), free(bias), free(scale),
        free(shift);
}

static void check_kernels(const char *name)
{
    static const size_t M[] = {0, 1, 2, 5, 6, 7, 13, 200}, K[] = {0, 1, 2, 3, 4, 7, 64, 129},
                        N[] = {0, 1, 15, 16, 17, 33, 64, 70};
    static const enum dtype X[] = {DTYPE_U8, DTYPE_I8},
                            Y[] = {DTYPE_U8, DTYPE_I8, DTYPE_F32, DTYPE_I32};

    if (!int8_kernels_force(name)) {
        printf("SKIPPED integer kernels %s: not on this machine\n", name);
        return;
    }
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 8; j++)
            for (size_t l = 0; l < 8; l++) {
                uint32_t bits = next();
                struct product_case c = {M[i],
                                         K[j],
                                         N[l],
                                         X[bits & 1],
                                         X[bits >> 1 & 1],
                                         Y[bits >> 2 & 3],
                                         bits >> 4 & 1,
                                         bits >> 5 & 1,
                                         bits >> 6 & 1};

                c.residual = c.residual && c.y != DTYPE_F32 && c.y != DTYPE_I32;
                check_product(&c);
            }
    CHECK(int8_kernels_force(NULL));
}

TEST(int8_products_are_the_sums_they_should_be)
{
    for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++)
        check_kernels(KERNELS[i]);
}
