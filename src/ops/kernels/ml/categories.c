// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/categories.h"

#include <math.h>

/* The bits that stand for an element that is no string. */
static uint64_t key_bits(bool floats, const struct tensor *x, size_t i)
{
    uint64_t bits;
    double value;

    if (!floats)
        return (uint64_t)tensor_i64(x, i);
    value = tensor_f64(x, i);
    if (isnan(value))
        value = NAN;
    else if (value == 0)
        value = 0;
    memcpy(&bits, &value, sizeof bits);
    return isnan(value) ? UINT64_C(0x7FF8000000000000) : bits;
}

enum status categories_new(struct categories *c, const struct tensor *keys, struct arena *keep,
                           struct error *err)
{
    size_t count = tensor_count(keys);
    uint64_t *bits;

    *c = (struct categories){.strings = keys->dtype == DTYPE_STRING,
                             .floats = dtype_is_float(keys->dtype),
                             .count = count};
    map_init(&c->map, keep);
    bits = arena_new(keep, uint64_t, c->strings ? 0 : count);
    if (!bits)
        return error_no_memory(err, "categories");
    for (size_t i = 0; i < count; i++) {
        struct bytes key;

        if (c->strings) {
            key = ((const struct bytes *)keys->data)[i];
        } else {
            bits[i] = key_bits(c->floats, keys, i);
            key = (struct bytes){(const uint8_t *)&bits[i], sizeof bits[i]};
        }
        if (!map_set(&c->map, key, (void *)(uintptr_t)(i + 1)))
            return error_no_memory(err, "categories");
    }
    return STATUS_OK;
}

int64_t categories_find(const struct categories *c, const struct tensor *x, size_t i)
{
    struct bytes key;
    uint64_t bits;

    if (c->strings) {
        key = ((const struct bytes *)x->data)[i];
    } else {
        bits = key_bits(c->floats, x, i);
        key = (struct bytes){(const uint8_t *)&bits, sizeof bits};
    }
    return (int64_t)(uintptr_t)map_find(&c->map, key) - 1;
}
