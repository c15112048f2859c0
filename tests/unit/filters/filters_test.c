// SPDX-License-Identifier: Apache-2.0
/* Chains of filters over fields, without a model: what clients see of them, what is refused and in
 * which words, and what values become between clients and a model that changes nothing. */
#include "base/text.h"
#include "engine/native.h"
#include "filters/filter.h"
#include "test.h"

enum { X = -1 };

/* One signature "predict" of an input x and an output y. */
struct world {
    struct arena arena;
    struct field x, y;
    struct signature signature;
    struct contract contract;
    struct manifest manifest;
    struct filter_chains chains;
};

static void world_open(struct world *w, enum dtype dtype, struct shape shape, const char *filters)
{
    struct error err = {0};
    char yaml[2000];

    *w = (struct world){0};
    arena_init(&w->arena, 64 << 20);
    w->x = (struct field){.name = "x", .dtype = dtype, .shape = shape};
    w->y = (struct field){.name = "y", .dtype = dtype, .shape = shape};
    w->signature = (struct signature){
        .name = "predict", .inputs = &w->x, .input_count = 1, .outputs = &w->y, .output_count = 1};
    w->contract = (struct contract){&w->signature, 1};
    snprintf(yaml, sizeof yaml, "kind: Model\nfilters:\n  %s\n", filters);
    CHECK_OK(manifest_parse(bytes_of(arena_printf(&w->arena, "%s", yaml)), "m.yaml", &w->manifest,
                            &w->arena, &err),
             err);
}

static void world_close(struct world *w)
{
    filter_chains_release(&w->chains);
    arena_release(&w->arena);
}

static enum status compile(struct world *w, struct error *err)
{
    return filter_chains_compile(&w->manifest, "m.yaml", NULL, &w->contract, &w->chains, err);
}

static const struct {
    enum dtype dtype;
    struct shape shape;
    const char *filters, *face; /* of the field that has them */
} FACES[] = {
    {DTYPE_F32, {4, {X, 3, 224, 224}}, "inputs: {x: image}", "string [?]"},
    {DTYPE_F32, {4, {1, 224, 224, 3}}, "inputs: {x: [{image: {channels: BGR}}]}", "string [1]"},
    {DTYPE_U8, {3, {480, 640, 3}}, "inputs: {x: image}", "string []"},
    {DTYPE_F32, {4, {X, X, X, 3}}, "inputs: {x: {image: [32, 48]}}", "string [?]"},
    {DTYPE_F32, {4, {X, 3, 224, 224}}, "inputs: {x: [file, image]}", "string [?]"},
    {DTYPE_I64, {2, {X, 8}}, "inputs: {x: pad}", "int64 [?,?]"},
    {DTYPE_I64, {2, {X, X}}, "inputs: {x: {pad: 8}}", "int64 [?,?]"},
    {DTYPE_I64, {1, {X}}, "inputs: {x: {labels: [a, b]}}", "string [?]"},
    {DTYPE_I64, {1, {X}}, "inputs: {x: argmax}", "float [?,?]"},
    {DTYPE_F32, {2, {X, 4}}, "inputs: {x: [{normalize: {mean: 3}}, {round: 1}]}", "float [?,4]"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: softmax}", "float [?,4]"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: argmax}", "int64 [?]"},
    {DTYPE_F32, {3, {X, 2, 2}}, "outputs: {y: [argmax, {labels: [a, b, c, d]}]}", "string [?]"},
    {DTYPE_F32, {2, {X, 9}}, "outputs: {y: top-k}", "float [?,5]"},
    {DTYPE_F32, {2, {X, 9}}, "outputs: {y: [softmax, {top-k: 2}, {round: 3}]}", "float [?,2]"},
    {DTYPE_F32, {2, {X, 9}}, "fields: {y: [io_argmax.ArgMaxFilter]}", "int64 [?]"},
    {DTYPE_F32, {2, {X, 9}}, "predict: {outputs: {y: [RoundVectorFilter]}}", "float [?,9]"},
};

