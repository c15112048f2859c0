// SPDX-License-Identifier: Apache-2.0
/* Compiled to instructions that are run for all threads of the search at once, best first (Pike's
 * method; Russ Cox, "Regular Expression Matching: the Virtual Machine Approach"). */
#include "base/regex.h"

#include <string.h>

#include "base/text.h"
#include "base/unicode.h"

enum { INSTRUCTIONS_MAX = 4096, RANGES_MAX = 256, DEPTH_MAX = 32, REPEAT_MAX = 64 };

enum opcode { CHARACTER, ANY, CLASS, SPLIT, JUMP, START, END, EDGE, NO_EDGE, MATCH };

enum { WORD = 1, DIGIT = 2, BLANK = 4, NO_WORD = 8, NO_DIGIT = 16, NO_BLANK = 32 }; /* \w ... */

struct range {
    uint32_t low, high;
};

struct instruction {
    enum opcode opcode;
    uint32_t character;
    size_t next, other; /* SPLIT: `next` is preferred; JUMP */
    bool negated;       /* CLASS */
    unsigned kinds;
    const struct range *ranges;
    size_t range_count;
};

struct regex {
    struct instruction *code;
    size_t count;
};

struct compiler {
    const uint8_t *start, *at, *end;
    struct instruction code[INSTRUCTIONS_MAX];
    size_t count;
    struct arena *keep;
    int depth;
};

/* --- characters --- */

