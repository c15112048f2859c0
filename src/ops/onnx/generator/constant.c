// SPDX-License-Identifier: Apache-2.0
/* Constant: a tensor held by one of the attributes value, value_int, value_ints, value_float,
 * value_floats, value_string, value_strings, or sparse_value, which the importer makes dense. */
#include "ops/op.h"

static const char *const NAMES[] = {"value",         "value_int",    "value_ints",
                                    "value_float",   "value_floats", "value_string",
                                    "value_strings", "sparse_value"};

static const struct attribute *value_of(const struct op_call *call)
{
    const struct attribute *found = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(NAMES) && !found; i++)
        found = attribute_find(call->attributes, NAMES[i]);
    return found;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct attribute *value = value_of(call);
    struct tensor *out = &call->out[0];

    if (!value)
        return op_error(call, err, STATUS_UNSUPPORTED, "has no value");
    out->shape = SHAPE((int64_t)value->count);
    switch (value->kind) {
    case ATTRIBUTE_TENSOR:
        out->dtype = value->t->dtype;
        out->shape = value->t->shape;
        break;
    case ATTRIBUTE_INT:
        out->shape = shape_scalar();
        out->dtype = DTYPE_I64;
        break;
    case ATTRIBUTE_INTS:
        out->dtype = DTYPE_I64;
        break;
    case ATTRIBUTE_FLOAT:
        out->shape = shape_scalar();
        out->dtype = DTYPE_F32;
        break;
    case ATTRIBUTE_FLOATS:
        out->dtype = DTYPE_F32;
        break;
    case ATTRIBUTE_STRING:
        out->shape = shape_scalar();
        out->dtype = DTYPE_STRING;
        break;
    case ATTRIBUTE_STRINGS:
        out->dtype = DTYPE_STRING;
        break;
    default:
        return op_error(call, err, STATUS_UNSUPPORTED, "attribute %s is not a value", value->name);
    }
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct attribute *value = value_of(call);
    struct tensor *out = &call->out[0];

    (void)err;
    switch (value->kind) {
    case ATTRIBUTE_TENSOR:
        memcpy(out->data, value->t->data, tensor_bytes(out));
        break;
    case ATTRIBUTE_INT:
        *(int64_t *)out->data = value->i;
        break;
    case ATTRIBUTE_INTS:
        memcpy(out->data, value->ints, tensor_bytes(out));
        break;
    case ATTRIBUTE_FLOAT:
        *(float *)out->data = (float)value->f;
        break;
    case ATTRIBUTE_FLOATS:
        for (size_t i = 0; i < value->count; i++)
            ((float *)out->data)[i] = (float)value->floats[i];
        break;
    case ATTRIBUTE_STRING:
        *(struct bytes *)out->data = value->s;
        break;
    default:
        memcpy(out->data, value->strings, tensor_bytes(out));
        break;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_constant = OP_SET({
    .name = "Constant",
    .summary = "a tensor that is part of the model",
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
});
