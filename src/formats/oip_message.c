// SPDX-License-Identifier: Apache-2.0
#include "formats/oip_message.h"

/* Fields of InferTensorContents. */
enum { BOOLS = 1, INTS, INT64S, UINTS, UINT64S, FLOATS, DOUBLES, STRINGS, CONTENTS_END };

static const char *const CONTENTS[CONTENTS_END] = {
    "",
    "bool_contents",
    "int_contents",
    "int64_contents",
    "uint_contents",
    "uint64_contents",
    "fp32_contents",
    "fp64_contents",
    "bytes_contents",
};

/* Where elements of a dtype stand; 0: only raw. */
static uint32_t contents_of(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_BOOL:
        return BOOLS;
    case DTYPE_I8:
    case DTYPE_I16:
    case DTYPE_I32:
        return INTS;
    case DTYPE_I64:
        return INT64S;
    case DTYPE_U8:
    case DTYPE_U16:
    case DTYPE_U32:
        return UINTS;
    case DTYPE_U64:
        return UINT64S;
    case DTYPE_F32:
        return FLOATS;
    case DTYPE_F64:
        return DOUBLES;
    case DTYPE_STRING:
        return STRINGS;
    default:
        return 0;
    }
}

/* --- parameters: map<string, InferParameter> --- */

struct parameter {
    const char *key;
    const char *text; /* NULL: it is no string */
    int64_t integer;  /* of bool, int64 and uint64 */
    bool has_integer;
};

static enum status parameter_value(const struct protobuf_field *field, struct parameter *parameter,
                                   struct arena *keep, struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;

    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            return STATUS_OK;
        if (part.number == 3)
            TRY(protobuf_text(&part, &parameter->text, keep, err));
        if (part.number != 1 && part.number != 2 && part.number != 5)
            continue;
        TRY(protobuf_i64(&part, &parameter->integer, err));
        parameter->has_integer = true;
    }
}

static enum status parameter_read(const struct protobuf_field *field, struct parameter *parameter,
                                  struct arena *keep, struct error *err)
{
    struct protobuf entry;
    struct protobuf_field key, value;

    *parameter = (struct parameter){.key = ""};
    TRY(protobuf_message(field, &entry, err));
    TRY(protobuf_entry(entry, &key, &value, err));
    TRY(protobuf_text(&key, &parameter->key, keep, err));
    return parameter_value(&value, parameter, keep, err);
}

/* Of a request. */
static enum status request_parameter(const struct protobuf_field *field,
                                     struct oip_request *request, struct arena *keep,
                                     struct error *err)
{
    struct parameter parameter;

    TRY(parameter_read(field, &parameter, keep, err));
    if (strcmp(parameter.key, "signature") == 0) {
        if (!parameter.text)
            return error_set(err, STATUS_INVALID_INPUT, "parameter \"signature\" is no string");
        request->signature = parameter.text;
    }
    if (strcmp(parameter.key, "timeout") == 0) {
        if (!parameter.has_integer || parameter.integer < 0)
            return error_set(err, STATUS_INVALID_INPUT,
                             "parameter \"timeout\" is no number of microseconds");
        request->timeout_us = parameter.integer;
    }
    return STATUS_OK;
}

/* Of a tensor. */
static enum status tensor_parameter(const struct protobuf_field *field, struct oip_tensor *tensor,
                                    struct arena *keep, struct error *err)
{
    struct parameter parameter;

    TRY(parameter_read(field, &parameter, keep, err));
    if (strncmp(parameter.key, "shared_memory_", 14) == 0)
        return error_set(err, STATUS_UNSUPPORTED, "shared memory is not supported");
    if (strcmp(parameter.key, "classification") == 0)
        return error_set(err, STATUS_UNSUPPORTED, "classification is not supported");
    if (strcmp(parameter.key, "binary_data") == 0)
        tensor->binary = parameter.has_integer && parameter.integer;
    return STATUS_OK;
}

/* --- inputs --- */

struct input {
    struct oip_tensor *tensor;
    struct protobuf contents;
    bool has_contents;
};

