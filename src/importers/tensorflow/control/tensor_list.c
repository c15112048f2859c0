// SPDX-License-Identifier: Apache-2.0
/* TensorList: arrays of tensors that are values. */
#include "importers/tensorflow/control/control.h"

/* --- shapes of elements --- */

/* What an input says of them: dimensions that are not known are -1, a scalar says nothing. */
static enum status element_of(const struct tf_call *c, size_t input, struct shape *element,
                              struct error *err)
{
    const struct tensor *known = tf_constant(c, input);
    const struct shape *shape;

    *element = shape_unknown();
    if (input >= c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    shape = emit_shape(c->e, c->in[input]);
    if (known && dtype_is_integer(known->dtype) && known->shape.rank == 1 &&
        known->shape.dims[0] < RANK_MAX) {
        element->rank = (int)known->shape.dims[0];
        for (int i = 0; i < element->rank; i++)
            element->dims[i] =
                tensor_i64(known, (size_t)i) < 0 ? DIM_UNKNOWN : tensor_i64(known, (size_t)i);
    } else if (!known && shape->rank == 1 && shape->dims[0] >= 0 && shape->dims[0] < RANK_MAX) {
        element->rank = (int)shape->dims[0];
        for (int i = 0; i < element->rank; i++)
            element->dims[i] = DIM_UNKNOWN;
    }
    return STATUS_OK;
}

static enum status list_of(struct tf_call *c, size_t input, const struct tf_list **list,
                           struct error *err)
{
    if (input >= c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    *list = tf_list_of(c->l, c->e->graph, c->in[input]);
    return *list ? STATUS_OK
                 : error_set(err, STATUS_UNSUPPORTED, "input %zu is no list that is known", input);
}

/* A list that was made of that of input 0. */
static enum status list_give(struct tf_call *c, value_id value, const struct tf_list *from,
                             struct error *err)
{
    struct shape element = from->element; /* `from` may move */

    TRY(tf_list_set(c->l, c->e->graph, value, &element, err));
    return tf_add(c, value, err);
}

/* The list of input 0 with elements as input `shape` says. */
static enum status list_fitted(struct tf_call *c, size_t shape, const struct tf_list **list,
                               value_id *value, struct error *err)
{
    struct shape element;

    TRY(list_of(c, 0, list, err));
    TRY(element_of(c, shape, &element, err));
    if (element.rank < 0)
        element = (*list)->element;
    return tf_list_fit(c->l, c->e, c->in[0], &element, value, err);
}

/* --- making --- */

static enum status make(struct tf_call *c, size_t shape, value_id length, struct error *err)
{
    value_id in[2] = {length, c->in[shape]}, list;
    struct attribute attribute;
    struct shape element;
    enum dtype dtype;

    TRY(tf_type(c->node, "element_dtype", &dtype, err));
    if (dtype == DTYPE_VARIANT) /* a ragged tensor (ragged_variant.c) */
        dtype = DTYPE_STRING;
    if (!dtype_to_onnx(dtype))
        return error_set(err, STATUS_UNSUPPORTED, "a list of %s", dtype_name(dtype));
    attribute = attribute_of_int("dtype", dtype_to_onnx(dtype));
    TRY(element_of(c, shape, &element, err));
    TRY(emit(c->e, "firn", "ListReserve", in, element.rank >= 0 ? 2 : 1, &attribute, 1, &list, 1,
             err));
    TRY(tf_list_set(c->l, c->e->graph, list, &element, err));
    return tf_give(c, list);
}

static enum status reserve(struct tf_call *c, struct error *err)
{
    return make(c, 0, c->in[1], err);
}

static enum status empty(struct tf_call *c, struct error *err)
{
    value_id none;

    TRY(emit_number(c->e, DTYPE_I32, 0, &none, err));
    return make(c, 0, none, err);
}

static enum status from_tensor(struct tf_call *c, struct error *err)
{
    struct shape element;
    value_id list;

