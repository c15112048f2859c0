// SPDX-License-Identifier: Apache-2.0
#include "formats/tensor_message.h"

#include <stdio.h>

#include "base/cursor.h"
#include "formats/tensorflow/tensor_proto.h"

enum { /* beside the fields of TensorProto */
       RESOURCES = 14,
       VARIANTS = 15,
       MAPS = TENSOR_MAP_DTYPE,
       LAST = TF_UINT64_VAL,
};

static const char *const LISTS[LAST + 1] = {
    [TF_FLOAT_VAL] = "float_val",       [TF_DOUBLE_VAL] = "double_val",
    [TF_INT_VAL] = "int_val",           [TF_STRING_VAL] = "string_val",
    [TF_SCOMPLEX_VAL] = "scomplex_val", [TF_INT64_VAL] = "int64_val",
    [TF_BOOL_VAL] = "bool_val",         [TF_DCOMPLEX_VAL] = "dcomplex_val",
    [TF_HALF_VAL] = "half_val",         [TF_UINT32_VAL] = "uint32_val",
    [TF_UINT64_VAL] = "uint64_val",
};

/* The list of a dtype; 0: no client sends it. */
static uint32_t list_of(enum dtype dtype)
{
    return dtype == DTYPE_I4 || dtype == DTYPE_U4 ? 0 : tf_tensor_list(dtype);
}

bool tensor_message_has(enum dtype dtype)
{
    return list_of(dtype) != 0;
}

/* --- reading --- */

struct parts { /* of the message, before its data is read */
    const struct protobuf *message;
    struct tensor *tensor;
    bool has_shape, has_content, fills;
    struct bytes content;
    uint32_t list; /* the only one that holds values; 0: none does */
};

static enum status hydrosphere_shape(const struct protobuf *message, struct shape *shape,
                                     struct arena *keep, struct error *err)
{
    int64_t *dims;
    size_t count;

    TRY(protobuf_all_i64(message, 1, &dims, &count, keep, err));
    if (count > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "a shape of more than %d dimensions", RANK_MAX);
    *shape = shape_of((int)count, dims);
    for (size_t d = 0; d < count; d++)
        if (dims[d] < -1)
            return error_set(err, STATUS_INVALID_INPUT, "a dimension is %lld", (long long)dims[d]);
    return STATUS_OK;
}

static enum status shape_read(const struct protobuf_field *field, enum tensor_dialect dialect,
                              struct parts *parts, struct arena *keep, struct error *err)
{
    struct protobuf message;
    size_t dims = 0;

    TRY(protobuf_message(field, &message, err));
    parts->has_shape = true;
    if (dialect == TENSOR_EITHER) {
        TRY(protobuf_count(&message, 1, &dims, err));
        dialect = dims ? TENSOR_HYDROSPHERE : TENSOR_TENSORFLOW;
    }
    if (dialect == TENSOR_HYDROSPHERE)
        return hydrosphere_shape(&message, &parts->tensor->shape, keep, err);
    TRY(tf_shape_read(&message, &parts->tensor->shape, NULL, keep, err));
    if (parts->tensor->shape.rank < 0) { /* unknown_rank */
        parts->has_shape = false;
        parts->tensor->shape = shape_scalar();
    }
    return STATUS_OK;
}

static enum status dtype_read(const struct protobuf_field *field, struct parts *parts,
                              struct error *err)
{
    int64_t code;

    TRY(protobuf_i64(field, &code, err));
    if (code == MAPS)
        return error_set(err, STATUS_INVALID_INPUT, "it is a map, and the field holds no others");
    parts->tensor->dtype = dtype_from_tf(code);
    if (parts->tensor->dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "%lld is no dtype", (long long)code);
    return STATUS_OK;
}

