// SPDX-License-Identifier: Apache-2.0
/* LabelEncoder (keys and values of any type) and CategoryMapper (strings to integers or back). */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/ml/categories.h"

struct encoder {
    struct tensor keys, values; /* (n,) */
    const void *otherwise;      /* one value */
};

struct encoder_state {
    struct encoder encoder;
    struct categories categories;
};

/* A list attribute as a tensor: PREFIX_strings, PREFIX_int64s, PREFIX_floats or PREFIX_tensor.
 * float32 lists are held as double. */
static bool list_attribute(const struct op_call *call, const char *const names[4],
                           struct tensor *list)
{
    const struct tensor *tensor = attribute_tensor(call->attributes, names[3]);
    size_t count;
    const void *data;

    if (tensor) {
        *list = *tensor;
        return true;
    }
    *list = (struct tensor){.shape = {.rank = 1}};
    if ((data = attribute_strings(call->attributes, names[0], &count)))
        list->dtype = DTYPE_STRING;
    else if ((data = attribute_ints(call->attributes, names[1], &count)))
        list->dtype = DTYPE_I64;
    else if ((data = attribute_floats(call->attributes, names[2], &count)))
        list->dtype = DTYPE_F64;
    else
        return false;
    list->shape.dims[0] = (int64_t)count;
    list->data = (void *)data;
    return true;
}

static const char *const KEYS[] = {"keys_strings", "keys_int64s", "keys_floats", "keys_tensor"};
static const char *const VALUES[] = {"values_strings", "values_int64s", "values_floats",
                                     "values_tensor"};
static const char *const CLASSES[] = {"classes_strings", "", "", ""};
static const char *const CATS_STRINGS[] = {"cats_strings", "", "", ""};
static const char *const CATS_INTS[] = {"", "cats_int64s", "", ""};

/* The value for keys that are not there, in `room` when it is not an attribute. */
union otherwise {
    struct bytes s;
    int64_t i;
    double f;
};

static const void *default_value(const struct op_call *call, enum dtype dtype,
                                 union otherwise *room)
{
    const struct tensor *tensor = attribute_tensor(call->attributes, "default_tensor");

    if (tensor && tensor->dtype == dtype && tensor_count(tensor) == 1)
        return tensor->data;
    if (dtype == DTYPE_STRING)
        room->s = attribute_string(call->attributes, "default_string", "_Unused");
    else if (dtype == DTYPE_I64)
        room->i = attribute_int(call->attributes, "default_int64", -1);
    else if (dtype_is_float(dtype))
        tensor_set_f64(&(struct tensor){dtype, shape_scalar(), room}, 0,
                       attribute_float(call->attributes, "default_float", -0.0));
    else
        tensor_set_f64(&(struct tensor){dtype, shape_scalar(), room}, 0,
                       (double)attribute_int(call->attributes, "default_int64", -1));
    return room;
}

/* Keys and values for this operator, version and input. Integer keys that stand for their own place
 * (the old form, int to string) have no data. */
static enum status encoder_of(const struct op_call *call, struct encoder *encoder,
                              struct error *err)
{
    bool to_string = call->in[0].dtype == DTYPE_I64, is_mapper, found;
    struct tensor *text = to_string ? &encoder->values : &encoder->keys;
    struct tensor *number = to_string ? &encoder->keys : &encoder->values;

