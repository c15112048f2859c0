// SPDX-License-Identifier: Apache-2.0
/* RegexFullMatch: does the whole string match a pattern of RE2? */
#include "base/regex/regex.h"
#include "ops/kernels/call.h"

enum { COMPILE_BYTES_MAX = 16 << 20 };

struct matcher {
    const struct regex *regex;
    bool has_classes; /* \w, \b ...: those of RE2 are ASCII, ours are not */
};

/* The pattern between anchors, so that of several matches it is the whole one that is found. */
static enum status compile(const struct op_call *call, struct matcher *matcher, struct arena *keep,
                           struct error *err)
{
    struct bytes pattern = attribute_string(call->attributes, "pattern", "");
    char *anchored = arena_printf(keep, "^(?:%.*s)$", (int)pattern.size,
                                  pattern.data ? (const char *)pattern.data : "");

    if (!attribute_find(call->attributes, "pattern"))
        return op_error(call, err, STATUS_INVALID_INPUT, "pattern is missing");
    if (pattern.size > UINT16_MAX || (pattern.size && memchr(pattern.data, 0, pattern.size)))
        return op_error(call, err, STATUS_UNSUPPORTED, "a pattern of %zu bytes", pattern.size);
    if (!anchored)
        return error_no_memory(err, "a pattern");
    for (size_t i = 0; i + 1 < pattern.size; i++)
        if (pattern.data[i] == '\\' && memchr("wWdDsSbB", pattern.data[i + 1], 8))
            matcher->has_classes = true;
    if (regex_compile(bytes_of(anchored), &matcher->regex, keep, err))
        return error_within(err, "RegexFullMatch");
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct matcher matcher = {.has_classes = false};
    struct arena arena;
    enum status status;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    arena_init(&arena, COMPILE_BYTES_MAX);
    status = compile(call, &matcher, &arena, err);
    arena_release(&arena);
    TRY(status);
    op_give(call, 0, DTYPE_BOOL, &call->in[0].shape);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct matcher *matcher = arena_new(keep, struct matcher, 1);

    if (!matcher)
        return error_no_memory(err, "a pattern");
    TRY(compile(call, matcher, keep, err));
    call->state = matcher;
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct matcher *matcher = call->state;

    return matcher ? regex_scratch_size(matcher->regex) : 0;
}

static bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 0x80)
            return false;
    return true;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct matcher *matcher = call->state;
    const struct bytes *x = call->in[0].data;
    size_t count = tensor_count(&call->in[0]);
    struct regex_match match;

    for (size_t i = 0; i < count; i++) {
        if (matcher->has_classes && !is_ascii(x[i]))
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "element %zu is not ASCII, and the pattern has classes", i);
        TRY(regex_search(matcher->regex, x[i], 0, call->scratch, &match, err));
        ((uint8_t *)call->out[0].data)[i] =
            match.found && match.start == 0 && match.end == x[i].size;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_regex_full_match = OP_SET({.name = "RegexFullMatch",
                                                        .summary = "does the whole string match",
                                                        .flags = OP_ROWS,
                                                        .in_min = 1,
                                                        .in_max = 1,
                                                        .out_min = 1,
                                                        .out_max = 1,
                                                        .infer = infer,
                                                        .prepare = prepare,
                                                        .scratch_size = scratch_size,
                                                        .run = run});
