// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/topics.h"
#include "gen/commands.h"

static const char *const GROUPS[] = {"models", "store", "server", "other"};

static void list_commands(struct text *text)
{
    text_append(text, "firn serves machine-learning models as their frameworks saved them.\n\n"
                      "usage: firn COMMAND ...\n");
    for (size_t g = 0; g < ARRAY_COUNT(GROUPS); g++) {
        size_t shown = 0;
        for (size_t i = 0; COMMANDS[i]; i++) {
            if (strcmp(COMMANDS[i]->group, GROUPS[g]) != 0)
                continue;
            if (!shown++)
                text_printf(text, "\n%s\n", GROUPS[g]);
            text_printf(text, "  %-10s  %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
        }
    }
    text_append(text, "\n`firn help COMMAND` tells more; topics:");
    for (const struct topic *topic = TOPICS; topic->name; topic++)
        text_printf(text, " %s", topic->name);
    text_append(text, "\n");
}

static void print_command(const struct command *command, struct text *text)
{
    text_printf(text, "usage: firn %s\n\n%s\n", command->usage, command->summary);
    if (command->options && command->options->name)
        text_append(text, "\n");
    for (const struct option *o = command->options; o && o->name; o++) {
        char head[64];
        snprintf(head, sizeof head, "--%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        text_printf(text, "  %-22s  %s\n", head, o->help);
    }
    if (command->help)
        text_printf(text, "\n%s", command->help);
}

static int help(const char *name)
{
    const char *names[ARRAY_COUNT(COMMANDS) + TOPICS_MAX] = {NULL}, *near;
    struct text text = {0};
    struct error err = {0};
    size_t count = 0;

    for (size_t i = 0; COMMANDS[i]; i++) {
        if (!strcmp(COMMANDS[i]->name, name)) {
            print_command(COMMANDS[i], &text);
            return output_text(&text);
        }
        names[count++] = COMMANDS[i]->name;
    }
    for (const struct topic *topic = TOPICS; topic->name; topic++) {
        if (!strcmp(topic->name, name)) {
            topic->print(&text);
            return output_text(&text);
        }
        names[count++] = topic->name;
    }
    near = text_suggest(name, names, count);
    if (error_set(&err, STATUS_NOT_FOUND, "there is no command or topic \"%s\"", name) && near)
        error_fix(&err, "did you mean `firn help %s`?", near);
    else
        error_fix(&err, "`firn help` lists the commands and topics");
    return output_error(&err, "help with \"%s\"", name);
}

static int run(int argc, char **argv)
{
    struct text text = {0};

    if (argc > 1)
        return help(argv[1]);
    list_commands(&text);
    return output_text(&text);
}

const struct command command_help = {
    .name = "help",
    .usage = "help [COMMAND | TOPIC]",
    .summary = "list the commands, or tell about one of them",
    .group = "other",
    .run = run,
};
