// SPDX-License-Identifier: Apache-2.0
/* Commands of the program: one file each in cli/commands/, registered by file name
 * (`const struct command command_inspect`). */
#pragma once

struct option;

struct command {
    const char *name;             /* "inspect" */
    const char *usage;            /* "inspect [--json] [--graph] PATH" */
    const char *summary;          /* one line */
    const char *help;             /* what else there is to say, and examples; or NULL */
    const char *group;            /* "models", "server", "store", "other": where help lists it */
    const struct option *options; /* cli/options.h; ends with a row without a name; or NULL */
    int (*run)(int argc,
               char **argv); /* argv[0] is the command; returns an exit code of status.def */
};
