// SPDX-License-Identifier: Apache-2.0
/* Models in tests/importers/savedmodel, as TensorFlow saved them (make.py there), and what becomes
 * of them when parts are missing or changed. */
#include "formats/archive/tar_write.h"
#include "loading/load.h"
#include "test.h"

/* --- loading --- */

struct model {
    struct loading loading;
    struct servable *servable;
    struct session *session;
    struct tensor outputs[8];
    struct error err;
};

static struct artifact *opened(const char *name)
{
    struct artifact *artifact;
    struct error err = {0};
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/importers/savedmodel/%s.tar.xz", getenv("FIRN_ROOT"),
             name);
    CHECK_OK(artifact_open(path, NULL, &artifact, &err), err);
    return artifact;
}

static void load(struct model *m, const char *name)
{
    memset(m, 0, sizeof *m);
    CHECK_OK(load_artifact(opened(name), (struct bytes){NULL, 0}, NULL, &m->loading, &m->err),
             m->err);
    CHECK_OK(load_servable(&m->loading, NULL, &m->servable, &m->err), m->err);
    m->session = servable_session(m->servable);
    CHECK(m->session);
}

static void release(struct model *m)
{
    session_free(m->session);
    servable_free(m->servable);
    load_close(&m->loading);
}

static enum status run(struct model *m, const char *signature, const struct tensor *inputs)
{
    size_t index;

    TRY(contract_signature(m->servable->contract, signature, &index, &m->err));
    return session_run(m->session, index, inputs, m->outputs, &m->err);
}

#define RUN(m, signature, ...)                                                                     \
    CHECK_OK(run((m), (signature), (struct tensor[]){__VA_ARGS__}), (m)->err)
