// SPDX-License-Identifier: Apache-2.0
/* firn COMMAND ...: each command is a file in cli/commands/. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/command.h"
#include "cli/output.h"
#include "gen/commands.h"

static const struct command *find(const char *name)
{
    for (size_t i = 0; COMMANDS[i]; i++)
        if (!strcmp(COMMANDS[i]->name, name))
            return COMMANDS[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[ARRAY_COUNT(COMMANDS)] = {NULL}, *near;
    char quoted[TEXT_QUOTE_SIZE];
    struct error err = {0};
    size_t count = 0;

    for (; COMMANDS[count]; count++)
        names[count] = COMMANDS[count]->name;
    near = text_suggest(name, names, count);
    text_quote(bytes_of(name), quoted, sizeof quoted);
    if (error_set(&err, STATUS_INVALID_INPUT, "there is no command \"%s\"", quoted) && near)
        error_fix(&err, "did you mean `firn %s`?", near);
    else
        error_fix(&err, "`firn help` lists the commands");
    return output_error(&err, "run \"%s\"", quoted);
}

int main(int argc, char **argv)
{
    static char help_name[] = "help";
    char *help[] = {help_name, NULL, NULL};
    const struct command *command;

    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return find("help")->run(1, help);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
        puts("firn " FIRN_VERSION);
        return 0;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return find("help")->run(1, help);
    command = find(argv[1]);
    if (!command)
        return unknown(argv[1]);
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            help[1] = argv[1];
            return find("help")->run(2, help);
        }
    return command->run(argc - 1, argv + 1);
}
