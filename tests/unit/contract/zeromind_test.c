// SPDX-License-Identifier: Apache-2.0
#include "contract/zeromind.h"

#include "test.h"

static enum status read_fields(const char *text, struct zeromind_fields *fields,
                               struct arena *arena, struct error *err)
{
    struct json value;

    TRY(zeromind_json(bytes_of(text), &value, arena, err));
    return zeromind_fields(&value, "spec", fields, arena, err);
}

TEST(zeromind_fields_as_people_write_them)
{
    struct zeromind_fields fields;
    struct arena arena;
    struct error err = {0};

    arena_init(&arena, 1 << 20);
    CHECK_OK(
        read_fields("[{\"name\": \"a None \\\" None\", \"type\": \"uint8\", \"shape\": [None, 3]},"
                    " {\"name\": \"b\", \"type\": \"str\", \"shape\": [null, \"None\", -1]}]",
                    &fields, &arena, &err),
        err);
    CHECK_INT(fields.count, 2);
    CHECK_TEXT(fields.fields[0].name, "a None \" None");
    CHECK_INT(fields.fields[0].dtype, DTYPE_U8);
    CHECK_INT(fields.fields[0].shape.dims[0], DIM_UNKNOWN);
    CHECK_INT(fields.fields[0].shape.dims[1], 3);
    CHECK_INT(fields.fields[1].dtype, DTYPE_STRING);
    CHECK_INT(fields.fields[1].shape.rank, 3);
    arena_release(&arena);
}

TEST(zeromind_fields_refuse)
{
    static const struct {
        const char *text, *want;
    } CASES[] = {
        {"{}", "spec is no list of"},
        {"[]", "spec is no list of"},
        {"[1]", "spec: field 0: has no \"name\""},
        {"[{\"name\": \"\"}]", "has no \"name\""},
        {"[{\"name\": \"x\"}]", "has no \"type\""},
        {"[{\"name\": \"x\", \"type\": \"float128\"}]", "unknown type \"float128\""},
        {"[{\"name\": \"x\", \"type\": \"int8\"}]", "has no \"shape\""},
        {"[{\"name\": \"x\", \"type\": \"int8\", \"shape\": [0]}]", "dimension 0 that is neither"},
        {"[{\"name\": \"x\", \"type\": \"int8\", \"shape\": [1.5]}]",
         "dimension 0 that is neither"},
        {"[{\"name\": \"x\", \"type\": \"int8\", \"shape\": "
         "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}]",
         "more than 16 dimensions"},
        {"[{\"name\": \"x\", \"type\": \"int8\", \"shape\": [1]},"
         " {\"name\": \"x\", \"type\": \"int8\", \"shape\": [1]}]",
         "field \"x\" is there twice"},
        {"[None", "at byte"},
        {"\"\\", "at byte"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct zeromind_fields fields;
        struct arena arena;
        struct error err = {0};

        arena_init(&arena, 1 << 20);
        CHECK_FAILS(read_fields(CASES[i].text, &fields, &arena, &err), err, STATUS_INVALID_INPUT,
                    CASES[i].want);
        arena_release(&arena);
    }
}
