// SPDX-License-Identifier: Apache-2.0
/* Reading the tree: classes, attributes, scalars. */
#include <math.h>

#include "formats/numpy/npy.h"
#include "formats/pickle/machine.h"

/* --- classes --- */

/* Functions that make an object of the class that is their first argument. */
static bool makes_first_argument(const struct pickle_object *global)
{
    static const char *const NAMES[] = {"_reconstructor", "__newobj__",         "__newobj_ex__",
                                        "_reconstruct",   "_mareconstruct",     "newObj",
                                        "_new_Index",     "_new_DatetimeIndex", "_new_PeriodIndex"};
    static const char UNPICKLE[] = "__pyx_unpickle_";

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (strcmp(global->name, NAMES[i]) == 0)
            return true;
    return strncmp(global->name, UNPICKLE, sizeof UNPICKLE - 1) == 0;
}

static const struct pickle_object *class_of(const struct pickle_object *object)
{
    const struct pickle_object *first;

    if (!object)
        return NULL;
    if (object->kind == PICKLE_GLOBAL)
        return object;
    if (object->kind != PICKLE_OBJECT || object->callable->kind != PICKLE_GLOBAL)
        return NULL;
    first = object->args && object->args->count ? object->args->items[0] : NULL;
    if (first && first->kind == PICKLE_GLOBAL && makes_first_argument(object->callable))
        return first;
    return object->callable;
}

const char *pickle_module(const struct pickle_object *object)
{
    const struct pickle_object *class = class_of(object);

    return class ? class->module : "";
}

const char *pickle_name(const struct pickle_object *object)
{
    const struct pickle_object *class = class_of(object);
    const char *dot;

    if (!class)
        return "";
    dot = strrchr(class->name, '.');
    return dot ? dot + 1 : class->name;
}

bool pickle_is(const struct pickle_object *object, const char *package, const char *name)
{
    const struct pickle_object *class = class_of(object);
    size_t size = strlen(package);

    return class && strncmp(class->module, package, size) == 0 &&
           (class->module[size] == '\0' || class->module[size] == '.') &&
           strcmp(pickle_name(class), name) == 0;
}

/* --- attributes and items --- */

/* Later keys win, as in a dict that is filled in order. */
static struct pickle_object *find_key(struct pickle_object *const *items, size_t count,
                                      const char *key)
{
    for (size_t i = count; i-- > 0;)
        if (pickle_text_is(items[2 * i], key))
            return items[2 * i + 1];
    return NULL;
}

static struct pickle_object *find_in(const struct pickle_object *mapping, const char *key)
{
    if (mapping && mapping->kind == PICKLE_DICT)
        return find_key(mapping->items, mapping->count, key);
    if (mapping && mapping->kind == PICKLE_OBJECT)
        return find_key(mapping->dict_items, mapping->dict_count, key);
    return NULL;
}

struct pickle_object *pickle_get(const struct pickle_object *object, const char *key)
{
    struct pickle_object *value = find_in(object, key);

    if (value || !object || object->kind != PICKLE_OBJECT)
        return value;
    value = find_in(object->state, key);
    return value ? value : find_in(object->slots, key);
}

struct pickle_object *pickle_item(const struct pickle_object *object, size_t index)
{
    if (!object)
        return NULL;
    if (object->kind == PICKLE_LIST || object->kind == PICKLE_TUPLE)
        return index < object->count ? object->items[index] : NULL;
    if (object->kind == PICKLE_OBJECT)
        return index < object->list_count ? object->list_items[index] : NULL;
    return NULL;
}

size_t pickle_length(const struct pickle_object *object)
{
    size_t count;

    if (!object)
        return 0;
    switch (object->kind) {
    case PICKLE_LIST:
    case PICKLE_TUPLE:
    case PICKLE_DICT:
    case PICKLE_SET:
    case PICKLE_FROZENSET:
        return object->count;
    case PICKLE_TEXT:
    case PICKLE_BYTES:
    case PICKLE_BYTEARRAY:
        return object->bytes.size;
    case PICKLE_ARRAY:
        return object->array->shape.rank ? (size_t)object->array->shape.dims[0] : 0;
    case PICKLE_OBJECT:
        count = object->list_count;
        return count ? count : object->dict_count;
    default:
        return 0;
    }
}

bool pickle_is_none(const struct pickle_object *object)
{
    return !object || object->kind == PICKLE_NONE;
}

/* --- scalars --- */

enum { SCALAR_DEPTH_MAX = 4 }; /* an object scalar in an object scalar in ... */

/* The one element of an array as a number or text: a 1-element array of any rank. */
static bool only_element(const struct pickle_object **object, struct tensor *tensor,
                         struct arena *arena)
{
    const struct numpy_array *array = (*object)->array;
    struct error err;

    for (int i = 0; i < array->shape.rank; i++)
        if (array->shape.dims[i] != 1)
            return false;
    if (array->dtype.kind == 'O') {
        *object = array->objects[0];
        tensor->dtype = DTYPE_NONE;
        return true;
    }
    return numpy_to_tensor(array, tensor, arena, &err) == STATUS_OK;
}

