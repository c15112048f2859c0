// SPDX-License-Identifier: Apache-2.0
/* Kernels over rows of channels, of every instruction set of this machine, beside plain loops. */
#include <math.h>

#include "base/cpu.h"
#include "ops/fast/image/norm.h"
#include "ops/fast/image/pool.h"
#include "ops/fast/image/rows.h"
#include "test.h"

enum { ROWS_MAX = 11, N_MAX = 70 };

static uint64_t seed = 7;

static unsigned random_below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* Exactly as large as it must be: the sanitizer sees a read or write too far. */
static float *row_new(size_t n, bool nan)
{
    float *row = malloc(n * sizeof *row + 1);

    for (size_t i = 0; i < n; i++)
        row[i] = nan && random_below(20) == 0 ? NAN : (float)((int)random_below(401) - 200) / 64;
    return row;
}

static const struct row_kernels *kernels_of(enum isa isa)
{
#ifdef __x86_64__
    if (isa == ISA_AVX512)
        return &rows_avx512;
    if (isa == ISA_AVX2)
        return &rows_avx2;
#endif
    return &rows_portable;
}

static bool same(float a, double b)
{
    return isnan(b) ? isnan(a) : fabs(a - b) <= 1e-5 * fmax(1, fabs(b));
}

static void check(const struct row_kernels *kernels, size_t count, size_t n)
{
    const float *rows[ROWS_MAX];
    float *owned[ROWS_MAX], weights[ROWS_MAX], *y = row_new(n, false);

    for (size_t k = 0; k < count; k++) {
        rows[k] = owned[k] = row_new(n, true);
        weights[k] = (float)random_below(9) / 8;
    }
    for (int what = 0; what < 4; what++) {
        if (what == 0)
            kernels->max(y, rows, count, n);
        else if (what == 1)
            kernels->sum(y, rows, count, n);
        else if (what == 2)
            kernels->blend(y, rows, weights, count, n);
        else
            kernels->max_windows(y, rows, count, n, 1, 0);
        for (size_t i = 0; i < n; i++) {
            double want = what == 1 || what == 2 ? 0 : (double)rows[0][i];

            for (size_t k = 0; k < count; k++) {
                double x = (double)rows[k][i];

                if (what == 1 || what == 2)
                    want += x * (what == 2 ? (double)weights[k] : 1);
                else if (x > want || isnan(x))
                    want = x;
            }
            if (!same(y[i], want))
                fail_msg("kernel %d, %zu rows of %zu: y[%zu] is %g, not %g", what, count, n, i,
                         (double)y[i], want);
        }
    }
    for (size_t k = 0; k < count; k++)
        free(owned[k]);
    free(y);
}

TEST(rows_of_every_instruction_set)
{
    for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_best(); isa++)
        for (size_t n = 0; n <= N_MAX; n++)
            for (size_t count = 1; count <= ROWS_MAX; count++)
                check(kernels_of(isa), count, n);
}

TEST(windows_one_after_the_other)
{
    enum { WINDOWS = 5, TAPS = 3 };

    for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_best(); isa++)
        for (size_t n = 1; n <= N_MAX; n += 3) {
            size_t step = 2 * n, length = step * (WINDOWS - 1) + n * TAPS;
            float *x = row_new(length, true), *y = row_new(WINDOWS * n, false);
            const float *rows[TAPS] = {x, x + n, x + 2 * n};

            kernels_of(isa)->max_windows(y, rows, TAPS, n, WINDOWS, step);
            for (size_t w = 0; w < WINDOWS; w++)
                for (size_t i = 0; i < n; i++) {
                    float want = x[w * step + i];

                    for (size_t k = 1; k < TAPS; k++) {
                        float v = x[w * step + k * n + i];
                        want = v > want || isnan(v) ? v : want;
                    }
                    CHECK(same(y[w * n + i], (double)want));
                }
            free(x);
            free(y);
        }
}

TEST(bytes)
{
    for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_best(); isa++)
        for (size_t n = 1; n <= N_MAX; n += 7) {
            uint8_t a[N_MAX], b[N_MAX], y[N_MAX];
            int8_t c[N_MAX], d[N_MAX], z[N_MAX];

            for (size_t i = 0; i < n; i++) {
                c[i] = (int8_t)(a[i] = (uint8_t)random_below(256));
                d[i] = (int8_t)(b[i] = (uint8_t)random_below(256));
            }
            kernels_of(isa)->max_u8(y, (const uint8_t *[]){a, b}, 2, n);
            kernels_of(isa)->max_i8(z, (const int8_t *[]){c, d}, 2, n);
            for (size_t i = 0; i < n; i++) {
                CHECK_INT(y[i], a[i] > b[i] ? a[i] : b[i]);
                CHECK_INT(z[i], c[i] > d[i] ? c[i] : d[i]);
            }
        }
}

TEST(whole_items)
{
    static const size_t COUNTS[] = {1, 2, 63, 64, 65, 255, 256, 257, 1000};

    for (size_t i = 0; i < ARRAY_COUNT(COUNTS); i++)
        for (size_t channels = 1; channels < 600; channels = channels * 3 + 1) {
            size_t count = COUNTS[i];
            float *x = row_new(2 * count * channels, false), *mean = row_new(2 * channels, false);
            float *max = row_new(2 * channels, false);

            image_mean_all(x, mean, 2, count, channels, NULL);
            image_max_all(x, max, 2, count, channels, NULL);
            for (size_t c = 0; c < 2 * channels; c++) {
                const float *from = x + c / channels * count * channels + c % channels;
                double sum = 0, most = -INFINITY;

                for (size_t r = 0; r < count; r++) {
                    sum += (double)from[r * channels];
                    most = fmax(most, (double)from[r * channels]);
                }
                CHECK_NEAR((double)mean[c], sum / (double)count, 1e-5);
                CHECK_NEAR((double)max[c], most, 0);
            }
            free(x);
            free(mean);
            free(max);
        }
}

/* A mean that is large beside the deviations. */
TEST(norm_far_from_zero)
{
    enum { COUNT = 500, CHANNELS = 6 };
    static float x[COUNT * CHANNELS], y[COUNT * CHANNELS], scratch[64];
    float scale[CHANNELS], bias[CHANNELS];
    struct image_norm norm = {1, COUNT, CHANNELS, 2, x, scale, bias, CHANNELS, y, 0};

    CHECK(image_norm_scratch(CHANNELS) <= ARRAY_COUNT(scratch));
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = 100 + (float)random_below(1001) / 500;
    for (size_t c = 0; c < CHANNELS; c++) {
        scale[c] = 1 + (float)c;
        bias[c] = (float)c;
    }
    image_norm_run(&norm, scratch);
    for (size_t g = 0; g < 2; g++) {
        double sum = 0, squares = 0, mean, factor;

        for (size_t i = 0; i < COUNT * CHANNELS; i++)
            sum += i % CHANNELS / 3 == g ? (double)x[i] : 0;
        mean = sum / (COUNT * 3);
        for (size_t i = 0; i < COUNT * CHANNELS; i++)
            squares += i % CHANNELS / 3 == g ? ((double)x[i] - mean) * ((double)x[i] - mean) : 0;
        factor = 1 / sqrt(squares / (COUNT * 3));
        for (size_t i = 0; i < COUNT * CHANNELS; i++)
            if (i % CHANNELS / 3 == g)
                CHECK_NEAR((double)y[i],
                           ((double)x[i] - mean) * factor * (double)scale[i % CHANNELS] +
                               (double)bias[i % CHANNELS],
                           1e-4);
    }
}
