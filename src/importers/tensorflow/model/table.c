// SPDX-License-Identifier: Apache-2.0
/* Keys and values of tables, from tensors and from files of text.
 * Source: tensorflow/core/kernels/lookup_util.cc (TextFileLineIterator). */
#include "importers/tensorflow/text/table.h"

#include "base/map.h"
#include "base/number.h"
#include "base/text.h"
#include "tensor/convert.h"

enum { LINES_MAX = 1 << 28, COLUMNS_MAX = 1 << 12 };

/* --- as tensors --- */

static enum status parts_check(const struct tf_table *table, const struct tensor *keys,
                               const struct tensor *values, struct error *err)
{
    if ((table->key_dtype && keys->dtype != table->key_dtype) ||
        (table->value_dtype && values->dtype != table->value_dtype))
        return error_set(err, STATUS_INVALID_INPUT, "a table from %s to %s is filled from %s to %s",
                         dtype_name(table->key_dtype), dtype_name(table->value_dtype),
                         dtype_name(keys->dtype), dtype_name(values->dtype));
    if (keys->shape.rank > 1 && keys->shape.rank == values->shape.rank &&
        shape_equal(&keys->shape, &values->shape))
        return STATUS_OK;
    if (keys->shape.rank > 1)
        return error_set(err, STATUS_UNSUPPORTED, "its keys are vectors");
    if (keys->shape.rank == 0 && values->shape.rank == 0)
        return STATUS_OK;
    if (keys->shape.rank != 1 || values->shape.rank < 1 ||
        values->shape.dims[0] != keys->shape.dims[0])
        return error_set(err, STATUS_INVALID_INPUT, "keys and values of a table differ in shape");
    return STATUS_OK;
}

/* As a list, of whatever shape it was. */
static enum status flat(const struct tensor *tensor, bool whole, const struct tensor **list,
                        struct arena *keep, struct error *err)
{
    struct tensor *copy;

    *list = tensor;
    if (!whole)
        return STATUS_OK;
    *list = copy = arena_new(keep, struct tensor, 1);
    if (!copy)
        return error_no_memory(err, "a table");
    *copy = *tensor;
    copy->shape = SHAPE((int64_t)tensor_count(tensor));
    return STATUS_OK;
}

/* For a table that is filled once: the same key twice must have the same value. */
static enum status duplicates_check(const struct tf_table *table, struct error *err)
{
    size_t count = tensor_count(table->keys), size = dtype_size(table->keys->dtype);
    size_t width = count ? tensor_bytes(table->values) / count : 0;
    const uint8_t *values = table->values->data;
    struct arena scratch;
    struct map seen;
    bool room = true, equal = true;
    size_t i = 0;

    arena_init(&scratch, SIZE_MAX);
    map_init(&seen, &scratch);
    for (; room && equal && i < count; i++) {
        struct bytes key = {(const uint8_t *)table->keys->data + i * size, size};
        uintptr_t other;

        if (table->keys->dtype == DTYPE_STRING)
            key = ((const struct bytes *)table->keys->data)[i];
        other = (uintptr_t)map_find(&seen, key);
        if (!other)
            room = map_set(&seen, key, (void *)(uintptr_t)(i + 1));
        else if (table->values->dtype == DTYPE_STRING)
            equal = bytes_equal(((const struct bytes *)table->values->data)[other - 1],
                                ((const struct bytes *)table->values->data)[i]);
        else
            equal = !memcmp(values + (other - 1) * width, values + i * width, width);
    }
    arena_release(&scratch);
    if (!room)
        return error_no_memory(err, "a table");
    return equal ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT,
                             "its table has different values for one key, at %zu", i - 1);
}

