// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "contract/contract.h"
#include "test.h"

static struct arena request;

static struct tensor f64s(struct shape shape, const double *values)
{
    struct tensor tensor;
    struct error err = {0};

    CHECK_OK(tensor_new(&tensor, DTYPE_F64, &shape, &request, &err), err);
    memcpy(tensor.data, values, tensor_bytes(&tensor));
    return tensor;
}

static struct tensor strings(struct shape shape, const char *const *values)
{
    struct tensor tensor;
    struct error err = {0};

    CHECK_OK(tensor_new(&tensor, DTYPE_STRING, &shape, &request, &err), err);
    for (size_t i = 0; i < tensor_count(&tensor); i++)
        ((struct bytes *)tensor.data)[i] = bytes_of(values[i]);
    return tensor;
}

/* A table of age (double), job (string), flag (bool), children (int64). */
static struct field TABLE[] = {
    {.name = "age", .dtype = DTYPE_F64, .shape = {1, {-1}}},
    {.name = "job", .dtype = DTYPE_STRING, .shape = {1, {-1}}},
    {.name = "flag", .dtype = DTYPE_BOOL, .shape = {1, {-1}}},
    {.name = "children", .dtype = DTYPE_I64, .shape = {1, {-1}}},
};
static const struct signature PEOPLE = {
    .name = "predict", .inputs = TABLE, .input_count = 4, .columns = true};

static struct field NUMBERS_FIELDS[] = {
    {.name = "a", .dtype = DTYPE_F64, .shape = {1, {-1}}},
    {.name = "b", .dtype = DTYPE_F32, .shape = {1, {-1}}},
    {.name = "c", .dtype = DTYPE_BOOL, .shape = {1, {-1}}},
};
static const struct signature NUMBERS = {
    .name = "predict", .inputs = NUMBERS_FIELDS, .input_count = 3, .columns = true};

static const char *BATCH[] = {"batch", NULL};
static struct field PAIR_FIELDS[] = {
    {.name = "left", .dtype = DTYPE_F32, .shape = {2, {-1, 2}}, .dim_names = BATCH},
    {.name = "right", .dtype = DTYPE_F32, .shape = {2, {-1, 1}}, .dim_names = BATCH},
};
static const struct signature PAIR = {.name = "run", .inputs = PAIR_FIELDS, .input_count = 2};

static enum status bind(const struct signature *signature, const struct given *given, size_t count,
                        struct tensor *bound, struct error *err)
{
    memset(err, 0, sizeof *err);
    return contract_bind(signature, given, count, bound, &request, err);
}

