// SPDX-License-Identifier: Apache-2.0
/* Settings of the server, one row each in settings.def. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct settings {
#define SETTING(name, type, value, min, max, help) int64_t name;
#include "server/settings.def"
#undef SETTING
};

enum setting_type { SETTING_COUNT, SETTING_BYTES, SETTING_MS };

struct setting { /* a row, for help and documents */
    const char *name;
    enum setting_type type;
    int64_t value, min, max;
    const char *help;
};
extern const struct setting SETTINGS[];
extern const size_t SETTING_ROWS;

void settings_init(struct settings *settings); /* the defaults */

/* Set one by name ("queue_max" or "queue-max") from text. NOT_FOUND with a suggestion;
 * INVALID_INPUT says the range. */
enum status settings_set(struct settings *settings, const char *name, const char *text,
                         struct error *err) must_check;

/* All that the environment has: FIRN_QUEUE_MAX ... */
enum status settings_from_environment(struct settings *settings, struct error *err) must_check;