    is_mapper = !strcmp(call->op->name, "CategoryMapper");
    if (is_mapper || attribute_find(call->attributes, "classes_strings")) {
        TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_I64), err));
        found = list_attribute(call, is_mapper ? CATS_STRINGS : CLASSES, text);
        *number = (struct tensor){DTYPE_I64, text->shape, NULL};
        found = found && (!is_mapper || list_attribute(call, CATS_INTS, number));
    } else {
        found = list_attribute(call, KEYS, &encoder->keys) &&
                list_attribute(call, VALUES, &encoder->values);
        if (found && (encoder->keys.dtype == DTYPE_STRING) != (call->in[0].dtype == DTYPE_STRING))
            return op_error(call, err, STATUS_INVALID_INPUT, "keys are %s, the input %s",
                            dtype_name(encoder->keys.dtype), dtype_name(call->in[0].dtype));
        if (found && dtype_is_float(encoder->keys.dtype) != dtype_is_float(call->in[0].dtype))
            return op_error(call, err, STATUS_INVALID_INPUT, "keys are %s, the input %s",
                            dtype_name(encoder->keys.dtype), dtype_name(call->in[0].dtype));
    }
    if (!found)
        return op_error(call, err, STATUS_INVALID_INPUT, "keys or values are missing");
    if (tensor_count(&encoder->keys) != tensor_count(&encoder->values))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu keys for %zu values",
                        tensor_count(&encoder->keys), tensor_count(&encoder->values));
    return STATUS_OK;
}

/* Lists of floats are held as double, but mean float32. */
static enum dtype result_dtype(const struct op_call *call, const struct encoder *encoder)
{
    if (encoder->values.dtype == DTYPE_F64 && !attribute_tensor(call->attributes, "values_tensor"))
        return DTYPE_F32;
    return encoder->values.dtype;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct encoder encoder;

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_BOOL), err));
    TRY(encoder_of(call, &encoder, err));
    op_give(call, 0, result_dtype(call, &encoder), &call->in[0].shape);
    return STATUS_OK;
}

/* Integers 0 .. n - 1, where they are implied. */
static enum status count_up(struct tensor *list, struct arena *keep, struct error *err)
{
    size_t count = tensor_count(list);

    if (list->data || count == 0)
        return STATUS_OK;
    TRY(tensor_new(list, DTYPE_I64, &list->shape, keep, err));
    for (size_t i = 0; i < count; i++)
        ((int64_t *)list->data)[i] = (int64_t)i;
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct encoder_state *state = arena_new(keep, struct encoder_state, 1);
    union otherwise *room = arena_new(keep, union otherwise, 1);
    struct tensor values;

    if (!state || !room)
        return error_no_memory(err, "an encoder");
    TRY(encoder_of(call, &state->encoder, err));
    TRY(count_up(&state->encoder.keys, keep, err));
    TRY(count_up(&state->encoder.values, keep, err));
    values = state->encoder.values;
    if (values.dtype != result_dtype(call, &state->encoder)) {
        TRY(tensor_new(&state->encoder.values, DTYPE_F32, &values.shape, keep, err));
        for (size_t i = 0; i < tensor_count(&values); i++)
            tensor_set_f64(&state->encoder.values, i, tensor_f64(&values, i));
    }
    state->encoder.otherwise = default_value(call, state->encoder.values.dtype, room);
    TRY(categories_new(&state->categories, &state->encoder.keys, keep, err));
    call->state = state;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct encoder_state *state = call->state;
    const struct tensor *x = &call->in[0], *values = &state->encoder.values;
    size_t count = tensor_count(x), size = dtype_size(values->dtype);
    char *y = call->out[0].data;

    /* before version 4 a NaN was no key, not even where one is among them */
    bool skips_nan = op_before(call, 4) && dtype_is_float(x->dtype);

    (void)err;
    for (size_t i = 0; i < count; i++) {
        int64_t at =
            skips_nan && isnan(tensor_f64(x, i)) ? -1 : categories_find(&state->categories, x, i);

        memcpy(y + i * size,
               at < 0 ? state->encoder.otherwise : (const char *)values->data + (size_t)at * size,
               size);
    }
    return STATUS_OK;
}

#define ROW(op, text)                                                                              \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS, .in_min = 1, .in_max = 1, .out_min = 1,     \
        .out_max = 1, .infer = infer, .prepare = prepare, .run = run                               \
    }

const struct op_set ops_ml_label_encoder =
    OP_SET(ROW("LabelEncoder", "each element to the value of its key"),
           ROW("CategoryMapper", "strings to integers, or back"));