static bool is_reserved(const struct tf_table *table, size_t i)
{
    size_t size = dtype_size(table->keys->dtype);

    for (size_t r = 0; r < 2; r++) {
        const struct tensor *key = table->reserved[r];

        if (!key)
            continue;
        if (key->dtype == DTYPE_STRING
                ? bytes_equal(((const struct bytes *)table->keys->data)[i],
                              *(const struct bytes *)key->data)
                : !memcmp((const uint8_t *)table->keys->data + i * size, key->data, size))
            return true;
    }
    return false;
}

/* Only the rows that are not gone. */
static enum status rows_drop(struct tf_table *table, const bool *gone, struct arena *keep,
                             struct error *err)
{
    size_t count = tensor_count(table->keys), size = dtype_size(table->keys->dtype), left = 0;
    size_t width = count ? tensor_bytes(table->values) / count : 0;
    struct tensor *tensors = arena_new(keep, struct tensor, 2);

    if (!tensors)
        return error_no_memory(err, "a table");
    TRY(tensor_new(&tensors[0], table->keys->dtype, &table->keys->shape, keep, err));
    TRY(tensor_new(&tensors[1], table->values->dtype, &table->values->shape, keep, err));
    for (size_t i = 0; i < count; i++) {
        if (gone[i])
            continue;
        memcpy((uint8_t *)tensors[0].data + left * size,
               (const uint8_t *)table->keys->data + i * size, size);
        memcpy((uint8_t *)tensors[1].data + left++ * width,
               (const uint8_t *)table->values->data + i * width, width);
    }
    tensors[0].shape.dims[0] = tensors[1].shape.dims[0] = (int64_t)left;
    table->keys = &tensors[0];
    table->values = &tensors[1];
    return STATUS_OK;
}

/* A dense table is stored with its free places, which have the keys that it reserves. */
static enum status reserved_drop(struct tf_table *table, struct arena *keep, struct error *err)
{
    size_t count = tensor_count(table->keys);
    bool *gone = arena_new(keep, bool, count + 1);

    for (size_t r = 0; r < 2; r++)
        if (table->reserved[r] && (table->reserved[r]->shape.rank != 0 ||
                                   table->reserved[r]->dtype != table->keys->dtype))
            return error_set(err, STATUS_UNSUPPORTED, "its keys are vectors");
    if (!gone)
        return error_no_memory(err, "a table");
    for (size_t i = 0; i < count; i++)
        gone[i] = is_reserved(table, i);
    return rows_drop(table, gone, keep, err);
}

static struct bytes key_at(const struct tensor *keys, size_t i)
{
    size_t size = dtype_size(keys->dtype);

    return keys->dtype == DTYPE_STRING
               ? ((const struct bytes *)keys->data)[i]
               : (struct bytes){(const uint8_t *)keys->data + i * size, size};
}

enum status tf_table_remove(struct tf_table *table, const struct tensor *keys, struct arena *keep,
                            struct error *err)
{
    size_t count = table->keys ? tensor_count(table->keys) : 0;
    bool *gone = arena_new(keep, bool, count + 1);
    struct map named;

    if (!gone)
        return error_no_memory(err, "a table");
    if (count && keys->dtype != table->keys->dtype)
        return error_set(err, STATUS_INVALID_INPUT, "removes keys of %s from a table of %s",
                         dtype_name(keys->dtype), dtype_name(table->keys->dtype));
    map_init(&named, keep);
    for (size_t i = 0; count && i < tensor_count(keys); i++)
        if (!map_set(&named, key_at(keys, i), (void *)1))
            return error_no_memory(err, "a table");
    for (size_t i = 0; i < count; i++)
        gone[i] = map_find(&named, key_at(table->keys, i)) != NULL;
    return count ? rows_drop(table, gone, keep, err) : STATUS_OK;
}

enum status tf_table_fill(struct tf_table *table, const struct tensor *keys,
                          const struct tensor *values, struct arena *keep, struct error *err)
{
    bool whole = keys->shape.rank != 1;

    TRY(parts_check(table, keys, values, err));
    TRY(flat(keys, whole, &table->keys, keep, err));
    TRY(flat(values, whole, &table->values, keep, err));
    if (table->reserved[0])
        TRY(reserved_drop(table, keep, err));
    return table->fixed ? duplicates_check(table, err) : STATUS_OK;
}

