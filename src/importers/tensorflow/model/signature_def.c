// SPDX-License-Identifier: Apache-2.0
/* SignatureDef and TensorInfo. A sparse, ragged or other composite tensor becomes its components, a
 * field each: "x/values", "x/indices", "x/dense_shape".
 * Source: tensorflow/core/protobuf/{meta_graph,struct}.proto. */
#include <stdlib.h>

#include "base/text.h"
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { FIELDS_MAX = 4096 };
enum { REFERENCES = 100 }; /* DT_FLOAT_REF is DT_FLOAT + 100 */
enum { INFO_NAME = 1, INFO_DTYPE = 2, INFO_SHAPE = 3, INFO_SPARSE = 4, INFO_COMPOSITE = 5 };
enum { SPARSE_SPEC = 1, RAGGED_SPEC = 3 }; /* TypeSpecProto.TypeSpecClass */
enum { INPUTS = 1, OUTPUTS = 2, METHOD = 3, DEFAULTS = 4 };

struct fields {
    struct tf_field *items;
    size_t count, capacity;
    struct arena *keep;
};

static enum status field_add(struct fields *fields, const struct tf_field *field, struct error *err)
{
    if (fields->count == FIELDS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a signature of more than %d fields", FIELDS_MAX);
    if (!ARENA_GROW(fields->keep, fields->items, fields->count, fields->capacity))
        return error_no_memory(err, "a signature");
    fields->items[fields->count++] = *field;
    return STATUS_OK;
}

/* --- one tensor --- */

/* "node:0" -> node and output. */
static enum status tensor_name(struct bytes text, struct tf_edge *edge, struct error *err)
{
    *edge = (struct tf_edge){.node = text};
    for (size_t i = text.size; i-- > 0;) {
        if (text.data[i] != ':')
            continue;
        edge->node.size = i;
        for (size_t k = i + 1; k < text.size; k++) {
            if (text.data[k] < '0' || text.data[k] > '9' || edge->output > TF_OUTPUTS_MAX)
                return error_set(err, STATUS_INVALID_INPUT, "a tensor has no valid output number");
            edge->output = edge->output * 10 + (size_t)(text.data[k] - '0');
        }
        break;
    }
    return STATUS_OK;
}

enum status tf_info_read(struct protobuf info, struct tf_field *field, struct arena *keep,
                         struct error *err)
{
    struct protobuf_field at;
    struct protobuf shape;
    struct bytes name = {(const uint8_t *)"", 0};
    int64_t code = 0;

    field->shape = shape_unknown();
    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            break;
        if (at.number == INFO_NAME)
            TRY(protobuf_bytes(&at, &name, err));
        if (at.number == INFO_DTYPE)
            TRY(protobuf_i64(&at, &code, err));
        if (at.number == INFO_SHAPE) {
            field->dim_names = arena_new(keep, const char *, RANK_MAX);
            if (!field->dim_names)
                return error_no_memory(err, "a signature");
            TRY(protobuf_message(&at, &shape, err));
            TRY(tf_shape_read(&shape, &field->shape, field->dim_names, keep, err));
        }
    }
    field->dtype = dtype_from_tf(code > REFERENCES ? code - REFERENCES : code);
    return tensor_name(name, &field->tensor, err);
}

/* --- several tensors --- */

static enum status component_add(struct fields *fields, struct tf_field *component,
                                 const char *whole, const char *part, struct error *err)
{
    component->name = arena_printf(fields->keep, "%s/%s", whole, part);
    if (!component->name)
        return error_no_memory(err, "a signature");
    return field_add(fields, component, err);
}

/* values, indices (n, rank), dense_shape (rank,). */
static enum status sparse_add(struct fields *fields, const struct tf_field *whole,
                              struct protobuf sparse, struct error *err)
{
    static const char *const PARTS[] = {"values", "indices", "dense_shape"};
    int64_t rank = whole->shape.rank < 0 ? DIM_UNKNOWN : whole->shape.rank;
    struct tf_field parts[] = {
        {.dtype = whole->dtype, .shape = SHAPE(DIM_UNKNOWN)},
        {.dtype = DTYPE_I64, .shape = SHAPE(DIM_UNKNOWN, rank)},
        {.dtype = DTYPE_I64, .shape = SHAPE(rank)},
    };
    struct protobuf_field at;
    struct bytes name;

    for (;;) {
        TRY(protobuf_next(&sparse, &at, err));
        if (!at.number)
            break;
        if (at.number > ARRAY_COUNT(parts))
            continue;
        TRY(protobuf_bytes(&at, &name, err));
        TRY(tensor_name(name, &parts[at.number - 1].tensor, err));
    }
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        TRY(component_add(fields, &parts[i], whole->name, PARTS[i], err));
    return STATUS_OK;
}

static enum status spec_class(struct protobuf spec, int64_t *kind, struct error *err)
{
    struct protobuf_field at;

