// SPDX-License-Identifier: Apache-2.0
/* Strings in parts. Outputs as a sparse tensor: indices (n, 2), values (n,), shape (2,).
 *
 * TextSplit: STRING (rows,). Attributes way "set" (each byte of the separator separates; none: all
 *   bytes stand alone), "text" (the separator as a whole; none: white space); separator; skip:
 *   empty parts are left out ("set"); most: splits at most, -1 all ("text").
 * TextGrams: STRING (n,), where rows begin (rows + 1,) -> STRING (m,), where rows begin (rows +
 * 1,). Attributes separator, widths, left, right, pad (-1: as wide as needed), keep_short. */
#include "ops/kernels/call.h"

#define STRING DTYPE_BIT(DTYPE_STRING)
static const uint8_t EMPTY[1];

struct splitter {
    bool set, skip;
    struct bytes separator;
    int64_t most;
};

static struct splitter splitter_of(const struct op_call *call)
{
    return (struct splitter){.set = attribute_is(call->attributes, "way", "set"),
                             .skip = attribute_int(call->attributes, "skip", 0),
                             .separator = attribute_string(call->attributes, "separator", ""),
                             .most = attribute_int(call->attributes, "most", -1)};
}

static struct bytes rest_of(struct bytes text, size_t from)
{
    return (struct bytes){text.data + from, text.size - from};
}

static void part_put(struct bytes *parts, size_t *count, const uint8_t *data, size_t size)
{
    if (parts)
        parts[*count] = size ? (struct bytes){data, size} : (struct bytes){EMPTY, 0};
    ++*count;
}