static enum status joined(const struct tensor *a, const struct tensor *b,
                          const struct tensor **both, struct arena *keep, struct error *err)
{
    struct tensor *made = arena_new(keep, struct tensor, 1);
    struct shape shape = a->shape;

    if (!made)
        return error_no_memory(err, "a table");
    for (int i = 1; i < shape.rank; i++)
        if (b->shape.rank != shape.rank || b->shape.dims[i] != shape.dims[i])
            return error_set(err, STATUS_INVALID_INPUT, "values of a table differ in shape");
    shape.dims[0] += b->shape.dims[0];
    TRY(tensor_new(made, a->dtype, &shape, keep, err));
    memcpy(made->data, a->data, tensor_bytes(a));
    memcpy((uint8_t *)made->data + tensor_bytes(a), b->data, tensor_bytes(b));
    *both = made;
    return STATUS_OK;
}

enum status tf_table_add(struct tf_table *table, const struct tensor *keys,
                         const struct tensor *values, struct arena *keep, struct error *err)
{
    struct tf_table more = *table;

    TRY(tf_table_fill(&more, keys, values, keep, err));
    if (table->keys && tensor_count(table->keys)) {
        TRY(joined(table->keys, more.keys, &more.keys, keep, err));
        TRY(joined(table->values, more.values, &more.values, keep, err));
    }
    *table = more;
    return STATUS_OK;
}

enum status tf_table_empty(struct tf_table *table, struct arena *keep, struct error *err)
{
    struct shape none = SHAPE(0);
    struct tensor *tensors = arena_new(keep, struct tensor, 2);

    if (!tensors)
        return error_no_memory(err, "a table");
    if (!table->key_dtype || !table->value_dtype)
        return error_set(err, STATUS_UNSUPPORTED, "its table is not initialised");
    TRY(tensor_new(&tensors[0], table->key_dtype, &none, keep, err));
    TRY(tensor_new(&tensors[1], table->value_dtype, &none, keep, err));
    return tf_table_fill(table, &tensors[0], &tensors[1], keep, err);
}

enum status tf_table_distinct(const struct tf_table *table, size_t *count, struct arena *scratch,
                              struct error *err)
{
    size_t total = tensor_count(table->keys);
    struct map seen;

    map_init(&seen, scratch);
    for (size_t i = 0; i < total; i++) {
        if (!map_set(&seen, key_at(table->keys, i), (void *)1))
            return error_no_memory(err, "a table");
    }
    *count = seen.count;
    return STATUS_OK;
}

/* --- as text --- */

struct lines {
    const struct tf_table_file *file;
    struct arena *keep;
    size_t at, number; /* the next byte; the number of the line read last */
    struct bytes line;
    struct bytes fields[COLUMNS_MAX];
    size_t field_count;
};

static enum status line_error(const struct lines *lines, const char *what, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_INVALID_INPUT, "line %zu of a file of a table, '%s', %s",
                     lines->number, text_quote(lines->line, quoted, sizeof quoted), what);
}

/* A line without its carriage returns; false behind the last one. */
static enum status line_next(struct lines *lines, bool *more, struct error *err)
{
    struct bytes rest = {lines->file->text.data + lines->at, lines->file->text.size - lines->at};
    const uint8_t *end = rest.size ? memchr(rest.data, '\n', rest.size) : NULL;
    size_t used = 0;
    uint8_t *copy;

