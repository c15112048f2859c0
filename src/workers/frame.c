// SPDX-License-Identifier: Apache-2.0
#include "workers/frame.h"

#include "base/checked.h"
#include "base/cursor.h"

/* --- writing --- */

static uint8_t *put(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * i));
    return to + size;
}

static uint8_t *tensor_write(const struct frame_tensor *tensor, uint8_t *to)
{
    to = put(to, tensor->dtype, 4);
    to = put(to, (uint64_t)tensor->shape.rank, 4);
    to = put(to, tensor->offset, 8);
    to = put(to, tensor->bytes, 8);
    for (int i = 0; i < FRAME_RANK_MAX; i++)
        to = put(to, i < tensor->shape.rank ? (uint64_t)tensor->shape.dims[i] : 0, 8);
    return put(to, 0, 8);
}

size_t frame_write(const struct frame *frame, const struct frame_tensor *tensors, uint8_t *packet)
{
    uint8_t *to = packet;

    if (frame->tensor_count > FRAME_TENSORS_MAX ||
        frame->text.size >
            FRAME_BYTES_MAX - FRAME_HEAD_BYTES - frame->tensor_count * FRAME_TENSOR_BYTES)
        return 0;
    to = put(to, FRAME_MAGIC, 4);
    to = put(to, FRAME_VERSION, 2);
    to = put(to, frame->type, 2);
    to = put(to, frame->id, 8);
    to = put(to, frame->signature, 4);
    to = put(to, frame->status, 4);
    to = put(to, frame->tensor_count, 4);
    to = put(to, frame->text.size, 4);
    to = put(to, frame->offset, 8);
    to = put(to, frame->space, 8);
    for (size_t i = 0; i < frame->tensor_count; i++)
        to = tensor_write(&tensors[i], to);
    if (frame->text.size)
        memcpy(to, frame->text.data, frame->text.size);
    return (size_t)(to - packet) + frame->text.size;
}

/* --- reading --- */

enum status frame_read(struct bytes packet, struct frame *frame, struct error *err)
{
    struct cursor cursor = cursor_over(packet);
    uint32_t magic = cursor_u32le(&cursor), text;
    uint16_t version = cursor_u16le(&cursor), type = cursor_u16le(&cursor);

    frame->id = cursor_u64le(&cursor);
    frame->signature = cursor_u32le(&cursor);
    frame->status = cursor_u32le(&cursor);
    frame->tensor_count = cursor_u32le(&cursor);
    text = cursor_u32le(&cursor);
    frame->offset = cursor_u64le(&cursor);
    frame->space = cursor_u64le(&cursor);
    if (cursor.failed || magic != FRAME_MAGIC)
        return error_set(err, STATUS_INVALID_INPUT, "a packet of %zu bytes is no frame",
                         packet.size);
    if (version != FRAME_VERSION)
        return error_set(err, STATUS_INVALID_INPUT, "a frame of version %u, not %u", version,
                         FRAME_VERSION);
    if (type < FRAME_HELLO || type > FRAME_FILE)
        return error_set(err, STATUS_INVALID_INPUT, "a frame of unknown type %u", type);
    if (frame->tensor_count > FRAME_TENSORS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "a frame of %zu tensors", frame->tensor_count);
    frame->type = (enum frame_type)type;
    frame->tensors = cursor_take(&cursor, frame->tensor_count * FRAME_TENSOR_BYTES);
    frame->text = cursor_take(&cursor, text);
    if (cursor.failed || cursor_left(&cursor))
        return error_set(err, STATUS_INVALID_INPUT,
                         "a frame of %zu bytes announces %zu tensors and %u bytes of text",
                         packet.size, frame->tensor_count, text);
    return STATUS_OK;
}

/* Of fixed size, and in this version's table. */
static bool crosses(uint32_t dtype)
{
    return dtype < DTYPE_COUNT && dtype != DTYPE_RESOURCE && dtype != DTYPE_VARIANT &&
           dtype != DTYPE_SEQUENCE && dtype != DTYPE_OPTIONAL;
}

static enum status size_check(const struct frame_tensor *tensor, struct error *err)
{
    size_t count = 1, bytes;

