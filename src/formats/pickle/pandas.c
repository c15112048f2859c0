// SPDX-License-Identifier: Apache-2.0
/* pandas: Index, Series, DataFrame and extension arrays, as far as estimators hold them.
 *
 * Index      _new_Index(class, {"data": values, "name": ...}); RangeIndex: start, stop, step
 * Series     state {"_mgr" ("_data" before 1.1): SingleBlockManager, ...}
 * manager    args (blocks, axes) since 1.3, or state (axes, values, items, {"0.14.1": {"axes",
 *            "blocks": [{"values", "mgr_locs"}]}})
 * block      _unpickle_block(values, placement, dimensions)
 * NDArrayBacked  __pyx_unpickle_NDArrayBacked(class, checksum, None) + BUILD (dtype, ndarray, ...);
 *            before 1.3 a state {"_ndarray" or "_codes", "_dtype"}
 * masked     state {"_data", "_mask"}: IntegerArray, FloatingArray, BooleanArray
 * Arrow      state {"_pa_array" ("_data" before 2.0): _restore_array((type, length, nulls, offset,
 *            buffers, children, dictionary)) or chunked_array([arrays], type)} */
#include "base/checked.h"
#include "formats/pickle/machine.h"

enum {
    UNWRAP_MAX = 8, /* a Series of an Index of an extension array of an array */
    RANGE_MAX = 1 << 24,
    CHUNKS_MAX = 1 << 16,
};

static const struct pickle_object *child(const struct pickle_object *object, size_t index)
{
    if (!object || (object->kind != PICKLE_TUPLE && object->kind != PICKLE_LIST) ||
        index >= object->count)
        return NULL;
    return object->items[index];
}

static bool is_object(const struct pickle_object *object)
{
    return object && object->kind == PICKLE_OBJECT;
}

static const struct pickle_object *argument(const struct pickle_object *object, size_t index)
{
    return is_object(object) ? child(object->args, index) : NULL;
}

static bool named(const struct pickle_object *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pickle_is(object, "pandas", names[i]))
            return true;
    return false;
}

/* --- one step from a wrapper to its values --- */

static const struct pickle_object *manager_of(const struct pickle_object *frame)
{
    const struct pickle_object *manager = pickle_get(frame, "_mgr");

    return manager ? manager : pickle_get(frame, "_data");
}

/* (axes, blocks) of the state of a manager, as of pandas 0.14.1. */
static const struct pickle_object *state_part(const struct pickle_object *manager, const char *key)
{
    return pickle_get(pickle_get(child(is_object(manager) ? manager->state : NULL, 3), "0.14.1"),
                      key);
}

/* Block i: its values and which rows or columns of the whole it holds. */
static bool block_at(const struct pickle_object *manager, size_t i,
                     const struct pickle_object **values, const struct pickle_object **placement)
{
    const struct pickle_object *blocks = argument(manager, 0), *block;

    if (is_object(blocks)) /* the one block of a SingleBlockManager */
        block = i == 0 ? blocks : NULL;
    else
        block = child(blocks, i);
    if (is_object(block)) {
        *values = argument(block, 0);
        *placement = argument(block, 1);
        return *values != NULL;
    }
    block = child(state_part(manager, "blocks"), i);
    *values = pickle_get(block, "values");
    *placement = pickle_get(block, "mgr_locs");
    return *values != NULL;
}

static const struct pickle_object *series_values(const struct pickle_object *series)
{
    const struct pickle_object *manager = manager_of(series), *values, *placement;

    if (block_at(manager, 0, &values, &placement))
        return values;
    return child(child(is_object(manager) ? manager->state : NULL, 1), 0);
}

static const struct pickle_object *backing_array(const struct pickle_object *object)
{
    const struct pickle_object *state = object->state, *values;

    for (size_t i = 0; state && state->kind == PICKLE_TUPLE && i < state->count; i++)
        if (state->items[i]->kind == PICKLE_ARRAY)
            return state->items[i];
    values = pickle_get(object, "_ndarray");
    return values ? values : pickle_get(object, "_codes");
}

static const char *const INDEXES[] = {"Index",        "Int64Index",   "UInt64Index",
                                      "Float64Index", "NumericIndex", "CategoricalIndex"};
static const char *const BACKED[] = {"PandasArray", "NumpyExtensionArray", "StringArray",
                                     "StringArrayNumpySemantics", "ObjectStringArray"};
static const char *const MASKED[] = {"IntegerArray", "FloatingArray", "BooleanArray"};
static const char *const ARROW[] = {"ArrowStringArray", "ArrowStringArrayNumpySemantics",
                                    "ArrowExtensionArray"};

