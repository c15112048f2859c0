// SPDX-License-Identifier: Apache-2.0
/* Compiled to instructions that are run for all threads of the search at once, best first (Pike's
 * method; Russ Cox, "Regular Expression Matching: the Virtual Machine Approach"). */
#include "base/regex/internal.h"

#include <string.h>

#include "base/text.h"
#include "base/unicode.h"

enum { RANGES_MAX = 256, DEPTH_MAX = 32, REPEAT_MAX = 64, REPEAT_MAX_RE2 = 1000 };

struct compiler {
    const uint8_t *start, *at, *end;
    struct instruction code[REGEX_INSTRUCTIONS_MAX];
    size_t count;
    struct arena *keep;
    int depth;
    enum regex_dialect dialect;
    bool fold, dot_all; /* (?i), (?s) */
    size_t group_count;
};

/* --- characters --- */

/* One character of UTF-8; a broken byte stands for itself. */
uint32_t regex_decode(const uint8_t *at, const uint8_t *end, size_t *size)
{
    uint32_t c = *at;
    size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

    *size = 1;
    if (more == 0 || (size_t)(end - at) <= more)
        return c;
    c &= 0x3fu >> more;
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return *at;
        c = c << 6 | (at[i] & 0x3fu);
    }
    *size = more + 1;
    return c;
}

/* --- compiling --- */

static enum status fault(const struct compiler *c, const char *what, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(
        err, STATUS_UNSUPPORTED, "%s at character %zu of the regular expression '%s'", what,
        (size_t)(c->at - c->start),
        text_quote((struct bytes){c->start, (size_t)(c->end - c->start)}, quoted, sizeof quoted));
}

static bool peek(const struct compiler *c, char wanted)
{
    return c->at < c->end && *c->at == (uint8_t)wanted;
}

static bool take(struct compiler *c, char wanted)
{
    if (!peek(c, wanted))
        return false;
    c->at++;
    return true;
}

static enum status append(struct compiler *c, struct instruction instruction, struct error *err)
{
    if (c->count == REGEX_INSTRUCTIONS_MAX)
        return fault(c, "too long an expression", err);
    c->code[c->count++] = instruction;
    return STATUS_OK;
}

/* One that goes on to what comes after it. */
static enum status append_plain(struct compiler *c, struct instruction instruction,
                                struct error *err)
{
    instruction.next = c->count + 1;
    return append(c, instruction, err);
}

/* \w and the like into a kind; 0: no kind. */
static unsigned kind_of(const struct compiler *c, uint8_t letter)
{
    static const char LETTERS[] = "wdsWDS";

    for (unsigned i = 0; LETTERS[i]; i++)
        if ((uint8_t)LETTERS[i] == letter)
            return 1u << i | (c->dialect == REGEX_RE2 ? ASCII : 0);
    return 0;
}

/* \pL, \p{L} and their opposites, of the general categories of one letter. The p was read. */
static bool category(struct compiler *c, bool no, unsigned *kinds)
{
    bool braces = take(c, '{'), negated = braces && take(c, '^');
    const char *at = c->at < c->end && *c->at ? strchr(REGEX_CATEGORIES, *c->at) : NULL;

    if (!at)
        return false;
    c->at++;
    *kinds = (unsigned)(no != negated ? NO_CATEGORY : CATEGORY) << (at - REGEX_CATEGORIES);
    return !braces || take(c, '}');
}

/* A hexadecimal number: \xHH or \x{H...}. The x was read. */
static bool hexadecimal(struct compiler *c, uint32_t *character)
{
    bool braces = c->at < c->end && *c->at == '{';
    size_t digits = 0, most = braces ? 6 : 2;

    c->at += braces;
    *character = 0;
    for (; digits < most && c->at < c->end; c->at++, digits++) {
        uint8_t low = *c->at | 0x20;

        if (*c->at >= '0' && *c->at <= '9')
            *character = *character * 16 + (uint32_t)(*c->at - '0');
        else if (low >= 'a' && low <= 'f')
            *character = *character * 16 + (uint32_t)(low - 'a' + 10);
        else
            break;
    }
    if (braces ? digits == 0 || c->at == c->end || *c->at != '}' : digits != 2)
        return false;
    c->at += braces;
    return *character < 0x110000;
}

