// SPDX-License-Identifier: Apache-2.0
#include "contract/hydrosphere.h"

#include "base/text.h"
#include "formats/protobuf.h"
#include "test.h"

static struct arena keep;

static enum status from_json(const char *json, struct contract *contract, struct error *err)
{
    struct json value;

    CHECK_OK(json_parse(bytes_of(json), 0, &value, &keep, err), *err);
    return hydrosphere_contract_json(&value, "contract", contract, &keep, err);
}

static void check_json(const char *json, unsigned shapes, const char *want)
{
    struct contract contract;
    struct text text = {0};
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_OK(from_json(json, &contract, &err), err);
    for (size_t i = 0; i < contract.count; i++)
        hydrosphere_print_signature(&contract.signatures[i], shapes, &text);
    CHECK_TEXT(text.data, want);
    text_release(&text);
    arena_release(&keep);
}

static void check_refused(const char *json, const char *words)
{
    struct contract contract;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_FAILS(from_json(json, &contract, &err), err, STATUS_INVALID_INPUT, words);
    arena_release(&keep);
}

#define OUTPUT "\"outputs\":[{\"name\":\"y\",\"dtype\":\"DT_STRING\"}]"
#define WITH(field) "{\"signatureName\":\"p\",\"inputs\":[" field "]," OUTPUT "}"

TEST(generations_as_json)
{
    /* 3; read and written again */
    check_json(WITH("{\"name\":\"x\",\"dtype\":\"DT_DOUBLE\",\"shape\":{\"dims\":[-1,3]},"
                    "\"profile\":\"RATIO\"}"),
               HYDROSPHERE_DIMS,
               "{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\",\"dtype\":\"DT_DOUBLE\","
               "\"shape\":{\"dims\":[-1,3]},\"profile\":\"NUMERICAL\"}],\"outputs\":[{\"name\":"
               "\"y\",\"dtype\":\"DT_STRING\",\"shape\":null,\"profile\":\"NONE\"}]}");
    /* 2 */
    check_json("{\"modelName\":\"m\",\"predict\":" WITH(
                   "{\"name\":\"x\",\"dtype\":\"DT_HALF\",\"shape\":{\"dim\":[{\"size\":\"-1\"},{"
                   "\"size\":2,\"name\":\"a\"}],\"unknownRank\":false}}") "}",
               HYDROSPHERE_DIM,
               "{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\",\"dtype\":\"DT_HALF\","
               "\"shape\":{\"dim\":[{\"size\":-1,\"name\":\"\"},{\"size\":2,\"name\":\"\"}],"
               "\"unknownRank\":false},\"profile\":\"NONE\"}],\"outputs\":[{\"name\":\"y\","
               "\"dtype\":\"DT_STRING\",\"shape\":{\"dim\":[],\"unknownRank\":true},"
               "\"profile\":\"NONE\"}]}");
    /* 1, and a scalar for readers of all */
    check_json("{\"modelName\":\"m\",\"signatures\":[" WITH(
                   "{\"name\":\"x\",\"dtype\":\"DT_QUINT8\",\"shape\":{\"dim\":[]}}") "]}",
               HYDROSPHERE_DIM | HYDROSPHERE_DIMS,
               "{\"signatureName\":\"p\",\"inputs\":[{\"name\":\"x\",\"dtype\":\"DT_QUINT8\","
               "\"shape\":{\"dims\":[],\"dim\":[],\"unknownRank\":false},\"profile\":\"NONE\"}],"
               "\"outputs\":[{\"name\":\"y\",\"dtype\":\"DT_STRING\",\"shape\":{\"dim\":[],"
               "\"unknownRank\":true},\"profile\":\"NONE\"}]}");
}

