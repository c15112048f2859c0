// SPDX-License-Identifier: Apache-2.0
/* TableFind: the value that belongs to each key, or the default.
 *
 * Inputs: keys to look up, any shape S; default: one value, or as many as the output has.
 * Attributes: keys, tensor (k,) of the dtype of input 0; values, tensor (k, W...); of equal keys
 * the last counts; forbidden, tensor (f,) or scalar: keys that nobody may ask for. Output: S W...
 * of the dtype of the values. */
#include <string.h>

#include "ops/kernels/call.h"
#include "ops/kernels/ml/categories.h"

#define KEYS (DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL) | DTYPE_BIT(DTYPE_STRING))

/* Elements of one value. */
static size_t width_of(const struct tensor *values)
{
    return shape_span(&values->shape, 1, values->shape.rank);
}

static enum status default_check(const struct op_call *call, const struct tensor *values,
                                 struct error *err)
{
    const struct tensor *otherwise = &call->in[1];
    size_t count;

    TRY(op_wants(call, 1, DTYPE_BIT(values->dtype), err));
    if (!shape_is_known(&otherwise->shape) || !shape_is_known(&call->out[0].shape))
        return STATUS_OK;
    count = shape_count(&otherwise->shape);
    if (count == 1 || count == width_of(values) || count == shape_count(&call->out[0].shape))
        return STATUS_OK;
    return op_error(call, err, STATUS_INVALID_INPUT, "a default of %zu elements", count);
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct tensor *keys = attribute_tensor(call->attributes, "keys");
    const struct tensor *values = attribute_tensor(call->attributes, "values");
    const struct tensor *forbidden = attribute_tensor(call->attributes, "forbidden");
    struct shape out = call->in[0].shape;

    if (keys && forbidden && forbidden->dtype != keys->dtype)
        return op_error(call, err, STATUS_INVALID_INPUT, "forbidden keys of another dtype");
    if (!keys || !values || keys->shape.rank != 1 || values->shape.rank < 1 ||
        values->shape.dims[0] != keys->shape.dims[0] || !(DTYPE_BIT(keys->dtype) & KEYS))
        return op_error(call, err, STATUS_INVALID_INPUT, "keys and values are no table");
    TRY(op_wants(call, 0, DTYPE_BIT(keys->dtype), err));
    TRY(op_wants_rank(call, 0, 0, RANK_MAX - values->shape.rank + 1, err));
    for (int i = 1; out.rank >= 0 && i < values->shape.rank; i++)
        out.dims[out.rank++] = values->shape.dims[i];
    op_give(call, 0, values->dtype, &out);
    return default_check(call, values, err);
}

struct table {
    struct categories keys, forbidden;
};

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    const struct tensor *forbidden = attribute_tensor(call->attributes, "forbidden");
    struct table *table = arena_new(keep, struct table, 1);

    if (!table)
        return error_no_memory(err, "a table");
    TRY(categories_new(&table->keys, attribute_tensor(call->attributes, "keys"), keep, err));
    if (forbidden)
        TRY(categories_new(&table->forbidden, forbidden, keep, err));
    call->state = table;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *values = attribute_tensor(call->attributes, "values");
    size_t count = tensor_count(&call->in[0]), width = width_of(values);
    size_t element = dtype_size(values->dtype), size = width * element;
    size_t defaults = tensor_count(&call->in[1]);
    const uint8_t *otherwise = call->in[1].data;
    const struct table *table = call->state;
    uint8_t *y = call->out[0].data;

    for (size_t i = 0; i < count; i++, y += size) {
        int64_t key = categories_find(&table->keys, &call->in[0], i);

        if (table->forbidden.count && categories_find(&table->forbidden, &call->in[0], i) >= 0)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "element %zu is a key that the table reserves", i);
        if (key >= 0)
            memcpy(y, (const uint8_t *)values->data + (size_t)key * size, size);
        else if (defaults == count * width && defaults != width)
            memcpy(y, otherwise + i * size, size);
        else if (defaults == width)
            memcpy(y, otherwise, size);
        else
            for (size_t k = 0; k < width; k++)
                memcpy(y + k * element, otherwise, element);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_table_find = OP_SET({.name = "TableFind",
                                                  .summary = "the value of each key in a table",
                                                  .flags = OP_ROWS,
                                                  .in_min = 2,
                                                  .in_max = 2,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .infer = infer,
                                                  .prepare = prepare,
                                                  .run = run});
