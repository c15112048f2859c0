// SPDX-License-Identifier: Apache-2.0
/* From the example file to answers, with and without a manifest that changes the face. */
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "loading/load.h"
#include "test.h"

static char *example(char *path, size_t size)
{
    snprintf(path, size, "%s/examples/iris.joblib", getenv("FIRN_ROOT"));
    return path;
}

static void predict(struct servable *servable, const char *want)
{
    static double row[4] = {6.7, 3.0, 5.2, 2.3};
    struct given given = {.name = NULL, .tensor = {DTYPE_F64, {2, {1, 4}}, row}};
    const struct signature *signature = &servable->contract->signatures[0];
    struct session *session = servable_session(servable);
    struct tensor bound[4], output;
    struct arena arena;
    struct error err = {0};

    CHECK(session);
    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 3; i++) { /* the second run uses what the first left */
        CHECK_OK(contract_bind(signature, &given, 1, bound, &arena, &err), err);
        CHECK_OK(session_run(session, 0, bound, &output, &err), err);
        CHECK(bytes_is(((struct bytes *)output.data)[0], want));
        CHECK_INT(output.shape.rank, signature->outputs[0].shape.rank);
    }
    CHECK(session_estimate_us(session, 0, bound) > 0);
    session_free(session);
    arena_release(&arena);
}

TEST(a_file_becomes_a_servable)
{
    struct loading loading;
    struct servable *servable;
    struct error err = {0};
    char path[4096];

    CHECK_OK(load_open(example(path, sizeof path), NULL, &loading, &err), err);
    CHECK_TEXT(loading.description.format, "sklearn-joblib");
    CHECK_OK(load_servable(&loading, NULL, &servable, &err), err);
    load_close(&loading);
    predict(servable, "virginica");
    servable_free(servable);
}

TEST(a_declared_face_is_converted)
{
    static const char MANIFEST[] = "kind: Model\ncontract:\n  predict:\n    inputs:\n"
                                   "      petal_width: {type: float, shape: [-1, 1]}\n"
                                   "    outputs:\n      predict: {shape: [-1, 1]}\n";
    struct loading loading;
    struct servable *servable;
    struct artifact *artifact;
    struct error err = {0};
    char path[4096];

    CHECK_OK(artifact_open(example(path, sizeof path), NULL, &artifact, &err), err);
    CHECK_OK(load_artifact(artifact, bytes_of(MANIFEST), "m.yaml", &loading, &err), err);
    CHECK_OK(load_servable(&loading, NULL, &servable, &err), err);
    load_close(&loading);
    CHECK_INT(servable->contract->signatures[0].inputs[3].dtype, DTYPE_F32);
    predict(servable, "virginica");
    servable_free(servable);
}

TEST(what_is_stored_keeps_its_contract)
{
    static const char MANIFEST[] = "kind: Model\ncontract:\n  predict:\n    inputs:\n"
                                   "      petal_width: {type: float}\n";
    struct loading loading;
    struct servable *servable;
    struct artifact *artifact;
    struct registry *registry;
    struct version version;
    struct text contract = {0};
    struct arena keep;
    struct error err = {0};
    char path[4096];
    bool unchanged;

    arena_init(&keep, 1 << 24);
    CHECK_OK(artifact_open(example(path, sizeof path), NULL, &artifact, &err), err);
    CHECK_OK(load_artifact(artifact, bytes_of(MANIFEST), "m.yaml", &loading, &err), err);
    contract_print_json(&loading.description.contract, &contract);
    CHECK_OK(registry_open("store", &registry, &err), err);
    CHECK_OK(registry_add(registry,
                          &(struct version_upload){.model = "iris",
                                                   .artifact = loading.artifact,
                                                   .format = "sklearn-joblib",
                                                   .framework = "scikit-learn",
                                                   .framework_version = "1",
                                                   .contract = contract.data,
                                                   .manifest = MANIFEST},
                          &version, &unchanged, &keep, &err),
             err);
    load_close(&loading);
    CHECK_OK(load_version(registry, &version, NULL, &servable, &err), err);
    CHECK_INT(servable->contract->signatures[0].inputs[3].dtype, DTYPE_F32);
    predict(servable, "virginica");
    servable_free(servable);
    version.reason = "not today";
    CHECK_FAILS(load_version(registry, &version, NULL, &servable, &err), err, STATUS_UNSUPPORTED,
                "not today");
    registry_close(registry);
    text_release(&contract);
    arena_release(&keep);
}

TEST(payload_limits_what_is_seen)
{
    struct loading loading;
    struct error err = {0};
    char path[4096], command[9000];

    CHECK(mkdir("model", 0777) == 0 && mkdir("model/sub", 0777) == 0);
    snprintf(command, sizeof command, "cp '%s' model/sub/iris.joblib && cp '%s' model/other.joblib",
             example(path, sizeof path), path);
    CHECK_INT(system(command), 0);
    CHECK_OK(
        file_replace("model/serving.yaml", bytes_of("kind: Model\npayload: [\"./sub/\"]\n"), &err),
        err);
    CHECK_OK(load_open("model", NULL, &loading, &err), err);
    CHECK_INT(loading.artifact->count, 1);
    CHECK_TEXT(loading.artifact->members[0].path, "sub/iris.joblib");
    CHECK(!loading.description.reason);
    load_close(&loading);
    CHECK_FAILS(load_open("none", NULL, &loading, &err), err, STATUS_NOT_FOUND, "none");
    load_close(&loading);
}
