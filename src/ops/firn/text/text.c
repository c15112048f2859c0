// SPDX-License-Identifier: Apache-2.0
/* Text: what transformers do to strings, element by element. A missing string is an error, but for
 * "integer" and "time", which make one of NaN, and "seconds", which makes NaN of one.
 *
 * Attribute function:
 *   slice    STRING -> STRING: code points begin up to end
 *   lower, upper  STRING -> STRING; strip: without white space around
 *   concat   STRING, STRING ... -> STRING: with separator between them
 *   integer  double -> STRING: a whole number as Python prints an int
 *   seconds  STRING -> double: whole seconds from 1970-01-01 to a time written YYYY-MM-DD, or
 *            YYYY-MM-DDTHH:MM:SS with a blank for the T, without seconds, with a fraction of them
 *   time     double -> STRING: such seconds as `pattern` says: strftime's %d %m %y %Y %H %M %S %j
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/unicode.h"
#include "ops/op.h"

enum function { SLICE, LOWER, UPPER, CONCAT, INTEGER, SECONDS, TIME, FUNCTION_COUNT };

static enum function function_of(const struct op_call *call)
{
    static const char *const NAMES[] = {"slice",   "lower",   "upper", "concat",
                                        "integer", "seconds", "time"};
    int f = 0;

    while (f < FUNCTION_COUNT && !attribute_is(call->attributes, "function", NAMES[f]))
        f++;
    return (enum function)f;
}

static bool takes_numbers(enum function function)
{
    return function == INTEGER || function == TIME;
}

static enum status infer(struct op_call *call, struct error *err)
{
    enum function function = function_of(call);

    if (function == FUNCTION_COUNT)
        return op_error(call, err, STATUS_INVALID_INPUT, "function is not known");
    if (function != CONCAT && call->in_count != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "takes one input");
    for (size_t i = 0; i < call->in_count; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(takes_numbers(function) ? DTYPE_F64 : DTYPE_STRING), err));
        TRY(shape_broadcast(&call->in[0].shape, &call->in[i].shape, &call->out[0].shape, call,
                            err));
        if (i && call->in[i].shape.rank != call->in[0].shape.rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "inputs differ in rank");
    }
    call->out[0].shape = call->in[0].shape;
    call->out[0].dtype = function == SECONDS ? DTYPE_F64 : DTYPE_STRING;
    return STATUS_OK;
}

static enum status refuse(struct bytes text, size_t row, const char *why, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_INVALID_INPUT, "'%s' %s, at row %zu",
                     text_quote(text, quoted, sizeof quoted), why, row);
}

/* The bytes of code points begin up to end. */
static struct bytes slice(struct bytes text, int64_t begin, int64_t end)
{
    size_t start = text.size, stop = text.size;
    int64_t count = 0;

    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] & 0xc0) == 0x80)
            continue;
        if (count == begin)
            start = i;
        if (count == end) {
            stop = i;
            break;
        }
        count++;
    }
    return start < stop ? (struct bytes){text.data + start, stop - start}
                        : (struct bytes){text.data, 0};
}

/* Without white space at both ends. */
static struct bytes stripped(struct bytes text)
{
    size_t end = 0, size;

    while (text.size && unicode_is_space(unicode_first(text, &size)))
        text = (struct bytes){text.data + size, text.size - size};
    for (size_t at = 0; at < text.size; at += size)
        if (!unicode_is_space(unicode_first((struct bytes){text.data + at, text.size - at}, &size)))
            end = at + size;
    text.size = end;
    return text;
}

static enum status change_case(const struct op_call *call, struct bytes text, bool upper,
                               size_t row, struct bytes *changed, struct error *err)
{
    size_t used = 0, size;
    uint8_t *data;

    if (text.size > SIZE_MAX / 4)
        return error_set(err, STATUS_TOO_LARGE, "a text of %zu bytes", text.size);
    data = arena_new(call->memory, uint8_t, 2 * text.size + 4); /* 2 bytes become 3 at most */
    if (!data)
        return error_no_memory(err, "text");
    for (size_t at = 0; at < text.size; at += size) {
        uint32_t code = unicode_first((struct bytes){text.data + at, text.size - at}, &size);
        uint32_t other = upper ? unicode_upper(code) : unicode_lower(code);

        if (other == UNICODE_SEVERAL)
            return refuse(text, row, "has a letter whose other case is not served", err);
        used += unicode_write(other, data + used);
    }
    *changed = (struct bytes){data, used};
    if (attribute_int(call->attributes, "strip", 0))
        *changed = stripped(*changed);
    return STATUS_OK;
}

