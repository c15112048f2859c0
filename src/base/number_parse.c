// SPDX-License-Identifier: Apache-2.0
/* Decimal text to the nearest float: one exact operation where it suffices (Clinger, "How to read
 * floating point numbers accurately", 1990), else a 128-bit product (Lemire, "Number parsing at a
 * gigabyte per second", 2021; Mushtak and Lemire, "Fast number parsing without fallback", 2023),
 * and the C library for what has more than 19 digits and stays undecided. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/number.h"
#include "base/powers_of_ten.h"

enum {
    DIGITS_MAX = 19,          /* that surely fit 64 bits */
    EXACT_DIGITS_MAX = 800,   /* 767 decide any double, a further one tells whether there is more */
    EXPONENT_LIMIT = 1 << 28, /* larger ones are cut to it: no text is long enough to come back */
};

/* value = (negative ? -1 : 1) * mantissa * 10^exponent, but for digits left out */
struct scanned {
    uint64_t mantissa;
    int64_t exponent;
    bool negative;
    bool truncated;     /* there were more than DIGITS_MAX digits; the rest counts as 0 here */
    const char *digits; /* the first one */
    const char *end;    /* of the digits */
    const char *stop;   /* of the number; NULL when there is none */
};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Of eight characters, the first in the lowest byte: how many digits there are before another. */
static always_inline unsigned count_leading_digits(uint64_t eight)
{
    const uint64_t high = 0xF0F0F0F0F0F0F0F0u, zeros = 0x3030303030303030u;
    /* a carry goes to later characters only */
    uint64_t others = ((eight & high) ^ zeros) | (((eight + 0x0606060606060606u) & high) ^ zeros);

    return others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
}

/* The number that the first `count` of eight characters are. */
static always_inline uint64_t leading_digits(uint64_t eight, unsigned count)
{
    eight -= 0x3030303030303030u;
    eight = count ? eight << (64 - 8 * count) : 0; /* zeros in front */
    eight = eight * 10 + (eight >> 8);
    return ((eight & 0x000000FF000000FFu) * (100 + ((uint64_t)1000000 << 32)) +
            (eight >> 16 & 0x000000FF000000FFu) * (1 + ((uint64_t)10000 << 32))) >>
           32;
}

/* Digits into the mantissa, which wraps beyond DIGITS_MAX of them. Eight at a time: how many there
 * are is what a branch would guess wrong. */
