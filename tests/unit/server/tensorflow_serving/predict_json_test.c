// SPDX-License-Identifier: Apache-2.0
/* Bodies of TensorFlow Serving's predict: what they give, and what is wrong with them. */
#include "formats/json/json_tensor.h"
#include "server/tensorflow_serving/predict_json.h"

#include "test.h"

enum { INPUTS_MAX = 4 };

/* "x:float,s:string?": the inputs, `?` for an optional one, `*` for a table of columns. */
static struct signature signature_of(const char *inputs, struct field *fields)
{
    static char names[INPUTS_MAX][32];
    struct signature signature = {.name = "predict", .inputs = fields};

    for (const char *at = inputs; *at;) {
        struct field *field = &fields[signature.input_count];
        char dtype[32];
        int size = 0;

        sscanf(at, "%31[^:]:%31[a-z0-9]%n", names[signature.input_count], dtype, &size);
        at += size;
        *field = (struct field){.name = names[signature.input_count++],
                                .dtype = dtype_parse(dtype),
                                .shape = shape_unknown()};
        field->optional = *at == '?';
        signature.columns = *at == '*';
        at += *at == '?' || *at == '*';
        at += *at == ',';
    }
    return signature;
}

/* "rows x[2]=[1.0,2.0]" */
static enum status read(const char *inputs, struct bytes body, struct text *text,
                        struct arena *keep, struct error *err)
{
    struct field fields[INPUTS_MAX];
    struct signature signature = signature_of(inputs, fields);
    struct predict_json opened;
    const struct given *given;
    char shape[SHAPE_PRINT_SIZE];
    size_t count;

    TRY(predict_json_open(body, &opened, keep, err));
    TRY(predict_json_read(&opened, &signature, &given, &count, keep, err));
    text_append(text, opened.rows ? "rows" : "columns");
    if (opened.signature)
        text_printf(text, " <%s>", opened.signature);
    for (size_t i = 0; i < count; i++) {
        text_printf(text, " %s%s=", given[i].name ? given[i].name : "all",
                    shape_print(&given[i].tensor.shape, shape, sizeof shape));
        json_write_rows(text, &given[i].tensor, ROWS_ALL, JSON_ALLOW_NAN | JSON_BASE64_BROKEN);
    }
    return STATUS_OK;
}

