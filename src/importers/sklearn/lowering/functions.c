// SPDX-License-Identifier: Apache-2.0
/* Functions that come with an expression, as Python source: "def name(a, b):", then nothing but
 * `if`, `elif`, `else` and `return`. Every way through must end in a return; all of them are
 * computed, and the conditions choose. */
#include "importers/sklearn/lowering/parser.h"

#include <string.h>

enum { LINES_MAX = 128, NESTED_MAX = 16, TEXT_MAX = 1 << 18 };

struct line {
    size_t indent;
    struct bytes text; /* without the indent, a comment and blanks at the end */
};

struct body {
    struct line lines[LINES_MAX];
    size_t count, at;
    int depth;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* One line; false where a comment may be part of a text. */
static bool line_of(struct bytes raw, struct line *line)
{
    bool quoted = memchr(raw.data, '\'', raw.size) || memchr(raw.data, '"', raw.size);
    const uint8_t *comment = memchr(raw.data, '#', raw.size);

    if (comment && quoted)
        return false;
    if (comment)
        raw.size = (size_t)(comment - raw.data);
    while (raw.size && is_blank(raw.data[raw.size - 1]))
        raw.size--;
    line->indent = 0;
    while (line->indent < raw.size && is_blank(raw.data[line->indent]))
        line->indent++;
    line->text = (struct bytes){raw.data + line->indent, raw.size - line->indent};
    return true;
}

static bool body_split(struct bytes source, struct body *body)
{
    while (source.size) {
        const uint8_t *end = memchr(source.data, '\n', source.size);
        size_t size = end ? (size_t)(end - source.data) : source.size;
        struct line line;

        if (!line_of((struct bytes){source.data, size}, &line))
            return false;
        if (line.text.size && body->count == LINES_MAX)
            return false;
        if (line.text.size)
            body->lines[body->count++] = line;
        size += end != NULL;
        source = (struct bytes){source.data + size, source.size - size};
    }
    return body->count > 1;
}

static bool starts(struct bytes text, const char *word)
{
    size_t size = strlen(word);

    return text.size >= size && memcmp(text.data, word, size) == 0;
}

/* "def name(": what comes after, or nothing. */
static struct bytes after_name(struct bytes source, struct bytes name)
{
    struct bytes rest = source;

    if (!starts(rest, "def "))
        return (struct bytes){0};
    rest = (struct bytes){rest.data + 4, rest.size - 4};
    if (rest.size <= name.size || memcmp(rest.data, name.data, name.size) != 0 ||
        rest.data[name.size] != '(')
        return (struct bytes){0};
    return (struct bytes){rest.data + name.size + 1, rest.size - name.size - 1};
}

static struct bytes source_of(const struct parser *p, struct bytes name)
{
    for (size_t i = 0; i < pickle_length(p->functions); i++) {
        const struct pickle_object *source = pickle_item(p->functions, i);

        if (source && source->kind == PICKLE_TEXT && after_name(source->bytes, name).size)
            return source->bytes;
    }
    return (struct bytes){0};
}

bool function_known(const struct parser *p, struct bytes name)
{
    return source_of(p, name).size > 0;
}

/* "a, b):" as names. */
static bool parameters_of(struct bytes text, struct parser *p)
{
    p->parameters = 0;
    while (text.size) {
        size_t size = 0;

        while (text.size && is_blank(*text.data))
            text = (struct bytes){text.data + 1, text.size - 1};
        while (size < text.size && text.data[size] != ',' && text.data[size] != ')')
            size++;
        if (size == text.size || size == 0 || p->parameters == PARAMETERS_MAX)
            return false;
        p->names[p->parameters] = (struct bytes){text.data, size};
        if (bytes_is(p->names[p->parameters++], "X"))
            return false;
        for (size_t i = 0; i < size; i++)
            if (strchr(" =:*", text.data[i]))
                return false;
        text = (struct bytes){text.data + size, text.size - size};
        if (*text.data == ')')
            return bytes_is(text, "):");
        text = (struct bytes){text.data + 1, text.size - 1};
    }
    return false;
}

/* An expression that is a line, or part of it. */
static enum status part(struct parser *p, struct bytes text, struct operand *out, struct error *err)
{
    p->start = p->at = text.data;
    p->end = text.data + text.size;
    TRY(parser_choice(p, out, err));
    parser_blanks(p);
    return p->at == p->end ? STATUS_OK : parser_fault(p, "something unexpected", err);
}

static enum status block(struct parser *p, struct body *body, struct operand *out,
                         struct error *err);

/* "if", "elif": its condition, its block, and what is done otherwise. */
static enum status branches(struct parser *p, struct body *body, size_t word, struct operand *out,
                            struct error *err)
{
    const struct line *line = &body->lines[body->at++];
    struct operand condition, otherwise;

