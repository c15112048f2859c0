// SPDX-License-Identifier: Apache-2.0
/* TextFingerprint: any dtype of rank 1 or more -> U8 (rows, 8): FarmHash of the bytes of each row,
 *   least significant first; of strings that of each, then that of a row of several.
 * TextFormat: any number of inputs -> STRING (): the template, its placeholders replaced by the
 *   inputs as text; attributes template, placeholder, summarize (at most so many elements of a
 *   dimension at either end; -1: all).
 * TextUnpack: STRING -> STRING: unpacked. Attribute compression: "", "ZLIB" or "GZIP". */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash/fingerprint.h"
#include "base/text.h"
#include "formats/compression/compression.h"
#include "ops/kernels/call.h"

#define STRING DTYPE_BIT(DTYPE_STRING)

/* --- TextFingerprint --- */

enum { PRINT_SIZE = 8 };

static enum status infer_print(struct op_call *call, struct error *err)
{
    struct shape out = SHAPE(DIM_UNKNOWN, PRINT_SIZE);

    TRY(op_wants(call, 0,
                 DTYPES_NUMBER | STRING | DTYPE_BIT(DTYPE_BOOL) | DTYPE_BIT(DTYPE_C64) |
                     DTYPE_BIT(DTYPE_C128),
                 err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (call->in[0].shape.rank > 0)
        out.dims[0] = call->in[0].shape.dims[0];
    op_give(call, 0, DTYPE_U8, &out);
    return STATUS_OK;
}

static enum status row_print(const struct op_call *call, size_t row, size_t width, uint64_t *print,
                             struct error *err)
{
    const struct tensor *x = &call->in[0];
    const struct bytes *strings = (const struct bytes *)x->data + row * width;
    size_t size = width * dtype_size(x->dtype);
    uint64_t *each;

    if (x->dtype != DTYPE_STRING) {
        *print = fingerprint_farm64((struct bytes){(const uint8_t *)x->data + row * size, size});
        return STATUS_OK;
    }
    if (x->shape.rank == 1) {
        *print = fingerprint_farm64(*strings);
        return STATUS_OK;
    }
    each = arena_new(call->memory, uint64_t, width);
    if (!each)
        return error_no_memory(err, "fingerprints");
    for (size_t k = 0; k < width; k++)
        each[k] = fingerprint_farm64(strings[k]);
    *print = fingerprint_farm64((struct bytes){(const uint8_t *)each, width * sizeof *each});
    return STATUS_OK;
}

static enum status run_print(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->in[0].shape.dims[0];
    size_t width = shape_span(&call->in[0].shape, 1, call->in[0].shape.rank);
    uint64_t print;

    for (size_t row = 0; row < rows; row++) {
        TRY(row_print(call, row, width, &print, err));
        memcpy((uint8_t *)call->out[0].data + row * PRINT_SIZE, &print, PRINT_SIZE);
    }
    return STATUS_OK;
}

/* --- TextFormat --- */

static enum status infer_format(struct op_call *call, struct error *err)
{
    struct shape out = shape_scalar();

    for (size_t i = 0; i < call->in_count; i++)
        TRY(op_wants(call, i,
                     DTYPES_INT | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | STRING |
                         DTYPE_BIT(DTYPE_BOOL),
                     err));
    if (!attribute_string(call->attributes, "placeholder", "").size)
        return op_error(call, err, STATUS_INVALID_INPUT, "placeholder is missing");
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static void real_say(struct text *text, const struct tensor *x, size_t i)
{
    bool single = x->dtype == DTYPE_F32;
    double value = tensor_f64(x, i);
    char room[40];

    snprintf(room, sizeof room, "%.*g", single ? 6 : 15, value);
    if (isfinite(value) &&
        (single ? strtof(room, NULL) != (float)value : strtod(room, NULL) != value))
        snprintf(room, sizeof room, "%.*g", single ? 9 : 17, value);
    text_append(text, room);
}

static void element_say(struct text *text, const struct tensor *x, size_t i)
{
    if (x->dtype == DTYPE_STRING) {
        text_append_char(text, '"');
        text_append_bytes(text, ((const struct bytes *)x->data)[i]);
        text_append_char(text, '"');
    } else if (x->dtype == DTYPE_BOOL) {
        text_append_char(text, ((const uint8_t *)x->data)[i] ? '1' : '0');
    } else if (dtype_is_float(x->dtype)) {
        real_say(text, x, i);
    } else if (dtype_kind(x->dtype) == KIND_UINT) {
        text_printf(text, "%" PRIu64, (uint64_t)tensor_i64(x, i));
    } else {
        text_printf(text, "%" PRId64, tensor_i64(x, i));
    }
}

/* Dimension d of a tensor from element `at` on; ranks are bounded, so is the depth. */
static void tensor_say(struct text *text, const struct tensor *x, int d, size_t at, int64_t most)
{
    int64_t count = x->shape.rank > d ? x->shape.dims[d] : 0;
    size_t step =
        shape_span(&x->shape, d + 1 < x->shape.rank ? d + 1 : x->shape.rank, x->shape.rank);
    bool last = d + 1 == x->shape.rank, cut = most >= 0 && count > 2 * most;

    if (x->shape.rank == 0) {
        element_say(text, x, 0);
        return;
    }
    text_append_char(text, '[');
    for (int64_t i = 0; i < count; i++) {
        if (i) {
            text_append(text, last ? " " : "\n");
            for (int k = 0; !last && k + 1 < x->shape.rank - d - 1; k++)
                text_append_char(text, '\n');
            for (int k = 0; !last && k <= d; k++)
                text_append_char(text, ' ');
        }
        if (cut && i == most) {
            text_append(text, "...");
            i = count - most - 1;
            continue;
        }
        if (last)
            element_say(text, x, at + (size_t)i);
        else
            tensor_say(text, x, d + 1, at + (size_t)i * step, most);
    }
    text_append_char(text, ']');
}

static enum status format(const struct op_call *call, struct text *text, struct error *err)
{
    struct bytes template = attribute_string(call->attributes, "template", "");
    struct bytes placeholder = attribute_string(call->attributes, "placeholder", "");
    int64_t most = attribute_int(call->attributes, "summarize", 3);
    size_t used = 0;

    for (;;) {
        const uint8_t *at =
            template.size ? memmem(template.data, template.size, placeholder.data, placeholder.size)
                          : NULL;
        size_t size = at ? (size_t)(at - template.data) : template.size;

        text_append_bytes(text, (struct bytes){template.data, size});
        if (!at)
            break;
        if (used == call->in_count)
            return op_error(call, err, STATUS_INVALID_INPUT, "more placeholders than %zu inputs",
                            call->in_count);
        tensor_say(text, &call->in[used++], 0, 0, most);
        size += placeholder.size;
        template = (struct bytes){template.data + size, template.size - size};
    }
    return used == call->in_count
               ? STATUS_OK
               : op_error(call, err, STATUS_INVALID_INPUT, "%zu placeholders for %zu inputs", used,
                          call->in_count);
}

static enum status run_format(const struct op_call *call, struct error *err)
{
    struct text text = {.limit = 64 << 20};
    enum status status = format(call, &text, err);

    if (!status)
        status = op_text_take(call, &text, call->out[0].data, err);
    text_release(&text);
    return status;
}

/* --- TextUnpack --- */

enum { UNPACKED_MAX = 1 << 28, RATIO_MAX = 1100 };

static enum compression compression_wanted(const struct op_call *call)
{
    return attribute_is(call->attributes, "compression", "ZLIB")   ? COMPRESSION_ZLIB
           : attribute_is(call->attributes, "compression", "GZIP") ? COMPRESSION_GZIP
                                                                   : COMPRESSION_NONE;
}

static enum status infer_unpack(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, STRING, err));
    if (attribute_string(call->attributes, "compression", "").size &&
        compression_wanted(call) == COMPRESSION_NONE)
        return op_error(call, err, STATUS_UNSUPPORTED, "a compression that is not known");
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_unpack(const struct op_call *call, struct error *err)
{
    enum compression compression = compression_wanted(call);
    const struct bytes *x = call->in[0].data;
    struct bytes *y = call->out[0].data;

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        y[i] = x[i];
        if (compression != COMPRESSION_NONE &&
            decompress(compression, x[i], UNPACKED_MAX, RATIO_MAX, &y[i], call->memory, err))
            return error_within(err, "element %zu", i);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_text_more = OP_SET({.name = "TextFingerprint",
                                                 .summary = "fingerprints of rows",
                                                 .flags = OP_ROWS,
                                                 .in_min = 1,
                                                 .in_max = 1,
                                                 .out_min = 1,
                                                 .out_max = 1,
                                                 .infer = infer_print,
                                                 .run = run_print},
                                                {.name = "TextFormat",
                                                 .summary = "tensors in a template of text",
                                                 .in_min = 0,
                                                 .in_max = OP_INPUTS_ANY,
                                                 .out_min = 1,
                                                 .out_max = 1,
                                                 .infer = infer_format,
                                                 .run = run_format},
                                                {.name = "TextUnpack",
                                                 .summary = "compressed strings unpacked",
                                                 .in_min = 1,
                                                 .in_max = 1,
                                                 .out_min = 1,
                                                 .out_max = 1,
                                                 .infer = infer_unpack,
                                                 .run = run_unpack});
