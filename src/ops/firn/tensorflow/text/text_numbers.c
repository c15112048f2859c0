// SPDX-License-Identifier: Apache-2.0
/* Numbers and text.
 *
 * NumberText: numbers, BOOL, complex -> STRING as C prints them. Attributes precision (-1: 6),
 *   scientific, shortest, width (-1: none), fill.
 * TextNumber: STRING -> the dtype of attribute type (an ONNX number).
 * RawNumbers: STRING of bytes, all as long -> numbers in a new last dimension. Attributes type, big
 *   (most significant byte first); size: each is cut or filled with zeros to so many bytes. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/text.h"
#include "ops/kernels/call.h"
#include "tensor/convert.h"

#define STRING DTYPE_BIT(DTYPE_STRING)
#define COMPLEX (DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))

/* --- NumberText --- */

enum { PRINTED_MAX = 512, WIDTH_MAX = 4096 };

struct format {
    bool left, plus, blank, zero, alternate; /* flags of printf */
    int width, precision;
    char letter; /* 'f' 'e' 'g' */
};

static enum status format_of(const struct op_call *call, struct format *format, struct error *err)
{
    struct bytes fill = attribute_string(call->attributes, "fill", "");
    int64_t width = attribute_int(call->attributes, "width", -1);
    int64_t precision = attribute_int(call->attributes, "precision", -1);
    bool scientific = attribute_int(call->attributes, "scientific", 0);
    bool shortest = attribute_int(call->attributes, "shortest", 0);
    bool real = dtype_is_float(call->in[0].dtype) || (DTYPE_BIT(call->in[0].dtype) & COMPLEX);

    if (fill.size > 1 || (fill.size && !memchr(" +-0#", fill.data[0], 5)))
        return op_error(call, err, STATUS_INVALID_INPUT, "a fill that is not known");
    if (width > WIDTH_MAX || precision > WIDTH_MAX || (scientific && shortest) ||
        (!real && (precision > -1 || scientific || shortest)))
        return op_error(call, err, STATUS_INVALID_INPUT, "a format that cannot be");
    *format = (struct format){.width = (int)(width < 0 ? -1 : width),
                              .precision = (int)(precision < 0 ? -1 : precision),
                              .letter = shortest     ? 'g'
                                        : scientific ? 'e'
                                                     : 'f'};
    if (fill.size) { /* whatever the width: it is a flag of printf */
        format->left = fill.data[0] == '-';
        format->plus = fill.data[0] == '+';
        format->blank = fill.data[0] == ' ';
        format->zero = fill.data[0] == '0';
        format->alternate = fill.data[0] == '#';
    }
    return STATUS_OK;
}

static enum status infer_print(struct op_call *call, struct error *err)
{
    struct format format;

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL) | COMPLEX | STRING, err));
    TRY(format_of(call, &format, err));
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

static void flags_put(const struct format *format, const char *end, char *to)
{
    size_t n = 0;

    to[n++] = '%';
    if (format->left)
        to[n++] = '-';
    if (format->plus)
        to[n++] = '+';
    if (format->blank)
        to[n++] = ' ';
    if (format->zero)
        to[n++] = '0';
    if (format->alternate)
        to[n++] = '#';
    if (format->width >= 0)
        n += (size_t)snprintf(to + n, 16, "%d", format->width);
    if (format->precision >= 0)
        n += (size_t)snprintf(to + n, 16, ".%d", format->precision);
    memcpy(to + n, end, strlen(end) + 1);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static int real_print(const struct format *format, double value, char *to, size_t size)
{
    char letter[2] = {format->letter, 0}, text[64];

    flags_put(format, letter, text);
    return snprintf(to, size, text, value);
}

static int whole_print(const struct format *format, const struct tensor *x, size_t i, char *to,
                       size_t size)
{
    char text[64];

    flags_put(format, dtype_kind(x->dtype) == KIND_UINT ? PRIu64 : PRId64, text);
    return dtype_kind(x->dtype) == KIND_UINT ? snprintf(to, size, text, (uint64_t)tensor_i64(x, i))
                                             : snprintf(to, size, text, tensor_i64(x, i));
}
#pragma GCC diagnostic pop

static int complex_print(const struct format *format, const struct tensor *x, size_t i, char *to,
                         size_t size)
{
    bool wide = x->dtype == DTYPE_C128;
    double re = wide ? ((const double *)x->data)[2 * i] : ((const float *)x->data)[2 * i];
    double im = wide ? ((const double *)x->data)[2 * i + 1] : ((const float *)x->data)[2 * i + 1];
    int used = 1, more;

    if (size > 0)
        to[0] = '(';
    more = real_print(format, re, size > 1 ? to + 1 : to, size > 1 ? size - 1 : 0);
    used += more;
    if ((size_t)used + 1 < size)
        to[used] = ',';
    used++;
    more = real_print(format, im, (size_t)used < size ? to + used : to,
                      (size_t)used < size ? size - (size_t)used : 0);
    used += more;
    if ((size_t)used + 1 < size)
        memcpy(to + used, ")", 2);
    return used + 1;
}

static int print(const struct format *format, const struct tensor *x, size_t i, char *to,
                 size_t size)
{
    if (DTYPE_BIT(x->dtype) & COMPLEX)
        return complex_print(format, x, i, to, size);
    if (x->dtype == DTYPE_BOOL)
        return snprintf(to, size, "%s", ((const uint8_t *)x->data)[i] ? "true" : "false");
    if (dtype_is_float(x->dtype))
        return real_print(format, tensor_f64(x, i), to, size);
    return whole_print(format, x, i, to, size);
}

static enum status run_print(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct bytes *y = call->out[0].data;
    struct format format;

    TRY(format_of(call, &format, err));
    if (x->dtype == DTYPE_STRING) {
        if (tensor_count(x))
            memcpy(y, x->data, tensor_bytes(x));
        return STATUS_OK;
    }
    for (size_t i = 0; i < tensor_count(x); i++) {
        char small[PRINTED_MAX];
        size_t size = (size_t)print(&format, x, i, small, sizeof small);
        char *text = arena_alloc(call->memory, size + 2, 1);

        if (!text)
            return error_no_memory(err, "strings");
        if (size + 1 < sizeof small)
            memcpy(text, small, size);
        else
            (void)print(&format, x, i, text, size + 2);
        y[i] = (struct bytes){(uint8_t *)text, size};
    }
    return STATUS_OK;
}

/* --- TextNumber --- */

#define PARSED                                                                                     \
    (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64) |   \
     DTYPE_BIT(DTYPE_U32) | DTYPE_BIT(DTYPE_U64))

