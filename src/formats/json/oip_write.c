// SPDX-License-Identifier: Apache-2.0
/* Writing of Open Inference v2 bodies. */
#include "base/number.h"
#include "formats/json/oip.h"
#include "tensor/sequence.h"

/* Binary strings: a little-endian uint32 and that many bytes each. Those above 4 GiB fail the text,
 * as too large. */
/* "datatype":..,"shape":[..] */
static void write_type(struct text *text, const struct tensor *tensor)
{
    const char *datatype = dtype_oip(tensor->dtype);
    char number[NUMBER_SIZE];
    size_t size;

    text_append(text, "\"datatype\":");
    json_write_text(text, tensor->dtype == DTYPE_SEQUENCE   ? "SEQUENCE"
                          : tensor->dtype == DTYPE_OPTIONAL ? "OPTIONAL"
                          : *datatype                       ? datatype
                                                            : dtype_name(tensor->dtype));
    text_append(text, ",\"shape\":[");
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (i)
            text_append_char(text, ',');
        size = number_print_i64(tensor->shape.dims[i], number);
        text_append_bytes(text, (struct bytes){(const uint8_t *)number, size});
    }
    text_append_char(text, ']');
}

/* "data":[..]; of a sequence or optional, its items as tensors without names. They nest no deeper
 * than an optional sequence of tensors. */
static void write_data(struct text *text, const struct tensor *tensor)
{
    const struct sequence *sequence;

    text_append(text, ",\"data\":");
    if (!dtype_is_container(tensor->dtype)) {
        json_write_tensor(text, tensor);
        return;
    }
    sequence = tensor_sequence(tensor);
    text_append_char(text, '[');
    for (size_t i = 0; i < sequence->count; i++) {
        text_append(text, i ? ",{" : "{");
        write_type(text, &sequence->items[i]);
        write_data(text, &sequence->items[i]);
        text_append_char(text, '}');
    }
    text_append_char(text, ']');
}

/* Sequences and optionals have no binary form. */
static bool is_binary(const struct oip_tensor *item)
{
    return item->binary && !dtype_is_container(item->tensor.dtype);
}

static void write_tensor(struct text *text, const struct oip_tensor *item)
{
    text_append_char(text, '{');
    json_write_key(text, "name");
    json_write_text(text, item->name);
    text_append_char(text, ',');
    write_type(text, &item->tensor);
    if (is_binary(item))
        text_printf(text, ",\"parameters\":{\"binary_data_size\":%zu}",
                    oip_binary_size(&item->tensor));
    else
        write_data(text, &item->tensor);
    text_append_char(text, '}');
}

/* "key":[...] */
static void write_tensors(struct text *text, const char *key, const struct oip_tensor *items,
                          size_t count)
{
    json_write_key(text, key);
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(text, ',');
        write_tensor(text, &items[i]);
    }
    text_append_char(text, ']');
}

static void write_binaries(struct text *text, const struct oip_tensor *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = &items[i].tensor;
        if (!is_binary(&items[i]))
            continue;
        oip_binary_write(text, tensor);
    }
}

/* "key":"value", when there is a value. */
static void write_text_field(struct text *text, const char *key, const char *value)
{
    if (!value)
        return;
    json_write_key(text, key);
    json_write_text(text, value);
    text_append_char(text, ',');
}

void oip_write_response(const struct oip_response *response, struct text *text, size_t *json_size)
{
    size_t start = text->size;

    text_append_char(text, '{');
    write_text_field(text, "model_name", response->model_name);
    write_text_field(text, "model_version", response->model_version);
    write_text_field(text, "id", response->id);
    write_tensors(text, "outputs", response->outputs, response->output_count);
    text_append_char(text, '}');
    *json_size = text->size - start;
    write_binaries(text, response->outputs, response->output_count);
}