TEST(clients_see_what_the_chain_takes_or_gives)
{
    for (size_t i = 0; i < ARRAY_COUNT(FACES); i++) {
        struct world w;
        struct error err = {0};
        char text[300], dims[SHAPE_PRINT_SIZE];
        const struct field *field;

        world_open(&w, FACES[i].dtype, FACES[i].shape, FACES[i].filters);
        CHECK_OK(compile(&w, &err), err);
        field = strstr(FACES[i].filters, "x:") ? &w.chains.face.signatures[0].inputs[0]
                                               : &w.chains.face.signatures[0].outputs[0];
        snprintf(text, sizeof text, "%s %s", dtype_name(field->dtype),
                 shape_print(&field->shape, dims, sizeof dims));
        CHECK_TEXT(text, FACES[i].face);
        CHECK_INT(field->evidence_dtype.kind, EVIDENCE_DERIVED);
        CHECK_INT(w.chains.line_count, 1);
        world_close(&w);
    }
}

#define TOP_4 "top-k: 2, top-k: 2, top-k: 2, top-k: 2"
#define TOP_16 TOP_4 ", " TOP_4 ", " TOP_4 ", " TOP_4

static const struct {
    enum dtype dtype;
    struct shape shape;
    const char *filters, *said;
} FAULTS[] = {
    {DTYPE_F32, {2, {X, 4}}, "inputs: {x: imagine}", "m.yaml:3: filter \"imagine\" of field \"x\""},
    {DTYPE_F32, {2, {X, 4}}, "inputs: {z: softmax}", "the model has no such input"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {x: softmax}", "the model has no such output"},
    {DTYPE_F32, {2, {X, 4}}, "inputs: {x: top-k}", "it is for outputs, and the field is an input"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: image}", "it is for inputs, and the field is an output"},
    {DTYPE_F32, {4, {X, 3, 8, 8}}, "inputs: {x: {image: {sise: 8}}}", "unknown option \"sise\""},
    {DTYPE_F32,
     {4, {X, 3, 8, 8}},
     "inputs: {x: {image: {size: 9}}}",
     "size is 9 by 9, but the field's is 8 by 8"},
    {DTYPE_F32,
     {4, {X, 3, 8, 8}},
     "inputs: {x: {image: {channels: gray}}}",
     "channels gray are 1, but the field has 3"},
    {DTYPE_F32, {4, {X, 3, 8, 3}}, "inputs: {x: image}", "which layout [?,3,8,3] is"},
    {DTYPE_F32, {4, {X, X, X, 3}}, "inputs: {x: image}", "does not say height and width"},
    {DTYPE_F32,
     {4, {X, 3, 8, 8}},
     "inputs: {x: {image: {interpolation: best}}}",
     "must be one of nearest bilinear bicubic area lanczos, not best"},
    {DTYPE_F32,
     {4, {X, 3, 8, 8}},
     "inputs: {x: {image: {mean: [1, 2]}}}",
     "mean has 2 numbers, but there are 3 channels"},
    {DTYPE_F32, {4, {X, 3, 8, 8}}, "inputs: {x: {image: {std: 0}}}", "std is 0"},
    {DTYPE_F32, {4, {X, 3, 8, 8}}, "inputs: {x: {image: {scale: 1/0}}}", "must be a number"},
    {DTYPE_F32, {4, {X, 3, 8, 8}}, "inputs: {x: {image: {size: [0, 8]}}}", "must lie between"},
    {DTYPE_U8, {4, {X, 8, 8, 3}}, "inputs: {x: {image: {scale: 0.5}}}", "give fractions"},
    {DTYPE_STRING, {1, {X}}, "inputs: {x: image}", "layout"},
    {DTYPE_F32, {5, {X, 3, 8, 8, 2}}, "inputs: {x: image}", "which layout"},
    {DTYPE_F32, {4, {X, 3, 8, 8}}, "inputs: {x: file}", "put a filter that reads them behind it"},
    {DTYPE_F32, {4, {X, 3, 8, 8}}, "inputs: {x: [image, image]}", "which layout [?] is"},
    {DTYPE_I64, {2, {X, 8}}, "inputs: {x: {pad: 9}}", "length is 9, but the field's is 8"},
    {DTYPE_I64, {1, {X}}, "inputs: {x: pad}", "it gives rows of one length"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: {top-k: 5}}", "k is 5, but there are 4 scores"},
    {DTYPE_F32,
     {2, {X, 4}},
     "outputs: {y: {top-k: {k: 2, labels: [a]}}}",
     "there are 4 scores, but 1 labels"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: {labels: [a]}}", "put argmax or top-k before it"},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: {softmax: 3}}", "options are written as"},
    {DTYPE_I64, {2, {X, 4}}, "outputs: {y: softmax}", "it takes floats, not int64"},
    {DTYPE_STRING, {2, {X, 4}}, "outputs: {y: argmax}", "filter \"argmax\" of field \"y\""},
    {DTYPE_STRING, {2, {X, 4}}, "outputs: {y: round}", "it takes numbers, not string"},
    {DTYPE_NONE, {2, {X, 4}}, "outputs: {y: round}", "is not known; declare it"},
    {DTYPE_F32,
     {4, {X, 3, 8, 9}},
     "inputs: {x: {ImageFileCaffe2Filter: {legacy: true}}}",
     "leave legacy out"},
    {DTYPE_F32,
     {2, {X, 4}},
     "outputs: {y: softmax}\n  predict: {outputs: {z: softmax}}",
     "no such output"},
    {DTYPE_F32,
     {2, {X, 4}},
     "outputs: {y: [" TOP_16 "]}",
     "filters make two outputs \"y_indices\""},
    {DTYPE_F32, {2, {X, 4}}, "outputs: {y: [" TOP_16 ", top-k: 2]}", "more than 16 values"},
};

