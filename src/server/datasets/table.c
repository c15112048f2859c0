// SPDX-License-Identifier: Apache-2.0
#include "server/datasets/table.h"

#include <fcntl.h>

#include "base/checked.h"

/* --- the parts --- */

static enum status part_open(struct table_part *part, const struct object_part *stored,
                             struct arena *keep, struct error *err)
{
    TRY(file_map_open(&part->map, AT_FDCWD, stored->path, false, err));
    if (part->map.bytes.size != (size_t)stored->bytes)
        return error_set(err, STATUS_INTERNAL, "blob %s is damaged", stored->digest);
    TRY(frame_decode(part->map.bytes, &part->frame, keep, err));
    part->count = part->frame.rows;
    part->rows = arena_new(keep, size_t, part->count + 1);
    if (!part->rows)
        return error_no_memory(err, "rows");
    for (size_t i = 0; i < part->count; i++)
        part->rows[i] = i;
    return STATUS_OK;
}

static bool is_counted(const struct frame *frame)
{
    const struct frame_column *index = frame->index;

    return frame->levels == 1 && index->type == COLUMN_RANGE && index->start == 0 &&
           index->step == 1 && !*index->name;
}

static enum status parts_open(struct table *table, struct registry *registry, struct error *err)
{
    struct object_part *stored;
    size_t count;

    TRY(registry_object_parts(registry, &table->object, &stored, &count, table->keep, err));
    table->parts = arena_new(table->keep, struct table_part, count + 1);
    if (!table->parts)
        return error_no_memory(err, "a data set");
    table->counted = true;
    for (size_t i = 0; i < count; i++) {
        struct table_part *part = &table->parts[table->part_count++];
        part->before = table->rows;
        if (part_open(part, &stored[i], table->keep, err))
            return error_within(err, "data set \"%s\"", table->object.name);
        if (!checked_add(table->rows, part->count, &table->rows))
            return error_set(err, STATUS_TOO_LARGE, "data set \"%s\" has too many rows",
                             table->object.name);
        table->counted &= is_counted(&part->frame);
    }
    return STATUS_OK;
}

void table_close(struct table *table)
{
    for (size_t i = 0; i < table->part_count; i++)
        file_map_close(&table->parts[i].map);
    table->part_count = 0;
}

/* --- the columns --- */

enum status table_reference(const char *reference, const char **name, const char **columns,
                            struct arena *keep, struct error *err)
{
    size_t size = strcspn(reference, "["), all = strlen(reference);

    *name = arena_text(keep, (struct bytes){(const uint8_t *)reference, size});
    *columns = NULL;
    if (!*name)
        return error_no_memory(err, "a name");
    if (size == all)
        return STATUS_OK;
    if (reference[all - 1] != ']')
        return error_set(err, STATUS_INVALID_INPUT, "columns of \"%.64s\" do not end with ]",
                         *name);
    *columns =
        arena_text(keep, (struct bytes){(const uint8_t *)reference + size + 1, all - size - 2});
    return *columns ? STATUS_OK : error_no_memory(err, "a name");
}

static enum status column_index(const struct table *table, struct bytes name, size_t *index,
                                struct error *err)
{
    const struct frame *frame = &table->parts[0].frame;
    const char *names[256], *near;
    char quoted[TEXT_QUOTE_SIZE];
    size_t count = 0;

    for (*index = 0; *index < frame->count; ++*index)
        if (bytes_is(name, frame->columns[*index].name))
            return STATUS_OK;
    text_quote(name, quoted, sizeof quoted);
    while (count < frame->count && count < ARRAY_COUNT(names)) {
        names[count] = frame->columns[count].name;
        count++;
    }
    near = text_suggest(quoted, names, count);
    if (error_set(err, STATUS_INVALID_INPUT, "data set \"%s\" has no column '%s'",
                  table->object.name, quoted) &&
        near)
        error_fix(err, "did you mean '%s'?", near);
    return err->status;
}

/* The next name of a list behind commas. */
static bool name_next(const char **list, struct bytes *name)
{
    size_t size;

    if (!*list)
        return false;
    size = strcspn(*list, ",");
    *name = (struct bytes){(const uint8_t *)*list, size};
    *list = (*list)[size] ? *list + size + 1 : NULL;
    return true;
}

/* "a:b" */
static enum status choose_range(struct table *table, const char *list, bool *chosen,
                                struct error *err)
{
    const char *colon = strchr(list, ':');
    struct bytes from = {(const uint8_t *)list, (size_t)(colon - list)}, to = bytes_of(colon + 1);
    size_t first = 0, last = table->parts[0].frame.count;

    if (from.size)
        TRY(column_index(table, from, &first, err));
    if (to.size) {
        TRY(column_index(table, to, &last, err));
        last++;
    }
    for (size_t i = first; i < last; i++)
        chosen[i] = true;
    return STATUS_OK;
}

static enum status names_set(struct table *table, const size_t *order, size_t count,
                             struct error *err)
{
    const struct frame *frame = &table->parts[0].frame;

    table->names = arena_new(table->keep, const char *, count + 1);
    if (!table->names)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++)
        table->names[i] = frame->columns[order[i]].name;
    table->count = count;
    return STATUS_OK;
}

