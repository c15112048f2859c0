// SPDX-License-Identifier: Apache-2.0
/* Strings as TensorFlow treats them: bytes, of which UTF-8 is made where a unit or encoding says
 * so.
 *
 * TextCase: STRING -> STRING. Attributes to "lower", "upper" or "strip" (ASCII), utf8: 1: all
 * letters, what is no UTF-8 becomes U+FFFD. TextLength: STRING -> I32: bytes, or characters when
 * utf8 is 1. TextPart: STRING, position, length (integers, broadcast) -> STRING; attribute utf8 as
 * above. A negative position counts from the end. TextJoin: STRINGs of one shape, scalars among
 * them -> STRING; attribute separator. TextJoinRows: STRING -> STRING without the last `dims`
 * dimensions, what they held joined. TextJoinSegments: STRING, segment of each (its shape begins
 * the other's), their number -> STRING. */
#include "base/text.h"
#include "base/unicode.h"
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

#define STRING DTYPE_BIT(DTYPE_STRING)
static const uint8_t EMPTY[1];
enum { BROKEN = 0xFFFD };

static bool is_utf8(const struct op_call *call)
{
    return attribute_int(call->attributes, "utf8", 0) != 0;
}

static enum status infer_same(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, STRING, err));
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

/* --- TextCase --- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct bytes stripped(struct bytes text)
{
    while (text.size && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static enum status change_ascii(const struct op_call *call, struct bytes text, bool upper,
                                struct bytes *out, struct error *err)
{
    uint8_t *data = arena_new(call->memory, uint8_t, text.size + 1), low = upper ? 'a' : 'A';

    if (!data)
        return error_no_memory(err, "strings");
    for (size_t i = 0; i < text.size; i++)
        data[i] = (uint8_t)(text.data[i] - low) < 26 ? text.data[i] ^ 0x20 : text.data[i];
    *out = (struct bytes){data, text.size};
    return STATUS_OK;
}

static enum status change_unicode(const struct op_call *call, struct bytes text, bool upper,
                                  struct bytes *out, struct error *err)
{
    uint8_t *data = arena_new(call->memory, uint8_t, 3 * text.size + 4); /* a byte becomes 3 */
    size_t used = 0, size;

    if (!data)
        return error_no_memory(err, "strings");
    for (size_t at = 0; at < text.size; at += size) {
        uint32_t code = unicode_first((struct bytes){text.data + at, text.size - at}, &size), other;

        if (code >= 0x110000)
            code = BROKEN;
        other = upper ? unicode_upper(code) : unicode_lower(code);
        if (other == UNICODE_SEVERAL)
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "the other case of U+%04X is several letters", (unsigned)code);
        used += unicode_write(other, data + used);
    }
    *out = (struct bytes){data, used};
    return STATUS_OK;
}

static enum status run_case(const struct op_call *call, struct error *err)
{
    bool upper = attribute_is(call->attributes, "to", "upper");
    bool strip = attribute_is(call->attributes, "to", "strip"), utf8 = is_utf8(call);
    const struct bytes *x = call->in[0].data;
    struct bytes *y = call->out[0].data;

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        if (strip)
            y[i] = stripped(x[i]);
        else if (utf8)
            TRY(change_unicode(call, x[i], upper, &y[i], err));
        else
            TRY(change_ascii(call, x[i], upper, &y[i], err));
    }
    return STATUS_OK;
}

/* --- TextLength --- */

static enum status infer_length(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, STRING, err));
    op_give(call, 0, DTYPE_I32, &call->in[0].shape);
    return STATUS_OK;
}

static bool begins(uint8_t byte)
{
    return (byte & 0xC0) != 0x80;
}

static size_t length_of(struct bytes text, bool utf8)
{
    size_t count = 0;

    if (!utf8)
        return text.size;
    for (size_t i = 0; i < text.size; i++)
        count += begins(text.data[i]);
    return count;
}

static enum status run_length(const struct op_call *call, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
        ((int32_t *)call->out[0].data)[i] =
            (int32_t)length_of(((const struct bytes *)call->in[0].data)[i], is_utf8(call));
    return STATUS_OK;
}

/* --- TextPart --- */

static enum status infer_part(struct op_call *call, struct error *err)
{
    struct shape both, out;

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_same(call, 1, 2, err));
    TRY(shape_broadcast(&call->in[1].shape, &call->in[2].shape, &both, call, err));
    TRY(shape_broadcast(&call->in[0].shape, &both, &out, call, err));
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

/* The byte at which character `count` begins, from byte `at` on; false when there are fewer. */
static bool forward(struct bytes text, bool utf8, int64_t count, size_t *at)
{
    if (!utf8) {
        size_t left = text.size - *at;

        *at = (uint64_t)count > left ? text.size : *at + (size_t)count;
        return (uint64_t)count <= left;
    }
    while (count > 0 && *at < text.size) {
        do
            ++*at;
        while (*at < text.size && !begins(text.data[*at]));
        count--;
    }
    return count == 0;
}