    for (int i = 0; i < tensor->shape.rank; i++)
        if (tensor->shape.dims[i] < 0 ||
            !checked_multiply(count, (size_t)tensor->shape.dims[i], &count))
            return error_set(err, STATUS_INVALID_INPUT, "dimension %d is %lld", i,
                             (long long)tensor->shape.dims[i]);
    if (tensor->dtype == DTYPE_STRING) {
        if (checked_multiply(count, sizeof(uint64_t), &bytes) && bytes <= tensor->bytes)
            return STATUS_OK;
    } else if (checked_multiply(count, dtype_size(tensor->dtype), &bytes) &&
               bytes == tensor->bytes) {
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT, "%llu bytes for %zu elements of %s",
                     (unsigned long long)tensor->bytes, count, dtype_name(tensor->dtype));
}

enum status frame_tensor_read(const struct frame *frame, size_t index, struct frame_tensor *tensor,
                              struct error *err)
{
    struct cursor cursor = cursor_over(
        (struct bytes){frame->tensors.data + index * FRAME_TENSOR_BYTES, FRAME_TENSOR_BYTES});
    uint32_t dtype = cursor_u32le(&cursor), rank = cursor_u32le(&cursor);

    *tensor = (struct frame_tensor){0};
    tensor->offset = cursor_u64le(&cursor);
    tensor->bytes = cursor_u64le(&cursor);
    if (!crosses(dtype))
        return error_set(err, STATUS_INVALID_INPUT, "%u is no dtype that crosses", dtype);
    if (rank > FRAME_RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "rank %u exceeds %d", rank, FRAME_RANK_MAX);
    tensor->dtype = (enum dtype)dtype;
    if (!dtype)
        return STATUS_OK;
    tensor->shape.rank = (int)rank;
    for (uint32_t i = 0; i < rank; i++)
        tensor->shape.dims[i] = (int64_t)cursor_u64le(&cursor);
    return size_check(tensor, err);
}

/* --- tensors in an arena --- */

bool frame_tensor_size(const struct tensor *tensor, uint64_t *size)
{
    const struct bytes *strings = tensor->data;
    size_t count, total;

    *size = 0;
    if (tensor->dtype == DTYPE_NONE)
        return true;
    if (!crosses(tensor->dtype) || tensor->shape.rank > FRAME_RANK_MAX)
        return false;
    if (tensor->dtype != DTYPE_STRING) {
        *size = tensor_bytes(tensor);
        return true;
    }
    count = tensor_count(tensor);
    if (!checked_multiply(count, sizeof(uint64_t), &total))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!checked_add(total, strings[i].size, &total))
            return false;
    *size = total;
    return true;
}

void frame_tensor_put(const struct tensor *tensor, uint8_t *place)
{
    const struct bytes *strings = tensor->data;
    size_t count, end = 0;
    uint8_t *text;

    if (tensor->dtype == DTYPE_NONE)
        return;
    if (tensor->dtype != DTYPE_STRING) {
        size_t size = tensor_bytes(tensor);

        if (size)
            memcpy(place, tensor->data, size);
        return;
    }
    count = tensor_count(tensor);
    text = place + count * sizeof(uint64_t);
    for (size_t i = 0; i < count; i++) {
        bool missing = !strings[i].data;

        if (strings[i].size)
            memcpy(text + end, strings[i].data, strings[i].size);
        end += strings[i].size;
        place = put(place, end | (uint64_t)missing << FRAME_STRING_MISSING_BIT, 8);
    }
}

enum status frame_strings_check(const uint64_t *ends, size_t count, uint64_t text_size,
                                struct error *err)
{
    const uint64_t missing = UINT64_C(1) << FRAME_STRING_MISSING_BIT;
    uint64_t before = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t end = ends[i] & ~missing;

        if (end < before || end > text_size || (end != before && ends[i] & missing))
            return error_set(err, STATUS_INVALID_INPUT, "string %zu ends at %llu of %llu bytes", i,
                             (unsigned long long)end, (unsigned long long)text_size);
        before = end;
    }
    return STATUS_OK;
}
