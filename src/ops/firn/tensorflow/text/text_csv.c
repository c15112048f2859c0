// SPDX-License-Identifier: Apache-2.0
/* CsvFields: lines of comma-separated values into columns.
 *
 * Inputs: STRING of any shape; then a default for each column: one element, or none where the field
 * must be there. Outputs: for each column the shape of input 0 and the dtype of its default:
 * STRING, F32, F64, I32 or I64. Attributes delimiter (one byte), quotes, missing (what stands for
 * "nothing", beside an empty field), columns (which fields, in order; none: all).
 * Source: tensorflow/core/kernels/decode_csv_op.cc. */
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"
#include "ops/kernels/call.h"

#define FIELDS                                                                                     \
    (DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) |                       \
     DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64))
static const uint8_t EMPTY[1];

struct reader {
    const struct op_call *call;
    uint8_t delimiter;
    bool quotes;
    struct bytes line;
    size_t at, row;
};

static enum status infer(struct op_call *call, struct error *err)
{
    size_t count;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    (void)attribute_ints(call->attributes, "columns", &count);
    if (attribute_string(call->attributes, "delimiter", ",").size != 1 ||
        (count && count != call->in_count - 1) || call->out_count > call->in_count - 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu columns for %zu defaults", count,
                        call->in_count - 1);
    for (size_t k = 1; k < call->in_count; k++) {
        TRY(op_wants(call, k, FIELDS, err));
        if (shape_is_known(&call->in[k].shape) && shape_count(&call->in[k].shape) > 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "default %zu has %zu elements", k - 1,
                            shape_count(&call->in[k].shape));
        op_give(call, k - 1, call->in[k].dtype, &call->in[0].shape);
    }
    return STATUS_OK;
}

static enum status line_error(const struct reader *r, const char *what, struct error *err)
{
    return op_error(r->call, err, STATUS_INVALID_INPUT, "record %zu: %s", r->row, what);
}

/* A field in quotes: r->at stands behind the first of them. */
static enum status quoted_read(struct reader *r, struct bytes *field, struct error *err)
{
    uint8_t *data = arena_new(r->call->memory, uint8_t, r->line.size + 1);
    size_t used = 0;

    if (!data)
        return error_no_memory(err, "strings");
    for (;; r->at++) {
        bool next = r->at + 1 < r->line.size;

        if (r->at >= r->line.size)
            return line_error(r, "a quoted field has no end", err);
        if (r->line.data[r->at] != '"') {
            data[used++] = r->line.data[r->at];
        } else if (!next || r->line.data[r->at + 1] == r->delimiter) {
            break;
        } else if (r->line.data[r->at + 1] == '"') {
            data[used++] = r->line.data[r->at++];
        } else {
            return line_error(r, "a quote stands alone in a field", err);
        }
    }
    r->at++;
    *field = (struct bytes){data, used};
    return STATUS_OK;
}

static enum status plain_read(struct reader *r, struct bytes *field, struct error *err)
{
    size_t begin = r->at;

    while (r->at < r->line.size && r->line.data[r->at] != r->delimiter) {
        uint8_t c = r->line.data[r->at++];

        if ((r->quotes && c == '"') || c == '\n' || c == '\r')
            return line_error(r, "an unquoted field holds a quote or the end of a line", err);
    }
    *field = (struct bytes){r->line.data + begin, r->at - begin};
    return STATUS_OK;
}

/* The next field; *more is false behind the last one. */
static enum status field_next(struct reader *r, bool first, struct bytes *field, bool *more,
                              struct error *err)
{
    *more = first ? r->line.size > 0 : r->at < r->line.size;
    if (!*more)
        return STATUS_OK;
    r->at += !first; /* the delimiter */
    if (r->quotes && r->at < r->line.size && r->line.data[r->at] == '"') {
        r->at++;
        return quoted_read(r, field, err);
    }
    return plain_read(r, field, err);
}

static enum status number_put(const struct reader *r, const struct tensor *out, size_t i,
                              struct bytes field, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    bool good;
    int64_t whole;
    double real;

    if (dtype_is_float(out->dtype)) {
        float single;
        const char *text = (const char *)field.data, *end = text + field.size;

        good = number_from_text(field, &real);
        if (good && out->dtype == DTYPE_F32)
            ((float *)out->data)[i] =
                number_parse_f32(text, end, &single) == end ? single : (float)real;
        else if (good)
            ((double *)out->data)[i] = real;
    } else {
        good = number_i64_from_text(field, &whole) &&
               (out->dtype == DTYPE_I64 || whole == (int32_t)whole);
        if (good && out->dtype == DTYPE_I64)
            ((int64_t *)out->data)[i] = whole;
        else if (good)
            ((int32_t *)out->data)[i] = (int32_t)whole;
    }
    return good ? STATUS_OK
                : op_error(r->call, err, STATUS_INVALID_INPUT, "record %zu: '%s' is no %s", r->row,
                           text_quote(field, quoted, sizeof quoted), dtype_name(out->dtype));
}

static enum status field_put(const struct reader *r, size_t k, struct bytes field,
                             struct error *err)
{
    const struct tensor *otherwise = &r->call->in[k + 1], *out = &r->call->out[k];
    struct bytes missing = attribute_string(r->call->attributes, "missing", "");
    size_t size = dtype_size(out->dtype);

    if (field.size == 0 || bytes_equal(field, missing)) {
        if (tensor_count(otherwise) != 1)
            return op_error(r->call, err, STATUS_INVALID_INPUT,
                            "record %zu: field %zu is missing and has no default", r->row, k);
        memcpy((uint8_t *)out->data + r->row * size, otherwise->data, size);
        return STATUS_OK;
    }
    if (out->dtype != DTYPE_STRING)
        return number_put(r, out, r->row, field, err);
    ((struct bytes *)out->data)[r->row] = field;
    return STATUS_OK;
}

static enum status record_read(struct reader *r, struct error *err)
{
    size_t wanted = r->call->in_count - 1, columns, used = 0;
    const int64_t *column = attribute_ints(r->call->attributes, "columns", &columns);
    struct bytes field = {EMPTY, 0};
    bool more;

    r->at = 0;
    for (size_t f = 0;; f++) {
        TRY(field_next(r, f == 0, &field, &more, err));
        if (!more)
            break;
        if (columns ? used < wanted && column[used] == (int64_t)f : used < wanted) {
            TRY(field_put(r, used, field, err));
            used++;
        } else if (!columns) {
            return line_error(r, "has more fields than there are defaults", err);
        }
    }
    return used == wanted ? STATUS_OK : line_error(r, "has too few fields", err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct reader r = {.call = call,
                       .delimiter = attribute_string(call->attributes, "delimiter", ",").data[0],
                       .quotes = attribute_int(call->attributes, "quotes", 1)};

    for (; r.row < tensor_count(&call->in[0]); r.row++) {
        r.line = ((const struct bytes *)call->in[0].data)[r.row];
        TRY(record_read(&r, err));
    }
    return STATUS_OK;
}

const struct op_set ops_firn_text_csv = OP_SET({.name = "CsvFields",
                                                .summary = "fields of lines of CSV",
                                                .in_min = 2,
                                                .in_max = OP_OUTPUTS_MAX + 1,
                                                .out_min = 1,
                                                .out_max = OP_OUTPUTS_MAX,
                                                .infer = infer,
                                                .run = run});
