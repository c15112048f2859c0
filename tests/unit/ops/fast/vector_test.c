// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/vector.h"

#include <float.h>
#include <math.h>

#include "base/cpu.h"
#include "test.h"

static double gelu(double x)
{
    return x / 2 * erfc(-x * M_SQRT1_2);
}

static double gelu_tanh(double x)
{
    return x / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x)));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* Bounds in units of the last place of the exact value, above what every 211th float has. */
static const struct {
    const char *name;
    enum vector_function function;
    double (*exact)(double);
    double bound;
} FUNCTIONS[] = {
    {"exp", VECTOR_EXP, exp, 1},
    {"log", VECTOR_LOG, log, 1},
    {"tanh", VECTOR_TANH, tanh, 1.5},
    {"sigmoid", VECTOR_SIGMOID, sigmoid, 2},
    {"erf", VECTOR_ERF, erf, 1.5},
    {"sin", VECTOR_SIN, sin, 2},
    {"cos", VECTOR_COS, cos, 2},
    {"gelu", VECTOR_GELU, gelu, 2},
    {"gelu_tanh", VECTOR_GELU_TANH, gelu_tanh, 2},
    {"softplus", VECTOR_SOFTPLUS, softplus, 2},
};

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* |got - want| in units of the last place of a float near want. */
static double ulps(float got, double want)
{
    int exponent;

    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(got) || isinf(want) || fabs(want) > FLT_MAX) {
        if ((double)got == want || (isinf(got) && fabs(want) > 0x1.ffffffp127 && got * want > 0))
            return 0;
        if (isinf(got) || isinf(want))
            return INFINITY;
    }
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

enum { BLOCK = 1024 };

static double worst_of(size_t f, uint32_t stride, float *where)
{
    float x[BLOCK], y[BLOCK];
    double worst = 0;

    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        size_t n = 0;
        for (; n < BLOCK && bits <= UINT32_MAX; bits += stride)
            x[n++] = from_bits((uint32_t)bits);
        vector_apply(FUNCTIONS[f].function, x, y, n);
        for (size_t i = 0; i < n; i++) {
            double error = ulps(y[i], FUNCTIONS[f].exact(x[i]));
            if (!(error <= worst))
                worst = error, *where = x[i];
        }
    }
    return worst;
}

static void check_errors(const char *isa)
{
    const char *stride = getenv("FIRN_ULP_STRIDE"); /* 1: all floats, minutes */
    struct error err;

    if (cpu_isa_force(isa, &err)) {
        printf("SKIPPED %s: %s\n", isa, err.text);
        return;
    }
    for (size_t f = 0; f < sizeof FUNCTIONS / sizeof *FUNCTIONS; f++) {
        float where = 0;
        double worst = worst_of(f, stride ? (uint32_t)atoi(stride) : 10007, &where);
        if (stride)
            printf("%-9s %-10s %.3f ulp at %.9g\n", isa, FUNCTIONS[f].name, worst, (double)where);
        if (!stride && !(worst <= FUNCTIONS[f].bound * (strcmp(isa, "portable") ? 1 : 1.15)))
            fail_msg("%s, %s: %g ulp at %.9g", isa, FUNCTIONS[f].name, worst, (double)where);
    }
}

TEST(vector_error_is_bounded)
{
    check_errors("portable");
    check_errors("avx2");
    check_errors("avx512");
}

static void check_specials(const char *isa)
{
    static const struct {
        enum vector_function function;
        float x, y;
    } CASES[] = {
        {VECTOR_EXP, INFINITY, INFINITY},
        {VECTOR_EXP, -INFINITY, 0},
        {VECTOR_EXP, 0, 1},
        {VECTOR_LOG, 0, -INFINITY},
        {VECTOR_LOG, -0.0f, -INFINITY},
        {VECTOR_LOG, INFINITY, INFINITY},
        {VECTOR_LOG, 1, 0},
        {VECTOR_LOG, -1, NAN},
        {VECTOR_LOG, -INFINITY, NAN},
        {VECTOR_TANH, INFINITY, 1},
        {VECTOR_TANH, -INFINITY, -1},
        {VECTOR_TANH, -0.0f, -0.0f},
        {VECTOR_SIGMOID, INFINITY, 1},
        {VECTOR_SIGMOID, -INFINITY, 0},
        {VECTOR_SIGMOID, 0, 0.5f},
        {VECTOR_ERF, INFINITY, 1},
        {VECTOR_ERF, -INFINITY, -1},
        {VECTOR_ERF, -0.0f, -0.0f},
        {VECTOR_SIN, -0.0f, -0.0f},
        {VECTOR_SIN, INFINITY, NAN},
        {VECTOR_COS, -0.0f, 1},
        {VECTOR_COS, -INFINITY, NAN},
        {VECTOR_GELU, INFINITY, INFINITY},
        {VECTOR_GELU, -INFINITY, -0.0f},
        {VECTOR_GELU, -0.0f, -0.0f},
        {VECTOR_GELU_TANH, INFINITY, INFINITY},
        {VECTOR_GELU_TANH, -0.0f, -0.0f},
        {VECTOR_GELU_TANH, -INFINITY, -0.0f},
        {VECTOR_SOFTPLUS, -INFINITY, 0},
        {VECTOR_SOFTPLUS, INFINITY, INFINITY},
    };
    struct error err;

    if (cpu_isa_force(isa, &err))
        return;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        float y;
        vector_apply(CASES[i].function, &CASES[i].x, &y, 1);
        if (isnan(CASES[i].y) ? !isnan(y) : y != CASES[i].y || signbit(y) != signbit(CASES[i].y))
            fail_msg("%s, function %d of %g: %g", isa, CASES[i].function, (double)CASES[i].x,
                     (double)y);
    }
    for (int f = 0; f < VECTOR_FUNCTIONS; f++) {
        float x = NAN, y = 0;
        vector_apply((enum vector_function)f, &x, &y, 1);
        CHECK(isnan(y));
    }
}

TEST(vector_special_values)
{
    check_specials("portable");
    check_specials("avx2");
    check_specials("avx512");
}

/* The same answer wherever an element stands, and nothing beyond the end is read or written. */
static void check_lengths(const char *isa)
{
    float x[100], all[100];
    struct error err;

    if (cpu_isa_force(isa, &err))
        return;
    for (int i = 0; i < 100; i++)
        x[i] = (float)(i - 50) / 7;
    for (int f = 0; f < VECTOR_FUNCTIONS; f++) {
        vector_apply((enum vector_function)f, x, all, 100);
        for (size_t n = 0; n <= 100; n++) {
            float *in = malloc(n * sizeof *in + 1), *out = malloc(n * sizeof *out + 1);
            memcpy(in, x, n * sizeof *in);
            vector_apply((enum vector_function)f, in, out, n);
            CHECK(!memcmp(out, all, n * sizeof *out));
            vector_apply((enum vector_function)f, in, in, n);
            CHECK(!memcmp(in, all, n * sizeof *in));
            free(in), free(out);
        }
    }
    for (size_t n = 0; n <= 100; n++) {
        float *y = malloc(n * sizeof *y + 1);
        double want = 0;
        float sum = vector_exp_sum(x, 7, y, n);
        for (size_t i = 0; i < n; i++) {
            want += exp(x[i] - 7);
            CHECK(ulps(y[i], exp(x[i] - 7)) <= 1);
        }
        CHECK_NEAR(sum, want, 1e-6 * want);
        free(y);
    }
}

TEST(vector_lengths)
{
    check_lengths("portable");
    check_lengths("avx2");
    check_lengths("avx512");
}
