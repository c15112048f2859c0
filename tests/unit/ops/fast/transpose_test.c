// SPDX-License-Identifier: Apache-2.0
/* Transpose and the other strided copies: tiles beside plain loops, all element sizes. */
#include "ops/fast/move/transpose.h"

#include "unit/ops/fast/operator.h"

#include "test.h"

static void check(const char *name, enum dtype dtype, int rank, const int64_t *dims,
                  const int64_t *perm)
{
    struct attribute attribute = {
        .name = "perm", .kind = ATTRIBUTE_INTS, .count = (size_t)rank, .ints = perm};
    struct operator_call fast = {
        "", name, .attributes = &attribute, .attribute_count = 1, .in_count = 1, .out_count = 1};
    struct operator_call reference;
    struct error err;

    fast.in[0] = tensor_made(dtype, rank, dims, 3, 0, 255);
    reference = fast;
    CHECK_OK(operator_call_run(&fast, false, &err), err);
    CHECK_OK(operator_call_run(&reference, true, &err), err);
    if (memcmp(fast.out[0].data, reference.out[0].data, tensor_bytes(&fast.out[0])))
        fail_msg("%s, %s, %lld by %lld ...", isa_name(cpu_isa()), dtype_name(dtype),
                 (long long)dims[0], (long long)dims[1]);
    operator_call_free(&fast);
    operator_call_free(&reference);
    free(fast.in[0].data);
}

TEST(transpose_tiles_are_as_loops)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    static const enum dtype DTYPES[] = {DTYPE_U8, DTYPE_F16, DTYPE_F32, DTYPE_F64};
    static const int64_t SIDES[] = {0, 1, 3, 4, 8, 9, 16, 31, 70};
    enum { COUNT = sizeof SIDES / sizeof *SIDES };
    struct error err;

    for (size_t i = 0; i < 3; i++) {
        if (cpu_isa_force(ISAS[i], &err)) {
            printf("SKIPPED %s: %s\n", ISAS[i], err.text);
            continue;
        }
        for (size_t d = 0; d < 4; d++)
            for (size_t k = 0; k < COUNT * COUNT; k++) {
                int64_t dims[] = {SIDES[k / COUNT], SIDES[k % COUNT], 3, 2};

                check("Transpose", DTYPES[d], 2, dims, (int64_t[]){1, 0});
                check("Transpose", DTYPES[d], 4, dims, (int64_t[]){2, 1, 0, 3});
                check("Transpose", DTYPES[d], 3, dims, (int64_t[]){2, 1, 0});
            }
        check("Transpose", DTYPE_F32, 4, (int64_t[]){2, 12, 9, 10}, (int64_t[]){0, 2, 3, 1});
        check("Transpose", DTYPE_F32, 4, (int64_t[]){2, 9, 10, 12}, (int64_t[]){0, 3, 1, 2});
    }
}