/* One character of UTF-8; a broken byte stands for itself. */
static uint32_t decode(const uint8_t *at, const uint8_t *end, size_t *size)
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
    if (c->count == INSTRUCTIONS_MAX)
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
static unsigned kind_of(uint8_t letter)
{
    static const char LETTERS[] = "wdsWDS";

    for (unsigned i = 0; LETTERS[i]; i++)
        if ((uint8_t)LETTERS[i] == letter)
            return 1u << i;
    return 0;
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

/* One end of a range, or a kind, inside brackets. */
static enum status class_item(struct compiler *c, uint32_t *character, unsigned *kinds,
                              struct error *err)
{
    size_t size;

    *kinds = 0;
    if (c->at == c->end)
        return fault(c, "a class without an end", err);
    if (!take(c, '\\')) {
        *character = decode(c->at, c->end, &size);
        c->at += size;
        return STATUS_OK;
    }
    if (c->at == c->end)
        return fault(c, "an escape without a character", err);
    *kinds = kind_of(*c->at);
    if (!*kinds && !plain_escape(*c->at, character))
        return fault(c, "an escape that is not known", err);
    c->at++;
    return STATUS_OK;
}

static enum status class_of(struct compiler *c, struct instruction *instruction, struct error *err)
{
    struct range *ranges = arena_new(c->keep, struct range, RANGES_MAX);
    bool first = true;

    if (!ranges)
        return error_no_memory(err, "a regular expression");
    *instruction = (struct instruction){.opcode = CLASS, .ranges = ranges};
    instruction->negated = take(c, '^');
    for (; first || !peek(c, ']'); first = false) {
        struct range range;
        unsigned kinds;

        if (peek(c, '[') && c->at + 1 < c->end && c->at[1] == ':')
            return fault(c, "a named class", err);
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
    struct instruction instruction = {.opcode = CHARACTER};

    if (c->at == c->end)
        return fault(c, "an escape without a character", err);
    if (*c->at == 'b' || *c->at == 'B')
        instruction.opcode = *c->at == 'b' ? EDGE : NO_EDGE;
    else if (kind_of(*c->at))
        instruction = (struct instruction){.opcode = CLASS, .kinds = kind_of(*c->at)};
    else if (!plain_escape(*c->at, &instruction.character))
        return fault(c, "an escape that is not known", err);
    c->at++;
    return append_plain(c, instruction, err);
}

static enum status group(struct compiler *c, struct error *err)
{
    if (take(c, '?') && !take(c, ':'))
        return fault(c, "a group of a kind that is not known", err);
    if (++c->depth > DEPTH_MAX)
        return fault(c, "too deep a group", err);
    TRY(alternatives(c, err));
    c->depth--;
    return take(c, ')') ? STATUS_OK : fault(c, "a group without an end", err);
}

static enum status atom(struct compiler *c, struct error *err)
{
    struct instruction instruction = {.opcode = CHARACTER};
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
    if (take(c, '.'))
        instruction.opcode = ANY;
    else if (take(c, '^'))
        instruction.opcode = START;
    else if (take(c, '$'))
        instruction.opcode = END;
    else {
        instruction.character = decode(c->at, c->end, &size);
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
            if (*limits[i] > REPEAT_MAX)
                return fault(c, "too many repetitions", err);
        } else {
            return fault(c, "a brace that repeats nothing", err);
        }
    }
    if (!take(c, '}') || (!seen[0] && !seen[1]))
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
    struct compiler *c = arena_new(keep, struct compiler, 1);
    struct regex *made = arena_new(keep, struct regex, 1);

    if (!c || !made)
        return error_no_memory(err, "a regular expression");
    c->start = c->at = pattern.data;
    c->end = pattern.data + pattern.size;
    c->keep = keep;
    if (bytes_starts(pattern, bytes_of("(?u)")))
        c->at += 4;
    TRY(alternatives(c, err));
    if (c->at != c->end)
        return fault(c, "a bracket that closes nothing", err);
    TRY(append(c, (struct instruction){.opcode = MATCH}, err));
    made->code = arena_new(keep, struct instruction, c->count);
    if (!made->code)
        return error_no_memory(err, "a regular expression");
    memcpy(made->code, c->code, c->count * sizeof *made->code);
    made->count = c->count;
    *regex = made;
    return STATUS_OK;
}

/* --- searching --- */

struct thread {
    size_t pc, start;
};

struct threads {
    struct thread *list;
    size_t count;
    uint32_t *seen; /* per instruction: the mark of the list that it was last added to */
    uint32_t mark;
};

struct search {
    const struct regex *regex;
    struct bytes text;
    size_t at; /* byte */
    size_t *stack;
};

size_t regex_scratch_size(const struct regex *regex)
{
    return regex->count * (2 * (sizeof(struct thread) + sizeof(uint32_t)) + 2 * sizeof(size_t)) +
           64;
}

/* Whether the character before or at the place is a letter. */
static bool word_at(struct search *s, bool before)
{
    size_t size, at = s->at;

    if (before ? at == 0 : at >= s->text.size)
        return false;
    if (before)
        for (at--; at > 0 && (s->text.data[at] & 0xc0) == 0x80;)
            at--;
    return unicode_is_word(decode(s->text.data + at, s->text.data + s->text.size, &size));
}

static bool holds(struct search *s, enum opcode opcode)
{
    size_t size = s->text.size;

    switch (opcode) {
    case START:
        return s->at == 0;
    case END:
        return s->at == size || (s->at + 1 == size && s->text.data[s->at] == '\n');
    case EDGE:
        return word_at(s, true) != word_at(s, false);
    default:
        return word_at(s, true) == word_at(s, false);
    }
}

/* Add a thread and all that it reaches without a character, best first. */
static void add(struct search *s, struct threads *threads, size_t pc, size_t start)
{
    size_t depth = 0;

    s->stack[depth++] = pc;
    while (depth > 0) {
        const struct instruction *i;

        pc = s->stack[--depth];
        if (threads->seen[pc] == threads->mark)
            continue;
        threads->seen[pc] = threads->mark;
        i = &s->regex->code[pc];
        switch (i->opcode) {
        case JUMP:
            s->stack[depth++] = i->next;
            break;
        case SPLIT:
            s->stack[depth++] = i->other;
            s->stack[depth++] = i->next;
            break;
        case START:
        case END:
        case EDGE:
        case NO_EDGE:
            if (holds(s, i->opcode))
                s->stack[depth++] = i->next;
            break;
        default:
            threads->list[threads->count++] = (struct thread){pc, start};
        }
    }
}

static bool in_class(const struct instruction *i, uint32_t c)
{
    bool in = false, digit = unicode_is_decimal(c);

    for (size_t r = 0; r < i->range_count && !in; r++)
        in = c >= i->ranges[r].low && c <= i->ranges[r].high;
    if (i->kinds && !in) {
        in = (i->kinds & WORD && unicode_is_word(c)) || (i->kinds & DIGIT && digit) ||
             (i->kinds & BLANK && unicode_is_space(c)) ||
             (i->kinds & NO_WORD && !unicode_is_word(c)) || (i->kinds & NO_DIGIT && !digit) ||
             (i->kinds & NO_BLANK && !unicode_is_space(c));
    }
    return in != i->negated;
}

static bool consumes(const struct instruction *i, uint32_t c)
{
    switch (i->opcode) {
    case CHARACTER:
        return c == i->character;
    case ANY:
        return c != '\n';
    default:
        return i->opcode == CLASS && in_class(i, c);
    }
}

enum status regex_search(const struct regex *regex, struct bytes text, size_t from, void *scratch,
                         struct regex_match *match, struct error *err)
{
    struct thread *lists = scratch;
    size_t *stack = (size_t *)(lists + 2 * regex->count);
    uint32_t *seen = (uint32_t *)(stack + 2 * regex->count + 2);
    struct threads now = {lists, 0, seen, 1};
    struct threads next = {lists + regex->count, 0, seen + regex->count, 2};
    struct search s = {.regex = regex, .text = text, .at = from, .stack = stack};

    (void)err;
    *match = (struct regex_match){0};
    memset(seen, 0, 2 * regex->count * sizeof *seen);
    for (;;) {
        size_t size = 0, here = s.at;
        uint32_t c = 0;

        if (!match->found)
            add(&s, &now, 0, here);
        if (now.count == 0 && match->found)
            break;
        if (here < text.size)
            c = decode(text.data + here, text.data + text.size, &size);
        s.at += size;
        for (size_t t = 0; t < now.count; t++) {
            const struct instruction *i = &regex->code[now.list[t].pc];

            if (i->opcode == MATCH) { /* what comes after it is less preferred */
                *match = (struct regex_match){true, now.list[t].start, here};
                break;
            }
            if (size > 0 && consumes(i, c))
                add(&s, &next, i->next, now.list[t].start);
        }
        if (size == 0)
            break;
        {
            struct threads done = now;

            now = next;
            next = done;
            next.count = 0;
            next.mark = now.mark + 1;
        }
    }
    return STATUS_OK;
}