static enum dtype type_of(const struct op_call *call)
{
    return dtype_from_onnx(attribute_int(call->attributes, "type", 0));
}

static enum status infer_parse(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, STRING, err));
    if (!(DTYPE_BIT(type_of(call)) & PARSED))
        return op_error(call, err, STATUS_UNSUPPORTED, "text as %s", dtype_name(type_of(call)));
    op_give(call, 0, type_of(call), &call->in[0].shape);
    return STATUS_OK;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t digits_of(const char *text)
{
    size_t count = 0;

    while (text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

static bool is_word(const char *text, const char *word)
{
    size_t i = 0;

    while (word[i] && (text[i] | 0x20) == word[i])
        i++;
    return !word[i] && !text[i];
}

/* [+-] (digits [. digits] | . digits) [e [+-] digits], or inf, infinity, nan, 0x... */
static bool is_real(const char *text)
{
    size_t whole, part = 0;

    text += *text == '+' || *text == '-';
    if (is_word(text, "inf") || is_word(text, "infinity") || is_word(text, "nan"))
        return true;
    if (text[0] == '0' && (text[1] | 0x20) == 'x')
        return text[2] && text[2 + strspn(text + 2, "0123456789abcdefABCDEF")] == 0;
    whole = digits_of(text);
    text += whole;
    if (*text == '.') {
        part = digits_of(++text);
        text += part;
    }
    if (whole + part == 0)
        return false;
    if ((*text | 0x20) == 'e') {
        text++;
        text += *text == '+' || *text == '-';
        if (!digits_of(text))
            return false;
        text += digits_of(text);
    }
    return *text == 0;
}

static bool real_parse(const char *text, enum dtype dtype, void *to)
{
    if (!is_real(text))
        return false;
    if (dtype == DTYPE_F32)
        *(float *)to = strtof(text, NULL);
    else
        *(double *)to = strtod(text, NULL);
    return true;
}

static bool whole_parse(const char *text, enum dtype dtype, void *to)
{
    bool is_unsigned = dtype == DTYPE_U32 || dtype == DTYPE_U64, negative = *text == '-';
    unsigned long long value;

    text += *text == '-' || *text == '+';
    if (!*text || text[digits_of(text)])
        return false;
    errno = 0;
    value = strtoull(text, NULL, 10);
    if (errno || (negative && is_unsigned && value))
        return false;
    if (!is_unsigned && value > (uint64_t)INT64_MAX + negative)
        return false;
    if (dtype == DTYPE_U64)
        *(uint64_t *)to = value;
    else if (dtype == DTYPE_I64)
        *(int64_t *)to = (int64_t)(negative ? 0 - value : value);
    else if (dtype == DTYPE_U32 && value <= UINT32_MAX)
        *(uint32_t *)to = (uint32_t)value;
    else if (dtype == DTYPE_I32 && value <= (uint64_t)INT32_MAX + negative)
        *(int32_t *)to = (int32_t)(negative ? 0 - value : value);
    else
        return false;
    return true;
}

static bool parse(struct bytes text, enum dtype dtype, void *to)
{
    char small[512];

    while (text.size && is_blank(text.data[0]))
        text = (struct bytes){text.data + 1, text.size - 1};
    while (text.size && is_blank(text.data[text.size - 1]))
        text.size--;
    if (!text.size || text.size >= sizeof small || memchr(text.data, 0, text.size))
        return false;
    memcpy(small, text.data, text.size);
    small[text.size] = 0;
    return dtype_is_float(dtype) ? real_parse(small, dtype, to) : whole_parse(small, dtype, to);
}

static enum status run_parse(const struct op_call *call, struct error *err)
{
    enum dtype dtype = call->out[0].dtype;
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        struct bytes text = ((const struct bytes *)call->in[0].data)[i];

        if (!parse(text, dtype, (uint8_t *)call->out[0].data + i * dtype_size(dtype)))
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu, '%s', is no %s", i,
                            text_quote(text, quoted, sizeof quoted), dtype_name(dtype));
    }
    return STATUS_OK;
}

