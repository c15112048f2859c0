// SPDX-License-Identifier: Apache-2.0
/* SplitText: the tokens of texts, as Keras's TextVectorization cuts them.
 *
 * Input: (n,) or (n, 1) string. Output: (n, m) string, rows filled up with "". Attributes:
 *   lower        1: ASCII letters become small
 *   punctuation  1: ASCII punctuation is left out
 *   split        "whitespace": runs of anything else; "character": code points; "none": the text
 *   ngrams       widths: for each in turn all tokens of so many parts, with a space between
 *   length       m; 0: as many as the longest text has */
#include "base/unicode.h"
#include "ops/kernels/call.h"

enum { WIDTHS_MAX = 64 };

struct rule {
    bool lower, punctuation, characters, whole;
    const int64_t *widths;
    size_t width_count, length;
};

static struct rule rule_of(const struct op_call *call)
{
    struct rule rule = {
        .lower = attribute_int(call->attributes, "lower", 0),
        .punctuation = attribute_int(call->attributes, "punctuation", 0),
        .characters = attribute_is(call->attributes, "split", "character"),
        .whole = attribute_is(call->attributes, "split", "none"),
        .length = (size_t)attribute_int(call->attributes, "length", 0),
    };

    rule.widths = attribute_ints(call->attributes, "ngrams", &rule.width_count);
    return rule;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_punctuation(uint8_t byte)
{
    return (byte >= '!' && byte <= '/') || (byte >= ':' && byte <= '@') ||
           (byte >= '[' && byte <= '`') || (byte >= '{' && byte <= '~');
}

/* The text as it is cut; `to` has room for as many bytes, or is NULL: only the size. */
static size_t clean(const struct rule *rule, struct bytes text, uint8_t *to)
{
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (rule->punctuation && is_punctuation(byte))
            continue;
        if (rule->lower && byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte - 'A' + 'a');
        if (to)
            to[size] = byte;
        size++;
    }
    return size;
}

/* Cuts a cleaned text; `tokens` may be NULL. */
static size_t cut(const struct rule *rule, struct bytes text, struct bytes *tokens)
{
    size_t count = 0, at = 0;

    if (rule->whole) {
        if (tokens)
            tokens[0] = text;
        return 1;
    }
    while (at < text.size) {
        size_t size = 0;

        if (rule->characters) {
            unicode_first((struct bytes){text.data + at, text.size - at}, &size);
        } else {
            while (at < text.size && is_space(text.data[at]))
                at++;
            while (at + size < text.size && !is_space(text.data[at + size]))
                size++;
            if (!size)
                break;
        }
        if (tokens)
            tokens[count] = (struct bytes){text.data + at, size};
        count++;
        at += size;
    }
    return count;
}

static size_t ngram_count(const struct rule *rule, size_t tokens)
{
    size_t count = 0;

    if (!rule->width_count)
        return tokens;
    for (size_t i = 0; i < rule->width_count; i++)
        count += tokens >= (size_t)rule->widths[i] ? tokens - (size_t)rule->widths[i] + 1 : 0;
    return count;
}

/* Runs of what is neither space nor left out; code points of what is not left out. */
static size_t token_count(const struct rule *rule, struct bytes text)
{
    size_t count = 0, size = 0;
    bool inside = false;

    if (rule->whole)
        return 1;
    for (size_t i = 0; i < text.size; i += size) {
        uint8_t byte = text.data[i];

        size = 1;
        if (rule->punctuation && is_punctuation(byte))
            continue;
        if (rule->characters) {
            unicode_first((struct bytes){text.data + i, text.size - i}, &size);
            count++;
        } else {
            count += !inside && !is_space(byte);
            inside = !is_space(byte);
        }
    }
    return count;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    const struct rule rule = rule_of(call);
    struct shape shape = shape_unknown();

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (attribute_int(call->attributes, "length", 0) < 0 || rule.length > 1 << 24 ||
        rule.width_count > WIDTHS_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "length or ngrams out of range");
    for (size_t i = 0; i < rule.width_count; i++)
        if (rule.widths[i] < 1 || rule.widths[i] > 1 << 16)
            return op_error(call, err, STATUS_INVALID_INPUT, "ngrams out of range");
    if (x->rank > 2 || x->rank == 0 ||
        (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != 1))
        return op_error(call, err, STATUS_INVALID_INPUT, "the texts are no column");
    shape = SHAPE(x->rank > 0 ? x->dims[0] : DIM_UNKNOWN, DIM_UNKNOWN);
    if (rule.length) {
        shape.dims[1] = (int64_t)rule.length;
    } else if (call->in[0].data && shape_is_known(x)) {
        const struct bytes *texts = call->in[0].data;
        size_t longest = 0;

        for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
            size_t count = ngram_count(&rule, token_count(&rule, texts[i]));

            longest = count > longest ? count : longest;
        }
        shape.dims[1] = (int64_t)longest;
    }
    op_give(call, 0, DTYPE_STRING, &shape);
    return STATUS_OK;
}

/* `width` tokens with spaces between. */
static enum status join(const struct op_call *call, const struct bytes *tokens, size_t width,
                        struct bytes *joined, struct error *err)
{
    size_t size = width - 1, at = 0;
    uint8_t *text;

    *joined = tokens[0];
    if (width == 1)
        return STATUS_OK;
    for (size_t i = 0; i < width; i++)
        size += tokens[i].size;
    text = arena_alloc(call->memory, size, 1);
    if (!text)
        return error_no_memory(err, "tokens");
    for (size_t i = 0; i < width; i++) {
        if (i)
            text[at++] = ' ';
        if (tokens[i].size)
            memcpy(text + at, tokens[i].data, tokens[i].size);
        at += tokens[i].size;
    }
    *joined = (struct bytes){text, size};
    return STATUS_OK;
}

static enum status run_row(const struct op_call *call, const struct rule *rule, struct bytes text,
                           struct bytes *row, size_t width, struct error *err)
{
    static const int64_t ONE = 1;
    const int64_t *widths = rule->width_count ? rule->widths : &ONE;
    size_t widths_count = rule->width_count ? rule->width_count : 1, made = 0, count;
    uint8_t *cleaned = arena_alloc(call->memory, text.size + 1, 1);
    struct bytes *tokens;

    if (!cleaned)
        return error_no_memory(err, "tokens");
    text = (struct bytes){cleaned, clean(rule, text, cleaned)};
    count = cut(rule, text, NULL);
    tokens = arena_new(call->memory, struct bytes, count + 1);
    if (!tokens)
        return error_no_memory(err, "tokens");
    cut(rule, text, tokens);
    for (size_t w = 0; w < widths_count; w++)
        for (size_t i = 0; i + (size_t)widths[w] <= count && made < width; i++)
            TRY(join(call, tokens + i, (size_t)widths[w], &row[made++], err));
    for (; made < width; made++)
        row[made] = (struct bytes){(const uint8_t *)"", 0};
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t rows = tensor_count(&call->in[0]), width = (size_t)call->out[0].shape.dims[1];
    const struct bytes *texts = call->in[0].data;
    const struct rule rule = rule_of(call);
    struct bytes *y = call->out[0].data;

    for (size_t i = 0; i < rows; i++)
        TRY(run_row(call, &rule, texts[i], y + i * width, width, err));
    return STATUS_OK;
}

const struct op_set ops_firn_split_text = OP_SET({.name = "SplitText",
                                                  .summary = "texts into tokens, as Keras does",
                                                  .in_min = 1,
                                                  .in_max = 1,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .infer = infer,
                                                  .run = run});
