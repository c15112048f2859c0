// SPDX-License-Identifier: Apache-2.0
/* TensorArray: the handle is a resource, what it holds goes along with its flow. */
#include "importers/tensorflow/control/control.h"

/* What is known of an array: the state of its resource. */
struct array {
    enum dtype dtype;
    struct shape element;
    bool grows;
    const struct graph *graph; /* that `empty` is of */
    value_id empty;            /* before the first write */
};

/* Zeros: `length` elements of this shape as far as it is known. */
static enum status reserve(struct tf_call *c, const struct array *array, value_id length,
                           value_id *list, struct error *err)
{
    const struct attribute dtype = attribute_of_int("dtype", dtype_to_onnx(array->dtype));
    value_id in[2] = {length, VALUE_NONE};

    if (array->element.rank >= 0)
        TRY(emit_ints(c->e, array->element.dims, (size_t)array->element.rank, &in[1], err));
    TRY(emit(c->e, "firn", "ListReserve", in, array->element.rank >= 0 ? 2 : 1, &dtype, 1, list, 1,
             err));
    return tf_list_set(c->l, c->e->graph, *list, &array->element, err);
}

static enum status make(struct tf_call *c, struct error *err)
{
    struct array *array = arena_new(c->l->keep, struct array, 1);
    struct tf_resource *resource;
    value_id flow;

    if (!array)
        return error_no_memory(err, "an array");
    TRY(tf_type(c->node, "dtype", &array->dtype, err));
    if (array->dtype == DTYPE_VARIANT) /* a ragged tensor (ragged_variant.c) */
        array->dtype = DTYPE_STRING;
    if (!dtype_to_onnx(array->dtype))
        return error_set(err, STATUS_UNSUPPORTED, "an array of %s", dtype_name(array->dtype));
    TRY(tf_shape(c->node, "element_shape", &array->element, c->l->keep, err));
    TRY(tf_bool(c->node, "dynamic_size", false, &array->grows, err));
    TRY(tf_resource_get(c->l, TF_TENSOR_ARRAY, "", c->node, &resource, err));
    resource->state = array;
    TRY(tf_resource_give(c, resource, err));
    TRY(reserve(c, array, c->in[0], &flow, err));
    array->graph = c->e->graph;
    array->empty = flow;
    return tf_add(c, flow, err);
}

/* The array of input 0, and what it holds: the input `flow`. */
static enum status array_of(struct tf_call *c, size_t flow, const struct array **array,
                            value_id *list, struct error *err)
{
    struct tf_resource *resource;

    if (c->in_count <= flow)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_resource_of(c, 0, TF_TENSOR_ARRAY, &resource, err));
    *array = resource->state;
    *list = c->in[flow];
    if (tf_list_of(c->l, c->e->graph, *list))
        return STATUS_OK;
    /* Before version 3 the first flow is any number. */
    if (!c->e->graph->values[*list].constant || (*array)->graph != c->e->graph)
        return error_set(err, STATUS_UNSUPPORTED, "what the array holds is not known");
    *list = (*array)->empty;
    return STATUS_OK;
}

static enum status array_give(struct tf_call *c, const struct array *array, value_id list,
                              struct error *err)
{
    TRY(tf_list_set(c->l, c->e->graph, list, &array->element, err));
    return tf_give(c, list);
}

/* The shape of elements that a node states, and that the array has. */
static enum status element_of(const struct tf_call *c, const char *attribute,
                              const struct array *array, struct shape *element, struct error *err)
{
    TRY(tf_shape(c->node, attribute, element, c->l->keep, err));
    if (element->rank < 0)
        *element = array->element;
    for (int i = 0; i < element->rank && array->element.rank == element->rank; i++)
        if (element->dims[i] < 0)
            element->dims[i] = array->element.dims[i];
    return STATUS_OK;
}

static enum status write(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list;

    TRY(array_of(c, 3, &array, &list, err));
    TRY(tf_list_write(c, list, 1, c->in[2], array->grows, &list, err));
    return array_give(c, array, list, err);
}

static enum status scatter(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list;

    TRY(array_of(c, 3, &array, &list, err));
    TRY(emit_node(c->e, "firn", "ListScatter", EMIT(list, c->in[1], c->in[2]),
                  EMIT_ATTRIBUTES(attribute_of_int("grow", array->grows)), &list, err));
    return array_give(c, array, list, err);
}

