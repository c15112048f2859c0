// SPDX-License-Identifier: Apache-2.0
/* Protocol buffers: every field entered as a message, and the input as an ONNX tensor. */
#include "formats/json/json_tensor.h"
#include "formats/onnx_tensor.h"

static void walk(struct protobuf message, struct arena *keep)
{
    struct protobuf_field field;
    struct protobuf inner;
    struct error err;
    const char *text;

    while (protobuf_next(&message, &field, &err) == STATUS_OK && field.number) {
        (void)!protobuf_text(&field, &text, keep, &err);
        if (protobuf_message(&field, &inner, &err) == STATUS_OK)
            walk(inner, keep);
    }
}

static void repeated(const struct protobuf *message, uint32_t number, struct arena *keep)
{
    struct bytes *strings;
    struct error err;
    int64_t *integers;
    double *doubles;
    float *floats;
    size_t count;

    (void)!protobuf_all_i64(message, number, &integers, &count, keep, &err);
    (void)!protobuf_all_f32(message, number, &floats, &count, keep, &err);
    (void)!protobuf_all_f64(message, number, &doubles, &count, keep, &err);
    (void)!protobuf_all_bytes(message, number, &strings, &count, keep, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct protobuf message = protobuf_over((struct bytes){data, size});
    struct text text = {.limit = 16 << 20};
    struct tensor tensor;
    struct arena keep;
    struct error err;
    const char *name;

    arena_init(&keep, 64 << 20);
    walk(message, &keep);
    for (uint32_t number = 1; number < 15; number++)
        repeated(&message, number, &keep);
    if (onnx_tensor_read(&message, NULL, NULL, &name, &tensor, &keep, &err) == STATUS_OK)
        json_write_tensor(&text, &tensor);
    text_release(&text);
    arena_release(&keep);
    return 0;
}
