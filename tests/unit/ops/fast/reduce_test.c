// SPDX-License-Identifier: Apache-2.0
/* Reductions of floats beside the reference: every function, rows, columns, middle axes, all. */
#include "ops/fast/reduce/reduce.h"

#include "unit/ops/fast/operator.h"

#include "test.h"

static const char *const NAMES[] = {"ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1",
                                    "ReduceL2",  "ReduceMax",  "ReduceMin"};

static const struct {
    int rank;
    int64_t dims[4];
    size_t axes;
    int64_t axis[4];
} SHAPES[] = {
    {1, {1}, 1, {0}},
    {1, {1000}, 1, {0}},
    {2, {5, 33}, 1, {1}},
    {2, {33, 5}, 1, {0}},
    {2, {40, 300}, 1, {0}},
    {3, {4, 17, 35}, 1, {1}},
    {4, {3, 4, 5, 6}, 2, {1, 3}},
    {4, {3, 4, 5, 6}, 2, {0, 2}},
    {4, {2, 9, 7, 7}, 2, {2, 3}},
    {4, {2, 3, 4, 5}, 4, {0, 1, 2, 3}},
    {2, {3, 0}, 1, {1}},
    {2, {0, 3}, 1, {0}},
    {2, {3, 0}, 1, {0}},
    {3, {1, 1, 1}, 1, {1}},
    {3, {5, 1, 70}, 1, {1}},
};

static void compare(struct operator_call *fast, const char *what, size_t s)
{
    struct operator_call reference = *fast;
    struct error err;
    size_t at;

    CHECK_OK(operator_call_run(fast, false, &err), err);
    CHECK_OK(operator_call_run(&reference, true, &err), err);
    at = tensor_differs(&fast->out[0], &reference.out[0], 2e-7, 1e-6);
    if (at != SIZE_MAX)
        fail_msg("%s %s, shape %zu, element %zu: %g, not %g", isa_name(cpu_isa()), what, s, at,
                 tensor_f64(&fast->out[0], at), tensor_f64(&reference.out[0], at));
    operator_call_free(fast);
    operator_call_free(&reference);
}

static void check_reduce(const char *name, size_t s, double special)
{
    struct tensor x = tensor_made(DTYPE_F32, SHAPES[s].rank, SHAPES[s].dims, 3, -4, 4);
    struct tensor axes = {.dtype = DTYPE_I64,
                          .shape = {.rank = 1, .dims = {(int64_t)SHAPES[s].axes}},
                          .data = (void *)SHAPES[s].axis};
    struct operator_call call = {"", name, .in_count = 2, .out_count = 1, .in = {x, axes}};

    for (size_t i = 5; i < tensor_count(&x) && special != 0; i += 97)
        tensor_set_f64(&x, i, i % 2 ? special : -special);
    compare(&call, name, s);
    free(x.data);
}

static void check_arg(const char *name, int64_t n, double special, int64_t last)
{
    struct attribute attributes[] = {
        {.name = "axis", .kind = ATTRIBUTE_INT, .i = 1},
        {.name = "select_last_index", .kind = ATTRIBUTE_INT, .i = last}};
    struct tensor x = tensor_made(DTYPE_F32, 2, (int64_t[]){3, n}, 3, -4, 4);
    struct operator_call call = {"",
                                 name,
                                 .attributes = attributes,
                                 .attribute_count = 2,
                                 .in_count = 1,
                                 .out_count = 1,
                                 .in = {x}};

    for (int64_t i = 0; i < 3 * n; i++) { /* equal ones */
        float *v = (float *)x.data + i;
        *v = i % 11 == 5 && special != 0 ? (float)special : roundf(*v);
    }
    compare(&call, name, (size_t)n);
    free(x.data);
}

TEST(reduce_fast_is_as_reference)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    struct error err;

    for (size_t i = 0; i < 3; i++) {
        if (cpu_isa_force(ISAS[i], &err)) {
            printf("SKIPPED %s: %s\n", ISAS[i], err.text);
            continue;
        }
        for (size_t f = 0; f < sizeof NAMES / sizeof *NAMES; f++)
            for (size_t s = 0; s < sizeof SHAPES / sizeof *SHAPES; s++) {
                check_reduce(NAMES[f], s, 0);
                check_reduce(NAMES[f], s, (double)INFINITY);
                check_reduce(NAMES[f], s, (double)NAN);
            }
        for (int64_t n = 1; n < 80; n += 3)
            for (int64_t last = 0; last < 2; last++) {
                check_arg("ArgMax", n, 0, last);
                check_arg("ArgMin", n, 0, last);
                check_arg("ArgMax", n, (double)NAN, last);
                check_arg("ArgMin", n, -(double)INFINITY, last);
            }
    }
}
