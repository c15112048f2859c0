// SPDX-License-Identifier: Apache-2.0
#include "base/number.h"

#include <float.h>
#include <math.h>

#include "test.h"

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint64_t random_bits(void)
{
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static double f64_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static float f32_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t bits_of_f32(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Both parsers against the C library, from a buffer without a byte behind the text. */
static void check_parse(const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size);
    double got, want = strtod(text, NULL);
    float got32, want32 = strtof(text, NULL);

    memcpy(copy, text, size);
    if (number_parse_f64(copy, copy + size, &got) != copy + size || bits_of(got) != bits_of(want))
        fail_msg("%s: %.17g, not %.17g", text, got, want);
    if (number_parse_f32(copy, copy + size, &got32) != copy + size ||
        bits_of_f32(got32) != bits_of_f32(want32))
        fail_msg("%s: %.9g, not %.9g", text, (double)got32, (double)want32);
    free(copy);
}

TEST(number_parse_known)
{
    static const char *const TEXTS[] = {
        "0",
        "-0",
        "0.0",
        "-0.0e5",
        "1",
        "0.1",
        "123456789012345678901234567890",
        "1e22",
        "1e23",
        "9007199254740993",
        "9007199254740992.999999999999999999999999",
        "16777217",
        "16777216.999999999999999999",
        "16777217.0000000000000000001",
        "1.00000005960464477539062500000",
        "1.000000059604644775390625000001",
        "340282356779733661637539395458142568447",
        "340282356779733661637539395458142568448",
        "3.4028235e38",
        "3.5e38",
        "1.4e-45",
        "7e-46",
        "7.006492321624085354618e-46",
        "7.1e-46",
        "1.1754943508222874e-38",
        "1.17549431e-38",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "1e999999999999999999999",
        "1e-999999999999999999999",
        "0e999999999999999999999",
        "0.000000000000000000000000000000000000000000000000000000000000000000001",
        "6.02214076E+23",
        "1.8446744073709551615e19",
        "18446744073709551616",
        "8.41e21",
        "9.5e-5",
        "5e-324",
        "1234567890123456789012345678901234567890e-30",
    };

    for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++)
        check_parse(TEXTS[i]);
}

TEST(number_parse_long)
{
    static char text[2000];

    memset(text, '0', sizeof text);
    strcpy(text + 1500, "1e1500");
    text[1] = '.';
    check_parse(text);
    memset(text, '9', 1500);
    strcpy(text + 1500, "e-1490");
    check_parse(text);
    /* 1 + 2^-53 is between two doubles; a digit after 1,200 zeros decides */
    strcpy(text, "1.00000000000000011102230246251565404236316680908203125");
    check_parse(text);
    memset(text + strlen(text), '0', 1200);
    strcpy(text + 1300, "1");
    text[1255] = '0';
    for (size_t i = 55; i < 1300; i++)
        text[i] = '0';
    check_parse(text);
}

/* Exactly between two doubles, and next to it: only all digits decide. */
TEST(number_parse_ties)
{
    static char text[1300];

    for (int i = 0; i < 2000; i++) {
        uint64_t bits = random_bits() >> 1;
        double low = f64_of(bits), high = f64_of(bits + 1);
        long double tie = ((long double)low + (long double)high) / 2;
        size_t size;
        if (i % 4 == 0) { /* subnormal */
            bits &= 0xFFFFFFFFFFFFFu;
            tie = ((long double)f64_of(bits) + (long double)f64_of(bits + 1)) / 2;
        }
        if (!isfinite(low) || !isfinite(high) || !isfinite((double)tie))
            continue;
        size = (size_t)snprintf(text, sizeof text, "%.1100Le", tie);
        check_parse(text);
        *strchr(text, 'e') = 0; /* the same without its exponent, digits after zeros */
        text[1100] = '1';
        check_parse(text);
        CHECK(size < sizeof text);
    }
}

TEST(number_parse_random_decimals)
{
    char text[80];

    for (int i = 0; i < 300000; i++) {
        uint64_t random = random_bits();
        size_t whole = random % 20, fraction = random / 20 % 22, used = 0;
        if (random >> 60 == 0)
            text[used++] = '-';
        text[used++] = (char)('1' + random / 512 % 9);
        for (size_t k = 0; k < whole; k++)
            text[used++] = (char)('0' + random_bits() % 10);
        if (fraction)
            text[used++] = '.';
        for (size_t k = 0; k < fraction; k++)
            text[used++] = (char)('0' + random_bits() % 10);
        snprintf(text + used, sizeof text - used, "e%d", (int)(random_bits() % 720) - 370);
        if (random >> 62 == 3)
            text[used] = 0;
        check_parse(text);
    }
}

