// SPDX-License-Identifier: Apache-2.0
#include "importers/tensorflow/text/table.h"

#include "test.h"

/* A file of text as a table; what went wrong is in *err. */
static enum status table_read(const char *text, enum dtype key, int64_t key_index, enum dtype value,
                              int64_t value_index, int64_t vocabulary, struct tf_table *table,
                              struct arena *keep, struct error *err)
{
    struct tf_table_file file = {.text = bytes_of(text),
                                 .delimiter = bytes_of("\t"),
                                 .key_index = key_index,
                                 .value_index = value_index,
                                 .vocabulary = vocabulary,
                                 .offset = 5};

    arena_init(keep, 8 << 20);
    *table = (struct tf_table){.key_dtype = key, .value_dtype = value, .fixed = true};
    return tf_table_read(table, &file, keep, err);
}

TEST(table_of_lines)
{
    struct tf_table table;
    struct arena keep;
    struct error err;

    CHECK_OK(table_read("one\r\n\nlast", DTYPE_STRING, TF_WHOLE_LINE, DTYPE_I64, TF_LINE_NUMBER, -1,
                        &table, &keep, &err),
             err);
    assert_int_equal(tensor_count(table.keys), 3);
    assert_true(bytes_is(((const struct bytes *)table.keys->data)[0], "one"));
    assert_true(bytes_is(((const struct bytes *)table.keys->data)[1], ""));
    assert_true(bytes_is(((const struct bytes *)table.keys->data)[2], "last"));
    assert_int_equal(tensor_i64(table.values, 2), 7);
    arena_release(&keep);
}

TEST(table_of_columns)
{
    struct tf_table table;
    struct arena keep;
    struct error err;

    CHECK_OK(
        table_read("7\ta\t0.5\n-8\tb\t1e3\n", DTYPE_I32, 0, DTYPE_F32, 2, 1, &table, &keep, &err),
        err);
    assert_int_equal(tensor_count(table.keys), 1);
    assert_int_equal(tensor_i64(table.keys, 0), 7);
    assert_true(tensor_f64(table.values, 0) == 0.5);
    arena_release(&keep);
}

TEST(table_refuses)
{
    static const struct {
        const char *text;
        enum dtype key;
        int64_t key_index;
        enum dtype value;
        int64_t value_index, vocabulary;
        enum status status;
        const char *part;
    } CASES[] = {
        {"a\n", DTYPE_STRING, 0, DTYPE_I64, 1, -1, STATUS_INVALID_INPUT, "has too few columns"},
        {"a\tx\n", DTYPE_STRING, 0, DTYPE_I64, 1, -1, STATUS_INVALID_INPUT, "is no whole number"},
        {"a\t3000000000\n", DTYPE_STRING, 0, DTYPE_I32, 1, -1, STATUS_INVALID_INPUT,
         "is no whole number"},
        {"a\tx\n", DTYPE_STRING, 0, DTYPE_F64, 1, -1, STATUS_INVALID_INPUT, "is no number"},
        {"a\n", DTYPE_STRING, 0, DTYPE_STRING, TF_LINE_NUMBER, -1, STATUS_INVALID_INPUT,
         "has no number"},
        {"a\n", DTYPE_STRING, TF_WHOLE_LINE, DTYPE_I64, TF_LINE_NUMBER, 2, STATUS_INVALID_INPUT,
         "has 1 lines, not 2"},
        {"a\na\n", DTYPE_STRING, TF_WHOLE_LINE, DTYPE_I64, TF_LINE_NUMBER, -1, STATUS_INVALID_INPUT,
         "different values for one key, at 1"},
        {"a\n", DTYPE_STRING, -3, DTYPE_I64, 0, -1, STATUS_INVALID_INPUT, "column -3"},
        {"a\n", DTYPE_STRING, 0, DTYPE_I64, INT64_MAX, -1, STATUS_INVALID_INPUT, "column"},
        {"a\n", DTYPE_STRING, 0, DTYPE_BOOL, 0, -1, STATUS_UNSUPPORTED, "from text"},
        {"a\n", DTYPE_NONE, 0, DTYPE_I64, 0, -1, STATUS_UNSUPPORTED, "not stated"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct tf_table table;
        struct arena keep;
        struct error err;
        enum status status =
            table_read(CASES[i].text, CASES[i].key, CASES[i].key_index, CASES[i].value,
                       CASES[i].value_index, CASES[i].vocabulary, &table, &keep, &err);

        if (status != CASES[i].status || !strstr(err.text, CASES[i].part))
            fail_msg("case %zu: %s", i, status ? err.text : "it did not fail");
        arena_release(&keep);
    }
}

TEST(assets_lie_in_their_folder)
{
    static const char *const NAMES[] = {"../secret", "/etc/passwd", "a/../../b", "", "assets/"};
    struct artifact *artifact;
    struct tf_lowering l = {0};
    struct bytes bytes;
    struct error err;

    CHECK_OK(artifact_open_bytes(bytes_of("x"), "model", NULL, &artifact, &err), err);
    l.artifact = artifact;
    l.file = &artifact->members[0];
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        CHECK_FAILS(tf_asset_read(&l, bytes_of(NAMES[i]), &bytes, &err), err, STATUS_UNSUPPORTED,
                    "assets");
    artifact_close(artifact);
}