static enum status list_seen(struct parts *parts, const struct protobuf_field *field,
                             struct error *err)
{
    if (field->wire == PROTOBUF_BYTES && field->bytes.size == 0 && field->number != TF_STRING_VAL)
        return STATUS_OK; /* an empty list */
    if (parts->list && parts->list != field->number)
        return error_set(err, STATUS_INVALID_INPUT, "values stand in both %s and %s",
                         LISTS[parts->list], LISTS[field->number]);
    parts->list = field->number;
    return STATUS_OK;
}

static enum status part_read(const struct protobuf_field *field, enum tensor_dialect dialect,
                             struct parts *parts, struct arena *keep, struct error *err)
{
    switch (field->number) {
    case TF_DTYPE:
        return dtype_read(field, parts, err);
    case TF_TENSOR_SHAPE:
        return shape_read(field, dialect, parts, keep, err);
    case TF_TENSOR_CONTENT:
        TRY(protobuf_bytes(field, &parts->content, err));
        parts->has_content = parts->content.size > 0;
        return STATUS_OK;
    case RESOURCES:
    case VARIANTS:
        return error_set(err, STATUS_UNSUPPORTED, "resources and variants are no tensors");
    case MAPS:
        return error_set(err, STATUS_INVALID_INPUT,
                         "it has map_val, and the field holds no others");
    default:
        return field->number <= LAST && LISTS[field->number] ? list_seen(parts, field, err)
                                                             : STATUS_OK;
    }
}

static enum status parts_read(enum tensor_dialect dialect, struct parts *parts, struct arena *keep,
                              struct error *err)
{
    struct protobuf reader = *parts->message;
    struct protobuf_field field;
    char dtype[48];

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        TRY(part_read(&field, dialect, parts, keep, err));
    }
    if (parts->tensor->dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "it has no dtype");
    snprintf(dtype, sizeof dtype, "%s", dtype_name(parts->tensor->dtype));
    if (!list_of(parts->tensor->dtype))
        return error_set(err, STATUS_UNSUPPORTED, "tensors of %s", dtype);
    if (parts->has_content && parts->list)
        return error_set(err, STATUS_INVALID_INPUT, "it has both bytes and values in %s",
                         LISTS[parts->list]);
    if (parts->list && parts->list != list_of(parts->tensor->dtype))
        return error_set(err, STATUS_INVALID_INPUT, "its dtype is %s, its values stand in %s",
                         dtype, LISTS[parts->list]);
    return STATUS_OK;
}

/* Settle the shape by the number of elements that were sent. */
static enum status shape_settle(struct parts *parts, size_t given, struct error *err)
{
    struct shape *shape = &parts->tensor->shape;
    int free_dim = -1;
    size_t known = 1, bytes;

    if (!parts->has_shape && given == 0)
        return error_set(err, STATUS_INVALID_INPUT, "it has neither a shape nor values");
    if (!parts->has_shape && given != 1)
        *shape = SHAPE((int64_t)given);
    for (int d = 0; d < shape->rank; d++) {
        if (shape->dims[d] >= 0) {
            if (__builtin_mul_overflow(known, (size_t)shape->dims[d], &known))
                return error_set(err, STATUS_TOO_LARGE, "its shape is too large");
            continue;
        }
        if (free_dim >= 0)
            return error_set(err, STATUS_INVALID_INPUT, "several dimensions are -1");
        free_dim = d;
    }
    if (free_dim >= 0) {
        if (known ? given % known : given)
            return error_set(err, STATUS_INVALID_INPUT,
                             "%zu elements are no whole number of %zu, what the other dimensions "
                             "make",
                             given, known);
        shape->dims[free_dim] = known ? (int64_t)(given / known) : 0;
        known = given;
    }
    TRY(shape_check(shape, parts->tensor->dtype, SIZE_MAX / 2, &bytes, err));
    if (given == known)
        return STATUS_OK;
    if (given != 1 || !parts->fills)
        return error_set(err, STATUS_INVALID_INPUT, "%zu elements, its shape asks for %zu", given,
                         known);
    if (bytes > TENSOR_FILL_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "one value for %zu bytes, at most %d", bytes,
                         (int)TENSOR_FILL_BYTES_MAX);
    return STATUS_OK;
}

