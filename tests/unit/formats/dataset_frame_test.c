// SPDX-License-Identifier: Apache-2.0
#include "formats/frame/frame.h"

#include <math.h>

#include "test.h"

/* From JSON, to a tar and back. */
static void frame_of(const char *body, struct frame *frame, struct arena *keep)
{
    struct text tar = {0};
    struct frame first;
    struct error err;
    struct json json;

    CHECK_OK(json_parse(bytes_of(body), 0, &json, keep, &err), err);
    CHECK_OK(frame_from_json(&json, &first, keep, &err), err);
    CHECK_OK(frame_encode(&first, &tar, &err), err);
    struct bytes kept = {(const uint8_t *)arena_text(keep, text_bytes(&tar)), tar.size};
    CHECK_OK(frame_decode(kept, frame, keep, &err), err);
    text_release(&tar);
}

static void check_column(const struct frame *frame, const char *name, enum column_type type,
                         const char *dtype, const char *want)
{
    const struct frame_column *column = frame_find(frame, name);
    struct text text = {0};

    CHECK(column != NULL);
    CHECK_INT(column->type, type);
    CHECK_TEXT(column->dtype, dtype);
    for (size_t row = 0; row < frame->rows; row++) {
        text_append(&text, row ? " " : "");
        column_write_json(column, row, &text);
    }
    CHECK_TEXT(text.data, want);
    text_release(&text);
}

TEST(columns_are_what_their_values_are)
{
    struct arena keep;
    struct frame frame;

    arena_init(&keep, 16 << 20);
    frame_of("{\"data\":{\"i\":[1,-2],\"f\":[1,2.5],\"n\":[null,2],\"b\":[true,false],"
             "\"s\":[\"\\u00fc\",null],\"v\":[[1],{\"x\":null}],\"m\":[1,\"a\"],\"e\":[null,null],"
             "\"t\":[\"2020-02-29T10:00:00.25+02:00\",\"1969-12-31\"],\"h\":[1,2.5]},"
             "\"dtypes\":{\"t\":\"datetime64[ns]\",\"h\":\"float32\"}}",
             &frame, &keep);
    CHECK_INT(frame.rows, 2);
    check_column(&frame, "i", COLUMN_NUMBER, "int64", "1 -2");
    check_column(&frame, "f", COLUMN_NUMBER, "float64", "1.0 2.5");
    check_column(&frame, "n", COLUMN_NUMBER, "float64", "null 2.0");
    check_column(&frame, "b", COLUMN_NUMBER, "bool", "true false");
    check_column(&frame, "s", COLUMN_TEXT, "object", "\"\303\274\" null");
    check_column(&frame, "v", COLUMN_JSON, "object", "[1] {\"x\":null}");
    check_column(&frame, "m", COLUMN_JSON, "object", "1 \"a\"");
    check_column(&frame, "e", COLUMN_NUMBER, "float64", "null null");
    check_column(&frame, "t", COLUMN_TIME, "datetime64[ns]",
                 "\"2020-02-29T08:00:00.25\" \"1969-12-31T00:00:00\"");
    check_column(&frame, "h", COLUMN_NUMBER, "float32", "1.0 2.5");
    arena_release(&keep);
}

TEST(bodies_that_are_no_frame)
{
    static const struct {
        const char *body, *words;
    } ROWS[] = {
        {"[]", "not an object"},
        {"{}", "has no \"data\""},
        {"{\"data\":[]}", "is empty"},
        {"{\"data\":{\"a\":1}}", "column 'a' is an integer"},
        {"{\"data\":{\"a\":[1],\"b\":[]}}", "column 'b' has 0 rows"},
        {"{\"data\":[{\"a\":1},{\"b\":1}]}", "row 1 has a column 'b'"},
        {"{\"data\":[{\"a\":1},{}]}", "row 1 is no record of 1 columns"},
        {"{\"data\":[{\"a\":1},3]}", "row 1 is no record"},
        {"{\"data\":[[1]]}", "need \"columns\""},
        {"{\"data\":[[1]],\"columns\":[1]}", "name 0"},
        {"{\"data\":[[1,1]],\"columns\":[\"a\",\"a\"]}", "twice"},
        {"{\"data\":[[1],[]],\"columns\":[\"a\"]}", "row 1"},
        {"{\"data\":{\"a\":[1]},\"dtypes\":{\"a\":1}}", "is no string"},
        {"{\"data\":{\"a\":[-1]},\"dtypes\":{\"a\":\"uint8\"}}", "-1"},
        {"{\"data\":{\"a\":[1.5]},\"dtypes\":{\"a\":\"int64\"}}", "row 0"},
        {"{\"data\":{\"a\":[1]},\"dtypes\":{\"a\":\"qint8\"}}", "unknown"},
    };
    struct arena keep;
    struct frame frame;
    struct error err;
    struct json json;

    arena_init(&keep, 16 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
        CHECK_OK(json_parse(bytes_of(ROWS[i].body), 0, &json, &keep, &err), err);
        CHECK_FAILS(frame_from_json(&json, &frame, &keep, &err), err, STATUS_INVALID_INPUT,
                    ROWS[i].words);
    }
    arena_release(&keep);
}

