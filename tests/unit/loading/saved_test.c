// SPDX-License-Identifier: Apache-2.0
/* What a saver tells, and when firn is compared with the framework. */
#include <math.h>
#include <sys/stat.h>

#include "base/file.h"
#include "loading/load.h"
#include "loading/parity.h"
#include "test.h"

#define FIELD(name, type)                                                                          \
    "{\"name\":\"" name "\",\"dtype\":\"" type "\",\"shape\":[-1],\"profile\":\"none\"}"
#define SIGNATURES                                                                                 \
    "[{\"name\":\"predict\",\"inputs\":[" FIELD("x", "double") "],\"outputs\":[" FIELD(            \
        "y", "float") "]}]"

static void put(const char *path, const char *text)
{
    struct error err = {0};

    CHECK_OK(file_replace(path, bytes_of(text), &err), err);
}

/* A folder with a file that firn does not know, and this saved.json. */
static enum status load(const char *saved, struct loading *loading, struct error *err)
{
    mkdir("model", 0755);
    put("model/weights.xyz", "nothing that is known");
    put("model/saved.json", saved);
    return load_open("model", NULL, loading, err);
}

TEST(a_saver_tells_adapter_and_contract)
{
    struct loading loading;
    struct error err = {0};
    const struct field *x;

    CHECK_OK(load("{\"saver\":\"a\",\"adapter\":\"pytorch\",\"framework\":\"PyTorch\","
                  "\"framework_version\":\"2.13.0\",\"python\":\"3.11\",\"signatures\":" SIGNATURES
                  "}\n",
                  &loading, &err),
             err);
    CHECK_TEXT(loading.description.format, ADAPTER_FORMAT);
    CHECK_TEXT(loading.description.framework, "PyTorch");
    CHECK_TEXT(loading.description.framework_version, "2.13.0");
    CHECK_TEXT(loading.saved.python, "3.11");
    CHECK(loading.description.reason && strstr(loading.description.reason, "\"pytorch\""));
    CHECK_INT(loading.description.contract.count, 1);
    CHECK(loading.description.contract.signatures[0].reason);
    x = &loading.description.contract.signatures[0].inputs[0];
    CHECK_TEXT(x->name, "x");
    CHECK_INT(x->dtype, DTYPE_F64);
    CHECK_INT(x->evidence_dtype.kind, EVIDENCE_DERIVED);
    load_close(&loading);
}

static const struct {
    const char *why, *saved;
    enum status want;
    const char *text;
} BAD[] = {
    {"no adapter", "{}", STATUS_UNSUPPORTED, "no model of a known format"},
    {"no JSON", "{", STATUS_INVALID_INPUT, "saved.json"},
    {"no object", "[1]", STATUS_INVALID_INPUT, "no object"},
    {"an adapter that is no text", "{\"adapter\":3}", STATUS_INVALID_INPUT,
     "\"adapter\" is no text"},
    {"signatures before other keys", "{\"signatures\":" SIGNATURES ",\"adapter\":\"a\"}",
     STATUS_INVALID_INPUT, "not its last key"},
    {"signatures of another form", "{\"adapter\":\"a\",\"signatures\":[{\"name\":1}]}",
     STATUS_INVALID_INPUT, "a text is missing"},
    {"an unknown type",
     "{\"adapter\":\"a\",\"signatures\":[{\"name\":\"p\",\"inputs\":[" FIELD(
         "x", "float33") "],\"outputs\":[]}]}",
     STATUS_INVALID_INPUT, "unknown dtype"},
};

TEST(what_a_saver_did_not_write)
{
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
        struct loading loading;
        struct error err = {0};

        CHECK_INT(load(BAD[i].saved, &loading, &err), BAD[i].want);
        if (!strstr(err.text, BAD[i].text))
            fprintf(stderr, "%s: %s\n", BAD[i].why, err.text);
        CHECK(strstr(err.text, BAD[i].text));
        load_close(&loading);
    }
}

/* --- parity --- */

static struct parity_difference compare(enum dtype dtype, void *ours, void *theirs, int64_t count)
{
    static struct field field = {.name = "y"};
    const struct signature signature = {.name = "predict", .outputs = &field, .output_count = 1};
    const struct tensor a = {dtype, SHAPE(count), ours}, b = {dtype, SHAPE(count), theirs};
    struct parity_difference difference = {0};

    parity_compare(&signature, &a, &b, &difference);
    return difference;
}

TEST(floats_may_differ_by_the_order_of_sums)
{
    double a[] = {1000, 1, NAN, INFINITY}, b[] = {1000, 1.0005, NAN, INFINITY};
    float c[] = {1, 2}, d[] = {1, 2.0001F}, e[] = {1, 2.01F};

    CHECK(!compare(DTYPE_F64, a, b, 4).found);
    b[1] = 1.01;
    CHECK_INT(compare(DTYPE_F64, a, b, 4).element, 1);
    CHECK(compare(DTYPE_F64, a, b, 4).found);
    b[1] = NAN;
    CHECK(compare(DTYPE_F64, a, b, 4).found);
    b[1] = INFINITY;
    CHECK(compare(DTYPE_F64, a, b, 4).found);
    CHECK(!compare(DTYPE_F32, c, d, 2).found);
    CHECK(compare(DTYPE_F32, c, e, 2).found);
}

TEST(whole_numbers_and_texts_are_equal)
{
    int64_t a[] = {1, 2}, b[] = {1, 3};
    struct bytes c[] = {bytes_of("yes"), {NULL, 0}}, d[] = {bytes_of("yes"), bytes_of("")};
    struct parity_difference difference = compare(DTYPE_I64, a, b, 2);

    CHECK(difference.found);
    CHECK_TEXT(difference.ours, "2");
    CHECK_TEXT(difference.theirs, "3");
    CHECK(!compare(DTYPE_I64, a, a, 2).found);
    CHECK(!compare(DTYPE_STRING, c, c, 2).found);
    CHECK(compare(DTYPE_STRING, c, d, 2).found); /* nothing is no empty text */
}

TEST(inputs_follow_the_contract)
{
    struct bytes words[] = {bytes_of("red"), bytes_of("blue")};
    struct tensor classes = {DTYPE_STRING, SHAPE(2), words};
    struct field fields[] = {
        {.name = "x", .dtype = DTYPE_F32, .shape = SHAPE(-1, 3)},
        {.name = "c", .dtype = DTYPE_STRING, .shape = SHAPE(-1), .classes = &classes}};
    const struct signature signature = {.inputs = fields, .input_count = 2};
    struct tensor one[2], two[2];
    struct arena arena;
    struct error err = {0};

    arena_init(&arena, 1 << 20);
    for (size_t round = 0; round < PARITY_ROUNDS; round++) {
        CHECK_OK(parity_inputs(&signature, round, 0, one, &arena, &err), err);
        CHECK_OK(parity_inputs(&signature, round, 0, two, &arena, &err), err);
        CHECK_INT(one[0].shape.dims[0], one[1].shape.dims[0]);
        CHECK_INT(one[0].shape.dims[1], 3);
        CHECK(!memcmp(one[0].data, two[0].data, tensor_bytes(&one[0])));
        for (size_t i = 0; i < tensor_count(&one[1]); i++) {
            struct bytes word = ((struct bytes *)one[1].data)[i];
            CHECK(bytes_is(word, "red") || bytes_is(word, "blue"));
        }
    }
    fields[0].dtype = DTYPE_RESOURCE;
    CHECK_INT(parity_inputs(&signature, 0, 0, one, &arena, &err), STATUS_UNSUPPORTED);
    arena_release(&arena);
}
