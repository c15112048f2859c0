// SPDX-License-Identifier: Apache-2.0
/* Values of a request as one JSON object: a key a field, each a value or arrays of arrays, or what
 * a map holds. */
#include <stdio.h>

#include "base/text.h"
#include "contract/maps.h"
#include "formats/json/json_tensor.h"

static enum status unknown_field(const struct signature *signature, struct bytes name,
                                 struct error *err)
{
    const struct map_group all = map_group_of(signature->inputs, signature->input_count);
    char quoted[TEXT_QUOTE_SIZE], list[300];
    struct text_names names = text_names(list, sizeof list);
    struct map_group child;
    size_t at = 0;

    while (map_group_next(&all, &at, &child))
        text_names_add(&names, map_child_name(&all, &child));
    return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no input '%s'; it has %s",
                     signature->name, text_quote(name, quoted, sizeof quoted),
                     text_names_end(&names));
}

/* The rank of the contract: a value for [1], say, may come as a lone one. */
static enum status field_read(struct json_reader *reader, const struct field *field,
                              struct given *given, struct arena *keep, struct error *err)
{
    const struct shape any = shape_unknown();

    given->name = field->name;
    if (json_read_tensor(reader, field_feed(field), &any, &given->tensor, keep, err))
        return error_within(err, "field '%.64s'", field->name);
    if (given->tensor.shape.rank == 0 && field->shape.rank > 0) {
        given->tensor.shape.rank = field->shape.rank;
        for (int d = 0; d < field->shape.rank; d++)
            given->tensor.shape.dims[d] = 1;
    }
    return STATUS_OK;
}

/* --- fields that hold others --- */

static enum status map_read(struct json_reader *reader, struct maps_given *given,
                            const struct map_group *group, struct error *err);

/* One map, or a list of them. */
static enum status maps_read(struct json_reader *reader, struct maps_given *given,
                             const struct map_group *group, struct error *err)
{
    int64_t size = 0;
    bool more;

    if (!map_of(group)->is_list)
        return map_read(reader, given, group, err);
    TRY(json_enter(reader, JSON_ARRAY, err));
    for (;; size++) {
        TRY(json_next(reader, &more, NULL, err));
        if (!more)
            return maps_counted(given, group, size, err);
        TRY(map_read(reader, given, group, err));
    }
}

static enum status map_child_read(struct json_reader *reader, struct maps_given *given,
                                  const struct map_group *group, const struct map_group *child,
                                  struct error *err)
{
    const struct shape any = shape_unknown();
    const struct field *field = &given->all.fields[child->begin];
    struct tensor tensor;

    if (!map_child_is_leaf(group, child))
        return maps_read(reader, given, child, err);
    if (json_read_tensor(reader, field_feed(field), &any, &tensor, given->keep, err))
        return error_within(err, "field '%.64s'", field->name);
    return maps_add(given, child, &tensor, err);
}

static enum status map_read(struct json_reader *reader, struct maps_given *given,
                            const struct map_group *group, struct error *err)
{
    struct map_group child;
    struct bytes key;
    uint64_t number;
    bool more;

    TRY(json_enter(reader, JSON_OBJECT, err));
    TRY(maps_begin(given, &number, err));
    for (;;) {
        TRY(json_next(reader, &more, &key, err));
        if (!more)
            return maps_end(given, group, number, err);
        if (!map_group_find(group, key, &child))
            return maps_unknown(group, key, err);
        if (!maps_see(given, group, &child, number))
            return json_repeated(reader, key, err);
        TRY(map_child_read(reader, given, group, &child, err));
    }
}

/* --- a request --- */

/* A map among the fields; `number` tells whether it comes a second time. */
static enum status map_given(struct json_reader *reader, struct maps_given *maps, struct bytes key,
                             const struct map_group *child, struct error *err)
{
    uint64_t number = 1;

    if (!maps->leaves)
        TRY(maps_begin(maps, &number, err));
    if (!maps_see(maps, &maps->all, child, 1))
        return json_repeated(reader, key, err);
    if (maps_read(reader, maps, child, err))
        return error_within(err, "field '%.64s'", map_of(child)->name);
    return STATUS_OK;
}

static enum status fields_read(struct json_reader *reader, const struct signature *signature,
                               struct given *given, size_t *count, struct arena *keep,
                               struct error *err)
{
    struct maps_given maps = maps_given_of(signature->inputs, signature->input_count, keep);
    struct map_group child;
    struct bytes key;
    bool more;

    for (;;) {
        TRY(json_next(reader, &more, &key, err));
        if (!more)
            return maps_join(&maps, given, count, err);
        if (!map_group_find(&maps.all, key, &child))
            return unknown_field(signature, key, err);
        if (!map_child_is_leaf(&maps.all, &child)) {
            TRY(map_given(reader, &maps, key, &child, err));
            continue;
        }
        for (size_t i = 0; i < *count; i++)
            if (bytes_is(key, given[i].name))
                return json_repeated(reader, key, err);
        TRY(field_read(reader, &signature->inputs[child.begin], &given[*count], keep, err));
        ++*count;
    }
}

enum status contract_given_object(struct json_reader *reader, const struct signature *signature,
                                  const struct given **given, size_t *count, struct arena *keep,
                                  struct error *err)
{
    struct given *made = arena_new(keep, struct given, signature->input_count);

    *count = 0;
    *given = made;
    if (!made)
        return error_no_memory(err, "a request");
    TRY(json_enter(reader, JSON_OBJECT, err));
    return fields_read(reader, signature, made, count, keep, err);
}

enum status contract_given_json(const struct signature *signature, struct bytes json,
                                const struct given **given, size_t *count, struct arena *keep,
                                struct error *err)
{
    struct json_reader reader;

    json_reader_init(&reader, json, 0);
    TRY(contract_given_object(&reader, signature, given, count, keep, err));
    return json_end(&reader, err);
}
