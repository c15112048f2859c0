// SPDX-License-Identifier: Apache-2.0
/* A run of bytes that somebody else owns. Also the element of a string tensor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data; /* borrowed */
    size_t size;
};

static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_is(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_of(text));
}

static inline bool bytes_starts(struct bytes a, struct bytes prefix)
{
    return a.size >= prefix.size && memcmp(a.data, prefix.data, prefix.size) == 0;
}
