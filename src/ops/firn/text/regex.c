// SPDX-License-Identifier: Apache-2.0
/* Regex: searching in and replacing of strings by a regular expression (base/regex/regex.h).
 *
 * Input: STRING. Attributes: pattern; replacement: absent, the output is BOOL, whether there is a
 * match; else STRING, all matches replaced by it. A missing string is an error. */
#include <string.h>

#include "base/regex/regex.h"
#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (!attribute_find(call->attributes, "pattern"))
        return op_error(call, err, STATUS_INVALID_INPUT, "pattern is missing");
    call->out[0].dtype =
        attribute_find(call->attributes, "replacement") ? DTYPE_STRING : DTYPE_BOOL;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    const struct regex *regex;

    TRY(regex_compile(attribute_string(call->attributes, "pattern", ""), &regex, keep, err));
    call->state = (void *)(uintptr_t)regex;
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return call->state ? regex_scratch_size(call->state) : 0;
}

/* Every match replaced; what two empty matches in a row leave stands between them. */
static enum status replace(const struct op_call *call, struct bytes text, struct bytes with,
                           struct bytes *out, struct error *err)
{
    size_t last = 0, at = 0, used = 0, capacity = text.size + (text.size + 1) * with.size + 1;
    struct regex_match match;
    uint8_t *data;

    data = arena_new(call->memory, uint8_t, capacity);
    if (!data)
        return error_no_memory(err, "text");
    while (at <= text.size) {
        TRY(regex_search(call->state, text, at, call->scratch, &match, err));
        if (!match.found)
            break;
        memcpy(data + used, text.data + last, match.start - last);
        used += match.start - last;
        if (with.size)
            memcpy(data + used, with.data, with.size);
        used += with.size;
        last = at = match.end;
        if (match.end == match.start) /* on to the next character */
            for (at++; at < text.size && (text.data[at] & 0xc0) == 0x80; at++)
                ;
    }
    memcpy(data + used, text.data + last, text.size - last);
    *out = (struct bytes){data, used + text.size - last};
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct attribute *with = attribute_find(call->attributes, "replacement");
    const struct bytes *text = call->in[0].data;
    size_t count = tensor_count(&call->in[0]);
    struct regex_match match;

    for (size_t i = 0; i < count; i++) {
        if (!text[i].data)
            return error_set(err, STATUS_INVALID_INPUT, "missing text, at row %zu", i);
        if (with) {
            TRY(replace(call, text[i], with->s, (struct bytes *)call->out[0].data + i, err));
            continue;
        }
        TRY(regex_search(call->state, text[i], 0, call->scratch, &match, err));
        ((uint8_t *)call->out[0].data)[i] = match.found;
    }
    return STATUS_OK;
}

const struct op_set ops_firn_regex = OP_SET({.name = "Regex",
                                             .summary = "search and replace by regular expression",
                                             .flags = OP_ROWS,
                                             .in_min = 1,
                                             .in_max = 1,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .prepare = prepare,
                                             .scratch_size = scratch_size,
                                             .run = run});
