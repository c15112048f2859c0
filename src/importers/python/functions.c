// SPDX-License-Identifier: Apache-2.0
/* A tokenizer for as much of Python as it takes to see what a module binds: names, numbers,
 * strings, brackets and lines. */
#include "importers/python/functions.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

enum { FUNCTIONS_MAX = 10000, PARAMETERS_MAX = 1000, DEPTH_MAX = 1000, NAMES_MAX = 100000 };

enum token_kind { TOKEN_END, TOKEN_LINE, TOKEN_NAME, TOKEN_OTHER };

struct token {
    enum token_kind kind;
    struct bytes text; /* of a name, or one character */
    size_t line, column;
};

struct reader {
    struct bytes text;
    size_t at, line, line_start, depth; /* depth: of brackets, in which lines do not end */
    struct token token;                 /* the present one */
    struct python_module *module;
    size_t function_capacity, parameter_capacity, other_capacity;
    struct arena *keep;
};

static int peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->text.size ? r->text.data[r->at + ahead] : -1;
}

static bool starts_name(int c)
{
    return c == '_' || c >= 0x80 || isalpha(c);
}

static bool goes_on(int c)
{
    return starts_name(c) || (c >= 0 && isdigit(c));
}

static void new_line(struct reader *r)
{
    r->line++;
    r->line_start = r->at;
}

/* A string: at its first quote. */
static enum status skip_string(struct reader *r, struct error *err)
{
    int quote = peek(r, 0), c;
    bool triple = peek(r, 1) == quote && peek(r, 2) == quote;
    size_t begin = r->line;

    if (!triple && peek(r, 1) == quote) {
        r->at += 2;
        return STATUS_OK;
    }
    r->at += triple ? 3 : 1;
    for (; (c = peek(r, 0)) >= 0; r->at++) {
        if (c == '\\') {
            r->at++;
            c = peek(r, 0);
        } else if (c == quote && (!triple || (peek(r, 1) == quote && peek(r, 2) == quote))) {
            r->at += triple ? 3 : 1;
            return STATUS_OK;
        } else if (c == '\n' && !triple) {
            break;
        }
        if (c == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        }
    }
    return error_set(err, STATUS_INVALID_INPUT, "line %zu: a string does not end", begin);
}

/* What stands between tokens. */
static void skip_space(struct reader *r)
{
    for (;;) {
        int c = peek(r, 0);

        if (c == ' ' || c == '\t' || c == '\f' || c == '\r') {
            r->at++;
        } else if (c == '\\' &&
                   (peek(r, 1) == '\n' || (peek(r, 1) == '\r' && peek(r, 2) == '\n'))) {
            r->at += peek(r, 1) == '\n' ? 2 : 3;
            new_line(r);
        } else if (c == '#') {
            while (peek(r, 0) >= 0 && peek(r, 0) != '\n')
                r->at++;
        } else if (c == '\n' && r->depth) {
            r->at++;
            new_line(r);
        } else {
            return;
        }
    }
}

static bool is_prefix(struct bytes name)
{
    if (name.size > 2)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!strchr("rRbBuUfFtT", name.data[i]))
            return false;
    return true;
}

static enum status name_or_string(struct reader *r, struct error *err)
{
    size_t begin = r->at;

    while (goes_on(peek(r, 0)))
        r->at++;
    r->token.kind = TOKEN_NAME;
    r->token.text = (struct bytes){r->text.data + begin, r->at - begin};
    if ((peek(r, 0) != '"' && peek(r, 0) != '\'') || !is_prefix(r->token.text))
        return STATUS_OK;
    r->token.kind = TOKEN_OTHER;
    return skip_string(r, err);
}

static enum status next(struct reader *r, struct error *err)
{
    int c;

