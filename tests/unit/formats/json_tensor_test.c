// SPDX-License-Identifier: Apache-2.0
#include "formats/json/json_tensor.h"

#include <math.h>

#include "tensor/convert.h"

#include "test.h"

static const int64_t NONE[1];

struct fixture {
    struct arena arena;
    struct tensor tensor;
    struct error err;
    uint8_t *copy;
};

/* Reads `text` from memory without a byte behind it. Rank -1: from the nesting. */
static enum status read_tensor(struct fixture *f, const char *text, enum dtype dtype, int rank,
                               const int64_t *dims)
{
    struct shape shape = rank < 0 ? shape_unknown() : shape_of(rank, dims);
    struct json_reader reader;
    size_t size = strlen(text);

    memset(f, 0, sizeof *f);
    arena_init(&f->arena, 1 << 20);
    f->copy = malloc(size ? size : 1);
    memcpy(f->copy, text, size);
    json_reader_init(&reader, (struct bytes){f->copy, size}, 0);
    TRY(json_read_tensor(&reader, dtype, &shape, &f->tensor, &f->arena, &f->err));
    return json_end(&reader, &f->err);
}

static void release(struct fixture *f)
{
    arena_release(&f->arena);
    free(f->copy);
}

static const struct {
    const char *text;
    enum dtype dtype;
    int rank; /* -1: unknown */
    int64_t dims[3];
    const char *written; /* shape and elements written again; or the error */
    bool refused;
} CASES[] = {
    {"[1,2.5,-3e2]", DTYPE_F32, 1, {3}, "[3] [1.0,2.5,-300.0]", false},
    {" [ 1 , 2.5 ,\n-3e2 ] ", DTYPE_F64, -1, {0}, "[3] [1.0,2.5,-300.0]", false},
    {"[[1,2],[3,4],[5,6]]", DTYPE_F32, 2, {3, 2}, "[3,2] [1.0,2.0,3.0,4.0,5.0,6.0]", false},
    {"[[1,2],[3,4],[5,6]]", DTYPE_F32, -1, {0}, "[3,2] [1.0,2.0,3.0,4.0,5.0,6.0]", false},
    {"[ [ [1] , [2] ] , [ [3] , [4] ] ]", DTYPE_I8, -1, {0}, "[2,2,1] [1,2,3,4]", false},
    {"[1,2,3,4,5,6]", DTYPE_F32, 2, {3, 2}, "[3,2] [1.0,2.0,3.0,4.0,5.0,6.0]", false},
    {"5", DTYPE_I64, 0, {0}, "[] [5]", false},
    {"5", DTYPE_I64, 1, {1}, "[1] [5]", false},
    {"[5]", DTYPE_I64, 0, {0}, "[] [5]", false},
    {"5", DTYPE_I64, -1, {0}, "[] [5]", false},
    {"[]", DTYPE_F32, 1, {0}, "[0] []", false},
    {"[]", DTYPE_F32, 2, {0, 4}, "[0,4] []", false},
    {"[[],[]]", DTYPE_F32, 2, {2, 0}, "[2,0] []", false},
    {"[[],[]]", DTYPE_F32, -1, {0}, "[2,0] []", false},
    {"[\"NaN\",\"Infinity\",\"-Infinity\",1]",
     DTYPE_F32,
     1,
     {4},
     "[4] [\"NaN\",\"Infinity\",\"-Infinity\",1.0]",
     false},
    {"[\"NaN\",0.1]", DTYPE_F16, 1, {2}, "[2] [\"NaN\",0.099975586]", false},
    {"[65504,1.5]", DTYPE_F16, 1, {2}, "[2] [65504.0,1.5]", false},
    {"[3.140625]", DTYPE_BF16, 1, {1}, "[1] [3.140625]", false},
    {"[true,false]", DTYPE_BOOL, 1, {2}, "[2] [true,false]", false},
    {"[\"a\",\"\",\"\\u00e9\\u0000\"]",
     DTYPE_STRING,
     1,
     {3},
     "[3] [\"a\",\"\",\"\xc3\xa9\\u0000\"]",
     false},
    {"[-128,127]", DTYPE_I8, 1, {2}, "[2] [-128,127]", false},
    {"[0,255]", DTYPE_U8, 1, {2}, "[2] [0,255]", false},
    {"[9223372036854775807,-9223372036854775808]",
     DTYPE_I64,
     1,
     {2},
     "[2] [9223372036854775807,-9223372036854775808]",
     false},
    {"[18446744073709551615]", DTYPE_U64, 1, {1}, "[1] [18446744073709551615]", false},
    {"[1.0,2e3,-0.0]", DTYPE_I32, 1, {3}, "[3] [1,2000,0]", false},
    {"[4294967295]", DTYPE_U32, 1, {1}, "[1] [4294967295]", false},
    {"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
     DTYPE_U8,
     -1,
     {0},
     "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] [1]",
     false},

    {"[1,\"x\"]", DTYPE_F64, 1, {2}, "element 1 is a string, not double, at byte 3", true},
    {"[1,null]", DTYPE_F32, 1, {2}, "element 1 is null, not float, at byte 3", true},
    {"[1,true]", DTYPE_F32, 1, {2}, "element 1 is a boolean, not float, at byte 3", true},
    {"[1,{}]", DTYPE_F32, 1, {2}, "element 1 is an object, not float, at byte 3", true},
    {"[1,[2]]", DTYPE_F32, 1, {2}, "element 1 is an array, not float, at byte 3", true},
    {"[NaN]", DTYPE_F32, 1, {1}, "JSON: an element is expected, not \"N\", at byte 1", true},
    {"[1,]", DTYPE_F32, 1, {2}, "JSON: an element is expected, not \"]\", at byte 3", true},
    {"[1 2]", DTYPE_F32, 1, {2}, "JSON: \",\" or \"]\" is expected, not \"2\", at byte 3", true},
    {"[01]", DTYPE_F32, 1, {1}, "JSON: \",\" or \"]\" is expected, not \"1\", at byte 2", true},
    {"[-]", DTYPE_F32, 1, {1}, "JSON: a number is expected, not \"-\", at byte 1", true},
    {"[1.]", DTYPE_I32, 1, {1}, "JSON: a number is expected, not \"1\", at byte 1", true},
    {"[1",
     DTYPE_F32,
     1,
     {1},
     "JSON: \",\" or \"]\" is expected, but the text ends, at byte 2",
     true},
    {"[[1],[2]",
     DTYPE_F32,
     2,
     {2, 1},
     "JSON: \",\" or \"]\" is expected, but the text ends, at byte 8",
     true},
    {"[[1],",
     DTYPE_F32,
     2,
     {2, 1},
     "JSON: an array, as before, is expected, but the text ends, at byte 5",
     true},
    {"[", DTYPE_F32, 1, {1}, "JSON: an element is expected, but the text ends, at byte 1", true},
    {"", DTYPE_F32, 1, {1}, "JSON: an element is expected, but the text ends, at byte 0", true},
    {"1e39", DTYPE_F32, 0, {0}, "element 0, 1e39, does not fit float, at byte 0", true},
    {"[1e999]", DTYPE_F64, 1, {1}, "element 0, 1e999, does not fit double, at byte 1", true},
    {"[65520]", DTYPE_F16, 1, {1}, "element 0, 65520, does not fit half, at byte 1", true},
    {"[300]", DTYPE_I8, 1, {1}, "element 0, 300, does not fit int8, at byte 1", true},
    {"[-1]", DTYPE_U8, 1, {1}, "element 0, -1, does not fit uint8, at byte 1", true},
    {"[-1]", DTYPE_U64, 1, {1}, "element 0, -1, does not fit uint64, at byte 1", true},
    {"[9223372036854775808]",
     DTYPE_I64,
     1,
     {1},
     "element 0, 9223372036854775808, does not fit int64, at byte 1",
     true},
    {"[1,1.5]",
     DTYPE_I32,
     1,
     {2},
     "element 1, 1.5, is not whole, as int32 must be, at byte 3",
     true},
    {"[9007199254740993.0]",
     DTYPE_I64,
     1,
     {1},
     "element 0, 9007199254740993.0, does not fit int64, at byte 1",
     true},
    {"[1e300]", DTYPE_I64, 1, {1}, "element 0, 1e300, does not fit int64, at byte 1", true},
    {"[1]", DTYPE_BOOL, 1, {1}, "element 0 is a number, not bool, at byte 1", true},
    {"[1]", DTYPE_STRING, 1, {1}, "element 0 is a number, not string, at byte 1", true},
    {"[\" NaN\"]", DTYPE_F32, 1, {1}, "element 0 is a string, not float, at byte 1", true},
    {"[1,2]", DTYPE_C64, 1, {1}, "complex64 has no form in JSON", true},
    {"[1,2,3]",
     DTYPE_F32,
     1,
     {2},
     "data has more than the 2 elements of its shape, at byte 5",
     true},
    {"[1,2]", DTYPE_F32, 1, {3}, "data has 2 elements, but shape [3] has 3, at byte 0", true},
    {"[1]",
     DTYPE_F32,
     2,
     {1000, 1000},
     "data has fewer than the 1000000 elements of shape [1000,1000]",
     true},
    {"[1]", DTYPE_F32, 2, {INT64_MAX, INT64_MAX}, "a float tensor of shape", true},
    {"[1]", DTYPE_F32, 1, {-1}, "[1] [1.0]", false},
    {"[[1],[2]]", DTYPE_F32, 2, {-1, 2}, "data is nested as [2,1], not [?,2], at byte 0", true},
    {"[1,2]", DTYPE_F32, 2, {-1, 2}, "data is nested as [2], not [?,2], at byte 0", true},
    {"[[1,2],[3]]",
     DTYPE_F32,
     -1,
     {0},
     "data is ragged: an array of 1 beside one of 2, 2 deep, at byte 10",
     true},
    {"[[1,2],3]",
     DTYPE_F32,
     -1,
     {0},
     "JSON: an array, as before, is expected, not \"3\", at byte 7",
     true},
    {"[[1,2],[[3]]]",
     DTYPE_F32,
     -1,
     {0},
     "data is ragged: nested 3 deep here and 2 deep before, at byte 8",
     true},
    {"[[[1]],[]]",
     DTYPE_F32,
     -1,
     {0},
     "data is ragged: nested 2 deep here and 3 deep before, at byte 8",
     true},
    {"[[1,2],[3,4],[5,6]]",
     DTYPE_F32,
     2,
     {2, 3},
     "data is nested as [3,2], not [2,3], at byte 0",
     true},
    {"[[1,2,3]]", DTYPE_F32, 3, {1, 1, 3}, "data is nested as [1,3], not [1,1,3], at byte 0", true},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
     DTYPE_U8,
     -1,
     {0},
     "data is nested more than 16 deep",
     true},
};