    *kind = 0;
    for (;;) {
        TRY(protobuf_next(&spec, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 1)
            TRY(protobuf_i64(&at, kind, err));
    }
}

/* In the order in which tf.nest takes them apart. */
static const char *component_name(int64_t kind, size_t index, size_t count, struct arena *keep)
{
    static const char *const SPARSE[] = {"indices", "values", "dense_shape"};

    if (kind == SPARSE_SPEC && index < ARRAY_COUNT(SPARSE))
        return SPARSE[index];
    if (kind == RAGGED_SPEC && !index)
        return "values";
    if (kind == RAGGED_SPEC && count == 2)
        return "row_splits";
    return arena_printf(keep, kind == RAGGED_SPEC ? "row_splits_%zu" : "component_%zu",
                        kind == RAGGED_SPEC ? index - 1 : index);
}

/* CompositeTensor: type_spec (1), components (2). */
static enum status composite_add(struct fields *fields, const struct tf_field *whole,
                                 struct protobuf composite, struct error *err)
{
    struct protobuf reader = composite, inner;
    struct protobuf_field at;
    size_t count, index = 0;
    int64_t kind = 0;

    TRY(protobuf_count(&composite, 2, &count, err));
    for (;;) {
        struct tf_field part = {0};
        const char *name;

        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number > 2)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        if (at.number == 1) {
            TRY(spec_class(inner, &kind, err));
            continue;
        }
        name = component_name(kind, index++, count, fields->keep);
        if (!name)
            return error_no_memory(err, "a signature");
        TRY(tf_info_read(inner, &part, fields->keep, err));
        TRY(component_add(fields, &part, whole->name, name, err));
    }
}

/* --- fields --- */

static enum status info_add(struct fields *fields, struct tf_field *field, struct protobuf info,
                            struct error *err)
{
    struct protobuf reader = info, inner;
    struct protobuf_field at;

    TRY(tf_info_read(info, field, fields->keep, err));
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return field_add(fields, field, err);
        if (at.number != INFO_SPARSE && at.number != INFO_COMPOSITE)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        return at.number == INFO_SPARSE ? sparse_add(fields, field, inner, err)
                                        : composite_add(fields, field, inner, err);
    }
}

/* A map entry: name (1) and message (2). */
static enum status entry_read(struct protobuf entry, const char **name, struct protobuf *value,
                              struct arena *keep, struct error *err)
{
    struct protobuf_field key, message;

    TRY(protobuf_entry(entry, &key, &message, err));
    TRY(protobuf_text(&key, name, keep, err));
    return protobuf_message(&message, value, err);
}

static int by_field_name(const void *a, const void *b)
{
    return strcmp(((const struct tf_field *)a)->name, ((const struct tf_field *)b)->name);
}

/* A map has no order: by name. */
static enum status fields_read(struct protobuf signature, uint32_t number, struct fields *fields,
                               struct error *err)
{
    struct protobuf_field at;
    struct protobuf entry, info;

    for (;;) {
        struct tf_field field = {0};

        TRY(protobuf_next(&signature, &at, err));
        if (!at.number)
            break;
        if (at.number != number)
            continue;
        TRY(protobuf_message(&at, &entry, err));
        TRY(entry_read(entry, &field.name, &info, fields->keep, err));
        TRY(info_add(fields, &field, info, err));
    }
    if (fields->count)
        qsort(fields->items, fields->count, sizeof *fields->items, by_field_name);
    for (size_t i = 1; i < fields->count; i++)
        if (!strcmp(fields->items[i - 1].name, fields->items[i].name))
            return error_set(err, STATUS_INVALID_INPUT, "two fields are called '%.64s'",
                             fields->items[i].name);
    return STATUS_OK;
}

/* The value of an input that is not given. */
static enum status default_read(struct protobuf entry, const struct fields *inputs,
                                struct error *err)
{
    struct protobuf value;
    const char *name;

    TRY(entry_read(entry, &name, &value, inputs->keep, err));
    for (size_t i = 0; i < inputs->count; i++) {
        struct tensor *tensor;

        if (strcmp(inputs->items[i].name, name))
            continue;
        tensor = arena_new(inputs->keep, struct tensor, 1);
        if (!tensor)
            return error_no_memory(err, "a signature");
        TRY(tf_tensor_read(&value, tensor, inputs->keep, err));
        if (tensor->dtype == inputs->items[i].dtype)
            inputs->items[i].fallback = tensor;
    }
    return STATUS_OK;
}

enum status tf_signature_read(struct protobuf entry, struct tf_signature *signature,
                              struct arena *keep, struct error *err)
{
    struct fields inputs = {.keep = keep}, outputs = {.keep = keep};
    struct protobuf value, inner;
    struct protobuf_field at;

    *signature = (struct tf_signature){.method = ""};
    TRY(entry_read(entry, &signature->name, &value, keep, err));
    TRY(fields_read(value, INPUTS, &inputs, err));
    TRY(fields_read(value, OUTPUTS, &outputs, err));
    for (;;) {
        TRY(protobuf_next(&value, &at, err));
        if (!at.number)
            break;
        if (at.number == METHOD)
            TRY(protobuf_text(&at, &signature->method, keep, err));
        if (at.number != DEFAULTS)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        TRY(default_read(inner, &inputs, err));
    }
    signature->inputs = inputs.items;
    signature->input_count = inputs.count;
    signature->outputs = outputs.items;
    signature->output_count = outputs.count;
    return STATUS_OK;
}
