// SPDX-License-Identifier: Apache-2.0
/* Every operator of one tensor: the fast function beside the reference kernel. */
#include "ops/fast/elementwise/unary.h"

#include "unit/ops/fast/operator.h"
#include "test.h"

static const float SPECIAL[] = {-INFINITY, 705,     720,    -720,    -745,  -800,     0.0f, -0.0f,
                                1e-40f,    -1e-40f, 1e-10f, -1e-10f, 0.5f,  -0.5f,    1.5f, -2.5f,
                                20,        -20,     88,     -88,     100,   -100,     110,  -104,
                                1e9f,      -1e9f,   3e38f,  -3e38f,  1e-3f, INFINITY, NAN};

static void check_values(const char *name, struct tensor *x, const struct attribute *attributes,
                         size_t count)
{
    double step = x->dtype == DTYPE_F64   ? 1e-15
                  : x->dtype == DTYPE_F32 ? 4e-7
                  : x->dtype == DTYPE_F16 ? 1e-3
                                          : 8e-3;
    double least = x->dtype == DTYPE_F64 ? 1e-300 : 4e-7;
    struct operator_call fast = {"",
                                 name,
                                 .attributes = attributes,
                                 .attribute_count = count,
                                 .in_count = 1,
                                 .out_count = 1,
                                 .in = {*x}};
    struct operator_call reference = fast;
    struct error err;
    size_t at;

    CHECK_OK(operator_call_run(&fast, false, &err), err);
    CHECK_OK(operator_call_run(&reference, true, &err), err);
    at = tensor_differs(&fast.out[0], &reference.out[0], step, least);
    if (at != SIZE_MAX)
        fail_msg("%s %s of %g: %.9g, not %.9g", isa_name(cpu_isa()), name, tensor_f64(x, at),
                 tensor_f64(&fast.out[0], at), tensor_f64(&reference.out[0], at));
    operator_call_free(&fast);
    operator_call_free(&reference);
}

static void check_function(const char *name, enum dtype dtype)
{
    static const struct attribute PARAMETERS[] = {
        {.name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = 0.75},
        {.name = "gamma", .kind = ATTRIBUTE_FLOAT, .f = 1.25},
        {.name = "beta", .kind = ATTRIBUTE_FLOAT, .f = 0.25},
        {.name = "lambd", .kind = ATTRIBUTE_FLOAT, .f = 0.25},
        {.name = "bias", .kind = ATTRIBUTE_FLOAT, .f = 0.125}};
    static const int64_t COUNTS[] = {0, 1, 7, 16, 33, 1023, 2500};
    struct tensor x;

    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        x = tensor_made(dtype, 1, &COUNTS[i], 7, -6, 6);
        check_values(name, &x, NULL, 0);
        check_values(name, &x, PARAMETERS, 5);
        free(x.data);
    }
    x = tensor_made(dtype, 1, (int64_t[]){sizeof SPECIAL / sizeof *SPECIAL}, 1, 0, 1);
    for (size_t i = 0; i < sizeof SPECIAL / sizeof *SPECIAL; i++)
        /* of Gelu the limit at -infinity is 0; the formula in floats has NaN */
        tensor_set_f64(&x, i, strcmp(name, "Gelu") || !(SPECIAL[i] < -100) ? SPECIAL[i] : -100);
    check_values(name, &x, NULL, 0);
    free(x.data);
}

static void check_isa(const char *isa)
{
    static const enum dtype DTYPES[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F64};
    static const char *const NAMES[] = {
#define UNARY(name, text, expression, exact) text,
#include "ops/fast/elementwise/unary.def"
#undef UNARY
    };
    struct error err;

    if (cpu_isa_force(isa, &err)) {
        printf("SKIPPED %s: %s\n", isa, err.text);
        return;
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        for (size_t d = 0; d < 4 && op_find(bytes_of(""), bytes_of(NAMES[i])); d++)
            check_function(NAMES[i], DTYPES[d]);
}

TEST(unary_fast_is_as_reference)
{
    check_isa("portable");
    check_isa("avx2");
    check_isa("avx512");
}

TEST(unary_gelu_tanh_is_as_reference)
{
    static const struct attribute TANH[] = {
        {.name = "approximate", .kind = ATTRIBUTE_STRING, .s = {(const uint8_t *)"tanh", 4}}};
    struct tensor x = tensor_made(DTYPE_F32, 1, (int64_t[]){5000}, 3, -4, 8);

    check_values("Gelu", &x, TANH, 1);
    free(x.data);
}

/* Clip, and the exponents of Pow that are no true power. */
static void check_with(const char *name, struct tensor *x, const float *values, size_t count)
{
    struct operator_call fast = {"", name, .in_count = 1 + count, .out_count = 1, .in = {*x}};
    struct operator_call reference;
    struct error err;

    for (size_t i = 0; i < count; i++)
        fast.in[1 + i] = (struct tensor){.dtype = DTYPE_F32, .data = (void *)&values[i]};
    reference = fast;
    CHECK_OK(operator_call_run(&fast, false, &err), err);
    CHECK_OK(operator_call_run(&reference, true, &err), err);
    CHECK(tensor_differs(&fast.out[0], &reference.out[0], 2e-7, 0) == SIZE_MAX);
    operator_call_free(&fast);
    operator_call_free(&reference);
}

TEST(unary_clip_and_pow)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    static const float BOUNDS[] = {-1, 2}, CROSSED[] = {2, -1}, EXPONENTS[] = {2, 3, 0.5, -1, 1.5};
    struct tensor x = tensor_made(DTYPE_F32, 1, (int64_t[]){1001}, 3, -4, 4);
    struct error err;

    for (size_t i = 0; i < sizeof SPECIAL / sizeof *SPECIAL; i++)
        ((float *)x.data)[i] = SPECIAL[i];
    for (size_t i = 0; i < 3; i++) {
        if (cpu_isa_force(ISAS[i], &err))
            continue;
        check_with("Clip", &x, BOUNDS, 2);
        check_with("Clip", &x, CROSSED, 2);
        check_with("Clip", &x, BOUNDS, 1);
        for (size_t k = 0; k < 5; k++)
            check_with("Pow", &x, &EXPONENTS[k], 1);
    }
    free(x.data);
}

/* Halves: every one of them to float and back, and floats between them. */
TEST(unary_casts_of_halves)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    static const enum dtype HALVES[] = {DTYPE_F16, DTYPE_BF16};
    struct tensor x = tensor_made(DTYPE_F32, 1, (int64_t[]){70001}, 3, -70000, 70000), halves;
    struct error err;

    for (uint32_t i = 0; i < 70001; i++) { /* all exponents, ends and middles of the rounding */
        uint32_t bits = (i * 2654435761u & 0xfffff000u) | (i % 3 ? i % 5 : 0x800);
        memcpy((float *)x.data + i, &bits, sizeof bits);
    }
    halves = tensor_made(DTYPE_U16, 1, (int64_t[]){65536}, 1, 0, 1);
    for (uint32_t i = 0; i < 65536; i++)
        ((uint16_t *)halves.data)[i] = (uint16_t)i;
    for (size_t k = 0; k < 6; k++) {
        struct attribute to[] = {{.name = "to", .kind = ATTRIBUTE_INT, .i = k % 2 ? 16 : 10}};

        if (cpu_isa_force(ISAS[k / 2], &err))
            continue;
        check_values("Cast", &x, to, 1);
        to[0].i = 1;
        halves.dtype = HALVES[k % 2];
        check_values("Cast", &halves, to, 1);
    }
    free(x.data);
    free(halves.data);
}