/* Prints read back, are as short as can be, and no other text of that length is nearer. */
static void check_print(double value)
{
    char text[NUMBER_SIZE + 1], wanted[40];
    size_t size = number_print_f64(value, text), digits = 0;
    double back;
    int precision = 0;

    CHECK(size <= 25);
    text[size] = 0;
    back = strtod(text, NULL);
    if (bits_of(back) != bits_of(value))
        fail_msg("%s is not %.17g", text, value);
    CHECK(number_parse_f64(text, text + size, &back) == text + size);
    CHECK(bits_of(back) == bits_of(value));
    do
        snprintf(wanted, sizeof wanted, "%.*e", precision++, value);
    while (strtod(wanted, NULL) != value);
    for (const char *at = text; *at && *at != 'e'; at++)
        digits += *at >= '0' && *at <= '9' && (digits || *at != '0');
    if (strchr(text, '.') && !strchr(text, 'e') && !strcmp(text + size - 2, ".0"))
        digits--;
    if (fabs(value) < 1e15 && fabs(value - rint(value)) == 0)
        return; /* zeros before the point count in text only */
    if (strchr(text, 'e') || fabs(value) < 1e15) {
        if (digits > (size_t)precision)
            fail_msg("%s is longer than %s", text, wanted);
        if (digits == (size_t)precision && value < 0x1p1000)
            CHECK(fabsl(strtold(text, NULL) - (long double)value) <=
                  fabsl(strtold(wanted, NULL) - (long double)value) * (1 + 0x1p-60L));
    }
}

TEST(number_print_random_f64)
{
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = random_bits();
        double value = f64_of(bits);
        if (i % 4 == 1)
            value = (double)(int64_t)random_bits() * 1e-15;
        else if (i % 4 == 2)
            value = (double)(random_bits() >> 40) / 1000;
        else if (i % 64 == 3)
            value = f64_of(bits & 0x800FFFFFFFFFFFFFu);
        else if (i % 64 == 7)
            value = f64_of(bits & 0xFFF0000000000000u);
        if (isfinite(value) && value != 0)
            check_print(value);
    }
    for (int e = -1074; e < 1024; e++) {
        check_print(ldexp(1, e));
        check_print(nextafter(ldexp(1, e), 0) > 0 ? nextafter(ldexp(1, e), 0) : 1);
        check_print(nextafter(ldexp(1, e), INFINITY));
    }
    for (int e = -323; e < 309; e++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", e);
        check_print(strtod(text, NULL));
    }
}

TEST(number_print_f32_reads_back)
{
    char text[NUMBER_SIZE + 1], wanted[40];

    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += 5003) {
        float value = f32_of((uint32_t)bits), back;
        size_t size, digits = 0;
        int precision = 0;
        if (!isfinite(value))
            continue;
        size = number_print_f32(value, text);
        CHECK(size <= 24);
        text[size] = 0;
        if (number_parse_f32(text, text + size, &back) != text + size ||
            bits_of_f32(back) != bits_of_f32(value) || strtof(text, NULL) != value)
            fail_msg("%s is not %.9g", text, (double)value);
        if (bits % 7 || !strchr(text, 'e'))
            continue;
        do
            snprintf(wanted, sizeof wanted, "%.*e", precision++, (double)value);
        while (strtof(wanted, NULL) != value);
        for (const char *at = text; *at != 'e'; at++)
            digits += *at >= '0' && *at <= '9';
        if (digits > (size_t)precision)
            fail_msg("%s is longer than %s", text, wanted);
    }
}

