// SPDX-License-Identifier: Apache-2.0
#include "importers/tensorflow/internal.h"

static const struct {
    const char *name, *why;
} REASONS[] = {
#define REASON(name, why) {name, why},
#include "importers/tensorflow/model/op_reasons.def"
};

/* `pattern` may begin or end with '*'. */
static bool fits(const char *pattern, const char *op)
{
    size_t size = strlen(pattern), length = strlen(op);
    bool front = pattern[0] == '*', back = pattern[size - 1] == '*';
    size_t word = size - front - back;

    pattern += front;
    for (size_t at = 0; at + word <= length; at++)
        if ((front || !at) && (back || at + word == length) && !memcmp(op + at, pattern, word))
            return true;
    return false;
}

const char *tf_reason(const char *op)
{
    for (size_t i = 0; i < ARRAY_COUNT(REASONS); i++)
        if (fits(REASONS[i].name, op))
            return REASONS[i].why;
    return NULL;
}
