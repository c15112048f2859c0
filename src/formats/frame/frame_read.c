// SPDX-License-Identifier: Apache-2.0
#include "formats/frame/frame.h"

#include "base/checked.h"
#include "base/map.h"
#include "formats/archive/tar.h"
#include "formats/numpy/npy.h"

enum {
    FRAME_COLUMNS_MAX = 100000,
    FRAME_LEVELS_MAX = 64,
    NESTING_MAX = 2, /* categories of categories are none */
};

struct reading {
    struct map members; /* name -> struct entry */
    struct arena *keep;
    const char *what; /* the column at hand */
};

static const char *const TYPES[] = {"number",   "text",     "json", "time",
                                    "duration", "category", "range"};
static const char *const WORDS[] = {"numbers",   "texts",      "values", "times",
                                    "durations", "categories", "a range"};

const char *column_type_name(enum column_type type)
{
    return WORDS[type];
}

static enum status wrong(const struct reading *r, struct error *err, const char *why)
{
    return error_set(err, STATUS_INVALID_INPUT, "frame: column '%.64s': %s", r->what, why);
}

static bool get_text(const struct json *object, const char *key, const char **text,
                     struct arena *keep)
{
    struct bytes string;

    *text = NULL;
    if (!json_string(json_get(object, key), &string))
        return true;
    *text = arena_text(keep, string);
    return *text != NULL;
}

/* --- members --- */

static enum status members_list(struct reading *r, struct bytes tar, struct error *err)
{
    const struct artifact_limits limits = artifact_limits_default();
    struct entries entries = {.limits = &limits, .arena = r->keep};

    TRY(tar_list(tar, &entries, err));
    TRY(entries_finish(&entries, err));
    map_init(&r->members, r->keep);
    for (size_t i = 0; i < entries.count; i++)
        if (!map_set(&r->members, bytes_of(entries.items[i].path), &entries.items[i]))
            return error_no_memory(err, "a frame");
    return STATUS_OK;
}

static enum status member_of(const struct reading *r, const struct json *spec, const char *key,
                             struct bytes *bytes, struct error *err)
{
    const struct entry *entry;
    struct bytes name;

    if (!json_string(json_get(spec, key), &name))
        return error_set(err, STATUS_INVALID_INPUT, "frame: column '%.64s' has no \"%s\"", r->what,
                         key);
    entry = map_find(&r->members, name);
    if (!entry)
        return error_set(err, STATUS_INVALID_INPUT,
                         "frame: column '%.64s': there is no such member for its \"%s\"", r->what,
                         key);
    *bytes = entry->packed;
    return STATUS_OK;
}

/* A member that is an array of so many elements. */
static enum status array_of(const struct reading *r, const struct json *spec, const char *key,
                            size_t count, struct tensor *tensor, struct error *err)
{
    struct bytes bytes;

    TRY(member_of(r, spec, key, &bytes, err));
    if (npy_read(bytes, tensor, r->keep, err))
        return error_within(err, "frame: column '%.64s'", r->what);
    if (tensor->shape.rank != 1 || tensor->shape.dims[0] != (int64_t)count)
        return error_set(
            err, STATUS_INVALID_INPUT,
            "frame: column '%.64s': the array of its \"%s\" does not have %zu elements", r->what,
            key, count);
    return STATUS_OK;
}

/* --- columns --- */

static enum status texts_check(const struct reading *r, const struct frame_column *column,
                               size_t rows, struct error *err)
{
    const int64_t *begins = column->data.data;

    if (column->data.dtype != DTYPE_I64)
        return wrong(r, err, "texts do not begin at places of int64");
    if (begins[0] != 0 || begins[rows] != (int64_t)column->text.size)
        return wrong(r, err, "its texts are not all of its bytes");
    for (size_t i = 0; i < rows; i++) {
        if (begins[i + 1] < begins[i] || begins[i + 1] > (int64_t)column->text.size)
            return wrong(r, err, "a text ends before it begins");
        if (!text_is_utf8(
                (struct bytes){column->text.data + begins[i], (size_t)(begins[i + 1] - begins[i])}))
            return wrong(r, err, "a text is not UTF-8");
    }
    return STATUS_OK;
}

static enum status values_check(const struct reading *r, const struct frame_column *column,
                                size_t rows, struct error *err)
{
    const int64_t *begins = column->data.data;

    for (size_t i = 0; i < rows; i++) {
        struct json_reader reader;
        json_reader_init(
            &reader,
            (struct bytes){column->text.data + begins[i], (size_t)(begins[i + 1] - begins[i])}, 0);
        if (json_skip(&reader, err) || json_end(&reader, err))
            return error_within(err, "frame: column '%.64s'", r->what);
    }
    return STATUS_OK;
}

