// SPDX-License-Identifier: Apache-2.0
/* Single values of frames. */
#include "formats/frame/frame.h"

#include <math.h>

#include "formats/json/json_tensor.h"

static bool is_text(const struct frame_column *column)
{
    return column->type == COLUMN_TEXT || column->type == COLUMN_JSON;
}

/* The category of a row, or (size_t)-1. */
static size_t category_of(const struct frame_column *column, size_t row)
{
    int64_t code = tensor_i64(&column->data, row);

    return code < 0 ? (size_t)-1 : (size_t)code;
}

bool column_is_missing(const struct frame_column *column, size_t row)
{
    if (column->missing && column->missing[row])
        return true;
    switch (column->type) {
    case COLUMN_NUMBER:
        return dtype_kind(column->data.dtype) == KIND_FLOAT &&
               isnan(tensor_f64(&column->data, row));
    case COLUMN_TIME:
    case COLUMN_DURATION:
        return tensor_i64(&column->data, row) == INT64_MIN;
    case COLUMN_CATEGORY:
        return category_of(column, row) == (size_t)-1 ||
               column_is_missing(column->categories, category_of(column, row));
    default:
        return false;
    }
}

struct bytes column_text(const struct frame_column *column, size_t row)
{
    const int64_t *begins = column->data.data;

    if (column->type == COLUMN_CATEGORY) {
        row = category_of(column, row);
        if (row == (size_t)-1)
            return (struct bytes){NULL, 0};
        column = column->categories;
        begins = column->data.data;
    }
    if (!is_text(column))
        return (struct bytes){NULL, 0};
    return (struct bytes){column->text.data + begins[row], (size_t)(begins[row + 1] - begins[row])};
}

/* --- times --- */

static int64_t per_second(const char *unit)
{
    return strcmp(unit, "s") == 0    ? 1
           : strcmp(unit, "ms") == 0 ? 1000
           : strcmp(unit, "us") == 0 ? 1000000
                                     : 1000000000;
}

/* Quotient towards minus infinity; *rest in [0, by). */
static int64_t floor_divide(int64_t value, int64_t by, int64_t *rest)
{
    *rest = value % by;
    if (*rest < 0)
        *rest += by;
    return (value - *rest) / by;
}

/* Days since 1970 of a date of the proleptic Gregorian calendar, and back (H. Hinnant's). */
static int64_t days_from_date(int64_t year, int month, int day)
{
    int64_t era, of_era, of_year;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    of_era = year - era * 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t era, of_era, of_year, years, mp;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    of_era = days - era * 146097;
    years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * years + years / 4 - years / 100);
    mp = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = years + era * 400 + (*month <= 2);
}

/* ".5", without zeros behind; nothing for 0. */
static void write_fraction(int64_t rest, int64_t per, struct text *text)
{
    if (rest == 0)
        return;
    text_append_char(text, '.');
    for (; rest; rest %= per) {
        per /= 10;
        text_append_char(text, (char)('0' + rest / per));
    }
}

