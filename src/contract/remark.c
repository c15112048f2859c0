// SPDX-License-Identifier: Apache-2.0
/* What reading a manifest has to say, and the values that its maps hold. */
#include <stdarg.h>
#include <stdio.h>

#include "contract/kinds/internal.h"

enum { REMARKS_MAX = 1000, PAIRS_MAX = 10000, REMARK_SIZE = 400 };

void *room(struct reading *r, size_t count, size_t size)
{
    void *memory = arena_alloc(r->keep, count, size);

    r->no_memory = r->no_memory || !memory;
    return memory;
}

__attribute__((format(printf, 5, 0))) static void add(struct reading *r, enum remark_kind kind,
                                                      size_t line, const char *fix,
                                                      const char *format, va_list args)
{
    struct manifests *m = r->manifests;
    size_t at = m->remark_count;
    char text[REMARK_SIZE];
    const char *kept;

    m->error_count += kind == REMARK_ERROR;
    if (at == REMARKS_MAX)
        return;
    vsnprintf(text, sizeof text, format, args);
    kept = arena_printf(r->keep, "%s", text);
    if (!kept || !ARENA_GROW(r->keep, m->remarks, m->remark_count, r->remark_capacity)) {
        r->no_memory = true;
        return;
    }
    for (; at && m->remarks[at - 1].line > line; at--)
        m->remarks[at] = m->remarks[at - 1];
    m->remarks[at] = (struct remark){kind, line, kept, fix};
    m->remark_count++;
}

void fault(struct reading *r, size_t line, const char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, REMARK_ERROR, line, fix, format, args);
    va_end(args);
}

void note(struct reading *r, size_t line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, REMARK_NOTE, line, NULL, format, args);
    va_end(args);
}

const char *did_you_mean(struct reading *r, const char *name, const char *const *known,
                         size_t count)
{
    const char *near = text_suggest(name, known, count), *fix;

    if (!near)
        return NULL;
    fix = arena_printf(r->keep, "did you mean \"%s\"?", near);
    r->no_memory = r->no_memory || !fix;
    return fix;
}

/* --- maps --- */

static void unknown_key(struct reading *r, const struct yaml *item, const char *where,
                        const struct key *keys, size_t count)
{
    const char **names = ROOM(r, const char *, count);
    char quoted[TEXT_QUOTE_SIZE], list[200];
    struct text_names known = text_names(list, sizeof list);

    if (!names)
        return;
    for (size_t k = 0; k < count; k++) {
        names[k] = keys[k].name;
        text_names_add(&known, names[k]);
    }
    fault(r, item->key_line, did_you_mean(r, item->key, names, count),
          "unknown key \"%s\" in %s; known are %s",
          text_quote(bytes_of(item->key), quoted, sizeof quoted), where, text_names_end(&known));
}

bool keys_read(struct reading *r, const struct yaml *map, const char *where, const struct key *keys,
               size_t count, void *into)
{
    if (map->kind != YAML_MAP) {
        fault(r, map->line, NULL, "%s must be a map of settings, not %s", where,
              yaml_kind_name(map->kind));
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml *item = &map->items[i];
        size_t k = 0;

        while (k < count && strcmp(keys[k].name, item->key))
            k++;
        if (k == count)
            unknown_key(r, item, where, keys, count);
        else if (keys[k].read && item->kind != YAML_NULL)
            keys[k].read(r, item, into);
    }
    return true;
}

bool key_required(struct reading *r, const struct yaml *map, const char *where, const char *key)
{
    const struct yaml *value = yaml_get(map, key);

    if (value && value->kind != YAML_NULL)
        return true;
    fault(r, map->line, NULL, "%s needs the key \"%s\"", where, key);
    return false;
}

/* --- values --- */

bool is_scalar(const struct yaml *value)
{
    return value->kind != YAML_NULL && value->kind != YAML_LIST && value->kind != YAML_MAP;
}

static const char *name_of(const struct yaml *value)
{
    return value->key ? value->key : "an item";
}

void text_read(struct reading *r, const struct yaml *value, const char **into)
{
    if (is_scalar(value))
        *into = value->text;
    else
        fault(r, value->line, NULL, "\"%s\" must be a text, not %s", name_of(value),
              yaml_kind_name(value->kind));
}

void number_read(struct reading *r, const struct yaml *value, double *into)
{
    if (value->kind == YAML_INT)
        *into = (double)value->integer;
    else if (value->kind == YAML_FLOAT)
        *into = value->number;
    else
        fault(r, value->line, NULL, "\"%s\" must be a number, not %s", name_of(value),
              yaml_kind_name(value->kind));
}

void integer_read(struct reading *r, const struct yaml *value, int64_t least, int64_t most,
                  int64_t *into)
{
    if (value->kind == YAML_INT && value->integer >= least && value->integer <= most)
        *into = value->integer;
    else
        fault(r, value->line, NULL, "\"%s\" must be a whole number from %lld to %lld",
              name_of(value), (long long)least, (long long)most);
}

const struct yaml *list_read(struct reading *r, const struct yaml *value, size_t most,
                             size_t *count)
{
    *count = 0;
    if (value->kind != YAML_LIST) {
        fault(r, value->line, NULL, "\"%s\" must be a list, not %s", name_of(value),
              yaml_kind_name(value->kind));
        return NULL;
    }
    if (value->count > most) {
        fault(r, value->line, NULL, "\"%s\" has more than %zu items", name_of(value), most);
        return NULL;
    }
    *count = value->count;
    return value->items;
}

void pairs_read(struct reading *r, const struct yaml *value, struct manifest_pair **pairs,
                size_t *count)
{
    *count = 0;
    if (value->kind != YAML_MAP || value->count > PAIRS_MAX) {
        fault(r, value->line, NULL, "\"%s\" must map names to values, not %s", name_of(value),
              yaml_kind_name(value->kind));
        return;
    }
    *pairs = ROOM(r, struct manifest_pair, value->count);
    for (size_t i = 0; *pairs && i < value->count; i++) {
        const struct yaml *item = &value->items[i];

        if (item->kind == YAML_LIST || item->kind == YAML_MAP)
            fault(r, item->line, NULL, "\"%s\" must be a single value, not %s", item->key,
                  yaml_kind_name(item->kind));
        else
            (*pairs)[(*count)++] = (struct manifest_pair){item->key, item->text};
    }
}

/* --- kinds that are not used --- */

void unused_name_read(struct reading *r, const struct yaml *value, void *document)
{
    text_read(r, value, &((struct manifest_document *)document)->name);
}

void unused_read(struct reading *r, const struct yaml *root, const struct key *keys, size_t count,
                 const char *required, const char *why, struct manifest_document *document)
{
    char name[64];

    keys_read(r, root, document->kind, keys, count, document);
    while (*required) {
        size_t size = strcspn(required, ",");

        snprintf(name, sizeof name, "%.*s", (int)size, required);
        key_required(r, root, document->kind, name);
        required += size + (required[size] == ',');
    }
    note(r, root->line, "%s is not used: %s", document->kind, why);
}