static enum status room(struct tensor *tensor, struct arena *keep, struct error *err)
{
    tensor->data = arena_alloc(keep, tensor_bytes(tensor), 1);
    return tensor->data ? STATUS_OK : error_no_memory(err, "a tensor");
}

/* The first element for all others. */
static void fill(struct tensor *tensor)
{
    size_t count = tensor_count(tensor), size = dtype_size(tensor->dtype);
    char *data = tensor->data;

    for (size_t i = 1; i < count; i++)
        memcpy(data + i * size, data, size);
}

/* --- bytes --- */

/* The sizes of all strings, then their bytes. */
static enum status strings_unpack(struct parts *parts, struct arena *keep, struct error *err)
{
    struct cursor cursor = cursor_over(parts->content);
    struct tensor *tensor = parts->tensor;
    struct bytes *strings;
    size_t count;
    uint64_t size;

    for (int d = 0; d < tensor->shape.rank; d++)
        if (tensor->shape.dims[d] < 0)
            return error_set(err, STATUS_INVALID_INPUT,
                             "a dimension of -1 with strings in tensor_content");
    TRY(shape_check(&tensor->shape, DTYPE_STRING, SIZE_MAX / 2, NULL, err));
    count = tensor_count(tensor);
    if (count > parts->content.size)
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes for %zu strings",
                         parts->content.size, count);
    TRY(room(tensor, keep, err));
    strings = tensor->data;
    for (size_t i = 0; i < count; i++) {
        size = cursor_varint(&cursor);
        strings[i].size = size > parts->content.size ? parts->content.size + 1 : (size_t)size;
    }
    for (size_t i = 0; i < count; i++) {
        strings[i] = cursor_take(&cursor, strings[i].size);
        if (!strings[i].data)
            strings[i].data = (const uint8_t *)"";
    }
    TRY(cursor_check(&cursor, err));
    if (cursor_left(&cursor))
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes behind the last string",
                         cursor_left(&cursor));
    return STATUS_OK;
}

static enum status bools_check(struct bytes bytes, struct error *err)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] > 1)
            return error_set(err, STATUS_INVALID_INPUT, "element %zu is %d, no bool", i,
                             bytes.data[i]);
    return STATUS_OK;
}

static enum status content_read(struct parts *parts, struct arena *keep, struct error *err)
{
    struct tensor *tensor = parts->tensor;
    size_t size = dtype_size(tensor->dtype);
    /* Complex numbers are pairs. */
    size_t align = dtype_kind(tensor->dtype) == KIND_COMPLEX ? size / 2 : size;

    if (tensor->dtype == DTYPE_STRING)
        return strings_unpack(parts, keep, err);
    if (parts->content.size % size)
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes are no whole number of %s",
                         parts->content.size, dtype_name(tensor->dtype));
    if (tensor->dtype == DTYPE_BOOL)
        TRY(bools_check(parts->content, err));
    TRY(shape_settle(parts, parts->content.size / size, err));
    if (tensor_bytes(tensor) == parts->content.size &&
        (uintptr_t)parts->content.data % align == 0) {
        tensor->data = (void *)(uintptr_t)parts->content.data;
        return STATUS_OK;
    }
    TRY(room(tensor, keep, err));
    memcpy(tensor->data, parts->content.data, parts->content.size);
    if (tensor_bytes(tensor) != parts->content.size)
        fill(tensor);
    return STATUS_OK;
}

/* --- values --- */

