// SPDX-License-Identifier: Apache-2.0
#include "server/settings.h"

#include "test.h"

TEST(settings_rows_are_sound)
{
    struct settings settings;
    const int64_t *values = (const int64_t *)&settings;

    settings_init(&settings);
    CHECK_INT(sizeof settings, SETTING_ROWS * sizeof(int64_t));
    for (size_t i = 0; i < SETTING_ROWS; i++) {
        CHECK_INT(values[i], SETTINGS[i].value);
        CHECK(SETTINGS[i].min <= SETTINGS[i].value && SETTINGS[i].value <= SETTINGS[i].max);
        CHECK(strlen(SETTINGS[i].help) > 10);
    }
}

TEST(settings_from_text)
{
    static const struct {
        const char *name, *text;
        enum status want;
        int64_t value;
    } cases[] = {
        {"queue_max", "7", STATUS_OK, 7},
        {"queue-max", "8", STATUS_OK, 8},
        {"body_bytes_max", "2M", STATUS_OK, 2 << 20},
        {"body_bytes_max", "4k", STATUS_OK, 4096},
        {"idle_timeout_ms", "2s", STATUS_OK, 2000},
        {"idle_timeout_ms", "5m", STATUS_OK, 300000},
        {"idle_timeout_ms", "150ms", STATUS_OK, 150},
        {"queue_max", "0", STATUS_INVALID_INPUT, 0},
        {"queue_max", "1000001", STATUS_INVALID_INPUT, 0},
        {"queue_max", "7k", STATUS_INVALID_INPUT, 0},
        {"queue_max", "-7", STATUS_INVALID_INPUT, 0},
        {"queue_max", "", STATUS_INVALID_INPUT, 0},
        {"queue_max", "7 ", STATUS_INVALID_INPUT, 0},
        {"body_bytes_max", "9999999999999999999", STATUS_INVALID_INPUT, 0},
        {"body_bytes_max", "9223372036854775807G", STATUS_INVALID_INPUT, 0},
        {"queue_maxx", "7", STATUS_NOT_FOUND, 0},
        {"queue", "7", STATUS_NOT_FOUND, 0},
        {"", "7", STATUS_NOT_FOUND, 0},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct settings settings;
        struct error err = {0};
        enum status got;

        settings_init(&settings);
        got = settings_set(&settings, cases[i].name, cases[i].text, &err);
        if (got != cases[i].want)
            fail_msg("%s=%s: %s", cases[i].name, cases[i].text, err.text);
        if (got == STATUS_OK && cases[i].name[0] == 'q')
            CHECK_INT(settings.queue_max, cases[i].value);
        if (got == STATUS_OK && cases[i].name[0] == 'b')
            CHECK_INT(settings.body_bytes_max, cases[i].value);
        if (got == STATUS_OK && cases[i].name[0] == 'i')
            CHECK_INT(settings.idle_timeout_ms, cases[i].value);
    }
}

TEST(settings_from_the_environment)
{
    struct settings settings;
    struct error err = {0};

    settings_init(&settings);
    setenv("FIRN_QUEUE_MAX", "33", 1);
    CHECK_OK(settings_from_environment(&settings, &err), err);
    CHECK_INT(settings.queue_max, 33);
    setenv("FIRN_QUEUE_MAX", "many", 1);
    CHECK_FAILS(settings_from_environment(&settings, &err), err, STATUS_INVALID_INPUT,
                "environment variable FIRN_QUEUE_MAX: setting queue_max: 'many' is not a number");
    unsetenv("FIRN_QUEUE_MAX");
}