static enum status concat(const struct op_call *call, size_t row, struct bytes *joined,
                          struct error *err)
{
    struct bytes separator = attribute_string(call->attributes, "separator", "");
    size_t size = 0, at = 0;
    uint8_t *data;

    for (size_t i = 0; i < call->in_count; i++)
        size += ((const struct bytes *)call->in[i].data)[row].size + separator.size;
    data = arena_new(call->memory, uint8_t, size + 1);
    if (!data)
        return error_no_memory(err, "text");
    for (size_t i = 0; i < call->in_count; i++) {
        struct bytes part = ((const struct bytes *)call->in[i].data)[row];

        if (!part.data)
            return error_set(err, STATUS_INVALID_INPUT, "missing text, at row %zu", row);
        if (i && separator.size) {
            memcpy(data + at, separator.data, separator.size);
            at += separator.size;
        }
        memcpy(data + at, part.data, part.size);
        at += part.size;
    }
    *joined = (struct bytes){data, at};
    return STATUS_OK;
}

static enum status print_integer(const struct op_call *call, double number, size_t row,
                                 struct bytes *text, struct error *err)
{
    char *data;

    *text = (struct bytes){0};
    if (isnan(number))
        return STATUS_OK;
    if (number != floor(number) || fabs(number) > 9e15)
        return error_set(err, STATUS_INVALID_INPUT, "%.17g is no whole number, at row %zu", number,
                         row);
    data = arena_printf(call->memory, "%" PRId64, (int64_t)number);
    if (!data)
        return error_no_memory(err, "text");
    *text = bytes_of(data);
    return STATUS_OK;
}

/* Days from 1970-01-01, proleptic Gregorian (Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms"). */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool parse_digits(struct bytes text, size_t start, size_t count, int64_t *number)
{
    *number = 0;
    for (size_t i = start; i < start + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *number = *number * 10 + (text.data[i] - '0');
    }
    return true;
}

static bool parse_date(struct bytes text, int64_t *days)
{
    static const int LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    bool leap;

    if (text.size < 10 || text.data[4] != '-' || text.data[7] != '-' ||
        !parse_digits(text, 0, 4, &year) || !parse_digits(text, 5, 2, &month) ||
        !parse_digits(text, 8, 2, &day))
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > LENGTHS[month - 1] + (leap && month == 2))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* What comes after the date: nothing, or THH:MM[:SS[.digits]], as seconds of the day. */
static bool parse_clock(struct bytes text, int64_t *seconds)
{
    int64_t hour, minute, second = 0, digits;

    *seconds = 0;
    if (text.size == 10)
        return true;
    if (text.size < 16 || (text.data[10] != 'T' && text.data[10] != ' ') || text.data[13] != ':' ||
        !parse_digits(text, 11, 2, &hour) || !parse_digits(text, 14, 2, &minute))
        return false;
    if (text.size > 16 &&
        (text.size < 19 || text.data[16] != ':' || !parse_digits(text, 17, 2, &second)))
        return false;
    if (text.size > 19 && (text.size == 20 || text.size > 29 || text.data[19] != '.' ||
                           !parse_digits(text, 20, text.size - 20, &digits)))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

static enum status parse_time(struct bytes text, size_t row, double *seconds, struct error *err)
{
    int64_t days, clock;

    if (!parse_date(text, &days) || !parse_clock(text, &clock))
        return refuse(text, row, "is no time written YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS", err);
    *seconds = (double)(days * 86400 + clock);
    return STATUS_OK;
}

/* The reverse of days_from_civil, of the same source. */
static void civil_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * 400 + (*month <= 2);
}

static enum status print_field(char letter, int64_t seconds, char field[16], struct error *err)
{
    int64_t days = (int64_t)floor((double)seconds / 86400), clock = seconds - days * 86400;
    int64_t year, month, day;

