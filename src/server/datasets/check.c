// SPDX-License-Identifier: Apache-2.0
#include "server/datasets/check.h"

#include <fcntl.h>

#include "base/cursor.h"
#include "base/file.h"
#include "formats/archive/tar.h"
#include "formats/frame/frame.h"
#include "formats/numpy/npy.h"
#include "formats/tensorflow/record.h"

/* --- each format: alone, and behind another part --- */

static enum status npy_check(struct bytes bytes, struct numpy_array *array, struct arena *scratch,
                             struct error *err)
{
    size_t used;

    TRY(npy_read_raw(bytes, array, &used, scratch, err));
    if (numpy_dtype_has_objects(&array->dtype))
        return error_set(err, STATUS_INVALID_INPUT, "an array of objects is a pickle");
    if (used != bytes.size)
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes are left behind the array",
                         bytes.size - used);
    return STATUS_OK;
}

static enum status npy_alone(struct bytes bytes, struct arena *scratch, struct error *err)
{
    struct numpy_array array;

    return npy_check(bytes, &array, scratch, err);
}

static enum status npy_behind(struct bytes before, struct bytes bytes, struct arena *scratch,
                              struct error *err)
{
    struct numpy_array arrays[2];
    char was[SHAPE_PRINT_SIZE], is[SHAPE_PRINT_SIZE];

    TRY(npy_check(before, &arrays[0], scratch, err));
    TRY(npy_check(bytes, &arrays[1], scratch, err));
    if (arrays[0].dtype.kind != arrays[1].dtype.kind &&
        (!strchr("biufc", arrays[0].dtype.kind) || !strchr("biufc", arrays[1].dtype.kind)))
        return error_set(err, STATUS_CONFLICT, "arrays of kinds '%c' and '%c' do not go together",
                         arrays[0].dtype.kind, arrays[1].dtype.kind);
    if (arrays[0].shape.rank == arrays[1].shape.rank && arrays[0].shape.rank > 0) {
        struct shape rows = arrays[0].shape;
        rows.dims[0] = arrays[1].shape.dims[0];
        if (shape_equal(&rows, &arrays[1].shape))
            return STATUS_OK;
    }
    return error_set(err, STATUS_CONFLICT, "an array of %s does not fit below one of %s",
                     shape_print(&arrays[1].shape, is, sizeof is),
                     shape_print(&arrays[0].shape, was, sizeof was));
}

static enum status frame_alone(struct bytes bytes, struct arena *scratch, struct error *err)
{
    struct frame frame;

    return frame_decode(bytes, &frame, scratch, err);
}

/* Ranges and numbers go below each other. */
static enum column_type index_kind(const struct frame_column *index)
{
    return index->type == COLUMN_RANGE ? COLUMN_NUMBER : index->type;
}

static enum status frame_behind(struct bytes before, struct bytes bytes, struct arena *scratch,
                                struct error *err)
{
    struct frame old, new;

    TRY(frame_decode(before, &old, scratch, err));
    TRY(frame_decode(bytes, &new, scratch, err));
    if (old.series != new.series || old.levels != new.levels)
        return error_set(err, STATUS_CONFLICT, "frames, series and their levels go apart");
    for (size_t i = 0; i < new.count; i++) {
        const struct frame_column *column =
            i < old.count && bytes_equal(old.columns[i].label, new.columns[i].label)
                ? &old.columns[i]
                : frame_find(&old, new.columns[i].name);
        if (!column)
            return error_set(err, STATUS_CONFLICT, "there is no column '%.64s' to append to",
                             new.columns[i].name);
        if (column->type != new.columns[i].type && old.rows &&new.rows)
            return error_set(err, STATUS_CONFLICT, "column '%.64s' holds %s: %s do not go below",
                             column->name, column_type_name(column->type),
                             column_type_name(new.columns[i].type));
    }
    if (old.count > new.count)
        return error_set(err, STATUS_CONFLICT, "the frame has %zu columns, not %zu", new.count,
                         old.count);
    for (size_t i = 0; i < new.levels; i++)
        if (index_kind(&old.index[i]) != index_kind(&new.index[i]) && old.rows && new.rows)
            return error_set(err, STATUS_CONFLICT, "the index is of %s: %s do not go below",
                             column_type_name(old.index[i].type),
                             column_type_name(new.index[i].type));
    return STATUS_OK;
}

