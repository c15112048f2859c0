// SPDX-License-Identifier: Apache-2.0
/* Tensors in JSON. The inner loop reads an element with one call chosen by dtype; whatever that
 * call does not take (a string for NaN, 1e3 for an integer, a wrong kind) is looked at again,
 * slowly. */
#include "formats/json/json_tensor.h"

#include <math.h>
#include <stdlib.h>

#include "base/number.h"
#include "formats/json/json_scan.h"
#include "tensor/convert.h"

/* The element at `at` into `to`; its end, or NULL when it is nothing plain. */
typedef const char *parse_element(const char *at, const char *end, void *to);

struct reading {
    struct json_reader *reader;
    enum dtype dtype;
    parse_element *parse;
    struct arena *keep;
    uint8_t *data; /* (capacity,) elements of `width` bytes */
    size_t width, count, capacity;
    bool grows;             /* data is malloc'ed and may be moved; else the shape fixed its size */
    int rank;               /* of the nesting; RANK_UNKNOWN until an innermost array was seen */
    int64_t dims[RANK_MAX]; /* DIM_UNKNOWN until an array at this depth was closed */
};

/* --- elements --- */

static const char *parse_f32(const char *at, const char *end, void *to)
{
    return number_parse_f32(at, end, to);
}

static const char *parse_f64(const char *at, const char *end, void *to)
{
    return number_parse_f64(at, end, to);
}

static bool is_integer_end(const char *stop, const char *end)
{
    return stop && !(stop < end && (*stop == '.' || *stop == 'e' || *stop == 'E'));
}

#define INTEGER(name, type, from, wide, low, high)                                                 \
    static const char *parse_##name(const char *at, const char *end, void *to)                     \
    {                                                                                              \
        wide value;                                                                                \
        const char *stop = number_parse_##from(at, end, &value);                                   \
        if (!is_integer_end(stop, end) || value < (low) || value > (high))                         \
            return NULL;                                                                           \
        *(type *)to = (type)value;                                                                 \
        return stop;                                                                               \
    }
INTEGER(i8, int8_t, i64, int64_t, INT8_MIN, INT8_MAX)
INTEGER(i16, int16_t, i64, int64_t, INT16_MIN, INT16_MAX)
INTEGER(i32, int32_t, i64, int64_t, INT32_MIN, INT32_MAX)
INTEGER(i64, int64_t, i64, int64_t, INT64_MIN, INT64_MAX)
INTEGER(i4, int8_t, i64, int64_t, -8, 7)
INTEGER(i2, int8_t, i64, int64_t, -2, 1)
INTEGER(u8, uint8_t, i64, int64_t, 0, UINT8_MAX)
INTEGER(u16, uint16_t, i64, int64_t, 0, UINT16_MAX)
INTEGER(u32, uint32_t, i64, int64_t, 0, UINT32_MAX)
INTEGER(u4, uint8_t, i64, int64_t, 0, 15)
INTEGER(u2, uint8_t, i64, int64_t, 0, 3)
#undef INTEGER

static const char *parse_u64(const char *at, const char *end, void *to)
{
    const char *stop = number_parse_u64(at, end, to);

    return is_integer_end(stop, end) ? stop : NULL;
}

static const char *parse_bool(const char *at, const char *end, void *to)
{
    size_t left = (size_t)(end - at);

    if (left >= 4 && memcmp(at, "true", 4) == 0) {
        *(uint8_t *)to = 1;
        return at + 4;
    }
    *(uint8_t *)to = 0;
    return left >= 5 && memcmp(at, "false", 5) == 0 ? at + 5 : NULL;
}

static const char *parse_nothing(const char *at, const char *end, void *to)
{
    (void)at, (void)end, (void)to;
    return NULL;
}

static parse_element *parser_of(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32:
        return parse_f32;
    case DTYPE_F64:
        return parse_f64;
    case DTYPE_I8:
        return parse_i8;
    case DTYPE_I16:
        return parse_i16;
    case DTYPE_I32:
        return parse_i32;
    case DTYPE_I64:
        return parse_i64;
    case DTYPE_I4:
        return parse_i4;
    case DTYPE_I2:
        return parse_i2;
    case DTYPE_U8:
        return parse_u8;
    case DTYPE_U16:
        return parse_u16;
    case DTYPE_U32:
        return parse_u32;
    case DTYPE_U64:
        return parse_u64;
    case DTYPE_U4:
        return parse_u4;
    case DTYPE_U2:
        return parse_u2;
    case DTYPE_BOOL:
        return parse_bool;
    case DTYPE_F16:
    case DTYPE_BF16:
    case DTYPE_STRING:
        return parse_nothing;
    default: /* has no form in JSON */
        return NULL;
    }
}

/* --- elements that are not plain --- */

