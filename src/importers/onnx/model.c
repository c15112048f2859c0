// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/internal.h"

#include "formats/onnx_tensor.h"

struct reading {
    const struct onnx_place *place;
    struct arena *keep;
};

/* Room for the messages of a repeated field. */
static enum status room_for(const struct protobuf *message, uint32_t number, size_t size,
                            void *items, struct reading *r, struct error *err)
{
    void *room;
    size_t count;

    TRY(protobuf_count(message, number, &count, err));
    room = arena_alloc(r->keep, count, size);
    if (!room)
        return error_no_memory(err, "the model");
    memcpy(items, &room, sizeof room);
    return STATUS_OK;
}

/* --- types --- */

static enum status dim_read(struct protobuf message, struct onnx_dim *dim, struct reading *r,
                            struct error *err)
{
    struct protobuf_field field;

    *dim = (struct onnx_dim){DIM_UNKNOWN, NULL};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1) {
            TRY(protobuf_i64(&field, &dim->value, err));
            if (dim->value < 0)
                dim->value = DIM_UNKNOWN; /* exporters write -1 for "free" */
        }
        if (field.number == 2)
            TRY(protobuf_text(&field, &dim->name, r->keep, err));
    }
}

static enum status shape_read(struct protobuf message, struct onnx_value_info *info,
                              struct reading *r, struct error *err)
{
    struct protobuf_field field;
    struct protobuf dim;

    info->rank = 0;
    TRY(room_for(&message, 1, sizeof *info->dims, &info->dims, r, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        if (info->rank == RANK_MAX)
            return error_at(err, field.offset, STATUS_UNSUPPORTED,
                            "a shape has more than %d dimensions", RANK_MAX);
        TRY(protobuf_message(&field, &dim, err));
        TRY(dim_read(dim, &info->dims[info->rank++], r, err));
    }
}

static enum status tensor_type_read(struct protobuf message, struct onnx_value_info *info,
                                    struct reading *r, struct error *err)
{
    struct protobuf_field field;
    struct protobuf shape;

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1) {
            TRY(protobuf_i64(&field, &info->element, err));
            info->dtype = dtype_from_onnx(info->element);
        }
        if (field.number == 2) {
            TRY(protobuf_message(&field, &shape, err));
            TRY(shape_read(shape, info, r, err));
        }
    }
}

enum { TYPE_DEPTH_MAX = 3 }; /* an optional sequence of tensors */

/* A TypeProto as the description of a value; an unknown element type stays DTYPE_NONE. */
static enum status element_read(struct protobuf message, struct tensor *type, int depth,
                                struct reading *r, struct error *err)
{
    struct onnx_value_info info = {.rank = RANK_UNKNOWN};
    struct protobuf_field field, inner_field;
    struct protobuf inner, nested;
    struct tensor *element;

    *type = (struct tensor){.shape = shape_unknown()};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1 && field.number != 4 && field.number != 9)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        if (field.number == 1) {
            TRY(tensor_type_read(inner, &info, r, err));
            type->dtype = info.dtype;
            if (info.rank > RANK_MAX)
                continue;
            type->shape.rank = info.rank;
            for (int i = 0; i < info.rank; i++)
                type->shape.dims[i] = info.dims[i].value;
            continue;
        }
        if (depth >= TYPE_DEPTH_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "a type of types of types");
        type->dtype = field.number == 4 ? DTYPE_SEQUENCE : DTYPE_OPTIONAL;
        type->shape = shape_scalar();
        for (;;) {
            TRY(protobuf_next(&inner, &inner_field, err));
            if (!inner_field.number)
                break;
            if (inner_field.number != 1)
                continue;
            element = arena_new(r->keep, struct tensor, 1);
            if (!element)
                return error_no_memory(err, "a type");
            TRY(protobuf_message(&inner_field, &nested, err));
            TRY(element_read(nested, element, depth + 1, r, err));
            type->element = element->dtype == DTYPE_NONE ? NULL : element;
        }
    }
}

