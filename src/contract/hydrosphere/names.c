// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdio.h>

#include "contract/hydrosphere/internal.h"

char *hydrosphere_dtype_name(enum dtype dtype, char name[HYDROSPHERE_DTYPE_SIZE])
{
    bool known = false;

    for (int code = 1; code <= TF_CODE_MAX; code++)
        known = known || (dtype != DTYPE_NONE && dtype_from_tf(code) == dtype);
    snprintf(name, HYDROSPHERE_DTYPE_SIZE, "DT_%s", known ? dtype_name(dtype) : "INVALID");
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

enum dtype hydrosphere_dtype_from(struct bytes name)
{
    char known[HYDROSPHERE_DTYPE_SIZE];

    for (int code = 1; code <= TF_CODE_MAX; code++) {
        enum dtype dtype = dtype_from_tf(code);

        if (dtype != DTYPE_NONE && bytes_is(name, hydrosphere_dtype_name(dtype, known)))
            return dtype;
    }
    return DTYPE_NONE;
}

/* As in the enumeration DataProfileType; of what we do not tell apart, the first is written. */
static const struct {
    const char *name;
    int number;
    enum profile profile;
} PROFILES[] = {
    {"NONE", 0, PROFILE_NONE},
    {"CATEGORICAL", 1, PROFILE_CATEGORICAL},
    {"NUMERICAL", 2, PROFILE_NUMERICAL},
    {"IMAGE", 3, PROFILE_IMAGE},
    {"AUDIO", 5, PROFILE_AUDIO},
    {"TEXT", 6, PROFILE_TEXT},
    {"NOMINAL", 11, PROFILE_CATEGORICAL},
    {"ORDINAL", 12, PROFILE_CATEGORICAL},
    {"CONTINUOUS", 21, PROFILE_NUMERICAL},
    {"INTERVAL", 22, PROFILE_NUMERICAL},
    {"RATIO", 23, PROFILE_NUMERICAL},
    {"VIDEO", 4, PROFILE_NONE},
};

const char *hydrosphere_profile_name(enum profile profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].profile == profile)
            return PROFILES[i].name;
    return "NONE";
}

int hydrosphere_profile_number(enum profile profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].profile == profile)
            return PROFILES[i].number;
    return 0;
}

bool hydrosphere_profile_by_name(struct bytes name, enum profile *profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (bytes_is(name, PROFILES[i].name)) {
            *profile = PROFILES[i].profile;
            return true;
        }
    return false;
}

bool hydrosphere_profile_by_number(int64_t number, enum profile *profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].number == number) {
            *profile = PROFILES[i].profile;
            return true;
        }
    return false;
}
