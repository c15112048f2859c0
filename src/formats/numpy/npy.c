// SPDX-License-Identifier: Apache-2.0
/* npy, versions 1 to 3, and npz. numpy/lib/format.py is the specification.
 *
 *   6 bytes  "\x93NUMPY"
 *   2 bytes  version, major and minor
 *   u16 LE   bytes of the header (version 1), or u32 LE (versions 2 and 3)
 *   header   a Python dict: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 *   data     elements; for descr '|O' a pickle of the whole array */
#include "formats/numpy/npy.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "formats/pickle/machine.h"

enum {
    HEADER_BYTES_MAX = 1 << 20, /* a dtype of some hundred fields has some KiB */
    FIELDS_MAX = 1024,
    NESTING_MAX = 4,
    ALIGNMENT = 64,
};
static const char MAGIC[] = "\x93NUMPY";
enum { MAGIC_SIZE = 6 };

bool npy_is(struct bytes bytes)
{
    return bytes_starts(bytes, (struct bytes){(const uint8_t *)MAGIC, MAGIC_SIZE});
}

/* --- the header --- */

struct header {
    const uint8_t *at, *end;
    struct arena *keep;
    size_t fields_left;
    int nesting;
    bool descr, order, shape; /* was it there? */
};

static enum status broken(struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "the header of an npy file is broken");
}

static void skip_blanks(struct header *h)
{
    while (h->at < h->end && strchr(" \t\r\n", *h->at) && *h->at)
        h->at++;
}

/* Is `c` next? Then it is consumed. */
static bool accept(struct header *h, char c)
{
    skip_blanks(h);
    if (h->at == h->end || *h->at != (uint8_t)c)
        return false;
    h->at++;
    return true;
}

static bool accept_word(struct header *h, const char *word)
{
    size_t size = strlen(word);

    skip_blanks(h);
    if ((size_t)(h->end - h->at) < size || memcmp(h->at, word, size) != 0)
        return false;
    h->at += size;
    return true;
}

/* A quoted string without escapes. */
static bool take_string(struct header *h, struct bytes *string)
{
    uint8_t quote;

    skip_blanks(h);
    if (h->at < h->end && (*h->at == 'u' || *h->at == 'b'))
        h->at++;
    if (h->at == h->end || (*h->at != '\'' && *h->at != '"'))
        return false;
    quote = *h->at++;
    string->data = h->at;
    while (h->at < h->end && *h->at != quote && *h->at != '\\')
        h->at++;
    if (h->at == h->end || *h->at != quote)
        return false;
    string->size = (size_t)(h->at++ - string->data);
    return true;
}

