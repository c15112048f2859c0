// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/tensor_proto.h"

#include "base/cursor.h"

static const size_t BYTES_MAX = (size_t)1 << 40;
/* Values that are repeated rather than stored: a small file may not ask for all memory. */
static const size_t REPEATED_MAX = (size_t)1 << 30;

static enum status dim_read(struct protobuf dim, int64_t *size, const char **name,
                            struct arena *keep, struct error *err)
{
    struct protobuf_field field;

    *size = 0;
    for (;;) {
        TRY(protobuf_next(&dim, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_i64(&field, size, err));
        if (field.number == 2 && name)
            TRY(protobuf_text(&field, name, keep, err));
    }
}

enum status tf_shape_read(const struct protobuf *message, struct shape *shape,
                          const char *names[RANK_MAX], struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, dim;
    struct protobuf_field field;
    bool unknown = false;

    *shape = (struct shape){0};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == 3)
            TRY(protobuf_bool(&field, &unknown, err));
        if (field.number != 2)
            continue;
        if (shape->rank == RANK_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "a shape of more than %d dimensions",
                             RANK_MAX);
        if (names)
            names[shape->rank] = NULL;
        TRY(protobuf_message(&field, &dim, err));
        TRY(dim_read(dim, &shape->dims[shape->rank], names ? &names[shape->rank] : NULL, keep,
                     err));
        if (shape->dims[shape->rank] < -1)
            return error_set(err, STATUS_INVALID_INPUT, "a dimension is %lld",
                             (long long)shape->dims[shape->rank]);
        shape->rank++;
    }
    if (unknown)
        *shape = shape_unknown();
    return STATUS_OK;
}

/* --- values --- */

/* The sizes of all, then their bytes. */
static enum status strings_content_read(struct bytes content, struct tensor *tensor,
                                        struct arena *keep, struct error *err)
{
    struct cursor cursor = cursor_over(content);
    size_t count = tensor_count(tensor);
    struct bytes *data;

    if (count > content.size)
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes of content for %zu strings",
                         content.size, count);
    tensor->data = data = arena_new(keep, struct bytes, count);
    if (!data)
        return error_no_memory(err, "a tensor");
    for (size_t i = 0; i < count; i++)
        data[i].size = cursor_varint(&cursor);
    for (size_t i = 0; i < count; i++)
        data[i] = cursor_take(&cursor, data[i].size);
    TRY(cursor_check(&cursor, err));
    return cursor_left(&cursor)
               ? error_set(err, STATUS_INVALID_INPUT, "%zu bytes of content behind its strings",
                           cursor_left(&cursor))
               : STATUS_OK;
}

static enum status content_read(struct bytes content, struct tensor *tensor, struct arena *keep,
                                struct error *err)
{
    size_t size = tensor_bytes(tensor);

    if (tensor->dtype == DTYPE_STRING)
        return strings_content_read(content, tensor, keep, err);
    if (content.size != size)
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes of content, its shape asks for %zu",
                         content.size, size);
    if ((uintptr_t)content.data % 8 == 0) {
        tensor->data = (void *)(uintptr_t)content.data;
        return STATUS_OK;
    }
    tensor->data = arena_alloc(keep, size, 1);
    if (!tensor->data)
        return error_no_memory(err, "a tensor");
    memcpy(tensor->data, content.data, size);
    return STATUS_OK;
}

uint32_t tf_tensor_list(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32:
        return TF_FLOAT_VAL;
    case DTYPE_F64:
        return TF_DOUBLE_VAL;
    case DTYPE_F16:
    case DTYPE_BF16:
        return TF_HALF_VAL;
    case DTYPE_C64:
        return TF_SCOMPLEX_VAL;
    case DTYPE_C128:
        return TF_DCOMPLEX_VAL;
    case DTYPE_I64:
        return TF_INT64_VAL;
    case DTYPE_BOOL:
        return TF_BOOL_VAL;
    case DTYPE_U32:
        return TF_UINT32_VAL;
    case DTYPE_U64:
        return TF_UINT64_VAL;
    case DTYPE_STRING:
        return TF_STRING_VAL;
    case DTYPE_I8:
    case DTYPE_I16:
    case DTYPE_I32:
    case DTYPE_U8:
    case DTYPE_U16:
    case DTYPE_QI8:
    case DTYPE_QU8:
    case DTYPE_QI16:
    case DTYPE_QU16:
    case DTYPE_QI32:
    case DTYPE_I4:
    case DTYPE_U4:
        return TF_INT_VAL;
    default:
        return 0;
    }
}

