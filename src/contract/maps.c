// SPDX-License-Identifier: Apache-2.0
#include "contract/maps.h"

#include <stdio.h>

#include "formats/json/json_tensor.h"

enum { LIST_MAX = 300 };

/* --- groups --- */

struct map_group map_group_of(const struct field *fields, size_t count)
{
    return (struct map_group){fields, 0, count, 0};
}

bool field_is_within(const struct field *field, const struct field *other, size_t depth)
{
    if (field->map_count < depth || other->map_count < depth)
        return false;
    for (size_t m = 0; m < depth; m++)
        if (strcmp(field->maps[m].name, other->maps[m].name) != 0)
            return false;
    return true;
}

bool map_group_next(const struct map_group *group, size_t *at, struct map_group *child)
{
    size_t begin = *at < group->begin ? group->begin : *at;
    const struct field *first;

    if (begin >= group->end)
        return false;
    first = &group->fields[begin];
    *child = (struct map_group){group->fields, begin, begin + 1, group->depth};
    if (first->map_count > group->depth) {
        child->depth++;
        while (child->end < group->end &&
               field_is_within(&group->fields[child->end], first, child->depth))
            child->end++;
    }
    *at = child->end;
    return true;
}

const char *map_child_name(const struct map_group *group, const struct map_group *child)
{
    const struct field *field = &group->fields[child->begin];
    const char *name = field->name;

    if (!map_child_is_leaf(group, child))
        return field->maps[group->depth].name;
    for (size_t m = 0; m < group->depth; m++)
        name += strlen(field->maps[m].name) + 1;
    return name;
}

bool map_group_find(const struct map_group *group, struct bytes name, struct map_group *child)
{
    size_t at = 0;

    while (map_group_next(group, &at, child))
        if (bytes_is(name, map_child_name(group, child)))
            return true;
    return false;
}

const struct field_map *map_of(const struct map_group *group)
{
    return &group->fields[group->begin].maps[group->depth - 1];
}

static int lists_around(const struct field *field, size_t depth)
{
    int lists = 0;

    for (size_t m = 0; m < depth; m++)
        lists += field->maps[m].is_list;
    return lists;
}

int field_own_rank(const struct field *field)
{
    return field->shape.rank < 0 ? RANK_UNKNOWN
                                 : field->shape.rank - lists_around(field, field->map_count);
}

struct shape field_own_shape(const struct field *field)
{
    int lists = lists_around(field, field->map_count);

    return field->shape.rank < lists
               ? shape_unknown()
               : shape_of(field->shape.rank - lists, &field->shape.dims[lists]);
}

/* --- making --- */

static enum status too_deep(const struct field *field, struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_UNSUPPORTED,
                     "field \"%s\" lies too deep: at most %d maps in maps, and %d dimensions with "
                     "those of their lists",
                     text_quote(bytes_of(field->name), name, sizeof name), FIELD_MAPS_MAX,
                     RANK_MAX);
}

enum status field_put_within(struct field *field, const struct field_map *maps, size_t count,
                             struct arena *keep, struct error *err)
{
    struct shape shape = {.rank = 0};
    struct text name = {.limit = 64 << 10};
    enum status status;

    if (!count)
        return STATUS_OK;
    for (size_t m = 0; m < count && m < FIELD_MAPS_MAX; m++) {
        text_printf(&name, "%s.", maps[m].name);
        if (maps[m].is_list)
            shape.dims[shape.rank++] = maps[m].size;
    }
    text_append(&name, field->name);
    status = text_check(&name, err);
    if (!status && (count > FIELD_MAPS_MAX || shape.rank + field->shape.rank > RANK_MAX))
        status = too_deep(field, err);
    if (!status && !(field->name = arena_text(keep, text_bytes(&name))))
        status = error_no_memory(err, "a contract");
    text_release(&name);
    TRY(status);
    field->maps = maps;
    field->map_count = count;
    if (field->shape.rank < 0)
        return STATUS_OK; /* any shape stays any */
    for (int d = 0; d < field->shape.rank; d++)
        shape.dims[shape.rank++] = field->shape.dims[d];
    field->shape = shape;
    return STATUS_OK;
}