/* TypeProto.Map: key_type (1) and value_type (2). */
static enum status map_type_read(struct protobuf message, struct onnx_value_info *info,
                                 struct reading *r, struct error *err)
{
    struct tensor *value = arena_new(r->keep, struct tensor, 1);
    struct protobuf_field field;
    struct protobuf inner;
    int64_t key = 0;

    if (!value)
        return error_no_memory(err, "a type");
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number == 1)
            TRY(protobuf_i64(&field, &key, err));
        if (field.number != 2)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(element_read(inner, value, 0, r, err));
    }
    info->key = dtype_from_onnx(key);
    info->holds = value;
    return STATUS_OK;
}

static enum status type_read(struct protobuf message, struct onnx_value_info *info,
                             struct reading *r, struct error *err)
{
    static const char *const TYPES[] = {
        "", "tensor", "", "", "sequence", "map", "", "opaque", "sparse tensor", "optional"};
    const struct protobuf whole = message;
    struct protobuf_field field;
    struct protobuf inner;
    struct tensor type;

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number < ARRAY_COUNT(TYPES) && TYPES[field.number][0])
            info->type = TYPES[field.number];
        if (field.number != 1 && field.number != 5)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(field.number == 1 ? tensor_type_read(inner, info, r, err)
                              : map_type_read(inner, info, r, err));
    }
    if (strcmp(info->type, "sequence") && strcmp(info->type, "optional"))
        return STATUS_OK;
    TRY(element_read(whole, &type, 0, r, err));
    info->dtype = type.dtype;
    info->holds = type.element;
    info->rank = 0;
    return STATUS_OK;
}

static enum status value_info_read(struct protobuf message, struct onnx_value_info *info,
                                   struct reading *r, struct error *err)
{
    struct protobuf_field field;
    struct protobuf type;

    *info = (struct onnx_value_info){.name = "", .type = "", .rank = RANK_UNKNOWN};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_text(&field, &info->name, r->keep, err));
        if (field.number == 2) {
            TRY(protobuf_message(&field, &type, err));
            TRY(type_read(type, info, r, err));
        }
    }
}

/* --- attributes --- */

static enum status floats_read(const struct protobuf *message, struct attribute *value,
                               struct reading *r, struct error *err)
{
    float *floats;
    double *wide;

    TRY(protobuf_all_f32(message, 7, &floats, &value->count, r->keep, err));
    wide = arena_new(r->keep, double, value->count);
    if (!wide)
        return error_no_memory(err, "an attribute");
    for (size_t i = 0; i < value->count; i++)
        wide[i] = (double)floats[i];
    value->floats = wide;
    return STATUS_OK;
}

/* Kinds by field: files of IR 1 state no type. */
static enum attribute_kind kind_of_field(uint32_t number)
{
    static const enum attribute_kind KINDS[] = {
        [2] = ATTRIBUTE_FLOAT,   [3] = ATTRIBUTE_INT,     [4] = ATTRIBUTE_STRING,
        [5] = ATTRIBUTE_TENSOR,  [7] = ATTRIBUTE_FLOATS,  [8] = ATTRIBUTE_INTS,
        [9] = ATTRIBUTE_STRINGS, [22] = ATTRIBUTE_TENSOR, [6] = ATTRIBUTE_GRAPH,
        [14] = ATTRIBUTE_TYPE,
    };

    return number < ARRAY_COUNT(KINDS) ? KINDS[number] : ATTRIBUTE_NONE;
}

static enum status tensor_value(const struct protobuf_field *field, struct attribute *value,
                                struct reading *r, struct error *err)
{
    struct tensor *tensor = arena_new(r->keep, struct tensor, 1);
    struct protobuf inner;
    const char *name;

