// SPDX-License-Identifier: Apache-2.0
/* Strings in other codes. Encodings: "UTF-8", "UTF-16-BE", "UTF-32-BE", "ISO-8859-1", "US-ASCII".
 * What is malformed: errors "strict" (an error), "replace" (by replacement), "ignore" (left out);
 * controls 1: so are characters below U+0020.
 *
 * TextCodes: STRING of any shape -> where each begins (n + 1,) of the dtype `splits` (an ONNX
 *   number), code points (m,) I32, the bytes at which they begin (m,) I64. Attribute from.
 * CodesText: code points (m,) I32, where each string begins (n + 1,) -> STRING (n,). Attribute to.
 * TextRecode: STRING -> STRING. Attributes from, to.
 * TextBase64: STRING -> STRING, web-safe. Attributes decode; pad: '=' at the end. */
#include "base/text.h"
#include "base/unicode.h"
#include "ops/kernels/call.h"

#define STRING DTYPE_BIT(DTYPE_STRING)
static const uint8_t EMPTY[1];

enum encoding { UTF8, UTF16, UTF32, LATIN1, ASCII, ENCODING_COUNT };
enum errors { STRICT, REPLACE, IGNORE, ERRORS_COUNT };
static const char *const ENCODINGS[] = {"UTF-8", "UTF-16-BE", "UTF-32-BE", "ISO-8859-1",
                                        "US-ASCII"};
static const char *const ERRORS[] = {"strict", "replace", "ignore"};
enum { WIDEST = 4 }; /* bytes of a code point */

struct coder {
    enum encoding from, to;
    enum errors errors;
    uint32_t replacement;
    bool controls;
};

static int choice(const struct op_call *call, const char *name, const char *const *names, int count)
{
    int i = 0;

    if (!attribute_find(call->attributes, name))
        return 0;
    while (i < count && !attribute_is(call->attributes, name, names[i]))
        i++;
    return i;
}

static enum status coder_of(const struct op_call *call, struct coder *coder, struct error *err)
{
    int64_t replacement = attribute_int(call->attributes, "replacement", 0xFFFD);

    *coder = (struct coder){
        .from = (enum encoding)choice(call, "from", ENCODINGS, ENCODING_COUNT),
        .to = (enum encoding)choice(call, "to", ENCODINGS, ENCODING_COUNT),
        .errors = (enum errors)choice(call, "errors", ERRORS, ERRORS_COUNT),
        .replacement = (uint32_t)replacement,
        .controls = attribute_int(call->attributes, "controls", 0),
    };
    if (coder->from == ENCODING_COUNT || coder->to == ENCODING_COUNT || coder->to > UTF32)
        return op_error(call, err, STATUS_UNSUPPORTED, "an encoding that is not known");
    if (coder->errors == ERRORS_COUNT || replacement < 0 || replacement > 0x10FFFF)
        return op_error(call, err, STATUS_INVALID_INPUT, "a way to treat errors that is none");
    return STATUS_OK;
}

/* --- reading --- */

/* A sequence of UTF-8: of what is malformed, as much as a good one may begin with. */
static bool utf8_next(struct bytes text, uint32_t *code, size_t *size)
{
    uint8_t lead = text.data[0], low = 0x80, high = 0xBF;
    size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;

    *size = 1;
    *code = lead;
    if (lead < 0x80)
        return true;
    if (lead < 0xC2 || lead > 0xF4)
        return false;
    if (lead == 0xE0)
        low = 0xA0;
    else if (lead == 0xED)
        high = 0x9F;
    else if (lead == 0xF0)
        low = 0x90;
    else if (lead == 0xF4)
        high = 0x8F;
    *code = lead & (0x3Fu >> more);
    for (size_t k = 1; k <= more; k++, low = 0x80, high = 0xBF) {
        if (k >= text.size || text.data[k] < low || text.data[k] > high)
            return false;
        *code = *code << 6 | (text.data[k] & 0x3F);
        *size = k + 1;
    }
    return true;
}

