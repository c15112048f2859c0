// SPDX-License-Identifier: Apache-2.0
/* numpy's names of element types: "<f8", "|S3", "U7", "float64", "M8[ns]". */
#include "base/checked.h"
#include "base/text.h"
#include "formats/numpy/npy.h"

struct type_name {
    const char *name;
    char kind;
    size_t itemsize;
};

/* Names and one-letter codes; a letter with digits is parsed. 'l' is of the 64-bit Unix ABI. */
static const struct type_name NAMES[] = {
    {"?", 'b', 1},           {"b", 'i', 1},        {"B", 'u', 1},         {"h", 'i', 2},
    {"H", 'u', 2},           {"i", 'i', 4},        {"I", 'u', 4},         {"l", 'i', 8},
    {"L", 'u', 8},           {"q", 'i', 8},        {"Q", 'u', 8},         {"p", 'i', 8},
    {"P", 'u', 8},           {"n", 'i', 8},        {"N", 'u', 8},         {"e", 'f', 2},
    {"f", 'f', 4},           {"d", 'f', 8},        {"g", 'f', 16},        {"F", 'c', 8},
    {"D", 'c', 16},          {"G", 'c', 32},       {"O", 'O', 8},         {"S", 'S', 0},
    {"U", 'U', 0},           {"V", 'V', 0},        {"bool", 'b', 1},      {"bool_", 'b', 1},
    {"int8", 'i', 1},        {"int16", 'i', 2},    {"int32", 'i', 4},     {"int64", 'i', 8},
    {"uint8", 'u', 1},       {"uint16", 'u', 2},   {"uint32", 'u', 4},    {"uint64", 'u', 8},
    {"float16", 'f', 2},     {"float32", 'f', 4},  {"float64", 'f', 8},   {"complex64", 'c', 8},
    {"complex128", 'c', 16}, {"int", 'i', 8},      {"int_", 'i', 8},      {"intp", 'i', 8},
    {"uint", 'u', 8},        {"uintp", 'u', 8},    {"intc", 'i', 4},      {"uintc", 'u', 4},
    {"float", 'f', 8},       {"float_", 'f', 8},   {"double", 'f', 8},    {"single", 'f', 4},
    {"half", 'f', 2},        {"longlong", 'i', 8}, {"ulonglong", 'u', 8}, {"longdouble", 'f', 16},
    {"float128", 'f', 16},   {"object", 'O', 8},   {"object_", 'O', 8},   {"str", 'U', 0},
    {"str_", 'U', 0},        {"unicode_", 'U', 0}, {"bytes_", 'S', 0},    {"string_", 'S', 0},
    {"void", 'V', 0},        {"complex", 'c', 16}, {"byte", 'i', 1},      {"ubyte", 'u', 1},
    {"short", 'i', 2},       {"ushort", 'u', 2},
};

static bool size_fits(char kind, size_t size)
{
    switch (kind) {
    case 'b':
        return size == 1;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
        return size == 2 || size == 4 || size == 8 || size == 12 || size == 16;
    case 'c':
        return size == 8 || size == 16 || size == 24 || size == 32;
    case 'O':
        return size == 4 || size == 8;
    case 'M':
    case 'm':
        return size == 8;
    default:
        return kind == 'S' || kind == 'U' || kind == 'V';
    }
}

/* A kind and its size: "f8", "U7", "M8[ns]". */
static bool parse_sized(struct bytes text, char *kind, size_t *itemsize)
{
    size_t i = 1, size = 0;

    *kind = (char)text.data[0] == 'a' ? 'S' : (char)text.data[0];
    if (text.size < 2)
        return false;
    for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        if (!checked_multiply(size, 10, &size) || !checked_add(size, text.data[i] - '0', &size))
            return false;
    if (i == 1)
        return false;
    if (i < text.size &&
        !((*kind == 'M' || *kind == 'm') && text.data[i] == '[' && text.data[text.size - 1] == ']'))
        return false;
    if (*kind == 'U' && !checked_multiply(size, 4, &size))
        return false;
    *itemsize = size;
    return size_fits(*kind, size);
}

static bool parse_named(struct bytes text, char *kind, size_t *itemsize)
{
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        if (bytes_is(text, NAMES[i].name)) {
            *kind = NAMES[i].kind;
            *itemsize = NAMES[i].itemsize;
            return true;
        }
    }
    return false;
}

enum status numpy_dtype_parse(struct bytes descr, struct numpy_dtype *dtype, struct error *err)
{
    struct bytes text = descr;
    char quoted[TEXT_QUOTE_SIZE], order = '<', kind;
    size_t itemsize;

    if (text.size && strchr("<>|=", text.data[0]) && text.data[0]) {
        order = text.data[0] == '>' ? '>' : '<';
        text = (struct bytes){text.data + 1, text.size - 1};
    }
    if (text.size == 0 ||
        (!parse_sized(text, &kind, &itemsize) && !parse_named(text, &kind, &itemsize)))
        return error_set(err, STATUS_UNSUPPORTED, "numpy element type \"%s\" is not known",
                         text_quote(descr, quoted, sizeof quoted));
    if (kind == 'S' || kind == 'V' || kind == 'O' || itemsize == 1)
        order = '|';
    *dtype = (struct numpy_dtype){.kind = kind, .order = order, .itemsize = itemsize};
    return STATUS_OK;
}

/* Nested types are bounded by whoever made them. */
bool numpy_dtype_has_objects(const struct numpy_dtype *dtype)
{
    if (dtype->kind == 'O')
        return true;
    for (size_t i = 0; i < dtype->field_count; i++)
        if (numpy_dtype_has_objects(&dtype->fields[i].dtype))
            return true;
    return false;
}

enum {
    EMPTY_ELEMENTS_MAX = 1 << 16, /* elements of no bytes, which need no data in the file */
};
static const size_t EMPTY_EXTENT_MAX = (size_t)1 << 31; /* dimensions beside one of 0, multiplied */

enum status numpy_array_size(const struct numpy_array *array, size_t *count, size_t *bytes,
                             struct error *err)
{
    size_t extent = 1;

    *count = 1;
    for (int i = 0; i < array->shape.rank; i++) {
        size_t dim = (size_t)array->shape.dims[i];
        if (array->shape.dims[i] < 0)
            return error_set(err, STATUS_INVALID_INPUT, "an array with a negative dimension");
        *count = dim ? *count : 0;
        if (dim && !checked_multiply(extent, dim, &extent))
            return error_set(err, STATUS_TOO_LARGE, "an array's shape overflows");
    }
    *count = *count ? extent : 0;
    if (!checked_multiply(*count, array->dtype.itemsize, bytes) ||
        (*count == 0 && extent > EMPTY_EXTENT_MAX) ||
        (array->dtype.itemsize == 0 && *count > EMPTY_ELEMENTS_MAX))
        return error_set(err, STATUS_TOO_LARGE, "an array's shape overflows");
    return STATUS_OK;
}
