// SPDX-License-Identifier: Apache-2.0
/* The tree as indented text, for people and tests. */
#include "base/number.h"
#include "base/text.h"
#include "formats/numpy/npy.h"
#include "formats/pickle/machine.h"

enum {
    DEPTH_MAX = 64,
    ELEMENTS_MAX = 16, /* of an array */
    MEMORY_MAX = 64 << 20,
};

struct printer {
    struct text *text;
    size_t end; /* stop when the text is longer */
    struct map seen;
    struct arena arena;
    int depth;
};

static void print(struct printer *p, const struct pickle_object *object);

static bool is_full(const struct printer *p)
{
    return p->text->size >= p->end || p->text->failed;
}

static void line(struct printer *p)
{
    text_append_char(p->text, '\n');
    for (int i = 0; i < p->depth; i++)
        text_append(p->text, "  ");
}

static void print_quoted(struct printer *p, struct bytes bytes)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_printf(p->text, "\"%s\"", text_quote(bytes, quoted, sizeof quoted));
}

static void print_items(struct printer *p, struct pickle_object *const *items, size_t count)
{
    p->depth++;
    for (size_t i = 0; i < count && !is_full(p); i++) {
        line(p);
        print(p, items[i]);
    }
    p->depth--;
}

static void print_pairs(struct printer *p, struct pickle_object *const *items, size_t count)
{
    p->depth++;
    for (size_t i = 0; i < count && !is_full(p); i++) {
        line(p);
        print(p, items[2 * i]);
        text_append(p->text, ": ");
        print(p, items[2 * i + 1]);
    }
    p->depth--;
}

static void print_part(struct printer *p, const char *name, const struct pickle_object *part)
{
    if (!part || is_full(p))
        return;
    p->depth++;
    line(p);
    text_append(p->text, name);
    print(p, part);
    p->depth--;
}

static void print_object(struct printer *p, const struct pickle_object *object)
{
    if (object->callable->kind == PICKLE_GLOBAL)
        text_printf(p->text, "object %s.%s", object->callable->module, object->callable->name);
    else
        text_append(p->text, "object");
    if (object->callable->kind != PICKLE_GLOBAL)
        print_part(p, "made by ", object->callable);
    if (object->args && object->args->count)
        print_part(p, "from ", object->args);
    print_part(p, "with ", object->kwargs);
    print_part(p, "state ", object->state);
    print_part(p, "slots ", object->slots);
    print_items(p, object->list_items, object->list_count);
    print_pairs(p, object->dict_items, object->dict_count);
}

static void print_element(struct printer *p, const struct tensor *tensor, size_t index)
{
    char number[NUMBER_SIZE];

    text_append_char(p->text, ' ');
    if (tensor->dtype == DTYPE_STRING)
        print_quoted(p, ((const struct bytes *)tensor->data)[index]);
    else if (dtype_is_float(tensor->dtype))
        text_append_bytes(p->text,
                          (struct bytes){(const uint8_t *)number,
                                         number_print_f64(tensor_f64(tensor, index), number)});
    else if (dtype_kind(tensor->dtype) != KIND_COMPLEX)
        text_printf(p->text, "%lld", (long long)tensor_i64(tensor, index));
}

static void print_array(struct printer *p, const struct numpy_array *array)
{
    char shape[SHAPE_PRINT_SIZE];
    struct tensor tensor;
    struct error err;
    size_t count = 1;

    text_printf(p->text, "array %c%zu %s%s", array->dtype.kind, array->dtype.itemsize,
                shape_print(&array->shape, shape, sizeof shape), array->fortran ? " F" : "");
    for (int i = 0; i < array->shape.rank; i++)
        count *= (size_t)array->shape.dims[i];
    for (size_t i = 0; i < array->dtype.field_count && !is_full(p); i++)
        text_printf(p->text, " %s", array->dtype.fields[i].name);
    if (array->dtype.kind == 'O') {
        print_items(p, array->objects, count);
    } else if (numpy_to_tensor(array, &tensor, &p->arena, &err) == STATUS_OK) {
        for (size_t i = 0; i < count && i < ELEMENTS_MAX && !is_full(p); i++)
            print_element(p, &tensor, i);
        if (count > ELEMENTS_MAX)
            text_append(p->text, " ...");
    }
}