static enum status datatype_read(const struct protobuf_field *field, enum dtype *dtype,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;

    TRY(protobuf_bytes(field, &name, err));
    *dtype = dtype_from_oip(name);
    if (*dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no datatype",
                         text_quote(name, quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status shape_read(const struct protobuf *message, struct shape *shape,
                              struct arena *keep, struct error *err)
{
    int64_t *dims;
    size_t count;

    TRY(protobuf_all_i64(message, 3, &dims, &count, keep, err));
    if (count > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "a shape of more than %d dimensions", RANK_MAX);
    *shape = shape_of((int)count, dims);
    for (size_t d = 0; d < count; d++)
        if (dims[d] < 0)
            return error_set(err, STATUS_INVALID_INPUT, "a dimension is %lld", (long long)dims[d]);
    return STATUS_OK;
}

static enum status integers_read(struct input *input, uint32_t list, struct arena *keep,
                                 struct error *err)
{
    struct tensor *tensor = &input->tensor->tensor;
    size_t size = dtype_size(tensor->dtype), count;
    bool is_signed = dtype_kind(tensor->dtype) == KIND_INT;
    int bits = tensor->dtype == DTYPE_BOOL ? 1 : (int)size * 8;
    int64_t *values, low = 0, high = INT64_MAX;

    TRY(protobuf_all_i64(&input->contents, list, &values, &count, keep, err));
    if (count != tensor_count(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "%zu elements, its shape asks for %zu", count,
                         tensor_count(tensor));
    tensor->data = values;
    if (size == 8)
        return STATUS_OK;
    if (is_signed)
        low = -((int64_t)1 << (bits - 1));
    high = ((int64_t)1 << (is_signed ? bits - 1 : bits)) - 1;
    for (size_t i = 0; i < count; i++) {
        int64_t value = tensor->dtype == DTYPE_BOOL ? values[i] != 0 : values[i];

        if (value < low || value > high)
            return error_set(err, STATUS_INVALID_INPUT,
                             "element %zu, %lld, is out of the range of %s", i, (long long)value,
                             dtype_oip(tensor->dtype));
        memcpy((char *)tensor->data + i * size, &value, size); /* in place: it only gets shorter */
    }
    return STATUS_OK;
}

static enum status others_read(struct input *input, uint32_t list, struct arena *keep,
                               struct error *err)
{
    struct tensor *tensor = &input->tensor->tensor;
    size_t count = 0;
    struct bytes *strings;
    double *doubles;
    float *floats;

    if (list == STRINGS) {
        TRY(protobuf_all_bytes(&input->contents, list, &strings, &count, keep, err));
        tensor->data = strings;
        for (size_t i = 0; i < count; i++)
            if (!strings[i].data)
                strings[i].data = (const uint8_t *)"";
    } else if (list == FLOATS) {
        TRY(protobuf_all_f32(&input->contents, list, &floats, &count, keep, err));
        tensor->data = floats;
    } else {
        TRY(protobuf_all_f64(&input->contents, list, &doubles, &count, keep, err));
        tensor->data = doubles;
    }
    if (count != tensor_count(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "%zu elements, its shape asks for %zu", count,
                         tensor_count(tensor));
    return STATUS_OK;
}

/* Values in a list that is not the datatype's would be lost. */
static enum status contents_check(const struct input *input, uint32_t list, struct error *err)
{
    struct protobuf reader = input->contents;
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != list && field.number < CONTENTS_END)
            return error_set(err, STATUS_INVALID_INPUT,
                             "its datatype is %s, its elements stand in %s",
                             dtype_oip(input->tensor->tensor.dtype), CONTENTS[field.number]);
    }
}

static enum status contents_read(struct input *input, struct arena *keep, struct error *err)
{
    struct tensor *tensor = &input->tensor->tensor;
    uint32_t list = contents_of(tensor->dtype);

    if (!list)
        return error_set(err, STATUS_INVALID_INPUT, "%s stands only in raw_input_contents",
                         dtype_oip(tensor->dtype));
    TRY(shape_check(&tensor->shape, tensor->dtype, SIZE_MAX / 2, NULL, err));
    if (!input->has_contents) {
        tensor->data = arena_alloc(keep, 1, 16);
        return tensor_count(tensor) ? error_set(err, STATUS_INVALID_INPUT, "it has no contents")
               : tensor->data       ? STATUS_OK
                                    : error_no_memory(err, "a tensor");
    }
    TRY(contents_check(input, list, err));
    if (list == FLOATS || list == DOUBLES || list == STRINGS)
        return others_read(input, list, keep, err);
    return integers_read(input, list, keep, err);
}

static enum status input_parts(const struct protobuf_field *field, struct input *input,
                               struct arena *keep, struct error *err)
{
    struct protobuf message, reader;
    struct protobuf_field part;

    TRY(protobuf_message(field, &message, err));
    reader = message;
    for (;;) {
        TRY(protobuf_next(&reader, &part, err));
        if (!part.number)
            break;
        if (part.number == 1)
            TRY(protobuf_text(&part, &input->tensor->name, keep, err));
        if (part.number == 2)
            TRY(datatype_read(&part, &input->tensor->tensor.dtype, err));
        if (part.number == 4)
            TRY(tensor_parameter(&part, input->tensor, keep, err));
        if (part.number != 5)
            continue;
        TRY(protobuf_message(&part, &input->contents, err));
        input->has_contents = true;
    }
    if (input->tensor->tensor.dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "it has no datatype");
    return shape_read(&message, &input->tensor->tensor.shape, keep, err);
}

/* `raw`: its element of raw_input_contents, or NULL. */
static enum status input_read(const struct protobuf_field *field, struct oip_tensor *tensor,
                              const struct bytes *raw, struct arena *keep, struct error *err)
{
    struct input input = {.tensor = tensor};
    enum dtype dtype;
    struct shape shape;

    tensor->name = "";
    TRY(input_parts(field, &input, keep, err));
    tensor->binary = raw != NULL;
    if (!raw)
        return contents_read(&input, keep, err);
    if (input.has_contents)
        return error_set(err, STATUS_INVALID_INPUT,
                         "it has contents, and there are raw_input_contents");
    dtype = tensor->tensor.dtype;
    shape = tensor->tensor.shape;
    return oip_binary_read(*raw, dtype, &shape, &tensor->tensor, keep, err);
}

static enum status inputs_read(const struct protobuf *message, struct oip_request *request,
                               struct arena *keep, struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    struct bytes *raws;
    size_t raw_count, i = 0;

    TRY(protobuf_all_bytes(message, 7, &raws, &raw_count, keep, err));
    TRY(protobuf_count(message, 5, &request->input_count, err));
    if (raw_count && raw_count != request->input_count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu raw_input_contents for %zu inputs",
                         raw_count, request->input_count);
    request->binary_output = raw_count > 0;
    request->inputs = arena_new(keep, struct oip_tensor, request->input_count);
    if (!request->inputs)
        return error_no_memory(err, "the inputs");
    while (i < request->input_count) {
        struct oip_tensor *tensor = &request->inputs[i];
        char quoted[TEXT_QUOTE_SIZE];

        TRY(protobuf_next(&reader, &field, err));
        if (field.number != 5)
            continue;
        if (input_read(&field, tensor, raw_count ? &raws[i] : NULL, keep, err))
            return error_within(err, "input '%s'",
                                text_quote(bytes_of(tensor->name), quoted, sizeof quoted));
        i++;
    }
    return STATUS_OK;
}

static enum status output_read(const struct protobuf_field *field, struct oip_tensor *output,
                               struct arena *keep, struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;

    output->name = "";
    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            return STATUS_OK;
        if (part.number == 1)
            TRY(protobuf_text(&part, &output->name, keep, err));
        if (part.number == 2)
            TRY(tensor_parameter(&part, output, keep, err));
    }
}

static enum status outputs_read(const struct protobuf *message, struct oip_request *request,
                                struct arena *keep, struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    size_t i = 0;

    TRY(protobuf_count(message, 6, &request->output_count, err));
    request->outputs = arena_new(keep, struct oip_tensor, request->output_count);
    if (!request->outputs)
        return error_no_memory(err, "the outputs");
    while (i < request->output_count) {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == 6)
            TRY(output_read(&field, &request->outputs[i++], keep, err));
    }
    return STATUS_OK;
}

enum status oip_message_model(struct bytes message, const char **model, const char **version,
                              struct arena *keep, struct error *err)
{
    struct protobuf reader = protobuf_over(message);
    struct protobuf_field field;

    *model = *version = "";
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_text(&field, model, keep, err));
        if (field.number == 2)
            TRY(protobuf_text(&field, version, keep, err));
    }
}

