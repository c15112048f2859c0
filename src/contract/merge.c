// SPDX-License-Identifier: Apache-2.0
/* What the user declared, put over what the file says. */
#include <stdio.h>

#include "base/text.h"
#include "contract/manifest.h"
#include "contract/maps.h"

struct place {
    const char *signature, *direction;
    const struct field *field;
    struct error *err;
};

/* `what` of a field is declared one way and known another way: show both. */
static enum status conflict(const struct place *place, const char *what,
                            const struct evidence *declared_at, const char *declared,
                            const struct evidence *known_from, const char *known)
{
    char signature[TEXT_QUOTE_SIZE], field[TEXT_QUOTE_SIZE], source[TEXT_QUOTE_SIZE];
    char evidence[2 * TEXT_QUOTE_SIZE];
    enum status status;

    evidence_print(known_from, evidence, sizeof evidence);
    status =
        error_set(place->err, STATUS_CONFLICT,
                  "%s of %s \"%s\" of \"%s\" is declared as %s (%s), but is %s (%s)", what,
                  place->direction, text_quote(bytes_of(place->field->name), field, sizeof field),
                  text_quote(bytes_of(place->signature), signature, sizeof signature), declared,
                  declared_at->source ? declared_at->source : "declared", known,
                  text_quote(bytes_of(evidence), source, sizeof source));
    error_fix(place->err, "declare %s, or leave the %s out of the manifest", known, what);
    return status;
}

static bool is_number(enum dtype dtype)
{
    enum dtype_kind kind = dtype_kind(dtype);

    return kind == KIND_INT || kind == KIND_UINT || kind == KIND_FLOAT;
}

static enum status merge_dtype(const struct place *place, struct field *to,
                               const struct field *declared)
{
    if (declared->dtype == DTYPE_NONE)
        return STATUS_OK;
    if (to->dtype == declared->dtype) {
        if (to->evidence_dtype.kind != EVIDENCE_STORED)
            to->evidence_dtype = declared->evidence_dtype;
        return STATUS_OK;
    }
    /* A derived number type may be declared as another one, which is then converted. */
    if (to->dtype != DTYPE_NONE && (to->evidence_dtype.kind == EVIDENCE_STORED ||
                                    !is_number(to->dtype) || !is_number(declared->dtype)))
        return conflict(place, "type", &declared->evidence_dtype, dtype_name(declared->dtype),
                        &to->evidence_dtype, dtype_name(to->dtype));
    to->dtype = declared->dtype;
    to->evidence_dtype = declared->evidence_dtype;
    return STATUS_OK;
}

/* Do both name the same sizes where both name one? `-1` against a stored size is not the same. */
static bool shapes_agree(const struct shape *known, bool is_stored, const struct shape *declared)
{
    int rank = known->rank < declared->rank ? known->rank : declared->rank;

    /* [n] and [n,1] hold the same elements */
    if (known->rank + declared->rank == 3 && rank == 1) {
        const struct shape *longer = known->rank == 2 ? known : declared;
        if (longer->dims[1] != 1)
            return false;
    } else if (known->rank != declared->rank) {
        return false;
    }
    for (int i = 0; i < rank; i++)
        if (known->dims[i] >= 0 && known->dims[i] != declared->dims[i] &&
            (is_stored || declared->dims[i] >= 0))
            return false;
    return true;
}

static enum status merge_shape(const struct place *place, struct field *to,
                               const struct field *declared, struct arena *keep)
{
    char want[SHAPE_PRINT_SIZE], have[SHAPE_PRINT_SIZE];
    bool is_stored = to->evidence_shape.kind == EVIDENCE_STORED;
    const char **dim_names;

    if (declared->shape.rank < 0)
        return STATUS_OK;
    if (to->shape.rank < 0) {
        to->shape = declared->shape;
        to->evidence_shape = declared->evidence_shape;
        return STATUS_OK;
    }
    if (!shapes_agree(&to->shape, is_stored, &declared->shape))
        return conflict(place, "shape", &declared->evidence_shape,
                        shape_print(&declared->shape, want, sizeof want), &to->evidence_shape,
                        shape_print(&to->shape, have, sizeof have));
    if (is_stored && shape_equal(&to->shape, &declared->shape))
        return STATUS_OK;
    dim_names = arena_new(keep, const char *, RANK_MAX);
    if (!dim_names)
        return error_no_memory(place->err, "a contract");
    for (int i = 0; i < declared->shape.rank; i++) {
        bool known = i < to->shape.rank;
        if (known && to->dim_names)
            dim_names[i] = to->dim_names[i];
        if (!known || declared->shape.dims[i] >= 0)
            to->shape.dims[i] = declared->shape.dims[i];
    }
    to->shape.rank = declared->shape.rank;
    to->dim_names = to->dim_names ? dim_names : NULL;
    to->evidence_shape = declared->evidence_shape;
    return STATUS_OK;
}