static size_t split_set(const struct splitter *s, struct bytes text, struct bytes *parts)
{
    size_t count = 0, begin = 0;

    for (size_t i = 0; !s->separator.size && i < text.size; i++)
        part_put(parts, &count, text.data + i, 1);
    if (!s->separator.size)
        return count;
    for (size_t i = 0; text.size && i <= text.size; i++) {
        if (i < text.size && !memchr(s->separator.data, text.data[i], s->separator.size))
            continue;
        if (!s->skip || i > begin)
            part_put(parts, &count, text.data + begin, i - begin);
        begin = i + 1;
    }
    return count;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct bytes after_blanks(struct bytes text)
{
    while (text.size && is_blank(text.data[0]))
        text = rest_of(text, 1);
    return text;
}

static size_t split_blanks(const struct splitter *s, struct bytes text, struct bytes *parts)
{
    size_t count = 0;

    text = after_blanks(text);
    while (text.size) {
        size_t size = 0;

        while (size < text.size && !is_blank(text.data[size]))
            size++;
        part_put(parts, &count, text.data, size);
        text = after_blanks(rest_of(text, size));
        if (s->most > 0 && count == (size_t)s->most) {
            part_put(parts, &count, text.data, text.size);
            break;
        }
    }
    return count;
}

static size_t split_text(const struct splitter *s, struct bytes text, struct bytes *parts)
{
    size_t count = 0;

    if (s->most == 0) {
        part_put(parts, &count, text.data, text.size);
        return count;
    }
    if (!s->separator.size)
        return split_blanks(s, text, parts);
    for (;;) {
        const uint8_t *at =
            text.size ? memmem(text.data, text.size, s->separator.data, s->separator.size) : NULL;

        if (!at || (s->most > 0 && count == (size_t)s->most))
            break;
        part_put(parts, &count, text.data, (size_t)(at - text.data));
        text = rest_of(text, (size_t)(at - text.data) + s->separator.size);
    }
    part_put(parts, &count, text.data, text.size);
    return count;
}

static size_t split(const struct splitter *s, struct bytes text, struct bytes *parts)
{
    return s->set ? split_set(s, text, parts) : split_text(s, text, parts);
}

static enum status infer_split(struct op_call *call, struct error *err)
{
    struct splitter s = splitter_of(call);
    int64_t total = DIM_UNKNOWN;
    struct shape indices, values, shape = SHAPE(2);

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    if (op_is_known(call, 0)) {
        total = 0;
        for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
            total += (int64_t)split(&s, ((const struct bytes *)call->in[0].data)[i], NULL);
    }
    indices = SHAPE(total, 2);
    values = SHAPE(total);
    op_give(call, 0, DTYPE_I64, &indices);
    op_give(call, 1, DTYPE_STRING, &values);
    op_give(call, 2, DTYPE_I64, &shape);
    return STATUS_OK;
}

static enum status run_split(const struct op_call *call, struct error *err)
{
    size_t rows = tensor_count(&call->in[0]), used = 0, longest = 0;
    struct bytes *values = call->out[1].data;
    int64_t *indices = call->out[0].data;
    struct splitter s = splitter_of(call);

    (void)err;
    for (size_t i = 0; i < rows; i++) {
        size_t count = split(&s, ((const struct bytes *)call->in[0].data)[i], values + used);

        for (size_t k = 0; k < count; k++) {
            indices[2 * (used + k)] = (int64_t)i;
            indices[2 * (used + k) + 1] = (int64_t)k;
        }
        longest = count > longest ? count : longest;
        used += count;
    }
    ((int64_t *)call->out[2].data)[0] = (int64_t)rows;
    ((int64_t *)call->out[2].data)[1] = (int64_t)longest;
    return STATUS_OK;
}

/* --- TextGrams --- */

struct grams {
    const int64_t *widths;
    size_t width_count;
    int64_t pad;
    bool keep_short;
    struct bytes separator, left, right;
};

static struct grams grams_of(const struct op_call *call)
{
    struct grams g = {.pad = attribute_int(call->attributes, "pad", -1),
                      .keep_short = attribute_int(call->attributes, "keep_short", 0),
                      .separator = attribute_string(call->attributes, "separator", ""),
                      .left = attribute_string(call->attributes, "left", ""),
                      .right = attribute_string(call->attributes, "right", "")};

    g.widths = attribute_ints(call->attributes, "widths", &g.width_count);
    return g;
}

/* Paddings at either end for grams of a width. */
static int64_t pad_of(const struct grams *g, int64_t width)
{
    return g->pad < 0 || g->pad > width - 1 ? width - 1 : g->pad;
}

static int64_t grams_count(const struct grams *g, int64_t length, int64_t width)
{
    int64_t count = length + 2 * pad_of(g, width) - width + 1;

    return count > 0 ? count : 0;
}

/* Of a row: how many grams; 0 of any width and something there: the row itself, when asked for. */
static int64_t row_grams(const struct grams *g, int64_t length)
{
    int64_t count = 0;

    for (size_t w = 0; w < g->width_count; w++)
        count += grams_count(g, length, g->widths[w]);
    return count == 0 && g->keep_short && length > 0 ? 1 : count;
}

static enum status splits_check(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[1]);
    int64_t last = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t at = tensor_i64(&call->in[1], i);

        if (at < last || (i == 0 && at != 0))
            return op_error(call, err, STATUS_INVALID_INPUT, "row %zu begins at %lld", i,
                            (long long)at);
        last = at;
    }
    return count && last != (int64_t)tensor_count(&call->in[0])
               ? op_error(call, err, STATUS_INVALID_INPUT, "rows of %lld elements, not %zu",
                          (long long)last, tensor_count(&call->in[0]))
               : STATUS_OK;
}