static enum status codes_check(const struct reading *r, const struct frame_column *column,
                               size_t rows, struct error *err)
{
    if (dtype_kind(column->data.dtype) != KIND_INT)
        return wrong(r, err, "its codes are not signed integers");
    for (size_t i = 0; i < rows; i++) {
        int64_t code = tensor_i64(&column->data, i);
        if (code < -1 || code >= (int64_t)column->count)
            return wrong(r, err, "a code has no category");
    }
    return STATUS_OK;
}

static enum status number_check(const struct reading *r, const struct frame_column *column,
                                struct error *err)
{
    enum dtype_kind kind = dtype_kind(column->data.dtype);

    if (kind == KIND_BOOL || kind == KIND_INT || kind == KIND_UINT || kind == KIND_FLOAT ||
        kind == KIND_COMPLEX)
        return STATUS_OK;
    return wrong(r, err, "its data are no numbers");
}

static enum status time_check(struct reading *r, const struct json *spec,
                              struct frame_column *column, struct error *err)
{
    static const char *const UNITS[] = {"s", "ms", "us", "ns"};
    bool known = false;

    if (!get_text(spec, "unit", &column->unit, r->keep) ||
        !get_text(spec, "zone", &column->zone, r->keep))
        return error_no_memory(err, "a frame");
    for (size_t i = 0; i < ARRAY_COUNT(UNITS); i++)
        known |= column->unit && strcmp(column->unit, UNITS[i]) == 0;
    if (!known)
        return wrong(r, err, "its unit is none of s, ms, us, ns");
    if (column->data.dtype != DTYPE_I64)
        return wrong(r, err, "its times are not int64");
    return STATUS_OK;
}

static enum status column_read(struct reading *r, const struct json *spec, size_t rows, int nesting,
                               struct frame_column *column, struct error *err);

static enum status category_read(struct reading *r, const struct json *spec, size_t rows,
                                 int nesting, struct frame_column *column, struct error *err)
{
    struct frame_column *categories = arena_new(r->keep, struct frame_column, 1);
    const struct json *inner = json_get(spec, "categories");
    int64_t count;

    if (!categories)
        return error_no_memory(err, "a frame");
    if (nesting >= NESTING_MAX || !inner || inner->kind != JSON_OBJECT)
        return wrong(r, err, "it has no categories");
    if (!json_i64(json_get(spec, "count"), &count) || count < 0)
        return wrong(r, err, "nobody says how many categories it has");
    column->count = (size_t)count;
    if (!json_bool(json_get(spec, "ordered"), &column->ordered))
        column->ordered = false;
    TRY(column_read(r, inner, column->count, nesting + 1, categories, err));
    column->categories = categories;
    return codes_check(r, column, rows, err);
}

static enum status range_read(const struct reading *r, const struct json *spec, size_t rows,
                              struct frame_column *column, struct error *err)
{
    int64_t last;

    if (!json_i64(json_get(spec, "start"), &column->start) ||
        !json_i64(json_get(spec, "step"), &column->step) ||
        !json_i64(json_get(spec, "stop"), &column->stop) || column->step == 0)
        return wrong(r, err, "a range has start, stop and step");
    if (__builtin_mul_overflow((int64_t)rows, column->step, &last) ||
        __builtin_add_overflow(last, column->start, &last))
        return wrong(r, err, "its range is too long");
    return STATUS_OK;
}

static enum status data_read(struct reading *r, const struct json *spec, size_t rows, int nesting,
                             struct frame_column *column, struct error *err)
{
    bool texts = column->type == COLUMN_TEXT || column->type == COLUMN_JSON;

    if (column->type == COLUMN_RANGE)
        return range_read(r, spec, rows, column, err);
    TRY(array_of(r, spec, "data", rows + texts, &column->data, err));
    if (texts) {
        TRY(member_of(r, spec, "bytes", &column->text, err));
        TRY(texts_check(r, column, rows, err));
        return column->type == COLUMN_JSON ? values_check(r, column, rows, err) : STATUS_OK;
    }
    if (column->type == COLUMN_CATEGORY)
        return category_read(r, spec, rows, nesting, column, err);
    return column->type == COLUMN_NUMBER ? number_check(r, column, err)
                                         : time_check(r, spec, column, err);
}

static enum status column_read(struct reading *r, const struct json *spec, size_t rows, int nesting,
                               struct frame_column *column, struct error *err)
{
    struct bytes type = {NULL, 0};
    struct tensor missing;
    size_t t = 0;

    if (!json_string(json_get(spec, "type"), &type))
        return wrong(r, err, "it has no type");
    while (t < ARRAY_COUNT(TYPES) && !bytes_is(type, TYPES[t]))
        t++;
    if (t == ARRAY_COUNT(TYPES))
        return wrong(r, err, "its type is unknown");
    column->type = (enum column_type)t;
    if (!get_text(spec, "dtype", &column->dtype, r->keep))
        return error_no_memory(err, "a frame");
    if (!column->dtype)
        return wrong(r, err, "it has no dtype");
    TRY(data_read(r, spec, rows, nesting, column, err));
    if (!json_get(spec, "missing"))
        return STATUS_OK;
    TRY(array_of(r, spec, "missing", rows, &missing, err));
    if (missing.dtype != DTYPE_U8)
        return wrong(r, err, "what is missing is not uint8");
    column->missing = missing.data;
    return STATUS_OK;
}