/* What an escape of one character means; false when it is none of these. */
static bool plain_escape(uint8_t letter, uint32_t *character)
{
    static const char LETTERS[] = "ntrfv", MEANINGS[] = "\n\t\r\f\v";

    for (size_t i = 0; LETTERS[i]; i++)
        if ((uint8_t)LETTERS[i] == letter) {
            *character = (uint8_t)MEANINGS[i];
            return true;
        }
    *character = letter;
    return letter < 0x80 && !unicode_is_word(letter);
}

/* What stands behind a backslash: a character or a kind. */
static enum status escape_read(struct compiler *c, uint32_t *character, unsigned *kinds,
                               struct error *err)
{
    uint8_t letter = *c->at;
    bool known;

    *kinds = kind_of(c, letter);
    if (c->dialect == REGEX_RE2 && (letter == 'p' || letter == 'P' || letter == 'x')) {
        c->at++;
        known = letter == 'x' ? hexadecimal(c, character) : category(c, letter == 'P', kinds);
        return known ? STATUS_OK : fault(c, "an escape that is not known", err);
    }
    known = *kinds || plain_escape(letter, character);
    if (c->dialect == REGEX_RE2 && letter == 'a') {
        *character = '\a';
        known = true;
    }
    if (!known)
        return fault(c, "an escape that is not known", err);
    c->at++;
    return STATUS_OK;
}

/* One end of a range, or a kind, inside brackets. */
static enum status class_item(struct compiler *c, uint32_t *character, unsigned *kinds,
                              struct error *err)
{
    size_t size;

    *kinds = 0;
    if (c->at == c->end)
        return fault(c, "a class without an end", err);
    if (!take(c, '\\')) {
        *character = regex_decode(c->at, c->end, &size);
        c->at += size;
        return STATUS_OK;
    }
    if (c->at == c->end)
        return fault(c, "an escape without a character", err);
    return escape_read(c, character, kinds, err);
}

/* The ranges of a POSIX class, "[:alpha:]", whose opening was seen; false: it is not known. */
static bool named_class(struct compiler *c, struct range *ranges, size_t *count)
{
    static const struct {
        const char *name, *ranges; /* pairs: first, last */
    } CLASSES[] = {
        {"[:alnum:]", "09AZaz"},
        {"[:alpha:]", "AZaz"},
        {"[:ascii:]", "\x01\x7F"},
        {"[:blank:]", "\t\t  "},
        {"[:cntrl:]", "\x01\x1F\x7F\x7F"},
        {"[:digit:]", "09"},
        {"[:graph:]", "!~"},
        {"[:lower:]", "az"},
        {"[:print:]", " ~"},
        {"[:punct:]", "!/:@[`{~"},
        {"[:space:]", "\t\r  "},
        {"[:upper:]", "AZ"},
        {"[:word:]", "09AZaz__"},
        {"[:xdigit:]", "09AFaf"},
    };
    struct bytes rest = {c->at, (size_t)(c->end - c->at)};

    for (size_t i = 0; i < ARRAY_COUNT(CLASSES); i++) {
        const char *pair = CLASSES[i].ranges;

        if (!bytes_starts(rest, bytes_of(CLASSES[i].name)))
            continue;
        c->at += strlen(CLASSES[i].name);
        for (; *pair && *count < RANGES_MAX; pair += 2)
            ranges[(*count)++] = (struct range){(uint8_t)pair[0], (uint8_t)pair[1]};
        /* those that begin with NUL, which no text of C holds */
        if ((i == 2 || i == 4) && *count < RANGES_MAX)
            ranges[(*count)++] = (struct range){0, 0};
        return true;
    }
    return false;
}

static enum status class_of(struct compiler *c, struct instruction *instruction, struct error *err)
{
    struct range *ranges = arena_new(c->keep, struct range, RANGES_MAX);
    bool first = true;