static void write_time(const struct frame_column *column, int64_t value, struct text *text)
{
    int64_t fraction, second, year, per = per_second(column->unit);
    int64_t days = floor_divide(floor_divide(value, per, &fraction), 86400, &second);
    int month, day;

    date_from_days(days, &year, &month, &day);
    text_printf(text, "\"%04lld-%02d-%02dT%02d:%02d:%02d", (long long)year, month, day,
                (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
    write_fraction(fraction, per, text);
    text_append(text, column->zone ? "Z\"" : "\"");
}

static void write_duration(const struct frame_column *column, int64_t value, struct text *text)
{
    int64_t fraction, second, per = per_second(column->unit);
    int64_t days = floor_divide(floor_divide(value, per, &fraction), 86400, &second);

    text_printf(text, "\"P%lldDT%dH%dM%d", (long long)days, (int)(second / 3600),
                (int)(second / 60 % 60), (int)(second % 60));
    write_fraction(fraction, per, text);
    text_append(text, "S\"");
}

/* `count` digits of the front as a number. */
static bool take_digits(struct bytes *text, size_t count, int *value)
{
    *value = 0;
    if (text->size < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        *value = *value * 10 + (text->data[i] - '0');
    }
    *text = (struct bytes){text->data + count, text->size - count};
    return true;
}

static bool take(struct bytes *text, const char *any)
{
    if (!text->size || !strchr(any, text->data[0]) || !text->data[0])
        return false;
    *text = (struct bytes){text->data + 1, text->size - 1};
    return true;
}

/* "10:00", "10:00:05", "10:00:05.25" */
static bool take_clock(struct bytes *text, int64_t per, int64_t *second, int64_t *fraction)
{
    int hour, minute, s = 0, digit;

    if (!take_digits(text, 2, &hour) || !take(text, ":") || !take_digits(text, 2, &minute))
        return false;
    if (take(text, ":") && !take_digits(text, 2, &s))
        return false;
    if (hour > 23 || minute > 59 || s > 59)
        return false;
    *second = (hour * 60 + minute) * 60 + s;
    for (bool more = take(text, "."); more && take_digits(text, 1, &digit);) {
        per /= 10;
        *fraction += digit * per; /* finer digits than the unit's are nothing */
    }
    return true;
}

/* "Z", "+02:00"; seconds east of UTC */
static bool take_zone(struct bytes *text, int64_t *east)
{
    int sign, hour, minute = 0;

    *east = 0;
    if (!text->size || take(text, "Zz"))
        return true;
    sign = text->data[0] == '-' ? -1 : 1;
    if (!take(text, "+-") || !take_digits(text, 2, &hour))
        return false;
    if (text->size && (!take(text, ":") || !take_digits(text, 2, &minute)))
        return false;
    *east = sign * (hour * 60 + minute) * 60;
    return true;
}

bool time_from_text(struct bytes text, const char *unit, int64_t *value)
{
    static const int MONTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t second = 0, fraction = 0, east, per = per_second(unit);
    int year, month, day;
    bool leap;

    if (!take_digits(&text, 4, &year) || !take(&text, "-") || !take_digits(&text, 2, &month) ||
        !take(&text, "-") || !take_digits(&text, 2, &day) || month < 1 || month > 12)
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > MONTHS[month - 1] + (month == 2 && leap))
        return false;
    if (take(&text, "T ") && !take_clock(&text, per, &second, &fraction))
        return false;
    if (!take_zone(&text, &east) || text.size)
        return false;
    return !__builtin_mul_overflow(days_from_date(year, month, day) * 86400 + second - east, per,
                                   value) &&
           !__builtin_add_overflow(*value, fraction, value);
}

/* --- JSON --- */

static void write_number(const struct tensor *data, size_t row, struct text *text)
{
    struct tensor one = {.dtype = data->dtype, .shape = shape_scalar()};

    one.data = (uint8_t *)data->data + row * dtype_size(data->dtype);
    if (dtype_kind(data->dtype) != KIND_COMPLEX) {
        json_write_nested(text, &one);
        return;
    }
    /* real and imaginary part */
    one.dtype = data->dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64;
    text_append_char(text, '[');
    json_write_nested(text, &one);
    text_append_char(text, ',');
    one.data = (uint8_t *)one.data + dtype_size(one.dtype);
    json_write_nested(text, &one);
    text_append_char(text, ']');
}

void column_write_json(const struct frame_column *column, size_t row, struct text *text)
{
    if (column_is_missing(column, row)) {
        text_append(text, "null");
        return;
    }
    switch (column->type) {
    case COLUMN_NUMBER:
        write_number(&column->data, row, text);
        break;
    case COLUMN_TEXT:
        json_write_string(text, column_text(column, row));
        break;
    case COLUMN_JSON:
        text_append_bytes(text, column_text(column, row));
        break;
    case COLUMN_TIME:
        write_time(column, tensor_i64(&column->data, row), text);
        break;
    case COLUMN_DURATION:
        write_duration(column, tensor_i64(&column->data, row), text);
        break;
    case COLUMN_CATEGORY:
        column_write_json(column->categories, category_of(column, row), text);
        break;
    case COLUMN_RANGE:
        text_printf(text, "%lld", (long long)(column->start + (int64_t)row * column->step));
        break;
    }
}
