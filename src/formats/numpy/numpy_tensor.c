// SPDX-License-Identifier: Apache-2.0
/* numpy arrays of any order, byte order and alignment as native tensors. */
#include "base/checked.h"
#include "base/text.h"
#include "formats/numpy/npy.h"
#include "formats/pickle/machine.h"

enum dtype numpy_dtype_native(const struct numpy_dtype *dtype)
{
    static const enum dtype INT[] = {
        [1] = DTYPE_I8, [2] = DTYPE_I16, [4] = DTYPE_I32, [8] = DTYPE_I64};
    static const enum dtype UINT[] = {
        [1] = DTYPE_U8, [2] = DTYPE_U16, [4] = DTYPE_U32, [8] = DTYPE_U64};
    static const enum dtype FLOAT[] = {[2] = DTYPE_F16, [4] = DTYPE_F32, [8] = DTYPE_F64};
    size_t size = dtype->itemsize;

    switch (dtype->kind) {
    case 'b':
        return size == 1 ? DTYPE_BOOL : DTYPE_NONE;
    case 'i':
        return size < ARRAY_COUNT(INT) ? INT[size] : DTYPE_NONE;
    case 'u':
        return size < ARRAY_COUNT(UINT) ? UINT[size] : DTYPE_NONE;
    case 'f':
        return size < ARRAY_COUNT(FLOAT) ? FLOAT[size] : DTYPE_NONE;
    case 'c':
        return size == 8 ? DTYPE_C64 : size == 16 ? DTYPE_C128 : DTYPE_NONE;
    case 'S':
    case 'U':
        return DTYPE_STRING;
    default:
        return DTYPE_NONE;
    }
}

/* Where the elements of an array lie. */
struct layout {
    const uint8_t *data;
    size_t itemsize, stride; /* bytes of an element, bytes from one to the next */
    size_t count;
    int rank;
    size_t dims[RANK_MAX], steps[RANK_MAX]; /* steps: elements from one index to the next */
};

static struct layout layout_of(const struct numpy_array *array, size_t count)
{
    struct layout layout = {.data = array->data.data ? array->data.data : (const uint8_t *)"",
                            .itemsize = array->dtype.itemsize,
                            .stride = array->dtype.itemsize,
                            .count = count,
                            .rank = array->shape.rank};
    size_t step = 1;

    for (int i = 0; i < layout.rank; i++)
        layout.dims[i] = (size_t)array->shape.dims[i];
    for (int i = 0; i < layout.rank; i++) {
        int axis = array->fortran ? i : layout.rank - 1 - i;
        layout.steps[axis] = step;
        step *= layout.dims[axis];
    }
    return layout;
}

/* Memory index of each element in row-major order, one call after the other. */
struct walk {
    size_t index[RANK_MAX];
    size_t at;
};

static void walk_next(struct walk *walk, const struct layout *layout)
{
    for (int axis = layout->rank - 1; axis >= 0; axis--) {
        walk->at += layout->steps[axis];
        if (++walk->index[axis] < layout->dims[axis])
            return;
        walk->at -= layout->steps[axis] * layout->dims[axis];
        walk->index[axis] = 0;
    }
}

