// SPDX-License-Identifier: Apache-2.0
#include "formats/json/frame.h"

#include "formats/json/json_tensor.h"

#include "test.h"

/* What is read of all columns as "a [2] [1.0,2.0]; ...", or the error. */
static void say(const char *body, struct text *said)
{
    struct arena arena;
    struct frame_json frame;
    struct error err = {0};
    struct tensor columns[4];
    const enum dtype dtypes[4] = {DTYPE_F64, DTYPE_F64, DTYPE_F64, DTYPE_F64};
    size_t size = strlen(body);
    uint8_t *copy = malloc(size + 1); /* no byte behind it */
    enum status status;

    arena_init(&arena, 1 << 20);
    memcpy(copy, body, size);
    copy = realloc(copy, size ? size : 1);
    status = frame_json_open((struct bytes){copy, size}, &frame, &arena, &err);
    if (status == STATUS_OK)
        status = frame_json_read(&frame, dtypes, columns, &arena, &err);
    for (size_t c = 0; status == STATUS_OK && c < frame.count; c++) {
        char shape[SHAPE_PRINT_SIZE];
        text_printf(said, "%s%s %s ", c ? "; " : "", frame.columns[c],
                    shape_print(&columns[c].shape, shape, sizeof shape));
        json_write_tensor(said, &columns[c]);
    }
    if (status != STATUS_OK)
        text_append(said, err.text);
    arena_release(&arena);
    free(copy);
}

static const struct {
    const char *body, *want; /* all of it, or a part of the error */
} CASES[] = {
    {"{\"columns\":[\"v\"],\"data\":{\"v\":[5]}}", "v [1] [5.0]"},
    {"{\"columns\":[\"a\",\"b\"],\"data\":{\"b\":[3,4],\"a\":[1,2]}}",
     "a [2] [1.0,2.0]; b [2] [3.0,4.0]"},
    {"{\"columns\":[\"v\"],\"data\":[{\"v\":5},{\"v\":6}]}", "v [2] [5.0,6.0]"},
    {"{\"data\":[{\"b\":5,\"a\":7},{\"a\":8,\"b\":6}]}", "b [2] [5.0,6.0]; a [2] [7.0,8.0]"},
    {"{\"data\":{\"a\":[1,2]}}", "a [2] [1.0,2.0]"},
    {"{\"data\":[[1,2],[3,4]],\"columns\":[\"a\",\"b\"]}", "a [2] [1.0,3.0]; b [2] [2.0,4.0]"},
    {"{\"columns\":[\"x\"],\"data\":[{\"x\":[1,2,3,4]},{\"x\":[5,6,7,8]}],\"shape\":[2,2]}",
     "x [2,2,2] [1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0]"},
    {"{\"columns\":[\"x\"],\"data\":{\"x\":[[[1,2],[3,4]]]},\"shape\":[4]}",
     "x [1,4] [1.0,2.0,3.0,4.0]"},
    {"{\"columns\":[\"x\"],\"data\":[{\"x\":[[1],[2]]}],\"more\":{\"data\":1}}",
     "x [1,2,1] [1.0,2.0]"},
    {"{\"columns\":[\"x\"],\"data\":[{\"x\":[1,2,3]}],\"shape\":[2,2]}", "not [2,2] a row"},
    {"{\"columns\":[\"x\",\"y\"],\"data\":[[1,2]],\"shape\":[1]}", "needs exactly one column"},
    {"{\"columns\":[\"x\"],\"data\":[{\"x\":[1,2]},{\"x\":[1]}]}", "another shape in row 1"},
    {"{\"columns\":[\"x\"],\"data\":[{\"x\":[[1,2],[3]]}]}", "column 'x'"},
    {"{\"columns\":[\"a\",\"b\"],\"data\":{\"a\":[1,2],\"b\":[1]}}", "'b' has 1 rows"},
    {"{\"columns\":[\"a\",\"b\"],\"data\":{\"a\":[1]}}", "'b' is not in \"data\""},
    {"{\"columns\":[\"a\"],\"data\":{\"a\":[1],\"z\":[1]}}", "'z' of \"data\" is not in"},
    {"{\"columns\":[\"a\",\"b\"],\"data\":[{\"a\":1,\"b\":1},{\"a\":1}]}",
     "row 1 has no column 'b'"},
    {"{\"columns\":[\"a\",\"b\"],\"data\":[[1,2],[3]]}", "row 1 has no column 'b'"},
    {"{\"columns\":[\"a\"],\"data\":[[1,2]]}", "row 0 has more than 1"},
    {"{\"columns\":[\"a\"],\"data\":[{\"a\":1,\"a\":2}]}", "twice"},
    {"{\"columns\":[\"a\"],\"data\":{\"a\":[1],\"a\":[1]}}", "twice"},
    {"{\"columns\":[\"a\"],\"columns\":[\"a\"],\"data\":{}}", "twice"},
    {"{\"columns\":[\"a\"],\"data\":{\"a\":1}}", "no array"},
    {"{\"columns\":[\"a\"],\"data\":[{\"a\":\"x\"}]}", "column 'a'"},
    {"{\"columns\":[],\"data\":[[1]]}", "\"columns\" has 0 names"},
    {"{\"data\":[[1]]}", "need \"columns\""},
    {"{\"data\":[]}", "empty"},
    {"{\"data\":{}}", "0 columns"},
    {"{\"columns\":[\"x\"]}", "no \"data\""},
    {"{\"columns\":[\"x\"],\"data\":[1],\"shape\":[-1]}", "negative"},
    {"[]", "an object is expected"},
    {"{\"data\":[{\"a\":1}]} x", "JSON"},
    {"{\"data\":[{\"a\":1}", "JSON"},
    {"", "JSON"},
};

TEST(frames)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct text said = {0};

        say(CASES[i].body, &said);
        if (!said.data || !strstr(said.data, CASES[i].want))
            fail_msg("%s\nsaid %s\nnot  %s", CASES[i].body, said.data ? said.data : "",
                     CASES[i].want);
        text_release(&said);
    }
}
