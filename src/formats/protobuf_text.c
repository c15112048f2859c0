// SPDX-License-Identifier: Apache-2.0
#include "formats/protobuf_text.h"

#include "base/number.h"
#include "base/text.h"
#include "formats/protobuf.h"

enum { DEPTH_MAX = 64, NUMBER_TEXT_MAX = 64 };

struct level { /* a message that is being written */
    uint32_t type, number;
    size_t begin;
    char close;
    bool list; /* one of [{...}, {...}] */
};

struct parser {
    struct bytes text;
    size_t at;
    const struct protobuf_row *rows;
    struct text out;
    struct text string;
    struct level levels[DEPTH_MAX];
    size_t depth;
};

/* --- characters --- */

static enum status fail(const struct parser *p, struct error *err, const char *what)
{
    size_t line = 1;

    for (size_t i = 0; i < p->at && i < p->text.size; i++)
        line += p->text.data[i] == '\n';
    return error_set(err, STATUS_INVALID_INPUT, "line %zu: %s", line, what);
}

static int peek(const struct parser *p)
{
    return p->at < p->text.size ? p->text.data[p->at] : -1;
}

static bool is_word(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Blanks and comments. */
static void skip(struct parser *p)
{
    for (;; p->at++) {
        int c = peek(p);

        if (c == '#')
            while (p->at < p->text.size && p->text.data[p->at] != '\n')
                p->at++;
        else if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        if (p->at >= p->text.size)
            return;
    }
}

static bool take(struct parser *p, char c)
{
    skip(p);
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

static struct bytes word(struct parser *p)
{
    size_t begin = p->at;

    while (is_word(peek(p)))
        p->at++;
    return (struct bytes){p->text.data + begin, p->at - begin};
}

/* A number or a name: all that may stand in one. */
static struct bytes token(struct parser *p)
{
    size_t begin;

    skip(p);
    begin = p->at;
    while (is_word(peek(p)) || peek(p) == '.' || peek(p) == '-' || peek(p) == '+')
        p->at++;
    return (struct bytes){p->text.data + begin, p->at - begin};
}

/* --- strings --- */

static void utf8_append(struct text *text, uint32_t c)
{
    if (c < 0x80) {
        text_append_char(text, (char)c);
    } else if (c < 0x800) {
        text_append_char(text, (char)(0xC0 | c >> 6));
        text_append_char(text, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        text_append_char(text, (char)(0xE0 | c >> 12));
        text_append_char(text, (char)(0x80 | (c >> 6 & 63)));
        text_append_char(text, (char)(0x80 | (c & 63)));
    } else {
        text_append_char(text, (char)(0xF0 | c >> 18));
        text_append_char(text, (char)(0x80 | (c >> 12 & 63)));
        text_append_char(text, (char)(0x80 | (c >> 6 & 63)));
        text_append_char(text, (char)(0x80 | (c & 63)));
    }
}

static int digit_of(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Up to `most` digits. */
static bool digits(struct parser *p, int base, int most, uint32_t *value)
{
    int count = 0;

    *value = 0;
    for (; count < most && digit_of(peek(p)) < base; count++, p->at++)
        *value = *value * (uint32_t)base + (uint32_t)digit_of(peek(p));
    return count > 0;
}

static enum status escape(struct parser *p, struct error *err)
{
    static const char FROM[] = "abfnrtv\\'\"?", TO[] = "\a\b\f\n\r\t\v\\'\"?";
    int c = peek(p);
    const char *plain = c > 0 ? strchr(FROM, c) : NULL;
    uint32_t value;
    bool good;

    if (plain) {
        p->at++;
        text_append_char(&p->string, TO[plain - FROM]);
        return STATUS_OK;
    }
    if (c >= '0' && c <= '7') {
        good = digits(p, 8, 3, &value) && value < 256;
    } else {
        p->at += c >= 0;
        good = (c == 'x' || c == 'X') ? digits(p, 16, 2, &value)
               : c == 'u'             ? digits(p, 16, 4, &value)
               : c == 'U'             ? digits(p, 16, 8, &value) && value < 0x110000
                                      : false;
    }
    if (!good)
        return fail(p, err, "an escape sequence that is none");
    if (c == 'u' || c == 'U')
        utf8_append(&p->string, value);
    else
        text_append_char(&p->string, (char)value);
    return STATUS_OK;
}

/* "a" 'b' "c": one string. */
static enum status string_read(struct parser *p, struct error *err)
{
    text_clear(&p->string);
    skip(p);
    if (peek(p) != '"' && peek(p) != '\'')
        return fail(p, err, "a string was expected");
    while (peek(p) == '"' || peek(p) == '\'') {
        int quote = peek(p);

        for (p->at++; peek(p) != quote;) {
            size_t begin = p->at;

            while (peek(p) >= 0 && peek(p) != quote && peek(p) != '\\' && peek(p) != '\n')
                p->at++;
            text_append_bytes(&p->string, (struct bytes){p->text.data + begin, p->at - begin});
            if (peek(p) < 0 || peek(p) == '\n')
                return fail(p, err, "a string without an end");
            if (peek(p) == quote)
                break;
            p->at++;
            TRY(escape(p, err));
        }
        p->at++;
        skip(p);
    }
    return text_check(&p->string, err);
}

/* --- numbers --- */

/* Decimal, octal, hexadecimal; a sign. */
static bool integer_of(struct bytes text, uint64_t *value)
{
    bool negative = text.size && text.data[0] == '-';
    size_t at = negative;
    int base = 10;

    if (text.size > at + 1 && text.data[at] == '0') {
        base = text.data[at + 1] == 'x' || text.data[at + 1] == 'X' ? 16 : 8;
        at += base == 16 ? 2 : 1;
    }
    *value = 0;
    if (at >= text.size)
        return false;
    for (; at < text.size; at++) {
        int digit = digit_of(text.data[at]);

        if (digit >= base || *value > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
            return false;
        *value = *value * (uint64_t)base + (uint64_t)digit;
    }
    if (negative && *value > (uint64_t)1 << 63)
        return false;
    if (negative)
        *value = (uint64_t)0 - *value;
    return true;
}

/* "1.", ".5" and "1.5f" as "1", "0.5" and "1.5"; false: longer than any number. */
static bool float_normal(struct bytes text, char *buffer, size_t *size)
{
    size_t from = 0;

    *size = 0;
    if (text.size > NUMBER_TEXT_MAX - 4 || !text.size)
        return false;
    if (text.data[0] == '-') {
        buffer[(*size)++] = '-';
        from = 1;
    }
    if (from < text.size && text.data[from] == '.')
        buffer[(*size)++] = '0';
    for (; from < text.size; from++) {
        char c = (char)text.data[from];
        bool last = from + 1 == text.size || digit_of(text.data[from + 1]) > 9;

        if (c == '.' && last)
            continue;
        buffer[(*size)++] = c;
    }
    if (*size > 1 && (buffer[*size - 1] == 'f' || buffer[*size - 1] == 'F') &&
        (buffer[*size - 2] == '.' || digit_of(buffer[*size - 2]) < 10))
        --*size;
    return true;
}

static bool float_of(struct bytes text, double *value, float *single)
{
    char buffer[NUMBER_TEXT_MAX];
    const char *end;
    uint64_t whole;
    size_t size;

    if (text.size > 1 && text.data[text.size > 2 && text.data[0] == '-'] == '0' &&
        integer_of(text, &whole)) { /* 0x10, 017 */
        *value = (double)(int64_t)whole;
        *single = (float)*value;
        return true;
    }
    if (!float_normal(text, buffer, &size) ||
        !number_from_text((struct bytes){(const uint8_t *)buffer, size}, value))
        return false;
    *single = (float)*value;
    end = number_parse_f32(buffer, buffer + size, single);
    if (end != buffer + size) /* inf, nan */
        *single = (float)*value;
    return true;
}

static const struct protobuf_row *row_find(const struct protobuf_row *rows, uint32_t type,
                                           struct bytes name)
{
    for (const struct protobuf_row *row = &rows[type + 1];
         row->name && row->kind != PROTOBUF_KIND_NONE; row++)
        if (bytes_is(name, row->name))
            return row;
    return NULL;
}

static bool truth_of(struct bytes text, uint64_t *value)
{
    static const char *const TRUE[] = {"true", "True", "t", "1"};
    static const char *const FALSE[] = {"false", "False", "f", "0"};

    for (size_t i = 0; i < ARRAY_COUNT(TRUE); i++) {
        *value = bytes_is(text, TRUE[i]);
        if (*value || bytes_is(text, FALSE[i]))
            return true;
    }
    return false;
}

static enum status number_write(struct parser *p, const struct protobuf_row *row, struct error *err)
{
    struct bytes text = token(p);
    const struct protobuf_row *named;
    uint64_t value = 0;
    double wide = 0;
    float single = 0;
    bool good = false;

    switch (row->kind) {
    case PROTOBUF_KIND_BOOL:
        good = truth_of(text, &value);
        break;
    case PROTOBUF_KIND_ENUM:
        named = row_find(p->rows, row->of, text);
        good = named || integer_of(text, &value);
        value = named ? named->number : value;
        break;
    case PROTOBUF_KIND_FLOAT:
    case PROTOBUF_KIND_DOUBLE:
        good = float_of(text, &wide, &single);
        break;
    default:
        good = integer_of(text, &value);
    }
    if (!good)
        return fail(p, err, "not a value of its field");
    if (row->kind == PROTOBUF_KIND_SIGNED)
        value = value << 1 ^ (value >> 63 ? UINT64_MAX : 0);
    if (row->kind == PROTOBUF_KIND_FLOAT)
        protobuf_write_f32(&p->out, row->number, single);
    else if (row->kind == PROTOBUF_KIND_DOUBLE)
        protobuf_write_f64(&p->out, row->number, wide);
    else
        protobuf_write_i64(&p->out, row->number, (int64_t)value);
    return STATUS_OK;
}

static enum status scalar_write(struct parser *p, const struct protobuf_row *row, struct error *err)
{
    if (row->kind == PROTOBUF_KIND_FIXED32 || row->kind == PROTOBUF_KIND_FIXED64)
        return fail(p, err, "a fixed number"); /* of fields that nobody reads */
    if (row->kind != PROTOBUF_KIND_BYTES)
        return number_write(p, row, err);
    TRY(string_read(p, err));
    protobuf_write_bytes(&p->out, row->number, text_bytes(&p->string));
    return STATUS_OK;
}

/* --- values that are passed over --- */

static enum status pass_over(struct parser *p, struct error *err)
{
    char closes[DEPTH_MAX];
    size_t depth = 0;

    do {
        int c;

        skip(p);
        c = peek(p);
        if (c < 0)
            return fail(p, err, "the text ends in a field");
        if (c == '"' || c == '\'') {
            TRY(string_read(p, err));
        } else if (c == '{' || c == '<' || c == '[') {
            if (depth == DEPTH_MAX)
                return fail(p, err, "messages in messages, too deep");
            closes[depth++] = c == '{' ? '}' : c == '<' ? '>' : ']';
            p->at++;
        } else if (depth && c == closes[depth - 1]) {
            depth--;
            p->at++;
        } else if (!token(p).size) {
            if (!depth)
                return fail(p, err, "a field without a value");
            p->at++;
        }
    } while (depth);
    return STATUS_OK;
}

/* --- messages --- */

static enum status push(struct parser *p, const struct protobuf_row *row, bool list,
                        struct error *err)
{
    bool brace = take(p, '{');

    if (!brace && !take(p, '<'))
        return fail(p, err, "a message was expected");
    if (p->depth == DEPTH_MAX)
        return fail(p, err, "messages in messages, too deep");
    p->levels[p->depth++] = (struct level){.type = row->of,
                                           .number = row->number,
                                           .begin = protobuf_write_begin(&p->out),
                                           .close = brace ? '}' : '>',
                                           .list = list};
    return STATUS_OK;
}

/* The end of a message; of a list of them, the next one may follow. */
static enum status pop(struct parser *p, struct error *err)
{
    struct level done = p->levels[--p->depth];
    struct protobuf_row row = {.number = done.number, .of = done.type};

    protobuf_write_end(&p->out, done.number, done.begin);
    if (!done.list || take(p, ']'))
        return STATUS_OK;
    if (!take(p, ','))
        return fail(p, err, "a list without an end");
    return push(p, &row, true, err);
}

static enum status list_read(struct parser *p, const struct protobuf_row *row, struct error *err)
{
    if (take(p, ']'))
        return STATUS_OK;
    if (row->kind == PROTOBUF_KIND_MESSAGE)
        return push(p, row, true, err);
    do
        TRY(scalar_write(p, row, err));
    while (take(p, ','));
    return take(p, ']') ? STATUS_OK : fail(p, err, "a list without an end");
}

/* "name: value", "name { ... }", "[extension] { ... }" */
static enum status field_read(struct parser *p, struct error *err)
{
    const struct protobuf_row *row = NULL;
    bool colon;

    if (take(p, '[')) {
        while (peek(p) >= 0 && peek(p) != ']')
            p->at++;
        p->at += peek(p) == ']';
    } else {
        struct bytes name = word(p);

        if (!name.size)
            return fail(p, err, "the name of a field was expected");
        row = row_find(p->rows, p->levels[p->depth - 1].type, name);
    }
    colon = take(p, ':');
    if (!row)
        return pass_over(p, err);
    if (take(p, '['))
        return list_read(p, row, err);
    if (row->kind == PROTOBUF_KIND_MESSAGE)
        return push(p, row, false, err);
    return colon ? scalar_write(p, row, err) : fail(p, err, "a colon was expected");
}

static enum status parse(struct parser *p, struct error *err)
{
    for (;;) {
        skip(p);
        if (peek(p) < 0 && p->depth == 1)
            return text_check(&p->out, err);
        if (p->depth > 1 && take(p, p->levels[p->depth - 1].close))
            TRY(pop(p, err));
        else
            TRY(field_read(p, err));
        if (!take(p, ','))
            (void)take(p, ';');
        if (p->out.failed)
            return text_check(&p->out, err);
    }
}

enum status protobuf_from_text(struct bytes text, const struct protobuf_row *rows, uint32_t root,
                               struct bytes *message, struct arena *keep, struct error *err)
{
    struct parser p = {.text = text, .rows = rows, .depth = 1};
    enum status status;

    p.levels[0].type = root;
    if (text.size >= 3 && !memcmp(text.data, "\xEF\xBB\xBF", 3))
        p.at = 3;
    status = parse(&p, err);
    if (!status) {
        uint8_t *data = arena_alloc(keep, p.out.size, 1);

        if (data && p.out.size)
            memcpy(data, p.out.data, p.out.size);
        *message = (struct bytes){data, p.out.size};
        if (!data)
            status = error_no_memory(err, "a message");
    }
    text_release(&p.out);
    text_release(&p.string);
    return status;
}

bool protobuf_text_is(struct bytes text, const struct protobuf_row *rows, uint32_t root)
{
    struct parser p = {.text = text, .rows = rows};
    struct bytes name;

    if (text.size >= 3 && !memcmp(text.data, "\xEF\xBB\xBF", 3))
        p.at = 3;
    skip(&p);
    name = word(&p);
    skip(&p);
    return name.size && row_find(rows, root, name) && (peek(&p) == ':' || peek(&p) == '{');
}