    TRY(element_of(c, 1, &element, err));
    TRY(emit_1(c->e, "Identity", c->in[0], &list, err)); /* the tensor is no list */
    TRY(tf_list_set(c->l, c->e->graph, list, &element, err));
    return tf_give(c, list);
}

static enum status split(struct tf_call *c, struct error *err)
{
    struct shape element;
    value_id list;

    TRY(element_of(c, 1, &element, err));
    TRY(tf_list_split(c, c->in[0], 2, &list, err));
    TRY(tf_list_set(c->l, c->e->graph, list, &element, err));
    return tf_give(c, list);
}

/* tensor, indices, shape of elements, length: as long as the largest index asks for, or so long. */
static enum status scatter(struct tf_call *c, struct error *err)
{
    struct attribute dtype, grow = attribute_of_int("grow", 1);
    struct shape element;
    value_id length, list, in[3];
    int64_t known = -1;

    TRY(element_of(c, 2, &element, err));
    TRY(emit_number(c->e, DTYPE_I32, 0, &length, err));
    if (c->in_count > 3) {
        TRY(tf_known_int(c, 3, &known, err));
        length = known < 0 ? length : c->in[3];
        grow = attribute_of_int("grow", known < 0);
    }
    dtype = attribute_of_int("dtype", dtype_to_onnx(emit_dtype(c->e, c->in[0])));
    TRY(emit(c->e, "firn", "ListReserve", (const value_id[]){length}, 1, &dtype, 1, &list, 1, err));
    memcpy(in, (const value_id[]){list, c->in[1], c->in[0]}, sizeof in);
    TRY(emit(c->e, "firn", "ListScatter", in, 3, &grow, 1, &list, 1, err));
    TRY(tf_list_set(c->l, c->e->graph, list, &element, err));
    return tf_give(c, list);
}

/* --- changing --- */

static enum status set(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id y;
    bool grow;

    TRY(list_of(c, 0, &list, err));
    TRY(tf_bool(c->node, "resize_if_index_out_of_bounds", false, &grow, err));
    TRY(tf_list_write(c, c->in[0], 1, c->in[2], grow, &y, err));
    return list_give(c, y, list, err);
}

static enum status push(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id y;

    TRY(list_of(c, 0, &list, err));
    TRY(emit_node(c->e, "firn", "ListPush", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    return list_give(c, y, list, err);
}

static enum status pop(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id fitted, rest, last, minus;

    TRY(list_fitted(c, 1, &list, &fitted, err));
    TRY(emit_number(c->e, DTYPE_I64, -1, &minus, err));
    TRY(emit_2(c->e, "Gather", fitted, minus, &last, err));
    TRY(emit_slice(c->e, fitted, 0, 0, -1, 1, &rest, err));
    TRY(list_give(c, rest, list, err));
    return tf_add(c, last, err);
}

static enum status resize(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id y;

    TRY(list_of(c, 0, &list, err));
    TRY(emit_node(c->e, "firn", "ListResize", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    return list_give(c, y, list, err);
}

static enum status scatter_into(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id y;

    TRY(list_of(c, 0, &list, err));
    TRY(emit_node(c->e, "firn", "ListScatter", EMIT(c->in[0], c->in[2], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("grow", 1)), &y, err));
    return list_give(c, y, list, err);
}

/* Of two lists the elements have the same shape. */
static enum status join(struct tf_call *c, struct error *err)
{
    const struct tf_list *list, *other;
    value_id y;

    TRY(list_of(c, 0, &list, err));
    TRY(list_of(c, 1, &other, err));
    TRY(emit_concat(c->e, EMIT(c->in[0], c->in[1]), 0, &y, err));
    return list_give(c, y, list, err);
}

/* --- reading --- */

static enum status get(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id fitted, y;

    TRY(list_fitted(c, 2, &list, &fitted, err));
    TRY(tf_list_read(c->e, fitted, c->in[1], &y, err));
    return tf_give(c, y);
}

static enum status stack(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    int64_t count;
    value_id fitted, y;

    TRY(list_fitted(c, 1, &list, &fitted, err));
    TRY(tf_int(c->node, "num_elements", -1, &count, err));
    if (count >= 0 && emit_shape(c->e, fitted)->rank > 0 &&
        emit_shape(c->e, fitted)->dims[0] >= 0 && emit_shape(c->e, fitted)->dims[0] != count)
        return error_set(err, STATUS_INVALID_INPUT, "a list of %lld elements, not %lld",
                         (long long)emit_shape(c->e, fitted)->dims[0], (long long)count);
    TRY(tf_list_stack(c->e, fitted, &fitted, err));
    TRY(emit_1(c->e, "Identity", fitted, &y, err)); /* the tensor is no list */
    return tf_give(c, y);
}

static enum status gather(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id fitted, y;

    TRY(list_fitted(c, 2, &list, &fitted, err));
    TRY(tf_list_stack(c->e, fitted, &fitted, err));
    TRY(emit_node(c->e, "", "Gather", EMIT(fitted, c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("from_start", 1)), &y, err));
    return tf_give(c, y);
}

static enum status concat(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id fitted, y, lengths;
    struct shape element;

    TRY(list_of(c, 0, &list, err));
    if (c->in_count > 1) {
        TRY(list_fitted(c, 1, &list, &fitted, err));
    } else {
        TRY(tf_shape(c->node, "element_shape", &element, c->l->keep, err));
        TRY(tf_list_fit(c->l, c->e, c->in[0], element.rank < 0 ? &list->element : &element, &fitted,
                        err));
    }
    TRY(tf_list_concat(c->e, fitted, &y, &lengths, err));
    TRY(tf_add(c, y, err));
    return tf_add(c, lengths, err);
}

static enum status length(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    value_id y;

    TRY(list_of(c, 0, &list, err));
    TRY(tf_list_length(c->e, c->in[0], &y, err));
    return tf_give(c, y);
}

/* As it was stated. */
static enum status element_shape(struct tf_call *c, struct error *err)
{
    const struct tf_list *list;
    enum dtype dtype;
    value_id y;

    TRY(list_of(c, 0, &list, err));
    TRY(tf_type(c->node, "shape_type", &dtype, err));
    if (list->element.rank < 0)
        TRY(emit_number(c->e, DTYPE_I64, -1, &y, err));
    else
        TRY(emit_ints(c->e, list->element.dims, (size_t)list->element.rank, &y, err));
    TRY(emit_cast(c->e, y, dtype == DTYPE_NONE ? DTYPE_I32 : dtype, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_tensor_list =
    TF_OP_SET({.name = "TensorListReserve", .lower = reserve, .inputs = 2},
              {.name = "EmptyTensorList", .lower = empty, .inputs = 2},
              {.name = "TensorListFromTensor", .lower = from_tensor, .inputs = 2},
              {.name = "TensorListSplit", .lower = split, .inputs = 3},
              {.name = "TensorListScatter", .lower = scatter, .inputs = 3},
              {.name = "TensorListScatterV2", .lower = scatter, .inputs = 4},
              {.name = "TensorListScatterIntoExistingList", .lower = scatter_into, .inputs = 3},
              {.name = "TensorListSetItem", .lower = set, .inputs = 3},
              {.name = "TensorListPushBack", .lower = push, .inputs = 2},
              {.name = "TensorListPopBack", .lower = pop, .inputs = 2},
              {.name = "TensorListResize", .lower = resize, .inputs = 2},
              {.name = "TensorListConcatLists", .lower = join, .inputs = 2},
              {.name = "TensorListGetItem", .lower = get, .inputs = 3},
              {.name = "TensorListStack", .lower = stack, .inputs = 2},
              {.name = "TensorListGather", .lower = gather, .inputs = 3},
              {.name = "TensorListConcat", .lower = concat, .inputs = 1},
              {.name = "TensorListConcatV2", .lower = concat, .inputs = 3},
              {.name = "TensorListLength", .lower = length, .inputs = 1},
              {.name = "TensorListElementShape", .lower = element_shape, .inputs = 1}, );
