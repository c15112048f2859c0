// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

enum { NAMES_MAX = 64 };

struct parsing {
    const struct option *options;
    int argc, at;
    char **argv;
    char *values; /* the command's struct */
    struct arguments *arguments;
    const char **lists; /* what is left of the memory for lists */
    struct error *err;
};

static enum status unknown(const struct parsing *p, const char *name)
{
    const char *names[NAMES_MAX], *near;
    char quoted[TEXT_QUOTE_SIZE];
    size_t count = 0;
    enum status status;

    for (const struct option *o = p->options; o && o->name && count < NAMES_MAX; o++)
        names[count++] = o->name;
    near = text_suggest(name, names, count);
    status = error_set(p->err, STATUS_INVALID_INPUT, "\"%s\" has no option --%s", p->argv[0],
                       text_quote(bytes_of(name), quoted, sizeof quoted));
    if (near)
        error_fix(p->err, "did you mean --%s?", near);
    else
        error_fix(p->err, "`firn help %s` lists its options", p->argv[0]);
    return status;
}

static enum status bad_value(const struct parsing *p, const struct option *option,
                             const char *value, const char *wanted)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(p->err, STATUS_INVALID_INPUT, "--%s wants %s, not \"%s\"", option->name,
                     wanted, text_quote(bytes_of(value), quoted, sizeof quoted));
}

static enum status list_add(struct parsing *p, struct option_list *list, const char *value)
{
    /* each list gets room for all arguments when its first item comes */
    if (!list->items) {
        list->items = p->lists;
        p->lists += p->argc;
    }
    list->items[list->count++] = value;
    return STATUS_OK;
}

static enum status store(struct parsing *p, const struct option *option, const char *value)
{
    void *to = p->values + option->offset;
    struct bytes text = bytes_of(value);

    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)to = true;
        return STATUS_OK;
    case OPTION_TEXT:
        *(const char **)to = value;
        return STATUS_OK;
    case OPTION_NUMBER:
        if (!number_i64_from_text(text, to) || *(int64_t *)to < 0)
            return bad_value(p, option, value, "a whole number");
        return STATUS_OK;
    case OPTION_REAL:
        if (!number_from_text(text, to) || !(*(double *)to >= 0 && *(double *)to < 1e15))
            return bad_value(p, option, value, "a number");
        return STATUS_OK;
    case OPTION_SWITCH:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
            return bad_value(p, option, value, "on or off");
        *(bool *)to = !strcmp(value, "on");
        return STATUS_OK;
    case OPTION_LIST:
        return list_add(p, to, value);
    }
    return STATUS_OK;
}

static enum status with_value(struct parsing *p, const struct option *option)
{
    const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;

    if (option->kind == OPTION_FLAG)
        return store(p, option, "");
    if (option->kind == OPTION_SWITCH && (!next || (strcmp(next, "on") && strcmp(next, "off"))))
        return store(p, option, "on");
    if (!next)
        return error_set(p->err, STATUS_INVALID_INPUT, "%s wants a value: %s %s", p->argv[p->at],
                         p->argv[p->at], option->value);
    p->at++;
    return store(p, option, p->argv[p->at]);
}

/* "-f value" */
static enum status one_letter(struct parsing *p)
{
    const char *word = p->argv[p->at] + 1;

    for (const struct option *o = p->options; o && o->name; o++)
        if (o->letter && o->letter == word[0] && !word[1])
            return with_value(p, o);
    return unknown(p, word);
}

/* "--name", "--name=value" or "--name value" at argv[at]. */
static enum status one_option(struct parsing *p)
{
    char name[64];
    const char *word = p->argv[p->at] + 2, *equals = strchr(word, '=');
    size_t size = equals ? (size_t)(equals - word) : strlen(word);
    const struct option *option = p->options;

    if (p->argv[p->at][1] != '-')
        return one_letter(p);
    if (size >= sizeof name)
        return unknown(p, word);
    memcpy(name, word, size);
    name[size] = 0;
    while (option && option->name && strcmp(option->name, name) != 0)
        option++;
    if (!option || !option->name)
        return unknown(p, name);
    if (equals && option->kind == OPTION_FLAG)
        return bad_value(p, option, equals + 1, "no value");
    return equals ? store(p, option, equals + 1) : with_value(p, option);
}

static enum status check_count(const struct parsing *p, int least, int most)
{
    int count = (int)p->arguments->count;
    enum status status;

    if (count >= least && (most < 0 || count <= most))
        return STATUS_OK;
    if (count < least)
        status = error_set(p->err, STATUS_INVALID_INPUT, "\"%s\" wants %d argument%s, not %d",
                           p->argv[0], least, least == 1 ? "" : "s", count);
    else
        status = error_set(p->err, STATUS_INVALID_INPUT, "\"%s\" wants no \"%s\"", p->argv[0],
                           p->arguments->items[most]);
    error_fix(p->err, "`firn help %s` shows how it is used", p->argv[0]);
    return status;
}

enum status options_parse(const struct option *options, int argc, char **argv, int least, int most,
                          void *values, struct arguments *arguments, struct error *err)
{
    struct parsing p = {options, argc, 1, argv, values, arguments, NULL, err};
    bool only_arguments = false;
    size_t lists = 1;

    for (const struct option *o = options; o && o->name; o++)
        lists += o->kind == OPTION_LIST;
    *arguments = (struct arguments){.memory = calloc(lists * (size_t)argc + 1, sizeof(char *))};
    if (!arguments->memory)
        return error_no_memory(err, "arguments");
    arguments->items = arguments->memory;
    p.lists = arguments->items + argc;
    for (; p.at < argc; p.at++) {
        const char *word = argv[p.at];
        if (!only_arguments && !strcmp(word, "--"))
            only_arguments = true;
        else if (!only_arguments && word[0] == '-' && word[1])
            TRY(one_option(&p));
        else
            arguments->items[arguments->count++] = word;
    }
    return check_count(&p, least, most);
}

void arguments_release(struct arguments *arguments)
{
    free(arguments->memory);
    *arguments = (struct arguments){0};
}