static void integer_put(void *to, size_t size, int64_t value)
{
    memcpy(to, &value, size); /* little-endian, as all that we run on */
}

/* `given` elements were stored: the last one fills the rest. */
static void repeat_last(struct tensor *tensor, size_t given)
{
    size_t count = tensor_count(tensor), size = dtype_size(tensor->dtype);
    char *data = tensor->data;

    for (size_t i = given; given && i < count; i++)
        memcpy(data + i * size, data + (given - 1) * size, size);
}

static enum status too_many(size_t given, const struct tensor *tensor, struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "%zu values, its shape asks for %zu", given,
                     tensor_count(tensor));
}

static enum status integers_read(const struct protobuf *message, uint32_t list,
                                 struct tensor *tensor, size_t *given, struct arena *keep,
                                 struct error *err)
{
    size_t size = dtype_size(tensor->dtype);
    int64_t *values;

    TRY(protobuf_all_i64(message, list, &values, given, keep, err));
    if (*given > tensor_count(tensor))
        return too_many(*given, tensor, err);
    for (size_t i = 0; i < *given; i++)
        integer_put((char *)tensor->data + i * size, size, values[i]);
    return STATUS_OK;
}

/* Complex numbers are stored as pairs. */
static enum status floats_read(const struct protobuf *message, uint32_t list, bool is_double,
                               struct tensor *tensor, size_t *given, struct arena *keep,
                               struct error *err)
{
    size_t each = dtype_size(tensor->dtype) / (is_double ? sizeof(double) : sizeof(float));
    void *values;

    if (is_double)
        TRY(protobuf_all_f64(message, list, (double **)&values, given, keep, err));
    else
        TRY(protobuf_all_f32(message, list, (float **)&values, given, keep, err));
    if (*given % each || *given / each > tensor_count(tensor))
        return too_many(*given, tensor, err);
    *given /= each;
    if (*given)
        memcpy(tensor->data, values, *given * dtype_size(tensor->dtype));
    return STATUS_OK;
}

static enum status strings_read(const struct protobuf *message, struct tensor *tensor,
                                size_t *given, struct arena *keep, struct error *err)
{
    struct bytes *values, *data = tensor->data;

    TRY(protobuf_all_bytes(message, TF_STRING_VAL, &values, given, keep, err));
    if (*given > tensor_count(tensor))
        return too_many(*given, tensor, err);
    for (size_t i = 0; i < tensor_count(tensor); i++)
        data[i] = i < *given ? values[i] : (struct bytes){(const uint8_t *)"", 0};
    for (size_t i = 0; i < *given; i++)
        if (!data[i].data)
            data[i].data = (const uint8_t *)"";
    return STATUS_OK;
}

static enum status lists_read(const struct protobuf *message, struct tensor *tensor, size_t *given,
                              struct arena *keep, struct error *err)
{
    uint32_t list = tf_tensor_list(tensor->dtype);

