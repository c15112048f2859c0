// SPDX-License-Identifier: Apache-2.0
/* Lookup: the row that belongs to a key; encoders of categories are this.
 *
 * Input: (n,) or (n, 1), string or double. Attributes:
 *   keys       tensor (k,), string or double; NaN equals NaN, a missing string (data NULL) another
 *   rows       tensor (k + 1, w) double: what each key becomes; the last row is for unknown keys
 *   positions  instead of rows: integers (k + 1): the column that is 1, -1 for none; with `width`
 *   unknown    1: unknown keys get the last row; 0: they are an error (default)
 *   column     what to call the column in messages
 * Output: (n, w) double. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "ops/op.h"

enum { SLOT_FREE = -1 };

struct table {
    const struct tensor *keys;
    int32_t *slots; /* (mask + 1,): index of a key, or SLOT_FREE */
    size_t mask;
    int32_t missing; /* the key that is NaN or a missing string; -1: none */
};

static enum status infer(struct op_call *call, struct error *err)
{
    const struct tensor *keys = attribute_tensor(call->attributes, "keys");
    const struct tensor *rows = attribute_tensor(call->attributes, "rows");
    const struct shape *shape = &call->in[0].shape;
    int64_t width = attribute_int(call->attributes, "width", 0);
    size_t count, key_count;
    const int64_t *positions = attribute_ints(call->attributes, "positions", &count);

    if (!keys || keys->shape.rank != 1 ||
        (keys->dtype != DTYPE_STRING && keys->dtype != DTYPE_F64) ||
        tensor_count(keys) >= INT32_MAX / 4)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "keys are missing or neither string nor double");
    TRY(op_wants(call, 0, DTYPE_BIT(keys->dtype), err));
    key_count = tensor_count(keys);
    if (rows) {
        if (rows->dtype != DTYPE_F64 || rows->shape.rank != 2 ||
            rows->shape.dims[0] != (int64_t)key_count + 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "rows do not fit the keys");
        width = rows->shape.dims[1];
    } else {
        if (count != key_count + 1 || width < 0 || width > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "positions do not fit the keys");
        for (size_t i = 0; i < count; i++)
            if (positions[i] < -1 || positions[i] >= width)
                return op_error(call, err, STATUS_INVALID_INPUT, "position %lld of %lld",
                                (long long)positions[i], (long long)width);
    }
    if (shape->rank != 1 && shape->rank != RANK_UNKNOWN &&
        !(shape->rank == 2 && (shape->dims[1] == 1 || !dim_is_known(shape->dims[1]))))
        return op_error(call, err, STATUS_INVALID_INPUT, "input is no column");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = SHAPE(shape->rank > 0 ? shape->dims[0] : DIM_UNKNOWN, width);
    return STATUS_OK;
}

static uint64_t hash_double(double value)
{
    uint64_t bits;

    value += 0.0; /* -0 is 0 */
    memcpy(&bits, &value, sizeof bits);
    bits *= UINT64_C(0x9e3779b97f4a7c15);
    return bits ^ bits >> 32;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    const struct tensor *keys = attribute_tensor(call->attributes, "keys");
    struct table *table = arena_new(keep, struct table, 1);
    size_t count = tensor_count(keys), capacity = 8;

    while (capacity < 2 * count)
        capacity *= 2;
    if (!table)
        return error_no_memory(err, "a table of categories");
    table->keys = keys;
    table->mask = capacity - 1;
    table->missing = -1;
    table->slots = arena_new(keep, int32_t, capacity);
    if (!table->slots)
        return error_no_memory(err, "a table of categories");
    for (size_t i = 0; i < capacity; i++)
        table->slots[i] = SLOT_FREE;
    for (size_t i = 0; i < count; i++) {
        const struct bytes *text = (const struct bytes *)keys->data + i;
        bool is_text = keys->dtype == DTYPE_STRING;
        double number = is_text ? 0 : ((const double *)keys->data)[i];
        size_t slot;

        if (is_text ? !text->data : isnan(number)) {
            table->missing = (int32_t)i;
            continue;
        }
        slot = (size_t)(is_text ? bytes_hash(*text) : hash_double(number)) & table->mask;
        while (table->slots[slot] != SLOT_FREE)
            slot = (slot + 1) & table->mask;
        table->slots[slot] = (int32_t)i;
    }
    call->state = table;
    return STATUS_OK;
}

static int32_t find_text(const struct table *table, struct bytes text)
{
    const struct bytes *keys = table->keys->data;
    size_t slot = (size_t)bytes_hash(text) & table->mask;

    if (!text.data)
        return table->missing;
    for (; table->slots[slot] != SLOT_FREE; slot = (slot + 1) & table->mask)
        if (bytes_equal(keys[table->slots[slot]], text))
            return table->slots[slot];
    return -1;
}

static int32_t find_number(const struct table *table, double number)
{
    const double *keys = table->keys->data;
    size_t slot = (size_t)hash_double(number) & table->mask;

    if (isnan(number))
        return table->missing;
    for (; table->slots[slot] != SLOT_FREE; slot = (slot + 1) & table->mask)
        if (keys[table->slots[slot]] == number)
            return table->slots[slot];
    return -1;
}

static enum status refuse(const struct op_call *call, size_t row, struct error *err)
{
    struct bytes column = attribute_string(call->attributes, "column", "");
    char quoted[TEXT_QUOTE_SIZE], value[TEXT_QUOTE_SIZE + 2];

    if (call->in[0].dtype == DTYPE_STRING) {
        struct bytes text = ((const struct bytes *)call->in[0].data)[row];

        if (text.data)
            snprintf(value, sizeof value, "'%s'", text_quote(text, quoted, sizeof quoted));
        else
            snprintf(value, sizeof value, "missing");
    } else {
        snprintf(value, sizeof value, "%.17g", ((const double *)call->in[0].data)[row]);
    }
    return error_set(err, STATUS_INVALID_INPUT, "unknown category %s in %.*s, at row %zu", value,
                     (int)column.size, (const char *)column.data, row);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct table *table = call->state;
    const struct tensor *rows = attribute_tensor(call->attributes, "rows");
    size_t count = (size_t)call->out[0].shape.dims[0], ignored;
    size_t width = (size_t)call->out[0].shape.dims[1];
    const int64_t *positions = attribute_ints(call->attributes, "positions", &ignored);
    bool known_only = !attribute_int(call->attributes, "unknown", 0);
    int32_t unknown = (int32_t)tensor_count(table->keys);
    double *y = call->out[0].data;

    if (!rows && count > 0 && width > 0)
        memset(y, 0, count * width * sizeof *y);
    for (size_t i = 0; i < count; i++) {
        int32_t key = call->in[0].dtype == DTYPE_STRING
                          ? find_text(table, ((const struct bytes *)call->in[0].data)[i])
                          : find_number(table, ((const double *)call->in[0].data)[i]);

        if (key < 0) {
            if (known_only)
                return refuse(call, i, err);
            key = unknown;
        }
        if (rows)
            memcpy(y + i * width, (const double *)rows->data + (size_t)key * width,
                   width * sizeof *y);
        else if (positions[key] >= 0)
            y[i * width + (size_t)positions[key]] = 1;
    }
    return STATUS_OK;
}

const struct op_set ops_firn_lookup = OP_SET({.name = "Lookup",
                                              .summary = "the row of a table that belongs to a key",
                                              .flags = OP_ROWS,
                                              .in_min = 1,
                                              .in_max = 1,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .prepare = prepare,
                                              .run = run});
