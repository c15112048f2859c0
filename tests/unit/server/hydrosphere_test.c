// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere.h"

#include "base/text.h"
#include "formats/json/json.h"
#include "server/messages.h"
#include "server/models.h"
#include "test.h"

TEST(words)
{
    char name[32];

    CHECK_TEXT(hydrosphere_dtype(DTYPE_F32, name), "DT_FLOAT");
    CHECK_TEXT(hydrosphere_dtype(DTYPE_QU16, name), "DT_QUINT16");
    CHECK_TEXT(hydrosphere_dtype(DTYPE_NONE, name), "DT_INVALID");
    for (int d = 1; d < DTYPE_COUNT; d++)
        if (dtype_to_tf((enum dtype)d))
            CHECK_INT(hydrosphere_dtype_parse(bytes_of(hydrosphere_dtype((enum dtype)d, name))), d);
    CHECK_INT(hydrosphere_dtype_parse(bytes_of("float64")), DTYPE_F64);
    CHECK_INT(hydrosphere_dtype_parse(bytes_of("DT_NOTHING")), DTYPE_NONE);
    CHECK_INT(hydrosphere_profile_from(21), PROFILE_NUMERICAL);
    CHECK_INT(hydrosphere_profile_from(12), PROFILE_CATEGORICAL);
    CHECK_INT(hydrosphere_profile_from(4), PROFILE_NONE);
    for (int p = PROFILE_NONE; p <= PROFILE_AUDIO; p++)
        CHECK_INT(hydrosphere_profile_from(hydrosphere_profile_number((enum profile)p)), p);
}

TEST(names_of_servables)
{
    char one[SERVABLE_NAME_SIZE], again[SERVABLE_NAME_SIZE], other[SERVABLE_NAME_SIZE];

    servable_name("my_model", 12, 0, one);
    CHECK(strncmp(one, "my-model-12-", 12) == 0);
    CHECK_TEXT(servable_name("my_model", 12, 0, again), one);
    servable_name("my_model", 13, 0, other);
    CHECK(strcmp(one, other) != 0);
    CHECK(strlen(one) < SERVABLE_NAME_SIZE - 1);
}

/* As both generations write it, it is read again. */
TEST(signatures_in_json)
{
    struct field in[] = {{.name = "x", .dtype = DTYPE_F64, .shape = {2, {-1, 4}}},
                         {.name = "s", .dtype = DTYPE_STRING, .shape = {0}}};
    struct field out = {.name = "y",
                        .dtype = DTYPE_I64,
                        .shape = {RANK_UNKNOWN, {0}},
                        .profile = PROFILE_NUMERICAL};
    struct signature signature = {
        .name = "predict", .inputs = in, .outputs = &out, .input_count = 2, .output_count = 1};
    struct signature read;
    struct arena arena;
    struct json json;
    struct error err;

    for (int generation = 2; generation <= 3; generation++) {
        struct text text = {0};

        arena_init(&arena, 1 << 20);
        hydrosphere_write_signature(&text, &signature, generation);
        CHECK_OK(json_parse(text_bytes(&text), 0, &json, &arena, &err), err);
        CHECK_OK(hydrosphere_read_signature(&json, &read, &arena, &err), err);
        CHECK_TEXT(read.name, "predict");
        CHECK(read.input_count == 2 && read.output_count == 1);
        CHECK(shape_equal(&read.inputs[0].shape, &in[0].shape));
        CHECK(read.inputs[1].dtype == DTYPE_STRING && read.inputs[1].shape.rank == 0);
        CHECK(read.outputs[0].shape.rank == RANK_UNKNOWN);
        CHECK(read.outputs[0].profile == PROFILE_NUMERICAL);
        text_release(&text);
        arena_release(&arena);
    }
}

static const struct {
    const char *json, *error;
} REFUSED[] = {
    {"[]", "no object"},
    {"{\"inputs\":[]}", "without a name"},
    {"{\"signatureName\":\"p\",\"inputs\":[{}]}", "signature 'p': a field without a name"},
    {"{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\"}]}", "field 'x': it has no dtype"},
    {"{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\",\"dtype\":\"DT_FLOT\"}]}",
     "\"DT_FLOT\" is no dtype"},
    {"{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\",\"dtype\":\"DT_FLOAT\",\"shape\":{"
     "\"dims\":[-2]}}]}",
     "a dimension is -2"},
    {"{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\",\"subfields\":[]}]}", "has subfields"},
};

TEST(bad_signatures)
{
    for (size_t i = 0; i < ARRAY_COUNT(REFUSED); i++) {
        struct signature signature;
        struct arena arena;
        struct json json;
        struct error err;

        arena_init(&arena, 1 << 20);
        CHECK_OK(json_parse(bytes_of(REFUSED[i].json), 0, &json, &arena, &err), err);
        if (!hydrosphere_read_signature(&json, &signature, &arena, &err) ||
            !strstr(err.text, REFUSED[i].error))
            fail_msg("row %zu: \"%s\"", i, err.text);
        arena_release(&arena);
    }
}

TEST(messages_one_at_a_time)
{
    struct messages *messages = messages_new();
    struct text out = {0};
    struct feed *feed;
    struct error err;

    text_append(messages_begin(messages), "first");
    CHECK_OK(messages_end(messages, &err), err);
    messages_begin(messages); /* an empty message is one */
    CHECK_OK(messages_end(messages, &err), err);
    text_append(messages_begin(messages), "third");
    CHECK_OK(messages_end(messages, &err), err);
    feed = messages_feed(messages);
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_MORE);
    CHECK(bytes_is(text_bytes(&out), "first"));
    text_clear(&out);
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_MORE);
    CHECK_INT(out.size, 0);
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_MORE);
    CHECK(bytes_is(text_bytes(&out), "third"));
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_END);
    feed->class->free(feed);
    text_release(&out);
}