    if (!tensor)
        return error_no_memory(err, "an attribute");
    TRY(protobuf_message(field, &inner, err));
    value->t = tensor;
    return (field->number == 22 ? onnx_sparse_read : onnx_tensor_read)(
        &inner, r->place->artifact, r->place->member, &name, tensor, r->keep, err);
}

static enum status type_value(const struct protobuf_field *field, struct attribute *value,
                              struct reading *r, struct error *err)
{
    struct tensor *type = arena_new(r->keep, struct tensor, 1);
    struct protobuf inner;

    if (!type)
        return error_no_memory(err, "an attribute");
    TRY(protobuf_message(field, &inner, err));
    TRY(element_read(inner, type, 0, r, err));
    if (type->dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "a type that is no tensor, sequence or optional");
    value->t = type;
    return STATUS_OK;
}

static enum status graph_read(struct protobuf message, struct onnx_graph *graph, struct reading *r,
                              struct error *err);

static enum status subgraph_read(const struct protobuf_field *field,
                                 struct onnx_attribute *attribute, struct reading *r,
                                 struct error *err)
{
    struct onnx_graph *graph = arena_new(r->keep, struct onnx_graph, 1);
    struct protobuf inner;

    if (!graph)
        return error_no_memory(err, "an attribute");
    TRY(protobuf_message(field, &inner, err));
    attribute->graph = graph;
    return graph_read(inner, graph, r, err);
}

/* The value of one field; a list is read whole at its first. A later field of another kind takes
 * the place of an earlier one entirely: they share their memory. */
static enum status attribute_value(const struct protobuf *message,
                                   const struct protobuf_field *field,
                                   struct onnx_attribute *attribute, struct reading *r,
                                   struct error *err)
{
    enum attribute_kind kind = kind_of_field(field->number);
    struct attribute *value = &attribute->value;
    struct bytes *strings;
    int64_t *ints;
    float f;

    if (kind == ATTRIBUTE_NONE ||
        (kind == value->kind && kind >= ATTRIBUTE_INTS && kind <= ATTRIBUTE_STRINGS))
        return STATUS_OK;
    *value = (struct attribute){.name = value->name, .kind = kind};
    switch (kind) {
    case ATTRIBUTE_FLOAT:
        TRY(protobuf_f32(field, &f, err));
        value->f = (double)f;
        return STATUS_OK;
    case ATTRIBUTE_INT:
        return protobuf_i64(field, &value->i, err);
    case ATTRIBUTE_STRING:
        return protobuf_bytes(field, &value->s, err);
    case ATTRIBUTE_TENSOR:
        return tensor_value(field, value, r, err);
    case ATTRIBUTE_GRAPH:
        return subgraph_read(field, attribute, r, err);
    case ATTRIBUTE_TYPE:
        return type_value(field, value, r, err);
    case ATTRIBUTE_FLOATS:
        return floats_read(message, value, r, err);
    case ATTRIBUTE_INTS:
        TRY(protobuf_all_i64(message, 8, &ints, &value->count, r->keep, err));
        value->ints = ints;
        return STATUS_OK;
    default:
        TRY(protobuf_all_bytes(message, 9, &strings, &value->count, r->keep, err));
        value->strings = strings;
        return STATUS_OK;
    }
}

/* A list attribute without elements writes no field at all: its stated type tells. */
static void empty_list(struct attribute *value, int64_t type)
{
    static const double NO_FLOATS[1];
    static const int64_t NO_INTS[1];
    static const struct bytes NO_STRINGS[1];

    if (value->kind != ATTRIBUTE_NONE)
        return;
    if (type == 1)
        value->kind = ATTRIBUTE_FLOAT;
    if (type == 2)
        value->kind = ATTRIBUTE_INT;
    if (type == 3) {
        value->kind = ATTRIBUTE_STRING;
        value->s = bytes_of("");
    }
    if (type == 6) {
        value->kind = ATTRIBUTE_FLOATS;
        value->floats = NO_FLOATS;
    }
    if (type == 7) {
        value->kind = ATTRIBUTE_INTS;
        value->ints = NO_INTS;
    }
    if (type == 8) {
        value->kind = ATTRIBUTE_STRINGS;
        value->strings = NO_STRINGS;
    }
}

