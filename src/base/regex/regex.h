// SPDX-License-Identifier: Apache-2.0
/* Regular expressions: the part of Python's `re` that saved models use, in time linear in the text.
 *
 * Literals, '.', classes, \w \d \s \W \D \S \b \B, '^' '$', groups, '|', '*' '+' '?' '{m,n}' and
 * their lazy forms, (?:...), a leading (?u). Refused: look-around, back references, other flags,
 * possessive forms. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

struct regex;

/* RE2 as TensorFlow has it: UTF-8, what is broken matches nothing; \w \d \s \b [[:alpha:]] know
 * ASCII alone; '$' is the very end; (?i) (?s) (?P<name>...) \A \z \xHH \x{H} \a \pL \p{L}. Refused:
 * other flags, other categories. */
enum regex_dialect { REGEX_PYTHON, REGEX_RE2 };

/* UNSUPPORTED, naming the place, for what is not understood. */
enum status regex_compile(struct bytes pattern, const struct regex **regex, struct arena *keep,
                          struct error *err) must_check;

enum status regex_compile_as(enum regex_dialect dialect, struct bytes pattern,
                             const struct regex **regex, struct arena *keep, struct error *err)
    must_check;

/* Bytes of memory that a search needs, 8-byte aligned. */
size_t regex_scratch_size(const struct regex *regex);

struct regex_match {
    bool found;
    size_t start, end; /* bytes of the text */
};

/* The first match at or after byte `from`, which begins a character: of those that begin there the
 * one that Python prefers. */
enum status regex_search(const struct regex *regex, struct bytes text, size_t from, void *scratch,
                         struct regex_match *match, struct error *err) must_check;

/* Of RE2: how many groups capture, and what the first of them hold in a match (data NULL: nothing);
 * groups[0] is the whole. */
enum { REGEX_GROUPS_MAX = 9 };
size_t regex_group_count(const struct regex *regex);
size_t regex_groups_size(const struct regex *regex); /* bytes of `scratch`, 8-byte aligned */
void regex_groups(const struct regex *regex, struct bytes text, const struct regex_match *match,
                  void *scratch, struct bytes groups[REGEX_GROUPS_MAX + 1]);
