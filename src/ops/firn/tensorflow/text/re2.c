// SPDX-License-Identifier: Apache-2.0
/* Expressions of RE2 (base/regex/regex.h).
 *
 * Re2Match: STRING -> BOOL: does the whole string match? Attribute pattern.
 * Re2Replace: STRING -> STRING. Attributes pattern, rewrite (\0 to \9 are groups, \\ a backslash),
 *   global (1: all matches, one after the other; 0: the first). */
#include "base/regex/regex.h"
#include "base/text.h"
#include "ops/kernels/call.h"

enum { COMPILE_BYTES_MAX = 16 << 20 };

struct expression {
    const struct regex *regex;
    bool groups; /* the rewrite asks for more than the whole match */
};

/* Of what the rewrite asks for: the highest group; what stands behind a backslash is checked. */
static enum status rewrite_check(const struct op_call *call, size_t *highest, struct error *err)
{
    struct bytes rewrite = attribute_string(call->attributes, "rewrite", "");

    *highest = 0;
    for (size_t i = 0; i < rewrite.size; i++) {
        uint8_t next;

        if (rewrite.data[i] != '\\')
            continue;
        next = ++i < rewrite.size ? rewrite.data[i] : 0;
        if (next == '\\')
            continue;
        if (next < '0' || next > '9')
            return op_error(call, err, STATUS_INVALID_INPUT, "a rewrite with a lone backslash");
        if ((size_t)(next - '0') > *highest)
            *highest = (size_t)(next - '0');
    }
    return STATUS_OK;
}

/* A whole match is one between anchors. */
static enum status compile(const struct op_call *call, struct expression *expression,
                           struct arena *keep, struct error *err)
{
    bool whole = !attribute_find(call->attributes, "rewrite");
    struct bytes pattern = attribute_string(call->attributes, "pattern", "");
    const char *text;
    size_t highest;

    if (!attribute_find(call->attributes, "pattern"))
        return op_error(call, err, STATUS_INVALID_INPUT, "pattern is missing");
    if (pattern.size > UINT16_MAX || (pattern.size && memchr(pattern.data, 0, pattern.size)))
        return op_error(call, err, STATUS_UNSUPPORTED, "a pattern of %zu bytes", pattern.size);
    text = arena_printf(keep, whole ? "\\A(?:%.*s)\\z" : "%.*s", (int)pattern.size,
                        pattern.data ? (const char *)pattern.data : "");
    if (!text)
        return error_no_memory(err, "a pattern");
    TRY(regex_compile_as(REGEX_RE2, bytes_of(text), &expression->regex, keep, err));
    TRY(rewrite_check(call, &highest, err));
    if (highest > regex_group_count(expression->regex))
        return op_error(call, err, STATUS_INVALID_INPUT, "group %zu of a pattern that has %zu",
                        highest, regex_group_count(expression->regex));
    expression->groups = highest > 0;
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct expression expression;
    struct arena arena;
    enum status status;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    arena_init(&arena, COMPILE_BYTES_MAX);
    status = compile(call, &expression, &arena, err);
    arena_release(&arena);
    TRY(status);
    op_give(call, 0, attribute_find(call->attributes, "rewrite") ? DTYPE_STRING : DTYPE_BOOL,
            &call->in[0].shape);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct expression *expression = arena_new(keep, struct expression, 1);

    if (!expression)
        return error_no_memory(err, "a pattern");
    TRY(compile(call, expression, keep, err));
    call->state = expression;
    return STATUS_OK;
}

static size_t search_size(const struct regex *regex)
{
    return (regex_scratch_size(regex) + 63) / 64 * 64;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct expression *expression = call->state;

    if (!expression)
        return 0;
    return search_size(expression->regex) +
           (expression->groups ? regex_groups_size(expression->regex) : 0);
}

