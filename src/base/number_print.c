// SPDX-License-Identifier: Apache-2.0
/* Shortest decimal text that reads back: Raffaello Giulietti, "The Schubfach way to render
 * doubles", 2020. Of the decimals in the rounding interval it takes the one with the fewest digits,
 * and of these the nearest. */
#include "base/compiler.h"
#include "base/number.h"

#include "base/powers_of_ten.h"

/* value = digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* A binary float: value = significand * 2^exponent; the neighbours are one apart, but the lower one
 * half of that where `lower_is_closer` (the significand is a power of two). */
struct binary {
    uint64_t significand;
    int exponent;
    bool lower_is_closer;
};

static int floor_log10_pow2(int e, bool three_quarters)
{
    return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

static int floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* The power of ten, rounded up. */
static struct power_of_ten power_above(int exponent)
{
    struct power_of_ten power = POWERS_OF_TEN[exponent - POWER_OF_TEN_MIN];

    if (exponent < -27 || exponent > 55)
        power.high += ++power.low == 0;
    return power;
}

/* The integer part of power * factor / 2^128, its last bit set when there is a rest. */
static uint64_t round_to_odd64(struct power_of_ten power, uint64_t factor)
{
    unsigned __int128 low = (unsigned __int128)power.low * factor;
    unsigned __int128 high = (unsigned __int128)power.high * factor + (uint64_t)(low >> 64);

    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static uint64_t round_to_odd32(uint64_t power, uint64_t factor)
{
    unsigned __int128 product = (unsigned __int128)power * factor;

    return (uint64_t)(product >> 64) | ((uint32_t)(product >> 32) > 1);
}

/* From the boundaries of the rounding interval and the value, all in quarters of 10^exponent. */
static always_inline struct decimal shortest(uint64_t lower, uint64_t value, uint64_t upper,
                                             int exponent)
{
    uint64_t floor = value / 4, tens = floor / 10, middle = 4 * floor + 2;
    bool below, above;

    if (floor >= 10) {
        below = lower <= 40 * tens;
        above = 40 * tens + 40 <= upper;
        if (below != above)
            return (struct decimal){tens + above, exponent + 1};
    }
    below = lower <= 4 * floor;
    above = 4 * floor + 4 <= upper;
    if (below == above)
        above = value > middle || (value == middle && (floor & 1));
    return (struct decimal){floor + above, exponent};
}

static struct decimal decimal_of_f64(struct binary b)
{
    int k = floor_log10_pow2(b.exponent, b.lower_is_closer);
    int shift = b.exponent + floor_log2_pow10(-k) + 1;
    uint64_t odd = b.significand & 1, four = 4 * b.significand;
    struct power_of_ten power = power_above(-k);
    uint64_t lower = round_to_odd64(power, (four - 2 + b.lower_is_closer) << shift);
    uint64_t value = round_to_odd64(power, four << shift);
    uint64_t upper = round_to_odd64(power, (four + 2) << shift);

    return shortest(lower + odd, value, upper - odd, k);
}

static struct decimal decimal_of_f32(struct binary b)
{
    int k = floor_log10_pow2(b.exponent, b.lower_is_closer);
    int shift = b.exponent + floor_log2_pow10(-k) + 1;
    uint64_t odd = b.significand & 1, four = 4 * b.significand;
    uint64_t power = POWERS_OF_TEN[-k - POWER_OF_TEN_MIN].high + (-k < 0 || -k > 27);
    uint64_t lower = round_to_odd32(power, (four - 2 + b.lower_is_closer) << shift);
    uint64_t value = round_to_odd32(power, four << shift);
    uint64_t upper = round_to_odd32(power, (four + 2) << shift);

    return shortest(lower + odd, value, upper - odd, k);
}

static const char PAIRS[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static always_inline size_t count_digits(uint64_t value)
{
    static const uint64_t TENS[] = {0,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000,
                                    10000000000000000000u};
    unsigned guess = (unsigned)(64 - __builtin_clzll(value | 1)) * 1233 >> 12;

    return guess + (value >= TENS[guess]);
}

/* Exactly `count` digits of `value`. */
static always_inline void put_digits(char *to, uint64_t value, size_t count)
{
    while (count >= 2) {
        count -= 2;
        memcpy(to + count, PAIRS + 2 * (value % 100), 2);
        value /= 100;
    }
    if (count)
        to[0] = (char)('0' + value % 10);
}

size_t number_print_u64(uint64_t value, char *buffer)
{
    size_t count = value ? count_digits(value) : 1;

    put_digits(buffer, value, count);
    return count;
}

size_t number_print_i64(int64_t value, char *buffer)
{
    if (value >= 0)
        return number_print_u64((uint64_t)value, buffer);
    buffer[0] = '-';
    return 1 + number_print_u64(-(uint64_t)value, buffer + 1);
}

enum { FIXED_MAX = 16, FIXED_MIN = -3 }; /* as Python: 0.0001 and 9999999999999998.0, but 1e16 */

static always_inline size_t print_decimal(struct decimal d, char *to)
{
    size_t count, size, zeros;
    char fraction[10];
    int point; /* digits before the decimal point */

    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    count = count_digits(d.digits);
    point = (int)count + d.exponent;
    if (point > FIXED_MAX || point < FIXED_MIN) {
        put_digits(to + 1, d.digits, count);
        to[0] = to[1];
        to[1] = '.';
        size = count > 1 ? count + 1 : 1;
        to[size++] = 'e';
        return size + number_print_i64(point - 1, to + size);
    }
    if (d.exponent >= 0) {
        put_digits(to, d.digits, count);
        memset(to + count, '0', (size_t)d.exponent);
        memcpy(to + point, ".0", 2);
        return (size_t)point + 2;
    }
    if (point > 0) {
        put_digits(to, d.digits, count);
        if (count < sizeof fraction) { /* a float: a copy of fixed size is two instructions */
            memcpy(fraction, to + point, sizeof fraction);
            memcpy(to + point + 1, fraction, sizeof fraction);
        } else {
            memmove(to + point + 1, to + point, count - (size_t)point);
        }
        to[point] = '.';
        return count + 1;
    }
    zeros = (size_t)-point;
    memcpy(to, "0.000", 5);
    put_digits(to + 2 + zeros, d.digits, count);
    return 2 + zeros + count;
}

static size_t print_word(const char *word, char *buffer)
{
    size_t size = strlen(word);

    memcpy(buffer, word, size);
    return size;
}

size_t number_print_f64(double value, char *buffer)
{
    uint64_t bits, fraction;
    int exponent;
    size_t sign = 0;
    struct decimal d;
    struct binary b;

    memcpy(&bits, &value, sizeof bits);
    fraction = bits & 0xFFFFFFFFFFFFFu;
    exponent = (int)(bits >> 52 & 0x7FF);
    if (exponent == 0x7FF)
        return print_word(fraction ? "NaN" : bits >> 63 ? "-Infinity" : "Infinity", buffer);
    if (bits >> 63)
        buffer[sign++] = '-';
    if (exponent == 0 && fraction == 0)
        return sign + print_word("0.0", buffer + sign);
    b = exponent ? (struct binary){fraction | (uint64_t)1 << 52, exponent - 1075,
                                   fraction == 0 && exponent > 1}
                 : (struct binary){fraction, -1074, false};
    if (b.exponent <= 0 && b.exponent > -53 &&
        (b.significand & (((uint64_t)1 << -b.exponent) - 1)) == 0)
        d = (struct decimal){b.significand >> -b.exponent, 0};
    else
        d = decimal_of_f64(b);
    return sign + print_decimal(d, buffer + sign);
}

size_t number_print_f32(float value, char *buffer)
{
    uint32_t bits, fraction;
    int exponent;
    size_t sign = 0;
    struct decimal d;
    struct binary b;

    memcpy(&bits, &value, sizeof bits);
    fraction = bits & 0x7FFFFF;
    exponent = (int)(bits >> 23 & 0xFF);
    if (exponent == 0xFF)
        return print_word(fraction ? "NaN" : bits >> 31 ? "-Infinity" : "Infinity", buffer);
    if (bits >> 31)
        buffer[sign++] = '-';
    if (exponent == 0 && fraction == 0)
        return sign + print_word("0.0", buffer + sign);
    b = exponent
            ? (struct binary){fraction | 1u << 23, exponent - 150, fraction == 0 && exponent > 1}
            : (struct binary){fraction, -149, false};
    if (b.exponent <= 0 && b.exponent > -24 && (b.significand & ((1u << -b.exponent) - 1)) == 0)
        d = (struct decimal){b.significand >> -b.exponent, 0};
    else
        d = decimal_of_f32(b);
    return sign + print_decimal(d, buffer + sign);
}
