// SPDX-License-Identifier: Apache-2.0
#include "contract/maps.h"

#include "contract/hydrosphere.h"
#include "contract/manifest.h"
#include "formats/json/json_tensor.h"
#include "test.h"

static struct arena keep;

/* One map with a list of maps in it, a list, and a plain field. */
static const char MANIFEST[] = "kind: Model\n"
                               "name: m\n"
                               "contract:\n"
                               "  predict:\n"
                               "    inputs:\n"
                               "      person:\n"
                               "        fields:\n"
                               "          age: {shape: scalar, type: int64}\n"
                               "          name: {shape: [-1], type: string}\n"
                               "          pets:\n"
                               "            shape: [-1]\n"
                               "            fields:\n"
                               "              legs: {shape: scalar, type: int32}\n"
                               "              size: {shape: [2], type: double}\n"
                               "      rooms:\n"
                               "        shape: [2]\n"
                               "        fields: {area: {shape: scalar, type: float32}}\n"
                               "      x: {shape: [-1], type: double}\n"
                               "    outputs:\n"
                               "      y: {shape: scalar, type: double}\n";

static const struct signature *signature_of(const char *yaml)
{
    struct manifest *manifest = arena_new(&keep, struct manifest, 1);
    struct error err = {0};

    CHECK_OK(manifest_parse(bytes_of(yaml), "serving.yaml", manifest, &keep, &err), err);
    return &manifest->contract.signatures[0];
}

TEST(maps_are_their_leaves)
{
    static const struct {
        const char *name;
        size_t maps;
        int rank, own;
    } WANT[] = {{"person.age", 1, 0, 0},       {"person.name", 1, 1, 1},
                {"person.pets.legs", 2, 1, 0}, {"person.pets.size", 2, 2, 1},
                {"rooms.area", 1, 1, 0},       {"x", 0, 1, 1}};
    const struct signature *signature;

    arena_init(&keep, 1 << 20);
    signature = signature_of(MANIFEST);
    CHECK_INT(signature->input_count, ARRAY_COUNT(WANT));
    for (size_t i = 0; i < ARRAY_COUNT(WANT); i++) {
        CHECK_TEXT(signature->inputs[i].name, WANT[i].name);
        CHECK_INT(signature->inputs[i].map_count, WANT[i].maps);
        CHECK_INT(signature->inputs[i].shape.rank, WANT[i].rank);
        CHECK_INT(field_own_rank(&signature->inputs[i]), WANT[i].own);
    }
    arena_release(&keep);
}

/* Every way in which a contract is kept or told, and back. */
TEST(contracts_with_maps_are_read_as_they_are_written)
{
    struct text json = {0}, again = {0}, yaml = {0}, told = {0}, retold = {0};
    struct contract contract, read;
    struct json value;
    struct error err = {0};

    arena_init(&keep, 1 << 20);
    contract = (struct contract){(struct signature *)(uintptr_t)signature_of(MANIFEST), 1};
    contract_print_json(&contract, &json);
    CHECK_OK(contract_parse_json(text_bytes(&json), &read, &keep, &err), err);
    contract_print_json(&read, &again);
    CHECK_TEXT(again.data, json.data);
    text_append(&yaml, "kind: Model\nname: m\n");
    contract_print_yaml(&contract, &yaml);
    hydrosphere_print_signature(signature_of(yaml.data), HYDROSPHERE_DIMS, &told);
    CHECK_OK(json_parse(text_bytes(&told), 0, &value, &keep, &err), err);
    CHECK_OK(hydrosphere_contract_json(&value, "contract", &read, &keep, &err), err);
    hydrosphere_print_signature(&read.signatures[0], HYDROSPHERE_DIMS, &retold);
    CHECK_TEXT(retold.data, told.data);
    CHECK(strstr(told.data,
                 "{\"name\":\"person\",\"shape\":{\"dims\":[]},\"profile\":\"NONE\","
                 "\"subfields\":{\"age\":{\"name\":\"age\",\"dtype\":\"DT_INT64\"") != NULL);
    text_release(&json);
    text_release(&again);
    text_release(&yaml);
    text_release(&told);
    text_release(&retold);
    arena_release(&keep);
}

#define PERSON(pets) "{\"age\":3,\"name\":[\"a\",\"b\"],\"pets\":[" pets "]}"
#define CAT "{\"legs\":4,\"size\":[1.0,2.0]}"
#define BIRD "{\"size\":[3.0,4.0],\"legs\":2}"
#define ROOMS "[{\"area\":1.5},{\"area\":2.5}]"

static void check_given(const char *json, const char *want)
{
    const struct signature *signature;
    struct tensor bound[6];
    const struct given *given;
    struct text text = {0};
    struct error err = {0};
    size_t count;

    arena_init(&keep, 1 << 20);
    signature = signature_of(MANIFEST);
    CHECK_OK(contract_given_json(signature, bytes_of(json), &given, &count, &keep, &err), err);
    CHECK_OK(contract_bind(signature, given, count, bound, &keep, &err), err);
    CHECK_OK(maps_print_json(signature->inputs, signature->input_count, bound, &text, &err), err);
    CHECK_TEXT(text.data, want);
    text_release(&text);
    arena_release(&keep);
}