/* The range of what a list may hold for a dtype; for those of 64 bits, of the list's own. */
static void range_of(enum dtype dtype, int64_t *low, int64_t *high)
{
    int bits = (int)dtype_size(dtype) * 8;
    bool is_signed = dtype_kind(dtype) == KIND_INT || dtype == DTYPE_QI8 || dtype == DTYPE_QI16 ||
                     dtype == DTYPE_QI32;

    *low = INT64_MIN;
    *high = INT64_MAX;
    if (dtype == DTYPE_BOOL)
        bits = 1;
    if (bits == 64)
        return;
    *low = is_signed ? -((int64_t)1 << (bits - 1)) : 0;
    *high = ((int64_t)1 << (is_signed ? bits - 1 : bits)) - 1;
}

static enum status integers_read(struct parts *parts, struct arena *keep, struct error *err)
{
    struct tensor *tensor = parts->tensor;
    size_t size = dtype_size(tensor->dtype), given;
    int64_t *values, low, high;

    TRY(protobuf_all_i64(parts->message, parts->list, &values, &given, keep, err));
    TRY(shape_settle(parts, given, err));
    if (size == 8 && given == tensor_count(tensor)) { /* both kinds are their bits */
        tensor->data = values;
        return STATUS_OK;
    }
    TRY(room(tensor, keep, err));
    range_of(tensor->dtype, &low, &high);
    for (size_t i = 0; i < given; i++) {
        int64_t value = values[i];

        if (tensor->dtype == DTYPE_BOOL)
            value = value != 0; /* as every reader of a bool */
        if (value < low || value > high)
            return error_set(err, STATUS_INVALID_INPUT,
                             "element %zu, %lld, is out of the range "
                             "of %s",
                             i, (long long)value, dtype_name(tensor->dtype));
        memcpy((char *)tensor->data + i * size, &value, size); /* little-endian, as we are */
    }
    if (given != tensor_count(tensor))
        fill(tensor);
    return STATUS_OK;
}

/* The only run of a packed list, when it is one and aligned: no copy is needed. */
static enum status packed_run(struct parts *parts, size_t width, struct bytes *run,
                              struct error *err)
{
    struct protobuf reader = *parts->message;
    struct protobuf_field field;
    bool first = true;

    *run = (struct bytes){0};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != parts->list)
            continue;
        if (!first || field.wire != PROTOBUF_BYTES || field.bytes.size % width ||
            (uintptr_t)field.bytes.data % width) {
            *run = (struct bytes){0};
            return STATUS_OK;
        }
        *run = field.bytes;
        first = false;
    }
}

static enum status floats_read(struct parts *parts, bool is_double, struct arena *keep,
                               struct error *err)
{
    struct tensor *tensor = parts->tensor;
    size_t width = is_double ? sizeof(double) : sizeof(float), given;
    size_t each = dtype_size(tensor->dtype) / width;
    struct bytes run;
    void *values;

    TRY(packed_run(parts, width, &run, err));
    values = (void *)(uintptr_t)run.data;
    given = run.size / width;
    if (!run.size && is_double)
        TRY(protobuf_all_f64(parts->message, parts->list, (double **)&values, &given, keep, err));
    if (!run.size && !is_double)
        TRY(protobuf_all_f32(parts->message, parts->list, (float **)&values, &given, keep, err));
    if (given % each)
        return error_set(err, STATUS_INVALID_INPUT, "%zu parts of complex numbers are no pairs",
                         given);
    given /= each;
    TRY(shape_settle(parts, given, err));
    if (given == tensor_count(tensor)) {
        tensor->data = values;
        return STATUS_OK;
    }
    TRY(room(tensor, keep, err));
    memcpy(tensor->data, values, given * dtype_size(tensor->dtype));
    fill(tensor);
    return STATUS_OK;
}

static enum status strings_read(struct parts *parts, struct arena *keep, struct error *err)
{
    struct tensor *tensor = parts->tensor;
    struct bytes *values;
    size_t given;