    *more = rest.size > 0;
    lines->line = (struct bytes){rest.data, end ? (size_t)(end - rest.data) : rest.size};
    lines->at += lines->line.size + (end != NULL);
    if (!lines->line.size || !memchr(lines->line.data, '\r', lines->line.size))
        return STATUS_OK;
    copy = arena_new(lines->keep, uint8_t, lines->line.size);
    if (!copy)
        return error_no_memory(err, "a table");
    for (size_t i = 0; i < lines->line.size; i++)
        if (lines->line.data[i] != '\r')
            copy[used++] = lines->line.data[i];
    lines->line = (struct bytes){copy, used};
    return STATUS_OK;
}

static enum status line_split(struct lines *lines, struct error *err)
{
    int64_t key = lines->file->key_index, value = lines->file->value_index;
    size_t wanted = (size_t)((key > value ? key : value) + 1), begin = 0;

    lines->field_count = 0;
    if (key < 0 && value < 0)
        return STATUS_OK;
    for (size_t i = 0; i <= lines->line.size && lines->field_count < wanted; i++) {
        if (i < lines->line.size && lines->line.data[i] != lines->file->delimiter.data[0])
            continue;
        lines->fields[lines->field_count++] = (struct bytes){lines->line.data + begin, i - begin};
        begin = i + 1;
    }
    return lines->field_count < wanted ? line_error(lines, "has too few columns", err) : STATUS_OK;
}

static enum status item_read(const struct lines *lines, int64_t index, struct tensor *to, size_t i,
                             struct error *err)
{
    struct bytes text = index == TF_WHOLE_LINE ? lines->line
                        : index >= 0           ? lines->fields[index]
                                               : (struct bytes){0};
    double number;
    int64_t whole;

    if (index == TF_LINE_NUMBER) {
        int64_t place;

        if (__builtin_add_overflow((int64_t)lines->number, lines->file->offset, &place) ||
            to->dtype != DTYPE_I64)
            return line_error(lines, "has no number", err);
        ((int64_t *)to->data)[i] = place;
        return STATUS_OK;
    }
    switch (to->dtype) {
    case DTYPE_STRING:
        ((struct bytes *)to->data)[i] = text.size ? text : (struct bytes){(const uint8_t *)"", 0};
        return STATUS_OK;
    case DTYPE_I64:
    case DTYPE_I32:
        if (!number_i64_from_text(text, &whole) ||
            (to->dtype == DTYPE_I32 && whole != (int32_t)whole))
            return line_error(lines, "is no whole number", err);
        if (to->dtype == DTYPE_I64)
            ((int64_t *)to->data)[i] = whole;
        else
            ((int32_t *)to->data)[i] = (int32_t)whole;
        return STATUS_OK;
    case DTYPE_F32:
    case DTYPE_F64:
        if (!number_from_text(text, &number))
            return line_error(lines, "is no number", err);
        tensor_set_f64(to, i, number);
        return STATUS_OK;
    default:
        return error_set(err, STATUS_UNSUPPORTED, "a table of %s from text", dtype_name(to->dtype));
    }
}

static enum status file_check(const struct tf_table *table, const struct tf_table_file *file,
                              struct error *err)
{
    int64_t indices[] = {file->key_index, file->value_index};

    for (size_t i = 0; i < 2; i++)
        if (indices[i] < TF_WHOLE_LINE || indices[i] >= COLUMNS_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "column %lld of a file of a table",
                             (long long)indices[i]);
    if (file->delimiter.size != 1)
        return error_set(err, STATUS_INVALID_INPUT, "its delimiter has %zu characters",
                         file->delimiter.size);
    if (!table->key_dtype || !table->value_dtype)
        return error_set(err, STATUS_UNSUPPORTED, "the types of its table are not stated");
    return STATUS_OK;
}