TEST(named_fields_in_any_order)
{
    struct error err;
    struct tensor bound[2];
    struct given given[] = {{.name = "right:0"}, {.name = "left"}};

    arena_init(&request, 1 << 20);
    given[0].tensor = f64s(SHAPE(2), (double[]){5, 6});
    given[1].tensor = f64s(SHAPE(2, 2), (double[]){1, 2, 3, 4});
    CHECK_OK(bind(&PAIR, given, 2, bound, &err), err);
    CHECK_INT(bound[0].dtype, DTYPE_F32);
    CHECK_INT(bound[1].shape.rank, 2);
    CHECK_INT(bound[1].shape.dims[1], 1);
    CHECK_NEAR(tensor_f64(&bound[1], 1), 6, 0);
    given[0].name = given[1].name = NULL; /* by position now: left is [2] */
    CHECK_FAILS(bind(&PAIR, given, 2, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"left\" has rank 1 ([2]), not 2 ([?,2])");
    arena_release(&request);
}

TEST(messages_name_the_field)
{
    struct error err;
    struct tensor bound[4];
    struct given given[4];

    arena_init(&request, 1 << 20);
    for (size_t i = 0; i < 4; i++)
        given[i] = (struct given){TABLE[i].name, f64s(SHAPE(2), (double[]){1, 2})};
    given[1].tensor = strings(SHAPE(2), (const char *[]){"clerk", ""});
    given[2].tensor.dtype = DTYPE_BOOL;
    given[2].tensor.data = "\1\0";
    CHECK_OK(bind(&PEOPLE, given, 4, bound, &err), err);
    CHECK_INT(bound[3].dtype, DTYPE_I64);
    CHECK_INT(tensor_i64(&bound[3], 1), 2);

    CHECK_FAILS(bind(&PEOPLE, given, 2, bound, &err), err, STATUS_INVALID_INPUT,
                "missing inputs: flag, children");
    given[1].name = "jbo";
    CHECK_FAILS(bind(&PEOPLE, given, 4, bound, &err), err, STATUS_INVALID_INPUT,
                "no input \"jbo\"; the inputs are age, job, flag, children");
    CHECK(strstr(err.fix, "\"job\""));
    given[1].name = "age";
    CHECK_FAILS(bind(&PEOPLE, given, 4, bound, &err), err, STATUS_INVALID_INPUT, "given twice");
    given[1].name = "job";
    given[1].tensor = f64s(SHAPE(2), (double[]){1, 2});
    CHECK_FAILS(bind(&PEOPLE, given, 4, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"job\": double does not convert to string");
    given[1].tensor = strings(SHAPE(3), (const char *[]){"a", "b", "c"});
    CHECK_FAILS(bind(&PEOPLE, given, 4, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"job\" has 3 rows, but \"age\" has 2");
    given[1].tensor = strings(SHAPE(2, 2), (const char *[]){"a", "b", "c", "d"});
    CHECK_FAILS(bind(&PEOPLE, given, 4, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"job\" has rank 2 ([2,2]), not 1 ([?])");
    given[1].tensor = strings(SHAPE(2, 1), (const char *[]){"a", "b"});
    CHECK_OK(bind(&PEOPLE, given, 4, bound, &err), err);
    given[3].tensor = f64s(SHAPE(2), (double[]){1, 2.5});
    CHECK_FAILS(bind(&PEOPLE, given, 4, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"children\": element 1, 2.5, does not fit int64");
    arena_release(&request);
}

TEST(one_row_of_scalars)
{
    struct error err;
    struct tensor bound[3];
    struct given given[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};

    arena_init(&request, 1 << 20);
    given[0].tensor = f64s(shape_scalar(), (double[]){1});
    given[1].tensor = f64s(SHAPE(1), (double[]){2});
    given[2].tensor = f64s(SHAPE(1, 1), (double[]){1});
    given[2].tensor.dtype = DTYPE_BOOL;
    CHECK_OK(bind(&NUMBERS, given, 3, bound, &err), err);
    CHECK_INT(bound[0].shape.rank, 1);
    CHECK_INT(bound[0].shape.dims[0], 1);
    arena_release(&request);
}

TEST(a_matrix_for_a_table)
{
    struct error err;
    struct tensor bound[4];
    struct given given = {.name = "x"};

    arena_init(&request, 1 << 20);
    given.tensor = f64s(SHAPE(2, 3), (double[]){1, 2, 0, 4, 5, 1});
    CHECK_OK(bind(&NUMBERS, &given, 1, bound, &err), err);
    CHECK_NEAR(tensor_f64(&bound[0], 1), 4, 0);
    CHECK_INT(bound[1].dtype, DTYPE_F32);
    CHECK_INT(bound[2].dtype, DTYPE_BOOL);
    CHECK_INT(tensor_i64(&bound[2], 1), 1);
    given.tensor = f64s(SHAPE(1, 3), (double[]){1, 2, 3});
    CHECK_FAILS(bind(&NUMBERS, &given, 1, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"c\": row 0, 3, is neither 0 nor 1");
    given.tensor = f64s(SHAPE(3, 2), (double[]){1, 2, 3, 4, 5, 6});
    CHECK_FAILS(bind(&NUMBERS, &given, 1, bound, &err), err, STATUS_INVALID_INPUT,
                "a matrix [3,2] is given, but the table has 3 columns: a, b, c");
    given.name = "b";
    CHECK_FAILS(bind(&NUMBERS, &given, 1, bound, &err), err, STATUS_INVALID_INPUT,
                "missing inputs: a, c");

    given.name = NULL;
    given.tensor =
        strings(SHAPE(2, 4), (const char *[]){"40", "clerk", "true", "2", "", "", "False", "-1"});
    CHECK_OK(bind(&PEOPLE, &given, 1, bound, &err), err);
    CHECK(isnan(tensor_f64(&bound[0], 1)));
    CHECK_INT(tensor_i64(&bound[3], 1), -1);
    CHECK_INT(((struct bytes *)bound[1].data)[1].size, 0);
    given.tensor = strings(SHAPE(1, 4), (const char *[]){"old", "clerk", "true", "2"});
    CHECK_FAILS(bind(&PEOPLE, &given, 1, bound, &err), err, STATUS_INVALID_INPUT,
                "input \"age\": row 0, \"old\", is no double");
    arena_release(&request);
}

TEST(named_dimensions_agree)
{
    struct error err;
    struct tensor bound[2];
    struct given given[2] = {{.name = "left"}, {.name = "right"}};

    arena_init(&request, 1 << 20);
    given[0].tensor = f64s(SHAPE(2, 2), (double[]){1, 2, 3, 4});
    given[1].tensor = f64s(SHAPE(3), (double[]){1, 2, 3});
    CHECK_FAILS(bind(&PAIR, given, 2, bound, &err), err, STATUS_INVALID_INPUT,
                "dimension \"batch\" is 2 in input \"left\", but 3 in input \"right\"");
    arena_release(&request);
}

TEST(what_is_left_out_takes_its_fallback)
{
    double one = 7;
    struct tensor fallback = {DTYPE_F64, {1, {1}}, &one};
    struct field fields[] = {{.name = "x", .dtype = DTYPE_F64, .shape = {1, {-1}}},
                             {.name = "y",
                              .dtype = DTYPE_F64,
                              .shape = {1, {-1}},
                              .optional = true,
                              .fallback = &fallback}};
    struct signature signature = {
        .name = "predict", .inputs = fields, .input_count = 2, .columns = true};
    struct error err;
    struct tensor bound[2];
    struct given given = {.name = "x"};

    arena_init(&request, 1 << 20);
    given.tensor = f64s(SHAPE(3), (double[]){1, 2, 3});
    CHECK_OK(bind(&signature, &given, 1, bound, &err), err);
    CHECK_INT(bound[1].shape.dims[0], 3);
    CHECK_NEAR(tensor_f64(&bound[1], 2), 7, 0);
    arena_release(&request);
}

TEST(a_wide_table)
{
    enum { COLUMNS = 3000 };
    static struct field fields[COLUMNS];
    static struct given given[COLUMNS];
    static struct tensor bound[COLUMNS];
    static char names[COLUMNS][8];
    struct signature signature = {
        .name = "predict", .inputs = fields, .input_count = COLUMNS, .columns = true};
    struct error err;

    arena_init(&request, 16 << 20);
    for (size_t i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c%zu", i);
        fields[i] = (struct field){.name = names[i], .dtype = DTYPE_F64, .shape = {1, {-1}}};
        given[COLUMNS - 1 - i] = (struct given){names[i], f64s(SHAPE(1), (double[]){(double)i})};
    }
    CHECK_OK(bind(&signature, given, COLUMNS, bound, &err), err);
    CHECK_NEAR(tensor_f64(&bound[17], 0), 17, 0);
    CHECK_FAILS(bind(&signature, given, 1, bound, &err), err, STATUS_INVALID_INPUT, "more");
    arena_release(&request);
}