    *given = 0;
    if (!list)
        return error_set(err, STATUS_UNSUPPORTED, "constants of %s", dtype_name(tensor->dtype));
    if (tensor_bytes(tensor) > REPEATED_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%zu bytes from a list of values",
                         tensor_bytes(tensor));
    tensor->data = arena_alloc(keep, tensor_bytes(tensor), 1);
    if (!tensor->data)
        return error_no_memory(err, "a tensor");
    if (list == TF_FLOAT_VAL || list == TF_SCOMPLEX_VAL)
        TRY(floats_read(message, list, false, tensor, given, keep, err));
    else if (list == TF_DOUBLE_VAL || list == TF_DCOMPLEX_VAL)
        TRY(floats_read(message, list, true, tensor, given, keep, err));
    else if (list == TF_STRING_VAL)
        TRY(strings_read(message, tensor, given, keep, err));
    else
        TRY(integers_read(message, list, tensor, given, keep, err));
    return STATUS_OK;
}

enum status tf_values_read(const struct protobuf *message, struct tensor *tensor,
                           struct arena *keep, struct error *err)
{
    size_t given;

    TRY(lists_read(message, tensor, &given, keep, err));
    if (given != tensor_count(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "%zu values, its shape asks for %zu", given,
                         tensor_count(tensor));
    return STATUS_OK;
}

enum status tf_tensor_read(const struct protobuf *message, struct tensor *tensor,
                           struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, shape;
    struct protobuf_field field;
    struct bytes content = {NULL, 0};
    int64_t code = 0;
    size_t given;

    *tensor = (struct tensor){.shape = shape_scalar()};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == TF_DTYPE)
            TRY(protobuf_i64(&field, &code, err));
        if (field.number == TF_TENSOR_CONTENT)
            TRY(protobuf_bytes(&field, &content, err));
        if (field.number != TF_TENSOR_SHAPE)
            continue;
        TRY(protobuf_message(&field, &shape, err));
        TRY(tf_shape_read(&shape, &tensor->shape, NULL, keep, err));
    }
    tensor->dtype = dtype_from_tf(code);
    if (tensor->dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "a constant of TensorFlow dtype %lld",
                         (long long)code);
    if (!shape_is_known(&tensor->shape))
        return error_set(err, STATUS_INVALID_INPUT, "a constant without a known shape");
    TRY(shape_check(&tensor->shape, tensor->dtype, BYTES_MAX, NULL, err));
    if (content.size)
        return content_read(content, tensor, keep, err);
    TRY(lists_read(message, tensor, &given, keep, err));
    repeat_last(tensor, given);
    return STATUS_OK;
}

/* --- writing --- */

static void head_write(struct text *text, const struct tensor *tensor)
{
    size_t shape;

    protobuf_write_i64(text, TF_DTYPE, dtype_to_tf(tensor->dtype));
    shape = protobuf_write_begin(text);
    for (int i = 0; i < tensor->shape.rank; i++) {
        size_t dim = protobuf_write_begin(text);

        if (tensor->shape.dims[i])
            protobuf_write_i64(text, 1, tensor->shape.dims[i]);
        protobuf_write_end(text, 2, dim);
    }
    protobuf_write_end(text, TF_TENSOR_SHAPE, shape);
}

void tf_tensor_write(struct text *text, const struct tensor *tensor)
{
    head_write(text, tensor);
    if (tensor->dtype == DTYPE_STRING)
        for (size_t i = 0; i < tensor_count(tensor); i++)
            protobuf_write_bytes(text, TF_STRING_VAL, ((const struct bytes *)tensor->data)[i]);
    else if (tensor_bytes(tensor))
        protobuf_write_bytes(text, TF_TENSOR_CONTENT,
                             (struct bytes){tensor->data, tensor_bytes(tensor)});
}

void tf_tensor_write_content(struct text *text, const struct tensor *tensor)
{
    const struct bytes *strings = tensor->data;
    size_t count = tensor_count(tensor), content;

    if (tensor->dtype != DTYPE_STRING) {
        tf_tensor_write(text, tensor);
        return;
    }
    head_write(text, tensor);
    if (!count)
        return;
    content = protobuf_write_begin(text);
    for (size_t i = 0; i < count; i++)
        protobuf_write_varint(text, strings[i].size);
    for (size_t i = 0; i < count; i++)
        text_append_bytes(text, strings[i]);
    protobuf_write_end(text, TF_TENSOR_CONTENT, content);
}