static const struct {
    const char *inputs, *body, *want;
} GOOD[] = {
    {"x:float", "{\"instances\": [1.0, 2, 5.5]}", "rows x[3]=[1.0,2.0,5.5]"},
    {"x:int32", "{\"instances\": [[1,2],[3,4],[5,6]]}", "rows x[3,2]=[[1,2],[3,4],[5,6]]"},
    {"x:float", "{\"instances\": [[[1, 2]], [[3, 4]]]}", "rows x[2,1,2]=[[[1.0,2.0]],[[3.0,4.0]]]"},
    {"x:float", "{\"instances\": [{\"x\": 1}, {\"x\": 2.5}]}", "rows x[2]=[1.0,2.5]"},
    {"x:float", "{\"instances\": [{\"x\": [1, 2]}, {\"x\": [3, 4]}]}",
     "rows x[2,2]=[[1.0,2.0],[3.0,4.0]]"},
    {"x:float", "{\"inputs\": [[1, 2], [3, 4]]}", "columns x[2,2]=[[1.0,2.0],[3.0,4.0]]"},
    {"x:float", "{\"inputs\": {\"x\": [1]}}", "columns x[1]=[1.0]"},
    {"x:float", "{\"inputs\": 3}", "columns x[]=3.0"},
    /* several inputs, in either form */
    {"tag:string,signal:int32,sensor:float",
     "{\"instances\": [{\"tag\": \"foo\", \"signal\": [1, 2], \"sensor\": [[1, 2], [3, 4]]},"
     "{\"sensor\": [[4, 5], [6, 8]], \"tag\": \"bar\", \"signal\": [3, 4]}]}",
     "rows tag[2]=[\"foo\",\"bar\"] signal[2,2]=[[1,2],[3,4]] "
     "sensor[2,2,2]=[[[1.0,2.0],[3.0,4.0]],[[4.0,5.0],[6.0,8.0]]]"},
    {"tag:string,signal:int32",
     "{\"inputs\": {\"tag\": [\"foo\", \"bar\"], \"signal\": [[1, 2], [3, 4]]}}",
     "columns tag[2]=[\"foo\",\"bar\"] signal[2,2]=[[1,2],[3,4]]"},
    {"a:float,b:int64", "{\"inputs\": {\"b\": [[7]], \"a\": [1, 2, 3]}}",
     "columns b[1,1]=[[7]] a[3]=[1.0,2.0,3.0]"},
    /* where the signature is said, and what else is there */
    {"x:float", "{\"signature_name\": \"a\", \"instances\": [1]}", "rows <a> x[1]=[1.0]"},
    {"x:float", "{\"instances\": [1], \"signature_name\": \"a\"}", "rows <a> x[1]=[1.0]"},
    {"x:string", "{\"instances\": [\"signature_name\"], \"more\": {\"a\": [1, {}]}}",
     "rows x[1]=[\"signature_name\"]"},
    {"x:float", " {\"parameters\": null, \"instances\" : [ 1 ] } \n", "rows x[1]=[1.0]"},
    /* bytes */
    {"x:string", "{\"instances\": [{\"b64\": \"aGVsbG8=\"}, {\"b64\": \"d29ybGQ=\"}]}",
     "rows x[2]=[\"hello\",\"world\"]"},
    {"x:string", "{\"instances\": [[{\"b64\": \"aGVsbG8=\"}], [\"world\"]]}",
     "rows x[2,1]=[[\"hello\"],[\"world\"]]"},
    {"x:string", "{\"instances\": [{\"x\": {\"b64\": \"aGVsbG8\"}}]}", "rows x[1]=[\"hello\"]"},
    {"x:string", "{\"inputs\": {\"b64\": \"aGVs bG8=\\n\"}}", "columns x[]=\"hello\""},
    {"x:string", "{\"inputs\": {\"x\": [{\"b64\": \"\"}, {\"b64\": \"/w==\"}]}}",
     "columns x[2]=[\"\",{\"b64\":\"/w==\"}]"},
    {"b64:string", "{\"instances\": [{\"b64\": \"aGk=\"}]}", "rows b64[1]=[\"hi\"]"},
    /* numbers, each as its dtype has it */
    {"x:float", "{\"instances\": [NaN, Infinity, -Infinity, 1435774380]}",
     "rows x[4]=[NaN,Infinity,-Infinity,1435774300.0]"},
    {"x:double", "{\"instances\": [{\"x\": NaN}, {\"x\": -Infinity}]}",
     "rows x[2]=[NaN,-Infinity]"},
    {"x:int64", "{\"instances\": [9223372036854775807, -9223372036854775808]}",
     "rows x[2]=[9223372036854775807,-9223372036854775808]"},
    {"x:uint64", "{\"instances\": [18446744073709551615]}", "rows x[1]=[18446744073709551615]"},
    {"x:bool", "{\"instances\": [true, false]}", "rows x[2]=[true,false]"},
    {"x:half", "{\"instances\": [0.5]}", "rows x[1]=[0.5]"},
    {"x:uint8", "{\"instances\": [[], []]}", "rows x[2,0]=[[],[]]"},
    /* what firn takes beyond */
    {"x:float,y:float?", "{\"instances\": [{\"x\": 1}, {\"x\": 2}]}", "rows x[2]=[1.0,2.0]"},
    {"a:float,b:float*", "{\"instances\": [[1, 2], [3, 4]]}",
     "rows all[2,2]=[[1.0,2.0],[3.0,4.0]]"},
    {"", "{\"inputs\": {}}", "columns"},
};