static enum status columns_choose(struct table *table, const char *list, struct error *err)
{
    size_t all = table->parts[0].frame.count, count = 0;
    size_t *order = arena_new(table->keep, size_t, all + 1);
    bool *chosen = arena_new(table->keep, bool, all + 1);
    bool others = list && *list == '^';
    struct bytes name;

    if (!order || !chosen)
        return error_no_memory(err, "columns");
    if (list && !others && strchr(list, ':')) {
        TRY(choose_range(table, list, chosen, err));
    } else if (list) {
        for (const char *rest = list + others; name_next(&rest, &name);) {
            size_t index;
            TRY(column_index(table, name, &index, err));
            if (chosen[index])
                return error_set(err, STATUS_INVALID_INPUT, "column '%s' is asked for twice",
                                 table->parts[0].frame.columns[index].name);
            chosen[index] = true;
            if (!others)
                order[count++] = index;
        }
    }
    if (list && !others && !strchr(list, ':'))
        return names_set(table, order, count, err);
    for (size_t i = 0; i < all; i++)
        if (!list || chosen[i] != others)
            order[count++] = i;
    return names_set(table, order, count, err);
}

/* The wanted columns of each part, by name. */
static enum status columns_find(struct table *table, struct error *err)
{
    for (size_t p = 0; p < table->part_count; p++) {
        struct table_part *part = &table->parts[p];
        part->columns = arena_new(table->keep, const struct frame_column *, table->count + 1);
        if (!part->columns)
            return error_no_memory(err, "columns");
        for (size_t c = 0; c < table->count; c++) {
            part->columns[c] =
                c < part->frame.count && strcmp(part->frame.columns[c].name, table->names[c]) == 0
                    ? &part->frame.columns[c]
                    : frame_find(&part->frame, table->names[c]);
            if (!part->columns[c])
                return error_set(err, STATUS_INVALID_INPUT,
                                 "part %zu of data set \"%s\" has no column '%.64s'", p + 1,
                                 table->object.name, table->names[c]);
        }
    }
    return STATUS_OK;
}

enum status table_open(struct registry *registry, const char *reference, struct table *table,
                       struct arena *keep, struct error *err)
{
    const char *name, *columns;

    *table = (struct table){.keep = keep};
    TRY(table_reference(reference, &name, &columns, keep, err));
    TRY(registry_object_find(registry, "dataset", name, &table->object, keep, err));
    if (strcmp(table->object.format, "frame") != 0) {
        if (error_set(err, STATUS_UNSUPPORTED, "data set \"%s\" is no frame but %s", name,
                      table->object.format))
            error_fix(err, "GET /api/datasets/%s gives its bytes", name);
        return err->status;
    }
    TRY(parts_open(table, registry, err));
    TRY(columns_choose(table, columns, err));
    return columns_find(table, err);
}

void table_slice(struct table *table, size_t skip, int64_t limit)
{
    size_t left = limit < 0 ? SIZE_MAX : (size_t)limit;

    table->rows = 0;
    for (size_t p = 0; p < table->part_count; p++) {
        struct table_part *part = &table->parts[p];
        size_t drop = skip < part->count ? skip : part->count;

        part->rows += drop;
        part->count -= drop;
        skip -= drop;
        if (part->count > left)
            part->count = left;
        left -= part->count;
        table->rows += part->count;
    }
}

/* --- tensors --- */

/* The parts' tensors one behind the other. */
static enum status join(const struct table *table, size_t column, const struct tensor *pieces,
                        size_t count, struct tensor *tensor, struct error *err)
{
    struct shape shape = pieces[0].shape;
    size_t at = 0;

    for (size_t i = 1; i < count; i++) {
        shape.dims[0] = pieces[i].shape.dims[0];
        if (!shape_equal(&shape, &pieces[i].shape))
            return error_set(err, STATUS_INVALID_INPUT,
                             "values of column '%.64s' do not all have one shape",
                             table->names[column]);
    }
    shape.dims[0] = (int64_t)table->rows;
    TRY(tensor_new(tensor, pieces[0].dtype, &shape, table->keep, err));
    for (size_t i = 0; i < count; i++) {
        size_t bytes = tensor_bytes(&pieces[i]);
        if (bytes)
            memcpy((uint8_t *)tensor->data + at, pieces[i].data, bytes);
        at += bytes;
    }
    return STATUS_OK;
}

enum status table_tensor(const struct table *table, size_t column, enum dtype dtype,
                         struct tensor *tensor, struct error *err)
{
    struct tensor *pieces = arena_new(table->keep, struct tensor, table->part_count + 1);
    size_t count = 0;

    if (!pieces)
        return error_no_memory(err, "a column");
    for (size_t p = 0; p < table->part_count; p++) {
        const struct table_part *part = &table->parts[p];
        if (part->count == 0 && (count || p + 1 < table->part_count))
            continue;
        TRY(column_tensor(part->columns[column], part->rows, part->count, dtype, &pieces[count++],
                          table->keep, err));
    }
    if (count == 1) {
        *tensor = pieces[0];
        return STATUS_OK;
    }
    return join(table, column, pieces, count, tensor, err);
}