TEST(json_tensor_cases)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct fixture f;
        struct text text = {0};
        char shape[SHAPE_PRINT_SIZE];
        enum status status =
            read_tensor(&f, CASES[i].text, CASES[i].dtype, CASES[i].rank, CASES[i].dims);
        if (CASES[i].refused) {
            if (status == STATUS_OK)
                fail_msg("%s was read", CASES[i].text);
            if (strncmp(f.err.text, CASES[i].written, strlen(CASES[i].written)) != 0)
                fail_msg("%s: %s, not %s", CASES[i].text, f.err.text, CASES[i].written);
        } else {
            CHECK_OK(status, f.err);
            text_printf(&text, "%s ", shape_print(&f.tensor.shape, shape, sizeof shape));
            json_write_tensor(&text, &f.tensor);
            CHECK_TEXT(text.data, CASES[i].written);
        }
        text_release(&text);
        release(&f);
    }
}

/* Every float, as the writer prints it, nested and flat, comes back. */
TEST(json_tensor_reads_what_it_writes)
{
    enum { ROWS = 300, COLUMNS = 70 };
    static float values[ROWS * COLUMNS];
    struct tensor tensor = {DTYPE_F32, SHAPE(ROWS, COLUMNS), values};
    struct text text = {0};
    struct fixture f;
    uint32_t bits = 1;

    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        bits = bits * 1664525 + 1013904223;
        memcpy(&values[i], &bits, sizeof bits);
        if (isnan(values[i]))
            values[i] = INFINITY;
    }
    json_write_tensor(&text, &tensor);
    CHECK_OK(read_tensor(&f, text.data, DTYPE_F32, 2, (int64_t[]){ROWS, COLUMNS}), f.err);
    CHECK(memcmp(f.tensor.data, values, sizeof values) == 0);
    release(&f);
    CHECK_OK(read_tensor(&f, text.data, DTYPE_F32, -1, NONE), f.err);
    CHECK(memcmp(f.tensor.data, values, sizeof values) == 0);
    release(&f);
    text_release(&text);
}

