// SPDX-License-Identifier: Apache-2.0
#include "ops/attribute.h"

const struct attribute *attribute_find(const struct attributes *attributes, const char *name)
{
    for (size_t i = 0; attributes && i < attributes->count; i++)
        if (!strcmp(attributes->items[i].name, name))
            return &attributes->items[i];
    return NULL;
}

static const struct attribute *find_kind(const struct attributes *attributes, const char *name,
                                         enum attribute_kind kind)
{
    const struct attribute *attribute = attribute_find(attributes, name);

    return attribute && attribute->kind == kind ? attribute : NULL;
}

int64_t attribute_int(const struct attributes *attributes, const char *name, int64_t otherwise)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_INT);

    return attribute ? attribute->i : otherwise;
}

double attribute_float(const struct attributes *attributes, const char *name, double otherwise)
{
    const struct attribute *attribute = attribute_find(attributes, name);

    if (attribute && attribute->kind == ATTRIBUTE_INT)
        return (double)attribute->i;
    return attribute && attribute->kind == ATTRIBUTE_FLOAT ? attribute->f : otherwise;
}

struct bytes attribute_string(const struct attributes *attributes, const char *name,
                              const char *otherwise)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_STRING);

    return attribute ? attribute->s : otherwise ? bytes_of(otherwise) : (struct bytes){0};
}

bool attribute_is(const struct attributes *attributes, const char *name, const char *value)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_STRING);

    return attribute && bytes_is(attribute->s, value);
}

const int64_t *attribute_ints(const struct attributes *attributes, const char *name, size_t *count)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_INTS);

    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->ints : NULL;
}

const double *attribute_floats(const struct attributes *attributes, const char *name, size_t *count)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_FLOATS);

    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->floats : NULL;
}

const struct bytes *attribute_strings(const struct attributes *attributes, const char *name,
                                      size_t *count)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_STRINGS);

    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->strings : NULL;
}

const struct tensor *attribute_tensor(const struct attributes *attributes, const char *name)
{
    const struct attribute *attribute = find_kind(attributes, name, ATTRIBUTE_TENSOR);

    return attribute ? attribute->t : NULL;
}

struct attribute attribute_of_int(const char *name, int64_t value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_INT, .count = 1, .i = value};
}

struct attribute attribute_of_text(const char *name, const char *value)
{
    return (struct attribute){
        .name = name, .kind = ATTRIBUTE_STRING, .count = 1, .s = bytes_of(value)};
}

struct attribute attribute_of_ints(const char *name, const int64_t *values, size_t count)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_INTS, .count = count, .ints = values};
}

struct attribute attribute_of_tensor(const char *name, const struct tensor *value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_TENSOR, .count = 1, .t = value};
}

struct attribute attribute_of_float(const char *name, double value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_FLOAT, .count = 1, .f = value};
}