static enum status attribute_read(struct protobuf message, struct onnx_attribute *attribute,
                                  struct reading *r, struct error *err)
{
    const struct protobuf whole = message;
    struct protobuf_field field;
    int64_t type = 0;

    *attribute = (struct onnx_attribute){.value.name = ""};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number == 1)
            TRY(protobuf_text(&field, &attribute->value.name, r->keep, err));
        else if (field.number == 20)
            TRY(protobuf_i64(&field, &type, err));
        else if (field.number == 21)
            TRY(protobuf_text(&field, &attribute->reference, r->keep, err));
        else if (attribute_value(&whole, &field, attribute, r, err))
            return error_within(err, "attribute '%s'", attribute->value.name);
    }
    if (attribute->reference && !attribute->reference[0])
        attribute->reference = NULL;
    empty_list(&attribute->value, type);
    return STATUS_OK;
}

/* --- nodes, graphs, functions --- */

static enum status node_read(struct protobuf message, struct onnx_node *node, struct reading *r,
                             struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    *node = (struct onnx_node){.name = "", .op = "", .domain = "", .overload = ""};
    TRY(protobuf_all_bytes(&message, 1, &node->inputs, &node->input_count, r->keep, err));
    TRY(protobuf_all_bytes(&message, 2, &node->outputs, &node->output_count, r->keep, err));
    TRY(room_for(&message, 5, sizeof *node->attributes, &node->attributes, r, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 3)
            TRY(protobuf_text(&field, &node->name, r->keep, err));
        if (field.number == 4)
            TRY(protobuf_text(&field, &node->op, r->keep, err));
        if (field.number == 7)
            TRY(protobuf_text(&field, &node->domain, r->keep, err));
        if (field.number == 8)
            TRY(protobuf_text(&field, &node->overload, r->keep, err));
        if (field.number != 5)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        if (attribute_read(inner, &node->attributes[node->attribute_count++], r, err))
            return error_within(err, "node '%s' (%s)", node->name, node->op);
    }
}

static enum status initializer_read(struct protobuf message, bool sparse,
                                    struct onnx_initializer *initializer, struct reading *r,
                                    struct error *err)
{
    if ((sparse ? onnx_sparse_read : onnx_initializer_read)(&message, r->place->artifact,
                                                            r->place->member, &initializer->name,
                                                            &initializer->tensor, r->keep, err))
        return error_within(err, "initializer");
    return STATUS_OK;
}

static enum status graph_field(const struct protobuf_field *field, struct onnx_graph *graph,
                               struct reading *r, struct error *err)
{
    struct protobuf inner;

    if (field->number != 1 && field->number != 5 && field->number != 11 && field->number != 12 &&
        field->number != 13 && field->number != 15)
        return STATUS_OK;
    TRY(protobuf_message(field, &inner, err));
    switch (field->number) {
    case 1:
        return node_read(inner, &graph->nodes[graph->node_count++], r, err);
    case 5:
    case 15:
        return initializer_read(inner, field->number == 15,
                                &graph->initializers[graph->initializer_count++], r, err);
    case 11:
        return value_info_read(inner, &graph->inputs[graph->input_count++], r, err);
    case 12:
        return value_info_read(inner, &graph->outputs[graph->output_count++], r, err);
    default:
        return value_info_read(inner, &graph->values[graph->value_count++], r, err);
    }
}

static enum status graph_read(struct protobuf message, struct onnx_graph *graph, struct reading *r,
                              struct error *err)
{
    struct protobuf_field field;

    size_t dense, sparse;