enum status oip_message_read(struct bytes bytes, struct oip_message *request, struct arena *keep,
                             struct error *err)
{
    struct protobuf message = protobuf_over(bytes), reader = message;
    struct protobuf_field field;

    *request = (struct oip_message){0};
    TRY(oip_message_model(bytes, &request->model, &request->version, keep, err));
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == 3)
            TRY(protobuf_text(&field, &request->request.id, keep, err));
        if (field.number == 4)
            TRY(request_parameter(&field, &request->request, keep, err));
    }
    TRY(inputs_read(&message, &request->request, keep, err));
    return outputs_read(&message, &request->request, keep, err);
}

/* --- writing --- */

static uint64_t varint_of(const struct tensor *tensor, size_t i)
{
    size_t size = dtype_size(tensor->dtype);
    uint64_t bits = 0;

    memcpy(&bits, (const char *)tensor->data + i * size, size);
    if (dtype_kind(tensor->dtype) == KIND_INT && size < 8 && bits >> (8 * size - 1))
        bits |= ~(uint64_t)0 << 8 * size;
    return bits;
}

static void contents_write(struct text *text, const struct tensor *tensor)
{
    uint32_t list = contents_of(tensor->dtype);
    const struct bytes *strings = tensor->data;
    size_t count = tensor_count(tensor), begin = protobuf_write_begin(text), inner;

    if (list == STRINGS) {
        for (size_t i = 0; i < count; i++)
            protobuf_write_bytes(text, list, strings[i]);
    } else if (list == FLOATS || list == DOUBLES) {
        protobuf_write_bytes(text, list, (struct bytes){tensor->data, tensor_bytes(tensor)});
    } else {
        inner = protobuf_write_begin(text);
        for (size_t i = 0; i < count; i++)
            protobuf_write_varint(text, varint_of(tensor, i));
        protobuf_write_end(text, list, inner);
    }
    protobuf_write_end(text, 5, begin);
}

