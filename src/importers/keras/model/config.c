// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/text.h"
#include "importers/keras/internal.h"

bool is_word_of(struct bytes name, const char *words)
{
    while (*words) {
        size_t size = strcspn(words, " ");

        if (name.size == size && !memcmp(name.data, words, size))
            return true;
        words += size + (words[size] == ' ');
    }
    return false;
}

const struct json *config_get(const struct call *c, const char *key, const char *alias)
{
    const struct json *value = json_get(c->config, key);

    if (!value && alias)
        value = json_get(c->config, alias);
    seen_key(c, value);
    return value;
}

static enum status wrong(const char *key, const struct json *value, const char *wanted,
                         struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "its '%s' is %s, not %s", key,
                     value ? json_kind_name(value->kind) : "absent", wanted);
}

enum status config_int(const struct call *c, const char *key, const char *alias, int64_t *value,
                       struct error *err)
{
    const struct json *found = config_get(c, key, alias);

    return json_i64(found, value) ? STATUS_OK : wrong(key, found, "an integer", err);
}

int64_t config_int_or(const struct call *c, const char *key, int64_t otherwise)
{
    const struct json *found = config_get(c, key, NULL);
    int64_t value;

    if (json_i64(found, &value))
        return value;
    seen_misread(c, key, found);
    return otherwise;
}

/* A number may be an array of NumPy: {class_name, config: {value}}, or {type, value}. */
static const struct json *number_within(const struct json *found)
{
    const struct json *inner = json_get(json_get(found, "config"), "value");

    inner = inner ? inner : json_get(found, "value");
    return inner ? inner : found;
}

double config_number_or(const struct call *c, const char *key, double otherwise)
{
    const struct json *found = config_get(c, key, NULL);
    double value;

    if (json_f64(number_within(found), &value))
        return value;
    seen_misread(c, key, found);
    return otherwise;
}

/* Keras 1 may have 0 and 1. */
bool config_bool_or(const struct call *c, const char *key, const char *alias, bool otherwise)
{
    const struct json *found = config_get(c, key, alias);
    int64_t number;
    bool value;

    if (json_bool(found, &value))
        return value;
    if (json_i64(found, &number) && (number == 0 || number == 1))
        return number;
    seen_misread(c, key, found);
    return otherwise;
}

struct bytes config_text_or(const struct call *c, const char *key, const char *alias,
                            const char *otherwise)
{
    const struct json *found = config_get(c, key, alias);
    struct bytes value;

    if (json_string(found, &value))
        return value;
    seen_misread(c, key, found);
    return bytes_of(otherwise);
}

enum status config_ints(const struct call *c, const char *key, size_t rank, int64_t otherwise,
                        int64_t *values, struct error *err)
{
    const struct json *found = config_get(c, key, NULL);
    int64_t one = otherwise;

    if (found && found->kind == JSON_ARRAY) {
        if (found->count != rank)
            return error_set(err, STATUS_INVALID_INPUT, "its '%s' has %zu items, not %zu", key,
                             found->count, rank);
        for (size_t i = 0; i < rank; i++)
            if (!json_i64(&found->items[i], &values[i]))
                return wrong(key, &found->items[i], "integers", err);
        return STATUS_OK;
    }
    if (found && found->kind != JSON_NULL && !json_i64(found, &one))
        return wrong(key, found, "an integer or a list of them", err);
    for (size_t i = 0; i < rank; i++)
        values[i] = one;
    return STATUS_OK;
}

enum status config_expect(const struct call *c, const char *key, const char *alias, int64_t size,
                          struct error *err)
{
    int64_t stated;

    if (!json_i64(config_get(c, key, alias), &stated) || stated == size)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "its '%s' is %lld, its weights have %lld", key,
                     (long long)stated, (long long)size);
}

enum status config_refuse(const struct call *c, const char *key, struct error *err)
{
    const struct json *found = config_get(c, key, NULL);
    double number;
    bool flag;

    if (!found || found->kind == JSON_NULL || (json_bool(found, &flag) && !flag) ||
        (json_f64(found, &number) && number == 0))
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED, "its '%s' is not supported", key);
}

bool config_channels_first(const struct call *c, int spatial)
{
    struct bytes format = config_text_or(c, "data_format", "dim_ordering", "");

    if (bytes_is(format, "channels_first") || bytes_is(format, "th"))
        return true;
    if (bytes_is(format, "channels_last") || bytes_is(format, "tf"))
        return false;
    if (format.size && !bytes_is(format, "default"))
        seen_misread(c, "data_format", config_get(c, "data_format", "dim_ordering"));
    if (c->k->generation > 1 || spatial < 2)
        return false;
    return c->k->order == ORDER_UNKNOWN ? c->k->theano : c->k->order == ORDER_TH;
}

static int key_compare(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;

    size_t size = x->key.size < y->key.size ? x->key.size : y->key.size;
    int order = size ? memcmp(x->key.data, y->key.data, size) : 0;

    return order ? order : (x->key.size > y->key.size) - (x->key.size < y->key.size);
}

const struct json **json_sorted(const struct json *list, struct arena *arena)
{
    const struct json **sorted = arena_new(arena, const struct json *, list->count);

    for (size_t i = 0; sorted && i < list->count; i++)
        sorted[i] = &list->items[i];
    if (sorted && list->kind == JSON_OBJECT)
        qsort(sorted, list->count, sizeof *sorted, key_compare);
    return sorted;
}