TEST(predict_json_reads)
{
    struct text text = {0};
    struct arena keep;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++) {
        struct error err = {0};

        text_clear(&text);
        CHECK_OK(read(GOOD[i].inputs, bytes_of(GOOD[i].body), &text, &keep, &err), err);
        CHECK_TEXT(text.data, GOOD[i].want);
        arena_reset(&keep);
    }
    text_release(&text);
    arena_release(&keep);
}

/* Every allocation fails once: it is said, or not needed. */
TEST(predict_json_without_memory)
{
    struct text text = {0};

    for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++) {
        enum status status = STATUS_NO_MEMORY;

        for (long n = 1; status != STATUS_OK && n < 100; n++) {
            struct error err = {0};
            struct arena keep;

            arena_init(&keep, 1 << 20);
            text_clear(&text);
            arena_fail_at(n);
            status = read(GOOD[i].inputs, bytes_of(GOOD[i].body), &text, &keep, &err);
            arena_fail_at(0);
            CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
            arena_release(&keep);
        }
        CHECK_INT(status, STATUS_OK);
    }
    text_release(&text);
}

static const struct {
    const char *inputs, *body;
    enum status status;
    const char *why;
} BAD[] = {
    {"x:float", "", STATUS_INVALID_INPUT, "the text ends"},
    {"x:float", "[1]", STATUS_INVALID_INPUT, "an object is expected"},
    {"x:float", "{}", STATUS_INVALID_INPUT, "Missing 'inputs' or 'instances' key"},
    {"x:float", "{\"instances\": [1]} x", STATUS_INVALID_INPUT, "the end is expected"},
    {"x:float", "{\"instances\": [1]", STATUS_INVALID_INPUT, "the text ends"},
    {"x:float", "{\"instances\": [1], \"inputs\": [1]}", STATUS_INVALID_INPUT,
     "expecting only one of 'inputs' or 'instances'"},
    {"x:float", "{\"inputs\": [1], \"signature_name\": \"a\", \"instances\": [1]}",
     STATUS_INVALID_INPUT, "expecting only one of 'inputs' or 'instances'"},
    {"x:float", "{\"instances\": [1], \"instances\": [2]}", STATUS_INVALID_INPUT, "only one of"},
    {"x:float", "{\"instances\": {\"x\": [1]}}", STATUS_INVALID_INPUT,
     "Expecting 'instances' to be an list/array"},
    {"x:float", "{\"instances\": []}", STATUS_INVALID_INPUT, "No values in 'instances' array"},
    {"x:float", "{\"signature_name\": 5, \"instances\": [1]}", STATUS_INVALID_INPUT,
     "must be a string value"},
    {"x:float", "{\"instances\": [1], \"signature\\u005fname\": \"a\"}", STATUS_INVALID_INPUT,
     "without escapes"},
    {"x:float", "{\"signature_name\": \"a\", \"signature_name\": \"a\", \"instances\": [1]}",
     STATUS_INVALID_INPUT, "occurs twice"},
    {"x:float", "{\"signature_name\": \"a\\u0000b\", \"instances\": [1]}", STATUS_INVALID_INPUT,
     "zero byte"},
    /* ragged */
    {"x:int32", "{\"instances\": [[1,2],[3,4],[5,6,7]]}", STATUS_INVALID_INPUT, "ragged"},
    {"x:int32", "{\"instances\": [[1,2],[3,4],[[5,6]]]}", STATUS_INVALID_INPUT, "ragged"},
    {"x:int32", "{\"instances\": [1, [1]]}", STATUS_INVALID_INPUT, "element 1 is an array"},
    {"x:int32", "{\"instances\": [{\"x\": [[1,2],[3,4]]}, {\"x\": [[[1,2],[3,4]]]}]}",
     STATUS_INVALID_INPUT, "Expecting shape [2,2] but got: [1,2,2]"},
    {"x:int32", "{\"instances\": [{\"x\": [1,2]}, {\"x\": [1,2,3]}]}", STATUS_INVALID_INPUT,
     "Expecting tensor size: 2 but got: 3"},
    {"x:int32", "{\"instances\": [{\"x\": 1}, {\"x\": [1]}]}", STATUS_INVALID_INPUT,
     "Expecting shape [] but got: [1]"},
    /* types */
    {"x:int32", "{\"instances\": [[1,2],[\"a\",\"b\"]]}", STATUS_INVALID_INPUT,
     "is a string, not int32"},
    {"x:int32", "{\"instances\": [1.5]}", STATUS_INVALID_INPUT, "not whole"},
    {"x:int32", "{\"instances\": [3000000000]}", STATUS_INVALID_INPUT, "does not fit int32"},
    {"x:uint8", "{\"instances\": [300]}", STATUS_INVALID_INPUT, "does not fit uint8"},
    {"x:float", "{\"instances\": [1e39]}", STATUS_INVALID_INPUT, "does not fit float"},
    {"x:float", "{\"instances\": [true]}", STATUS_INVALID_INPUT, "is a boolean, not float"},
    {"x:float", "{\"instances\": [null]}", STATUS_INVALID_INPUT, "is null, not float"},
    {"x:float", "{\"instances\": [{\"b64\": \"aGk=\"}]}", STATUS_INVALID_INPUT,
     "is an object, not float"},
    {"x:string", "{\"instances\": [1]}", STATUS_INVALID_INPUT, "is a number, not string"},
    {"x:string", "{\"instances\": [{\"b64\": \"a?==\"}]}", STATUS_INVALID_INPUT, "base64 decode"},
    {"x:string", "{\"instances\": [{\"b64\": 5}]}", STATUS_INVALID_INPUT,
     "does not have named input: b64"},
    {"x:string", "{\"instances\": [\"a\", {\"b64\": \"aGk=\", \"c\": 1}]}", STATUS_INVALID_INPUT,
     "more than \"b64\""},
    {"x:complex64", "{\"instances\": [1]}", STATUS_UNSUPPORTED, "no form in JSON"},
    /* names */
    {"x:float", "{\"instances\": [{\"y\": 1}]}", STATUS_INVALID_INPUT,
     "does not have named input: y"},
    {"a:float,b:float", "{\"instances\": [1, 2]}", STATUS_INVALID_INPUT,
     "plain value/list, but expecting a list of objects"},
    {"a:float,b:float", "{\"inputs\": [1, 2]}", STATUS_INVALID_INPUT,
     "plain value/list, but expecting an object"},
    {"a:float,b:int32*", "{\"instances\": [[1, 2]]}", STATUS_INVALID_INPUT, "2 inputs"},
    {"a:float,b:float", "{\"instances\": [{\"a\": 1}]}", STATUS_INVALID_INPUT,
     "element: 0: keys must be equal to the inputs: 'b' is missing"},
    {"a:float,b:float", "{\"instances\": [{\"a\": 1, \"b\": 2}, {\"b\": 2}]}", STATUS_INVALID_INPUT,
     "element: 1: keys must be equal to the inputs: 'a' is missing"},
    {"a:float,b:float?", "{\"instances\": [{\"a\": 1}, {\"a\": 1, \"b\": 2}]}",
     STATUS_INVALID_INPUT, "key: b was not in the elements before"},
    {"a:float,b:float?", "{\"instances\": [{\"a\": 1, \"b\": 2}, {\"a\": 1}]}",
     STATUS_INVALID_INPUT, "'b' is missing"},
    {"a:float", "{\"instances\": [{\"a\": 1, \"a\": 2}]}", STATUS_INVALID_INPUT, "occurs twice"},
    {"a:float", "{\"instances\": [{\"a\": 1}, [2]]}", STATUS_INVALID_INPUT,
     "Expecting object but got list at item 1"},
    {"a:string", "{\"instances\": [{\"a\": \"x\"}, {\"b64\": \"aGk=\"}]}", STATUS_INVALID_INPUT,
     "Expecting object but got list at item 1"},
    {"a:string", "{\"instances\": [\"x\", {\"a\": \"y\"}]}", STATUS_INVALID_INPUT, "b64"},
    {"a:float", "{\"inputs\": {\"b\": [1]}}", STATUS_INVALID_INPUT, "has no input 'b'"},
    {"a:float", "{\"inputs\": {\"a\": [1], \"a\": [1]}}", STATUS_INVALID_INPUT, "occurs twice"},
};