    if (!ranges)
        return error_no_memory(err, "a regular expression");
    *instruction = (struct instruction){.opcode = CLASS, .ranges = ranges};
    instruction->fold = c->fold;
    instruction->negated = take(c, '^');
    for (; first || !peek(c, ']'); first = false) {
        struct range range;
        unsigned kinds;

        if (peek(c, '[') && c->at + 1 < c->end && c->at[1] == ':') {
            if (c->dialect != REGEX_RE2 || !named_class(c, ranges, &instruction->range_count))
                return fault(c, "a named class", err);
            continue;
        }
        TRY(class_item(c, &range.low, &kinds, err));
        instruction->kinds |= kinds;
        if (kinds)
            continue;
        range.high = range.low;
        if (peek(c, '-') && c->at + 1 < c->end && c->at[1] != ']') {
            c->at++;
            TRY(class_item(c, &range.high, &kinds, err));
            if (kinds || range.high < range.low)
                return fault(c, "a range that is none", err);
        }
        if (instruction->range_count == RANGES_MAX)
            return fault(c, "too long a class", err);
        ranges[instruction->range_count++] = range;
    }
    return take(c, ']') ? STATUS_OK : fault(c, "a class without an end", err);
}

static enum status alternatives(struct compiler *c, struct error *err);

static enum status escape(struct compiler *c, struct error *err)
{
    struct instruction instruction = {.opcode = CHARACTER, .fold = c->fold};
    bool re2 = c->dialect == REGEX_RE2;

    if (c->at == c->end)
        return fault(c, "an escape without a character", err);
    if (*c->at == 'b' || *c->at == 'B') {
        instruction.opcode = *c->at == 'b' ? EDGE : NO_EDGE;
        instruction.kinds = re2 ? ASCII : 0;
        c->at++;
    } else if (re2 && (*c->at == 'A' || *c->at == 'z')) {
        instruction.opcode = *c->at == 'A' ? START : STOP;
        c->at++;
    } else {
        TRY(escape_read(c, &instruction.character, &instruction.kinds, err));
        if (instruction.kinds)
            instruction.opcode = CLASS;
    }
    return append_plain(c, instruction, err);
}

/* (?i), (?s-i), (?i:...): what stands between the question mark and ')' or ':'. */
static enum status flags_read(struct compiler *c, struct error *err)
{
    bool on = true;

    for (; c->at < c->end && *c->at != ')' && *c->at != ':'; c->at++) {
        if (*c->at == '-' && on)
            on = false;
        else if (*c->at == 'i')
            c->fold = on;
        else if (*c->at == 's')
            c->dot_all = on;
        else
            return fault(c, "a group of a kind that is not known", err);
    }
    return STATUS_OK;
}

/* Behind "(?": *capture, or *flags_only when it closed already. */
static enum status group_kind(struct compiler *c, bool *capture, bool *flags_only,
                              struct error *err)
{
    *capture = *flags_only = false;
    if (take(c, ':'))
        return STATUS_OK;
    if (c->dialect != REGEX_RE2)
        return fault(c, "a group of a kind that is not known", err);
    if (take(c, 'P') && take(c, '<')) {
        while (c->at < c->end && *c->at != '>')
            c->at++;
        *capture = take(c, '>');
        return *capture ? STATUS_OK : fault(c, "a name without an end", err);
    }
    TRY(flags_read(c, err));
    *flags_only = take(c, ')');
    return *flags_only || take(c, ':') ? STATUS_OK : fault(c, "a group without an end", err);
}

static enum status save(struct compiler *c, size_t slot, struct error *err)
{
    return append_plain(c, (struct instruction){.opcode = SAVE, .character = (uint32_t)slot}, err);
}

static enum status group(struct compiler *c, struct error *err)
{
    bool fold = c->fold, dot_all = c->dot_all, capture = c->dialect == REGEX_RE2, alone = false;
    size_t number;

