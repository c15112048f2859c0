// SPDX-License-Identifier: Apache-2.0
/* Optionals: a tensor or a sequence, or nothing. */
#include "ops/kernels/container.h"

static enum status optional_infer(struct op_call *call, struct error *err)
{
    const struct attribute *type = attribute_find(call->attributes, "type");
    struct tensor element;

    if (!op_has(call, 0)) {
        if (!type || type->kind != ATTRIBUTE_TYPE)
            return op_error(call, err, STATUS_INVALID_INPUT, "neither an input nor a type");
        element = *type->t;
    } else {
        element = call->in[0];
    }
    if (element.dtype == DTYPE_OPTIONAL)
        return op_error(call, err, STATUS_INVALID_INPUT, "an optional of an optional");
    return op_give_container(call, 0, DTYPE_OPTIONAL, &element, err);
}

static enum status optional_run(const struct op_call *call, struct error *err)
{
    struct sequence *made = call->out[0].data;

    *made = (struct sequence){0};
    if (!op_has(call, 0))
        return STATUS_OK;
    return sequence_insert(made, 0, &call->in[0], false, made, call->memory, err);
}

static enum status has_infer(struct op_call *call, struct error *err)
{
    struct shape scalar = shape_scalar();

    (void)err;
    op_give(call, 0, DTYPE_BOOL, &scalar);
    return STATUS_OK;
}

static enum status has_run(const struct op_call *call, struct error *err)
{
    (void)err;
    *(bool *)call->out[0].data = op_has(call, 0) && (call->in[0].dtype != DTYPE_OPTIONAL ||
                                                     tensor_sequence(&call->in[0])->count);
    return STATUS_OK;
}

/* A tensor or a sequence (opset 18) is its own element. */
static const struct tensor *held(const struct op_call *call)
{
    const struct sequence *known;

    if (call->in[0].dtype != DTYPE_OPTIONAL)
        return &call->in[0];
    known = tensor_sequence(&call->in[0]);
    return !known ? call->in[0].element : known->count ? &known->items[0] : NULL;
}

static enum status get_infer(struct op_call *call, struct error *err)
{
    const struct tensor *element = held(call);

    /* What is known to be empty may still stand in a branch that is not taken. */
    return op_give_element(call, 0, element ? element : call->in[0].element, err);
}

static enum status get_run(const struct op_call *call, struct error *err)
{
    const struct tensor *element = held(call);

    if (!element || !element->data)
        return op_error(call, err, STATUS_INVALID_INPUT, "the optional is empty");
    return op_copy(call, element, err);
}

const struct op_set ops_onnx_optional = OP_SET({.name = "Optional",
                                                .summary = "a tensor or sequence, or nothing",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 0,
                                                .in_max = 1,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = optional_infer,
                                                .run = optional_run},
                                               {.name = "OptionalHasElement",
                                                .summary = "whether there is something",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 0,
                                                .in_max = 1,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = has_infer,
                                                .run = has_run},
                                               {.name = "OptionalGetElement",
                                                .summary = "what an optional holds",
                                                .flags = OP_CONTAINERS,
                                                .in_min = 1,
                                                .in_max = 1,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = get_infer,
                                                .run = get_run});