TEST(what_does_not_fit_is_said_with_filter_and_field)
{
    for (size_t i = 0; i < ARRAY_COUNT(FAULTS); i++) {
        struct world w;
        struct error err = {0};

        world_open(&w, FAULTS[i].dtype, FAULTS[i].shape, FAULTS[i].filters);
        CHECK_FAILS(compile(&w, &err), err, STATUS_INVALID_INPUT, FAULTS[i].said);
        world_close(&w);
    }
}

TEST(what_is_no_chain_is_said_with_its_line)
{
    static const struct {
        const char *yaml, *said;
    } CASES[] = {
        {"filters: 3", "m.yaml:2: \"filters\" must hold inputs and outputs"},
        {"filters: {inputs: [x]}", "must map names of fields"},
        {"filters: {inputs: {x: []}}", "has no filter"},
        {"filters: {inputs: {x: [{a: 1, b: 2}]}}", "a map of several names"},
        {"filters: {inputs: {x: [3]}}", "a filter is"},
        {"filters: {predict: 4}", "\"predict\" of filters must hold"},
        {"filters: {predict: {in: {x: a}}}", "unknown key \"in\""},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct arena arena;
        struct manifest manifest;
        struct error err = {0};
        char yaml[300];

        arena_init(&arena, 1 << 20);
        snprintf(yaml, sizeof yaml, "kind: Model\n%s\n", CASES[i].yaml);
        CHECK_FAILS(manifest_parse(bytes_of(yaml), "m.yaml", &manifest, &arena, &err), err,
                    STATUS_INVALID_INPUT, CASES[i].said);
        arena_release(&arena);
    }
}

/* --- values --- */

/* A model whose output is its input. */
static struct servable *same_model(const struct world *w)
{
    struct arena arena;
    struct graph *graph;
    struct contract *contract;
    struct servable *servable;
    struct shape shape = w->x.shape;
    struct error err = {0};
    value_id x, y;
    int64_t batch;

