// SPDX-License-Identifier: Apache-2.0
/* Messages of gRPC: tensors of TensorFlow and of Hydrosphere, Open Inference requests. What was
 * read is written and read again: the same. */
#include "formats/oip_message.h"
#include "formats/tensor_message.h"

static void check_same(const struct tensor *a, const struct tensor *b)
{
    const struct bytes *x = a->data, *y = b->data;

    if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
        __builtin_trap();
    if (a->dtype == DTYPE_STRING) {
        for (size_t i = 0; i < tensor_count(a); i++)
            if (!bytes_equal(x[i], y[i]))
                __builtin_trap();
    } else if (tensor_bytes(a) && memcmp(a->data, b->data, tensor_bytes(a)) != 0) {
        __builtin_trap();
    }
}

static void check_tensor(struct bytes input, enum tensor_dialect dialect, struct arena *keep)
{
    struct protobuf message = protobuf_over(input);
    struct protobuf_field field;
    struct tensor tensor, again;
    struct text text = {0};
    struct error err;

    if (tensor_message_read(&message, dialect, &tensor, keep, &err) != STATUS_OK)
        return;
    if (tensor_bytes(&tensor) > 1 << 20)
        return; /* a lone value that fills much */
    tensor_message_write(&text, 1, dialect, &tensor);
    message = protobuf_over(text_bytes(&text));
    if (protobuf_next(&message, &field, &err) != STATUS_OK)
        __builtin_trap();
    message = protobuf_over(field.bytes);
    if (tensor_message_read(&message, dialect, &again, keep, &err) != STATUS_OK)
        __builtin_trap();
    check_same(&tensor, &again);
    text_release(&text);
}

static void check_request(struct bytes input, struct arena *keep)
{
    struct oip_message message;
    struct text text = {0};
    struct error err;

    if (oip_message_read(input, &message, keep, &err) == STATUS_OK) {
        const struct oip_response response = {message.model, message.version, message.request.id,
                                              message.request.inputs, message.request.input_count};

        if (oip_message_write(&response, &text, &err) == STATUS_OK)
            (void)!oip_message_read(text_bytes(&text), &message, keep, &err);
    }
    text_release(&text);
}

/* Maps of tensors: every field as an entry. */
static void check_entries(struct bytes input, struct arena *keep)
{
    struct protobuf message = protobuf_over(input);
    struct protobuf_field field;
    struct protobuf value;
    struct tensor tensor;
    struct error err;
    const char *key;

    while (protobuf_next(&message, &field, &err) == STATUS_OK && field.number)
        if (tensor_entry_split(&field, &key, &value, keep, &err) == STATUS_OK)
            (void)!tensor_message_read(&value, TENSOR_EITHER, &tensor, keep, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes input = {data, size};
    struct arena keep;

    arena_init(&keep, 256 << 20);
    for (int dialect = TENSOR_TENSORFLOW; dialect <= TENSOR_EITHER; dialect++)
        check_tensor(input, (enum tensor_dialect)dialect, &keep);
    check_request(input, &keep);
    check_entries(input, &keep);
    arena_release(&keep);
    return 0;
}