    skip_space(r);
    c = peek(r, 0);
    r->token =
        (struct token){TOKEN_OTHER, {r->text.data + r->at, 1}, r->line, r->at - r->line_start};
    if (c < 0) {
        r->token.kind = TOKEN_END;
        r->token.text.size = 0;
        return r->depth ? error_set(err, STATUS_INVALID_INPUT, "a bracket does not end")
                        : STATUS_OK;
    }
    if (starts_name(c))
        return name_or_string(r, err);
    if (c == '"' || c == '\'')
        return skip_string(r, err);
    r->at++;
    if (c == '\n') {
        r->token.kind = TOKEN_LINE;
        new_line(r);
    } else if (strchr("([{", c)) {
        if (++r->depth > DEPTH_MAX)
            return error_set(err, STATUS_TOO_LARGE, "line %zu: more than %d brackets in each other",
                             r->line, DEPTH_MAX);
    } else if (strchr(")]}", c)) {
        if (!r->depth)
            return error_set(err, STATUS_INVALID_INPUT,
                             "line %zu: a bracket ends that did not begin", r->line);
        r->depth--;
    }
    return STATUS_OK;
}

static bool is(const struct reader *r, const char *text)
{
    return r->token.kind != TOKEN_LINE && bytes_is(r->token.text, text);
}

static enum status rest_of_line(struct reader *r, struct error *err)
{
    while (r->token.kind != TOKEN_LINE && r->token.kind != TOKEN_END)
        TRY(next(r, err));
    return STATUS_OK;
}

/* --- def --- */

static enum status name_kept(struct reader *r, const char **name, struct error *err)
{
    *name = arena_text(r->keep, r->token.text);
    return *name ? STATUS_OK : error_no_memory(err, "a name");
}

/* A default or an annotation: up to a comma, an equals sign or the end of the list. */
static enum status skip_expression(struct reader *r, bool annotation, struct error *err)
{
    bool lambda = false; /* its own parameters have commas, too */

    while (r->token.kind != TOKEN_END && r->depth) {
        lambda = r->depth == 1 && (is(r, "lambda") || (lambda && !is(r, ":")));
        if (!lambda && r->depth == 1 && (is(r, ",") || (annotation && is(r, "="))))
            break;
        TRY(next(r, err));
    }
    return STATUS_OK;
}

/* One parameter; *stars: 1 after `*`. */
static enum status parameter(struct reader *r, struct python_function *f, struct error *err)
{
    int stars = 0;
    const char *name = NULL;

    if (is(r, "/")) {
        f->positional_only = f->parameter_count;
        return next(r, err);
    }
    for (; is(r, "*"); stars++)
        TRY(next(r, err));
    if (r->token.kind == TOKEN_NAME) {
        TRY(name_kept(r, &name, err));
        TRY(next(r, err));
    } else if (stars != 1) {
        return error_set(err, STATUS_INVALID_INPUT,
                         "line %zu: \"%s\" has a parameter without a name", r->token.line, f->name);
    }
    f->any = f->any || stars == 2;
    if (is(r, ":"))
        TRY(skip_expression(r, true, err));
    if (stars == 0) {
        if (f->parameter_count >= PARAMETERS_MAX ||
            !ARENA_GROW(r->keep, f->parameters, f->parameter_count, r->parameter_capacity))
            return error_set(err, STATUS_TOO_LARGE, "\"%s\" has more than %d parameters", f->name,
                             PARAMETERS_MAX);
        f->parameters[f->parameter_count++] = (struct python_parameter){name, is(r, "=")};
    }
    return skip_expression(r, false, err);
}

/* After `def`, at the name. */
static enum status function(struct reader *r, bool decorated, struct error *err)
{
    struct python_module *m = r->module;
    struct python_function *f;
    size_t line = r->token.line;

    if (m->count >= FUNCTIONS_MAX ||
        !ARENA_GROW(r->keep, m->functions, m->count, r->function_capacity))
        return error_set(err, STATUS_TOO_LARGE, "more than %d functions", FUNCTIONS_MAX);
    f = &m->functions[m->count];
    *f = (struct python_function){.line = line, .decorated = decorated};
    r->parameter_capacity = 0;
    if (r->token.kind != TOKEN_NAME)
        return error_set(err, STATUS_INVALID_INPUT, "line %zu: def without a name", line);
    TRY(name_kept(r, &f->name, err));
    TRY(next(r, err));
    if (is(r, "[")) { /* def f[T](...) */
        while (r->depth && r->token.kind != TOKEN_END)
            TRY(next(r, err));
        TRY(next(r, err));
    }
    if (!is(r, "("))
        return error_set(err, STATUS_INVALID_INPUT, "line %zu: def %s without parameters", line,
                         f->name);
    TRY(next(r, err));
    while (r->depth && !is(r, ")")) {
        TRY(parameter(r, f, err));
        if (is(r, ","))
            TRY(next(r, err));
    }
    m->count++;
    return STATUS_OK;
}

