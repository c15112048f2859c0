// SPDX-License-Identifier: Apache-2.0
/* Options of filters, from what a manifest says, by their rows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/text.h"
#include "filters/filter.h"
#include "formats/yaml.h"

enum { NUMBERS_MAX = 64, LIST_MAX = 2000000, CHOICES_SIZE = 200 };

static enum status wants(const struct filter_step *step, const struct filter_option *option,
                         const char *what, const struct yaml *value, struct error *err)
{
    char text[TEXT_QUOTE_SIZE];
    bool scalar = value->kind != YAML_LIST && value->kind != YAML_MAP;

    return filter_error(step, err, "option \"%s\" must be %s, not %s", option->name, what,
                        scalar ? text_quote(bytes_of(value->text), text, sizeof text)
                               : yaml_kind_name(value->kind));
}

/* 3, 0.5 or 1/255. */
static bool is_number(const struct yaml *value, double *number)
{
    const char *slash = value->kind == YAML_TEXT ? strchr(value->text, '/') : NULL;
    double above, below;

    if (value->kind == YAML_INT)
        *number = (double)value->integer;
    else if (value->kind == YAML_FLOAT)
        *number = value->number;
    if (value->kind == YAML_INT || value->kind == YAML_FLOAT)
        return *number - *number == 0;
    if (!slash)
        return false;
    if (!number_from_text(
            (struct bytes){(const uint8_t *)value->text, (size_t)(slash - value->text)}, &above) ||
        !number_from_text(bytes_of(slash + 1), &below) || below == 0)
        return false;
    *number = above / below;
    return *number - *number == 0;
}

static enum status number_check(const struct filter_step *step, const struct filter_option *option,
                                double number, struct error *err)
{
    if ((option->least != 0 || option->most != 0) &&
        !(number >= option->least && number <= option->most))
        return filter_error(step, err, "option \"%s\" must lie between %.12g and %.12g, not %.12g",
                            option->name, option->least, option->most, number);
    return STATUS_OK;
}

static enum status numbers_read(struct filter_step *step, const struct filter_option *option,
                                const struct yaml *value, struct filter_numbers *numbers,
                                struct arena *keep, struct error *err)
{
    const struct yaml *items = value->kind == YAML_LIST ? value->items : value;
    size_t count = value->kind == YAML_LIST ? value->count : 1;

    if (!count || count > NUMBERS_MAX)
        return wants(step, option, "a number or a short list of them", value, err);
    numbers->values = arena_new(keep, double, count);
    numbers->count = count;
    if (!numbers->values)
        return error_no_memory(err, "a filter");
    for (size_t i = 0; i < count; i++) {
        if (!is_number(&items[i], &numbers->values[i]))
            return wants(step, option, "a list of numbers", &items[i], err);
        TRY(number_check(step, option, numbers->values[i], err));
    }
    return STATUS_OK;
}

static enum status choice_read(const struct filter_step *step, const struct filter_option *option,
                               const struct yaml *value, int *choice, struct error *err)
{
    char known[CHOICES_SIZE] = "one of";
    size_t used = strlen(known);

    for (int i = 0; option->choices[i]; i++) {
        if (value->kind != YAML_LIST && value->kind != YAML_MAP &&
            !strcmp(value->text, option->choices[i])) {
            *choice = i;
            return STATUS_OK;
        }
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, " %s", option->choices[i]);
    }
    return wants(step, option, known, value, err);
}

/* --- lists of texts --- */

/* A file of lines; the last one may lack its end. */
static enum status lines_read(struct filter_step *step, const char *name, struct filter_list *list,
                              struct arena *keep, struct error *err)
{
    struct bytes file;
    size_t count = 0;

    TRY(filter_member(step, name, &file, err));
    for (size_t i = 0; i < file.size; i++)
        count += file.data[i] == '\n';
    count += file.size && file.data[file.size - 1] != '\n';
    if (!count || count > LIST_MAX)
        return filter_error(step, err, "file \"%.64s\" has %zu lines", name, count);
    list->items = arena_new(keep, struct bytes, count);
    if (!list->items)
        return error_no_memory(err, "a list of texts");
    for (size_t at = 0; at < file.size;) {
        const uint8_t *end = memchr(file.data + at, '\n', file.size - at);
        size_t size = end ? (size_t)(end - file.data) - at : file.size - at;
        struct bytes line = {file.data + at, size};

        at += size + 1;
        line.size -= line.size && line.data[line.size - 1] == '\r';
        list->items[list->count++] = line;
    }
    return STATUS_OK;
}

