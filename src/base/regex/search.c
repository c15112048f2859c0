// SPDX-License-Identifier: Apache-2.0
/* Searching: all threads of the search at once, best first. */
#include <string.h>

#include "base/regex/internal.h"
#include "base/text.h"
#include "base/unicode.h"

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

/* The character at a place of the text; what no expression of RE2 matches: REGEX_NONE. */
enum { REGEX_NONE = 0x7FFFFFFF };

static uint32_t character_at(const struct search *s, size_t at, size_t *size)
{
    if (s->regex->dialect == REGEX_RE2) {
        *size = text_utf8_size(s->text.data + at, s->text.size - at);
        if (!*size) {
            *size = 1;
            return REGEX_NONE;
        }
    }
    return regex_decode(s->text.data + at, s->text.data + s->text.size, size);
}

static bool is_word(uint32_t c, unsigned kinds)
{
    return (!(kinds & ASCII) || c < 0x80) && unicode_is_word(c);
}

/* Whether the character before or at the place is a letter. */
static bool word_at(struct search *s, bool before, unsigned kinds)
{
    size_t size, at = s->at;

    if (before ? at == 0 : at >= s->text.size)
        return false;
    if (before)
        for (at--; at > 0 && (s->text.data[at] & 0xc0) == 0x80;)
            at--;
    return is_word(character_at(s, at, &size), kinds);
}

static bool holds(struct search *s, const struct instruction *i)
{
    size_t size = s->text.size;

    switch (i->opcode) {
    case START:
        return s->at == 0;
    case END:
        return s->at == size || (s->at + 1 == size && s->text.data[s->at] == '\n');
    case STOP:
        return s->at == size;
    case EDGE:
        return word_at(s, true, i->kinds) != word_at(s, false, i->kinds);
    default:
        return word_at(s, true, i->kinds) == word_at(s, false, i->kinds);
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
        case SAVE:
            s->stack[depth++] = i->next;
            break;
        case START:
        case END:
        case STOP:
        case EDGE:
        case NO_EDGE:
            if (holds(s, i))
                s->stack[depth++] = i->next;
            break;
        default:
            threads->list[threads->count++] = (struct thread){pc, start};
        }
    }
}

static bool in_categories(unsigned kinds, uint32_t c)
{
    const char *at = strchr(REGEX_CATEGORIES, unicode_category(c));
    unsigned place = (unsigned)(at - REGEX_CATEGORIES);
    unsigned others = (kinds / NO_CATEGORY) & ~(1u << place);

    return (kinds & (unsigned)CATEGORY << place) || others;
}

static bool in_kinds(unsigned kinds, uint32_t c)
{
    bool ascii = kinds & ASCII, word = is_word(c, kinds);
    bool digit = (!ascii || c < 0x80) && unicode_is_decimal(c);
    bool blank = ascii ? c == ' ' || (c >= '\t' && c <= '\r' && c != '\v') : unicode_is_space(c);

    return (kinds & WORD && word) || (kinds & DIGIT && digit) || (kinds & BLANK && blank) ||
           (kinds & NO_WORD && !word) || (kinds & NO_DIGIT && !digit) ||
           (kinds & NO_BLANK && !blank) || (kinds >= CATEGORY && in_categories(kinds, c));
}

static bool in_ranges(const struct instruction *i, uint32_t c)
{
    bool in = false;

    for (size_t r = 0; r < i->range_count && !in; r++)
        in = c >= i->ranges[r].low && c <= i->ranges[r].high;
    return in || (i->kinds && in_kinds(i->kinds, c));
}

static bool in_class(const struct instruction *i, uint32_t c)
{
    bool in = in_ranges(i, c);

    if (i->fold && !in)
        in = in_ranges(i, unicode_lower(c)) || in_ranges(i, unicode_upper(c)) ||
             in_ranges(i, unicode_lower(unicode_upper(c)));
    return in != i->negated;
}

static bool same_letter(uint32_t a, uint32_t b)
{
    return a == b && a != UNICODE_SEVERAL;
}

static bool is_character(const struct instruction *i, uint32_t c)
{
    return c == i->character ||
           (i->fold && (same_letter(unicode_lower(c), unicode_lower(i->character)) ||
                        same_letter(unicode_upper(c), unicode_upper(i->character))));
}

