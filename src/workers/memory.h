// SPDX-License-Identifier: Apache-2.0
/* Memory that a server and one worker share: a sealed memfd, mapped and populated once, because
 * page faults, not the socket, cost the time. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct shared_memory {
    int fd; /* -1: none */
    uint8_t *data;
    size_t size;
};

enum { SHARED_MEMORY_MIN = 1 << 20 };

/* At least `size` bytes, at most `limit` (TOO_LARGE); nobody can make it smaller or larger. */
enum status shared_memory_new(size_t size, size_t limit, struct shared_memory *memory,
                              struct error *err) must_check;
void shared_memory_release(
    struct shared_memory *memory); /* safe on a released one, or one with fd -1 and no data */