TEST(predict_json_refuses)
{
    struct text text = {0};
    struct arena keep;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
        struct error err = {0};

        CHECK_FAILS(read(BAD[i].inputs, bytes_of(BAD[i].body), &text, &keep, &err), err,
                    BAD[i].status, BAD[i].why);
        arena_reset(&keep);
    }
    text_release(&text);
    arena_release(&keep);
}

/* Many rows: what was read before moves to larger memory. */
TEST(predict_json_many_rows)
{
    enum { ROWS = 3000 };
    struct field fields[INPUTS_MAX];
    struct signature signature = signature_of("i:int64,s:string", fields);
    struct predict_json opened;
    const struct given *given;
    struct text body = {0};
    struct error err = {0};
    struct arena keep;
    size_t count;

    arena_init(&keep, 16 << 20);
    text_append(&body, "{\"instances\":[");
    for (int i = 0; i < ROWS; i++)
        text_printf(&body, "%s{\"i\":[%d,%d],\"s\":\"row %d\"}", i ? "," : "", i, -i, i);
    text_append(&body, "]}");
    CHECK_OK(predict_json_open(text_bytes(&body), &opened, &keep, &err), err);
    CHECK_OK(predict_json_read(&opened, &signature, &given, &count, &keep, &err), err);
    CHECK_INT(count, 2);
    CHECK_INT(given[0].tensor.shape.dims[0], ROWS);
    for (int i = 0; i < ROWS; i++) {
        char want[32];

        snprintf(want, sizeof want, "row %d", i);
        CHECK_INT(((const int64_t *)given[0].tensor.data)[2 * i + 1], -i);
        CHECK(bytes_is(((const struct bytes *)given[1].tensor.data)[i], want));
    }
    text_release(&body);
    arena_release(&keep);
}