/* The text of the number at the reader's place, for a message. */
static const char *quote_number(const struct json_reader *reader, const char *end, char *buffer,
                                size_t size)
{
    return text_quote((struct bytes){(const uint8_t *)reader->at, (size_t)(end - reader->at)},
                      buffer, size);
}

static enum status wrong_kind(struct reading *r, struct error *err)
{
    struct json_reader *reader = r->reader;
    enum json_kind kind = json_peek(reader);

    if (kind == JSON_NULL) {
        const char *at = reader->at;
        if (!json_word(reader, "null"))
            return json_expected(reader, "an element", err);
        reader->at = at;
    }
    if (kind == JSON_FLOAT && !number_parse_f64(reader->at, reader->end, &(double){0}))
        return json_expected(reader, "a number", err);
    return error_at(err, json_offset(reader), STATUS_INVALID_INPUT, "element %zu is %s, not %s",
                    r->count, json_kind_name(kind), dtype_name(r->dtype));
}

static enum status does_not_fit(const struct reading *r, const char *end, struct error *err)
{
    char quoted[40];

    return error_at(err, json_offset(r->reader), STATUS_INVALID_INPUT,
                    "element %zu, %s, does not fit %s", r->count,
                    quote_number(r->reader, end, quoted, sizeof quoted), dtype_name(r->dtype));
}

static const struct {
    const char *word;
    double value;
} WORDS[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

/* One of WORDS in quotes, or bare where the reader allows that. */
static bool read_word(struct json_reader *reader, double *value)
{
    struct json_reader ahead = *reader;
    struct bytes raw = {NULL, 0};
    struct error ignored;
    bool quoted = *reader->at == '"', escaped;

    if (quoted && json_scan_string(&ahead, &raw, &escaped, &ignored) != STATUS_OK)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(WORDS); i++) {
        *value = WORDS[i].value;
        if (quoted && bytes_is(raw, WORDS[i].word)) {
            reader->at = ahead.at;
            return true;
        }
        if (!quoted && reader->flags & JSON_ALLOW_NAN && json_word(reader, WORDS[i].word))
            return true;
    }
    return false;
}

static enum status read_float(struct reading *r, struct error *err)
{
    struct tensor tensor = {.dtype = r->dtype, .data = r->data};
    struct json_reader *reader = r->reader;
    const char *end;
    double value;

    if (reader->at < reader->end && read_word(reader, &value)) {
        tensor_set_f64(&tensor, r->count, value);
        return STATUS_OK;
    }
    end = number_parse_f64(reader->at, reader->end, &value);
    if (!end)
        return wrong_kind(r, err);
    tensor_set_f64(&tensor, r->count, value);
    if (isinf(value) || isinf(tensor_f64(&tensor, r->count)))
        return does_not_fit(r, end, err);
    reader->at = end;
    return STATUS_OK;
}

/* An integer written as 1.0 or 1e3, where a double holds it exactly. */
static enum status read_integer(struct reading *r, struct error *err)
{
    struct tensor tensor = {.dtype = r->dtype, .data = r->data};
    struct json_reader *reader = r->reader;
    const char *end;
    char quoted[40];
    double value;

    end = number_parse_f64(reader->at, reader->end, &value);
    if (!end)
        return wrong_kind(r, err);
    if (value != rint(value))
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "element %zu, %s, is not whole, as %s must be", r->count,
                        quote_number(reader, end, quoted, sizeof quoted), dtype_name(r->dtype));
    if (fabs(value) >= 0x1p53)
        return does_not_fit(r, end, err);
    tensor_set_f64(&tensor, r->count, value);
    if (tensor_f64(&tensor, r->count) != value)
        return does_not_fit(r, end, err);
    reader->at = end;
    return STATUS_OK;
}

static enum status read_element(struct reading *r, struct error *err)
{
    json_blanks(r->reader);
    if (dtype_is_float(r->dtype))
        return read_float(r, err);
    if (dtype_is_integer(r->dtype))
        return read_integer(r, err);
    if (r->dtype == DTYPE_STRING && json_word(r->reader, "null")) { /* missing, as in a table */
        ((struct bytes *)(void *)r->data)[r->count] = (struct bytes){NULL, 0};
        return STATUS_OK;
    }
    if (r->dtype == DTYPE_STRING && json_peek(r->reader) == JSON_STRING)
        return json_read_string(r->reader, (struct bytes *)(void *)r->data + r->count, r->keep,
                                err);
    if (r->dtype == DTYPE_STRING && r->reader->flags & JSON_BASE64 &&
        json_peek(r->reader) == JSON_OBJECT)
        return json_read_base64(r->reader, (struct bytes *)(void *)r->data + r->count, r->keep,
                                err);
    return wrong_kind(r, err);
}

/* --- arrays --- */