static void print_container(struct printer *p, const struct pickle_object *object)
{
    static const char *const NAMES[] = {[PICKLE_LIST] = "list",
                                        [PICKLE_TUPLE] = "tuple",
                                        [PICKLE_DICT] = "dict",
                                        [PICKLE_SET] = "set",
                                        [PICKLE_FROZENSET] = "frozenset"};

    text_printf(p->text, "%s of %zu", NAMES[object->kind], object->count);
    if (object->kind == PICKLE_DICT)
        print_pairs(p, object->items, object->count);
    else
        print_items(p, object->items, object->count);
}

static void print_leaf(struct printer *p, const struct pickle_object *object)
{
    char number[NUMBER_SIZE];

    switch (object->kind) {
    case PICKLE_BOOL:
        text_append(p->text, object->boolean ? "True" : "False");
        break;
    case PICKLE_INT:
        text_printf(p->text, "%lld", (long long)object->integer);
        break;
    case PICKLE_FLOAT:
        text_append_bytes(p->text, (struct bytes){(const uint8_t *)number,
                                                  number_print_f64(object->number, number)});
        break;
    case PICKLE_TEXT:
        print_quoted(p, object->bytes);
        break;
    case PICKLE_BIGINT:
        text_printf(p->text, "integer of %zu bytes", object->bytes.size);
        break;
    case PICKLE_BYTES:
    case PICKLE_BYTEARRAY:
        text_append(p->text, object->kind == PICKLE_BYTES ? "bytes " : "bytearray ");
        print_quoted(p, object->bytes);
        break;
    case PICKLE_GLOBAL:
        text_printf(p->text, "%s.%s", object->module, object->name);
        break;
    default:
        text_append(p->text, "None");
    }
}

static bool has_children(enum pickle_kind kind)
{
    return kind == PICKLE_LIST || kind == PICKLE_TUPLE || kind == PICKLE_DICT ||
           kind == PICKLE_SET || kind == PICKLE_FROZENSET || kind == PICKLE_OBJECT ||
           kind == PICKLE_ARRAY || kind == PICKLE_PERSISTENT;
}

/* True the first time; the key is the pointer itself. */
static bool is_new(struct printer *p, const struct pickle_object *object)
{
    const struct pickle_object **key = arena_new(&p->arena, const struct pickle_object *, 1);
    struct bytes bytes = {(const uint8_t *)key, sizeof *key};

    if (!key)
        return false;
    *key = object;
    return !map_find(&p->seen, bytes) && map_set(&p->seen, bytes, key);
}

static void print(struct printer *p, const struct pickle_object *object)
{
    if (is_full(p))
        return;
    if (!has_children(object->kind)) {
        print_leaf(p, object);
    } else if (!is_new(p, object)) {
        text_printf(p->text, "<as at byte %zu>", object->offset);
    } else if (p->depth >= DEPTH_MAX) {
        text_append(p->text, "...");
    } else if (object->kind == PICKLE_OBJECT) {
        print_object(p, object);
    } else if (object->kind == PICKLE_ARRAY) {
        print_array(p, object->array);
    } else if (object->kind == PICKLE_PERSISTENT) {
        text_append(p->text, "persistent");
        print_part(p, "", object->value);
    } else {
        print_container(p, object);
    }
}

void pickle_print(struct text *text, const struct pickle_object *object, size_t limit)
{
    struct printer p = {.text = text, .end = text->size + limit};

    if (!object)
        return;
    arena_init(&p.arena, MEMORY_MAX);
    map_init(&p.seen, &p.arena);
    print(&p, object);
    text_append(text, is_full(&p) ? "\n...\n" : "\n");
    arena_release(&p.arena);
}