static bool is_code_point(uint32_t code)
{
    return code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
}

static bool utf16_next(struct bytes text, uint32_t *code, size_t *size)
{
    uint32_t second;

    *size = text.size < 2 ? text.size : 2;
    if (text.size < 2)
        return false;
    *code = (uint32_t)text.data[0] << 8 | text.data[1];
    if (*code < 0xD800 || *code > 0xDFFF)
        return true;
    if (*code > 0xDBFF || text.size < 4)
        return false;
    second = (uint32_t)text.data[2] << 8 | text.data[3];
    if (second < 0xDC00 || second > 0xDFFF)
        return false;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (second - 0xDC00);
    *size = 4;
    return true;
}

static bool utf32_next(struct bytes text, uint32_t *code, size_t *size)
{
    *size = text.size < 4 ? text.size : 4;
    if (text.size < 4)
        return false;
    *code = (uint32_t)text.data[0] << 24 | (uint32_t)text.data[1] << 16 |
            (uint32_t)text.data[2] << 8 | text.data[3];
    return is_code_point(*code);
}

static bool next(enum encoding from, struct bytes text, uint32_t *code, size_t *size)
{
    switch (from) {
    case UTF8:
        return utf8_next(text, code, size);
    case UTF16:
        return utf16_next(text, code, size);
    case UTF32:
        return utf32_next(text, code, size);
    default:
        *size = 1;
        *code = text.data[0];
        return from == LATIN1 || *code < 0x80;
    }
}

/* The next code point that counts; false behind the last one. *bad: it was malformed. */
static bool coder_next(const struct coder *coder, struct bytes *rest, uint32_t *code, bool *bad,
                       size_t *begin)
{
    const uint8_t *start = rest->data;
    size_t size, skipped = 0;

    *bad = false;
    while (rest->size) {
        bool good = next(coder->from, *rest, code, &size);

        *begin = skipped;
        skipped += size;
        *rest = (struct bytes){start + skipped, rest->size - size};
        if (good && !(coder->controls && *code < 0x20))
            return true;
        *bad = true;
        if (coder->errors == IGNORE)
            continue;
        *code = coder->replacement;
        return true;
    }
    return false;
}

static enum status strict_error(const struct op_call *call, size_t i, struct error *err)
{
    return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is malformed", i);
}

/* --- writing --- */

static size_t code_put(enum encoding to, uint32_t code, uint8_t out[WIDEST])
{
    if (to == UTF8)
        return unicode_write(code, out);
    if (to == UTF16 && code >= 0x10000) {
        uint32_t high = 0xD800 + ((code - 0x10000) >> 10), low = 0xDC00 + (code & 0x3FF);

        out[0] = (uint8_t)(high >> 8);
        out[1] = (uint8_t)high;
        out[2] = (uint8_t)(low >> 8);
        out[3] = (uint8_t)low;
        return 4;
    }
    if (to == UTF16) {
        out[0] = (uint8_t)(code >> 8);
        out[1] = (uint8_t)code;
        return 2;
    }
    for (int k = 0; k < 4; k++)
        out[k] = (uint8_t)(code >> (24 - 8 * k));
    return 4;
}

/* --- TextCodes --- */

static enum status infer_codes(struct op_call *call, struct error *err)
{
    struct shape splits = SHAPE(DIM_UNKNOWN), codes = SHAPE(DIM_UNKNOWN);
    enum dtype dtype = dtype_from_onnx(attribute_int(call->attributes, "splits", 7));
    struct coder coder;

    TRY(op_wants(call, 0, STRING, err));
    TRY(coder_of(call, &coder, err));
    if (dtype != DTYPE_I32 && dtype != DTYPE_I64)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits are no integers");
    if (shape_is_known(&call->in[0].shape))
        splits.dims[0] = (int64_t)shape_count(&call->in[0].shape) + 1;
    if (op_is_known(call, 0)) {
        codes.dims[0] = 0;
        for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
            struct bytes rest = ((const struct bytes *)call->in[0].data)[i];
            uint32_t code;
            size_t begin;
            bool bad;

            while (coder_next(&coder, &rest, &code, &bad, &begin))
                codes.dims[0]++;
        }
    }
    op_give(call, 0, dtype, &splits);
    op_give(call, 1, DTYPE_I32, &codes);
    op_give(call, 2, DTYPE_I64, &codes);
    return STATUS_OK;
}

