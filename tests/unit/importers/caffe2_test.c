// SPDX-License-Identifier: Apache-2.0
/* Caffe2 nets that are refused; what answers are is for tests/oracles/caffe2.py. */
#include "base/text.h"
#include "formats/archive/tar_write.h"
#include "formats/protobuf.h"
#include "importers/importer.h"

#include "test.h"

/* "Conv x w y kernel=3 order=NHWC": an operator, its inputs, one output, its arguments. */
static void write_operator(struct text *net, const char *line)
{
    char copy[256], *word, *rest, *words[16];
    size_t begin = protobuf_write_begin(net), count = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (word = strtok_r(copy, " ", &rest); word && count < 16; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    protobuf_write_text(net, 4, words[0]);
    for (size_t i = 1; i < count; i++) {
        char *equal = strchr(words[i], '=');
        bool last = i + 1 == count || strchr(words[i + 1], '=');
        size_t inner;

        if (!equal) {
            protobuf_write_text(net, last ? 2 : 1, words[i]);
            continue;
        }
        *equal = 0;
        inner = protobuf_write_begin(net);
        protobuf_write_text(net, 1, words[i]);
        if (!strcmp(equal + 1, "1,1"))
            protobuf_write_packed_i64(net, 6, (const int64_t[]){1, 1}, 2);
        else if (!strcmp(equal + 1, "1,4,1,1"))
            protobuf_write_packed_i64(net, 6, (const int64_t[]){1, 4, 1, 1}, 4);
        else if (!strcmp(equal + 1, "0.0"))
            protobuf_write_packed_f32(net, 5, (const float[]){0}, 1);
        else if (equal[1] >= '0' && equal[1] <= '9')
            protobuf_write_i64(net, 3, atoll(equal + 1));
        else
            protobuf_write_text(net, 4, equal + 1);
        protobuf_write_end(net, 5, inner);
    }
    protobuf_write_end(net, 2, begin);
}

static void write_member(struct text *tar, const char *name, const struct text *content)
{
    static const uint8_t ZEROS[TAR_BLOCK] = {0};

    tar_write_head(tar, bytes_of(name), content->size, TAR_FILE);
    text_append_bytes(tar, text_bytes(content));
    text_append_bytes(tar, (struct bytes){ZEROS, tar_padding(content->size)});
}

/* The reason why a net of these lines is not native; "" when it is. */
static void reason_of(const char *init, const char *predict, char reason[512])
{
    static const uint8_t END[TAR_END_SIZE] = {0};
    struct text nets[2] = {{0}, {0}}, tar = {0};
    const char *lines[2] = {init, predict};
    struct description description;
    struct artifact *artifact;
    struct graph *graph;
    struct arena keep;
    struct error err = {0};

    for (int n = 0; n < 2; n++) {
        char copy[1024], *rest, *line;

        snprintf(copy, sizeof copy, "%s", lines[n]);
        for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
            write_operator(&nets[n], line);
    }
    protobuf_write_text(&nets[1], 7, "x");
    protobuf_write_text(&nets[1], 8, "y");
    write_member(&tar, "init_net.pb", &nets[0]);
    write_member(&tar, "predict_net.pb", &nets[1]);
    text_append_bytes(&tar, (struct bytes){END, sizeof END});
    arena_init(&keep, 16 << 20);
    CHECK_OK(artifact_open_bytes(text_bytes(&tar), "model.tar", NULL, &artifact, &err), err);
    if (import_artifact(artifact, &description, &graph, &keep, &err))
        snprintf(reason, 512, "%s", err.text);
    else
        snprintf(reason, 512, "%s", description.reason ? description.reason : "");
    if (!description.reason && !err.text[0])
        CHECK(graph != NULL);
    artifact_close(artifact);
    arena_release(&keep);
    text_release(&nets[0]);
    text_release(&nets[1]);
    text_release(&tar);
}

TEST(caffe2_refuses)
{
    static const struct {
        const char *init, *predict, *want;
    } CASES[] = {
        {"", "Relu x y", ""},
        {"ConstantFill x shape=1", "Relu x y", ""},
        {"GivenTensorFill x shape=1,1 values=0.0", "Relu x y", ""},
        {"GivenTensorFill x shape=1,1 values=0.0\nConstantFill w shape=2", "Add x w y",
         "init_net fills \"x\" with one 0, which may be a weight"},
        {"GivenTensorFill w shape=1,1 values=0.0", "Add x w y", ""},
        {"GivenTensorFill w shape=1,1 values=0.0", "Add w x y", "init_net fills \"w\" with one 0"},
        {"", "Relu x y alpha=1", "operator 0, Relu of y: argument \"alpha\""},
        {"", "Relu x y cudnn_exhaustive_search=1", ""},
        {"", "Quux x y", "operator 0: firn does not know Caffe2's Quux"},
        {"XavierFill w", "Add x w y", "init_net: operator 0, XavierFill of w: weights are drawn"},
        {"", "Add x w y", "nothing writes its input \"w\""},
        {"", "Relu x z", "nothing writes the output \"y\""},
        {"", "SpatialBN x x x x x y", "without is_test it is for training"},
        {"", "Dropout x y", "without is_test it is for training"},
        {"", "Dropout x y is_test=1", ""},
        {"", "MaxPool x y", "it has no kernel size"},
        {"", "MaxPool x y kernel=0", "a window of size 0"},
        {"", "MaxPool x y kernel=3 legacy_pad=9", "legacy_pad 9"},
        {"", "MaxPool x y kernel=1 stride=2 legacy_pad=2", "windows that leave gaps"},
        {"", "MaxPool x x y kernel=2", "it has 2 inputs, not 1 to 1"},
        {"ConstantFill w shape=1,4,1,1", "Conv x w y kernel=1 group=4611686018427387904", "group"},
        {"", "LRN x y size=2", "size 2 is not odd"},
        {"GivenTensorFill w shape=2", "Add x w y", "values for"},
        {"", "Cast x y to=99", "is cast, and no input_spec.json says it"},
        {"", "FC x x x y", "the number of dimensions of \"x\" is not known"},
    };
    char reason[512];

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        reason_of(CASES[i].init, CASES[i].predict, reason);
        if (*CASES[i].want ? !strstr(reason, CASES[i].want) : *reason)
            fail_msg("%s: \"%s\", not \"%s\"", CASES[i].predict, reason, CASES[i].want);
    }
}