TEST(what_is_wrong_is_said)
{
    check_refused("[]", "contract is no object");
    check_refused("{}", "signature has no name");
    check_refused("{\"signatureName\":\"p\"}", "\"p\" has no inputs");
    check_refused("{\"signatureName\":\"p\",\"inputs\":[],\"outputs\":[]}", "has no inputs");
    check_refused("{\"signatureName\":\"p\",\"inputs\":{}}", "inputs is no list");
    check_refused("{\"signatures\":5}", "signatures is no list");
    check_refused("{\"predict\":7}", "is no object");
    check_refused(WITH("7"), "an input has no name");
    check_refused(WITH("{\"dtype\":\"DT_INT8\"}"), "an input has no name");
    check_refused(WITH("{\"name\":\"x\"}"), "input \"x\" has no dtype");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_FLOAT32\"}"), "\"DT_FLOAT32\"");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INVALID\"}"), "\"DT_INVALID\"");
    check_refused(WITH("{\"name\":\"x\",\"subfields\":[]}"), "\"x\" holds no fields");
    check_refused(WITH("{\"name\":\"x\",\"subfields\":7}"), "no list of fields");
    check_refused(WITH("{\"name\":\"x\",\"subfields\":[{\"dtype\":\"DT_INT8\"}]}"), "has no name");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"shape\":[1]}"), "has a shape");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"shape\":{\"dims\":[0]}}"),
                  "dimension of 0");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"shape\":{\"dims\":[-2]}}"),
                  "dimension of -2");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"shape\":{\"dims\":[1.5]}}"),
                  "no whole number");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"shape\":{\"dim\":[3]}}"),
                  "no whole number");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"shape\":{\"dims\":"
                       "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}"),
                  "more dimensions");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\",\"profile\":\"NUMERIC\"}"),
                  "profile");
    check_refused(WITH("{\"name\":\"x\",\"dtype\":\"DT_INT8\"},{\"name\":\"x\",\"dtype\":"
                       "\"DT_INT8\"}"),
                  "\"x\" occurs twice");
}

/* ModelField {name, shape, dtype}; `dims`: of generation 3 */
static void write_field(struct text *text, uint32_t number, const char *name, bool dims)
{
    size_t field = protobuf_write_begin(text), shape, dim;
    const int64_t sizes[] = {-1, 5};

    protobuf_write_text(text, 1, name);
    shape = protobuf_write_begin(text);
    if (dims)
        protobuf_write_packed_i64(text, 1, sizes, 2);
    for (int i = 0; !dims && i < 2; i++) {
        dim = protobuf_write_begin(text);
        protobuf_write_i64(text, 1, sizes[i]);
        protobuf_write_end(text, 2, dim);
    }
    protobuf_write_end(text, 2, shape);
    protobuf_write_i64(text, 4, 9);
    protobuf_write_i64(text, dims ? 5 : 10, 11);
    protobuf_write_end(text, number, field);
}

static void write_signature(struct text *text, const char *name, bool dims)
{
    protobuf_write_text(text, 1, name);
    write_field(text, 2, "x", dims);
    write_field(text, 3, "y", dims);
}

TEST(generations_as_protocol_buffers)
{
    struct contract contract;
    struct text message = {0}, text = {0};
    struct error err;
    size_t begin;

    arena_init(&keep, 1 << 20);
    protobuf_write_text(&message, 1, "model");
    for (int i = 0; i < 2; i++) {
        begin = protobuf_write_begin(&message);
        write_signature(&message, i ? "second" : "first", false);
        protobuf_write_end(&message, 2, begin);
    }
    CHECK_OK(
        hydrosphere_contract_protobuf(text_bytes(&message), false, "c", &contract, &keep, &err),
        err);
    CHECK_INT(contract.count, 2);
    CHECK_TEXT(contract.signatures[1].name, "second");
    hydrosphere_print_signature(&contract.signatures[0], HYDROSPHERE_DIMS, &text);
    CHECK_TEXT(text.data, "{\"signatureName\":\"first\",\"inputs\":[{\"name\":\"x\",\"dtype\":"
                          "\"DT_INT64\",\"shape\":{\"dims\":[-1,5]},\"profile\":\"CATEGORICAL\"}],"
                          "\"outputs\":[{\"name\":\"y\",\"dtype\":\"DT_INT64\",\"shape\":{\"dims\":"
                          "[-1,5]},\"profile\":\"CATEGORICAL\"}]}");
    text_clear(&message);
    write_signature(&message, "first", true);
    CHECK_OK(hydrosphere_contract_protobuf(text_bytes(&message), true, "c", &contract, &keep, &err),
             err);
    CHECK_INT(contract.count, 1);
    text_clear(&text);
    hydrosphere_print_signature(&contract.signatures[0], HYDROSPHERE_DIMS, &text);
    CHECK(strstr(text.data, "\"dims\":[-1,5]") != NULL);
    CHECK_FAILS(hydrosphere_contract_protobuf(bytes_of("\x12"), false, "c", &contract, &keep, &err),
                err, STATUS_INVALID_INPUT, "");
    text_release(&message);
    text_release(&text);
    arena_release(&keep);
}