static enum status make_room(struct reading *r, struct error *err)
{
    size_t capacity = r->capacity ? 2 * r->capacity : 256;
    uint8_t *grown;

    if (!r->grows)
        return error_at(err, json_offset(r->reader), STATUS_INVALID_INPUT,
                        "data has more than the %zu elements of its shape", r->capacity);
    grown = realloc(r->data, capacity * r->width);
    if (!grown)
        return error_no_memory(err, "a tensor");
    r->data = grown;
    r->capacity = capacity;
    return STATUS_OK;
}

/* Plain elements and the commas between them, as far as there is room: the loop of large tensors,
 * kept in registers. True when it stopped behind an element, false in front of one. */
static bool read_plain(struct reading *r)
{
    const char *at = r->reader->at, *end = r->reader->end, *stop;
    parse_element *parse = r->parse;
    size_t width = r->width;
    uint8_t *to = r->data + r->count * width, *full = r->data + r->capacity * width;
    bool behind = false;

    while (to < full && (stop = parse(at, end, to)) != NULL) {
        at = stop;
        to += width;
        behind = at == end || *at != ',';
        if (behind)
            break;
        at++;
        if (at < end && *at == ' ')
            at++;
    }
    r->reader->at = at;
    r->count = (size_t)(to - r->data) / width;
    return behind;
}

/* Did a number from element `from` on overflow? Asked after the loop: asked within it, each element
 * would wait for the value of the one before. */
static bool has_infinity(const struct reading *r, size_t from)
{
    bool found = false;

    if (r->dtype == DTYPE_F32)
        for (size_t i = from; i < r->count; i++)
            found |= isinf(((const float *)(const void *)r->data)[i]) != 0;
    if (r->dtype == DTYPE_F64)
        for (size_t i = from; i < r->count; i++)
            found |= isinf(((const double *)(const void *)r->data)[i]) != 0;
    return found;
}

/* One element, blanks in front of it or not. There is room. */
static enum status read_one(struct reading *r, struct error *err)
{
    struct json_reader *reader = r->reader;
    const char *stop;

    json_blanks(reader);
    stop = r->parse(reader->at, reader->end, r->data + r->count * r->width);
    if (stop) {
        r->count++;
        if (!has_infinity(r, r->count - 1)) {
            reader->at = stop;
            return STATUS_OK;
        }
        r->count--;
    }
    TRY(read_element(r, err));
    r->count++;
    return STATUS_OK;
}

/* The same elements again, slowly, up to the one that overflows. */
static enum status refuse_infinity(struct reading *r, const char *at, size_t from,
                                   struct error *err)
{
    r->reader->at = at;
    r->count = from;
    do
        TRY(read_one(r, err));
    while (json_word(r->reader, ","));
    return json_expected(r->reader, "a finite number", err);
}

/* Elements up to the ']', which is consumed. */
static enum status read_run(struct reading *r, struct error *err)
{
    struct json_reader *reader = r->reader;

    for (;;) {
        const char *at = reader->at;
        size_t from = r->count;
        bool behind;
        if (r->count == r->capacity)
            TRY(make_room(r, err));
        behind = read_plain(r);
        if (has_infinity(r, from))
            return refuse_infinity(r, at, from, err);
        if (!behind && r->count == r->capacity)
            continue;
        if (!behind)
            TRY(read_one(r, err));
        if (json_at(reader, ']'))
            break;
        if (!json_at(reader, ','))
            return json_expected(reader, "\",\" or \"]\"", err);
        reader->at++;
        json_blanks(reader);
    }
    reader->at++;
    return STATUS_OK;
}

/* An array at depth `level` was closed: all there must have the same number of items. */
static enum status close_level(struct reading *r, int level, size_t items, struct error *err)
{
    int64_t *dim = &r->dims[level];

    if (*dim == DIM_UNKNOWN)
        *dim = (int64_t)items;
    if (*dim == (int64_t)items)
        return STATUS_OK;
    return error_at(err, json_offset(r->reader), STATUS_INVALID_INPUT,
                    "data is ragged: an array of %zu beside one of %lld, %d deep", items,
                    (long long)*dim, level + 1);
}

static enum status read_array(struct reading *r, int level, struct error *err)
{
    struct json_reader *reader = r->reader;
    size_t before = r->count, items = 0;