    TRY(protobuf_all_bytes(parts->message, TF_STRING_VAL, &values, &given, keep, err));
    for (size_t i = 0; i < given; i++)
        if (!values[i].data)
            values[i].data = (const uint8_t *)"";
    TRY(shape_settle(parts, given, err));
    tensor->data = values;
    if (given == tensor_count(tensor))
        return STATUS_OK;
    TRY(room(tensor, keep, err));
    ((struct bytes *)tensor->data)[0] = values[0];
    fill(tensor);
    return STATUS_OK;
}

static enum status values_read(struct parts *parts, struct arena *keep, struct error *err)
{
    switch (parts->list) {
    case TF_FLOAT_VAL:
    case TF_SCOMPLEX_VAL:
        return floats_read(parts, false, keep, err);
    case TF_DOUBLE_VAL:
    case TF_DCOMPLEX_VAL:
        return floats_read(parts, true, keep, err);
    case TF_STRING_VAL:
        return strings_read(parts, keep, err);
    case 0: /* nothing is there, which is right for a shape without elements */
        parts->fills = false;
        TRY(shape_settle(parts, 0, err));
        return room(parts->tensor, keep, err);
    default:
        return integers_read(parts, keep, err);
    }
}

enum status tensor_message_read(const struct protobuf *message, enum tensor_dialect dialect,
                                struct tensor *tensor, struct arena *keep, struct error *err)
{
    struct parts parts = {
        .message = message, .tensor = tensor, .fills = dialect == TENSOR_TENSORFLOW};

    *tensor = (struct tensor){.shape = shape_scalar()};
    TRY(parts_read(dialect, &parts, keep, err));
    return parts.has_content ? content_read(&parts, keep, err) : values_read(&parts, keep, err);
}

/* --- maps --- */

static enum status map_part(const struct protobuf_field *field, enum tensor_dialect dialect,
                            struct parts *parts, struct arena *keep, struct error *err)
{
    int64_t code;

    if (field->number == TF_TENSOR_SHAPE)
        return shape_read(field, dialect, parts, keep, err);
    if (field->number == TF_DTYPE) {
        TRY(protobuf_i64(field, &code, err));
        if (code != 0 && code != MAPS) /* clients forget it */
            return error_set(err, STATUS_INVALID_INPUT, "its dtype is %lld, not DT_MAP",
                             (long long)code);
    }
    if (field->number == TF_TENSOR_CONTENT ||
        (field->number <= LAST && LISTS[field->number] && field->bytes.size))
        return error_set(err, STATUS_INVALID_INPUT, "it is a map with values of its own");
    return STATUS_OK;
}

enum status tensor_message_maps(const struct protobuf *message, enum tensor_dialect dialect,
                                struct bytes **maps, size_t *count, struct shape *shape,
                                struct arena *keep, struct error *err)
{
    struct tensor tensor = {.shape = shape_scalar()};
    struct parts parts = {.message = message, .tensor = &tensor};
    struct protobuf reader = *message;
    struct protobuf_field field;

    do {
        TRY(protobuf_next(&reader, &field, err));
        TRY(map_part(&field, dialect, &parts, keep, err));
    } while (field.number);
    TRY(protobuf_all_bytes(message, MAPS, maps, count, keep, err));
    if (parts.has_shape || *count)
        TRY(shape_settle(&parts, *count, err));
    else
        tensor.shape = SHAPE(0);
    *shape = tensor.shape;
    return STATUS_OK;
}

enum status tensor_entry_split(const struct protobuf_field *field, const char **key,
                               struct protobuf *value, struct arena *keep, struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;
    char quoted[TEXT_QUOTE_SIZE];
    bool has_value = false;

    *key = "";
    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            break;
        if (part.number == 1)
            TRY(protobuf_text(&part, key, keep, err));
        if (part.number != 2)
            continue;
        TRY(protobuf_message(&part, value, err));
        has_value = true;
    }
    if (!has_value)
        return error_set(err, STATUS_INVALID_INPUT, "'%s': it has no tensor",
                         text_quote(bytes_of(*key), quoted, sizeof quoted));
    return STATUS_OK;
}
