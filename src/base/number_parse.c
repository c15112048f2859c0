// SPDX-License-Identifier: Apache-2.0
/* Decimal text to the nearest float: one exact operation where it suffices (Clinger, "How to read
 * floating point numbers accurately", 1990), else a 128-bit product (Lemire, "Number parsing at a
 * gigabyte per second", 2021; Mushtak and Lemire, "Fast number parsing without fallback", 2023),
 * and the C library for what has more than 19 digits and stays undecided. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>

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
};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static bool is_eight_digits(uint64_t eight)
{
    return (((eight + 0x4646464646464646u) | (eight - 0x3030303030303030u)) &
            0x8080808080808080u) == 0;
}

/* The first character is the lowest byte. */
static uint64_t eight_digits(uint64_t eight)
{
    eight -= 0x3030303030303030u;
    eight = eight * 10 + (eight >> 8);
    return ((eight & 0x000000FF000000FFu) * (100 + ((uint64_t)1000000 << 32)) +
            (eight >> 16 & 0x000000FF000000FFu) * (1 + ((uint64_t)10000 << 32))) >>
           32;
}

/* Digits into the mantissa, which wraps beyond DIGITS_MAX of them. */
static const char *scan_digits(const char *at, const char *end, uint64_t *mantissa)
{
    uint64_t value = *mantissa, eight;

    while (end - at >= 8) {
        memcpy(&eight, at, 8);
        if (!is_eight_digits(eight))
            break;
        value = value * 100000000 + eight_digits(eight);
        at += 8;
    }
    while (at < end && is_digit(*at))
        value = value * 10 + (uint64_t)(*at++ - '0');
    *mantissa = value;
    return at;
}

/* An exponent that is there, or `at` where it was when there is none; NULL when it has no digits.
 */
static const char *scan_exponent(const char *at, const char *end, int64_t *exponent)
{
    int64_t value = 0;
    bool negative;

    if (at == end || (*at != 'e' && *at != 'E'))
        return at;
    at++;
    negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end || !is_digit(*at))
        return NULL;
    for (; at < end && is_digit(*at); at++)
        if (value < EXPONENT_LIMIT)
            value = value * 10 + (*at - '0');
    *exponent += negative ? -value : value;
    return at;
}

/* More than DIGITS_MAX digits: count from the first that is not 0. */
static void rescan(struct scanned *s, int64_t written)
{
    const char *at = s->digits;
    uint64_t mantissa = 0;
    int64_t used = 0, total = written;

    while (at < s->end && (*at == '0' || *at == '.')) {
        total -= *at == '0';
        at++;
    }
    if (total <= DIGITS_MAX)
        return;
    for (; used < DIGITS_MAX; at++) {
        if (*at == '.')
            continue;
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        used++;
    }
    s->mantissa = mantissa;
    s->exponent += total - DIGITS_MAX;
    s->truncated = true;
}

/* `lenient`: ".5", "5." and leading zeros are numbers too. */
static inline const char *scan(const char *at, const char *end, bool lenient, struct scanned *s)
{
    const char *start, *point;
    int64_t whole, fraction = 0;

    *s = (struct scanned){.negative = at < end && *at == '-'};
    at += s->negative;
    start = s->digits = at;
    at = scan_digits(at, end, &s->mantissa);
    whole = at - start;
    if (!lenient) {
        if (whole == 0)
            return NULL;
        if (*start == '0' && whole > 1) { /* "01" is the number 0 and something else */
            s->mantissa = 0;
            s->end = start + 1;
            return s->end;
        }
    }
    if (at < end && *at == '.') {
        point = ++at;
        at = scan_digits(at, end, &s->mantissa);
        fraction = at - point;
        if (fraction == 0 && !lenient)
            return NULL;
    }
    if (whole + fraction == 0)
        return NULL;
    s->end = at;
    s->exponent = -fraction;
    at = scan_exponent(at, end, &s->exponent);
    if (at && whole + fraction > DIGITS_MAX)
        rescan(s, whole + fraction);
    return at;
}

static double double_of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The double nearest to mantissa * 10^exponent, rounded once. */
static double nearest(uint64_t mantissa, int64_t exponent)
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

/* The number as the C library reads it, in the "C" locale, from at most EXACT_DIGITS_MAX digits. */
static double exact(const struct scanned *s, float *single)
{
    char text[EXACT_DIGITS_MAX + 32];
    const char *at = s->digits;
    int64_t exponent = s->exponent + (s->truncated ? DIGITS_MAX : 0);
    size_t used = 0;
    double value = 0;
    locale_t locale;

    if (!s->truncated) {
        used = number_print_u64(s->mantissa, text);
    } else {
        while (*at == '0' || *at == '.')
            at++;
        text[used++] = '.';
        for (; at < s->end && used <= EXACT_DIGITS_MAX; at++)
            if (*at != '.')
                text[used++] = *at;
        for (; at < s->end; at++)
            if (*at != '.' && *at != '0')
                text[used - 1] = '1'; /* more than half of what was there, if that was 0 */
    }
    text[used++] = 'e';
    used += number_print_i64(exponent, text + used);
    text[used] = 0;
    locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* in glibc a constant */
    if (single)
        *single = locale ? strtof_l(text, NULL, locale) : NAN;
    else
        value = locale ? strtod_l(text, NULL, locale) : NAN;
    if (locale)
        freelocale(locale);
    return value;
}

static double magnitude(const struct scanned *s)
{
    static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value;

    if (s->mantissa <= (uint64_t)1 << 53 && s->exponent >= -22 && s->exponent <= 22 &&
        !s->truncated) {
        value = (double)s->mantissa;
        return s->exponent < 0 ? value / TENS[-s->exponent] : value * TENS[s->exponent];
    }
    value = nearest(s->mantissa, s->exponent);
    if (s->truncated && value != nearest(s->mantissa + 1, s->exponent))
        return exact(s, NULL);
    return value;
}

static double to_f64(const struct scanned *s)
{
    double value = magnitude(s);

    return s->negative ? -value : value;
}

/* Rounding the nearest double again is wrong only where that double lies between two floats. */
static float to_f32(const struct scanned *s)
{
    double wide = magnitude(s);
    float value = (float)wide;
    bool whole = s->exponent == 0 && s->mantissa <= (uint64_t)1 << 53 && !s->truncated;
    uint64_t bits;

    memcpy(&bits, &wide, sizeof bits);
    if (((bits & 0x1FFFFFFF) == 0x10000000 || wide < 0x1p-126) && s->mantissa && !whole)
        (void)exact(s, &value);
    return s->negative ? -value : value;
}

const char *number_parse_f64(const char *text, const char *end, double *value)
{
    struct scanned s;

    text = scan(text, end, false, &s);
    if (text)
        *value = to_f64(&s);
    return text;
}

const char *number_parse_f32(const char *text, const char *end, float *value)
{
    struct scanned s;

    text = scan(text, end, false, &s);
    if (text)
        *value = to_f32(&s);
    return text;
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
    if (scan(text, end, true, &s) != end)
        return false;
    *value = to_f64(&s);
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