/* A map that has a sibling of its name begins a second time. */
static enum status group_check(const struct map_group *group, struct error *err)
{
    struct map_group child, first;
    char name[TEXT_QUOTE_SIZE];
    size_t at = 0;

    while (map_group_next(group, &at, &child)) {
        if (map_child_is_leaf(group, &child))
            continue;
        if (map_group_find(group, bytes_of(map_of(&child)->name), &first) &&
            first.begin != child.begin)
            return error_set(err, STATUS_UNSUPPORTED,
                             "the fields of map \"%s\" do not follow each other",
                             text_quote(bytes_of(map_of(&child)->name), name, sizeof name));
        TRY(group_check(&child, err));
    }
    return STATUS_OK;
}

enum status maps_check(const struct field *fields, size_t count, struct error *err)
{
    const struct map_group all = map_group_of(fields, count);
    size_t nested = 0;

    for (size_t i = 0; i < count; i++)
        nested += fields[i].map_count > 0;
    return nested ? group_check(&all, err) : STATUS_OK;
}

/* --- what a client gave --- */

struct maps_given maps_given_of(const struct field *fields, size_t count, struct arena *keep)
{
    return (struct maps_given){.all = map_group_of(fields, count), .keep = keep};
}

static char *quoted_map(const struct map_group *group, char name[TEXT_QUOTE_SIZE])
{
    return text_quote(bytes_of(map_of(group)->name), name, TEXT_QUOTE_SIZE);
}

enum status maps_begin(struct maps_given *given, uint64_t *number, struct error *err)
{
    if (!given->leaves) {
        given->leaves = arena_new(given->keep, struct map_leaf, given->all.end);
        if (!given->leaves)
            return error_no_memory(err, "a request");
        for (size_t i = 0; i < given->all.end; i++)
            for (size_t m = 0; m < FIELD_MAPS_MAX; m++)
                given->leaves[i].sizes[m] = -1;
    }
    *number = ++given->maps;
    return STATUS_OK;
}

bool maps_see(struct maps_given *given, const struct map_group *group,
              const struct map_group *child, uint64_t number)
{
    uint64_t *seen = &given->leaves[child->begin].seen[group->depth];
    bool first = *seen != number;

    *seen = number;
    return first;
}

static enum status differ(const struct field *field, const char *what, struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_INVALID_INPUT, "field '%s' differs in %s among the maps of a list",
                     text_quote(bytes_of(field->name), name, sizeof name), what);
}

/* A further value, of `bytes` as all of this leaf. False: no memory. */
static bool value_keep(struct map_leaf *to, const void *data, size_t bytes, struct arena *keep)
{
    bool begins = !to->values;

    if (!bytes)
        return true;
    if (!arena_grow(keep, &to->values, begins ? 0 : to->count, &to->capacity, bytes))
        return false;
    if (begins)
        memcpy(to->values, to->first.data, bytes);
    memcpy((char *)to->values + to->count * bytes, data, bytes);
    return true;
}

enum status maps_add(struct maps_given *given, const struct map_group *leaf,
                     const struct tensor *tensor, struct error *err)
{
    struct map_leaf *to = &given->leaves[leaf->begin];
    const struct field *field = &given->all.fields[leaf->begin];
    int rank = field_own_rank(field);
    struct tensor value = *tensor;
    size_t bytes;

    if (value.shape.rank == 0 && rank > 0) { /* a lone value, as of fields outside of maps */
        value.shape.rank = rank;
        for (int d = 0; d < rank; d++)
            value.shape.dims[d] = 1;
    }
    bytes = tensor_bytes(&value);
    if (to->count == 0)
        to->first = value;
    else if (value.dtype != to->first.dtype)
        return differ(field, "type", err);
    else if (!shape_equal(&value.shape, &to->first.shape))
        return differ(field, "shape", err);
    else if (!value_keep(to, value.data, bytes, given->keep))
        return error_no_memory(err, "a request");
    to->count++;
    return STATUS_OK;
}