    arena_init(&arena, 64 << 20);
    CHECK_OK(graph_new(&graph, &arena, &err), err);
    CHECK_OK(graph_symbol(graph, "n", &batch, &err), err);
    if (shape.dims[0] < 0)
        shape.dims[0] = batch;
    CHECK_OK(graph_input(graph, "x", w->x.dtype, &shape, &x, &err), err);
    CHECK_OK(graph_op(graph, "", "Identity", x, VALUE_NONE, VALUE_NONE, NULL, 0, &y, &err), err);
    CHECK_OK(graph_signature_add(graph, "predict", &x, 1, &y, 1, &err), err);
    CHECK_OK(graph_finish(graph, &err), err);
    contract = arena_new(&arena, struct contract, 1);
    *contract = w->contract; /* lives as long as the test's world */
    CHECK_OK(native_servable(graph, contract, NULL, &arena, NULL, &servable, &err), err);
    return servable;
}

static struct session *session_of(struct world *w, struct servable **servable)
{
    struct session *session;
    struct error err = {0};

    CHECK_OK(compile(w, &err), err);
    CHECK_OK(filtered_servable(same_model(w), &w->chains, NULL, servable, &err), err);
    session = servable_session(*servable);
    CHECK(session);
    return session;
}

static void numbers_become(enum dtype dtype, struct shape shape, const char *filters,
                           struct tensor given, const double *want, size_t count)
{
    struct world w;
    struct servable *servable;
    struct session *session;
    struct tensor outputs[4] = {{0}};
    struct error err = {0};

    world_open(&w, dtype, shape, filters);
    session = session_of(&w, &servable);
    for (int again = 0; again < 2; again++) {
        CHECK_OK(session_run(session, 0, &given, outputs, &err), err);
        CHECK_INT(tensor_count(&outputs[0]), count);
        for (size_t i = 0; i < count; i++)
            CHECK_NEAR(tensor_f64(&outputs[0], i), want[i], 1e-6);
    }
    session_free(session);
    servable_free(servable);
    world_close(&w);
}

