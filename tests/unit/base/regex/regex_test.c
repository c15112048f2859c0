// SPDX-License-Identifier: Apache-2.0
#include "base/regex/regex.h"

#include "test.h"

/* The whole text with every match in brackets, as re.sub would see them. */
static const char *mark(const char *pattern, const char *text)
{
    static char marked[512];
    struct bytes bytes = bytes_of(text);
    const struct regex *regex;
    struct regex_match match;
    struct arena arena;
    struct error err;
    size_t used = 0, at = 0;
    void *scratch;

    arena_init(&arena, 8 << 20);
    CHECK_OK(regex_compile(bytes_of(pattern), &regex, &arena, &err), err);
    scratch = arena_alloc(&arena, 1, regex_scratch_size(regex));
    for (size_t last = 0;;) {
        CHECK_OK(regex_search(regex, bytes, at, scratch, &match, &err), err);
        if (!match.found) {
            used += (size_t)snprintf(marked + used, sizeof marked - used, "%s", text + last);
            break;
        }
        used += (size_t)snprintf(marked + used, sizeof marked - used, "%.*s<%.*s>",
                                 (int)(match.start - last), text + last,
                                 (int)(match.end - match.start), text + match.start);
        last = match.end;
        at = match.end > match.start ? match.end : match.end + 1;
        if (at > bytes.size) {
            used += (size_t)snprintf(marked + used, sizeof marked - used, "%s", text + last);
            break;
        }
    }
    arena_release(&arena);
    return marked;
}

/* Every line was checked with Python 3.11's re. */
TEST(regex_matches_as_python)
{
    CHECK_TEXT(mark("[aeiou]", "Private"), "Pr<i>v<a>t<e>");
    CHECK_TEXT(mark("^Male$", "Male"), "<Male>");
    CHECK_TEXT(mark("^Male$", "Female"), "Female");
    CHECK_TEXT(mark("(?u)\\b\\w\\w+\\b", "a bc, d3f g"), "a <bc>, <d3f> g");
    CHECK_TEXT(mark("x*", "abxd"), "<>a<>b<x><>d<>");
    CHECK_TEXT(mark("a|ab", "ab"), "<a>b");
    CHECK_TEXT(mark("ab|a", "ab"), "<ab>");
    CHECK_TEXT(mark("(a|b)*c", "xababcab"), "x<ababc>ab");
    CHECK_TEXT(mark("a+?", "aaa"), "<a><a><a>");
    CHECK_TEXT(mark("a{2,3}", "aaaaa"), "<aaa><aa>");
    CHECK_TEXT(mark("a{2}", "aaaaa"), "<aa><aa>a");
    CHECK_TEXT(mark("(ab){1,}", "ababa"), "<abab>a");
    CHECK_TEXT(mark("(ab)?c{0,1}", "abcc"), "<abc><c><>");
    CHECK_TEXT(mark("[^a-c\\d]", "a1xb-"), "a1<x>b<->");
    CHECK_TEXT(mark("\\W+", "one, two"), "one<, >two");
    CHECK_TEXT(mark("[]x]", "a]x"), "a<]><x>");
    CHECK_TEXT(mark("[a-]", "a-b"), "<a><->b");
    CHECK_TEXT(mark("\\.\\d", "3.14"), "3<.1>4");
    CHECK_TEXT(mark("(?:a|b|c)d", "adbdcd"), "<ad><bd><cd>");
    CHECK_TEXT(mark("", "ab"), "<>a<>b<>");
    CHECK_TEXT(mark("a.c", "abc a\nc"), "<abc> a\nc");
    CHECK_TEXT(mark("\xc3\xa4", "\xc3\xa4x"), "<\xc3\xa4>x");
    CHECK_TEXT(mark(".", "\xc3\xa4x"), "<\xc3\xa4><x>");
    CHECK_TEXT(mark("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"),
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac");
}

TEST(regex_refuses_what_it_does_not_know)
{
    static const char *const PATTERNS[] = {"(?=a)", "(?P<n>a)", "\\1",        "a**",   "*a",
                                           "(a",    "a)",       "[a",         "(?i)a", "a{99}",
                                           "a{b",   "\\Z",      "[[:alpha:]]"};

    for (size_t i = 0; i < ARRAY_COUNT(PATTERNS); i++) {
        const struct regex *regex;
        struct arena arena;
        struct error err;

        arena_init(&arena, 8 << 20);
        CHECK_FAILS(regex_compile(bytes_of(PATTERNS[i]), &regex, &arena, &err), err,
                    STATUS_UNSUPPORTED, PATTERNS[i]);
        arena_release(&arena);
    }
}

TEST(regex_knows_letters_beyond_ascii)
{
    CHECK_TEXT(mark("\\w+", "\xc3\xa4\xc3\x9f-\xd0\x9c-"), "<\xc3\xa4\xc3\x9f>-<\xd0\x9c>-");
    CHECK_TEXT(mark("\\W", "\xc3\x97x"), "<\xc3\x97>x");
    CHECK_TEXT(mark("\\bx", "\xc3\xa4x"), "\xc3\xa4x");
    CHECK_TEXT(mark("\\d", "\xd9\xa3\xc2\xb2"), "<\xd9\xa3>\xc2\xb2");
    CHECK_TEXT(mark("\\s", "a\xe3\x80\x80z"), "a<\xe3\x80\x80>z");
}