static always_inline const char *scan_digits(const char *at, const char *end, uint64_t *mantissa)
{
    static const uint64_t TENS[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t value = *mantissa, eight;
    unsigned count;

    while (end - at >= 8) {
        memcpy(&eight, at, 8);
        count = count_leading_digits(eight);
        value = value * TENS[count] + leading_digits(eight, count);
        at += count;
        if (count < 8) {
            *mantissa = value;
            return at;
        }
    }
    while (at < end && is_digit(*at))
        value = value * 10 + (uint64_t)(*at++ - '0');
    *mantissa = value;
    return at;
}

/* An exponent; s.stop is at its "e". */
static struct scanned scan_exponent(struct scanned s, const char *end)
{
    const char *at = s.stop + 1;
    int64_t value = 0;
    bool negative = at < end && *at == '-';

    if (at < end && (*at == '-' || *at == '+'))
        at++;
    s.stop = NULL;
    if (at == end || !is_digit(*at))
        return s;
    for (; at < end && is_digit(*at); at++)
        if (value < EXPONENT_LIMIT)
            value = value * 10 + (*at - '0');
    s.exponent += negative ? -value : value;
    s.stop = at;
    return s;
}

/* More than DIGITS_MAX digits: count from the first that is not 0. */
static struct scanned rescan(struct scanned s, int64_t written)
{
    const char *at = s.digits;
    uint64_t mantissa = 0;
    int64_t used = 0, total = written;

    while (at < s.end && (*at == '0' || *at == '.')) {
        total -= *at == '0';
        at++;
    }
    if (total <= DIGITS_MAX)
        return s;
    for (; used < DIGITS_MAX; at++) {
        if (*at == '.')
            continue;
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        used++;
    }
    s.mantissa = mantissa;
    s.exponent += total - DIGITS_MAX;
    s.truncated = true;
    return s;
}

/* `lenient`: ".5", "5." and leading zeros are numbers too. Small, so that it stays in registers;
 * what is rare is called. */
static always_inline struct scanned scan(const char *at, const char *end, bool lenient)
{
    struct scanned s = {.negative = at < end && *at == '-'};
    const char *point;
    int64_t whole, fraction = 0;

    at += s.negative;
    s.digits = at;
    at = scan_digits(at, end, &s.mantissa);
    whole = at - s.digits;
    if (!lenient && whole == 0)
        return s;
    if (!lenient && *s.digits == '0' && whole > 1) { /* "01" is the number 0 and something else */
        s.mantissa = 0;
        s.end = s.stop = s.digits + 1;
        return s;
    }
    if (at < end && *at == '.') {
        point = ++at;
        at = scan_digits(at, end, &s.mantissa);
        fraction = at - point;
        if (!lenient && fraction == 0)
            return s;
    }
    if (whole + fraction == 0)
        return s;
    s.end = s.stop = at;
    s.exponent = -fraction;
    if (at < end && (*at | 32) == 'e')
        s = scan_exponent(s, end);
    if (whole + fraction > DIGITS_MAX)
        s = rescan(s, whole + fraction);
    return s;
}

static double double_of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The double nearest to mantissa * 10^exponent, rounded once. */
static always_inline double nearest(uint64_t mantissa, int64_t exponent)
{
    struct power_of_ten power;
    unsigned __int128 product, low;
    uint64_t high, rest, bits;
    int zeros, upper, biased;

    if (mantissa == 0 || exponent < POWER_OF_TEN_MIN)
        return 0;
    if (exponent > 308)
        return INFINITY;
    power = POWERS_OF_TEN[exponent - POWER_OF_TEN_MIN];
    zeros = __builtin_clzll(mantissa);
    mantissa <<= zeros;
    product = (unsigned __int128)mantissa * power.high;
    if (((uint64_t)(product >> 64) & 0x1FF) == 0x1FF) {
        low = (unsigned __int128)mantissa * power.low;
        product += (uint64_t)(low >> 64);
    }
    high = (uint64_t)(product >> 64);
    rest = (uint64_t)product;
    upper = (int)(high >> 63);
    bits = high >> (upper + 9); /* 54 bits: the significand and one to round by */
    biased = (int)((217706 * exponent) >> 16) + 63 + upper - zeros + 1023;
    if (biased <= 0) {
        if (biased <= -63)
            return 0;
        bits >>= 1 - biased;
        bits = (bits + (bits & 1)) >> 1;
        return double_of_bits(bits); /* a carry makes it the smallest normal */
    }
    if (rest <= 1 && exponent >= -4 && exponent <= 23 && (bits & 3) == 1 &&
        bits << (upper + 9) == high)
        bits &= ~(uint64_t)1; /* exactly between two: to even */
    bits = (bits + (bits & 1)) >> 1;
    if (bits >> 53) {
        bits >>= 1;
        biased++;
    }
    if (biased >= 0x7FF)
        return INFINITY;
    return double_of_bits((bits & ~((uint64_t)1 << 52)) | (uint64_t)biased << 52);
}

/* The number for the C library, from at most EXACT_DIGITS_MAX digits. */
static void print_exact(struct scanned s, char *text)
{
    const char *at = s.digits;
    int64_t exponent = s.exponent + (s.truncated ? DIGITS_MAX : 0);
    size_t used = 0;

    if (!s.truncated) {
        used = number_print_u64(s.mantissa, text);
    } else {
        while (*at == '0' || *at == '.')
            at++;
        text[used++] = '.';
        for (; at < s.end && used <= EXACT_DIGITS_MAX; at++)
            if (*at != '.')
                text[used++] = *at;
        for (; at < s.end; at++)
            if (*at != '.' && *at != '0')
                text[used - 1] = '1'; /* whatever it was: not 0 is all that this digit says */
    }
    text[used++] = 'e';
    used += number_print_i64(exponent, text + used);
    text[used] = 0;
}

enum { EXACT_SIZE = EXACT_DIGITS_MAX + 32 };

static double exact_f64(struct scanned s)
{
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* in glibc a constant */
    char text[EXACT_SIZE];
    double value;

    print_exact(s, text);
    value = locale ? strtod_l(text, NULL, locale) : NAN;
    if (locale)
        freelocale(locale);
    return value;
}

static float exact_f32(struct scanned s)
{
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char text[EXACT_SIZE];
    float value;

    print_exact(s, text);
    value = locale ? strtof_l(text, NULL, locale) : NAN;
    if (locale)
        freelocale(locale);
    return value;
}

/* Not truncated. */
static always_inline double magnitude_of(uint64_t mantissa, int64_t exponent)
{
    static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)mantissa;

    if (mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22)
        return exponent < 0 ? value / TENS[-exponent] : value * TENS[exponent];
    return nearest(mantissa, exponent);
}

static double magnitude(struct scanned s)
{
    if (!s.truncated)
        return magnitude_of(s.mantissa, s.exponent);
    if (nearest(s.mantissa, s.exponent) != nearest(s.mantissa + 1, s.exponent))
        return exact_f64(s);
    return nearest(s.mantissa, s.exponent);
}

static double to_f64(struct scanned s)
{
    double value = magnitude(s);

    return s.negative ? -value : value;
}

/* Rounding the nearest double again is wrong only where that double lies between two floats, or, to
 * be on the safe side, where floats are subnormal. */
static always_inline bool may_round_twice(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1FFFFFFF) == 0x10000000 || (fabs(value) < 0x1p-126 && value != 0);
}

static float to_f32(struct scanned s)
{
    double wide = magnitude(s);
    bool whole = s.exponent == 0 && s.mantissa <= (uint64_t)1 << 53 && !s.truncated;
    float value = may_round_twice(wide) && !whole ? exact_f32(s) : (float)wide;

    return s.negative ? -value : value;
}

