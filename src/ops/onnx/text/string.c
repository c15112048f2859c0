// SPDX-License-Identifier: Apache-2.0
/* StringConcat and StringSplit. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

#define STRING DTYPE_BIT(DTYPE_STRING)

/* --- StringConcat: a followed by b, broadcast --- */

static enum status infer_concat(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants(call, 1, STRING, err));
    TRY(shape_broadcast(&call->in[0].shape, &call->in[1].shape, &out, call, err));
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status run_concat(const struct op_call *call, struct error *err)
{
    const struct shape *shapes[] = {&call->in[0].shape, &call->in[1].shape};
    struct bytes *y = call->out[0].data;
    struct broadcast walk;

    broadcast_start(&walk, &call->out[0].shape, shapes, 2);
    if (walk.count == 0)
        return STATUS_OK;
    do {
        for (size_t i = 0; i < walk.count; i++) {
            struct bytes a =
                ((const struct bytes *)call->in[0].data)[walk.at[0] + (walk.step[0] ? i : 0)];
            struct bytes b =
                ((const struct bytes *)call->in[1].data)[walk.at[1] + (walk.step[1] ? i : 0)];
            uint8_t *both = arena_alloc(call->memory, a.size + b.size, 1);

            if (!both)
                return error_no_memory(err, "strings");
            if (a.size)
                memcpy(both, a.data, a.size);
            if (b.size)
                memcpy(both + a.size, b.data, b.size);
            y[walk.done + i] = (struct bytes){both, a.size + b.size};
        }
    } while (broadcast_next(&walk));
    return STATUS_OK;
}

/* --- StringSplit: parts in a new last dimension, filled up with ""; and how many there are --- */

/* Bytes of the white space (as Python has it) that `text` begins with; 0: none. */
static size_t space_size(struct bytes text)
{
    static const char *const WIDE[] = {"\xC2\x85", "\u00A0", "\u1680", "\u2000", "\u2001",
                                       "\u2002",   "\u2003", "\u2004", "\u2005", "\u2006",
                                       "\u2007",   "\u2008", "\u2009", "\u200A", "\u2028",
                                       "\u2029",   "\u202F", "\u205F", "\u3000"};

    if (text.size == 0)
        return 0;
    if (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r') ||
        (text.data[0] >= 0x1C && text.data[0] <= 0x1F))
        return 1;
    for (size_t i = 0; text.data[0] >= 0x80 && i < ARRAY_COUNT(WIDE); i++)
        if (bytes_starts(text, bytes_of(WIDE[i])))
            return strlen(WIDE[i]);
    return 0;
}

static struct bytes rest_of(struct bytes text, size_t from)
{
    return (struct bytes){text.data + from, text.size - from};
}

/* Where the next separator is, and its size; at the end 0. */
static size_t find_separator(struct bytes text, struct bytes delimiter, size_t *size)
{
    for (size_t i = 0; i < text.size; i++) {
        struct bytes rest = rest_of(text, i);

        *size = delimiter.size ? (bytes_starts(rest, delimiter) ? delimiter.size : 0)
                               : space_size(rest);
        if (*size)
            return i;
    }
    *size = 0;
    return text.size;
}

/* The parts of one string, into `parts` when it is not NULL. */
static size_t split(struct bytes text, struct bytes delimiter, int64_t limit, struct bytes *parts)
{
    size_t count = 0, size;

    for (;;) {
        size_t end;

        while (!delimiter.size && (size = space_size(text)))
            text = rest_of(text, size);
        if (!delimiter.size && text.size == 0)
            return count;
        end = find_separator(text, delimiter, &size);
        if (limit >= 0 && (int64_t)count >= limit) {
            end = text.size;
            size = 0;
        }
        if (parts)
            parts[count] = (struct bytes){text.data, end};
        count++;
        if (!size)
            return count;
        text = rest_of(text, end + size);
    }
}

static int64_t limit_of(const struct op_call *call)
{
    return attribute_int(call->attributes, "maxsplit", -1);
}

static enum status infer_split(struct op_call *call, struct error *err)
{
    struct bytes delimiter = attribute_string(call->attributes, "delimiter", "");
    struct shape out = call->in[0].shape;
    int64_t most = DIM_UNKNOWN;

    TRY(op_wants(call, 0, STRING, err));
    TRY(op_wants_rank(call, 0, 0, RANK_MAX - 1, err));
    if (op_is_known(call, 0)) {
        most = 0;
        for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
            struct bytes text = ((const struct bytes *)call->in[0].data)[i];
            int64_t parts = (int64_t)split(text, delimiter, limit_of(call), NULL);

            most = parts > most ? parts : most;
        }
    }
    if (out.rank >= 0)
        out.dims[out.rank++] = most;
    op_give(call, 0, DTYPE_STRING, &out);
    op_give(call, 1, DTYPE_I64, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_split(const struct op_call *call, struct error *err)
{
    struct bytes delimiter = attribute_string(call->attributes, "delimiter", "");
    const struct bytes *x = call->in[0].data;
    size_t count = tensor_count(&call->in[0]);
    size_t width = (size_t)call->out[0].shape.dims[call->out[0].shape.rank - 1];
    struct bytes *y = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t parts = split(x[i], delimiter, limit_of(call), y + i * width);

        for (size_t k = parts; k < width; k++)
            y[i * width + k] = (struct bytes){(const uint8_t *)"", 0};
        if (call->out_count > 1)
            ((int64_t *)call->out[1].data)[i] = (int64_t)parts;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_string = OP_SET({.name = "StringConcat",
                                              .summary = "strings one after the other",
                                              .flags = OP_ROWS,
                                              .in_min = 2,
                                              .in_max = 2,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer_concat,
                                              .run = run_concat},
                                             {.name = "StringSplit",
                                              .summary = "strings into parts",
                                              .in_min = 1,
                                              .in_max = 1,
                                              .out_min = 1,
                                              .out_max = 2,
                                              .infer = infer_split,
                                              .run = run_split});
