// SPDX-License-Identifier: Apache-2.0
/* Tensors in JSON and Open Inference bodies. The first byte chooses the dtype; a body is read with
 * all of it as JSON and with the JSON ending where the first '\n' stands. */
#include "base/number.h"
#include "formats/json/oip.h"

static void touch(const struct tensor *tensor)
{
    struct text text = {.limit = 16 << 20};

    json_write_tensor(&text, tensor);
    text_release(&text);
}

/* What was read is written and read again: the same elements. */
static void check_tensor(struct bytes input, enum dtype dtype, struct arena *keep)
{
    struct shape open = shape_unknown();
    struct text first = {0}, second = {0};
    struct json_reader reader;
    struct tensor tensor, again;
    struct error err;

    json_reader_init(&reader, input, 0);
    if (json_read_tensor(&reader, dtype, &open, &tensor, keep, &err) != STATUS_OK)
        return;
    json_write_tensor(&first, &tensor);
    json_reader_init(&reader, text_bytes(&first), 0);
    if (json_read_tensor(&reader, dtype, &tensor.shape, &again, keep, &err) != STATUS_OK)
        __builtin_trap();
    json_write_tensor(&second, &again);
    if (!bytes_equal(text_bytes(&first), text_bytes(&second)))
        __builtin_trap();
    text_release(&first);
    text_release(&second);
}

static void check_body(struct bytes body, size_t json_size, struct arena *keep)
{
    struct oip_request request;
    struct oip_response response;
    struct text text = {0};
    struct error err;
    size_t written;

    if (oip_parse_request(body, json_size, &request, keep, &err) == STATUS_OK) {
        for (size_t i = 0; i < request.input_count; i++)
            touch(&request.inputs[i].tensor);
        response =
            (struct oip_response){.outputs = request.inputs, .output_count = request.input_count};
        oip_write_response(&response, &text, &written);
        if (oip_parse_response(text_bytes(&text), written, &response, keep, &err) != STATUS_OK)
            __builtin_trap();
        text_release(&text);
    }
    if (oip_parse_response(body, json_size, &response, keep, &err) == STATUS_OK)
        for (size_t i = 0; i < response.output_count; i++)
            touch(&response.outputs[i].tensor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    struct arena keep;
    double value;

    if (size == 0)
        return 0;
    arena_init(&keep, 64 << 20);
    if (data[0] == '{') {
        check_body((struct bytes){data, size}, size, &keep);
        if (newline)
            check_body((struct bytes){data, size}, (size_t)(newline - data), &keep);
    } else {
        check_tensor((struct bytes){data + 1, size - 1},
                     (enum dtype)(1 + data[0] % (DTYPE_COUNT - 1)), &keep);
        (void)number_from_text((struct bytes){data + 1, size - 1}, &value);
    }
    arena_release(&keep);
    return 0;
}