    *graph = (struct onnx_graph){0};
    TRY(protobuf_count(&message, 5, &dense, err));
    TRY(protobuf_count(&message, 15, &sparse, err));
    graph->initializers = arena_new(r->keep, struct onnx_initializer, dense + sparse);
    if (!graph->initializers)
        return error_no_memory(err, "the model");
    TRY(room_for(&message, 1, sizeof *graph->nodes, &graph->nodes, r, err));
    TRY(room_for(&message, 11, sizeof *graph->inputs, &graph->inputs, r, err));
    TRY(room_for(&message, 12, sizeof *graph->outputs, &graph->outputs, r, err));
    TRY(room_for(&message, 13, sizeof *graph->values, &graph->values, r, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        TRY(graph_field(&field, graph, r, err));
    }
}

static enum status opset_read(struct protobuf message, struct onnx_opset *opset, struct reading *r,
                              struct error *err)
{
    struct protobuf_field field;

    *opset = (struct onnx_opset){.domain = ""};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_text(&field, &opset->domain, r->keep, err));
        if (field.number == 2)
            TRY(protobuf_i64(&field, &opset->version, err));
    }
}

/* opset_import is field 8 of a model and 9 of a function. */
static enum status opsets_read(struct protobuf message, uint32_t number, struct onnx_opsets *opsets,
                               struct reading *r, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    TRY(room_for(&message, number, sizeof *opsets->items, &opsets->items, r, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != number)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(opset_read(inner, &opsets->items[opsets->count++], r, err));
    }
}

static enum status function_read(struct protobuf message, struct onnx_function *function,
                                 struct reading *r, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    *function = (struct onnx_function){.name = "", .domain = "", .overload = ""};
    TRY(protobuf_all_bytes(&message, 4, &function->inputs, &function->input_count, r->keep, err));
    TRY(protobuf_all_bytes(&message, 5, &function->outputs, &function->output_count, r->keep, err));
    TRY(room_for(&message, 7, sizeof *function->nodes, &function->nodes, r, err));
    TRY(room_for(&message, 11, sizeof *function->defaults, &function->defaults, r, err));
    TRY(opsets_read(message, 9, &function->opsets, r, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_text(&field, &function->name, r->keep, err));
            break;
        case 7:
            TRY(protobuf_message(&field, &inner, err));
            TRY(node_read(inner, &function->nodes[function->node_count++], r, err));
            break;
        case 10:
            TRY(protobuf_text(&field, &function->domain, r->keep, err));
            break;
        case 11:
            TRY(protobuf_message(&field, &inner, err));
            TRY(attribute_read(inner, &function->defaults[function->default_count++], r, err));
            break;
        case 13:
            TRY(protobuf_text(&field, &function->overload, r->keep, err));
            break;
        }
    }
}

enum status onnx_model_read(struct bytes bytes, const struct onnx_place *place,
                            struct onnx_model *model, struct arena *keep, struct error *err)
{
    struct protobuf message = protobuf_over(bytes), inner;
    struct reading r = {place, keep};
    struct protobuf_field field;

    *model = (struct onnx_model){.producer = "", .producer_version = "", .size = bytes.size};
    TRY(opsets_read(message, 8, &model->opsets, &r, err));
    TRY(room_for(&message, 25, sizeof *model->functions, &model->functions, &r, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_i64(&field, &model->ir_version, err));
            break;
        case 2:
            TRY(protobuf_text(&field, &model->producer, keep, err));
            break;
        case 3:
            TRY(protobuf_text(&field, &model->producer_version, keep, err));
            break;
        case 7:
            TRY(protobuf_message(&field, &inner, err));
            TRY(graph_read(inner, &model->graph, &r, err));
            model->has_graph = true;
            break;
        case 25:
            TRY(protobuf_message(&field, &inner, err));
            TRY(function_read(inner, &model->functions[model->function_count++], &r, err));
            break;
        }
    }
}