#define FLOATS(...)                                                                                \
    {                                                                                              \
        DTYPE_F32, SHAPE(sizeof((float[]){__VA_ARGS__}) / 4), (float[])                            \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static void check_floats(const struct tensor *tensor, const float *wanted, size_t count)
{
    CHECK_INT(tensor->dtype, DTYPE_F32);
    CHECK_INT(tensor_count(tensor), count);
    for (size_t i = 0; i < count; i++)
        CHECK_NEAR(((const float *)tensor->data)[i], wanted[i], 1e-6);
}
#define CHECK_FLOATS(tensor, ...)                                                                  \
    check_floats((tensor), (float[]){__VA_ARGS__}, sizeof((float[]){__VA_ARGS__}) / sizeof(float))

/* --- what they answer --- */

TEST(savedmodel_variables_are_written)
{
    struct model m, other;
    int32_t rows[] = {1, 0, 1};

    load(&m, "state");
    load(&other, "state");
    RUN(&m, "add", FLOATS(10, 20));
    CHECK_INT(*(int64_t *)m.outputs[0].data, 6);
    CHECK_FLOATS(&m.outputs[1], 11, 22);
    /* What it gives was read before it assigns, which a control edge alone asks for. */
    RUN(&m, "swap", FLOATS(3, 4));
    CHECK_FLOATS(&m.outputs[0], 11, 22);
    RUN(&m, "get", {0});
    CHECK_FLOATS(&m.outputs[0], 3, 4);
    RUN(&m, "rows", {DTYPE_I32, SHAPE(3), rows}, FLOATS(7, 8, 9));
    CHECK_FLOATS(&m.outputs[0], 8, 9);
    RUN(&m, "add", FLOATS(0, 0));
    CHECK_INT(*(int64_t *)m.outputs[0].data, 7);
    RUN(&other, "get", {0});
    CHECK_FLOATS(&other.outputs[0], 1, 2);
    release(&other);
    release(&m);
}

TEST(savedmodel_assertions_fail_the_request)
{
    struct model m;

    load(&m, "state");
    RUN(&m, "checked", FLOATS(4, 9));
    CHECK_FLOATS(&m.outputs[0], 2, 3);
    CHECK_FAILS(run(&m, "checked", (struct tensor[]){FLOATS(4, -9)}), m.err, STATUS_INVALID_INPUT,
                "x is below zero");
    CHECK_FAILS(
        run(&m, "rows", (struct tensor[]){{DTYPE_I32, SHAPE(1), (int32_t[]){-1}}, FLOATS(1)}),
        m.err, STATUS_INVALID_INPUT, "ScatterND");
    release(&m);
}

/* Two signatures of TensorFlow 1, variables in parts, attributes left out; as text the same. */
TEST(savedmodel_of_tensorflow_1)
{
    static const char *const NAMES[] = {"two", "text"};

    for (size_t i = 0; i < 2; i++) {
        struct tensor in[] = {{DTYPE_F32, SHAPE(0), (float[]){2}},
                              {DTYPE_F32, SHAPE(1, 2), (float[]){1, 2}}};
        const struct contract *contract;
        struct model m;

        load(&m, NAMES[i]);
        contract = m.servable->contract;
        CHECK_INT(contract->count, 2);
        CHECK_TEXT(contract->signatures[0].name, "serving_default");
        CHECK_TEXT(contract->signatures[1].name, "tail");
        CHECK_TEXT(contract->signatures[0].inputs[0].name, "scale");
        CHECK(contract->signatures[0].inputs[0].optional);
        CHECK_INT(contract->signatures[0].inputs[0].evidence_shape.kind, EVIDENCE_STORED);
        in[0].shape = shape_scalar();
        CHECK_OK(run(&m, "serving_default", in), m.err);
        CHECK_FLOATS(&m.outputs[0], 8.5, 13.5);
        RUN(&m, "tail", {0});
        CHECK_FLOATS(&m.outputs[0], 4, 5, 6, 7);
        release(&m);
    }
}

TEST(savedmodel_of_several_graphs_and_versions)
{
    struct tensor scalar = {DTYPE_F32, shape_scalar(), (float[]){1}};
    struct model m;

    load(&m, "tags");
    CHECK_INT(m.servable->contract->count, 1);
    CHECK_TEXT(m.servable->contract->signatures[0].name, "other");
    CHECK_INT(m.loading.description.warning_count, 1);
    CHECK(strstr(m.loading.description.warnings[0], "{serve, gpu} is left alone"));
    release(&m);
    load(&m, "versions");
    CHECK(strstr(m.loading.description.warnings[0], "version 10 is served; '2/saved_model.pb'"));
    CHECK_OK(run(&m, "serving_default", &scalar), m.err);
    CHECK_FLOATS(&m.outputs[0], 11);
    release(&m);
}

TEST(savedmodel_fields_of_several_tensors)
{
    int64_t shape[] = {2, 3}, indices[] = {0, 1, 1, 2}, splits[] = {0, 1, 3};
    struct model m;

    load(&m, "sparse");
    CHECK_TEXT(m.servable->contract->signatures[0].inputs[2].name, "x/values");
    RUN(&m, "serving_default", {DTYPE_I64, SHAPE(2), shape}, {DTYPE_I64, SHAPE(2, 2), indices},
        FLOATS(1, 2));
    CHECK_FLOATS(&m.outputs[0], 3);
    CHECK_TEXT(m.servable->contract->signatures[0].outputs[3].name, "y/values");
    CHECK_FLOATS(&m.outputs[3], 2, 4);
    release(&m);
    load(&m, "ragged");
    RUN(&m, "serving_default", FLOATS(1, 2, 3), {DTYPE_I64, SHAPE(3), splits});
    CHECK_FLOATS(&m.outputs[0], 1, 5);
    CHECK_TEXT(m.servable->contract->signatures[0].outputs[2].name, "y/values");
    CHECK_FLOATS(&m.outputs[2], 2, 4, 6);
    release(&m);
}

TEST(savedmodel_without_signatures)
{
    struct tensor a = {DTYPE_F32, shape_scalar(), (float[]){6}};
    struct tensor b = {DTYPE_F32, shape_scalar(), (float[]){3}};
    struct tensor x = {DTYPE_F32, SHAPE(1, 2), (float[]){1, 1}};
    struct model m;

    load(&m, "plain");
    CHECK_OK(run(&m, "linear", &x), m.err);
    CHECK_FLOATS(&m.outputs[0], 114, 226);
    CHECK_OK(run(&m, "divide", (struct tensor[]){a, b}), m.err);
    CHECK_TEXT(m.servable->contract->signatures[0].outputs[2].name, "quotient");
    CHECK_FLOATS(&m.outputs[2], 2);
    release(&m);
}

/* Methods of signatures are kept; where a SignatureDef says another dtype than its placeholder,
 * that of the placeholder is fed. */
TEST(savedmodel_of_an_estimator)
{
    static struct bytes message = {
        (const uint8_t *)"\x0a\x0f\x0a\x0d\x0a\x01x\x12\x08\x12\x06\x0a\x04\0\0\x40\x40", 17};
    struct tensor examples = {DTYPE_STRING, SHAPE(1), &message};
    const struct contract *contract;
    struct model m;
    size_t index;

    load(&m, "estimator");
    contract = m.servable->contract;
    CHECK_TEXT(contract->signatures[0].name, "serving_default");
    CHECK_TEXT(contract->signatures[0].method, "tensorflow/serving/classify");
    CHECK_OK(contract_signature(contract, "half", &index, &m.err), m.err);
    CHECK(!contract->signatures[index].method);
    CHECK_OK(contract_signature(contract, "bundle", &index, &m.err), m.err);
    CHECK_INT(contract->signatures[index].inputs[0].dtype, DTYPE_F32);
    CHECK_INT(field_feed(&contract->signatures[index].inputs[0]), DTYPE_STRING);
    CHECK_OK(run(&m, "bundle", &examples), m.err);
    CHECK_FLOATS(&m.outputs[0], 3.5);
    release(&m);
}

/* Of two steps the later one. */
TEST(checkpoint_with_its_graph)
{
    struct tensor x = {DTYPE_F32, SHAPE(1, 2), (float[]){1, 2}};
    struct model m;

    load(&m, "checkpoint");
    CHECK_TEXT(m.loading.description.format, "tf-checkpoint");
    CHECK_OK(run(&m, "predict", &x), m.err);
    CHECK_FLOATS(&m.outputs[0], 23);
    release(&m);
}

/* A file alone: what it says, and what it lacks. */
TEST(savedmodel_file_alone)
{
    struct artifact *whole = opened("two"), *artifact;
    struct loading loading = {0};
    struct error err = {0};
    struct bytes bytes;

    CHECK_OK(member_bytes(artifact_find(whole, "saved_model.pb"), &bytes, &err), err);
    CHECK_OK(artifact_open_bytes(bytes, "some.pb", NULL, &artifact, &err), err);
    CHECK_OK(load_artifact(artifact, (struct bytes){NULL, 0}, NULL, &loading, &err), err);
    CHECK_TEXT(loading.description.format, "tf-savedmodel");
    CHECK_INT(loading.description.contract.count, 2);
    CHECK(strstr(loading.description.reason, "the file does not hold variable"));
    load_close(&loading);
    artifact_close(whole);
}

/* --- what is missing or broken --- */

/* The archive again, as `change` leaves each member: false drops it. */
static struct artifact *changed(const char *name, struct text *tar,
                                bool (*change)(const char *path, struct text *data))
{
    struct artifact *whole = opened(name), *artifact;
    struct error err = {0};

    *tar = (struct text){0};
    for (size_t i = 0; i < whole->count; i++) {
        struct text data = {0};
        struct bytes bytes;
        char zeros[TAR_END_SIZE] = {0};

        CHECK_OK(member_bytes(&whole->members[i], &bytes, &err), err);
        text_append_bytes(&data, bytes);
        if (change(whole->members[i].path, &data)) {
            tar_write_head(tar, bytes_of(whole->members[i].path), data.size, TAR_FILE);
            text_append_bytes(tar, text_bytes(&data));
            text_append_bytes(tar, (struct bytes){(uint8_t *)zeros, tar_padding(data.size)});
        }
        text_release(&data);
    }
    for (int i = 0; i < TAR_END_SIZE; i++)
        text_append_char(tar, 0);
    artifact_close(whole);
    CHECK_OK(artifact_open_bytes(text_bytes(tar), "model.tar", NULL, &artifact, &err), err);
    return artifact;
}

static bool is(const char *path, const char *ending)
{
    size_t size = strlen(path), tail = strlen(ending);

    return size >= tail && !strcmp(path + size - tail, ending);
}

static bool without_shard(const char *path, struct text *data)
{
    (void)data;
    return !is(path, ".data-00000-of-00001");
}

static bool without_variables(const char *path, struct text *data)
{
    (void)data;
    return !strstr(path, "variables");
}

static bool flipped(const char *path, struct text *data)
{
    if (is(path, ".data-00000-of-00001"))
        data->data[1] ^= 1;
    return true;
}

static bool cut_shard(const char *path, struct text *data)
{
    if (is(path, ".data-00000-of-00001"))
        data->size = 3;
    return true;
}

static bool flipped_index(const char *path, struct text *data)
{
    if (is(path, ".index"))
        data->data[20] ^= 1;
    return true;
}

static bool cut_graph(const char *path, struct text *data)
{
    if (is(path, ".pb"))
        data->size /= 2;
    return true;
}

static bool no_graph(const char *path, struct text *data)
{
    if (is(path, ".pb"))
        data->size = 2;
    return true;
}

static bool cut_text(const char *path, struct text *data)
{
    if (is(path, ".pbtxt"))
        data->size /= 2;
    return true;
}

static bool as_chunks(const char *path, struct text *data)
{
    if (is(path, ".pb"))
        data->size = 0;
    return true;
}

static bool unchanged(const char *path, struct text *data)
{
    (void)path, (void)data;
    return true;
}

/* Broken: the import fails. Not understood: the description says so. */
TEST(savedmodel_that_is_broken)
{
    static const struct {
        const char *model;
        bool (*change)(const char *path, struct text *data);
        enum status status; /* OK: described, with this reason */
        const char *text;
    } CASES[] = {
        {"two", without_shard, STATUS_INVALID_INPUT,
         "'variables/variables.data-00000-of-00001' is missing"},
        {"two", without_variables, STATUS_OK, "the file does not hold variable"},
        {"two", flipped, STATUS_INVALID_INPUT, "its checksum is wrong"},
        {"two", cut_shard, STATUS_INVALID_INPUT, "needs more than 3 bytes"},
        {"two", flipped_index, STATUS_INVALID_INPUT, "variables.index"},
        {"two", cut_graph, STATUS_INVALID_INPUT, "in a message that has"},
        {"two", no_graph, STATUS_INVALID_INPUT, "holds no graph"},
        {"two", as_chunks, STATUS_INVALID_INPUT, "holds no graph"},
        {"text", cut_text, STATUS_INVALID_INPUT, "line "},
        {"plain", flipped, STATUS_INVALID_INPUT, "its checksum is wrong"},
        {"recursive", unchanged, STATUS_OK, "calls itself"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct loading loading = {0};
        struct error err = {0};
        struct text tar;
        struct artifact *artifact = changed(CASES[i].model, &tar, CASES[i].change);
        enum status status = load_artifact(artifact, (struct bytes){NULL, 0}, NULL, &loading, &err);
        const char *text = status ? err.text : loading.description.reason;

        if (status != CASES[i].status || !text || !strstr(text, CASES[i].text))
            fail_msg("case %zu: %s: %s", i, status_name(status), text ? text : "native");
        load_close(&loading);
        text_release(&tar);
    }
}