static void split_put(const struct tensor *splits, size_t i, size_t value)
{
    if (splits->dtype == DTYPE_I32)
        ((int32_t *)splits->data)[i] = (int32_t)value;
    else
        ((int64_t *)splits->data)[i] = (int64_t)value;
}

static enum status run_codes(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[0]), used = 0;
    struct coder coder;

    TRY(coder_of(call, &coder, err));
    split_put(&call->out[0], 0, 0);
    for (size_t i = 0; i < count; i++) {
        struct bytes text = ((const struct bytes *)call->in[0].data)[i], rest = text;
        uint32_t code;
        size_t begin;
        bool bad;

        for (const uint8_t *at = rest.data; coder_next(&coder, &rest, &code, &bad, &begin);
             at = rest.data) {
            if (bad && coder.errors == STRICT)
                return strict_error(call, i, err);
            ((int32_t *)call->out[1].data)[used] = (int32_t)code;
            if (call->out_count > 2)
                ((int64_t *)call->out[2].data)[used] = (int64_t)((size_t)(at - text.data) + begin);
            used++;
        }
        split_put(&call->out[0], i + 1, used);
    }
    return STATUS_OK;
}

/* --- CodesText --- */

static enum status infer_text(struct op_call *call, struct error *err)
{
    struct shape out = SHAPE(DIM_UNKNOWN);
    struct coder coder;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    TRY(coder_of(call, &coder, err));
    if (call->in[1].shape.rank == 1 && dim_is_known(call->in[1].shape.dims[0])) {
        if (call->in[1].shape.dims[0] == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "no places where strings begin");
        out.dims[0] = call->in[1].shape.dims[0] - 1;
    }
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status run_text(const struct op_call *call, struct error *err)
{
    int64_t total = (int64_t)tensor_count(&call->in[0]);
    struct coder coder;

    TRY(coder_of(call, &coder, err));
    for (size_t i = 0; i < tensor_count(&call->out[0]); i++) {
        int64_t from = tensor_i64(&call->in[1], i), to = tensor_i64(&call->in[1], i + 1);
        size_t used = 0;
        uint8_t *data;

        if (from < 0 || to < from || to > total)
            return op_error(call, err, STATUS_INVALID_INPUT, "string %zu is [%lld, %lld) of %lld",
                            i, (long long)from, (long long)to, (long long)total);
        data = arena_new(call->memory, uint8_t, (size_t)(to - from) * WIDEST + 1);
        if (!data)
            return error_no_memory(err, "strings");
        for (int64_t k = from; k < to; k++) {
            uint32_t code = (uint32_t)((const int32_t *)call->in[0].data)[k];

            if (!is_code_point(code)) {
                if (coder.errors == STRICT)
                    return strict_error(call, i, err);
                if (coder.errors == IGNORE)
                    continue;
                code = coder.replacement;
            }
            used += code_put(coder.to, code, data + used);
        }
        ((struct bytes *)call->out[0].data)[i] = (struct bytes){data, used};
    }
    return STATUS_OK;
}

/* --- TextRecode --- */

static enum status infer_recode(struct op_call *call, struct error *err)
{
    struct coder coder;