static void copy_swapped(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

static void copy_elements(const struct layout *layout, const struct numpy_dtype *dtype, uint8_t *to)
{
    size_t size = layout->itemsize, part = dtype->kind == 'c' ? size / 2 : size;
    bool swap = dtype->order == '>' && size > 1;
    struct walk walk = {0};

    for (size_t i = 0; i < layout->count; i++, to += size) {
        const uint8_t *from = layout->data + walk.at * layout->stride;

        if (!swap) {
            memcpy(to, from, size);
        } else {
            for (size_t k = 0; k < size; k += part)
                copy_swapped(to + k, from + k, part);
        }
        walk_next(&walk, layout);
    }
    if (dtype->kind == 'b')
        for (size_t i = 0; i < layout->count; i++)
            to[-1 - (ptrdiff_t)i] = to[-1 - (ptrdiff_t)i] != 0;
}

/* --- strings --- */

static uint32_t code_at(const uint8_t *from, bool swap)
{
    uint32_t code;

    memcpy(&code, from, 4);
    return swap ? __builtin_bswap32(code) : code;
}

/* UTF-32 without trailing NULs to UTF-8; `to` may be NULL to measure. False: no characters. */
static bool utf8_of_utf32(const uint8_t *from, size_t chars, bool swap, uint8_t *to, size_t *size)
{
    uint8_t piece[4];

    while (chars && code_at(from + 4 * (chars - 1), swap) == 0)
        chars--;
    *size = 0;
    for (size_t i = 0; i < chars; i++) {
        uint32_t code = code_at(from + 4 * i, swap);
        if (code > 0x10ffff)
            return false;
        *size += literal_utf8(code, to ? to + *size : piece);
    }
    return true;
}

static enum status unicode_elements(const struct layout *layout, bool swap, struct bytes *strings,
                                    struct arena *keep, struct error *err)
{
    size_t chars = layout->itemsize / 4, total = 0, size;
    struct walk walk = {0};
    uint8_t *text;

    for (size_t i = 0; i < layout->count; i++) {
        if (!utf8_of_utf32(layout->data + i * layout->stride, chars, swap, NULL, &size))
            return error_set(err, STATUS_INVALID_INPUT, "string %zu of an array is not UTF-32", i);
        total += size;
    }
    text = arena_new(keep, uint8_t, total);
    if (!text)
        return error_no_memory(err, "strings of an array");
    for (size_t i = 0; i < layout->count; i++) {
        (void)utf8_of_utf32(layout->data + walk.at * layout->stride, chars, swap, text, &size);
        strings[i] = (struct bytes){text, size};
        text += size;
        walk_next(&walk, layout);
    }
    return STATUS_OK;
}

static void byte_elements(const struct layout *layout, struct bytes *strings)
{
    struct walk walk = {0};

    for (size_t i = 0; i < layout->count; i++) {
        struct bytes value = {layout->data + walk.at * layout->stride, layout->itemsize};
        while (value.size && value.data[value.size - 1] == 0)
            value.size--;
        strings[i] = value;
        walk_next(&walk, layout);
    }
}

/* --- whole arrays and fields --- */

static enum status unsupported(const struct numpy_dtype *dtype, struct error *err)
{
    const char *what = dtype->field_count          ? "a structured array"
                       : strchr("Mm", dtype->kind) ? "an array of dates or times"
                       : dtype->kind == 'O'        ? "an array of Python objects"
                       : strchr("fc", dtype->kind) ? "an array of extended precision"
                                                   : "an array of raw bytes";
    return error_set(err, STATUS_UNSUPPORTED, "%s is no tensor", what);
}

static enum status layout_to_tensor(const struct layout *layout, const struct numpy_dtype *dtype,
                                    const struct shape *shape, struct tensor *tensor,
                                    struct arena *keep, struct error *err)
{
    enum dtype native = numpy_dtype_native(dtype);

    if (native == DTYPE_NONE)
        return unsupported(dtype, err);
    TRY(tensor_new(tensor, native, shape, keep, err));
    if (layout->count == 0)
        return STATUS_OK;
    if (dtype->kind == 'U')
        return unicode_elements(layout, dtype->order == '>', tensor->data, keep, err);
    if (dtype->kind == 'S')
        byte_elements(layout, tensor->data);
    else
        copy_elements(layout, dtype, tensor->data);
    return STATUS_OK;
}

/* Elements of the array, all of which are there. */
static enum status array_count(const struct numpy_array *array, size_t *count, struct error *err)
{
    size_t bytes;

    TRY(numpy_array_size(array, count, &bytes, err));
    if (bytes > array->data.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "an array's data is shorter than its shape says");
    return STATUS_OK;
}

static bool can_borrow(const struct numpy_array *array, enum dtype native)
{
    size_t size = array->dtype.itemsize, align = array->dtype.kind == 'c' ? size / 2 : size;

    return native != DTYPE_NONE && native != DTYPE_STRING && native != DTYPE_BOOL &&
           (array->dtype.order != '>' || size == 1) && !(array->fortran && array->shape.rank > 1) &&
           array->data.data && (uintptr_t)array->data.data % align == 0;
}

enum status numpy_to_tensor(const struct numpy_array *array, struct tensor *tensor,
                            struct arena *keep, struct error *err)
{
    enum dtype native = numpy_dtype_native(&array->dtype);
    struct layout layout;
    size_t count;

    if (array->dtype.kind == 'O')
        return unsupported(&array->dtype, err);
    TRY(array_count(array, &count, err));
    if (can_borrow(array, native)) {
        union {
            const void *from;
            void *to;
        } data = {array->data.data};
        *tensor = (struct tensor){.dtype = native, .shape = array->shape, .data = data.to};
        return STATUS_OK;
    }
    layout = layout_of(array, count);
    return layout_to_tensor(&layout, &array->dtype, &array->shape, tensor, keep, err);
}

enum status numpy_field_tensor(const struct numpy_array *array, const char *field,
                               struct tensor *tensor, struct arena *keep, struct error *err)
{
    struct layout layout;
    size_t count;

    if (!array)
        return error_set(err, STATUS_INVALID_INPUT, "field \"%s\" of what is no array", field);
    TRY(array_count(array, &count, err));
    for (size_t i = 0; i < array->dtype.field_count; i++) {
        const struct numpy_field *f = &array->dtype.fields[i];
        if (strcmp(f->name, field) != 0)
            continue;
        layout = layout_of(array, count);
        layout.data += count ? f->offset : 0;
        layout.itemsize = f->dtype.itemsize;
        if (layout_to_tensor(&layout, &f->dtype, &array->shape, tensor, keep, err))
            return error_within(err, "field \"%s\"", field);
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT, "an array has no field \"%s\"", field);
}