/* --- names --- */

static void label_write(const struct json *name, struct text *text, int depth)
{
    if (!name || name->kind == JSON_NULL || depth > 4 || name->kind == JSON_OBJECT) {
        text_append(text, "null");
    } else if (name->kind == JSON_STRING) {
        json_write_string(text, name->string);
    } else if (name->kind == JSON_BOOL) {
        text_append(text, name->boolean ? "true" : "false");
    } else if (name->kind == JSON_INT) {
        text_printf(text, "%lld", (long long)name->integer);
    } else if (name->kind == JSON_UINT) {
        text_printf(text, "%llu", (unsigned long long)name->unsigned_integer);
    } else if (name->kind == JSON_FLOAT) {
        json_write_f64(text, name->number);
    } else {
        text_append_char(text, '[');
        for (size_t i = 0; i < name->count; i++) {
            if (i)
                text_append_char(text, ',');
            label_write(&name->items[i], text, depth + 1);
        }
        text_append_char(text, ']');
    }
}

static enum status name_read(struct reading *r, const struct json *spec,
                             struct frame_column *column, struct error *err)
{
    const struct json *name = json_get(spec, "name");
    struct text text = {0};
    char *label;

    label_write(name, &text, 0);
    label = text_check(&text, err) ? NULL : arena_text(r->keep, text_bytes(&text));
    text_release(&text);
    if (!label)
        return error_no_memory(err, "a frame");
    column->label = bytes_of(label);
    column->name = label;
    if (!name || name->kind == JSON_NULL)
        column->name = "";
    else if (name->kind == JSON_STRING)
        column->name = arena_text(r->keep, name->string);
    r->what = column->name;
    return column->name ? STATUS_OK : error_no_memory(err, "a frame");
}

static enum status columns_read(struct reading *r, const struct json *specs, size_t most,
                                size_t rows, struct frame_column **columns, size_t *count,
                                struct error *err)
{
    struct map names;

    if (!specs || specs->kind != JSON_ARRAY || specs->count > most)
        return error_set(err, STATUS_INVALID_INPUT,
                         "frame: columns and index are lists of columns, not too long");
    *columns = arena_new(r->keep, struct frame_column, specs->count + 1);
    *count = specs->count;
    if (!*columns)
        return error_no_memory(err, "a frame");
    map_init(&names, r->keep);
    for (size_t i = 0; i < specs->count; i++) {
        struct frame_column *column = &(*columns)[i];
        TRY(name_read(r, &specs->items[i], column, err));
        if (most == FRAME_COLUMNS_MAX && map_find(&names, column->label))
            return wrong(r, err, "there are two of this name");
        if (!map_set(&names, column->label, column))
            return error_no_memory(err, "a frame");
        TRY(column_read(r, &specs->items[i], rows, 0, column, err));
    }
    return STATUS_OK;
}

enum status frame_decode(struct bytes tar, struct frame *frame, struct arena *keep,
                         struct error *err)
{
    struct reading r = {.keep = keep, .what = ""};
    const struct entry *entry;
    struct json head;
    int64_t rows, format;
    size_t unused;

    *frame = (struct frame){.rows = 0};
    TRY(members_list(&r, tar, err));
    entry = map_find(&r.members, bytes_of("frame.json"));
    if (!entry)
        return error_set(err, STATUS_INVALID_INPUT, "frame: there is no frame.json");
    if (json_parse(entry->packed, 0, &head, keep, err))
        return error_within(err, "frame.json");
    if (!json_i64(json_get(&head, "frame"), &format) || format != 1)
        return error_set(err, STATUS_UNSUPPORTED, "frame: its format is not 1");
    if (!json_i64(json_get(&head, "rows"), &rows) || rows < 0 ||
        !checked_multiply((size_t)rows, 64, &unused))
        return error_set(err, STATUS_INVALID_INPUT, "frame: nobody says how many rows it has");
    frame->rows = (size_t)rows;
    if (!json_bool(json_get(&head, "series"), &frame->series))
        frame->series = false;
    TRY(columns_read(&r, json_get(&head, "columns"), FRAME_COLUMNS_MAX, frame->rows,
                     &frame->columns, &frame->count, err));
    TRY(columns_read(&r, json_get(&head, "index"), FRAME_LEVELS_MAX, frame->rows, &frame->index,
                     &frame->levels, err));
    return STATUS_OK;
}

const struct frame_column *frame_find(const struct frame *frame, const char *name)
{
    for (size_t i = 0; i < frame->count; i++)
        if (strcmp(frame->columns[i].name, name) == 0)
            return &frame->columns[i];
    return NULL;
}