    TRY(op_wants(call, 0, STRING, err));
    TRY(coder_of(call, &coder, err));
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_recode(const struct op_call *call, struct error *err)
{
    struct coder coder;

    TRY(coder_of(call, &coder, err));
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        struct bytes rest = ((const struct bytes *)call->in[0].data)[i];
        uint8_t *data = arena_alloc(call->memory, rest.size + 1, WIDEST);
        size_t used = 0, begin;
        uint32_t code;
        bool bad;

        if (!data)
            return error_no_memory(err, "strings");
        while (coder_next(&coder, &rest, &code, &bad, &begin)) {
            if (bad && coder.errors == STRICT)
                return strict_error(call, i, err);
            used += code_put(coder.to, code, data + used);
        }
        ((struct bytes *)call->out[0].data)[i] = (struct bytes){data, used};
    }
    return STATUS_OK;
}

/* --- TextBase64 --- */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static enum status infer_base64(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, STRING, err));
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

static size_t base64_encode(struct bytes text, bool pad, uint8_t *to)
{
    size_t used = 0;

    for (size_t i = 0; i < text.size; i += 3) {
        size_t left = text.size - i < 3 ? text.size - i : 3;
        uint32_t bits = 0;

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < left ? text.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            if (k <= left)
                to[used++] = (uint8_t)DIGITS[bits >> (18 - 6 * k) & 63];
            else if (pad)
                to[used++] = '=';
    }
    return used;
}

static bool base64_decode(struct bytes text, uint8_t *to, size_t *used)
{
    uint32_t bits = 0;
    size_t count = 0;

    *used = 0;
    for (size_t k = 0; k < 2 && text.size && text.size % 4 == 0; k++)
        if (text.data[text.size - 1] == '=')
            text.size--;
        else
            break;
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = text.data[i] ? strchr(DIGITS, text.data[i]) : NULL;

        if (!digit)
            return false;
        bits = bits << 6 | (uint32_t)(digit - DIGITS);
        if (++count % 4 == 0)
            for (int k = 16; k >= 0; k -= 8)
                to[(*used)++] = (uint8_t)(bits >> k);
    }
    if (count % 4 == 1)
        return false;
    if (count % 4 == 2)
        to[(*used)++] = (uint8_t)(bits >> 4);
    if (count % 4 == 3) {
        to[(*used)++] = (uint8_t)(bits >> 10);
        to[(*used)++] = (uint8_t)(bits >> 2);
    }
    return true;
}

static enum status run_base64(const struct op_call *call, struct error *err)
{
    bool decode = attribute_int(call->attributes, "decode", 0);
    bool pad = attribute_int(call->attributes, "pad", 0);

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        struct bytes text = ((const struct bytes *)call->in[0].data)[i];
        uint8_t *data = arena_new(call->memory, uint8_t, text.size / 3 * 4 + 8 + text.size);
        size_t used = 0;

        if (!data)
            return error_no_memory(err, "strings");
        if (!decode)
            used = base64_encode(text, pad, data);
        else if (!base64_decode(text, data, &used))
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is no web-safe base64",
                            i);
        ((struct bytes *)call->out[0].data)[i] =
            used ? (struct bytes){data, used} : (struct bytes){EMPTY, 0};
    }
    return STATUS_OK;
}

#define ONE_TO_ONE .flags = OP_ROWS, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1

const struct op_set ops_firn_text_code = OP_SET({.name = "TextCodes",
                                                 .summary = "code points of strings, ragged",
                                                 .in_min = 1,
                                                 .in_max = 1,
                                                 .out_min = 2,
                                                 .out_max = 3,
                                                 .infer = infer_codes,
                                                 .run = run_codes},
                                                {.name = "CodesText",
                                                 .summary = "strings of ragged code points",
                                                 .in_min = 2,
                                                 .in_max = 2,
                                                 .out_min = 1,
                                                 .out_max = 1,
                                                 .infer = infer_text,
                                                 .run = run_text},
                                                {.name = "TextRecode",
                                                 .summary = "strings in another encoding",
                                                 ONE_TO_ONE,
                                                 .infer = infer_recode,
                                                 .run = run_recode},
                                                {.name = "TextBase64",
                                                 .summary = "to and from web-safe base64",
                                                 ONE_TO_ONE,
                                                 .infer = infer_base64,
                                                 .run = run_base64});