/* --- other lines --- */

static enum status other_add(struct reader *r, struct error *err)
{
    struct python_module *m = r->module;

    if (m->other_count >= NAMES_MAX ||
        !ARENA_GROW(r->keep, m->others, m->other_count, r->other_capacity))
        return error_set(err, STATUS_TOO_LARGE, "more than %d names", NAMES_MAX);
    return name_kept(r, &m->others[m->other_count++], err);
}

/* import, class, an assignment, a branch: every name of the line may be bound by it. */
static enum status other_line(struct reader *r, struct error *err)
{
    bool import = is(r, "import") || is(r, "from"), binds = import || is(r, "class");
    size_t first = r->module->other_count;

    while (r->token.kind != TOKEN_LINE && r->token.kind != TOKEN_END) {
        if (r->token.kind == TOKEN_NAME)
            TRY(other_add(r, err));
        r->module->star = r->module->star || (import && is(r, "*"));
        binds = binds || (!r->depth && is(r, "="));
        TRY(next(r, err));
    }
    if (!binds)
        r->module->other_count = first;
    return STATUS_OK;
}

/* Below the top: only a def or an assignment in a branch matters, and both are beyond us. */
static enum status inner_line(struct reader *r, struct error *err)
{
    if (is(r, "async"))
        TRY(next(r, err));
    if (is(r, "def")) {
        TRY(next(r, err));
        if (r->token.kind == TOKEN_NAME)
            TRY(other_add(r, err));
        return rest_of_line(r, err);
    }
    return other_line(r, err);
}

static enum status top_line(struct reader *r, bool *decorated, bool *branch, struct error *err)
{
    bool was_decorated = *decorated;

    *decorated = is(r, "@");
    *branch = is(r, "if") || is(r, "else") || is(r, "elif") || is(r, "try") || is(r, "except") ||
              is(r, "finally") || is(r, "with") || is(r, "for") || is(r, "while") || is(r, "match");
    if (*decorated)
        return rest_of_line(r, err);
    if (!is(r, "def"))
        return other_line(r, err);
    TRY(next(r, err));
    TRY(function(r, was_decorated, err));
    return rest_of_line(r, err);
}

enum status python_module_read(struct bytes text, struct python_module *module, struct arena *keep,
                               struct error *err)
{
    struct reader r = {.text = text, .line = 1, .module = module, .keep = keep};
    bool decorated = false, branch = false;

    *module = (struct python_module){0};
    if (text.size >= 3 && !memcmp(text.data, "\xef\xbb\xbf", 3))
        r.at = r.line_start = 3;
    TRY(next(&r, err));
    while (r.token.kind != TOKEN_END) {
        if (r.token.kind == TOKEN_LINE) {
            TRY(next(&r, err));
            continue;
        }
        if (r.token.column == 0)
            TRY(top_line(&r, &decorated, &branch, err));
        else if (branch)
            TRY(inner_line(&r, err));
        else
            TRY(rest_of_line(&r, err));
        if (r.token.kind == TOKEN_LINE)
            TRY(next(&r, err));
    }
    return STATUS_OK;
}

const struct python_function *python_function_find(const struct python_module *module,
                                                   const char *name)
{
    for (size_t i = module->count; i > 0; i--)
        if (!strcmp(module->functions[i - 1].name, name))
            return &module->functions[i - 1];
    return NULL;
}

bool python_binds(const struct python_module *module, const char *name)
{
    if (module->star || python_function_find(module, name))
        return true;
    for (size_t i = 0; i < module->other_count; i++)
        if (!strcmp(module->others[i], name))
            return true;
    return false;
}
