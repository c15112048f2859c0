// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "gen/commands.h"

static void words(struct text *text, const struct command *command)
{
    for (const struct option *o = command->options; o && o->name; o++)
        text_printf(text, "%s--%s", o == command->options ? "" : " ", o->name);
}

static void bash(struct text *text)
{
    text_append(text, "_firn() {\n"
                      "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
                      "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                      "        words=\"");
    for (size_t i = 0; COMMANDS[i]; i++)
        text_printf(text, "%s%s", i ? " " : "", COMMANDS[i]->name);
    text_append(text, "\"\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; COMMANDS[i]; i++) {
        if (!COMMANDS[i]->options)
            continue;
        text_printf(text, "        %s) words=\"", COMMANDS[i]->name);
        words(text, COMMANDS[i]);
        text_append(text, "\" ;;\n");
    }
    text_append(text, "        esac\n    fi\n"
                      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                      "}\ncomplete -o default -F _firn firn\n");
}

static void fish(struct text *text)
{
    for (size_t i = 0; COMMANDS[i]; i++) {
        text_printf(text, "complete -c firn -n __fish_use_subcommand -a %s -d '%s'\n",
                    COMMANDS[i]->name, COMMANDS[i]->summary);
        for (const struct option *o = COMMANDS[i]->options; o && o->name; o++)
            text_printf(text, "complete -c firn -n '__fish_seen_subcommand_from %s' -l %s%s\n",
                        COMMANDS[i]->name, o->name, o->value ? " -r" : "");
    }
}

static int run(int argc, char **argv)
{
    struct text text = {0};
    struct error err = {0};
    const char *shell = argc > 1 ? argv[1] : "bash";

    if (!strcmp(shell, "bash"))
        bash(&text);
    else if (!strcmp(shell, "zsh"))
        text_append(&text, "autoload -U +X bashcompinit && bashcompinit\n"), bash(&text);
    else if (!strcmp(shell, "fish"))
        fish(&text);
    else if (error_set(&err, STATUS_INVALID_INPUT, "\"%.40s\" is not bash, zsh or fish", shell))
        return output_error(&err, "make a completion");
    return output_text(&text);
}

const struct command command_completion = {
    .name = "completion",
    .usage = "completion [bash | zsh | fish]",
    .summary = "print what makes the shell complete commands and options",
    .help = "  firn completion bash > ~/.local/share/bash-completion/completions/firn\n"
            "  firn completion fish > ~/.config/fish/completions/firn.fish\n",
    .group = "other",
    .run = run,
};