static bool take_size(struct header *h, int64_t *size)
{
    const uint8_t *start;

    skip_blanks(h);
    start = h->at;
    for (*size = 0; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
        if (__builtin_mul_overflow(*size, 10, size) ||
            __builtin_add_overflow(*size, *h->at - '0', size))
            return false;
    if (h->at == start)
        return false;
    (void)accept(h, 'L'); /* numpy on Python 2 */
    return true;
}

/* "(3, 4)", "(3,)", "()" */
static bool take_shape(struct header *h, struct shape *shape)
{
    *shape = (struct shape){0};
    if (!accept(h, '('))
        return false;
    while (!accept(h, ')')) {
        if (shape->rank == RANK_MAX || !take_size(h, &shape->dims[shape->rank++]))
            return false;
        if (!accept(h, ','))
            return accept(h, ')');
    }
    return true;
}

static enum status take_dtype(struct header *h, struct numpy_dtype *dtype, struct error *err);

/* A field that is itself an array is raw bytes to us. */
static enum status take_field_shape(struct header *h, struct numpy_dtype *dtype, struct error *err)
{
    struct shape shape;
    size_t size = dtype->itemsize;

    if (!take_shape(h, &shape))
        return broken(err);
    for (int i = 0; i < shape.rank; i++)
        if (!checked_multiply(size, (size_t)shape.dims[i], &size))
            return broken(err);
    *dtype = (struct numpy_dtype){.kind = 'V', .order = '|', .itemsize = size};
    return STATUS_OK;
}

/* "('name', '<f8')", with a shape behind it, or a title in front of the name. */
static enum status take_field(struct header *h, struct numpy_field *field, struct error *err)
{
    struct bytes name, title;

    if (!accept(h, '('))
        return broken(err);
    if (accept(h, '(')) {
        if (!take_string(h, &title) || !accept(h, ',') || !take_string(h, &name) || !accept(h, ')'))
            return broken(err);
    } else if (!take_string(h, &name)) {
        return broken(err);
    }
    field->name = arena_text(h->keep, name);
    if (!field->name)
        return error_no_memory(err, "fields of an npy file");
    if (!accept(h, ','))
        return broken(err);
    TRY(take_dtype(h, &field->dtype, err));
    if (accept(h, ')'))
        return STATUS_OK;
    if (!accept(h, ','))
        return broken(err);
    if (accept(h, ')'))
        return STATUS_OK;
    TRY(take_field_shape(h, &field->dtype, err));
    (void)accept(h, ',');
    return accept(h, ')') ? STATUS_OK : broken(err);
}

/* Each field has a parenthesis of its own. */
static size_t count_fields(const struct header *h)
{
    size_t count = 0;

    for (const uint8_t *at = h->at; at < h->end; at++)
        count += *at == '(';
    return count < h->fields_left ? count : h->fields_left;
}

static enum status take_fields(struct header *h, struct numpy_dtype *dtype, struct error *err)
{
    size_t room = count_fields(h);
    struct numpy_field *fields = arena_new(h->keep, struct numpy_field, room);

    *dtype = (struct numpy_dtype){.kind = 'V', .order = '|', .fields = fields};
    if (!fields)
        return error_no_memory(err, "fields of an npy file");
    while (!accept(h, ']')) {
        struct numpy_field *field = &fields[dtype->field_count];
        if (dtype->field_count == room || h->fields_left == 0)
            return error_set(err, STATUS_TOO_LARGE, "an npy file with more than %d fields",
                             FIELDS_MAX);
        h->fields_left--;
        TRY(take_field(h, field, err));
        field->offset = dtype->itemsize;
        if (!checked_add(dtype->itemsize, field->dtype.itemsize, &dtype->itemsize))
            return broken(err);
        dtype->field_count++;
        if (!accept(h, ',') && !(h->at < h->end && *h->at == ']'))
            return broken(err);
    }
    return STATUS_OK;
}

static enum status take_dtype(struct header *h, struct numpy_dtype *dtype, struct error *err)
{
    struct bytes descr;
    enum status status;

    if (accept(h, '[')) {
        if (h->nesting == NESTING_MAX)
            return error_set(err, STATUS_UNSUPPORTED,
                             "an npy file with types nested deeper than %d", NESTING_MAX);
        h->nesting++;
        status = take_fields(h, dtype, err);
        h->nesting--;
        return status;
    }
    return take_string(h, &descr) ? numpy_dtype_parse(descr, dtype, err) : broken(err);
}

static enum status take_entry(struct header *h, struct numpy_array *array, struct error *err)
{
    struct bytes key;

    if (!take_string(h, &key) || !accept(h, ':'))
        return broken(err);
    if (bytes_is(key, "descr") && !h->descr) {
        h->descr = true;
        return take_dtype(h, &array->dtype, err);
    }
    if (bytes_is(key, "fortran_order") && !h->order) {
        h->order = true;
        array->fortran = accept_word(h, "True");
        return array->fortran || accept_word(h, "False") ? STATUS_OK : broken(err);
    }
    if (bytes_is(key, "shape") && !h->shape) {
        h->shape = true;
        return take_shape(h, &array->shape) ? STATUS_OK : broken(err);
    }
    return broken(err);
}

static enum status parse_header(struct bytes header, struct numpy_array *array, struct arena *keep,
                                struct error *err)
{
    struct header h = {.at = header.data,
                       .end = header.data + header.size,
                       .keep = keep,
                       .fields_left = FIELDS_MAX};

    if (!accept(&h, '{'))
        return broken(err);
    while (!accept(&h, '}')) {
        TRY(take_entry(&h, array, err));
        if (!accept(&h, ',') && !(h.at < h.end && *h.at == '}'))
            return broken(err);
    }
    skip_blanks(&h);
    return h.at == h.end && h.descr && h.order && h.shape ? STATUS_OK : broken(err);
}

/* --- reading --- */

static enum status take_header(struct cursor *cursor, struct bytes *header, struct error *err)
{
    unsigned major;
    uint32_t size;

    cursor_skip(cursor, MAGIC_SIZE);
    major = cursor_u8(cursor);
    (void)cursor_u8(cursor);
    TRY(cursor_check(cursor, err));
    if (major < 1 || major > 3)
        return error_set(err, STATUS_UNSUPPORTED, "npy version %u", major);
    size = major == 1 ? cursor_u16le(cursor) : cursor_u32le(cursor);
    if (size > HEADER_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the header of an npy file has %u bytes", size);
    *header = cursor_take(cursor, size);
    return cursor_check(cursor, err);
}

enum status npy_read_raw(struct bytes bytes, struct numpy_array *array, size_t *used,
                         struct arena *keep, struct error *err)
{
    struct cursor cursor = cursor_over(bytes);
    struct bytes header;
    size_t count, size;

    if (!npy_is(bytes))
        return error_set(err, STATUS_INVALID_INPUT, "not an npy file");
    *array = (struct numpy_array){0};
    TRY(take_header(&cursor, &header, err));
    TRY(parse_header(header, array, keep, err));
    TRY(numpy_array_size(array, &count, &size, err));
    if (array->dtype.itemsize == 0 && array->shape.rank > 0)
        return error_set(err, STATUS_UNSUPPORTED, "an npy file with elements of no bytes");
    if (numpy_dtype_has_objects(&array->dtype))
        size = cursor_left(&cursor);
    if (size > cursor_left(&cursor))
        return error_at(err, cursor.offset, STATUS_INVALID_INPUT,
                        "an npy file has %zu bytes of data, not %zu", cursor_left(&cursor), size);
    array->data = cursor_take(&cursor, size);
    if (used)
        *used = cursor.offset;
    return STATUS_OK;
}

enum status npy_read(struct bytes bytes, struct tensor *tensor, struct arena *keep,
                     struct error *err)
{
    struct numpy_array array;
    struct pickle pickle;

    TRY(npy_read_raw(bytes, &array, NULL, keep, err));
    if (!numpy_dtype_has_objects(&array.dtype))
        return numpy_to_tensor(&array, tensor, keep, err);
    TRY(pickle_read(array.data, NULL, "", NULL, &pickle, keep, err));
    return pickle_to_tensor(pickle.root, tensor, keep, err);
}

/* --- npz --- */

static bool ends_with_npy(const char *path)
{
    size_t size = strlen(path);

    return size > 4 && strcmp(path + size - 4, ".npy") == 0;
}

bool npz_is(const struct artifact *artifact)
{
    if (artifact->kind != ARTIFACT_ZIP || artifact->count == 0)
        return false;
    for (size_t i = 0; i < artifact->count; i++)
        if (!ends_with_npy(artifact->members[i].path))
            return false;
    return true;
}

/* --- writing --- */

static const char *const DESCR[DTYPE_COUNT] = {
#define DTYPE(name, size, kind, contract, oip, numpy, onnx, tf) [DTYPE_##name] = numpy,
#include "tensor/dtype.def"
#undef DTYPE
};

/* Code points of UTF-8; it was checked. */
static size_t count_chars(struct bytes text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

struct strings {
    size_t chars, bytes; /* of the longest */
    bool utf8;
};

static enum status measure(const struct bytes *strings, size_t count, struct strings *measured,
                           struct error *err)
{
    *measured = (struct strings){1, 1, true};
    for (size_t i = 0; i < count; i++) {
        size_t chars = count_chars(strings[i]);
        if (strings[i].size && strings[i].data[strings[i].size - 1] == 0)
            return error_set(err, STATUS_UNSUPPORTED,
                             "numpy strings cannot end in NUL, as string %zu does", i);
        measured->utf8 = measured->utf8 && text_is_utf8(strings[i]);
        if (chars > measured->chars)
            measured->chars = chars;
        if (strings[i].size > measured->bytes)
            measured->bytes = strings[i].size;
    }
    return STATUS_OK;
}

static void write_header(struct text *text, const char *descr, const struct shape *shape)
{
    size_t start = text->size, size;

    text_append_bytes(text, (struct bytes){(const uint8_t *)MAGIC, MAGIC_SIZE});
    text_append_bytes(text, (struct bytes){(const uint8_t *)"\1\0\0\0", 4});
    text_printf(text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < shape->rank; i++)
        text_printf(text, i + 1 < shape->rank ? "%lld, " : "%lld", (long long)shape->dims[i]);
    text_append(text, shape->rank == 1 ? ",), }" : "), }");
    while ((text->size - start + 1) % ALIGNMENT && !text->failed)
        text_append_char(text, ' ');
    text_append_char(text, '\n');
    if (text->failed)
        return;
    size = text->size - start - MAGIC_SIZE - 4;
    text->data[start + MAGIC_SIZE + 2] = (char)(size & 0xff);
    text->data[start + MAGIC_SIZE + 3] = (char)(size >> 8);
}

static uint32_t next_char(struct bytes text, size_t *at)
{
    uint8_t first = text.data[(*at)++];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t code = more ? first & (0x3fu >> more) : first;

    for (; more; more--)
        code = code << 6 | (text.data[(*at)++] & 0x3fu);
    return code;
}

static void write_utf32(struct text *text, struct bytes string, size_t chars)
{
    size_t size = chars * sizeof(uint32_t);
    char *to = text_reserve(text, size);

    if (!to)
        return;
    memset(to, 0, size);
    for (size_t at = 0; at < string.size; to += sizeof(uint32_t)) {
        uint32_t code = next_char(string, &at);
        memcpy(to, &code, sizeof code);
    }
    text->size += size;
}

static void write_padded(struct text *text, struct bytes string, size_t size)
{
    char *to = text_reserve(text, size);

    if (!to)
        return;
    memset(to, 0, size);
    if (string.size)
        memcpy(to, string.data, string.size);
    text->size += size;
}

static enum status write_strings(const struct tensor *tensor, struct text *text, struct error *err)
{
    const struct bytes *strings = tensor->data;
    size_t count = tensor_count(tensor);
    struct strings measured;
    char descr[32];

    TRY(measure(strings, count, &measured, err));
    snprintf(descr, sizeof descr, measured.utf8 ? "<U%zu" : "|S%zu",
             measured.utf8 ? measured.chars : measured.bytes);
    write_header(text, descr, &tensor->shape);
    for (size_t i = 0; i < count && !text->failed; i++) {
        if (measured.utf8)
            write_utf32(text, strings[i], measured.chars);
        else
            write_padded(text, strings[i], measured.bytes);
    }
    return text_check(text, err);
}

enum status npy_write(const struct tensor *tensor, struct text *text, struct error *err)
{
    const char *numpy =
        tensor->dtype > DTYPE_NONE && tensor->dtype < DTYPE_COUNT ? DESCR[tensor->dtype] : "";
    char descr[32];

    if (tensor->dtype == DTYPE_STRING)
        return write_strings(tensor, text, err);
    if (numpy[0] == '\0')
        return error_set(err, STATUS_UNSUPPORTED, "numpy has no type %s",
                         dtype_name(tensor->dtype));
    snprintf(descr, sizeof descr, "%c%s", dtype_size(tensor->dtype) == 1 ? '|' : '<', numpy);
    write_header(text, descr, &tensor->shape);
    text_append_bytes(text, (struct bytes){tensor->data, tensor_bytes(tensor)});
    return text_check(text, err);
}
