// SPDX-License-Identifier: Apache-2.0
#include "ops/op.h"

#include "test.h"

static const struct op *find(const char *domain, const char *name)
{
    return op_find(bytes_of(domain), bytes_of(name));
}

TEST(op_find_knows_domains)
{
    CHECK(find("", "Identity") != NULL);
    CHECK(find("ai.onnx", "Identity") == find("", "Identity"));
    CHECK(find("ai.onnx.ml", "Identity") == NULL);
    CHECK(find("", "identity") == NULL);
    CHECK(find("com.microsoft", "Identity") == NULL);
    CHECK(find("", "") == NULL);
}

static void visit(const char *domain, const struct op *op, void *context)
{
    CHECK(find(domain, op->name) == op);
    CHECK(op->summary && op->infer && op->run);
    CHECK(op->in_min <= op->in_max && op->out_min <= op->out_max);
    CHECK(op->out_max >= 1 && op->out_max <= OP_OUTPUTS_MAX);
    ++*(size_t *)context;
}

TEST(op_each_row_is_whole)
{
    size_t count = 0;

    op_each(visit, &count);
    CHECK(count >= 5);
}

TEST(dimensions_broadcast)
{
    static const struct op op = {.name = "Add"};
    static const struct {
        int64_t a, b, want;
    } CASES[] = {
        {3, 3, 3},  {1, 3, 3},   {3, 1, 3},    {0, 1, 0},    {-1, 1, -1},  {-1, 3, 3},
        {-2, 3, 3}, {-2, 1, -2}, {-2, -2, -2}, {-2, -3, -1}, {-1, -2, -1}, {0, -1, 0},
    };
    struct op_call call = {.op = &op};
    struct error err;
    int64_t got;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        CHECK_OK(dim_broadcast(CASES[i].a, CASES[i].b, &got, &call, &err), err);
        CHECK_INT(got, CASES[i].want);
    }
    CHECK_FAILS(dim_broadcast(2, 3, &got, &call, &err), err, STATUS_INVALID_INPUT, "Add");
}

TEST(shapes_broadcast)
{
    static const struct op op = {.name = "Add"};
    struct op_call call = {.op = &op};
    struct shape a = SHAPE(DIM_UNKNOWN, 1, 4), b = SHAPE(3, 1), unknown = shape_unknown(), got;
    struct shape want = SHAPE(DIM_UNKNOWN, 3, 4), wrong = SHAPE(5);
    struct error err;

    CHECK_OK(shape_broadcast(&a, &b, &got, &call, &err), err);
    CHECK(shape_equal(&got, &want));
    CHECK_OK(shape_broadcast(&a, &unknown, &got, &call, &err), err);
    CHECK_INT(got.rank, RANK_UNKNOWN);
    CHECK_FAILS(shape_broadcast(&a, &wrong, &got, &call, &err), err, STATUS_INVALID_INPUT,
                "shapes [?,1,4] and [5] do not broadcast");
}

TEST(axes_are_checked)
{
    static const struct op op = {.name = "Concat"};
    struct op_call call = {.op = &op};
    struct error err;
    int axis;

    CHECK_OK(op_axis(&call, -1, 3, &axis, &err), err);
    CHECK_INT(axis, 2);
    CHECK_OK(op_axis(&call, -3, 3, &axis, &err), err);
    CHECK_INT(axis, 0);
    CHECK_FAILS(op_axis(&call, 3, 3, &axis, &err), err, STATUS_INVALID_INPUT, "axis 3");
    CHECK_FAILS(op_axis(&call, INT64_MIN, 3, &axis, &err), err, STATUS_INVALID_INPUT, "axis");
}

TEST(dtypes_are_checked)
{
    static const struct op op = {.name = "Add"};
    struct tensor in[2] = {{.dtype = DTYPE_F32}, {.dtype = DTYPE_I8}};
    struct op_call call = {.op = &op, .in = in, .in_count = 2};
    struct error err;

    CHECK_OK(op_wants(&call, 0, DTYPES_FLOAT, &err), err);
    CHECK_FAILS(op_wants(&call, 1, DTYPES_FLOAT, &err), err, STATUS_UNSUPPORTED, "int8");
    CHECK_FAILS(op_wants(&call, 2, DTYPES_ANY, &err), err, STATUS_INVALID_INPUT, "missing");
    CHECK_FAILS(op_wants_same(&call, 0, 1, &err), err, STATUS_INVALID_INPUT, "float");
}

TEST(attributes_have_kinds)
{
    static const int64_t INTS[] = {1, 2, 3};
    struct attribute items[] = {
        {.name = "i", .kind = ATTRIBUTE_INT, .i = 7},
        {.name = "f", .kind = ATTRIBUTE_FLOAT, .f = 0.5},
        {.name = "s", .kind = ATTRIBUTE_STRING, .s = bytes_of("text")},
        {.name = "ints", .kind = ATTRIBUTE_INTS, .count = 3, .ints = INTS},
    };
    struct attributes attributes = {items, ARRAY_COUNT(items)};
    size_t count;

    CHECK_INT(attribute_int(&attributes, "i", 0), 7);
    CHECK_INT(attribute_int(&attributes, "f", 3), 3);
    CHECK_NEAR(attribute_float(&attributes, "i", 0), 7, 0);
    CHECK_NEAR(attribute_float(&attributes, "f", 0), 0.5, 0);
    CHECK_NEAR(attribute_float(NULL, "f", 2), 2, 0);
    CHECK(attribute_is(&attributes, "s", "text") && !attribute_is(&attributes, "i", "text"));
    CHECK(bytes_is(attribute_string(&attributes, "none", "other"), "other"));
    CHECK(attribute_ints(&attributes, "ints", &count) == INTS);
    CHECK_INT(count, 3);
    CHECK(attribute_ints(&attributes, "i", &count) == NULL);
    CHECK_INT(count, 0);
}
