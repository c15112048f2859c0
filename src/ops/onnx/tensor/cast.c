// SPDX-License-Identifier: Apache-2.0
/* Cast to the type of an attribute, CastLike to that of another tensor. */
#include "ops/kernels/cast.h"

#include "base/text.h"
#include "ops/kernels/call.h"

/* Before opset 6 the attribute is a name: "FLOAT". */
static const char *const NAMES[] = {
    NULL,   "FLOAT",   "UINT8",  "INT8",   "UINT16", "INT16",     "INT32",      "INT64",   "STRING",
    "BOOL", "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"};

static enum status cast_dtype(const struct op_call *call, enum dtype *dtype, struct error *err)
{
    const struct attribute *to = attribute_find(call->attributes, "to");
    char quoted[TEXT_QUOTE_SIZE];

    *dtype = DTYPE_NONE;
    if (!to)
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute to is missing");
    if (to->kind == ATTRIBUTE_INT) {
        *dtype = dtype_from_onnx(to->i);
        if (!*dtype)
            return op_error(call, err, STATUS_UNSUPPORTED, "to type %lld", (long long)to->i);
        return STATUS_OK;
    }
    if (to->kind != ATTRIBUTE_STRING)
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute to is no type");
    for (size_t i = 1; i < ARRAY_COUNT(NAMES); i++)
        if (bytes_is(to->s, NAMES[i]))
            *dtype = dtype_from_onnx((int64_t)i);
    if (!*dtype)
        return op_error(call, err, STATUS_UNSUPPORTED, "to type \"%s\"",
                        text_quote(to->s, quoted, sizeof quoted));
    return STATUS_OK;
}

/* round_mode, for float8e8m0 alone */
static enum status rounding_of(const struct op_call *call, enum cast_rounding *rounding,
                               struct error *err)
{
    *rounding = CAST_UP;
    if (attribute_is(call->attributes, "round_mode", "down"))
        *rounding = CAST_DOWN;
    else if (attribute_is(call->attributes, "round_mode", "nearest"))
        *rounding = CAST_NEAREST;
    else if (attribute_find(call->attributes, "round_mode") &&
             !attribute_is(call->attributes, "round_mode", "up"))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "round_mode is neither up, down nor nearest");
    return STATUS_OK;
}

static enum status infer_to(struct op_call *call, enum dtype to, struct error *err)
{
    enum cast_rounding rounding;

    TRY(rounding_of(call, &rounding, err));
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (!cast_is_known(call->in[0].dtype, to))
        return op_error(call, err, STATUS_UNSUPPORTED, "from %s to %s",
                        dtype_name(call->in[0].dtype), dtype_name(to));
    op_give(call, 0, to, &call->in[0].shape);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    enum dtype to;

    TRY(cast_dtype(call, &to, err));
    return infer_to(call, to, err);
}

static enum status infer_like(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 1, DTYPES_ANY, err));
    return infer_to(call, call->in[1].dtype, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool saturate = attribute_int(call->attributes, "saturate", 1);
    enum dtype from = call->in[0].dtype;
    enum cast_rounding rounding;

    TRY(rounding_of(call, &rounding, err));
    if (call->out[0].dtype == DTYPE_F8E8M0 && from != DTYPE_F8E8M0 && from != DTYPE_STRING) {
        cast_powers(&call->in[0], &call->out[0], saturate, rounding);
        return STATUS_OK;
    }
    if (cast_tensor(&call->in[0], &call->out[0], saturate, call->memory, err))
        return error_within(err, "%s", call->op->name);
    return STATUS_OK;
}

/* --- BitCast: the same bytes as another type of the same size --- */

static enum status infer_bits(struct op_call *call, struct error *err)
{
    enum dtype to, from = call->in[0].dtype;

    TRY(op_wants(call, 0, DTYPES_ANY & ~DTYPE_BIT(DTYPE_STRING), err));
    TRY(cast_dtype(call, &to, err));
    if (dtype_size(from) != dtype_size(to) || (from == DTYPE_BOOL) < (to == DTYPE_BOOL))
        return op_error(call, err, STATUS_UNSUPPORTED, "from %s to %s", dtype_name(from),
                        dtype_name(to));
    op_give(call, 0, to, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_bits(const struct op_call *call, struct error *err)
{
    (void)err;
    if (call->out[0].data != call->in[0].data && tensor_count(&call->in[0]))
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    return STATUS_OK;
}

const struct op_set ops_onnx_cast = OP_SET({.name = "Cast",
                                            .summary = "to another element type",
                                            .flags = OP_ROWS,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer,
                                            .run = run},
                                           {.name = "CastLike",
                                            .summary = "to the element type of another tensor",
                                            .flags = OP_ROWS,
                                            .in_min = 2,
                                            .in_max = 2,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_like,
                                            .run = run},
                                           {.name = "BitCast",
                                            .summary = "the same bits as another type",
                                            .flags = OP_VIEW | OP_ROWS,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_bits,
                                            .run = run_bits});