static bool backward(struct bytes text, bool utf8, int64_t count, size_t *at)
{
    *at = text.size;
    if (!utf8) {
        if ((uint64_t)count > text.size)
            return false;
        *at -= (size_t)count;
        return true;
    }
    while (count > 0 && *at > 0) {
        do
            --*at;
        while (*at > 0 && !begins(text.data[*at]));
        count--;
    }
    return count == 0;
}

static enum status part_of(const struct op_call *call, struct bytes text, int64_t position,
                           int64_t length, struct bytes *part, struct error *err)
{
    bool utf8 = is_utf8(call), inside;
    char quoted[TEXT_QUOTE_SIZE];
    size_t from = 0, to;

    inside = position >= 0           ? forward(text, utf8, position, &from)
             : position > -INT64_MAX ? backward(text, utf8, -position, &from)
                                     : false;
    if (!inside || length < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "position %lld, length %lld of '%s'",
                        (long long)position, (long long)length,
                        text_quote(text, quoted, sizeof quoted));
    to = from;
    (void)forward(text, utf8, length, &to);
    *part = to > from ? (struct bytes){text.data + from, to - from} : (struct bytes){EMPTY, 0};
    return STATUS_OK;
}

static enum status run_part(const struct op_call *call, struct error *err)
{
    const struct shape *shapes[] = {&call->in[0].shape, &call->in[1].shape, &call->in[2].shape};
    struct bytes *y = call->out[0].data;
    struct broadcast walk;

    broadcast_start(&walk, &call->out[0].shape, shapes, 3);
    if (walk.count == 0)
        return STATUS_OK;
    do {
        for (size_t i = 0; i < walk.count; i++) {
            size_t at[3];

            for (int k = 0; k < 3; k++)
                at[k] = walk.at[k] + (walk.step[k] ? i : 0);
            TRY(part_of(call, ((const struct bytes *)call->in[0].data)[at[0]],
                        tensor_i64(&call->in[1], at[1]), tensor_i64(&call->in[2], at[2]),
                        &y[walk.done + i], err));
        }
    } while (broadcast_next(&walk));
    return STATUS_OK;
}

/* --- TextJoin --- */

static enum status infer_join(struct op_call *call, struct error *err)
{
    struct shape out = shape_scalar();

    for (size_t k = 0; k < call->in_count; k++) {
        const struct shape *shape = &call->in[k].shape;

        TRY(op_wants(call, k, STRING, err));
        if (shape->rank == 0)
            continue;
        if (out.rank == 0)
            out = *shape;
        if (out.rank > 0 && shape->rank > 0 && out.rank != shape->rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "inputs of %d and %d dimensions",
                            out.rank, shape->rank);
        for (int d = 0; d < out.rank && shape->rank > 0; d++) {
            if (!dim_is_known(out.dims[d]))
                out.dims[d] = shape->dims[d];
            else if (dim_is_known(shape->dims[d]) && out.dims[d] != shape->dims[d])
                return op_error(call, err, STATUS_INVALID_INPUT, "inputs differ in shape");
        }
        if (shape->rank < 0 && out.rank < 0)
            continue;
        if (out.rank < 0 && shape->rank > 0)
            out = *shape;
    }
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

/* Room for a string of parts, then the parts one after the other. */
struct joined {
    uint8_t *data;
    size_t size;
};

static void add(struct joined *to, struct bytes part)
{
    if (part.size)
        memcpy(to->data + to->size, part.data, part.size);
    to->size += part.size;
}

static struct bytes join_input(const struct op_call *call, size_t k, size_t i)
{
    return ((const struct bytes *)call->in[k].data)[call->in[k].shape.rank ? i : 0];
}

static enum status run_join(const struct op_call *call, struct error *err)
{
    struct bytes separator = attribute_string(call->attributes, "separator", "");
    struct bytes *y = call->out[0].data;

    for (size_t i = 0; i < tensor_count(&call->out[0]); i++) {
        struct joined joined = {0};
        size_t size = 1;

        for (size_t k = 0; k < call->in_count; k++)
            size += join_input(call, k, i).size + separator.size;
        joined.data = arena_new(call->memory, uint8_t, size);
        if (!joined.data)
            return error_no_memory(err, "strings");
        for (size_t k = 0; k < call->in_count; k++) {
            if (k)
                add(&joined, separator);
            add(&joined, join_input(call, k, i));
        }
        y[i] = (struct bytes){joined.data, joined.size};
    }
    return STATUS_OK;
}

/* --- TextJoinRows --- */

static int64_t joined_dims(const struct op_call *call)
{
    return attribute_int(call->attributes, "dims", 1);
}

static enum status infer_join_rows(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;

    TRY(op_wants(call, 0, STRING, err));
    if (joined_dims(call) < 0 || (out.rank >= 0 && joined_dims(call) > out.rank))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld dimensions of %d are joined",
                        (long long)joined_dims(call), out.rank);
    if (out.rank >= 0)
        out.rank -= (int)joined_dims(call);
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status join(const struct op_call *call, const struct bytes *parts, size_t count,
                        struct bytes *out, struct error *err)
{
    struct bytes separator = attribute_string(call->attributes, "separator", "");
    struct joined joined = {0};
    size_t size = 1;