const struct pickle_object *pickle_pandas_values(const struct pickle_object *object)
{
    for (int i = 0; i < UNWRAP_MAX && is_object(object); i++) {
        if (named(object, INDEXES, ARRAY_COUNT(INDEXES)))
            object = pickle_get(argument(object, 1), "data");
        else if (pickle_is(object, "pandas", "Series"))
            object = series_values(object);
        else if (named(object, BACKED, ARRAY_COUNT(BACKED)))
            object = backing_array(object);
        else
            break;
    }
    return object;
}

bool pickle_pandas_is(const struct pickle_object *object)
{
    const char *module = pickle_module(object);

    return is_object(object) &&
           (strncmp(module, "pandas", 6) == 0 && (module[6] == '.' || module[6] == '\0'));
}

/* --- elements that are no plain array --- */

static struct pickle_object **new_elements(size_t count, struct pickle_object **objects,
                                           struct arena *keep)
{
    struct pickle_object **elements = arena_new(keep, struct pickle_object *, count);

    *objects = arena_new(keep, struct pickle_object, count);
    if (!elements || !*objects)
        return NULL;
    for (size_t i = 0; i < count; i++)
        elements[i] = *objects + i;
    return elements;
}

static struct pickle_object **range_elements(const struct pickle_object *range, size_t *count,
                                             struct arena *keep)
{
    const struct pickle_object *state = argument(range, 1);
    struct pickle_object **elements, *objects;
    int64_t start, stop, step, span;

    if (!pickle_to_i64(pickle_get(state, "start"), &start) ||
        !pickle_to_i64(pickle_get(state, "stop"), &stop) ||
        !pickle_to_i64(pickle_get(state, "step"), &step) || step == 0 || step == INT64_MIN ||
        __builtin_sub_overflow(stop, start, &span) || span == INT64_MIN)
        return NULL;
    if (step < 0) {
        span = -span;
        *count = span > 0 ? (size_t)((span - 1) / -step) + 1 : 0;
    } else {
        *count = span > 0 ? (size_t)((span - 1) / step) + 1 : 0;
    }
    if (*count > RANGE_MAX)
        return NULL;
    elements = new_elements(*count, &objects, keep);
    for (size_t i = 0; elements && i < *count; i++) {
        objects[i].kind = PICKLE_INT;
        objects[i].integer = start + (int64_t)i * step;
    }
    return elements;
}

/* Arrays of numbers have elements that are made for the caller, who may change them. */
static bool is_numbers(const struct pickle_object *object)
{
    return object && object->kind == PICKLE_ARRAY && object->array->dtype.kind != 'O';
}

/* Codes into categories; -1 is missing. */
static struct pickle_object **categorical_elements(const struct pickle_object *object,
                                                   size_t *count, struct arena *keep)
{
    const struct pickle_object *codes = backing_array(object), *dtype = NULL;
    const struct pickle_object *state = object->state;
    struct pickle_object **categories, **elements, *none;
    size_t category_count;
    int64_t code;

    for (size_t i = 0; state && state->kind == PICKLE_TUPLE && i < state->count; i++)
        if (pickle_is(state->items[i], "pandas", "CategoricalDtype"))
            dtype = state->items[i];
    if (!dtype)
        dtype = pickle_get(object, "_dtype");
    dtype = pickle_get(dtype, "categories");
    /* categories of categories would be a way to recurse */
    if (pickle_is(pickle_pandas_values(dtype), "pandas", "Categorical") || !is_numbers(codes))
        return NULL;
    categories = pickle_elements(dtype, &category_count, keep);
    elements = pickle_elements(codes, count, keep);
    none = arena_new(keep, struct pickle_object, 1);
    if (!categories || !elements || !none)
        return NULL;
    for (size_t i = 0; i < *count; i++) {
        if (!pickle_to_i64(elements[i], &code) || code < -1 || code >= (int64_t)category_count)
            return NULL;
        elements[i] = code < 0 ? none : categories[code];
    }
    return elements;
}

static struct pickle_object **masked_elements(const struct pickle_object *object, size_t *count,
                                              struct arena *keep)
{
    const struct pickle_object *data = pickle_get(object, "_data");
    const struct pickle_object *missings = pickle_get(object, "_mask");
    struct pickle_object **values, **mask, *none = arena_new(keep, struct pickle_object, 1);
    size_t mask_count;
    bool missing;

    if (!is_numbers(data) || !is_numbers(missings))
        return NULL;
    values = pickle_elements(data, count, keep);
    mask = pickle_elements(missings, &mask_count, keep);
    if (!values || !mask || !none || mask_count != *count)
        return NULL;
    for (size_t i = 0; i < *count; i++) {
        if (!pickle_to_bool(mask[i], &missing))
            return NULL;
        if (missing)
            values[i] = none;
    }
    return values;
}

