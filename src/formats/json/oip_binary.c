// SPDX-License-Identifier: Apache-2.0
/* Open Inference's binary form of a tensor: elements as they lie in memory, strings each with its
 * size before it. The same in HTTP's bodies and in gRPC's raw contents. */
#include "base/cursor.h"
#include "formats/json/oip.h"

/* BYTES: each element is a little-endian uint32 and that many bytes. */
static enum status read_binary_strings(struct cursor *binary, struct tensor *tensor,
                                       struct error *err)
{
    struct bytes *elements = tensor->data;
    size_t count = tensor_count(tensor);

    for (size_t i = 0; i < count; i++) {
        elements[i] = cursor_take(binary, cursor_u32le(binary));
        if (binary->failed)
            return error_set(err, STATUS_INVALID_INPUT,
                             "element %zu of %zu ends behind the binary data", i, count);
    }
    if (cursor_left(binary))
        return error_set(err, STATUS_INVALID_INPUT,
                         "%zu bytes of binary data are left behind the last element",
                         cursor_left(binary));
    return STATUS_OK;
}

static enum status check_bools(struct bytes bytes, struct error *err)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] > 1)
            return error_set(err, STATUS_INVALID_INPUT, "element %zu is %u, not 0 or 1", i,
                             bytes.data[i]);
    return STATUS_OK;
}

enum status oip_binary_read(struct bytes bytes, enum dtype dtype, const struct shape *shape,
                            struct tensor *tensor, struct arena *keep, struct error *err)
{
    size_t width = dtype_size(dtype), wanted;
    char printed[SHAPE_PRINT_SIZE];

    TRY(shape_check(shape, dtype, SIZE_MAX / 2, &wanted, err));
    if (dtype == DTYPE_STRING ? wanted / width > bytes.size / 4 : wanted != bytes.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "binary_data_size is %zu, but shape %s of %s needs %s%zu bytes",
                         bytes.size, shape_print(shape, printed, sizeof printed), dtype_oip(dtype),
                         dtype == DTYPE_STRING ? "at least " : "",
                         dtype == DTYPE_STRING ? wanted / width * 4 : wanted);
    if (dtype == DTYPE_STRING) {
        struct cursor cursor = cursor_over(bytes);
        TRY(tensor_new(tensor, DTYPE_STRING, shape, keep, err));
        return read_binary_strings(&cursor, tensor, err);
    }
    if (dtype == DTYPE_BOOL)
        TRY(check_bools(bytes, err));
    if ((uintptr_t)bytes.data % width == 0 && bytes.size) {
        /* borrowed: nobody writes to the tensors of a request */
        *tensor = (struct tensor){dtype, *shape, (void *)(uintptr_t)bytes.data};
        return STATUS_OK;
    }
    TRY(tensor_new(tensor, dtype, shape, keep, err));
    if (bytes.size)
        memcpy(tensor->data, bytes.data, bytes.size);
    return STATUS_OK;
}

static void write_binary_strings(struct text *text, const struct tensor *tensor)
{
    const struct bytes *elements = tensor->data;
    size_t count = tensor_count(tensor);

    for (size_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)elements[i].size;
        if (elements[i].size > UINT32_MAX)
            text->failed = true;
        text_append_bytes(text, (struct bytes){(const uint8_t *)&size, sizeof size});
        text_append_bytes(text, elements[i]);
    }
}

size_t oip_binary_size(const struct tensor *tensor)
{
    const struct bytes *elements = tensor->data;
    size_t count = tensor_count(tensor), size = 0;

    if (tensor->dtype != DTYPE_STRING)
        return tensor_bytes(tensor);
    for (size_t i = 0; i < count; i++)
        size += 4 + elements[i].size;
    return size;
}

void oip_binary_write(struct text *text, const struct tensor *tensor)
{
    if (tensor->dtype == DTYPE_STRING)
        write_binary_strings(text, tensor);
    else
        text_append_bytes(text, (struct bytes){tensor->data, tensor_bytes(tensor)});
}
