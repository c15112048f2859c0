// SPDX-License-Identifier: Apache-2.0
/* StringNormalizer: [C] or [1, C] strings without those that are stop words, in another case. When
 * nothing is left, one empty string. */
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "ops/kernels/call.h"

enum change { CHANGE_NONE, CHANGE_LOWER, CHANGE_UPPER };

/* Letters of all scripts: the C library's tables of UTF-8, whatever the process's locale. */
static locale_t letters;
static pthread_once_t letters_once = PTHREAD_ONCE_INIT;

static void letters_open(void)
{
    letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The code point at the front, and its bytes; broken UTF-8 is taken byte by byte, as -1. */
static int32_t decode(const uint8_t *p, size_t left, size_t *size)
{
    static const int32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    int32_t code = p[0];

    *size = 1;
    if (code < 0x80)
        return code;
    *size = code >= 0xF0 ? 4 : code >= 0xE0 ? 3 : 2;
    if (code < 0xC2 || code > 0xF4 || *size > left) {
        *size = 1;
        return -1;
    }
    code &= 0x7F >> *size;
    for (size_t i = 1; i < *size; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *size = 1;
            return -1;
        }
        code = code << 6 | (p[i] & 0x3F);
    }
    if (code < LEAST[*size]) {
        *size = 1;
        return -1;
    }
    return code;
}

static size_t encode(int32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xC0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xE0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (code & 0x3F));
    return 4;
}

/* One letter of `text` at *at, changed, into `out`; returns its size. */
static size_t change_letter(struct bytes text, size_t *at, enum change change, uint8_t out[4])
{
    size_t size;
    int32_t code = decode(text.data + *at, text.size - *at, &size);

    memcpy(out, text.data + *at, size);
    *at += size;
    if (code < 0 || change == CHANGE_NONE)
        return size;
    return encode((int32_t)(change == CHANGE_LOWER ? towlower_l((wint_t)code, letters)
                                                   : towupper_l((wint_t)code, letters)),
                  out);
}

static bool equal_without_case(struct bytes a, struct bytes b)
{
    size_t i = 0, j = 0;

    while (i < a.size && j < b.size) {
        uint8_t of_a[4], of_b[4];
        size_t a_size = change_letter(a, &i, CHANGE_LOWER, of_a);
        size_t b_size = change_letter(b, &j, CHANGE_LOWER, of_b);

        if (a_size != b_size || memcmp(of_a, of_b, a_size))
            return false;
    }
    return i == a.size && j == b.size;
}

static bool is_stop_word(const struct op_call *call, struct bytes word)
{
    bool is_sensitive = attribute_int(call->attributes, "is_case_sensitive", 0);
    size_t count;
    const struct bytes *words = attribute_strings(call->attributes, "stopwords", &count);

    for (size_t i = 0; i < count; i++)
        if (is_sensitive ? bytes_equal(words[i], word) : equal_without_case(words[i], word))
            return true;
    return false;
}

static enum status change_of(const struct op_call *call, enum change *change, struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "case_change_action", "NONE");

    *change = bytes_is(name, "LOWER")   ? CHANGE_LOWER
              : bytes_is(name, "UPPER") ? CHANGE_UPPER
                                        : CHANGE_NONE;
    if (*change == CHANGE_NONE && !bytes_is(name, "NONE"))
        return op_error(call, err, STATUS_INVALID_INPUT, "this case_change_action");
    pthread_once(&letters_once, letters_open);
    if (!letters)
        return op_error(call, err, STATUS_UNSUPPORTED, "the system has no locale C.UTF-8");
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    enum change change;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 1, 2, err));
    TRY(change_of(call, &change, err));
    if (out.rank == 2 && dim_is_known(out.dims[0]) && out.dims[0] != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows, not 1",
                        (long long)out.dims[0]);
    if (out.rank == 2)
        out.dims[0] = 1;
    if (out.rank > 0)
        out.dims[out.rank - 1] = DIM_UNKNOWN;
    if (op_is_known(call, 0)) {
        int64_t left = 0;

        for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
            left += !is_stop_word(call, ((const struct bytes *)call->in[0].data)[i]);
        out.dims[out.rank - 1] = left ? left : 1;
    }
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct bytes *x = call->in[0].data;
    size_t count = tensor_count(&call->in[0]);
    struct bytes *y = call->out[0].data, *first = y;
    enum change change;

    TRY(change_of(call, &change, err));
    for (size_t i = 0; i < count; i++) {
        uint8_t *text;
        size_t size = 0;

        if (is_stop_word(call, x[i]))
            continue;
        if (change == CHANGE_NONE) {
            *y++ = x[i];
            continue;
        }
        text = arena_alloc(call->memory, x[i].size * 2 + 4, 1); /* a change may lengthen 2 to 3 */
        if (!text)
            return error_no_memory(err, "strings");
        for (size_t at = 0; at < x[i].size;)
            size += change_letter(x[i], &at, change, text + size);
        *y++ = (struct bytes){text, size};
    }
    if (y == first)
        *y = (struct bytes){(const uint8_t *)"", 0};
    return STATUS_OK;
}

const struct op_set ops_onnx_string_normalizer =
    OP_SET({.name = "StringNormalizer",
            .summary = "strings in another case, without stop words",
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