/* --- Arrow --- */

struct arrow_strings {
    struct bytes validity, offsets, data;
    bool has_validity, wide; /* wide: 64-bit offsets */
    size_t length, offset;
};

static bool arrow_buffer(const struct pickle_object *object, struct bytes *bytes)
{
    const struct pickle_object *inner = object;

    if (is_object(object) && pickle_is(object, "pyarrow", "py_buffer"))
        inner = argument(object, 0);
    if (!inner || (inner->kind != PICKLE_BYTES && inner->kind != PICKLE_BYTEARRAY))
        return false;
    *bytes = inner->bytes;
    return true;
}

static bool arrow_type(const struct pickle_object *type, bool *wide)
{
    const struct pickle_object *alias = argument(type, 0);

    *wide = pickle_text_is(alias, "large_string") || pickle_text_is(alias, "large_utf8") ||
            pickle_is(type, "pyarrow", "large_string") || pickle_is(type, "pyarrow", "large_utf8");
    return *wide || pickle_text_is(alias, "string") || pickle_text_is(alias, "utf8") ||
           pickle_is(type, "pyarrow", "string") || pickle_is(type, "pyarrow", "utf8");
}

static bool arrow_strings(const struct pickle_object *array, struct arrow_strings *strings)
{
    const struct pickle_object *parts = argument(array, 0), *buffers = child(parts, 4);
    int64_t length, offset;
    size_t end;

    *strings = (struct arrow_strings){0};
    if (!pickle_is(array, "pyarrow", "_restore_array") ||
        !arrow_type(child(parts, 0), &strings->wide) || !pickle_to_i64(child(parts, 1), &length) ||
        !pickle_to_i64(child(parts, 3), &offset) || length < 0 || offset < 0)
        return false;
    strings->length = (size_t)length;
    strings->offset = (size_t)offset;
    strings->has_validity = !pickle_is_none(child(buffers, 0));
    if (strings->has_validity && !arrow_buffer(child(buffers, 0), &strings->validity))
        return false;
    if (!arrow_buffer(child(buffers, 1), &strings->offsets))
        return false;
    if (!pickle_is_none(child(buffers, 2)) && !arrow_buffer(child(buffers, 2), &strings->data))
        return false;
    return checked_add(strings->length, strings->offset, &end) &&
           end < strings->offsets.size / (strings->wide ? 8 : 4) &&
           (!strings->has_validity || (end + 7) / 8 <= strings->validity.size);
}

static uint64_t arrow_offset(const struct arrow_strings *s, size_t i)
{
    uint32_t narrow;
    uint64_t wide;

    if (s->wide) {
        memcpy(&wide, s->offsets.data + 8 * i, sizeof wide);
        return wide;
    }
    memcpy(&narrow, s->offsets.data + 4 * i, sizeof narrow);
    return narrow;
}

static bool arrow_string(const struct arrow_strings *s, size_t i, struct pickle_object *object)
{
    uint64_t begin, end;

    i += s->offset;
    if (s->has_validity && !(s->validity.data[i / 8] >> (i % 8) & 1)) {
        object->kind = PICKLE_NONE;
        return true;
    }
    begin = arrow_offset(s, i);
    end = arrow_offset(s, i + 1);
    if (end < begin || !checked_range(begin, end - begin, s->data.size))
        return false;
    object->kind = PICKLE_TEXT;
    object->bytes =
        (struct bytes){s->data.data ? s->data.data + begin : NULL, (size_t)(end - begin)};
    return literal_is_wtf8(object->bytes);
}

/* Chunk i of a chunked array, or the array itself. */
static const struct pickle_object *arrow_chunk(const struct pickle_object *array, size_t i)
{
    if (!pickle_is(array, "pyarrow", "chunked_array"))
        return i == 0 ? array : NULL;
    return i < CHUNKS_MAX ? child(argument(array, 0), i) : NULL;
}

static struct pickle_object **arrow_elements(const struct pickle_object *object, size_t *count,
                                             struct arena *keep)
{
    const struct pickle_object *array = pickle_get(object, "_pa_array"), *chunk;
    struct pickle_object **elements, *objects;
    struct arrow_strings strings;
    size_t at = 0;

    if (!array)
        array = pickle_get(object, "_data");
    *count = 0;
    for (size_t i = 0; (chunk = arrow_chunk(array, i)); i++)
        if (!arrow_strings(chunk, &strings) || !checked_add(*count, strings.length, count))
            return NULL;
    elements = new_elements(*count, &objects, keep);
    for (size_t i = 0; elements && (chunk = arrow_chunk(array, i)); i++) {
        if (!arrow_strings(chunk, &strings))
            return NULL;
        for (size_t k = 0; k < strings.length; k++)
            if (!arrow_string(&strings, k, &objects[at++]))
                return NULL;
    }
    return elements;
}

