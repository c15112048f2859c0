// SPDX-License-Identifier: Apache-2.0
/* Bodies of TensorFlow Serving's REST API, for a signature that has fields of every kind; what is
 * read is bound and, where that is fine, written again. Examples must be messages. */
#include "base/text.h"
#include "formats/tensorflow/record.h"
#include "server/tensorflow_serving/example_json.h"
#include "server/tensorflow_serving/predict_json.h"

#define FIELD(field_name, type, ...)                                                               \
    {                                                                                              \
        .name = field_name, .dtype = type, .shape = __VA_ARGS__                                    \
    }

static struct field INPUTS[] = {
    FIELD("f", DTYPE_F32, {2, {-1, 3}}), FIELD("x", DTYPE_F64, {1, {-1}}),
    FIELD("i", DTYPE_I64, {1, {-1}}),    FIELD("u", DTYPE_U8, {3, {-1, 2, 2}}),
    FIELD("s", DTYPE_STRING, {1, {-1}}), FIELD("b", DTYPE_BOOL, {-1}),
    FIELD("h", DTYPE_F16, {2, {-1, 1}}), FIELD("c", DTYPE_C64, {RANK_UNKNOWN}),
};

static void predict(struct bytes body, size_t first, size_t count, bool columns)
{
    struct signature signature = {
        .name = "predict", .inputs = INPUTS + first, .input_count = count, .columns = columns};
    struct tensor bound[ARRAY_COUNT(INPUTS)];
    const struct given *given;
    struct predict_json opened;
    struct text text = {0};
    struct arena keep;
    struct error err = {0};
    size_t given_count;

    arena_init(&keep, 64 << 20);
    if (!predict_json_open(body, &opened, &keep, &err) &&
        !predict_json_read(&opened, &signature, &given, &given_count, &keep, &err)) {
        if (given_count > count)
            __builtin_trap();
        for (size_t i = 0; i < given_count; i++) {
            struct field field = {.name = i % 2 ? "y" : "y_bytes", .dtype = DTYPE_NONE};
            const struct signature one = {.name = "s", .outputs = &field, .output_count = 1};

            (void)!predict_json_write(&one, &given[i].tensor, opened.rows, &text, &err);
        }
        (void)!contract_bind(&signature, given, given_count, bound, &keep, &err);
    }
    text_release(&text);
    arena_release(&keep);
}

static void examples(struct bytes body)
{
    struct examples_json read;
    struct example example;
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 64 << 20);
    if (!examples_json_read(body, 1000, &read, &keep, &err))
        for (size_t i = 0; i < read.count; i++)
            if (example_read(read.examples[i], &example, &keep, &err))
                __builtin_trap();
    arena_release(&keep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body = {data, size};

    predict(body, 0, ARRAY_COUNT(INPUTS), false);
    predict(body, 0, 2, true);
    for (size_t i = 0; i < ARRAY_COUNT(INPUTS); i++)
        predict(body, i, 1, false);
    examples(body);
    return 0;
}
