// SPDX-License-Identifier: Apache-2.0
/* firn.Chain: blocks beside the reference, with whole inputs, rows short and long, and numbers. */
#include "ops/fast/elementwise/chain.h"

#include "unit/ops/fast/operator.h"

#include "test.h"

static struct bytes OPS[7];

static void check_shapes(int64_t rows, int64_t columns, bool wide)
{
    static const int64_t OPERANDS[] = {0, 1, 4, -1, 5, 2, 6, 0, 7, -1, 8, 3, 9, -1};
    static const double PARAMETERS[14] = {[8] = -2, [9] = 3, [12] = 0.25};
    const struct attribute attributes[] = {
        {.name = "ops", .kind = ATTRIBUTE_STRINGS, .count = 7, .strings = OPS},
        {.name = "operands", .kind = ATTRIBUTE_INTS, .count = 14, .ints = OPERANDS},
        {.name = "parameters", .kind = ATTRIBUTE_FLOATS, .count = 14, .floats = PARAMETERS}};
    struct operator_call fast = {"firn",
                                 "Chain",
                                 .attributes = attributes,
                                 .attribute_count = 3,
                                 .in_count = 4,
                                 .out_count = 1},
                         reference;
    int64_t whole[] = {rows, columns, 2};
    struct error err;
    size_t at;

    fast.in[0] = tensor_made(DTYPE_F32, 3, whole, 1, -2, 2);
    fast.in[1] = tensor_made(DTYPE_F32, wide ? 3 : 2, wide ? whole : whole + 1, 2, -2, 2);
    fast.in[2] = tensor_made(DTYPE_F32, 1, (int64_t[]){2}, 3, -2, 2);
    fast.in[3] = tensor_made(DTYPE_F32, 0, whole, 4, 1, 2);
    reference = fast;
    CHECK_OK(operator_call_run(&fast, false, &err), err);
    CHECK_OK(operator_call_run(&reference, true, &err), err);
    at = tensor_differs(&fast.out[0], &reference.out[0], 1e-6, 1e-6);
    if (at != SIZE_MAX)
        fail_msg("%s, %lld x %lld, element %zu: %g, not %g", isa_name(cpu_isa()), (long long)rows,
                 (long long)columns, at, tensor_f64(&fast.out[0], at),
                 tensor_f64(&reference.out[0], at));
    operator_call_free(&fast);
    operator_call_free(&reference);
    for (size_t i = 0; i < 4; i++)
        free(fast.in[i].data);
}

TEST(chain_fast_is_as_reference)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    static const char *const NAMES[] = {"Mul", "Tanh", "Add", "Sub", "Clip", "Div", "LeakyRelu"};
    struct error err;

    for (size_t i = 0; i < 7; i++)
        OPS[i] = bytes_of(NAMES[i]);
    for (size_t i = 0; i < 3; i++) {
        if (cpu_isa_force(ISAS[i], &err)) {
            printf("SKIPPED %s: %s\n", ISAS[i], err.text);
            continue;
        }
        for (int wide = 0; wide < 2; wide++) {
            check_shapes(0, 3, wide);
            check_shapes(1, 1, wide);
            check_shapes(7, 5, wide);
            check_shapes(40, 33, wide);
            check_shapes(5, 700, wide);
            check_shapes(3, 256, wide);
        }
    }
}

/* What does not fit is refused, not read beyond. */
TEST(chain_refuses_other_shapes)
{
    static const int64_t OPERANDS[] = {0, 1};
    static const double PARAMETERS[2];
    const struct attribute attributes[] = {
        {.name = "ops", .kind = ATTRIBUTE_STRINGS, .count = 1, .strings = OPS},
        {.name = "operands", .kind = ATTRIBUTE_INTS, .count = 2, .ints = OPERANDS},
        {.name = "parameters", .kind = ATTRIBUTE_FLOATS, .count = 2, .floats = PARAMETERS}};
    struct operator_call call = {
        "firn",        "Chain",       .attributes = attributes, .attribute_count = 3,
        .in_count = 2, .out_count = 1};
    struct error err;

    OPS[0] = bytes_of("Mul");
    call.in[0] = tensor_made(DTYPE_F32, 2, (int64_t[]){3, 4}, 1, 0, 1);
    call.in[1] = tensor_made(DTYPE_F32, 2, (int64_t[]){3, 1}, 1, 0, 1);
    CHECK_FAILS(operator_call_run(&call, false, &err), err, STATUS_UNSUPPORTED, "input 1");
    OPS[0] = bytes_of("Foo");
    CHECK_FAILS(operator_call_run(&call, false, &err), err, STATUS_UNSUPPORTED, "'Foo'");
    free(call.in[0].data);
    free(call.in[1].data);
}