/* --- RawNumbers --- */

#define RAW (DTYPES_NUMBER | COMPLEX | DTYPE_BIT(DTYPE_BOOL))

/* Bytes of each string: all must have as many. */
static enum status raw_size(const struct op_call *call, size_t *size, struct error *err)
{
    const struct bytes *x = call->in[0].data;
    int64_t fixed = attribute_int(call->attributes, "size", 0);
    size_t count = tensor_count(&call->in[0]), element = dtype_size(type_of(call));

    *size = fixed > 0 ? (size_t)fixed : count ? x[0].size : 0;
    for (size_t i = 0; !fixed && i < count; i++)
        if (x[i].size != *size)
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu has %zu bytes, not %zu",
                            i, x[i].size, *size);
    if (*size % element)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu bytes are no whole number of %s",
                        *size, dtype_name(type_of(call)));
    return STATUS_OK;
}

static enum status infer_raw(struct op_call *call, struct error *err)
{
    int64_t fixed = attribute_int(call->attributes, "size", 0);
    struct shape out = call->in[0].shape;
    enum dtype dtype = type_of(call);
    size_t size;

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants_rank(call, 0, 0, RANK_MAX - 1, err));
    if (!(DTYPE_BIT(dtype) & RAW))
        return op_error(call, err, STATUS_UNSUPPORTED, "bytes as %s", dtype_name(dtype));
    if (fixed < 0 || (size_t)fixed % dtype_size(dtype))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld bytes of %s", (long long)fixed,
                        dtype_name(dtype));
    if (out.rank >= 0) {
        out.dims[out.rank] = fixed ? fixed / (int64_t)dtype_size(dtype) : DIM_UNKNOWN;
        if (op_is_known(call, 0)) {
            TRY(raw_size(call, &size, err));
            out.dims[out.rank] = (int64_t)(size / dtype_size(dtype));
        }
        out.rank++;
    }
    op_give(call, 0, dtype, &out);
    return STATUS_OK;
}

static enum status run_raw(const struct op_call *call, struct error *err)
{
    bool big = attribute_int(call->attributes, "big", 0);
    size_t unit = dtype_size(call->out[0].dtype), size;
    const struct bytes *x = call->in[0].data;
    uint8_t *y = call->out[0].data;

    TRY(raw_size(call, &size, err));
    if (DTYPE_BIT(call->out[0].dtype) & COMPLEX)
        unit /= 2;
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++, y += size) {
        size_t given = x[i].size < size ? x[i].size : size;

        if (given)
            memcpy(y, x[i].data, given);
        memset(y + given, 0, size - given);
        for (size_t at = 0; big && unit > 1 && at < size; at += unit)
            for (size_t k = 0; k < unit / 2; k++) {
                uint8_t byte = y[at + k];

                y[at + k] = y[at + unit - 1 - k];
                y[at + unit - 1 - k] = byte;
            }
        for (size_t k = 0; call->out[0].dtype == DTYPE_BOOL && k < size; k++)
            y[k] = y[k] != 0;
    }
    return STATUS_OK;
}

#define ONE_TO_ONE .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1

const struct op_set ops_firn_text_numbers = OP_SET({.name = "NumberText",
                                                    .summary = "numbers as text",
                                                    .flags = OP_ROWS,
                                                    ONE_TO_ONE,
                                                    .infer = infer_print,
                                                    .run = run_print},
                                                   {.name = "TextNumber",
                                                    .summary = "text as numbers",
                                                    .flags = OP_ROWS,
                                                    ONE_TO_ONE,
                                                    .infer = infer_parse,
                                                    .run = run_parse},
                                                   {.name = "RawNumbers",
                                                    .summary = "bytes as numbers",
                                                    ONE_TO_ONE,
                                                    .infer = infer_raw,
                                                    .run = run_raw});
