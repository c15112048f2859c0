// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/support.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"

enum { POWER_MAX = 64 };

enum status support_prepare(struct support *support, const struct support_function *function,
                            const double *vectors, size_t count, size_t features,
                            struct arena *keep, struct error *err)
{
    size_t size = gemm_packed_size(DTYPE_F64, features, count);
    double *norms = arena_new(keep, double, count);
    void *data = size > SIZE_MAX - 4096 ? NULL : arena_alloc(keep, size + 4096, 1); /* 64-aligned */

    if (!norms || !data)
        return error_no_memory(err, "support vectors");
    *support = (struct support){*function, count, features, {0}, norms};
    for (size_t i = 0; i < count * features; i++)
        norms[i / features] += vectors[i] * vectors[i];
    gemm_pack(&support->packed, DTYPE_F64, vectors, features, count, true, data);
    return STATUS_OK;
}

static bool is_whole(double degree)
{
    return degree == floor(degree) && degree >= 0 && degree <= POWER_MAX;
}

/* As libsvm: whole powers by multiplication. */
static double power(double base, double degree)
{
    double result = 1;

    if (!is_whole(degree))
        return pow(base, degree);
    for (int times = (int)degree; times > 0; times /= 2, base *= base)
        if (times % 2)
            result *= base;
    return result;
}

/* `power` of many: k[j] = (gamma k[j] + coef0)^degree. */
static void powers(const struct support_function *f, double *k, size_t count)
{
    enum { WIDE = 32 };

    for (size_t first = 0; first < count; first += WIDE) {
        size_t n = count - first < WIDE ? count - first : WIDE;
        double base[WIDE] = {0}, result[WIDE];

        memcpy(base, k + first, n * sizeof *k);
        for (size_t j = 0; j < WIDE; j++) {
            base[j] = f->gamma * base[j] + f->coef0;
            result[j] = 1;
        }
        for (int times = (int)f->degree; times > 0; times /= 2) {
            for (size_t j = 0; times % 2 && j < WIDE; j++)
                result[j] *= base[j];
            for (size_t j = 0; j < WIDE; j++)
                base[j] *= base[j];
        }
        memcpy(k + first, result, n * sizeof *k);
    }
}

static double value_of(const struct support_function *f, double sum)
{
    switch (f->kernel) {
    case SUPPORT_POLY:
        return power(f->gamma * sum + f->coef0, f->degree);
    case SUPPORT_SIGMOID:
        return tanh(f->gamma * sum + f->coef0);
    case SUPPORT_RBF: /* of the squared distance */
        return exp(-f->gamma * sum);
    case SUPPORT_LINEAR:
        break;
    }
    return sum;
}

double support_exact(const struct support_function *function, const double *x, const double *vector,
                     size_t features)
{
    double sum = 0;

    for (size_t i = 0; i < features; i++)
        sum += function->kernel == SUPPORT_RBF ? (x[i] - vector[i]) * (x[i] - vector[i])
                                               : x[i] * vector[i];
    return value_of(function, sum);
}

static support_radial *radial_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return support_radial_avx512;
    if (cpu_isa() == ISA_AVX2)
        return support_radial_avx2;
#endif
    return support_radial_portable;
}

void support_values(const struct support *support, const double *x, size_t rows, double *k)
{
    const struct support_function *f = &support->function;
    size_t count = support->vectors, features = support->features;

    gemm_run(&support->packed, x, rows, features, NULL, k, count);
    if (f->kernel == SUPPORT_LINEAR)
        return;
    if (f->kernel == SUPPORT_POLY && is_whole(f->degree)) {
        powers(f, k, rows * count);
        return;
    }
    for (size_t i = 0; i < rows; i++, x += features, k += count) {
        double square = 0;

        for (size_t j = 0; j < features; j++)
            square += x[j] * x[j];
        if (f->kernel == SUPPORT_RBF && f->gamma >= 0) {
            radial_of_machine()(k, support->norms, square, f->gamma, count);
            continue;
        }
        for (size_t j = 0; j < count; j++) {
            double distance = fmax(square + support->norms[j] - 2 * k[j], 0);

            k[j] = value_of(f, f->kernel == SUPPORT_RBF ? distance : k[j]);
        }
    }
}