TEST(json_tensor_without_memory)
{
    struct error err = {0};
    struct arena arena;
    struct json_reader reader;
    struct tensor tensor;
    struct shape shape = SHAPE(3), open = shape_unknown();

    arena_init(&arena, 100);
    json_reader_init(&reader, bytes_of("[\"a\\n\",\"b\",\"c\"]"), 0);
    CHECK_OK(json_read_tensor(&reader, DTYPE_STRING, &shape, &tensor, &arena, &err), err);
    CHECK_FAILS(json_read_tensor(&reader, DTYPE_STRING, &shape, &tensor, &arena, &err), err,
                STATUS_INVALID_INPUT, "fewer than");
    json_reader_init(&reader, bytes_of("[\"a\\n\",\"b\",\"c\"]"), 0);
    CHECK_FAILS(json_read_tensor(&reader, DTYPE_STRING, &open, &tensor, &arena, &err), err,
                STATUS_NO_MEMORY, "no memory for a tensor");
    arena_release(&arena);
}

TEST(a_missing_string_is_null)
{
    struct json_reader reader;
    struct tensor tensor;
    struct arena keep;
    struct error err = {0};
    const struct bytes *strings;
    struct shape shape = SHAPE(3);

    arena_init(&keep, 1 << 20);
    json_reader_init(&reader, bytes_of("[null,\"\",\"a\"]"), 0);
    CHECK_OK(json_read_tensor(&reader, DTYPE_STRING, &shape, &tensor, &keep, &err), err);
    strings = tensor.data;
    CHECK(!strings[0].data && strings[1].data && strings[1].size == 0 && strings[2].size == 1);
    arena_release(&keep);
}

TEST(nested_as_the_shape_says)
{
    int32_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct bytes words[] = {bytes_of("a"), bytes_of("b")};
    const struct {
        struct tensor tensor;
        const char *text;
    } nested[] = {
        {{DTYPE_I32, shape_scalar(), numbers}, "1"},
        {{DTYPE_I32, SHAPE(3), numbers}, "[1,2,3]"},
        {{DTYPE_I32, SHAPE(2, 2, 2), numbers}, "[[[1,2],[3,4]],[[5,6],[7,8]]]"},
        {{DTYPE_I32, SHAPE(0, 2), numbers}, "[]"},
        {{DTYPE_I32, SHAPE(2, 0), numbers}, "[[],[]]"},
        {{DTYPE_STRING, SHAPE(2, 1), words}, "[[\"a\"],[\"b\"]]"},
        {{DTYPE_STRING, shape_scalar(), words}, "\"a\""},
    };

    for (size_t i = 0; i < ARRAY_COUNT(nested); i++) {
        struct text text = {0};

        json_write_nested(&text, &nested[i].tensor);
        CHECK_TEXT(text.data, nested[i].text);
        text_release(&text);
    }
}
