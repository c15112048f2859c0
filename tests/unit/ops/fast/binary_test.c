// SPDX-License-Identifier: Apache-2.0
/* Every operator of two tensors that has fast loops: beside the reference, with broadcasting. */
#include "ops/fast/elementwise/binary.h"

#include "unit/ops/fast/operator.h"

#include "test.h"

static const char *const NAMES[] = {"Add",  "Sub",         "Mul",     "Div",
                                    "Max",  "Min",         "PRelu",   "Equal",
                                    "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};

static const struct {
    int a_rank, b_rank;
    int64_t a[4], b[4];
} SHAPES[] = {
    {1, 1, {0}, {0}},
    {1, 1, {1}, {1}},
    {1, 1, {100}, {100}},
    {1, 0, {37}, {0}},
    {0, 1, {0}, {37}},
    {2, 1, {5, 33}, {33}},
    {2, 1, {200, 3}, {3}},
    {1, 2, {3}, {200, 3}},
    {2, 2, {200, 1}, {1, 5}},
    {4, 3, {2, 3, 4, 5}, {3, 1, 1}},
    {4, 4, {2, 1, 4, 5}, {1, 3, 1, 5}},
    {3, 3, {2, 0, 5}, {1, 1, 5}},
    {3, 1, {7, 11, 70}, {70}},
    {2, 2, {1, 300}, {9, 1}},
};

static void check_shapes(const char *name, enum dtype dtype, size_t s)
{
    bool division = !strcmp(name, "Div") && dtype != DTYPE_F32 && dtype != DTYPE_F64;
    struct operator_call fast = {"", name, .in_count = 2, .out_count = 1}, reference;
    struct error err;
    size_t at;

    fast.in[0] = tensor_made(dtype, SHAPES[s].a_rank, SHAPES[s].a, 5, -4, 4);
    fast.in[1] = tensor_made(dtype, SHAPES[s].b_rank, SHAPES[s].b, 9, division ? 1 : -4, 4);
    for (size_t i = 0; i < tensor_count(&fast.in[0]) && dtype_is_float(dtype); i += 5)
        tensor_set_f64(&fast.in[0], i, i % 2 ? (double)NAN : -(double)INFINITY);
    for (size_t i = 3; i < tensor_count(&fast.in[1]) && dtype_is_float(dtype); i += 7)
        tensor_set_f64(&fast.in[1], i, i % 2 ? (double)NAN : -0.0);
    reference = fast;
    if (!operator_call_run(&fast, false, &err)) {
        CHECK_OK(operator_call_run(&reference, true, &err), err);
        at = tensor_differs(&fast.out[0], &reference.out[0], 0, 0);
        if (at != SIZE_MAX)
            fail_msg("%s %s %s, shapes %zu, element %zu: %g, not %g", isa_name(cpu_isa()), name,
                     dtype_name(dtype), s, at, tensor_f64(&fast.out[0], at),
                     tensor_f64(&reference.out[0], at));
        operator_call_free(&reference);
    } else { /* a slope does not broadcast x */
        CHECK_TEXT(name, "PRelu");
    }
    operator_call_free(&fast);
    free(fast.in[0].data);
    free(fast.in[1].data);
}

static void check_isa(const char *isa)
{
    static const enum dtype DTYPES[] = {DTYPE_F32, DTYPE_F64, DTYPE_I32, DTYPE_I64};
    struct error err;

    if (cpu_isa_force(isa, &err)) {
        printf("SKIPPED %s: %s\n", isa, err.text);
        return;
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        for (size_t d = 0; d < 4; d++)
            for (size_t s = 0; s < sizeof SHAPES / sizeof *SHAPES; s++)
                check_shapes(NAMES[i], DTYPES[d], s);
}

TEST(binary_fast_is_as_reference)
{
    check_isa("portable");
    check_isa("avx2");
    check_isa("avx512");
}