TEST(columns_as_tensors)
{
    const size_t rows[] = {2, 0};
    struct tensor tensor;
    struct arena keep;
    struct frame frame;
    struct error err;

    arena_init(&keep, 16 << 20);
    frame_of("{\"data\":{\"i\":[1,2,3],\"n\":[1,null,null],\"s\":[\"a\",\"b\",null],"
             "\"v\":[[1,2],[3,4],[5,6]],\"r\":[[1],[2],[3,4]],\"big\":[9007199254740993,1,2]}}",
             &frame, &keep);
    CHECK_OK(column_tensor(frame_find(&frame, "i"), rows, 2, DTYPE_F32, &tensor, &keep, &err), err);
    CHECK_NEAR(((float *)tensor.data)[0], 3, 0);
    CHECK_NEAR(((float *)tensor.data)[1], 1, 0);
    CHECK_OK(column_tensor(frame_find(&frame, "n"), rows, 2, DTYPE_F64, &tensor, &keep, &err), err);
    CHECK(isnan(((double *)tensor.data)[0]));
    CHECK_OK(column_tensor(frame_find(&frame, "s"), rows, 2, DTYPE_STRING, &tensor, &keep, &err),
             err);
    CHECK(((struct bytes *)tensor.data)[0].data == NULL);
    CHECK(bytes_is(((struct bytes *)tensor.data)[1], "a"));
    CHECK_OK(column_tensor(frame_find(&frame, "v"), rows, 2, DTYPE_I64, &tensor, &keep, &err), err);
    CHECK_INT(tensor.shape.rank, 2);
    CHECK_INT(((int64_t *)tensor.data)[1], 6);
    CHECK_FAILS(column_tensor(frame_find(&frame, "n"), rows, 2, DTYPE_I64, &tensor, &keep, &err),
                err, STATUS_INVALID_INPUT, "'n'");
    CHECK_FAILS(column_tensor(frame_find(&frame, "s"), rows, 2, DTYPE_F64, &tensor, &keep, &err),
                err, STATUS_INVALID_INPUT, "column 's' holds texts");
    CHECK_FAILS(column_tensor(frame_find(&frame, "r"), rows, 2, DTYPE_F64, &tensor, &keep, &err),
                err, STATUS_INVALID_INPUT, "'r'");
    CHECK_FAILS(column_tensor(frame_find(&frame, "i"), rows, 2, DTYPE_STRING, &tensor, &keep, &err),
                err, STATUS_INVALID_INPUT, "numbers");
    CHECK_FAILS(
        column_tensor(frame_find(&frame, "big"), (size_t[]){0}, 1, DTYPE_F64, &tensor, &keep, &err),
        err, STATUS_INVALID_INPUT, "'big'");
    arena_release(&keep);
}

TEST(times_are_read)
{
    static const struct {
        const char *text, *unit;
        int64_t want;
    } ROWS[] = {
        {"1970-01-01", "s", 0},
        {"1970-01-02T00:00:01Z", "s", 86401},
        {"2000-03-01 00:00", "s", 951868800},
        {"1969-12-31T23:59:59.5", "ms", -500},
        {"2020-01-01T00:00:00+01:30", "s", 1577831400},
        {"1600-02-29", "s", -11670998400},
        {"0001-01-01", "s", -62135596800},
    };
    static const char *const BAD[] = {"",
                                      "2020",
                                      "2020-13-01",
                                      "2021-02-29",
                                      "2020-1-1",
                                      "2020-01-01T",
                                      "2020-01-01T24:00",
                                      "2020-01-01x",
                                      "2020-01-01T10:00:00+",
                                      "3000-01-01T00:00:00 "};
    int64_t value;

    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
        CHECK(time_from_text(bytes_of(ROWS[i].text), ROWS[i].unit, &value));
        CHECK_INT(value, ROWS[i].want);
    }
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
        CHECK(!time_from_text(bytes_of(BAD[i]), "s", &value));
    CHECK(!time_from_text(bytes_of("3000-01-01"), "ns", &value)); /* does not fit */
}