    if (take(c, '?'))
        TRY(group_kind(c, &capture, &alone, err));
    if (alone)
        return STATUS_OK;
    number = capture ? ++c->group_count : 0;
    if (++c->depth > DEPTH_MAX)
        return fault(c, "too deep a group", err);
    if (capture)
        TRY(save(c, 2 * number, err));
    TRY(alternatives(c, err));
    if (capture)
        TRY(save(c, 2 * number + 1, err));
    c->depth--;
    c->fold = fold;
    c->dot_all = dot_all;
    return take(c, ')') ? STATUS_OK : fault(c, "a group without an end", err);
}

static enum status atom(struct compiler *c, struct error *err)
{
    struct instruction instruction = {.opcode = CHARACTER, .fold = c->fold};
    size_t size;

    if (take(c, '('))
        return group(c, err);
    if (take(c, '\\'))
        return escape(c, err);
    if (take(c, '[')) {
        TRY(class_of(c, &instruction, err));
        return append_plain(c, instruction, err);
    }
    if (peek(c, '*') || peek(c, '+') || peek(c, '?') || peek(c, '{'))
        return fault(c, "a repetition of nothing", err);
    if (take(c, '.')) {
        instruction.opcode = ANY;
        instruction.negated = c->dot_all;
    } else if (take(c, '^'))
        instruction.opcode = START;
    else if (take(c, '$'))
        instruction.opcode = c->dialect == REGEX_RE2 ? STOP : END;
    else {
        instruction.character = regex_decode(c->at, c->end, &size);
        c->at += size;
    }
    return append_plain(c, instruction, err);
}

/* --- repetition: the instructions from `first` on, again --- */

/* A copy of code[first, first + size) at the end, its jumps moved along. */
static enum status copy(struct compiler *c, size_t first, size_t size, struct error *err)
{
    size_t shift = c->count - first;

    for (size_t i = 0; i < size; i++) {
        struct instruction instruction = c->code[first + i];

        instruction.next += shift;
        instruction.other += instruction.opcode == SPLIT ? shift : 0;
        TRY(append(c, instruction, err));
    }
    return STATUS_OK;
}

/* Make room for a SPLIT before code[first]. */
static enum status insert_split(struct compiler *c, size_t first, bool lazy, size_t past,
                                struct error *err)
{
    TRY(append(c, (struct instruction){.opcode = MATCH}, err));
    for (size_t i = c->count - 1; i > first; i--) {
        c->code[i] = c->code[i - 1];
        c->code[i].next += c->code[i].next >= first ? 1 : 0;
        if (c->code[i].opcode == SPLIT)
            c->code[i].other += c->code[i].other >= first ? 1 : 0;
    }
    c->code[first] = (struct instruction){
        .opcode = SPLIT, .next = lazy ? past : first + 1, .other = lazy ? first + 1 : past};
    return STATUS_OK;
}

static enum status repeat_once_or_never(struct compiler *c, size_t first, bool lazy,
                                        struct error *err)
{
    return insert_split(c, first, lazy, c->count + 1, err);
}

static enum status repeat_any(struct compiler *c, size_t first, bool lazy, struct error *err)
{
    TRY(insert_split(c, first, lazy, c->count + 2, err));
    return append(c, (struct instruction){.opcode = JUMP, .next = first, .other = first}, err);
}

static enum status bounds(struct compiler *c, size_t *low, size_t *high, struct error *err)
{
    size_t *limits[] = {low, high};
    bool seen[2] = {false, false};
    int i = 0;

    *low = 0;
    *high = SIZE_MAX;
    for (; c->at < c->end && *c->at != '}'; c->at++) {
        if (*c->at == ',' && i == 0) {
            i = 1;
        } else if (*c->at >= '0' && *c->at <= '9') {
            *limits[i] = (seen[i] ? *limits[i] * 10 : 0) + (size_t)(*c->at - '0');
            seen[i] = true;
            if (*limits[i] > (c->dialect == REGEX_RE2 ? REPEAT_MAX_RE2 : REPEAT_MAX))
                return fault(c, "too many repetitions", err);
        } else {
            return fault(c, "a brace that repeats nothing", err);
        }
    }
    if (!take(c, '}') || (!seen[0] && (!seen[1] || c->dialect == REGEX_RE2)))
        return fault(c, "a brace that repeats nothing", err);
    if (i == 0)
        *high = *low;
    return *low <= *high ? STATUS_OK : fault(c, "a repetition that cannot be", err);
}