    if (line->text.data[line->text.size - 1] != ':')
        return parser_fault(p, "an if that does not end its line", err);
    TRY(part(p, (struct bytes){line->text.data + word, line->text.size - word - 1}, &condition,
             err));
    if (body->at == body->count || body->lines[body->at].indent <= line->indent)
        return parser_fault(p, "an if without a block", err);
    TRY(block(p, body, out, err));
    if (body->at == body->count || body->lines[body->at].indent != line->indent)
        return parser_fault(p, "a function that does not always return", err);
    if (starts(body->lines[body->at].text, "elif ")) {
        TRY(branches(p, body, 5, &otherwise, err));
    } else {
        if (bytes_is(body->lines[body->at].text, "else:")) {
            body->at++;
            if (body->at == body->count || body->lines[body->at].indent <= line->indent)
                return parser_fault(p, "an else without a block", err);
        }
        TRY(block(p, body, &otherwise, err));
    }
    return parser_choose(p, &condition, out, &otherwise, err);
}

static enum status block(struct parser *p, struct body *body, struct operand *out,
                         struct error *err)
{
    const struct line *line = &body->lines[body->at];

    if (body->at == body->count || body->depth == NESTED_MAX)
        return parser_fault(p, "a function without an end, or too deep", err);
    body->depth++;
    if (starts(line->text, "if ")) {
        TRY(branches(p, body, 3, out, err));
    } else if (starts(line->text, "return ")) {
        body->at++;
        TRY(part(p, (struct bytes){line->text.data + 7, line->text.size - 7}, out, err));
    } else {
        return parser_fault(p, "a function of more than if and return", err);
    }
    body->depth--;
    return STATUS_OK;
}

static enum status arguments(struct parser *p, struct operand values[PARAMETERS_MAX], size_t *count,
                             struct error *err)
{
    *count = 0;
    do {
        if (*count == PARAMETERS_MAX)
            return parser_fault(p, "too many arguments", err);
        TRY(parser_choice(p, &values[(*count)++], err));
    } while (parser_take(p, ","));
    return parser_take(p, ")") ? STATUS_OK : parser_fault(p, "a call without an end", err);
}

enum status function_call(struct parser *p, struct bytes name, struct operand *out,
                          struct error *err)
{
    struct bytes source = source_of(p, name);
    struct body body = {.at = 1};
    struct parser inner = *p;
    size_t count;

    TRY(arguments(p, inner.values, &count, err));
    if (++inner.calls > CALLS_MAX)
        return parser_fault(p, "functions that call too deep", err);
    if (source.size > TEXT_MAX - p->l->text)
        return parser_fault(p, "functions that are too long with all their calls", err);
    p->l->text += source.size;
    if (!body_split(source, &body) ||
        !parameters_of(after_name(body.lines[0].text, name), &inner) || inner.parameters != count)
        return parser_fault(p, "a function that is not understood", err);
    if (body.lines[1].indent == 0)
        return parser_fault(p, "a function without a body", err);
    TRY(block(&inner, &body, out, err));
    return body.at == body.count ? STATUS_OK
                                 : parser_fault(&inner, "more than what is returned", err);
}
