// SPDX-License-Identifier: Apache-2.0
/* Regular expressions, inside: what regex.c compiles to and search.c runs. */
#pragma once

#include "base/regex/regex.h"

enum { REGEX_INSTRUCTIONS_MAX = 4096 };

enum opcode {
    CHARACTER,
    ANY, /* negated: a newline too */
    CLASS,
    SPLIT,
    JUMP,
    START,
    END,  /* also before a newline that is the last character */
    STOP, /* the very end */
    EDGE,
    NO_EDGE,
    SAVE, /* the place becomes number `character` of the match */
    MATCH
};

/* \w ... */
enum {
    WORD = 1,
    DIGIT = 2,
    BLANK = 4,
    NO_WORD = 8,
    NO_DIGIT = 16,
    NO_BLANK = 32,
    ASCII = 64,        /* those above know ASCII alone */
    CATEGORY = 1 << 8, /* << the place of a general category in REGEX_CATEGORIES */
    NO_CATEGORY = 1 << 16,
};
#define REGEX_CATEGORIES "LMNPSZC"

struct range {
    uint32_t low, high;
};

struct instruction {
    enum opcode opcode;
    uint32_t character;
    size_t next, other; /* SPLIT: `next` is preferred; JUMP */
    bool negated;       /* CLASS, ANY */
    bool fold;          /* CHARACTER, CLASS: either case */
    unsigned kinds;
    const struct range *ranges;
    size_t range_count;
};

struct regex {
    struct instruction *code;
    size_t count, group_count;
    enum regex_dialect dialect;
};

/* One character of UTF-8; a broken byte stands for itself. */
uint32_t regex_decode(const uint8_t *at, const uint8_t *end, size_t *size);
