// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <math.h>

#include "test.h"

static struct field FIELDS[] = {
    {.name = "age", .dtype = DTYPE_F64, .shape = {1, {-1}}},
    {.name = "job", .dtype = DTYPE_STRING, .shape = {2, {-1, 1}}},
    {.name = "flag", .dtype = DTYPE_BOOL, .shape = {1, {-1}}},
    {.name = "children", .dtype = DTYPE_I32, .shape = {1, {-1}}},
};
static const struct signature TABLE = {
    .name = "predict", .inputs = FIELDS, .input_count = 4, .columns = true};
static struct field MATRIX_FIELD = {.name = "x", .dtype = DTYPE_F32, .shape = {2, {-1, 2}}};
static const struct signature MATRIX = {
    .name = "predict", .inputs = &MATRIX_FIELD, .input_count = 1};
static struct field TEXT_FIELD = {.name = "text", .dtype = DTYPE_STRING, .shape = {1, {-1}}};
static const struct signature TEXT = {.name = "predict", .inputs = &TEXT_FIELD, .input_count = 1};

static enum status read(const char *text, const struct signature *signature, struct given **given,
                        size_t *count, struct arena *keep, struct error *err)
{
    struct csv csv;

    arena_init(keep, 1 << 20);
    memset(err, 0, sizeof *err);
    CHECK_OK(csv_parse(bytes_of(text), &csv, keep, err), *err);
    return table_columns(&csv, signature, NULL, given, count, keep, err);
}

TEST(cells_become_what_the_field_is)
{
    struct arena keep;
    struct error err;
    struct given *given;
    size_t count;

    CHECK_OK(read("children,unused,flag,job,age\n2,x,true,clerk,40.5\n3.0,x,0,,\n-1,x,1,\"\",N/A\n",
                  &TABLE, &given, &count, &keep, &err),
             err);
    CHECK_INT(count, 4);
    CHECK_TEXT(given[0].name, "age");
    CHECK_NEAR(tensor_f64(&given[0].tensor, 0), 40.5, 0);
    CHECK(isnan(tensor_f64(&given[0].tensor, 1)) && isnan(tensor_f64(&given[0].tensor, 2)));
    CHECK(!((struct bytes *)given[1].tensor.data)[1].data); /* missing */
    CHECK(((struct bytes *)given[1].tensor.data)[2].data);  /* "" */
    CHECK_INT(tensor_i64(&given[2].tensor, 0), 1);
    CHECK_INT(tensor_i64(&given[2].tensor, 1), 0);
    CHECK_INT(given[3].tensor.dtype, DTYPE_I32);
    CHECK_INT(tensor_i64(&given[3].tensor, 1), 3);
    CHECK_INT(tensor_i64(&given[3].tensor, 2), -1);
    arena_release(&keep);
}

TEST(truths_are_numbers_where_numbers_are_wanted)
{
    struct arena keep;
    struct error err;
    struct given *given;
    size_t count;

    CHECK_OK(read("children,flag,job,age\n2,1,a,True\n2,0,a,FALSE\n2,0,a,None\n", &TABLE, &given,
                  &count, &keep, &err),
             err);
    CHECK_NEAR(tensor_f64(&given[0].tensor, 0), 1, 0);
    CHECK_NEAR(tensor_f64(&given[0].tensor, 1), 0, 0);
    CHECK(isnan(tensor_f64(&given[0].tensor, 2)));
    arena_release(&keep);
}

TEST(bad_cells_say_where)
{
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"age,job,flag,children\nold,a,1,1\n",
         "row 1, column \"age\" (double): \"old\": is no number"},
        {"age,job,flag,children\n1,a,1,1\n1,a,maybe,1\n",
         "row 2, column \"flag\" (bool): \"maybe\": is neither true nor false"},
        {"age,job,flag,children\n1,a,1,1.5\n",
         "column \"children\" (int32): \"1.5\": element 0, 1.5"},
        {"age,job,flag,children\n1,a,1,\n",
         "column \"children\" (int32): \"\": is no whole number"},
        {"age,job,flag,children\n1,a,1,99999999999\n", "does not fit int32"},
        {"age,flag\n1,1\n", "the table has no column job, children"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct arena keep;
        struct error err;
        struct given *given;
        size_t count;
        CHECK_FAILS(read(CASES[i].text, &TABLE, &given, &count, &keep, &err), err,
                    STATUS_INVALID_INPUT, CASES[i].part);
        arena_release(&keep);
    }
}

TEST(a_matrix_takes_the_whole_table)
{
    struct arena keep;
    struct error err;
    struct given *given;
    size_t count;

    CHECK_OK(read("b,a\n1,2\n3,\n", &MATRIX, &given, &count, &keep, &err), err);
    CHECK_INT(count, 1);
    CHECK_INT(given->tensor.shape.dims[1], 2);
    CHECK_NEAR(tensor_f64(&given->tensor, 1), 2, 0);
    CHECK(isnan(tensor_f64(&given->tensor, 3)));
    arena_release(&keep);
    CHECK_FAILS(read("a,b,c\n1,2,3\n", &MATRIX, &given, &count, &keep, &err), err,
                STATUS_INVALID_INPUT, "a matrix of 2 columns without names, but the table has 3");
    arena_release(&keep);
    CHECK_OK(read("id,text\n1,hello\n", &TEXT, &given, &count, &keep, &err), err);
    CHECK(bytes_is(((struct bytes *)given->tensor.data)[0], "hello"));
    arena_release(&keep);
    CHECK_FAILS(read("id,txt\n1,hello\n", &TEXT, &given, &count, &keep, &err), err,
                STATUS_INVALID_INPUT, "the table has no column text");
    arena_release(&keep);
}
