// SPDX-License-Identifier: Apache-2.0
/* Options of a command, one row each: parsing, help and completion come from the rows.
 *
 *     struct inspect { bool json; const char *path; };
 *     static const struct option OPTIONS[] = {
 *         {"json", OPTION_FLAG, offsetof(struct inspect, json), NULL, "print one JSON object"},
 *         {0}};
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* int64_t, not negative */
    OPTION_REAL,   /* double, not negative */
    OPTION_SWITCH, /* bool: "on", which may be left out, or "off" */
    OPTION_LIST    /* struct option_list: may be given several times */
};

struct option {
    const char *name; /* without the dashes */
    enum option_kind kind;
    size_t offset;     /* of the value in the command's own struct */
    const char *value; /* "FILE", for help; NULL for flags */
    const char *help;
    char letter; /* "-f" for it, too; 0: none */
};

struct option_list {
    const char **items; /* (count,): room for argc */
    size_t count;
};

/* What stands on the command line beside the options. */
struct arguments {
    const char **items;
    size_t count;
    void *memory; /* of all lists; free with arguments_release */
};

/* Read argv[1..] into `values`. "--" ends the options; "-" alone is an argument. INVALID_INPUT for
 * an unknown option (with a suggestion), a missing value, or fewer or more arguments than asked
 * (`most` < 0: any number). Ends with arguments_release in any case. */
enum status options_parse(const struct option *options, int argc, char **argv, int least, int most,
                          void *values, struct arguments *arguments, struct error *err) must_check;
void arguments_release(struct arguments *arguments);
