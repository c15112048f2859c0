// SPDX-License-Identifier: Apache-2.0
/* SparseCross: all combinations of the features of a row, one of each column; the last column
 * varies fastest.
 *
 * Inputs: indices, values, shape of each of `sparse` columns, in order of their rows; then dense
 * columns (rows, n). Values are STRING or I64. Outputs: indices (n, 2), values (n,), shape (2,).
 * Attributes: way "join": STRING, with separator between; "hash": I64, fingerprints put together
 * from key (keyed is 1) or from the first on (text alone), modulo buckets (0: the largest integer);
 * salt: two integers: the hash of each is SipHash. Source:
 * tensorflow/core/kernels/sparse_cross_op.cc. */
#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/hash/fingerprint.h"
#include "ops/kernels/call.h"

enum { COLUMNS_MAX = 64, CROSSES_MAX = 1 << 30 };

struct columns {
    size_t sparse, count, rows;
    size_t at[COLUMNS_MAX], features[COLUMNS_MAX]; /* of the row: where it begins, how many */
};

static size_t sparse_of(const struct op_call *call)
{
    return (size_t)attribute_int(call->attributes, "sparse", 0);
}

static bool is_hash(const struct op_call *call)
{
    return attribute_is(call->attributes, "way", "hash");
}

static const struct tensor *values_of(const struct op_call *call, const struct columns *columns,
                                      size_t k)
{
    return &call->in[k < columns->sparse ? 3 * k + 1 : 2 * columns->sparse + k];
}

static enum status columns_check(struct op_call *call, struct columns *columns, struct error *err)
{
    size_t sparse = sparse_of(call);

    if (sparse > COLUMNS_MAX || 3 * sparse > call->in_count ||
        call->in_count - 2 * sparse > COLUMNS_MAX || call->in_count == 0)
        return op_error(call, err, STATUS_UNSUPPORTED, "%zu inputs for %zu sparse columns",
                        call->in_count, sparse);
    *columns = (struct columns){.sparse = sparse, .count = call->in_count - 2 * sparse};
    for (size_t k = 0; k < columns->count; k++) {
        size_t at = k < sparse ? 3 * k + 1 : 2 * sparse + k;

        TRY(op_wants(call, at, DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, at, k < sparse ? 1 : 2, k < sparse ? 1 : 2, err));
        if (call->in[at].dtype == DTYPE_I64 && is_hash(call) &&
            !attribute_int(call->attributes, "keyed", 0))
            return op_error(call, err, STATUS_UNSUPPORTED, "numbers are hashed without a key");
        if (k >= sparse)
            continue;
        TRY(op_wants(call, 3 * k, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, 3 * k, 2, 2, err));
        TRY(op_wants(call, 3 * k + 2, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, 3 * k + 2, 1, 1, err));
    }
    return STATUS_OK;
}

/* As many rows in each column, and indices as values. */
static enum status rows_check(const struct op_call *call, struct columns *columns,
                              struct error *err)
{
    columns->rows = SIZE_MAX;
    for (size_t k = 0; k < columns->count; k++) {
        const struct tensor *values = values_of(call, columns, k);
        size_t rows = k < columns->sparse ? 0 : (size_t)values->shape.dims[0];

        if (k < columns->sparse) {
            const struct tensor *shape = &call->in[3 * k + 2];

            if (tensor_count(shape) != 2 || *(const int64_t *)shape->data < 0 ||
                call->in[3 * k].shape.dims[1] != 2 ||
                call->in[3 * k].shape.dims[0] != values->shape.dims[0])
                return op_error(call, err, STATUS_INVALID_INPUT, "column %zu is no matrix", k);
            rows = (size_t) * (const int64_t *)shape->data;
        }
        if (columns->rows != SIZE_MAX && columns->rows != rows)
            return op_error(call, err, STATUS_INVALID_INPUT, "columns of %zu and %zu rows",
                            columns->rows, rows);
        columns->rows = rows;
    }
    memset(columns->at, 0, sizeof columns->at);
    memset(columns->features, 0, sizeof columns->features);
    return STATUS_OK;
}

/* On to a row: where its features are, and how many combinations there are. */
static enum status row_enter(const struct op_call *call, struct columns *columns, size_t row,
                             size_t *crosses, struct error *err)
{
    *crosses = 1;
    for (size_t k = 0; k < columns->count; k++) {
        const struct tensor *indices = &call->in[3 * k];
        size_t end;

        if (k >= columns->sparse) {
            columns->features[k] = (size_t)values_of(call, columns, k)->shape.dims[1];
            columns->at[k] = row * columns->features[k];
        } else {
            end = columns->at[k] += columns->features[k];
            while (end < (size_t)indices->shape.dims[0] &&
                   ((const int64_t *)indices->data)[2 * end] == (int64_t)row)
                end++;
            columns->features[k] = end - columns->at[k];
        }
        if (!checked_multiply(*crosses, columns->features[k], crosses) || *crosses > CROSSES_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "row %zu has too many combinations", row);
    }
    return STATUS_OK;
}

/* All features were met: rows in order, none beyond. */
static enum status all_met(const struct op_call *call, const struct columns *columns,
                           struct error *err)
{
    for (size_t k = 0; k < columns->sparse; k++)
        if (columns->at[k] + columns->features[k] != (size_t)call->in[3 * k].shape.dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "column %zu has rows out of order or beyond its shape", k);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape indices = SHAPE(DIM_UNKNOWN, 2), values = SHAPE(DIM_UNKNOWN), shape = SHAPE(2);
    struct columns columns;
    bool known = true;
    size_t crosses, total = 0;