#define GIVEN(type, dtype_, rows, columns, ...)                                                    \
    (struct tensor)                                                                                \
    {                                                                                              \
        dtype_, {2, {rows, columns}}, (type[])                                                     \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define WANT(...)                                                                                  \
    (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double)

TEST(values_are_as_numpy_has_them)
{
    const struct shape rows4 = {2, {X, 4}}, rows3 = {2, {X, 3}};

    numbers_become(DTYPE_I64, rows4, "inputs: {x: pad}",
                   GIVEN(int64_t, DTYPE_I64, 2, 2, 1, 2, 3, 4), WANT(1, 2, 0, 0, 3, 4, 0, 0));
    numbers_become(DTYPE_I64, rows4, "inputs: {x: pad}",
                   GIVEN(int64_t, DTYPE_I64, 1, 6, 1, 2, 3, 4, 5, 6), WANT(1, 2, 3, 4));
    numbers_become(DTYPE_I64, rows4, "inputs: {x: {pad: {side: left, cut: left, value: 9}}}",
                   GIVEN(int64_t, DTYPE_I64, 1, 3, 1, 2, 3), WANT(9, 1, 2, 3));
    numbers_become(DTYPE_F32, rows4, "inputs: {x: VectorPaddingToInputFilter}",
                   GIVEN(float, DTYPE_F32, 1, 5, 1.5F, 2, 3, 4, 5.5F), WANT(2, 3, 4, 5.5));
    numbers_become(DTYPE_F32, rows4, "inputs: {x: {VectorPaddingToInputFilter: {legacy: true}}}",
                   GIVEN(float, DTYPE_F32, 1, 2, -1.5F, 2.9F), WANT(0, 0, -1, 2));
    numbers_become(DTYPE_F32, rows3, "outputs: {y: [{round: 1}]}",
                   GIVEN(float, DTYPE_F32, 1, 3, 0.25F, 1.26F, -0.75F), WANT(0.2, 1.3, -0.8));
    numbers_become(DTYPE_F32, rows3, "outputs: {y: round}",
                   GIVEN(float, DTYPE_F32, 1, 3, 0.5F, 1.5F, -2.5F), WANT(0, 2, -2));
    numbers_become(DTYPE_F32, rows3, "outputs: {y: argmax}",
                   GIVEN(float, DTYPE_F32, 2, 3, 1, 7, 7, 9, 2, 3), WANT(1, 0));
    numbers_become(DTYPE_F32, rows3, "outputs: {y: [softmax, {top-k: 2}]}",
                   GIVEN(float, DTYPE_F32, 1, 3, 0, 1, 2), WANT(0.66524096, 0.24472847));
    numbers_become(DTYPE_F64, rows3,
                   "inputs: {x: {normalize: {scale: 1/2, mean: [1, 2, 3], std: 2}}}",
                   GIVEN(double, DTYPE_F64, 1, 3, 4, 6, 8), WANT(0.5, 0.5, 0.5));
}

TEST(labels_stand_for_their_numbers)
{
    struct world w;
    struct servable *servable;
    struct session *session;
    struct error err = {0};
    float scores[] = {0, 3, 2, 5, 1, 1};
    struct tensor given = {DTYPE_F32, {2, {2, 3}}, scores}, outputs[2];
    const struct bytes *labels;

    world_open(&w, DTYPE_F32, SHAPE(X, 3), "outputs: {y: {top-k: {k: 2, labels: [a, b, c]}}}");
    session = session_of(&w, &servable);
    CHECK_INT(servable->contract->signatures[0].output_count, 2);
    CHECK_TEXT(servable->contract->signatures[0].outputs[1].name, "y_labels");
    CHECK_OK(session_run(session, 0, &given, outputs, &err), err);
    labels = outputs[1].data;
    CHECK(bytes_is(labels[0], "b") && bytes_is(labels[1], "c"));
    CHECK(bytes_is(labels[2], "a") && bytes_is(labels[3], "b"));
    session_free(session);
    servable_free(servable);
    world_close(&w);
}

TEST(a_label_that_is_none_is_refused)
{
    struct world w;
    struct servable *servable;
    struct session *session;
    struct error err = {0};
    struct bytes texts[] = {bytes_of("b"), bytes_of("d")};
    struct tensor given = {DTYPE_STRING, {1, {2}}, texts}, output;

    world_open(&w, DTYPE_I64, SHAPE(X), "inputs: {x: {labels: [a, b]}}");
    session = session_of(&w, &servable);
    CHECK_FAILS(session_run(session, 0, &given, &output, &err), err, STATUS_INVALID_INPUT,
                "\"d\" is none of the labels, at element 1");
    texts[1] = texts[0];
    CHECK_OK(session_run(session, 0, &given, &output, &err), err);
    CHECK_INT(((int64_t *)output.data)[1], 1);
    session_free(session);
    servable_free(servable);
    world_close(&w);
}

/* Every allocation of compiling fails once. */
TEST(without_memory_it_says_so)
{
    enum status status = STATUS_NO_MEMORY;

    for (long n = 1; status != STATUS_OK && n < 400; n++) {
        struct world w;
        struct error err = {0};

        world_open(&w, DTYPE_F32, SHAPE(X, 3, 8, 8),
                   "inputs: {x: [{image: {mean: [1, 2, 3]}}]}\n  outputs: {y: [softmax, top-k]}");
        arena_fail_at(n);
        status = compile(&w, &err);
        arena_fail_at(0);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        world_close(&w);
    }
    CHECK_INT(status, STATUS_OK);
}

/* --- texts --- */

static void text_becomes(const char *options, const char *text, int64_t a, int64_t b, int64_t c,
                         int64_t d)
{
    struct world w;
    struct servable *servable;
    struct session *session;
    struct error err = {0};
    struct bytes texts[] = {bytes_of(text)};
    struct tensor given = {DTYPE_STRING, {1, {1}}, texts}, output;
    char filters[500];
    const int64_t *ids;

    snprintf(filters, sizeof filters,
             "inputs: {x: {tokens: {vocabulary: [the, cat, sat, \"##s\", Cat, \"!\"], %s}}}",
             options);
    world_open(&w, DTYPE_I64, SHAPE(X, 4), filters);
    session = session_of(&w, &servable);
    CHECK_OK(session_run(session, 0, &given, &output, &err), err);
    ids = output.data;
    if (ids[0] != a || ids[1] != b || ids[2] != c || ids[3] != d)
        fail_msg("%s: [%d, %d, %d, %d]", text, (int)ids[0], (int)ids[1], (int)ids[2], (int)ids[3]);
    session_free(session);
    servable_free(servable);
    world_close(&w);
}

TEST(texts_become_numbers_of_a_vocabulary)
{
    text_becomes("method: words", "The cat!", 0, 1, 5, 0);
    text_becomes("method: words, cased: true", "the Cat sat the end", 0, 4, 2, 0);
    text_becomes("method: words, pad: sat, side: left", "cat", 2, 2, 2, 1);
    text_becomes("method: words, cut: left", "the the the cat sat cat cat", 1, 2, 1, 1);
    text_becomes("method: words, unknown: sat", "dog the cats", 2, 0, 2, 0);
    text_becomes("method: wordpiece, pad: the, unknown: sat, begin: \"\", end: \"!\"", "Cats cat",
                 1, 3, 1, 5);
    text_becomes("method: spaces, unknown: the", "cat! cat", 0, 1, 0, 0);
}

TEST(a_word_that_is_not_there_is_refused)
{
    struct world w;
    struct servable *servable;
    struct session *session;
    struct error err = {0};
    struct bytes texts[] = {bytes_of("cat"), bytes_of("cat dog")};
    struct tensor given = {DTYPE_STRING, {1, {2}}, texts}, output;

    world_open(&w, DTYPE_I64, SHAPE(X, 4),
               "inputs: {x: {tokens: {method: words, vocabulary: [cat]}}}");
    session = session_of(&w, &servable);
    CHECK_FAILS(session_run(session, 0, &given, &output, &err), err, STATUS_INVALID_INPUT,
                "text 1: \"dog\" is not in the vocabulary");
    session_free(session);
    servable_free(servable);
    world_close(&w);
}

/* --- images --- */

#define FILE_BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
/* Two lines of three grey pixels. */
#define GREY "P5 3 2 255 \x64\x14\x1e\x28\x32\x3c"
#define COLOUR "P6 1 1 255 \1\2\3"

static const struct {
    struct shape shape;
    const char *options;
    struct bytes file;
    const char *want;
} IMAGES[] = {
    {{4, {X, 2, 3, 1}}, "", FILE_BYTES(GREY), "100 20 30 40 50 60"},
    {{3, {X, 2, 3}}, "layout: NHW", FILE_BYTES(GREY), "100 20 30 40 50 60"},
    {{4, {X, 3, 1, 1}}, "layout: NCHW, channels: RGB", FILE_BYTES(COLOUR), "1 2 3"},
    {{4, {X, 3, 1, 1}}, "layout: NCHW, channels: BGR", FILE_BYTES(COLOUR), "3 2 1"},
    {{4, {X, 3, 1, 2}}, "", FILE_BYTES(COLOUR), "1 1 2 2 3 3"},
    {{4, {X, 1, 1, 4}}, "layout: NHWC", FILE_BYTES(COLOUR), "1 2 3 255"},
    {{4, {X, 1, 1, 3}},
     "layout: NHWC, mean: [1, 2, 3], std: [2, 2, 2], scale: 3",
     FILE_BYTES(COLOUR),
     "1 2 3"},
    {{2, {X, 6}}, "size: [2, 3], channels: gray", FILE_BYTES(GREY), "100 20 30 40 50 60"},
    {{3, {X, 1, 1}}, "layout: NHW, crop: [1, 2, 1, 1]", FILE_BYTES(GREY), "60"},
    {{3, {X, 2, 2}},
     "layout: NHW, aspect: crop, interpolation: nearest",
     FILE_BYTES(GREY),
     "100 20 40 50"},
    {{3, {X, 4, 3}},
     "layout: NHW, aspect: pad, fill: 7, interpolation: nearest",
     FILE_BYTES(GREY),
     "7 7 7 100 20 30 40 50 60 7 7 7"},
    {{3, {X, 1, 1}}, "layout: NHW, interpolation: area", FILE_BYTES(GREY), "50"},
    {{3, {X, 2, 3}}, "layout: NHW", FILE_BYTES("UDUgMyAyIDI1NSBkFB4oMjw="), "100 20 30 40 50 60"},
    {{3, {X, 2, 3}},
     "layout: NHW",
     FILE_BYTES("data:image/x;base64,UDUgMyAyIDI1NSBkFB4oMjw="),
     "100 20 30 40 50 60"},

    {{3, {X, 2, 3}}, "layout: NHW", FILE_BYTES(""), "!image 1: no bytes"},
    {{3, {X, 2, 3}}, "layout: NHW", FILE_BYTES("hello"), "!image 1: 5 bytes that are no image"},
    {{3, {X, 2, 3}},
     "layout: NHW",
     FILE_BYTES("data:image/png;base64,aGVsbG8="),
     "!5 bytes that are no image"},
    {{3, {X, 2, 3}},
     "layout: NHW",
     FILE_BYTES("P5 9999 9999 255 "),
     "!PNM image: it ends too early"},
    {{3, {X, 2, 3}},
     "layout: NHW, pixels-max: 16",
     FILE_BYTES("P5 5 4 255 01234567890123456789"),
     "!4 by 5 pixels, more than 16"},
    {{3, {X, 2, 3}}, "layout: NHW", FILE_BYTES("P5 3 2 255 abc"), "!PNM image: it ends too early"},
    {{3, {X, 2, 3}},
     "layout: NHW, crop: [1, 1, 1, 3]",
     FILE_BYTES(GREY),
     "!does not hold what is to be cut"},
};

/* A batch of a plain image and this one. */
static void image_becomes(size_t number)
{
    struct world w;
    struct servable *servable;
    struct session *session;
    struct error err = {0};
    struct bytes files[] = {FILE_BYTES("P5 4 4 255 0123456789abcdef"), IMAGES[number].file};
    struct tensor given = {DTYPE_STRING, {1, {2}}, files}, output;
    const char *want = IMAGES[number].want;
    struct text text = {0};
    char filters[300];

    snprintf(filters, sizeof filters, "inputs: {x: {image: {%s}}}", IMAGES[number].options);
    world_open(&w, DTYPE_F32, IMAGES[number].shape, filters);
    session = session_of(&w, &servable);
    if (*want == '!') {
        CHECK(session_run(session, 0, &given, &output, &err) != STATUS_OK);
        if (!strstr(err.text, want + 1))
            fail_msg("%s", err.text);
    } else {
        if (session_run(session, 0, &given, &output, &err))
            fail_msg("%s: %s", want, err.text);
        for (size_t i = tensor_count(&output) / 2; i < tensor_count(&output); i++)
            text_printf(&text, "%s%g", text.size ? " " : "", tensor_f64(&output, i));
        CHECK_TEXT(text.data, want);
        text_release(&text);
    }
    session_free(session);
    servable_free(servable);
    world_close(&w);
}

TEST(images_become_tensors)
{
    for (size_t i = 0; i < ARRAY_COUNT(IMAGES); i++)
        image_becomes(i);
}