/* What nearly all numbers are, in registers: at most DIGITS_MAX digits and no exponent. NULL when
 * it is anything else. */
static always_inline const char *parse_plain(const char *at, const char *end, double *value)
{
    bool negative = at < end && *at == '-';
    const char *start = at + negative, *point = NULL;
    uint64_t mantissa = 0;
    double magnitude;

    at = start;
    while (at < end && is_digit(*at)) /* seldom many */
        mantissa = mantissa * 10 + (uint64_t)(*at++ - '0');
    if (at == start || (*start == '0' && at > start + 1))
        return NULL;
    if (at < end && *at == '.') {
        point = ++at;
        at = scan_digits(at, end, &mantissa);
        if (at == point)
            return NULL;
    }
    if (at - start > DIGITS_MAX + (point != NULL) || (at < end && (*at | 32) == 'e'))
        return NULL;
    magnitude = magnitude_of(mantissa, point ? point - at : 0);
    *value = negative ? -magnitude : magnitude;
    return at;
}

static never_inline const char *parse_any_f64(const char *text, const char *end, double *value)
{
    struct scanned s = scan(text, end, false);

    if (s.stop)
        *value = to_f64(s);
    return s.stop;
}

static never_inline const char *parse_any_f32(const char *text, const char *end, float *value)
{
    struct scanned s = scan(text, end, false);

    if (s.stop)
        *value = to_f32(s);
    return s.stop;
}

const char *number_parse_f64(const char *text, const char *end, double *value)
{
    const char *stop = parse_plain(text, end, value);

    return stop ? stop : parse_any_f64(text, end, value);
}

const char *number_parse_f32(const char *text, const char *end, float *value)
{
    double wide;
    const char *stop = parse_plain(text, end, &wide);

    if (!stop || may_round_twice(wide))
        return parse_any_f32(text, end, value);
    *value = (float)wide;
    return stop;
}

/* Digits of an integer; NULL when there are none or the value exceeds `limit`. */
static const char *parse_integer(const char *text, const char *end, uint64_t limit, uint64_t *value)
{
    const char *start = text;

    *value = 0;
    text = scan_digits(text, end, value);
    if (text == start)
        return NULL;
    if (text - start > DIGITS_MAX) {
        *value = 0;
        for (const char *at = start; at < text; at++) {
            uint64_t digit = (uint64_t)(*at - '0');
            if (digit > limit || *value > (limit - digit) / 10)
                return NULL;
            *value = *value * 10 + digit;
        }
    }
    return *value <= limit ? text : NULL;
}

/* "01" is the number 0 and something else. */
static const char *parse_integer_strict(const char *text, const char *end, uint64_t limit,
                                        uint64_t *value)
{
    if (end - text > 1 && *text == '0') {
        *value = 0;
        return text + 1;
    }
    return parse_integer(text, end, limit, value);
}

static uint64_t i64_limit(bool negative)
{
    return (uint64_t)INT64_MAX + negative;
}

const char *number_parse_i64(const char *text, const char *end, int64_t *value)
{
    bool negative = text < end && *text == '-';
    uint64_t absolute;

    text = parse_integer_strict(text + negative, end, i64_limit(negative), &absolute);
    if (text)
        *value = (int64_t)(negative ? -absolute : absolute);
    return text;
}

const char *number_parse_u64(const char *text, const char *end, uint64_t *value)
{
    bool negative = text < end && *text == '-';

    return parse_integer_strict(text + negative, end, negative ? 0 : UINT64_MAX, value);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks and one '+' taken off. */
static void trim(const char **text, const char **end)
{
    while (*text < *end && is_blank(**text))
        ++*text;
    while (*text < *end && is_blank((*end)[-1]))
        --*end;
    if (*end - *text > 1 && **text == '+' && (*text)[1] != '-')
        ++*text;
}

static bool is_word(const char *text, const char *end, const char *word)
{
    for (; text < end && (*text | 32) == *word; text++)
        word++;
    return text == end && !*word;
}

bool number_from_text(struct bytes bytes, double *value)
{
    const char *text = (const char *)bytes.data, *end;
    struct scanned s;
    bool negative;

    if (bytes.size == 0)
        return false;
    end = text + bytes.size;
    trim(&text, &end);
    negative = text < end && *text == '-';
    if (is_word(text + negative, end, "nan")) {
        *value = NAN;
        return true;
    }
    if (is_word(text + negative, end, "inf") || is_word(text + negative, end, "infinity")) {
        *value = negative ? -INFINITY : INFINITY;
        return true;
    }
    s = scan(text, end, true);
    if (s.stop != end)
        return false;
    *value = to_f64(s);
    return true;
}

bool number_i64_from_text(struct bytes bytes, int64_t *value)
{
    const char *text = (const char *)bytes.data, *end;
    uint64_t absolute;
    bool negative;

    if (bytes.size == 0)
        return false;
    end = text + bytes.size;
    trim(&text, &end);
    negative = text < end && *text == '-';
    if (parse_integer(text + negative, end, i64_limit(negative), &absolute) != end)
        return false;
    *value = (int64_t)(negative ? -absolute : absolute);
    return true;
}