static enum status run_match(const struct op_call *call, struct error *err)
{
    const struct expression *expression = call->state;
    const struct bytes *x = call->in[0].data;
    struct regex_match match;

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(regex_search(expression->regex, x[i], 0, call->scratch, &match, err));
        ((uint8_t *)call->out[0].data)[i] = match.found;
    }
    return STATUS_OK;
}

/* --- replacing --- */

struct output { /* grows in the call's memory */
    struct arena *memory;
    uint8_t *data;
    size_t size, capacity;
};

static enum status put(struct output *to, const uint8_t *data, size_t size, struct error *err)
{
    if (!size)
        return STATUS_OK;
    if (to->capacity - to->size < size) {
        size_t capacity = 2 * to->capacity + size + 32;
        uint8_t *grown = arena_new(to->memory, uint8_t, capacity);

        if (!grown)
            return error_no_memory(err, "strings");
        if (to->size)
            memcpy(grown, to->data, to->size);
        to->data = grown;
        to->capacity = capacity;
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return STATUS_OK;
}

static enum status put_rewrite(const struct op_call *call, struct bytes text,
                               const struct regex_match *match, struct output *to,
                               struct error *err)
{
    struct bytes rewrite = attribute_string(call->attributes, "rewrite", "");
    const struct expression *expression = call->state;
    struct bytes groups[REGEX_GROUPS_MAX + 1] = {
        {text.data + match->start, match->end - match->start}};

    if (expression->groups)
        regex_groups(expression->regex, text, match,
                     (uint8_t *)call->scratch + search_size(expression->regex), groups);
    for (size_t i = 0; i < rewrite.size; i++) {
        if (rewrite.data[i] != '\\') {
            TRY(put(to, rewrite.data + i, 1, err));
            continue;
        }
        i++;
        if (rewrite.data[i] == '\\')
            TRY(put(to, rewrite.data + i, 1, err));
        else
            TRY(put(to, groups[rewrite.data[i] - '0'].data, groups[rewrite.data[i] - '0'].size,
                    err));
    }
    return STATUS_OK;
}

/* An empty match where the last one ended does not count: one character is passed over. */
static enum status replace(const struct op_call *call, struct bytes text, struct bytes *out,
                           struct error *err)
{
    const struct expression *expression = call->state;
    bool global = attribute_int(call->attributes, "global", 1);
    struct output to = {.memory = call->memory};
    size_t at = 0, last = SIZE_MAX;
    struct regex_match match;

    while (at <= text.size) {
        TRY(regex_search(expression->regex, text, at, call->scratch, &match, err));
        if (!match.found)
            break;
        TRY(put(&to, text.data + at, match.start - at, err));
        if (match.start == last && match.end == last) {
            size_t size = last < text.size ? text_utf8_size(text.data + last, text.size - last) : 1;

            size = size ? size : 1;
            if (last < text.size)
                TRY(put(&to, text.data + last, size, err));
            at = last + size;
            continue;
        }
        TRY(put_rewrite(call, text, &match, &to, err));
        at = last = match.end;
        if (!global)
            break;
    }
    if (at < text.size)
        TRY(put(&to, text.data + at, text.size - at, err));
    *out = to.data ? (struct bytes){to.data, to.size} : (struct bytes){(const uint8_t *)"", 0};
    return STATUS_OK;
}

static enum status run_replace(const struct op_call *call, struct error *err)
{
    const struct bytes *x = call->in[0].data;

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
        TRY(replace(call, x[i], (struct bytes *)call->out[0].data + i, err));
    return STATUS_OK;
}

#define COMMON                                                                                     \
    .flags = OP_ROWS, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .infer = infer,        \
    .prepare = prepare, .scratch_size = scratch_size

const struct op_set ops_firn_re2 =
    OP_SET({.name = "Re2Match", .summary = "does the whole string match", COMMON, .run = run_match},
           {.name = "Re2Replace", .summary = "what matches, replaced", COMMON, .run = run_replace});
