// SPDX-License-Identifier: Apache-2.0
/* Sequences: made, read and changed. A sequence never changes: to insert gives a new one, which
 * shares the items. */
#include "ops/kernels/container.h"

#define DTYPES_POSITION (DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64))

static struct sequence *result(const struct op_call *call)
{
    return call->out[0].data;
}

static enum status wants_sequence(const struct op_call *call, size_t input, struct error *err)
{
    return op_wants(call, input, DTYPE_BIT(DTYPE_SEQUENCE), err);
}

static enum status wants_position(const struct op_call *call, size_t input, struct error *err)
{
    if (op_has(call, input))
        TRY(op_wants(call, input, DTYPES_POSITION, err));
    return STATUS_OK;
}

/* --- SequenceEmpty, SequenceConstruct --- */

static enum status empty_infer(struct op_call *call, struct error *err)
{
    int64_t code = attribute_int(call->attributes, "dtype", 1);
    struct tensor element = {.dtype = dtype_from_onnx(code), .shape = shape_unknown()};

    if (element.dtype == DTYPE_NONE)
        return op_error(call, err, STATUS_UNSUPPORTED, "element type %lld", (long long)code);
    return op_give_container(call, 0, DTYPE_SEQUENCE, &element, err);
}

static enum status empty_run(const struct op_call *call, struct error *err)
{
    (void)err;
    *result(call) = (struct sequence){0};
    return STATUS_OK;
}

static enum status construct_infer(struct op_call *call, struct error *err)
{
    struct tensor element = call->in[0];

    element.data = NULL;
    for (size_t i = 0; i < call->in_count; i++) {
        TRY(op_wants(call, i, DTYPES_ANY, err));
        TRY(op_wants_same(call, 0, i, err));
        if (!element_merge(&element, &call->in[i], &element, call->memory))
            return error_no_memory(err, "a sequence");
    }
    return op_give_container(call, 0, DTYPE_SEQUENCE, &element, err);
}

static enum status construct_run(const struct op_call *call, struct error *err)
{
    struct sequence made = {0};

    for (size_t i = 0; i < call->in_count; i++)
        TRY(sequence_insert(&made, i, &call->in[i], false, &made, call->memory, err));
    *result(call) = made;
    return STATUS_OK;
}

/* --- SequenceInsert, SequenceErase --- */

static enum status insert_infer(struct op_call *call, struct error *err)
{
    const struct tensor *held = call->in[0].element;
    struct tensor element = call->in[1];
    const struct sequence *known = op_sequence(call, 0);

    TRY(wants_sequence(call, 0, err));
    TRY(op_wants(call, 1, DTYPES_ANY, err));
    TRY(wants_position(call, 2, err));
    element.data = NULL;
    if (held && held->dtype != element.dtype)
        return op_error(call, err, STATUS_INVALID_INPUT, "a %s into a sequence of %s",
                        dtype_name(element.dtype), dtype_name(held->dtype));
    if (held && !(known && !known->count) && !element_merge(held, &element, &element, call->memory))
        return error_no_memory(err, "a sequence");
    return op_give_container(call, 0, DTYPE_SEQUENCE, &element, err);
}

static enum status insert_run(const struct op_call *call, struct error *err)
{
    const struct sequence *from = tensor_sequence(&call->in[0]);
    size_t at = from->count;

    if (op_has(call, 2))
        TRY(op_position(call, 2, from->count, 1, &at, err));
    return sequence_insert(from, at, &call->in[1], false, result(call), call->memory, err);
}

static enum status erase_infer(struct op_call *call, struct error *err)
{
    TRY(wants_sequence(call, 0, err));
    TRY(wants_position(call, 1, err));
    return op_give_container(call, 0, DTYPE_SEQUENCE, call->in[0].element, err);
}

static enum status erase_run(const struct op_call *call, struct error *err)
{
    const struct sequence *from = tensor_sequence(&call->in[0]);
    size_t at = from->count - 1;

    if (!from->count)
        return op_error(call, err, STATUS_INVALID_INPUT, "the sequence is empty");
    if (op_has(call, 1))
        TRY(op_position(call, 1, from->count, 0, &at, err));
    return sequence_erase(from, at, result(call), call->memory, err);
}

/* --- SequenceAt, SequenceLength --- */

static enum status at_infer(struct op_call *call, struct error *err)
{
    const struct sequence *known = op_sequence(call, 0);
    size_t at;

    TRY(wants_sequence(call, 0, err));
    TRY(op_wants(call, 1, DTYPES_POSITION, err));
    if (!known || !op_is_known(call, 1))
        return op_give_element(call, 0, call->in[0].element, err);
    TRY(op_position(call, 1, known->count, 0, &at, err));
    return op_give_element(call, 0, &known->items[at], err);
}

static enum status at_run(const struct op_call *call, struct error *err)
{
    const struct sequence *from = tensor_sequence(&call->in[0]);
    size_t at;

    TRY(op_position(call, 1, from->count, 0, &at, err));
    return op_copy(call, &from->items[at], err);
}

static enum status length_infer(struct op_call *call, struct error *err)
{
    struct shape scalar = shape_scalar();

    TRY(wants_sequence(call, 0, err));
    op_give(call, 0, DTYPE_I64, &scalar);
    return STATUS_OK;
}

static enum status length_run(const struct op_call *call, struct error *err)
{
    (void)err;
    *(int64_t *)call->out[0].data = (int64_t)tensor_sequence(&call->in[0])->count;
    return STATUS_OK;
}

const struct op_set ops_onnx_sequence = OP_SET({.name = "SequenceEmpty",
                                                .summary = "a sequence without items",
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = empty_infer,
                                                .run = empty_run},
                                               {.name = "SequenceConstruct",
                                                .summary = "a sequence of the inputs",
                                                .in_min = 1,
                                                .in_max = OP_INPUTS_ANY,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = construct_infer,
                                                .run = construct_run},
                                               {.name = "SequenceInsert",
                                                .summary = "with one tensor more, at a position",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 2,
                                                .in_max = 3,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = insert_infer,
                                                .run = insert_run},
                                               {.name = "SequenceErase",
                                                .summary = "without the tensor at a position",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 1,
                                                .in_max = 2,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = erase_infer,
                                                .run = erase_run},
                                               {.name = "SequenceAt",
                                                .summary = "the tensor at a position",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 2,
                                                .in_max = 2,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = at_infer,
                                                .run = at_run},
                                               {.name = "SequenceLength",
                                                .summary = "how many tensors a sequence holds",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 1,
                                                .in_max = 1,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = length_infer,
                                                .run = length_run});