    civil_from_days(days, &year, &month, &day);
    switch (letter) {
    case 'd':
        snprintf(field, 16, "%02d", (int)day);
        return STATUS_OK;
    case 'm':
        snprintf(field, 16, "%02d", (int)month);
        return STATUS_OK;
    case 'y':
        snprintf(field, 16, "%02d", (int)(year % 100));
        return STATUS_OK;
    case 'Y':
        snprintf(field, 16, "%04d", (int)year);
        return STATUS_OK;
    case 'H':
        snprintf(field, 16, "%02d", (int)(clock / 3600));
        return STATUS_OK;
    case 'M':
        snprintf(field, 16, "%02d", (int)(clock / 60 % 60));
        return STATUS_OK;
    case 'S':
        snprintf(field, 16, "%02d", (int)(clock % 60));
        return STATUS_OK;
    case 'j':
        snprintf(field, 16, "%03d", (int)(days - days_from_civil(year, 1, 1) + 1));
        return STATUS_OK;
    case '%':
        snprintf(field, 16, "%%");
        return STATUS_OK;
    default:
        return error_set(err, STATUS_UNSUPPORTED, "pattern with %%%c", letter);
    }
}

static enum status print_time(const struct op_call *call, double number, size_t row,
                              struct bytes *text, struct error *err)
{
    struct bytes pattern = attribute_string(call->attributes, "pattern", "");
    char *data, field[16];
    size_t size = 0;

    *text = (struct bytes){0};
    if (isnan(number))
        return STATUS_OK;
    if (number != floor(number) || fabs(number) > 2e11) /* years of four digits and some more */
        return error_set(err, STATUS_INVALID_INPUT, "%.17g is no time, at row %zu", number, row);
    data = arena_alloc(call->memory, pattern.size + 1, 8);
    if (!data)
        return error_no_memory(err, "text");
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.data[i] != '%') {
            data[size++] = (char)pattern.data[i];
            continue;
        }
        TRY(print_field(i + 1 < pattern.size ? (char)pattern.data[++i] : ' ', (int64_t)number,
                        field, err));
        memcpy(data + size, field, strlen(field));
        size += strlen(field);
    }
    *text = (struct bytes){(const uint8_t *)data, size};
    return STATUS_OK;
}

static enum status run_one(const struct op_call *call, enum function function, size_t i,
                           struct error *err)
{
    const struct tensor *in = &call->in[0], *out = &call->out[0];
    struct bytes text = takes_numbers(function) ? (struct bytes){0} : ((struct bytes *)in->data)[i];

    switch (function) {
    case CONCAT:
        return concat(call, i, (struct bytes *)out->data + i, err);
    case INTEGER:
        return print_integer(call, ((const double *)in->data)[i], i, (struct bytes *)out->data + i,
                             err);
    case SECONDS:
        ((double *)out->data)[i] = NAN;
        return text.data ? parse_time(text, i, (double *)out->data + i, err) : STATUS_OK;
    case TIME:
        return print_time(call, ((const double *)in->data)[i], i, (struct bytes *)out->data + i,
                          err);
    default:
        break;
    }
    if (!text.data)
        return error_set(err, STATUS_INVALID_INPUT, "missing text, at row %zu", i);
    if (function != SLICE)
        return change_case(call, text, function == UPPER, i, (struct bytes *)out->data + i, err);
    ((struct bytes *)out->data)[i] = slice(text, attribute_int(call->attributes, "begin", 0),
                                           attribute_int(call->attributes, "end", INT64_MAX));
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    enum function function = function_of(call);
    size_t count = tensor_count(&call->in[0]);

    for (size_t i = 1; i < call->in_count; i++)
        if (tensor_count(&call->in[i]) != count)
            return error_set(err, STATUS_INVALID_INPUT, "texts of %zu and %zu rows", count,
                             tensor_count(&call->in[i]));
    for (size_t i = 0; i < count; i++)
        TRY(run_one(call, function, i, err));
    return STATUS_OK;
}

const struct op_set ops_firn_text = OP_SET({.name = "Text",
                                            .summary = "functions of strings, by name",
                                            .flags = OP_ROWS,
                                            .in_min = 1,
                                            .in_max = OP_INPUTS_ANY,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer,
                                            .run = run});