static enum status infer_grams(struct op_call *call, struct error *err)
{
    struct grams g = grams_of(call);
    struct shape values = SHAPE(DIM_UNKNOWN);

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    for (size_t w = 0; w < g.width_count; w++)
        if (g.widths[w] < 1 || g.widths[w] > 1 << 20)
            return op_error(call, err, STATUS_INVALID_INPUT, "grams of %lld",
                            (long long)g.widths[w]);
    if (op_is_known(call, 0) && op_is_known(call, 1)) {
        TRY(splits_check(call, err));
        values.dims[0] = 0;
        for (size_t i = 1; i < tensor_count(&call->in[1]); i++)
            values.dims[0] +=
                row_grams(&g, tensor_i64(&call->in[1], i) - tensor_i64(&call->in[1], i - 1));
    }
    op_give(call, 0, DTYPE_STRING, &values);
    op_give(call, 1, call->in[1].dtype, &call->in[1].shape);
    return STATUS_OK;
}

/* Parts [from, from + width) of a row with its paddings, joined. */
static enum status gram_put(const struct op_call *call, const struct grams *g,
                            const struct bytes *row, int64_t length, int64_t from, int64_t width,
                            struct bytes *out, struct error *err)
{
    size_t size = 1, used = 0;
    uint8_t *data = NULL;

    for (int pass = 0; pass < 2; pass++) {
        for (int64_t k = 0; k < width; k++) {
            int64_t at = from + k;
            struct bytes part = at < 0 ? g->left : at >= length ? g->right : row[at];
            struct bytes both[2] = {k ? g->separator : (struct bytes){EMPTY, 0}, part};

            for (int b = 0; b < 2; b++) {
                if (data && both[b].size)
                    memcpy(data + used, both[b].data, both[b].size);
                used += both[b].size;
            }
        }
        if (pass == 0) {
            size = used + 1;
            used = 0;
            data = arena_new(call->memory, uint8_t, size);
            if (!data)
                return error_no_memory(err, "strings");
        }
    }
    *out = (struct bytes){data, used};
    return STATUS_OK;
}

static enum status row_put(const struct op_call *call, const struct grams *g,
                           const struct bytes *row, int64_t length, struct bytes *out,
                           struct error *err)
{
    size_t used = 0;

    for (size_t w = 0; w < g->width_count; w++)
        for (int64_t k = 0; k < grams_count(g, length, g->widths[w]); k++)
            TRY(gram_put(call, g, row, length, k - pad_of(g, g->widths[w]), g->widths[w],
                         &out[used++], err));
    if (used == 0 && row_grams(g, length) == 1) {
        int64_t pad = g->pad < 0 ? 0 : g->pad;

        TRY(gram_put(call, g, row, length, -pad, length + 2 * pad, &out[0], err));
    }
    return STATUS_OK;
}

static void begin_put(const struct tensor *splits, size_t i, int64_t value)
{
    if (splits->dtype == DTYPE_I32)
        ((int32_t *)splits->data)[i] = (int32_t)value;
    else
        ((int64_t *)splits->data)[i] = value;
}

static enum status run_grams(const struct op_call *call, struct error *err)
{
    struct grams g = grams_of(call);
    int64_t used = 0;

    TRY(splits_check(call, err));
    for (size_t i = 0; i < tensor_count(&call->in[1]); i++) {
        int64_t begin = i ? tensor_i64(&call->in[1], i - 1) : 0;
        int64_t length = tensor_i64(&call->in[1], i) - begin;

        if (i) {
            TRY(row_put(call, &g, (const struct bytes *)call->in[0].data + begin, length,
                        (struct bytes *)call->out[0].data + used, err));
            used += row_grams(&g, length);
        }
        begin_put(&call->out[1], i, used);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_text_split = OP_SET({.name = "TextSplit",
                                                  .summary = "strings in parts, sparse",
                                                  .in_min = 1,
                                                  .in_max = 1,
                                                  .out_min = 3,
                                                  .out_max = 3,
                                                  .infer = infer_split,
                                                  .run = run_split},
                                                 {.name = "TextGrams",
                                                  .summary = "n-grams of rows of strings",
                                                  .in_min = 2,
                                                  .in_max = 2,
                                                  .out_min = 2,
                                                  .out_max = 2,
                                                  .infer = infer_grams,
                                                  .run = run_grams});