/* The names inside, for messages. */
static char *names_of(const struct map_group *group, char list[LIST_MAX])
{
    char name[TEXT_QUOTE_SIZE];
    struct map_group child;
    size_t at = 0, used = 0;

    list[0] = 0;
    while (map_group_next(group, &at, &child) && used + TEXT_QUOTE_SIZE + 2 < LIST_MAX)
        used += (size_t)snprintf(
            list + used, LIST_MAX - used, "%s%s", used ? ", " : "",
            text_quote(bytes_of(map_child_name(group, &child)), name, sizeof name));
    return list;
}

enum status maps_unknown(const struct map_group *group, struct bytes name, struct error *err)
{
    char map[TEXT_QUOTE_SIZE], quoted[TEXT_QUOTE_SIZE], list[LIST_MAX];

    return error_set(err, STATUS_INVALID_INPUT, "map \"%s\" has no field \"%s\"; it has %s",
                     quoted_map(group, map), text_quote(name, quoted, sizeof quoted),
                     names_of(group, list));
}

enum status maps_end(struct maps_given *given, const struct map_group *group, uint64_t number,
                     struct error *err)
{
    char map[TEXT_QUOTE_SIZE], name[TEXT_QUOTE_SIZE];
    struct map_group child;
    size_t at = 0;

    while (map_group_next(group, &at, &child))
        if (given->leaves[child.begin].seen[group->depth] != number &&
            !given->all.fields[child.begin].optional)
            return error_set(
                err, STATUS_INVALID_INPUT, "map \"%s\" is given without \"%s\"",
                quoted_map(group, map),
                text_quote(bytes_of(map_child_name(group, &child)), name, sizeof name));
    return STATUS_OK;
}

enum status maps_counted(struct maps_given *given, const struct map_group *group, int64_t size,
                         struct error *err)
{
    char map[TEXT_QUOTE_SIZE];

    for (size_t i = group->begin; i < group->end; i++) {
        int64_t *known = &given->leaves[i].sizes[group->depth - 1];

        if (*known >= 0 && *known != size)
            return error_set(err, STATUS_INVALID_INPUT,
                             "list \"%s\" is ragged: it has %lld maps here and %lld there",
                             quoted_map(group, map), (long long)*known, (long long)size);
        *known = size;
    }
    return STATUS_OK;
}

/* A list without maps: nothing says the dimensions but the contract. */
static void nothing_joined(const struct field *field, struct tensor *tensor)
{
    *tensor = (struct tensor){.dtype = field->dtype, .shape = {.rank = 0}, .data = (void *)""};
    for (int d = 0; d < field_own_rank(field); d++) {
        int64_t size = field_own_shape(field).dims[d];

        tensor->shape.dims[tensor->shape.rank++] = size < 0 ? 0 : size;
    }
}

static enum status leaf_join(const struct field *field, const struct map_leaf *leaf,
                             struct tensor *tensor, struct error *err)
{
    struct shape shape = {.rank = 0};
    uint64_t expected = 1;

    if (leaf->count)
        *tensor = leaf->first;
    else
        nothing_joined(field, tensor);
    for (size_t m = 0; m < field->map_count; m++) {
        int64_t size = leaf->sizes[m] < 0 ? 0 : leaf->sizes[m];

        if (!field->maps[m].is_list)
            continue;
        shape.dims[shape.rank++] = size;
        expected *= (uint64_t)size; /* no more than maps that were read, or 0 */
    }
    if (expected != leaf->count)
        return differ(field, "number", err);
    if (shape.rank + tensor->shape.rank > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "field '%.64s' has more than %d dimensions",
                         field->name, RANK_MAX);
    for (int d = 0; d < tensor->shape.rank; d++)
        shape.dims[shape.rank++] = tensor->shape.dims[d];
    tensor->shape = shape;
    if (leaf->values)
        tensor->data = leaf->values;
    return STATUS_OK;
}