static enum status list_read(struct filter_step *step, const struct filter_option *option,
                             const struct yaml *value, struct filter_list *list, struct arena *keep,
                             struct error *err)
{
    if (value->kind == YAML_TEXT)
        return step->chains && step->chains->artifact
                   ? lines_read(step, value->text, list, keep, err)
                   : STATUS_OK;
    if (value->kind != YAML_LIST || !value->count || value->count > LIST_MAX)
        return wants(step, option,
                     "a list of texts, or the name of a file of the model with one "
                     "a line",
                     value, err);
    list->items = arena_new(keep, struct bytes, value->count);
    if (!list->items)
        return error_no_memory(err, "a list of texts");
    for (; list->count < value->count; list->count++) {
        const struct yaml *item = &value->items[list->count];

        if (item->kind == YAML_LIST || item->kind == YAML_MAP)
            return wants(step, option, "a list of texts", item, err);
        list->items[list->count] = bytes_of(item->text);
    }
    return STATUS_OK;
}

/* --- all of them --- */

static enum status option_read(struct filter_step *step, const struct filter_option *option,
                               const struct yaml *value, struct arena *keep, struct error *err)
{
    void *into = (char *)step->options + option->offset;
    bool scalar = value->kind != YAML_LIST && value->kind != YAML_MAP;

    switch (option->kind) {
    case FILTER_BOOL:
        if (value->kind != YAML_BOOL)
            return wants(step, option, "true or false", value, err);
        *(bool *)into = value->boolean;
        return STATUS_OK;
    case FILTER_INTEGER:
        if (value->kind != YAML_INT)
            return wants(step, option, "a whole number", value, err);
        *(int64_t *)into = value->integer;
        return number_check(step, option, (double)value->integer, err);
    case FILTER_NUMBER:
        if (!is_number(value, into))
            return wants(step, option, "a number", value, err);
        return number_check(step, option, *(double *)into, err);
    case FILTER_NUMBERS:
        return numbers_read(step, option, value, into, keep, err);
    case FILTER_CHOICE:
        return choice_read(step, option, value, into, err);
    case FILTER_TEXT:
        if (!scalar)
            return wants(step, option, "a text", value, err);
        *(const char **)into = value->text;
        return STATUS_OK;
    default:
        return list_read(step, option, value, into, keep, err);
    }
}

static const struct filter_option *option_find(const struct filter *filter, const char *name)
{
    const struct filter_option *option = filter->options;

    while (option && option->name && strcmp(option->name, name))
        option++;
    return option && option->name ? option : NULL;
}

static enum status unknown(const struct filter_step *step, const char *name, struct error *err)
{
    const struct filter_option *options = step->filter->options;
    const char *names[64] = {0}, *near;
    struct text known = {.limit = 300};
    char quoted[TEXT_QUOTE_SIZE];
    size_t count = 0;
    enum status status;

    for (; options && options[count].name && count < 64; count++) {
        names[count] = options[count].name;
        text_printf(&known, "%s%s", count ? ", " : "", names[count]);
    }
    near = text_suggest(name, names, count);
    status = filter_error(step, err, "unknown option \"%s\"; known are %s",
                          text_quote(bytes_of(name), quoted, sizeof quoted),
                          count ? known.data : "none");
    if (near)
        error_fix(err, "did you mean \"%s\"?", near);
    text_release(&known);
    return status;
}

enum status filter_options_read(struct filter_step *step, struct arena *keep, struct error *err)
{
    const struct yaml *given = step->written->options;
    const struct filter *filter = step->filter;

    step->options = arena_alloc(keep, 1, filter->options_size ? filter->options_size : 1);
    if (!step->options)
        return error_no_memory(err, "a filter");
    if (filter->defaults)
        filter->defaults(step->options);
    if (!given)
        return STATUS_OK;
    if (given->kind != YAML_MAP) {
        if (!filter->lone)
            return filter_error(step, err, "options are written as `{name: value}`");
        return option_read(step, option_find(filter, filter->lone), given, keep, err);
    }
    for (size_t i = 0; i < given->count; i++) {
        const struct yaml *item = &given->items[i];
        const struct filter_option *option = option_find(filter, item->key);

        if (!option)
            return unknown(step, item->key, err);
        if (item->kind != YAML_NULL)
            TRY(option_read(step, option, item, keep, err));
    }
    return STATUS_OK;
}
