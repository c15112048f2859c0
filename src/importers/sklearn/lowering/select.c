// SPDX-License-Identifier: Apache-2.0
/* Column specifications, as ColumnTransformer, DataFrameMapper and feature selectors hold them:
 * a name, a position, lists of either, a slice, a mask. */
#include "importers/sklearn/internal.h"

#include <string.h>

#include "base/text.h"

static enum status position(const struct table *in, int64_t at, size_t *index, struct error *err)
{
    int64_t count = (int64_t)in->count;

    if (at < -count || at >= count)
        return error_set(err, STATUS_UNSUPPORTED, "asks for column %lld of %lld", (long long)at,
                         (long long)count);
    *index = (size_t)(at < 0 ? at + count : at);
    return STATUS_OK;
}

/* One end of a slice: a position, or a column by name (whose end is part of the slice). */
static enum status slice_end(struct lowering *l, struct table *in, const struct pickle_object *end,
                             bool stop, int64_t otherwise, int64_t *at, struct error *err)
{
    int64_t count = (int64_t)in->count;
    size_t index;

    if (pickle_is_none(end)) {
        *at = otherwise;
        return STATUS_OK;
    }
    if (end->kind == PICKLE_TEXT) {
        TRY(table_find(l, in, end->bytes, &index, err));
        *at = (int64_t)index + (stop ? 1 : 0);
        return STATUS_OK;
    }
    if (!pickle_to_i64(end, at))
        return error_set(err, STATUS_UNSUPPORTED, "a slice of columns has an end of another kind");
    if (*at < 0)
        *at = *at + count < 0 ? 0 : *at + count;
    if (*at > count)
        *at = count;
    return STATUS_OK;
}

static enum status select_slice(struct lowering *l, struct table *in,
                                const struct pickle_object *slice, struct table *out,
                                struct error *err)
{
    const struct pickle_object *start = pickle_item(slice->args, 0);
    const struct pickle_object *stop = pickle_item(slice->args, 1);
    int64_t first, last, step = 1;
    size_t *indices, count = 0;

    if (!pickle_is_none(pickle_item(slice->args, 2)) &&
        (!pickle_to_i64(pickle_item(slice->args, 2), &step) || step < 1))
        return error_set(err, STATUS_UNSUPPORTED, "a slice of columns with such a step");
    if (in->open && (pickle_is_none(start) || pickle_is_none(stop)))
        return error_set(err, STATUS_UNSUPPORTED,
                         "a slice of columns, but not all columns are known");
    TRY(slice_end(l, in, start, false, 0, &first, err));
    TRY(slice_end(l, in, stop, true, (int64_t)in->count, &last, err));
    indices = arena_new(l->keep, size_t, in->count);
    if (!indices)
        return error_no_memory(err, "columns");
    for (int64_t i = first; i < last; i += step)
        indices[count++] = (size_t)i;
    return table_pick(l, in, indices, count, out, err);
}

static enum status select_mask(struct lowering *l, const struct table *in,
                               struct pickle_object *const *items, size_t count, struct table *out,
                               struct error *err)
{
    size_t *indices = arena_new(l->keep, size_t, count), picked = 0;
    bool on;

    if (!indices)
        return error_no_memory(err, "columns");
    if (count != in->count)
        return error_set(err, STATUS_UNSUPPORTED, "a mask of %zu columns for a table of %zu", count,
                         in->count);
    for (size_t i = 0; i < count; i++) {
        if (!pickle_to_bool(items[i], &on))
            return error_set(err, STATUS_UNSUPPORTED, "a mask that is not True and False only");
        if (on)
            indices[picked++] = i;
    }
    return table_pick(l, in, indices, picked, out, err);
}

static enum status select_list(struct lowering *l, struct table *in,
                               struct pickle_object *const *items, size_t count, struct table *out,
                               struct error *err)
{
    size_t *indices = arena_new(l->keep, size_t, count);
    int64_t at;

    if (!indices)
        return error_no_memory(err, "columns");
    if (count && items[0]->kind == PICKLE_BOOL)
        return select_mask(l, in, items, count, out, err);
    for (size_t i = 0; i < count; i++) {
        struct bytes name;

        if (pickle_to_i64(items[i], &at))
            TRY(position(in, at, &indices[i], err));
        else if (pickle_to_text(items[i], &name, l->keep))
            TRY(table_find(l, in, name, &indices[i], err));
        else
            return error_set(err, STATUS_UNSUPPORTED,
                             "column %zu is asked for by neither name "
                             "nor number",
                             i);
    }
    return table_pick(l, in, indices, count, out, err);
}

enum status table_select(struct lowering *l, struct table *in, const struct pickle_object *columns,
                         struct table *out, struct error *err)
{
    struct pickle_object **items;
    struct bytes name;
    size_t count, index;
    int64_t at;

    if (columns && columns->kind == PICKLE_TEXT) {
        name = columns->bytes;
        TRY(table_find(l, in, name, &index, err));
        TRY(table_pick(l, in, &index, 1, out, err));
        out->flat = true;
        return STATUS_OK;
    }
    if (columns && (columns->kind == PICKLE_INT) && pickle_to_i64(columns, &at)) {
        TRY(position(in, at, &index, err));
        TRY(table_pick(l, in, &index, 1, out, err));
        out->flat = true;
        return STATUS_OK;
    }
    if (pickle_is(columns, "builtins", "slice"))
        return select_slice(l, in, columns, out, err);
    if (columns && strcmp(pickle_name(columns), "_RemainderColsList") == 0)
        columns = pickle_get(columns, "data");
    items = pickle_elements(columns, &count, l->keep);
    if (!items)
        return error_set(err, STATUS_UNSUPPORTED, "columns are chosen by a function (%s)",
                         columns ? pickle_name(columns) : "");
    return select_list(l, in, items, count, out, err);
}

bool is_text_list(struct lowering *l, const struct pickle_object *columns)
{
    size_t count;
    struct pickle_object **items;

    if (columns && columns->kind == PICKLE_TEXT)
        return true;
    items = pickle_elements(columns, &count, l->keep);
    return items && count && items[0]->kind == PICKLE_TEXT;
}
