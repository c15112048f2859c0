// SPDX-License-Identifier: Apache-2.0
/* OneHotEncoder: a dimension with a 1 at the category's place. */
#include "ops/kernels/call.h"
#include "ops/kernels/ml/categories.h"

static enum status keys_of(const struct op_call *call, struct tensor *keys, struct error *err)
{
    size_t count;
    const struct bytes *strings = attribute_strings(call->attributes, "cats_strings", &count);
    const void *data = strings;

    if (!strings || count == 0)
        data = attribute_ints(call->attributes, "cats_int64s", &count);
    *keys = (struct tensor){data == strings ? DTYPE_STRING : DTYPE_I64,
                            {.rank = 1, .dims = {(int64_t)count}},
                            (void *)data};
    if (!data || count == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "there are no categories");
    if ((keys->dtype == DTYPE_STRING) != (call->in[0].dtype == DTYPE_STRING))
        return op_error(call, err, STATUS_INVALID_INPUT, "categories are %s, the input %s",
                        dtype_name(keys->dtype), dtype_name(call->in[0].dtype));
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    struct tensor keys;

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 0, RANK_MAX - 1, err));
    TRY(keys_of(call, &keys, err));
    if (out.rank >= 0)
        out.dims[out.rank++] = keys.shape.dims[0];
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct categories *categories = arena_new(keep, struct categories, 1);
    struct tensor keys;

    if (!categories)
        return error_no_memory(err, "categories");
    TRY(keys_of(call, &keys, err));
    TRY(categories_new(categories, &keys, keep, err));
    call->state = categories;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct categories *categories = call->state;
    bool zeros = attribute_int(call->attributes, "zeros", 1);
    size_t count = tensor_count(&call->in[0]);
    float *y = call->out[0].data;

    if (count)
        memset(y, 0, tensor_bytes(&call->out[0]));
    for (size_t i = 0; i < count; i++) {
        int64_t at = categories_find(categories, &call->in[0], i);

        if (at < 0 && !zeros)
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is no known category", i);
        if (at >= 0)
            y[i * categories->count + (size_t)at] = 1;
    }
    return STATUS_OK;
}

const struct op_set ops_ml_one_hot_encoder = OP_SET({.name = "OneHotEncoder",
                                                     .summary = "a 1 at the category's place",
                                                     .flags = OP_ROWS,
                                                     .in_min = 1,
                                                     .in_max = 1,
                                                     .out_min = 1,
                                                     .out_max = 1,
                                                     .infer = infer,
                                                     .prepare = prepare,
                                                     .run = run});