static bool consumes(const struct instruction *i, uint32_t c)
{
    if (c == REGEX_NONE)
        return false;
    switch (i->opcode) {
    case CHARACTER:
        return is_character(i, c);
    case ANY:
        return c != '\n' || i->negated;
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
            c = character_at(&s, here, &size);
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

/* --- groups: the same search again over one match, with the places of each thread --- */

enum { SLOTS = 2 * (REGEX_GROUPS_MAX + 1) };

struct places {
    size_t slot[SLOTS];
};

struct saving {
    struct search s;
    struct thread *list[2];
    struct places *places[2];
    size_t count[2];
    uint32_t *seen;
    uint32_t mark;
    struct saved { /* a place to go to, or a slot to restore */
        size_t pc, slot, value;
    } * stack;
};

size_t regex_groups_size(const struct regex *regex)
{
    size_t each = 2 * (sizeof(struct thread) + sizeof(struct places)) + sizeof(uint32_t) +
                  3 * sizeof(struct saved);

    return regex->count * each + 256;
}

static void saving_add(struct saving *g, int to, size_t pc, struct places *places)
{
    size_t depth = 0;

    g->stack[depth++] = (struct saved){pc, SIZE_MAX, 0};
    while (depth > 0) {
        struct saved at = g->stack[--depth];
        const struct instruction *i;

        if (at.slot != SIZE_MAX) {
            places->slot[at.slot] = at.value;
            continue;
        }
        if (g->seen[at.pc] == g->mark)
            continue;
        g->seen[at.pc] = g->mark;
        i = &g->s.regex->code[at.pc];
        switch (i->opcode) {
        case SAVE:
            if (i->character < SLOTS) {
                g->stack[depth++] = (struct saved){0, i->character, places->slot[i->character]};
                places->slot[i->character] = g->s.at;
            }
            g->stack[depth++] = (struct saved){i->next, SIZE_MAX, 0};
            break;
        case SPLIT:
            g->stack[depth++] = (struct saved){i->other, SIZE_MAX, 0};
            g->stack[depth++] = (struct saved){i->next, SIZE_MAX, 0};
            break;
        case JUMP:
            g->stack[depth++] = (struct saved){i->next, SIZE_MAX, 0};
            break;
        case START:
        case END:
        case STOP:
        case EDGE:
        case NO_EDGE:
            if (holds(&g->s, i))
                g->stack[depth++] = (struct saved){i->next, SIZE_MAX, 0};
            break;
        default:
            g->places[to][g->count[to]] = *places;
            g->list[to][g->count[to]++] = (struct thread){at.pc, 0};
        }
    }
}

static struct places saving_run(struct saving *g, size_t end)
{
    struct places found, begin;
    int now = 0;

    memset(&found, 0xFF, sizeof found);
    begin = found;
    saving_add(g, now, 0, &begin);
    for (;;) {
        size_t size = 0, here = g->s.at;
        uint32_t c = REGEX_NONE;

        if (here < g->s.text.size)
            c = character_at(&g->s, here, &size);
        g->s.at += size;
        g->count[!now] = 0;
        g->mark++;
        for (size_t t = 0; t < g->count[now]; t++) {
            const struct instruction *i = &g->s.regex->code[g->list[now][t].pc];
            struct places places = g->places[now][t];

            if (i->opcode == MATCH) {
                if (here == end)
                    return places;
                break;
            }
            if (size > 0 && consumes(i, c))
                saving_add(g, !now, i->next, &places);
        }
        now = !now;
        if (size == 0 || g->count[now] == 0)
            return found;
    }
}

void regex_groups(const struct regex *regex, struct bytes text, const struct regex_match *match,
                  void *scratch, struct bytes groups[REGEX_GROUPS_MAX + 1])
{
    struct saving g = {.s = {.regex = regex, .text = text, .at = match->start}, .mark = 1};
    struct places places;

    g.places[0] = scratch;
    g.places[1] = g.places[0] + regex->count;
    g.list[0] = (struct thread *)(g.places[1] + regex->count);
    g.list[1] = g.list[0] + regex->count;
    g.stack = (struct saved *)(g.list[1] + regex->count);
    g.seen = (uint32_t *)(g.stack + 3 * regex->count + 4);
    memset(g.seen, 0, regex->count * sizeof *g.seen);
    places = saving_run(&g, match->end);
    groups[0] = (struct bytes){text.data + match->start, match->end - match->start};
    for (size_t k = 1; k <= REGEX_GROUPS_MAX; k++) {
        size_t from = places.slot[2 * k], to = places.slot[2 * k + 1];

        groups[k] = from == SIZE_MAX || to == SIZE_MAX
                        ? (struct bytes){NULL, 0}
                        : (struct bytes){text.data + from, to - from};
    }
}