static enum status merge_field(const struct place *place, struct field *to,
                               const struct field *declared, struct arena *keep)
{
    TRY(merge_dtype(place, to, declared));
    TRY(merge_shape(place, to, declared, keep));
    if (declared->evidence_profile.kind != EVIDENCE_DECLARED)
        return STATUS_OK;
    if (to->evidence_profile.kind == EVIDENCE_STORED && to->profile != declared->profile)
        return conflict(place, "profile", &declared->evidence_profile,
                        profile_name(declared->profile), &to->evidence_profile,
                        profile_name(to->profile));
    to->profile = declared->profile;
    to->evidence_profile = declared->evidence_profile;
    return STATUS_OK;
}

static struct field *find_field(struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(fields[i].name, name))
            return &fields[i];
    return NULL;
}

static enum status no_field(const struct place *place, const struct field *declared,
                            const struct field *fields, size_t count)
{
    char signature[TEXT_QUOTE_SIZE], name[TEXT_QUOTE_SIZE], list[240];
    struct text_names names = text_names(list, sizeof list);
    enum status status;

    for (size_t i = 0; i < count; i++)
        text_names_add(&names, fields[i].name);
    status = error_set(place->err, STATUS_CONFLICT,
                       "%s \"%s\" of \"%s\" is declared (%s), but the file has %s",
                       place->direction, text_quote(bytes_of(declared->name), name, sizeof name),
                       text_quote(bytes_of(place->signature), signature, sizeof signature),
                       declared->evidence_name.source ? declared->evidence_name.source : "",
                       text_names_end(&names));
    error_fix(place->err, "use the names of the file; `firn inspect` lists them");
    return status;
}

/* What nobody says of a declared field. */
static void complete(struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].evidence_profile.kind == EVIDENCE_UNKNOWN &&
            fields[i].profile == PROFILE_NONE)
            fields[i].profile = profile_default(fields[i].dtype);
}

static enum status merge_fields(struct place *place, struct field **fields, size_t *count,
                                const struct field *declared, size_t declared_count,
                                struct arena *keep)
{
    if (!*count && declared_count) {
        *fields = arena_new(keep, struct field, declared_count);
        if (!*fields)
            return error_no_memory(place->err, "a contract");
        memcpy(*fields, declared, declared_count * sizeof **fields);
        *count = declared_count;
        complete(*fields, *count);
        return STATUS_OK;
    }
    for (size_t i = 0; i < declared_count; i++) {
        struct field *to = find_field(*fields, *count, declared[i].name);
        /* a name that the file does not store may be declared; the place says which it is */
        if (!to && declared_count == *count && (*fields)[i].evidence_name.kind != EVIDENCE_STORED &&
            !find_field((struct field *)declared, declared_count, (*fields)[i].name)) {
            to = &(*fields)[i];
            to->name = declared[i].name;
        }
        if (!to)
            return no_field(place, &declared[i], *fields, *count);
        if (to->evidence_name.kind != EVIDENCE_STORED)
            to->evidence_name = declared[i].evidence_name;
        to->maps = declared[i].maps; /* how clients say it: the model has leaves */
        to->map_count = declared[i].map_count;
        place->field = to;
        TRY(merge_field(place, to, &declared[i], keep));
    }
    return maps_check(*fields, *count, place->err);
}

static enum status copy_all(struct contract *inferred, const struct contract *declared,
                            struct arena *keep, struct error *err)
{
    struct signature *signatures = arena_new(keep, struct signature, declared->count);

    if (!signatures)
        return error_no_memory(err, "a contract");
    for (size_t i = 0; i < declared->count; i++) {
        const struct signature *from = &declared->signatures[i];
        struct place place = {from->name, "", NULL, err};
        signatures[i].name = from->name;
        TRY(merge_fields(&place, &signatures[i].inputs, &signatures[i].input_count, from->inputs,
                         from->input_count, keep));
        TRY(merge_fields(&place, &signatures[i].outputs, &signatures[i].output_count, from->outputs,
                         from->output_count, keep));
    }
    inferred->signatures = signatures;
    inferred->count = declared->count;
    return STATUS_OK;
}

enum status contract_merge(struct contract *inferred, const struct contract *declared,
                           struct arena *keep, struct error *err)
{
    if (!inferred->count)
        return declared->count ? copy_all(inferred, declared, keep, err) : STATUS_OK;
    for (size_t i = 0; i < declared->count; i++) {
        const struct signature *from = &declared->signatures[i];
        struct place place = {from->name, "input", NULL, err};
        struct signature *to;
        size_t index;
        if (contract_signature(inferred, from->name, &index, err)) {
            err->status = STATUS_CONFLICT;
            return error_within(err, "the manifest's contract");
        }
        to = &inferred->signatures[index];
        TRY(merge_fields(&place, &to->inputs, &to->input_count, from->inputs, from->input_count,
                         keep));
        place.direction = "output";
        TRY(merge_fields(&place, &to->outputs, &to->output_count, from->outputs, from->output_count,
                         keep));
    }
    return STATUS_OK;
}
