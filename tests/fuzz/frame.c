// SPDX-License-Identifier: Apache-2.0
/* Frames of data sets: what begins with '{' is a body of omega|ml's clients, anything else a tar;
 * every value of what was read is written as JSON, every column as tensors. */
#include "formats/frame/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 300 };

static void column_touch(const struct frame_column *column, size_t rows, struct arena *keep)
{
    static const enum dtype DTYPES[] = {DTYPE_F64, DTYPE_F32, DTYPE_I64, DTYPE_BOOL, DTYPE_STRING};
    size_t chosen[ROWS_MAX];
    struct text text = {.limit = 16 << 20};
    struct tensor tensor;
    struct error err;

    for (size_t row = 0; row < rows; row++) {
        struct json_reader reader;
        chosen[row] = row;
        text_clear(&text);
        column_write_json(column, row, &text);
        json_reader_init(&reader, text_bytes(&text), 0);
        if (!text.failed && (json_skip(&reader, &err) || json_end(&reader, &err)))
            __builtin_trap();
    }
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES && column->type != COLUMN_RANGE; i++)
        if (column_tensor(column, chosen, rows, DTYPES[i], &tensor, keep, &err) == STATUS_OK &&
            (tensor.dtype != DTYPES[i] || tensor.shape.dims[0] != (int64_t)rows))
            __builtin_trap();
    text_release(&text);
}

static void frame_touch(const struct frame *frame, struct arena *keep)
{
    size_t rows = frame->rows < ROWS_MAX ? frame->rows : ROWS_MAX;

    for (size_t c = 0; c < frame->count; c++)
        column_touch(&frame->columns[c], rows, keep);
    for (size_t c = 0; c < frame->levels; c++)
        column_touch(&frame->index[c], rows, keep);
}

/* What was read can be written and read again. */
static void again(const struct frame *frame, struct arena *keep)
{
    struct text tar = {.limit = 16 << 20};
    struct frame copy;
    struct error err;

    if (frame_encode(frame, &tar, &err) == STATUS_OK) {
        struct bytes kept = {(const uint8_t *)arena_text(keep, text_bytes(&tar)), tar.size};
        if (kept.data && frame_decode(kept, &copy, keep, &err) == STATUS_OK) {
            if (copy.rows != frame->rows || copy.count != frame->count)
                __builtin_trap();
            frame_touch(&copy, keep);
        } else if (kept.data && err.status != STATUS_NO_MEMORY && err.status != STATUS_TOO_LARGE) {
            __builtin_trap();
        }
    }
    text_release(&tar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    struct frame frame;
    struct arena keep;
    struct error err;
    struct json body;
    enum status status;

    arena_init(&keep, 64 << 20);
    if (size && data[0] == '{') {
        status = json_parse(bytes, 0, &body, &keep, &err);
        if (!status)
            status = frame_from_json(&body, &frame, &keep, &err);
    } else {
        status = frame_decode(bytes, &frame, &keep, &err);
    }
    if (!status) {
        frame_touch(&frame, &keep);
        again(&frame, &keep);
    }
    arena_release(&keep);
    return 0;
}