TEST(number_print_forms)
{
    static const struct {
        double value;
        const char *text;
    } CASES[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-10, "-10.0"},
        {0.1, "0.1"},
        {100.5, "100.5"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-5"},
        {1.5e-7, "1.5e-7"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e16"},
        {9007199254740993, "9007199254740992.0"},
        {123456789012345680, "1.2345678901234568e17"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {9.5367431640625e-07, "9.5367431640625e-7"},
        {2e-323, "2e-323"},
        {0.3, "0.3"},
        {2.0 / 3, "0.6666666666666666"},
        {NAN, "NaN"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
    };
    char text[NUMBER_SIZE];

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        text[number_print_f64(CASES[i].value, text)] = 0;
        CHECK_TEXT(text, CASES[i].text);
    }
    text[number_print_f32(0.1f, text)] = 0;
    CHECK_TEXT(text, "0.1");
    text[number_print_f32(16777216.0f, text)] = 0;
    CHECK_TEXT(text, "16777216.0");
    text[number_print_f32(FLT_MAX, text)] = 0;
    CHECK_TEXT(text, "3.4028235e38");
    text[number_print_f32(1e-45f, text)] = 0;
    CHECK_TEXT(text, "1e-45");
}

TEST(number_json_grammar)
{
    static const struct {
        const char *text;
        int used; /* -1: no number */
    } CASES[] = {
        {"", -1},     {"-", -1},   {"+1", -1},   {".5", -1},   {"1.", -1},
        {"1.e5", -1}, {"1e", -1},  {"1e+", -1},  {"a", -1},    {"01", 1},
        {"-01", 2},   {"1x", 1},   {"1.5.5", 3}, {"1e5e5", 3}, {"0x10", 1},
        {"1-2", 1},   {"NaN", -1}, {"1e-5,", 4}, {"--1", -1},  {"123456789,", 9},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        const char *text = CASES[i].text, *end = text + strlen(text);
        double value;
        const char *got = number_parse_f64(text, end, &value);
        CHECK_INT(got ? got - text : -1, CASES[i].used);
    }
}

static bool parses_i64(const char *text, int64_t want)
{
    int64_t value = 0;

    return number_parse_i64(text, text + strlen(text), &value) == text + strlen(text) &&
           value == want;
}

static bool parses_u64(const char *text, uint64_t want)
{
    uint64_t value = 0;

    return number_parse_u64(text, text + strlen(text), &value) == text + strlen(text) &&
           value == want;
}

TEST(number_integers)
{
    static const char *const REFUSED[] = {"9223372036854775808",
                                          "-9223372036854775809",
                                          "18446744073709551616",
                                          "99999999999999999999999",
                                          "-",
                                          "x",
                                          ""};
    char text[NUMBER_SIZE];
    int64_t i64;

    CHECK(parses_i64("9223372036854775807", INT64_MAX));
    CHECK(parses_i64("-9223372036854775808", INT64_MIN));
    CHECK(parses_i64("0", 0) && parses_i64("-0", 0) && parses_i64("-12", -12));
    CHECK(parses_i64("12345678", 12345678) && parses_i64("1234567890123456", 1234567890123456));
    CHECK(parses_u64("18446744073709551615", UINT64_MAX) && parses_u64("-0", 0));
    for (size_t i = 0; i < ARRAY_COUNT(REFUSED); i++)
        CHECK(!number_parse_i64(REFUSED[i], REFUSED[i] + strlen(REFUSED[i]), &i64));
    CHECK(!parses_u64("18446744073709551616", 0) && !parses_u64("-1", 0));
    text[number_print_i64(INT64_MIN, text)] = 0;
    CHECK_TEXT(text, "-9223372036854775808");
    text[number_print_u64(UINT64_MAX, text)] = 0;
    CHECK_TEXT(text, "18446744073709551615");
    for (uint64_t n = 1; n < UINT64_MAX / 10; n *= 10)
        for (int d = -1; d <= 1; d++) {
            char wanted[NUMBER_SIZE];
            text[number_print_u64(n + (uint64_t)d, text)] = 0;
            snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)(n + (uint64_t)d));
            CHECK_TEXT(text, wanted);
        }
}

TEST(number_whole_texts)
{
    static const struct {
        const char *text;
        bool number;
        double value;
    } CASES[] = {
        {"1.5", true, 1.5},
        {" 1.5\t", true, 1.5},
        {"+1", true, 1},
        {"+-1", false, 0},
        {"007", true, 7},
        {".5", true, 0.5},
        {"5.", true, 5},
        {"-.5", true, -0.5},
        {".", false, 0},
        {"1 2", false, 0},
        {"", false, 0},
        {" ", false, 0},
        {"0x10", false, 0},
        {"1e3", true, 1000},
        {"1,5", false, 0},
        {"inf", true, INFINITY},
        {"-Infinity", true, -INFINITY},
        {"infinit", false, 0},
        {"INF", true, INFINITY},
        {"+inf", true, INFINITY},
        {"nano", false, 0},
        {"--1", false, 0},
        {"+", false, 0},
    };
    double value;
    int64_t integer;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        if (number_from_text(bytes_of(CASES[i].text), &value) != CASES[i].number)
            fail_msg("\"%s\"", CASES[i].text);
        if (CASES[i].number)
            CHECK(value == CASES[i].value);
    }
    CHECK(number_from_text(bytes_of("NaN"), &value) && isnan(value));
    CHECK(number_i64_from_text(bytes_of(" -007 "), &integer) && integer == -7);
    CHECK(number_i64_from_text(bytes_of("000000000000000000000000000000012"), &integer) &&
          integer == 12);
    CHECK(!number_i64_from_text(bytes_of("1.0"), &integer));
    CHECK(!number_i64_from_text(bytes_of("9223372036854775808"), &integer));
}