/* Many inputs, their keys in another order. */
TEST(predict_json_many_inputs)
{
    enum { INPUTS = 100 };
    static struct field fields[INPUTS];
    static char names[INPUTS][8];
    struct signature signature = {.name = "s", .inputs = fields, .input_count = INPUTS};
    struct predict_json opened;
    const struct given *given;
    struct text body = {0};
    struct error err = {0};
    struct arena keep;
    size_t count;

    arena_init(&keep, 1 << 20);
    text_append(&body, "{\"instances\":[{");
    for (int i = 0; i < INPUTS; i++) {
        snprintf(names[i], sizeof names[i], "x%d", i);
        fields[i] = (struct field){.name = names[i], .dtype = DTYPE_I32};
        text_printf(&body, "%s\"x%d\":%d", i ? "," : "", INPUTS - 1 - i, i);
    }
    text_append(&body, "}]}");
    CHECK_OK(predict_json_open(text_bytes(&body), &opened, &keep, &err), err);
    CHECK_OK(predict_json_read(&opened, &signature, &given, &count, &keep, &err), err);
    CHECK_INT(count, INPUTS);
    for (int i = 0; i < INPUTS; i++)
        CHECK_INT(*(const int32_t *)given[i].tensor.data, INPUTS - 1 - i);
    text_clear(&body);
    text_append(&body, "{\"instances\":[{\"y\":1}]}");
    CHECK_OK(predict_json_open(text_bytes(&body), &opened, &keep, &err), err);
    CHECK_FAILS(predict_json_read(&opened, &signature, &given, &count, &keep, &err), err,
                STATUS_INVALID_INPUT, "does not have named input: y");
    text_release(&body);
    arena_release(&keep);
}

/* --- answers --- */

#define TENSOR(type, values, ...)                                                                  \
    {                                                                                              \
        .dtype = (type), .shape = __VA_ARGS__, .data = (values)                                    \
    }