static void output_write(struct text *text, const struct oip_tensor *output, bool raw)
{
    const struct tensor *tensor = &output->tensor;
    size_t begin = protobuf_write_begin(text);

    protobuf_write_text(text, 1, output->name);
    protobuf_write_text(text, 2, dtype_oip(tensor->dtype));
    if (tensor->shape.rank)
        protobuf_write_packed_i64(text, 3, tensor->shape.dims, (size_t)tensor->shape.rank);
    if (!raw)
        contents_write(text, tensor);
    protobuf_write_end(text, 5, begin);
}

enum status oip_message_write(const struct oip_response *response, struct text *text,
                              struct error *err)
{
    const struct oip_tensor *outputs = response->outputs;
    bool raw = false;

    for (size_t i = 0; i < response->output_count; i++) {
        if (!*dtype_oip(outputs[i].tensor.dtype))
            return error_set(err, STATUS_UNSUPPORTED,
                             "output '%.64s' is of %s, for which the "
                             "protocol has no name",
                             outputs[i].name, dtype_name(outputs[i].tensor.dtype));
        raw |= outputs[i].binary || !contents_of(outputs[i].tensor.dtype);
    }
    if (response->model_name)
        protobuf_write_text(text, 1, response->model_name);
    if (response->model_version)
        protobuf_write_text(text, 2, response->model_version);
    if (response->id && *response->id)
        protobuf_write_text(text, 3, response->id);
    for (size_t i = 0; i < response->output_count; i++)
        output_write(text, &outputs[i], raw);
    for (size_t i = 0; raw && i < response->output_count; i++) {
        protobuf_write_size(text, 6, oip_binary_size(&outputs[i].tensor));
        oip_binary_write(text, &outputs[i].tensor);
    }
    return STATUS_OK;
}
