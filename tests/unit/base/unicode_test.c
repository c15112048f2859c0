// SPDX-License-Identifier: Apache-2.0
#include "base/unicode.h"

#include "test.h"

TEST(unicode_reads_and_writes_every_code_point)
{
    uint8_t room[4];
    size_t size;

    for (uint32_t code = 0; code < 0x110000; code++) {
        size_t written = unicode_write(code, room);

        if (code >= 0xD800 && code < 0xE000)
            continue;
        if (unicode_first((struct bytes){room, written}, &size) != code || size != written)
            fail_msg("U+%04X", (unsigned)code);
    }
}

TEST(unicode_takes_broken_bytes_one_by_one)
{
    uint8_t room[4];
    size_t size;
    uint32_t code = unicode_first((struct bytes){(const uint8_t *)"\xC3(", 2}, &size);

    assert_int_equal(size, 1);
    assert_true(code == 0x110000 + 0xC3 && !unicode_is_word(code));
    assert_int_equal(unicode_write(code, room), 1);
    assert_int_equal(room[0], 0xC3);
}

/* As Python 3.11 has it: str.isalnum, str.lower, str.upper. */
TEST(unicode_words_and_cases)
{
    static const uint32_t WORDS[] = {'a', 'Z', '0', '_', 0xE9, 0xAA, 0xB2, 0x416, 0x4E2D, 0x1D7CE};
    static const uint32_t OTHERS[] = {' ', '-', 0xD7, 0xF7, 0x300, 0x2019, 0x3000, 0x1F600, 0xFFFD};

    for (size_t i = 0; i < ARRAY_COUNT(WORDS); i++)
        assert_true(unicode_is_word(WORDS[i]));
    for (size_t i = 0; i < ARRAY_COUNT(OTHERS); i++)
        assert_false(unicode_is_word(OTHERS[i]));
    assert_int_equal(unicode_lower('Q'), 'q');
    assert_int_equal(unicode_lower(0xC9), 0xE9);
    assert_int_equal(unicode_lower(0xD7), 0xD7);
    assert_int_equal(unicode_lower(0x100), 0x101);
    assert_int_equal(unicode_lower(0x101), 0x101);
    assert_int_equal(unicode_lower(0x178), 0xFF);
    assert_int_equal(unicode_lower(0x1E9E), 0xDF);
    assert_int_equal(unicode_lower(0x130), UNICODE_SEVERAL);
    assert_int_equal(unicode_lower(0x3A3), UNICODE_SEVERAL);
    assert_int_equal(unicode_lower(0x10400), 0x10428);
    assert_int_equal(unicode_upper(0xDF), UNICODE_SEVERAL);
    assert_int_equal(unicode_upper(0xFF), 0x178);
    assert_true(unicode_is_punctuation(0x2019) && unicode_is_punctuation('.'));
    assert_false(unicode_is_punctuation('+') || unicode_is_punctuation(0));
    assert_true(unicode_is_space(0x2003) && unicode_is_space('\n') && !unicode_is_space(0x200B));
}

/* As Python 3.11 has it: unicodedata.category. */
TEST(unicode_categories)
{
    static const struct {
        uint32_t code;
        char letter;
    } CASES[] = {{'a', 'L'},    {'7', 'N'},    {'_', 'P'},     {'+', 'S'},    {' ', 'Z'},
                 {0, 'C'},      {0x7F, 'C'},   {0xAA, 'L'},    {0xB2, 'N'},   {0xA0, 'Z'},
                 {0x300, 'M'},  {0x4E2D, 'L'}, {0x20AC, 'S'},  {0x3000, 'Z'}, {0x1F600, 'S'},
                 {0x2019, 'P'}, {0xAD, 'C'},   {0x10FFFF, 'C'}};

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++)
        assert_int_equal(unicode_category(CASES[i].code), CASES[i].letter);
}

/* As "".join(c for c in unicodedata.normalize("NFKD", x) if not unicodedata.combining(c)). */
TEST(unicode_without_accents)
{
    static const struct {
        uint32_t code;
        const char *text;
    } CASES[] = {{'a', "a"},
                 {0xE9, "e"},
                 {0xDF, "\xC3\x9F"},
                 {0xBD, "1\xE2\x81\x84"
                        "2"},
                 {0x301, ""},
                 {0x2460, "1"},
                 {0xFB01, "fi"},
                 {0x1E9E, "\xE1\xBA\x9E"},
                 {0xAC01, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"},
                 {0x4E2D, "\xE4\xB8\xAD"},
                 {0xB4, " "},
                 {0x110080, "\x80"}};
    uint8_t room[UNICODE_PLAIN_MAX], own[4];

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        size_t size = unicode_plain(CASES[i].code, room);

        if (size != strlen(CASES[i].text) || memcmp(room, CASES[i].text, size) != 0)
            fail_msg("U+%04X", (unsigned)CASES[i].code);
    }
    for (uint32_t code = 0; code < 0x110000; code++)
        if ((code < 0xD800 || code >= 0xE000) &&
            unicode_plain(code, room) > UNICODE_PLAIN_GROWTH * unicode_write(code, own))
            fail_msg("U+%04X grows", (unsigned)code);
}