struct pickle_object **pickle_pandas_elements(const struct pickle_object *object, size_t *count,
                                              struct arena *keep)
{
    *count = 0;
    if (pickle_is(object, "pandas", "RangeIndex"))
        return range_elements(object, count, keep);
    if (pickle_is(object, "pandas", "Categorical"))
        return categorical_elements(object, count, keep);
    if (named(object, MASKED, ARRAY_COUNT(MASKED)))
        return masked_elements(object, count, keep);
    if (named(object, ARROW, ARRAY_COUNT(ARROW)))
        return arrow_elements(object, count, keep);
    return NULL;
}

/* --- axes and columns --- */

const struct pickle_object *pickle_axis(const struct pickle_object *object, int axis)
{
    const struct pickle_object *manager = manager_of(object), *axes = NULL;
    bool frame = pickle_is(object, "pandas", "DataFrame");

    if ((!frame && !pickle_is(object, "pandas", "Series")) || !is_object(manager) || axis < 0 ||
        axis > frame)
        return NULL;
    if (manager->args && manager->args->count >= 2)
        axes = argument(manager, 1);
    if (!axes)
        axes = state_part(manager, "axes");
    if (!axes)
        axes = child(manager->state, 0);
    if (is_object(axes)) /* of a SingleBlockManager */
        return axes;
    return child(axes, frame ? (size_t)(1 - axis) : 0); /* a manager has the columns first */
}

/* Where column `column` is in a block with this placement (a slice, or an array of columns). */
static bool place_in(const struct pickle_object *placement, size_t column, size_t *place,
                     struct arena *keep)
{
    struct pickle_object **columns;
    int64_t start, stop, step = 1, value;
    size_t count;

    if (is_object(placement) && pickle_is(placement, "builtins", "slice")) {
        if (!pickle_to_i64(argument(placement, 0), &start) ||
            !pickle_to_i64(argument(placement, 1), &stop) || start < 0)
            return false;
        if (!pickle_is_none(argument(placement, 2)) &&
            (!pickle_to_i64(argument(placement, 2), &step) || step < 1))
            return false;
        if ((int64_t)column < start || (int64_t)column >= stop ||
            ((int64_t)column - start) % step != 0)
            return false;
        *place = (size_t)(((int64_t)column - start) / step);
        return true;
    }
    columns = pickle_elements(placement, &count, keep);
    for (size_t i = 0; columns && i < count; i++) {
        if (pickle_to_i64(columns[i], &value) && value == (int64_t)column) {
            *place = i;
            return true;
        }
    }
    return false;
}

struct pickle_object **pickle_column(const struct pickle_object *object, size_t column,
                                     struct pickle_block *block, size_t *count, struct arena *keep)
{
    const struct pickle_object *manager = manager_of(object), *values, *placement, *plain;
    size_t place, rows;

    *count = 0;
    if (!pickle_is(object, "pandas", "DataFrame"))
        return NULL;
    for (size_t i = 0; block_at(manager, i, &values, &placement); i++) {
        if (!place_in(placement, column, &place, keep))
            continue;
        if (block->values != values) {
            block->values = values;
            block->elements = pickle_elements(values, &block->count, keep);
        }
        *count = block->count;
        plain = pickle_pandas_values(values);
        if (!block->elements || !plain || plain->kind != PICKLE_ARRAY ||
            plain->array->shape.rank != 2)
            return place == 0 ? block->elements : NULL; /* extension arrays hold one column */
        rows = (size_t)plain->array->shape.dims[1];
        if (place >= (size_t)plain->array->shape.dims[0])
            return NULL;
        *count = rows;
        return block->elements + place * rows;
    }
    return NULL;
}

bool pickle_columns(const struct pickle_object *object, struct tensor *names, struct arena *keep)
{
    size_t count;
    struct pickle_object **labels = pickle_elements(pickle_axis(object, 1), &count, keep);
    struct shape shape;
    struct error err;
    struct bytes *text;
    char *number;

    if (!labels)
        return false;
    shape = SHAPE((int64_t)count);
    if (tensor_new(names, DTYPE_STRING, &shape, keep, &err))
        return false;
    text = names->data;
    for (size_t i = 0; i < count; i++) {
        if (pickle_to_text(labels[i], &text[i], keep))
            continue;
        if (labels[i]->kind != PICKLE_INT)
            return false;
        number = arena_printf(keep, "%lld", (long long)labels[i]->integer);
        if (!number)
            return false;
        text[i] = bytes_of(number);
    }
    return true;
}