    for (size_t k = 0; k < count; k++)
        size += parts[k].size + separator.size;
    joined.data = arena_new(call->memory, uint8_t, size);
    if (!joined.data)
        return error_no_memory(err, "strings");
    for (size_t k = 0; k < count; k++) {
        if (k)
            add(&joined, separator);
        add(&joined, parts[k]);
    }
    *out = (struct bytes){joined.data, joined.size};
    return STATUS_OK;
}

static enum status run_join_rows(const struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    size_t width = shape_span(shape, shape->rank - (int)joined_dims(call), shape->rank);

    for (size_t i = 0; i < tensor_count(&call->out[0]); i++)
        TRY(join(call, (const struct bytes *)call->in[0].data + i * width, width,
                 (struct bytes *)call->out[0].data + i, err));
    return STATUS_OK;
}

/* --- TextJoinSegments --- */

static enum status infer_segments(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    int rank = call->in[1].shape.rank;
    int64_t count = DIM_UNKNOWN;

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants(call, 2, DTYPES_INDEX, err));
    if (op_is_known(call, 2))
        TRY(op_input_i64(call, 2, &count, err));
    if (out.rank < 0 || rank < 0 || rank > out.rank) {
        if (out.rank >= 0 && rank > out.rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "segments of %d dimensions", rank);
        out = shape_unknown();
        op_give(call, 0, DTYPE_STRING, &out);
        return STATUS_OK;
    }
    if (op_is_known(call, 2) && count < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld segments", (long long)count);
    for (int d = rank; d < out.rank; d++)
        out.dims[d - rank + 1] = call->in[0].shape.dims[d];
    out.rank += 1 - rank;
    out.dims[0] = count;
    if (out.rank > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%d dimensions", out.rank);
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status segments_check(const struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *ids = &call->in[1].shape;

    for (int d = 0; d < ids->rank; d++)
        if (ids->dims[d] != x->dims[d])
            return op_error(call, err, STATUS_INVALID_INPUT, "segments of another shape");
    for (size_t i = 0; i < tensor_count(&call->in[1]); i++)
        if (tensor_i64(&call->in[1], i) < 0 ||
            tensor_i64(&call->in[1], i) >= call->out[0].shape.dims[0])
            return op_error(
                call, err, STATUS_INVALID_INPUT, "element %zu is of segment %lld of %lld", i,
                (long long)tensor_i64(&call->in[1], i), (long long)call->out[0].shape.dims[0]);
    return STATUS_OK;
}

/* Sizes first, then the bytes: each string is made once. */
static enum status run_segments(const struct op_call *call, struct error *err)
{
    struct bytes separator = attribute_string(call->attributes, "separator", "");
    size_t count = tensor_count(&call->in[1]), total = tensor_count(&call->out[0]);
    size_t width = shape_span(&call->out[0].shape, 1, call->out[0].shape.rank);
    const struct bytes *x = call->in[0].data;
    struct bytes *y = call->out[0].data;
    struct joined *joined = arena_new(call->memory, struct joined, total);

    TRY(segments_check(call, err));
    if (!joined)
        return error_no_memory(err, "strings");
    for (size_t i = 0; i < count * width; i++)
        joined[(size_t)tensor_i64(&call->in[1], i / width) * width + i % width].size +=
            x[i].size + separator.size;
    for (size_t k = 0; k < total; k++) {
        joined[k].data = arena_new(call->memory, uint8_t, joined[k].size + 1);
        if (!joined[k].data)
            return error_no_memory(err, "strings");
        joined[k].size = 0;
        y[k] = (struct bytes){NULL, 0};
    }
    for (size_t i = 0; i < count * width; i++) {
        size_t k = (size_t)tensor_i64(&call->in[1], i / width) * width + i % width;

        if (y[k].data)
            add(&joined[k], separator);
        add(&joined[k], x[i]);
        y[k].data = joined[k].data;
    }
    for (size_t k = 0; k < total; k++)
        y[k] = (struct bytes){joined[k].data, joined[k].size};
    return STATUS_OK;
}

#define ONE_TO_ONE .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1

const struct op_set ops_firn_text_parts =
    OP_SET({.name = "TextCase",
            .summary = "strings in lower or upper case, or stripped",
            .flags = OP_ROWS,
            ONE_TO_ONE,
            .infer = infer_same,
            .run = run_case},
           {.name = "TextLength",
            .summary = "lengths of strings",
            .flags = OP_ROWS,
            ONE_TO_ONE,
            .infer = infer_length,
            .run = run_length},
           {.name = "TextPart",
            .summary = "parts of strings",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_part,
            .run = run_part},
           {.name = "TextJoin",
            .summary = "strings of several inputs joined",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = OP_INPUTS_ANY,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_join,
            .run = run_join},
           {.name = "TextJoinRows",
            .summary = "strings along the last dimensions joined",
            ONE_TO_ONE,
            .infer = infer_join_rows,
            .run = run_join_rows},
           {.name = "TextJoinSegments",
            .summary = "strings of segments joined",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_segments,
            .run = run_segments});