/* Follow object arrays of one element; true when a tensor of one element is at the end. */
static bool scalar_tensor(const struct pickle_object **object, struct tensor *tensor,
                          struct arena *arena)
{
    for (int depth = 0; depth < SCALAR_DEPTH_MAX; depth++) {
        if (!*object || (*object)->kind != PICKLE_ARRAY)
            return false;
        if (!only_element(object, tensor, arena)) {
            *object = NULL;
            return false;
        }
        if (tensor->dtype != DTYPE_NONE)
            return true;
    }
    *object = NULL;
    return false;
}

static double big_to_f64(struct bytes bytes)
{
    double value = 0;

    for (size_t i = bytes.size; i-- > 0;)
        value = value * 256 +
                (i + 1 == bytes.size ? (double)(int8_t)bytes.data[i] : (double)bytes.data[i]);
    return value;
}

/* Room for one element, without asking the heap. */
enum { ELEMENT_BYTES = 4096 };

bool pickle_to_f64(const struct pickle_object *object, double *value)
{
    struct arena arena;
    struct tensor tensor;
    bool known = true;

    arena_init(&arena, ELEMENT_BYTES);
    if (scalar_tensor(&object, &tensor, &arena)) {
        enum dtype_kind kind = dtype_kind(tensor.dtype);
        known = kind == KIND_BOOL || kind == KIND_INT || kind == KIND_UINT || kind == KIND_FLOAT;
        if (known)
            *value = tensor_f64(&tensor, 0);
    } else if (object && object->kind == PICKLE_FLOAT) {
        *value = object->number;
    } else if (object && object->kind == PICKLE_INT) {
        *value = (double)object->integer;
    } else if (object && object->kind == PICKLE_BOOL) {
        *value = object->boolean;
    } else if (object && object->kind == PICKLE_BIGINT) {
        *value = big_to_f64(object->bytes);
    } else {
        known = false;
    }
    arena_release(&arena);
    return known;
}

static bool whole(double number, int64_t *value)
{
    if (!(number >= -9007199254740992.0 && number <= 9007199254740992.0) || number != trunc(number))
        return false;
    *value = (int64_t)number;
    return true;
}

bool pickle_to_i64(const struct pickle_object *object, int64_t *value)
{
    struct arena arena;
    struct tensor tensor;
    bool known = true;

    arena_init(&arena, ELEMENT_BYTES);
    if (scalar_tensor(&object, &tensor, &arena)) {
        enum dtype_kind kind = dtype_kind(tensor.dtype);
        if (kind == KIND_FLOAT)
            known = whole(tensor_f64(&tensor, 0), value);
        else if (kind == KIND_BOOL || kind == KIND_INT || kind == KIND_UINT)
            known = (*value = tensor_i64(&tensor, 0), true);
        else
            known = false;
        if (known && tensor.dtype == DTYPE_U64 && *value < 0)
            known = false;
    } else if (object && object->kind == PICKLE_INT) {
        *value = object->integer;
    } else if (object && object->kind == PICKLE_BOOL) {
        *value = object->boolean;
    } else {
        known = object && object->kind == PICKLE_FLOAT && whole(object->number, value);
    }
    arena_release(&arena);
    return known;
}

bool pickle_to_bool(const struct pickle_object *object, bool *value)
{
    int64_t number;

    if (object && object->kind == PICKLE_BOOL) {
        *value = object->boolean;
        return true;
    }
    if (!object || object->kind == PICKLE_FLOAT || !pickle_to_i64(object, &number) || number < 0 ||
        number > 1)
        return false;
    *value = number == 1;
    return true;
}

bool pickle_to_text(const struct pickle_object *object, struct bytes *text, struct arena *keep)
{
    struct tensor tensor;

    if (scalar_tensor(&object, &tensor, keep)) {
        if (tensor.dtype != DTYPE_STRING)
            return false;
        *text = *(const struct bytes *)tensor.data;
        return true;
    }
    if (!object || (object->kind != PICKLE_TEXT && object->kind != PICKLE_BYTES))
        return false;
    *text = object->bytes;
    return true;
}

bool pickle_to_dtype(const struct pickle_object *object, enum dtype *dtype)
{
    struct numpy_dtype parsed;
    struct arena arena;
    struct error err;
    bool known;

    arena_init(&arena, (size_t)1 << 20);
    known = object && pickle_numpy_dtype(object, &parsed, &arena, &err) == STATUS_OK;
    if (known)
        *dtype = numpy_dtype_native(&parsed);
    arena_release(&arena);
    return known && *dtype != DTYPE_NONE;
}

bool pickle_text_is(const struct pickle_object *object, const char *value)
{
    struct arena arena;
    struct bytes text;
    bool same = false;

    if (object && (object->kind == PICKLE_TEXT || object->kind == PICKLE_BYTES))
        return bytes_is(object->bytes, value);
    if (!object || object->kind != PICKLE_ARRAY)
        return false;
    arena_init(&arena, (size_t)1 << 20);
    same = pickle_to_text(object, &text, &arena) && bytes_is(text, value);
    arena_release(&arena);
    return same;
}
