// SPDX-License-Identifier: Apache-2.0
#include "server/grpc/grpc.h"

#include <strings.h>

static const uint64_t FOR_EVER_NS = 1ull << 62;

bool grpc_is_content_type(struct bytes value)
{
    static const char type[] = "application/grpc";
    size_t size = sizeof type - 1;

    return value.size >= size && !strncasecmp((const char *)value.data, type, size) &&
           (value.size == size || value.data[size] == '+' || value.data[size] == ';');
}

enum grpc_encoding grpc_encoding_of(struct bytes value)
{
    if (value.size == 0 || bytes_is(value, "identity"))
        return GRPC_IDENTITY;
    return bytes_is(value, "gzip") ? GRPC_GZIP : GRPC_UNKNOWN;
}

bool grpc_accepts_gzip(struct bytes value)
{
    for (size_t i = 0; i < value.size;) {
        size_t stop = i, end;

        while (stop < value.size && value.data[stop] != ',')
            stop++;
        for (end = stop; end > i && value.data[end - 1] == ' ';)
            end--;
        while (i < end && value.data[i] == ' ')
            i++;
        if (bytes_is((struct bytes){value.data + i, end - i}, "gzip"))
            return true;
        i = stop + 1;
    }
    return false;
}

bool grpc_timeout(struct bytes value, uint64_t *nanoseconds)
{
    static const struct {
        char unit;
        uint64_t nanoseconds;
    } units[] = {{'H', 3600000000000}, {'M', 60000000000}, {'S', 1000000000},
                 {'m', 1000000},       {'u', 1000},        {'n', 1}};
    uint64_t count = 0;

    if (value.size < 2 || value.size > 9)
        return false;
    for (size_t i = 0; i + 1 < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        count = count * 10 + (uint64_t)(value.data[i] - '0');
    }
    for (size_t i = 0; i < ARRAY_COUNT(units); i++)
        if (value.data[value.size - 1] == units[i].unit) {
            if (__builtin_mul_overflow(count, units[i].nanoseconds, nanoseconds) ||
                *nanoseconds > FOR_EVER_NS)
                *nanoseconds = FOR_EVER_NS;
            return true;
        }
    return false;
}

enum status grpc_next(struct bytes *data, size_t size_max, struct grpc_message *message,
                      bool *whole, struct error *err)
{
    const uint8_t *p = data->data;
    size_t size;

    *whole = false;
    if (data->size < GRPC_FRAME)
        return STATUS_OK;
    if (p[0] > 1)
        return error_set(err, STATUS_INVALID_INPUT, "a message of gRPC begins with flag %d", p[0]);
    size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (size > size_max)
        return error_set(err, STATUS_TOO_LARGE,
                         "a message has %zu bytes, more than body_bytes_max = %zu", size, size_max);
    if (data->size - GRPC_FRAME < size)
        return STATUS_OK;
    *whole = true;
    *message = (struct grpc_message){{p + GRPC_FRAME, size}, p[0] == 1};
    data->data += GRPC_FRAME + size;
    data->size -= GRPC_FRAME + size;
    return STATUS_OK;
}

void grpc_frame(uint8_t frame[GRPC_FRAME], size_t size, bool packed)
{
    frame[0] = packed;
    frame[1] = (uint8_t)(size >> 24);
    frame[2] = (uint8_t)(size >> 16);
    frame[3] = (uint8_t)(size >> 8);
    frame[4] = (uint8_t)size;
}

size_t grpc_encode_message(struct bytes message, char encoded[GRPC_MESSAGE_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 0;

    for (size_t i = 0; i < message.size && size + 3 <= GRPC_MESSAGE_MAX; i++) {
        uint8_t c = message.data[i];

        if (c >= 0x20 && c <= 0x7E && c != '%') {
            encoded[size++] = (char)c;
            continue;
        }
        encoded[size++] = '%';
        encoded[size++] = digits[c >> 4];
        encoded[size++] = digits[c & 15];
    }
    return size;
}