    if (level == RANK_MAX)
        return error_at(err, json_offset(reader), STATUS_TOO_LARGE,
                        "data is nested more than %d deep", RANK_MAX);
    reader->at++;
    json_blanks(reader);
    if (r->rank == RANK_UNKNOWN && !json_at(reader, '['))
        r->rank = level + 1;
    if (r->rank != RANK_UNKNOWN && json_at(reader, '[') != (level + 1 < r->rank))
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "data is ragged: nested %d deep here and %d deep before",
                        level + 1 + (level + 1 >= r->rank), r->rank);
    if (!json_at(reader, '[')) {
        if (json_at(reader, ']'))
            reader->at++;
        else
            TRY(read_run(r, err));
        return close_level(r, level, r->count - before, err);
    }
    do {
        if (!json_at(reader, '['))
            return json_expected(reader, "an array, as before,", err);
        TRY(read_array(r, level + 1, err)); /* at most RANK_MAX deep */
        items++;
        json_blanks(reader);
    } while (json_word(reader, ","));
    if (!json_at(reader, ']'))
        return json_expected(reader, "\",\" or \"]\"", err);
    reader->at++;
    return close_level(r, level, items, err);
}

static enum status read_value(struct reading *r, struct error *err)
{
    if (json_peek(r->reader) == JSON_ARRAY)
        return read_array(r, 0, err);
    r->rank = 0;
    if (r->count == r->capacity)
        TRY(make_room(r, err));
    return read_one(r, err);
}

/* --- shapes --- */

/* A known shape: memory for it, when the text is long enough to fill that. */
static enum status read_known(struct reading *r, const struct shape *shape, struct tensor *tensor,
                              struct error *err)
{
    size_t left = (size_t)(r->reader->end - r->reader->at), size;
    size_t offset = json_offset(r->reader);
    char want[SHAPE_PRINT_SIZE], got[SHAPE_PRINT_SIZE];
    struct shape nesting;

    TRY(shape_check(shape, r->dtype, SIZE_MAX / 2, &size, err));
    r->capacity = size / r->width;
    if (r->capacity > left / 2 + 1)
        return error_at(err, offset, STATUS_INVALID_INPUT,
                        "data has fewer than the %zu elements of shape %s", r->capacity,
                        shape_print(shape, want, sizeof want));
    r->data = arena_alloc(r->keep, r->capacity, r->width);
    if (!r->data)
        return error_no_memory(err, "a tensor");
    TRY(read_value(r, err));
    if (r->count != r->capacity)
        return error_at(err, offset, STATUS_INVALID_INPUT,
                        "data has %zu elements, but shape %s has %zu", r->count,
                        shape_print(shape, want, sizeof want), r->capacity);
    nesting = shape_of(r->rank, r->dims);
    if (r->rank > 1 && !shape_equal(&nesting, shape))
        return error_at(err, offset, STATUS_INVALID_INPUT, "data is nested as %s, not %s",
                        shape_print(&nesting, got, sizeof got),
                        shape_print(shape, want, sizeof want));
    *tensor = (struct tensor){r->dtype, *shape, r->data};
    return STATUS_OK;
}

static bool shape_accepts(const struct shape *pattern, const struct shape *shape)
{
    if (pattern->rank == RANK_UNKNOWN)
        return true;
    if (pattern->rank != shape->rank)
        return false;
    for (int i = 0; i < shape->rank; i++)
        if (pattern->dims[i] >= 0 && pattern->dims[i] != shape->dims[i])
            return false;
    return true;
}

/* A shape that is open: taken from the nesting. */
static enum status read_open(struct reading *r, const struct shape *shape, struct tensor *tensor,
                             struct error *err)
{
    size_t offset = json_offset(r->reader);
    char want[SHAPE_PRINT_SIZE], got[SHAPE_PRINT_SIZE];
    struct shape nesting;

    r->grows = true;
    TRY(read_value(r, err));
    nesting = shape_of(r->rank, r->dims);
    if (!shape_accepts(shape, &nesting))
        return error_at(err, offset, STATUS_INVALID_INPUT, "data is nested as %s, not %s",
                        shape_print(&nesting, got, sizeof got),
                        shape_print(shape, want, sizeof want));
    TRY(tensor_new(tensor, r->dtype, &nesting, r->keep, err));
    if (r->count)
        memcpy(tensor->data, r->data, r->count * r->width);
    return STATUS_OK;
}

enum status json_read_tensor(struct json_reader *reader, enum dtype dtype,
                             const struct shape *shape, struct tensor *tensor, struct arena *keep,
                             struct error *err)
{
    struct reading r = {.reader = reader,
                        .dtype = dtype,
                        .parse = parser_of(dtype),
                        .keep = keep,
                        .width = dtype_size(dtype),
                        .rank = RANK_UNKNOWN};
    enum status status;

    if (!r.parse)
        return error_set(err, STATUS_UNSUPPORTED, "%s has no form in JSON", dtype_name(dtype));
    for (int i = 0; i < RANK_MAX; i++)
        r.dims[i] = DIM_UNKNOWN;
    json_blanks(reader);
    if (shape_is_known(shape))
        return read_known(&r, shape, tensor, err);
    status = read_open(&r, shape, tensor, err);
    free(r.data);
    return status;
}
