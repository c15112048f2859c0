// SPDX-License-Identifier: Apache-2.0
/* Fields of a contract, whatever they came in. */
#include "contract/hydrosphere/internal.h"

#include <stdio.h>

#include "base/map.h"
#include "base/text.h"

enum status place_invalid(const struct place *place, const struct field *field, const char *what,
                          struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_INVALID_INPUT, "%s: %s \"%s\" %s", place->where, place->direction,
                     text_quote(bytes_of(field->name), name, sizeof name), what);
}

enum status place_dim(const struct place *place, struct field *field, int64_t size,
                      struct error *err)
{
    char what[96];

    if (field->shape.rank == RANK_MAX)
        return place_invalid(place, field, "has more dimensions than a tensor can have", err);
    if (size != DIM_UNKNOWN && size < 1) {
        snprintf(what, sizeof what, "has a dimension of %lld: it is -1 (free) or positive",
                 (long long)size);
        return place_invalid(place, field, what, err);
    }
    field->shape.dims[field->shape.rank++] = size;
    return STATUS_OK;
}

enum status place_field(const struct place *place, const char *name, struct field *field,
                        struct error *err)
{
    const struct evidence declared = {EVIDENCE_DECLARED, place->where};

    *field = (struct field){.name = name, .shape = shape_unknown(), .evidence_name = declared};
    if (!name || !*name)
        return error_set(err, STATUS_INVALID_INPUT, "%s: an %s has no name", place->where,
                         place->direction);
    return STATUS_OK;
}

static void field_declared(const struct place *place, struct field *field)
{
    const struct evidence declared = {EVIDENCE_DECLARED, place->where};

    if (field->dtype != DTYPE_NONE)
        field->evidence_dtype = declared;
    if (field->shape.rank != RANK_UNKNOWN)
        field->evidence_shape = declared;
    if (field->profile != PROFILE_NONE) /* which clients say when nobody said anything */
        field->evidence_profile = declared;
}

/* A leaf, or a field outside of maps, is one of the signature's. */
enum status place_add(struct place *place, struct field *field, struct error *err)
{
    struct field_map *maps = NULL;

    field_declared(place, field);
    if (place->depth) {
        maps = arena_new(place->keep, struct field_map, place->depth);
        if (!maps)
            return error_no_memory(err, "a contract");
        memcpy(maps, place->maps, place->depth * sizeof *maps);
    }
    if (field_put_within(field, maps, place->depth, place->keep, err))
        return error_within(err, "%s", place->where);
    if (place->count >= HYDROSPHERE_FIELDS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "%s has more than %d %ss", place->where,
                         HYDROSPHERE_FIELDS_MAX, place->direction);
    if (!ARENA_GROW(place->keep, place->fields, place->count, place->capacity))
        return error_no_memory(err, "a contract");
    place->fields[place->count++] = *field;
    return STATUS_OK;
}

enum status place_map(struct place *place, const struct field *field, struct error *err)
{
    if (field->shape.rank > 1)
        return place_invalid(place, field, "holds other fields: it is one map, or a list of them",
                             err);
    if (place->depth == FIELD_MAPS_MAX)
        return place_invalid(place, field, "lies in too many other fields", err);
    place->maps[place->depth++] =
        (struct field_map){.name = field->name,
                           .is_list = field->shape.rank == 1,
                           .size = field->shape.rank == 1 ? field->shape.dims[0] : 0};
    return STATUS_OK;
}

enum status place_map_end(struct place *place, const struct field *field, size_t before,
                          struct error *err)
{
    place->depth--;
    return place->count > before ? STATUS_OK : place_invalid(place, field, "holds no fields", err);
}

static enum status names_check(const struct place *place, const struct field *fields, size_t count,
                               struct error *err)
{
    struct map names;

    map_init(&names, place->keep);
    for (size_t i = 0; i < count; i++) {
        if (map_find(&names, bytes_of(fields[i].name)))
            return place_invalid(place, &fields[i], "occurs twice", err);
        if (!map_set(&names, bytes_of(fields[i].name), (void *)&fields[i]))
            return error_no_memory(err, "a contract");
    }
    return STATUS_OK;
}

enum status place_take(struct place *place, struct field **fields, size_t *count, struct error *err)
{
    *fields = place->fields;
    *count = place->count;
    place->fields = NULL;
    place->count = place->capacity = 0;
    return names_check(place, *fields, *count, err);
}

/* Hydrosphere asked for both since there is one signature. */
enum status hydrosphere_signature_check(const char *where, const struct signature *signature,
                                        struct error *err)
{
    if (!signature->name || !*signature->name)
        return error_set(err, STATUS_INVALID_INPUT, "%s: a signature has no name", where);
    if (!signature->input_count || !signature->output_count)
        return error_set(err, STATUS_INVALID_INPUT, "%s: signature \"%.64s\" has no %s", where,
                         signature->name, signature->input_count ? "outputs" : "inputs");
    return STATUS_OK;
}