static enum status json_alone(struct bytes bytes, struct arena *scratch, struct error *err)
{
    struct json_reader reader;

    (void)scratch;
    json_reader_init(&reader, bytes, 0);
    TRY(json_skip(&reader, err));
    return json_end(&reader, err);
}

static enum status records_alone(struct bytes bytes, struct arena *scratch, struct error *err)
{
    struct cursor cursor = cursor_over(bytes);
    struct bytes record;
    bool more = true;

    (void)scratch;
    while (more)
        TRY(record_next(&cursor, &record, &more, err));
    return STATUS_OK;
}

static enum status folder_alone(struct bytes bytes, struct arena *scratch, struct error *err)
{
    const struct artifact_limits limits = artifact_limits_default();
    struct entries entries = {.limits = &limits, .arena = scratch};

    TRY(tar_list(bytes, &entries, err));
    return entries_finish(&entries, err);
}

static enum status npz_alone(struct bytes bytes, struct arena *scratch, struct error *err)
{
    struct artifact *artifact;
    enum status status;

    TRY(artifact_open_bytes(bytes, "data.npz", NULL, &artifact, err));
    status = npz_is(artifact)
                 ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT, "this is no archive of arrays alone");
    for (size_t i = 0; !status && i < artifact->count; i++) {
        struct bytes member;
        status = member_bytes(&artifact->members[i], &member, err);
        if (!status)
            status = npy_alone(member, scratch, err);
    }
    artifact_close(artifact);
    return status;
}

static enum status never_behind(struct bytes before, struct bytes bytes, struct arena *scratch,
                                struct error *err)
{
    (void)before, (void)bytes, (void)scratch;
    return error_set(err, STATUS_CONFLICT, "nothing can be appended to this kind of data");
}

static const struct known {
    const char *format;
    enum status (*alone)(struct bytes bytes, struct arena *scratch, struct error *err);
    enum status (*behind)(struct bytes before, struct bytes bytes, struct arena *scratch,
                          struct error *err); /* NULL: whatever is right alone */
} KNOWN[] = {
    {"npy", npy_alone, npy_behind},       {"npz", npz_alone, never_behind},
    {"frame", frame_alone, frame_behind}, {"json", json_alone, NULL},
    {"tfrecord", records_alone, NULL},    {"folder", folder_alone, never_behind},
    {"function", NULL, never_behind},
};

static enum status against_newest(struct registry *registry, const struct known *known,
                                  const struct object *newest, struct bytes bytes,
                                  struct arena *scratch, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    struct object_part *parts;
    enum status status;
    size_t count;

    TRY(registry_object_parts(registry, newest, &parts, &count, scratch, err));
    TRY(file_map_open(&map, AT_FDCWD, parts[count - 1].path, false, err));
    status = known->behind(map.bytes, bytes, scratch, err);
    file_map_close(&map);
    return status;
}

/* The newest revision, or number 0. */
static enum status newest_find(struct registry *registry, const struct object_put *put,
                               struct object *newest, struct arena *scratch, struct error *err)
{
    enum status status;

    *newest = (struct object){.number = 0};
    status = registry_object_find(registry, put->kind, put->name, newest, scratch, err);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status dataset_check(struct registry *registry, const struct object_put *put,
                          struct bytes bytes, int64_t *newest, struct arena *scratch,
                          struct error *err)
{
    const struct known *known = NULL;
    struct object object;

    *newest = 0;
    for (size_t i = 0; i < ARRAY_COUNT(KNOWN); i++)
        if (strcmp(put->format, KNOWN[i].format) == 0)
            known = &KNOWN[i];
    if (known && known->alone && known->alone(bytes, scratch, err))
        return error_within(err, "format %s", put->format);
    if (!put->append)
        return STATUS_OK;
    TRY(newest_find(registry, put, &object, scratch, err));
    *newest = object.number;
    if (!known || !known->behind || !object.number || strcmp(object.format, put->format) != 0)
        return STATUS_OK;
    if (against_newest(registry, known, &object, bytes, scratch, err))
        return error_within(err, "%s \"%s\"", put->kind, put->name);
    return STATUS_OK;
}