static enum status read(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list, y;

    TRY(array_of(c, 2, &array, &list, err));
    TRY(tf_list_fit(c->l, c->e, list, &array->element, &list, err));
    TRY(tf_list_read(c->e, list, c->in[1], &y, err));
    return tf_give(c, y);
}

static enum status gather(struct tf_call *c, struct error *err)
{
    const struct array *array;
    struct shape element;
    value_id list, y;

    TRY(array_of(c, 2, &array, &list, err));
    TRY(element_of(c, "element_shape", array, &element, err));
    TRY(tf_list_fit(c->l, c->e, list, &element, &list, err));
    TRY(tf_list_stack(c->e, list, &list, err));
    TRY(emit_node(c->e, "", "Gather", EMIT(list, c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("from_start", 1)), &y, err));
    return tf_give(c, y);
}

/* All elements. */
static enum status pack(struct tf_call *c, struct error *err)
{
    const struct array *array;
    struct shape element;
    value_id list, y;

    TRY(array_of(c, 1, &array, &list, err));
    TRY(element_of(c, "element_shape", array, &element, err));
    TRY(tf_list_fit(c->l, c->e, list, &element, &list, err));
    TRY(tf_list_stack(c->e, list, &list, err));
    TRY(emit_1(c->e, "Identity", list, &y, err)); /* the tensor is no list */
    return tf_give(c, y);
}

/* handle, value, flow: as many elements as the array has, or grows to. */
static enum status unpack(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list, number[3], length, fits, places;

    TRY(array_of(c, 2, &array, &list, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &number[0], err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &number[2], err));
    TRY(emit_1(c->e, "Shape", c->in[1], &number[1], err));
    TRY(emit_2(c->e, "Gather", number[1], number[0], &number[1], err));
    TRY(tf_list_length(c->e, list, &length, err));
    TRY(emit_cast(c->e, length, DTYPE_I64, &length, err));
    TRY(emit_2(c->e, "LessOrEqual", length, number[1], &fits, err));
    TRY(emit(c->e, "", "Range", number, 3, NULL, 0, &places, 1, err));
    TRY(emit_require(c->e, fits, "fewer elements than the array has", &places, err));
    TRY(emit_node(c->e, "firn", "ListScatter", EMIT(list, places, c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("grow", array->grows)), &list, err));
    return array_give(c, array, list, err);
}

/* All elements one after another along their first dimension, and how long each is. */
static enum status concat(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list, y, lengths;

    TRY(array_of(c, 1, &array, &list, err));
    TRY(tf_list_fit(c->l, c->e, list, &array->element, &list, err));
    TRY(tf_list_concat(c->e, list, &y, &lengths, err));
    TRY(tf_add(c, y, err));
    return tf_add(c, lengths, err);
}

static enum status split(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list, parts;

    TRY(array_of(c, 3, &array, &list, err));
    TRY(tf_list_split(c, c->in[1], 2, &parts, err));
    return array_give(c, array, parts, err);
}

static enum status size(struct tf_call *c, struct error *err)
{
    const struct array *array;
    value_id list, y;

    TRY(array_of(c, 1, &array, &list, err));
    TRY(tf_list_length(c->e, list, &y, err));
    return tf_give(c, y);
}

static enum status nothing(struct tf_call *c, struct error *err)
{
    (void)err;
    c->out_count = 0;
    return STATUS_OK;
}

#define VERSIONS(base, of)                                                                         \
    {.name = base, .lower = of}, {.name = base "V3", .lower = of},                                 \
    {                                                                                              \
        .name = base "V2", .lower = of                                                             \
    }

const struct tf_op_set tf_ops_tensor_array =
    TF_OP_SET({.name = "TensorArrayV3", .lower = make, .inputs = 1},
              {.name = "TensorArrayV2", .lower = make, .inputs = 1},
              {.name = "TensorArray", .lower = make, .inputs = 1},
              {.name = "TensorArrayPack", .lower = pack, .inputs = 2},
              {.name = "TensorArrayUnpack", .lower = unpack, .inputs = 3},
              VERSIONS("TensorArrayWrite", write), VERSIONS("TensorArrayScatter", scatter),
              VERSIONS("TensorArrayRead", read), VERSIONS("TensorArrayGather", gather),
              VERSIONS("TensorArrayConcat", concat), VERSIONS("TensorArraySplit", split),
              VERSIONS("TensorArraySize", size), VERSIONS("TensorArrayClose", nothing), );