TEST(maps_in_requests)
{
    check_given("{\"rooms\":" ROOMS ",\"x\":[7],\"person\":" PERSON(CAT "," BIRD) "}",
                "{\"person\":" PERSON(CAT ",{\"legs\":2,\"size\":[3.0,4.0]}") ",\"rooms\":" ROOMS
                                                                              ",\"x\":[7.0]}");
    check_given("{\"person\":" PERSON("") ",\"rooms\":" ROOMS ",\"x\":[]}",
                "{\"person\":" PERSON("") ",\"rooms\":" ROOMS ",\"x\":[]}");
    check_given("{\"person\":" PERSON(CAT) ",\"rooms\":" ROOMS ",\"x\":1}",
                "{\"person\":" PERSON(CAT) ",\"rooms\":" ROOMS ",\"x\":[1.0]}");
}

TEST(maps_that_are_wrong_are_refused)
{
    static const struct {
        const char *json, *words;
    } CASES[] = {
        {"{\"person\":3}", "person"},
        {"{\"person\":[" PERSON(CAT) "]}", "person"},
        {"{\"person\":{\"age\":3,\"name\":[]},\"rooms\":" ROOMS ",\"x\":[1]}",
         "map \"person\" is given without \"pets\""},
        {"{\"person\":{\"age\":3,\"age\":4}}", "occurs twice"},
        {"{\"person\":" PERSON(CAT) ",\"person\":" PERSON(CAT) "}", "occurs twice"},
        {"{\"person\":{\"height\":3}}", "has no field \"height\"; it has age, name, pets"},
        {"{\"person\":{\"age\":\"old\"}}", "field 'person.age'"},
        {"{\"person\":{\"age\":1.5}}", "field 'person.age'"},
        {"{\"rooms\":{\"area\":1}}", "rooms"},
        {"{\"rooms\":[{\"area\":1}],\"person\":" PERSON(CAT) ",\"x\":[1]}", "rooms.area"},
        {"{\"rooms\":[{\"area\":1},{}]}", "map \"rooms\" is given without \"area\""},
        {"{\"rooms\":[{\"area\":1},{\"area\":[1,2]}]}", "differs in shape"},
        {"{\"person\":" PERSON("{\"legs\":4,\"size\":[1,2]},{\"legs\":4,\"size\":[1,2,3]}") "}",
         "differs in shape"},
        {"{\"rooms\":" ROOMS ",\"x\":[1]}", "missing inputs: person.age, person.name"},
        {"{\"person.age\":3}", "has no input 'person.age'; it has person, rooms, x"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        const struct signature *signature;
        const struct given *given;
        struct tensor bound[6];
        struct error err = {0};
        enum status status;
        size_t count;

        arena_init(&keep, 1 << 20);
        signature = signature_of(MANIFEST);
        status =
            contract_given_json(signature, bytes_of(CASES[i].json), &given, &count, &keep, &err);
        if (!status)
            status = contract_bind(signature, given, count, bound, &keep, &err);
        CHECK_FAILS(status, err, STATUS_INVALID_INPUT, CASES[i].words);
        arena_release(&keep);
    }
}

TEST(ragged_lists_of_maps_are_refused)
{
    static const char LISTS[] =
        "kind: Model\nname: m\ncontract:\n  inputs:\n    a:\n      shape: [-1]\n"
        "      fields:\n        b:\n          shape: [-1]\n"
        "          fields: {c: {shape: scalar, type: int64}}\n"
        "  outputs: {y: {shape: scalar, type: int64}}\n";
    const struct signature *signature;
    const struct given *given;
    struct error err = {0};
    size_t count;

    arena_init(&keep, 1 << 20);
    signature = signature_of(LISTS);
    CHECK_FAILS(
        contract_given_json(signature,
                            bytes_of("{\"a\":[{\"b\":[{\"c\":1},{\"c\":2}]},{\"b\":[{\"c\":3}]}]}"),
                            &given, &count, &keep, &err),
        err, STATUS_INVALID_INPUT, "list \"b\" is ragged: it has 2 maps here and 1 there");
    CHECK_OK(contract_given_json(signature,
                                 bytes_of("{\"a\":[{\"b\":[{\"c\":1},{\"c\":2}]},{\"b\":[{\"c\":"
                                          "3},{\"c\":4}]}]}"),
                                 &given, &count, &keep, &err),
             err);
    CHECK_INT(given[0].tensor.shape.rank, 2);
    CHECK_INT(((const int64_t *)given[0].tensor.data)[3], 4);
    arena_release(&keep);
}

TEST(manifests_with_wrong_maps_are_refused)
{
    static const struct {
        const char *field, *words;
    } CASES[] = {
        {"{type: double, fields: {b: {type: double}}}", "has a type and holds fields"},
        {"{shape: [2, 2], fields: {b: {type: double}}}", "its shape is scalar (one map) or [n]"},
        {"{fields: {}}", "must map names of fields"},
        {"{fields: [1]}", "must map names of fields"},
        {"{fields: {b: {fields: {c: {fields: {d: {fields: {e: {fields: {f: {type: int8}}}}}}}}}}}",
         "at most 4 lie in each other"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct manifest manifest;
        struct error err = {0};
        struct text yaml = {0};

        arena_init(&keep, 1 << 20);
        text_printf(&yaml,
                    "kind: Model\nname: m\ncontract:\n  inputs:\n    a: %s\n"
                    "  outputs: {y: {shape: scalar, type: int64}}\n",
                    CASES[i].field);
        CHECK_FAILS(manifest_parse(text_bytes(&yaml), "serving.yaml", &manifest, &keep, &err), err,
                    STATUS_INVALID_INPUT, CASES[i].words);
        text_release(&yaml);
        arena_release(&keep);
    }
}