    TRY(columns_check(call, &columns, err));
    for (size_t i = 0; i < call->in_count; i++)
        known = known && op_is_known(call, i);
    if (known) {
        TRY(rows_check(call, &columns, err));
        for (size_t row = 0; row < columns.rows; row++) {
            TRY(row_enter(call, &columns, row, &crosses, err));
            total += crosses;
            if (total > CROSSES_MAX)
                return op_error(call, err, STATUS_TOO_LARGE, "too many combinations");
        }
        TRY(all_met(call, &columns, err));
        indices.dims[0] = values.dims[0] = (int64_t)total;
    }
    op_give(call, 0, DTYPE_I64, &indices);
    op_give(call, 1, is_hash(call) ? DTYPE_I64 : DTYPE_STRING, &values);
    op_give(call, 2, DTYPE_I64, &shape);
    return STATUS_OK;
}

/* --- one combination: feature pick[k] of each column --- */

static uint64_t hash_of(const struct op_call *call, const struct tensor *values, size_t i)
{
    size_t count;
    const int64_t *salt = attribute_ints(call->attributes, "salt", &count);
    struct bytes text;

    if (values->dtype == DTYPE_I64)
        return (uint64_t)((const int64_t *)values->data)[i];
    text = ((const struct bytes *)values->data)[i];
    return count == 2 ? fingerprint_sip64(text, (uint64_t)salt[0], (uint64_t)salt[1])
                      : fingerprint_farm64(text);
}

static int64_t hash(const struct op_call *call, const struct columns *columns, const size_t *pick)
{
    uint64_t buckets = (uint64_t)attribute_int(call->attributes, "buckets", 0);
    bool keyed = attribute_int(call->attributes, "keyed", 0);
    uint64_t all = (uint64_t)attribute_int(call->attributes, "key", 0);

    for (size_t k = 0; k < columns->count; k++) {
        uint64_t one = hash_of(call, values_of(call, columns, k), columns->at[k] + pick[k]);

        all = k || keyed ? fingerprint_join(all, one) : one;
    }
    return (int64_t)(all % (buckets ? buckets : (uint64_t)INT64_MAX));
}

static struct bytes text_of(const struct tensor *values, size_t i, char room[24])
{
    if (values->dtype == DTYPE_STRING)
        return ((const struct bytes *)values->data)[i];
    snprintf(room, 24, "%" PRId64, ((const int64_t *)values->data)[i]);
    return bytes_of(room);
}

static enum status join(const struct op_call *call, const struct columns *columns,
                        const size_t *pick, struct bytes *out, struct error *err)
{
    struct bytes separator = attribute_string(call->attributes, "separator", "");
    size_t size = 1, used = 0;
    uint8_t *data;
    char room[24];

    for (size_t k = 0; k < columns->count; k++)
        size += separator.size +
                text_of(values_of(call, columns, k), columns->at[k] + pick[k], room).size;
    data = arena_new(call->memory, uint8_t, size);
    if (!data)
        return error_no_memory(err, "strings");
    for (size_t k = 0; k < columns->count; k++) {
        struct bytes part = text_of(values_of(call, columns, k), columns->at[k] + pick[k], room);

        if (k && separator.size) {
            memcpy(data + used, separator.data, separator.size);
            used += separator.size;
        }
        if (part.size)
            memcpy(data + used, part.data, part.size);
        used += part.size;
    }
    *out = (struct bytes){data, used};
    return STATUS_OK;
}

static void pick_next(const struct columns *columns, size_t *pick)
{
    for (size_t k = columns->count; k-- > 0;) {
        if (++pick[k] < columns->features[k])
            return;
        pick[k] = 0;
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t sparse = sparse_of(call), used = 0, crosses, longest = 0;
    struct columns columns = {.sparse = sparse, .count = call->in_count - 2 * sparse};
    int64_t *indices = call->out[0].data;

    TRY(rows_check(call, &columns, err));
    for (size_t row = 0; row < columns.rows; row++) {
        size_t pick[COLUMNS_MAX] = {0};

        TRY(row_enter(call, &columns, row, &crosses, err));
        for (size_t i = 0; i < crosses; i++, used++) {
            indices[2 * used] = (int64_t)row;
            indices[2 * used + 1] = (int64_t)i;
            if (is_hash(call))
                ((int64_t *)call->out[1].data)[used] = hash(call, &columns, pick);
            else
                TRY(join(call, &columns, pick, (struct bytes *)call->out[1].data + used, err));
            pick_next(&columns, pick);
        }
        longest = crosses > longest ? crosses : longest;
    }
    ((int64_t *)call->out[2].data)[0] = (int64_t)columns.rows;
    ((int64_t *)call->out[2].data)[1] = (int64_t)longest;
    return STATUS_OK;
}

const struct op_set ops_firn_sparse_cross =
    OP_SET({.name = "SparseCross",
            .summary = "combinations of the features of a row",
            .in_min = 1,
            .in_max = OP_INPUTS_ANY,
            .out_min = 3,
            .out_max = 3,
            .infer = infer,
            .run = run});
