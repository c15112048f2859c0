// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "importers/importer.h"
#include "test.h"

static enum status import_bytes(const void *data, size_t size, const char *name,
                                struct description *d, struct arena *keep, struct error *err)
{
    struct artifact *artifact = NULL;
    struct graph *graph;
    enum status status;

    arena_init(keep, (size_t)1 << 30);
    status = artifact_open_bytes((struct bytes){data, size}, name, NULL, &artifact, err);
    if (!status)
        status = import_artifact(artifact, d, &graph, keep, err);
    if (!status)
        CHECK(d->reason || graph);
    artifact_close(artifact);
    return status;
}

TEST(files_by_their_first_bytes)
{
#define FILE_OF(text, format)                                                                      \
    {                                                                                              \
        text, sizeof(text) - 1, format                                                             \
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *format;
    } CASES[] = {
        FILE_OF("\x89HDF\r\n\x1a\n.....model_config.....", "keras-h5"),
        FILE_OF("\x89HDF\r\n\x1a\n............", "hdf5"),
        FILE_OF("\x1c\0\0\0TFL3........", "tflite"),
        FILE_OF("CBM1....", "catboost"),
        FILE_OF("tree\nversion=v3\nnum_class=1\n", "lightgbm"),
        FILE_OF("GGUF\3\0\0\0", "gguf"),
        FILE_OF("PAR1....PAR1", "parquet"),
        FILE_OF(/* the records "hello" and "", packed by zlib */
                "\x78\xda\x63\x65\x80\x80\x57\x9b\x58\xec\x32\x52\x73\x72\xf2\x77\xcb\xcb\x48\x42"
                "\xc5\x18\x34\x99\x67\xb0\xdf\x78\xd5\xb4\x08\x00\x86\xa5\x08\xb8",
                "tfrecord"),
        FILE_OF("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e.", "torch-legacy"),
        FILE_OF("\x93NUMPY\x01\0\x46\0{'descr': '<f8', }", "npy"),
        FILE_OF("ptrt\x61\0\0\0", "tensorrt-plan"),
        FILE_OF("\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "mxnet-params"),
        FILE_OF("{\"learner\": {\"gradient_booster\": {}}}", "xgboost-json"),
        FILE_OF("{L\0\0\0\0\0\0\0\7learner{", "xgboost-ubjson"),
        FILE_OF("{\"nodes\": [], \"arg_nodes\": [], \"heads\": []}", "mxnet-symbol"),
        FILE_OF("<?xml version=\"1.0\"?>\n<PMML version=\"4.4\"/>", "pmml"),
        FILE_OF("name: \"x\"\nlayer {\n type: \"ReLU\"\n}\n", "caffe-prototxt"),
        FILE_OF("flavors:\n  sklearn:\n    pickled_model: m.pkl\n", "mlflow-mlmodel"),
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct description d;
        struct arena keep;
        struct error err = {0};
        if (import_bytes(CASES[i].bytes, CASES[i].size, "file", &d, &keep, &err))
            fail_msg("%s: %s", CASES[i].format, err.text);
        CHECK_TEXT(d.format, CASES[i].format);
        CHECK(d.reason);
        CHECK_INT(d.contract.count, 0);
        arena_release(&keep);
    }
}

TEST(what_is_nothing_is_unsupported)
{
    static const char *const CASES[] = {"",
                                        "a",
                                        "hello world\n",
                                        "{}",
                                        "[]",
                                        "\x7f"
                                        "ELF\2\1\1",
                                        "{\"learner\": 1}",
                                        "tree",
                                        "<html></html>",
                                        "\x08\x01\x12",
                                        "\x0a\x02\x0a\x00"};

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct description d;
        struct arena keep;
        struct error err = {0};
        enum status status = import_bytes(CASES[i], strlen(CASES[i]), "file", &d, &keep, &err);
        if (status != STATUS_UNSUPPORTED || !strstr(err.text, "is of no known format"))
            fail_msg("\"%s\": %s %s", CASES[i], status_name(status), status ? err.text : d.format);
        arena_release(&keep);
    }
}

TEST(json_of_a_description)
{
    struct description d = {.format = "x",
                            .reason = "step \"a\"",
                            .executes = (const char *[]){"os.system"},
                            .executes_count = 1};
    struct arena keep;
    struct error err = {0};
    struct text text = {0};

    arena_init(&keep, 1 << 20);
    for (int i = 0; i < 5; i++)
        CHECK_OK(description_warn(&d, &keep, &err, "number %d", i), err);
    description_print_json(&d, &text);
    CHECK_TEXT(text.data,
               "{\"format\":\"x\",\"framework\":{\"name\":null,\"version\":null},\"signatures\":[],"
               "\"native\":false,\"reason\":\"step \\\"a\\\"\",\"executes\":[\"os.system\"],"
               "\"warnings\":[\"number 0\",\"number 1\",\"number 2\",\"number 3\",\"number 4\"]}");
    text_release(&text);
    arena_release(&keep);
}