/* Was a map around it begun? Of an optional leaf that no map holds, nothing is given. */
static bool leaf_is_given(const struct field *field, const struct map_leaf *leaf)
{
    bool is_listed = false;

    for (size_t m = 0; m < field->map_count; m++)
        is_listed = is_listed || leaf->sizes[m] == 0;
    return leaf->count || (is_listed && !field->optional);
}

enum status maps_join(struct maps_given *given, struct given *into, size_t *count,
                      struct error *err)
{
    for (size_t i = 0; given->leaves && i < given->all.end; i++) {
        const struct field *field = &given->all.fields[i];

        if (!field->map_count || !leaf_is_given(field, &given->leaves[i]))
            continue;
        into[*count].name = field->name;
        TRY(leaf_join(field, &given->leaves[i], &into[*count].tensor, err));
        ++*count;
    }
    return STATUS_OK;
}

/* --- what is answered --- */

/* The dimension of a leaf's tensor that counts the maps of `depth`. */
static int list_axis(const struct field *field, size_t depth)
{
    return lists_around(field, depth) - 1;
}

enum status map_size(const struct map_group *group, const struct tensor *tensors, int64_t *size,
                     struct error *err)
{
    char map[TEXT_QUOTE_SIZE];

    for (size_t i = group->begin; i < group->end; i++) {
        int axis = list_axis(&group->fields[i], group->depth);
        const struct shape *shape = &tensors[i].shape;

        if (axis >= shape->rank || (i > group->begin && shape->dims[axis] != *size))
            return error_set(err, STATUS_INTERNAL, "the fields of list \"%s\" differ in length",
                             quoted_map(group, map));
        *size = shape->dims[axis];
    }
    return STATUS_OK;
}

struct tensor map_part(const struct map_group *leaf, const struct tensor *tensors,
                       const struct map_place *place)
{
    const struct field *field = &leaf->fields[leaf->begin];
    struct tensor part = tensors[leaf->begin];
    int lists = lists_around(field, field->map_count), list = 0;
    size_t at = 0;

    if (!lists || part.shape.rank < lists)
        return part;
    for (size_t m = 0; m < field->map_count; m++)
        if (field->maps[m].is_list)
            at = at * (size_t)part.shape.dims[list++] + (size_t)place->index[m];
    part.shape = shape_of(part.shape.rank - lists, &tensors[leaf->begin].shape.dims[lists]);
    part.data = (char *)part.data + at * tensor_bytes(&part);
    return part;
}

static enum status print_map(const struct map_group *group, const struct tensor *tensors,
                             struct map_place *place, struct text *text, struct error *err);

static enum status print_maps(const struct map_group *group, const struct tensor *tensors,
                              struct map_place *place, struct text *text, struct error *err)
{
    int64_t size, *index = &place->index[group->depth - 1];

    if (!map_of(group)->is_list)
        return print_map(group, tensors, place, text, err);
    TRY(map_size(group, tensors, &size, err));
    text_append_char(text, '[');
    for (*index = 0; *index < size && !text->failed; ++*index) {
        text_append(text, *index ? "," : "");
        TRY(print_map(group, tensors, place, text, err));
    }
    text_append_char(text, ']');
    return STATUS_OK;
}

static enum status print_map(const struct map_group *group, const struct tensor *tensors,
                             struct map_place *place, struct text *text, struct error *err)
{
    struct map_group child;
    struct tensor part;
    size_t at = 0;
    bool any = false;

    text_append_char(text, '{');
    while (map_group_next(group, &at, &child)) {
        text_append(text, any ? "," : "");
        any = true;
        json_write_key(text, map_child_name(group, &child));
        if (map_child_is_leaf(group, &child)) {
            part = map_part(&child, tensors, place);
            json_write_nested(text, &part);
        } else {
            TRY(print_maps(&child, tensors, place, text, err));
        }
    }
    text_append_char(text, '}');
    return STATUS_OK;
}

enum status maps_print_json(const struct field *fields, size_t count, const struct tensor *tensors,
                            struct text *text, struct error *err)
{
    const struct map_group all = map_group_of(fields, count);
    struct map_place place = {{0}};

    return print_map(&all, tensors, &place, text, err);
}