TEST(predict_json_writes)
{
    static float f32[] = {3.5f, 4, __builtin_nanf(""), -__builtin_inff()};
    static int32_t i32[] = {1, 2, 3, 4};
    static struct bytes words[] = {{(const uint8_t *)"foo", 3}, {(const uint8_t *)"\xff", 1}};
    static struct field fields[] = {{.name = "y", .dtype = DTYPE_F32},
                                    {.name = "n", .dtype = DTYPE_I32},
                                    {.name = "image_bytes", .dtype = DTYPE_STRING}};
    const struct tensor outputs[] = {TENSOR(DTYPE_F32, f32, {2, {2, 2}}),
                                     TENSOR(DTYPE_I32, i32, {1, {2}}),
                                     TENSOR(DTYPE_STRING, words, {2, {2, 1}})};
    static const struct {
        size_t first, count;
        bool rows;
        const char *want;
    } CASES[] = {
        {0, 1, true, "{\"predictions\":[[3.5,4.0],[NaN,-Infinity]]}"},
        {0, 1, false, "{\"outputs\":[[3.5,4.0],[NaN,-Infinity]]}"},
        {1, 1, true, "{\"predictions\":[1,2]}"},
        {0, 3, true,
         "{\"predictions\":[{\"y\":[3.5,4.0],\"n\":1,\"image_bytes\":[{\"b64\":\"Zm9v\"}]},"
         "{\"y\":[NaN,-Infinity],\"n\":2,\"image_bytes\":[{\"b64\":\"/w==\"}]}]}"},
        {0, 2, false, "{\"outputs\":{\"y\":[[3.5,4.0],[NaN,-Infinity]],\"n\":[1,2]}}"},
    };
    struct text text = {0};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        const struct signature signature = {
            .name = "s", .outputs = fields + CASES[i].first, .output_count = CASES[i].count};

        text_clear(&text);
        CHECK_OK(predict_json_check(&signature, &err), err);
        CHECK_OK(
            predict_json_write(&signature, outputs + CASES[i].first, CASES[i].rows, &text, &err),
            err);
        CHECK_TEXT(text.data, CASES[i].want);
    }
    fields[2].name = "words"; /* base64 for what is not UTF-8 alone */
    text_clear(&text);
    CHECK_OK(predict_json_write(&(const struct signature){.outputs = fields + 2, .output_count = 1},
                                outputs + 2, true, &text, &err),
             err);
    CHECK_TEXT(text.data, "{\"predictions\":[[\"foo\"],[{\"b64\":\"/w==\"}]]}");
    text_release(&text);
}

TEST(predict_json_does_not_write)
{
    static float values[4];
    static struct field fields[] = {{.name = "y", .dtype = DTYPE_F32},
                                    {.name = "z", .dtype = DTYPE_F32},
                                    {.name = "c", .dtype = DTYPE_C64}};
    const struct signature two = {.name = "s", .outputs = fields, .output_count = 2};
    const struct signature complex = {.name = "s", .outputs = fields + 2, .output_count = 1};
    const struct tensor scalar[] = {TENSOR(DTYPE_F32, values, {1, {2}}),
                                    TENSOR(DTYPE_F32, values, {0})};
    const struct tensor batches[] = {TENSOR(DTYPE_F32, values, {1, {2}}),
                                     TENSOR(DTYPE_F32, values, {1, {3}})};
    struct text text = {0};
    struct error err = {0};

    CHECK_FAILS(predict_json_write(&two, scalar, true, &text, &err), err, STATUS_INVALID_INPUT,
                "z has no shape information");
    CHECK_FAILS(predict_json_write(&two, batches, true, &text, &err), err, STATUS_INVALID_INPUT,
                "z has inconsistent batch size: 3 expecting: 2");
    CHECK_OK(predict_json_write(&two, batches, false, &text, &err), err);
    CHECK_FAILS(predict_json_check(&complex, &err), err, STATUS_UNSUPPORTED,
                "tensor type: complex64");
    text_release(&text);
}
