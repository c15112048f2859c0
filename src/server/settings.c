// SPDX-License-Identifier: Apache-2.0
#include "server/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

const struct setting SETTINGS[] = {
#define SETTING(name, type, value, min, max, help) {#name, SETTING_##type, value, min, max, help},
#include "server/settings.def"
#undef SETTING
};
const size_t SETTING_ROWS = ARRAY_COUNT(SETTINGS);

void settings_init(struct settings *settings)
{
    *settings = (struct settings){
#define SETTING(name, type, value, min, max, help) .name = value,
#include "server/settings.def"
#undef SETTING
    };
}

static int64_t *settings_field(struct settings *settings, size_t row)
{
    /* The struct holds nothing but the rows' numbers, in their order. */
    return (int64_t *)settings + row;
}

static bool same_name(const char *given, const char *name)
{
    for (; *given && *name; given++, name++)
        if (*given != *name && !(*given == '-' && *name == '_'))
            return false;
    return *given == *name;
}

static bool parse_unit(enum setting_type type, const char *text, int64_t *factor)
{
    static const struct {
        enum setting_type type;
        const char *unit;
        int64_t factor;
    } units[] = {
        {SETTING_BYTES, "k", 1 << 10}, {SETTING_BYTES, "K", 1 << 10}, {SETTING_BYTES, "M", 1 << 20},
        {SETTING_BYTES, "G", 1 << 30}, {SETTING_MS, "ms", 1},         {SETTING_MS, "s", 1000},
        {SETTING_MS, "m", 60000},      {SETTING_MS, "h", 3600000},
    };

    *factor = 1;
    if (!*text)
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++)
        if (units[i].type == type && bytes_is(bytes_of(text), units[i].unit)) {
            *factor = units[i].factor;
            return true;
        }
    return false;
}

static bool parse_value(enum setting_type type, const char *text, int64_t *value)
{
    int64_t number = 0, factor;
    const char *p = text;

    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *p - '0', &number))
            return false;
    return p != text && parse_unit(type, p, &factor) &&
           !__builtin_mul_overflow(number, factor, value);
}

static enum status set_row(struct settings *settings, size_t row, const char *text,
                           struct error *err)
{
    const struct setting *setting = &SETTINGS[row];
    char quoted[TEXT_QUOTE_SIZE];
    int64_t value = 0;

    if (!parse_value(setting->type, text, &value))
        return error_set(err, STATUS_INVALID_INPUT, "setting %s: '%s' is not a %s", setting->name,
                         text_quote(bytes_of(text), quoted, sizeof quoted),
                         setting->type == SETTING_COUNT   ? "number"
                         : setting->type == SETTING_BYTES ? "number of bytes"
                                                          : "time");
    if (value < setting->min || value > setting->max)
        return error_set(err, STATUS_INVALID_INPUT, "setting %s: %lld is not in %lld to %lld",
                         setting->name, (long long)value, (long long)setting->min,
                         (long long)setting->max);
    *settings_field(settings, row) = value;
    return STATUS_OK;
}

enum status settings_set(struct settings *settings, const char *name, const char *text,
                         struct error *err)
{
    const char *names[ARRAY_COUNT(SETTINGS)], *suggestion;
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t row = 0; row < SETTING_ROWS; row++) {
        if (same_name(name, SETTINGS[row].name))
            return set_row(settings, row, text, err);
        names[row] = SETTINGS[row].name;
    }
    text_quote(bytes_of(name), quoted, sizeof quoted);
    suggestion = text_suggest(name, names, SETTING_ROWS);
    if (suggestion)
        return error_set(err, STATUS_NOT_FOUND, "no setting is called '%s'; '%s' is", quoted,
                         suggestion);
    return error_set(err, STATUS_NOT_FOUND, "no setting is called '%s'", quoted);
}

enum status settings_from_environment(struct settings *settings, struct error *err)
{
    for (size_t row = 0; row < SETTING_ROWS; row++) {
        char variable[64];
        const char *text;

        snprintf(variable, sizeof variable, "FIRN_%s", SETTINGS[row].name);
        for (char *p = variable; *p; p++)
            *p = (char)toupper((unsigned char)*p);
        text = getenv(variable);
        if (text && set_row(settings, row, text, err))
            return error_within(err, "environment variable %s", variable);
    }
    return STATUS_OK;
}
