// SPDX-License-Identifier: Apache-2.0
#include "formats/frame/frame.h"

#include <stdio.h>

#include "formats/archive/tar_write.h"
#include "formats/numpy/npy.h"

struct writing {
    struct text *tar;
    struct text head; /* frame.json */
    struct text data; /* the members behind it */
    size_t members;
};

static void member_write(struct writing *w, const char *suffix, struct bytes bytes)
{
    static const uint8_t ZEROS[TAR_BLOCK];
    char name[64];

    snprintf(name, sizeof name, "%zu.%s", w->members++, suffix);
    text_printf(&w->head, "\"%s\"", name);
    tar_write_head(&w->data, bytes_of(name), bytes.size, TAR_FILE);
    text_append_bytes(&w->data, bytes);
    text_append_bytes(&w->data, (struct bytes){ZEROS, tar_padding(bytes.size)});
}

/* ,"key":"7.npy" */
static enum status array_write(struct writing *w, const char *key, const struct tensor *tensor,
                               struct error *err)
{
    struct text npy = {0};
    enum status status = npy_write(tensor, &npy, err);

    text_printf(&w->head, ",\"%s\":", key);
    if (!status)
        member_write(w, "npy", text_bytes(&npy));
    text_release(&npy);
    return status;
}

static enum status column_write(struct writing *w, const struct frame_column *column, size_t rows,
                                struct error *err)
{
    static const char *const TYPES[] = {"number",   "text",     "json", "time",
                                        "duration", "category", "range"};

    text_printf(&w->head, "\"type\":\"%s\",\"dtype\":", TYPES[column->type]);
    json_write_text(&w->head, column->dtype);
    if (column->type == COLUMN_RANGE) {
        text_printf(&w->head, ",\"start\":%lld,\"stop\":%lld,\"step\":%lld",
                    (long long)column->start, (long long)column->stop, (long long)column->step);
        return STATUS_OK;
    }
    TRY(array_write(w, "data", &column->data, err));
    if (column->type == COLUMN_TEXT || column->type == COLUMN_JSON) {
        text_append(&w->head, ",\"bytes\":");
        member_write(w, "bytes", column->text);
    }
    if (column->unit)
        text_printf(&w->head, ",\"unit\":\"%s\"", column->unit);
    if (column->zone) {
        text_append(&w->head, ",\"zone\":");
        json_write_text(&w->head, column->zone);
    }
    if (column->type == COLUMN_CATEGORY) {
        text_printf(&w->head, ",\"count\":%zu,\"ordered\":%s,\"categories\":{", column->count,
                    column->ordered ? "true" : "false");
        TRY(column_write(w, column->categories, column->count, err));
        text_append_char(&w->head, '}');
    }
    if (column->missing) {
        struct tensor missing = {.dtype = DTYPE_U8, .shape = SHAPE((int64_t)rows)};
        missing.data = (void *)column->missing;
        TRY(array_write(w, "missing", &missing, err));
    }
    return STATUS_OK;
}

static enum status columns_write(struct writing *w, const struct frame_column *columns,
                                 size_t count, size_t rows, struct error *err)
{
    text_append_char(&w->head, '[');
    for (size_t i = 0; i < count; i++) {
        text_append(&w->head, i ? ",{\"name\":" : "{\"name\":");
        text_append_bytes(&w->head, columns[i].label);
        text_append_char(&w->head, ',');
        TRY(column_write(w, &columns[i], rows, err));
        text_append_char(&w->head, '}');
    }
    text_append_char(&w->head, ']');
    return STATUS_OK;
}

static enum status write(struct writing *w, const struct frame *frame, struct error *err)
{
    static const uint8_t ZEROS[TAR_END_SIZE];

    text_printf(&w->head, "{\"frame\":1,\"rows\":%zu,\"series\":%s,\"columns\":", frame->rows,
                frame->series ? "true" : "false");
    TRY(columns_write(w, frame->columns, frame->count, frame->rows, err));
    text_append(&w->head, ",\"index\":");
    TRY(columns_write(w, frame->index, frame->levels, frame->rows, err));
    text_append(&w->head, ",\"labels\":{\"names\":[null],\"dtype\":\"object\",\"levels\":1}}");
    TRY(text_check(&w->head, err));
    TRY(text_check(&w->data, err));
    tar_write_head(w->tar, bytes_of("frame.json"), w->head.size, TAR_FILE);
    text_append_bytes(w->tar, text_bytes(&w->head));
    text_append_bytes(w->tar, (struct bytes){ZEROS, tar_padding(w->head.size)});
    text_append_bytes(w->tar, text_bytes(&w->data));
    text_append_bytes(w->tar, (struct bytes){ZEROS, TAR_END_SIZE});
    return text_check(w->tar, err);
}

enum status frame_encode(const struct frame *frame, struct text *tar, struct error *err)
{
    struct writing w = {.tar = tar};
    enum status status = write(&w, frame, err);

    text_release(&w.head);
    text_release(&w.data);
    return status;
}