static size_t lines_count(struct bytes text)
{
    size_t count = text.size && text.data[text.size - 1] != '\n';

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

static enum status lines_read(struct lines *lines, size_t count, struct tensor *keys,
                              struct tensor *values, struct error *err)
{
    bool more;

    for (size_t i = 0; i < count; i++) {
        TRY(line_next(lines, &more, err));
        lines->number = i;
        TRY(line_split(lines, err));
        TRY(item_read(lines, lines->file->key_index, keys, i, err));
        TRY(item_read(lines, lines->file->value_index, values, i, err));
    }
    return STATUS_OK;
}

enum status tf_table_read(struct tf_table *table, const struct tf_table_file *file,
                          struct arena *keep, struct error *err)
{
    struct tensor *tensors = arena_new(keep, struct tensor, 2);
    struct lines *lines = arena_new(keep, struct lines, 1);
    size_t count = lines_count(file->text);
    struct shape shape;

    if (!tensors || !lines)
        return error_no_memory(err, "a table");
    TRY(file_check(table, file, err));
    if (count > LINES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a file of a table has %zu lines", count);
    if (file->vocabulary >= 0 && (size_t)file->vocabulary > count)
        return error_set(err, STATUS_INVALID_INPUT, "a file of a table has %zu lines, not %lld",
                         count, (long long)file->vocabulary);
    count = file->vocabulary >= 0 ? (size_t)file->vocabulary : count;
    shape = SHAPE((int64_t)count);
    *lines = (struct lines){.file = file, .keep = keep};
    TRY(tensor_new(&tensors[0], table->key_dtype, &shape, keep, err));
    TRY(tensor_new(&tensors[1], table->value_dtype, &shape, keep, err));
    TRY(lines_read(lines, count, &tensors[0], &tensors[1], err));
    return tf_table_fill(table, &tensors[0], &tensors[1], keep, err);
}

enum status tf_asset_read(const struct tf_lowering *l, struct bytes name, struct bytes *bytes,
                          struct error *err)
{
    static const char FOLDER[] = "assets/";
    char quoted[TEXT_QUOTE_SIZE], path[512];
    struct member *member;

    text_quote(name, quoted, sizeof quoted);
    if (bytes_starts(name, bytes_of(FOLDER)))
        name = (struct bytes){name.data + strlen(FOLDER), name.size - strlen(FOLDER)};
    if (!l->artifact || !l->file || !name.size || name.size > 400 || name.data[0] == '/' ||
        memmem(name.data, name.size, "..", 2))
        return error_set(err, STATUS_UNSUPPORTED, "'%s' is no file of the model's assets", quoted);
    memcpy(path, FOLDER, sizeof FOLDER);
    memcpy(path + strlen(FOLDER), name.data, name.size);
    if (artifact_resolve(l->artifact, l->file,
                         (struct bytes){(const uint8_t *)path, strlen(FOLDER) + name.size}, &member,
                         err))
        return error_set(err, STATUS_UNSUPPORTED, "the file 'assets/%s' is not there", quoted);
    return member_bytes(member, bytes, err);
}

/* --- graphs without signatures --- */

bool tf_fills_table(const char *op)
{
    return !strncmp(op, "InitializeTable", 15) || !strncmp(op, "LookupTableImport", 17);
}

enum status tf_tables_fill(struct tf_lowering *l, struct error *err)
{
    struct emitter e = {.where = ""};
    struct tf_scope scope;
    enum status status = STATUS_OK;

    l->phase = TF_INITIALISING;
    TRY(graph_new(&e.graph, l->keep, err));
    TRY(tf_scope_open(&scope, l, NULL, NULL, &e, err));
    for (size_t n = 0; n < l->graph->count && status == STATUS_OK; n++) {
        const struct tf_node *node = &l->graph->nodes[n];

        if (!tf_fills_table(node->op) || !tf_lower(&scope, &node, 1, err))
            continue;
        if (err->status != STATUS_UNSUPPORTED && err->status != STATUS_TOO_LARGE)
            status = err->status;
        else if (!(l->uninitialised = arena_printf(l->keep, "%s", err->text)))
            status = error_no_memory(err, "the graph");
    }
    l->phase = TF_SERVING;
    return status;
}