static enum status repeat(struct compiler *c, size_t first, size_t low, size_t high, bool lazy,
                          struct error *err)
{
    size_t size = c->count - first, last;

    if (high == 0) {
        c->count = first;
        return STATUS_OK;
    }
    for (size_t i = 1; i < low; i++)
        TRY(copy(c, first, size, err));
    if (high == SIZE_MAX) {
        last = c->count;
        if (low > 0)
            TRY(copy(c, first, size, err));
        else
            last = first;
        return repeat_any(c, last, lazy, err);
    }
    for (size_t i = low ? low : 1; i < high; i++) {
        last = c->count;
        TRY(copy(c, first, size, err));
        TRY(repeat_once_or_never(c, last, lazy, err));
    }
    return low ? STATUS_OK : repeat_once_or_never(c, first, lazy, err);
}

static enum status item(struct compiler *c, struct error *err)
{
    size_t first = c->count, low, high = SIZE_MAX;
    bool lazy;

    TRY(atom(c, err));
    if (take(c, '*'))
        low = 0;
    else if (take(c, '+'))
        low = 1;
    else if (take(c, '?'))
        low = 0, high = 1;
    else if (take(c, '{'))
        TRY(bounds(c, &low, &high, err));
    else
        return STATUS_OK;
    lazy = take(c, '?');
    if (peek(c, '+') || peek(c, '*') || peek(c, '{'))
        return fault(c, "a repetition of a repetition", err);
    return repeat(c, first, low, high, lazy, err);
}

static enum status alternatives(struct compiler *c, struct error *err)
{
    size_t first = c->count, jump;

    while (c->at < c->end && *c->at != '|' && *c->at != ')')
        TRY(item(c, err));
    if (!take(c, '|'))
        return STATUS_OK;
    if (++c->depth > DEPTH_MAX)
        return fault(c, "too many alternatives", err);
    TRY(insert_split(c, first, false, c->count + 2, err));
    jump = c->count;
    TRY(append(c, (struct instruction){.opcode = JUMP}, err));
    TRY(alternatives(c, err));
    c->depth--;
    c->code[jump].next = c->code[jump].other = c->count;
    return STATUS_OK;
}

enum status regex_compile(struct bytes pattern, const struct regex **regex, struct arena *keep,
                          struct error *err)
{
    return regex_compile_as(REGEX_PYTHON, pattern, regex, keep, err);
}

enum status regex_compile_as(enum regex_dialect dialect, struct bytes pattern,
                             const struct regex **regex, struct arena *keep, struct error *err)
{
    struct compiler *c = arena_new(keep, struct compiler, 1);
    struct regex *made = arena_new(keep, struct regex, 1);

    if (!c || !made)
        return error_no_memory(err, "a regular expression");
    c->start = c->at = pattern.data;
    c->end = pattern.data + pattern.size;
    c->keep = keep;
    c->dialect = dialect;
    if (dialect == REGEX_PYTHON && bytes_starts(pattern, bytes_of("(?u)")))
        c->at += 4;
    if (dialect == REGEX_RE2 && !text_is_utf8(pattern))
        return fault(c, "no UTF-8", err);
    TRY(alternatives(c, err));
    if (c->at != c->end)
        return fault(c, "a bracket that closes nothing", err);
    TRY(append(c, (struct instruction){.opcode = MATCH}, err));
    made->code = arena_new(keep, struct instruction, c->count);
    if (!made->code)
        return error_no_memory(err, "a regular expression");
    memcpy(made->code, c->code, c->count * sizeof *made->code);
    made->count = c->count;
    made->dialect = dialect;
    made->group_count = c->group_count;
    *regex = made;
    return STATUS_OK;
}

size_t regex_group_count(const struct regex *regex)
{
    return regex->group_count;
}
