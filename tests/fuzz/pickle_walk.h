// SPDX-License-Identifier: Apache-2.0
/* Ask everything of every object of a pickle's tree, within bounds. */
#include "base/text.h"
#include "formats/numpy/npy.h"
#include "formats/pickle/pickle.h"

enum { VISITS_MAX = 500, CHILDREN_MAX = 64, WALK_BYTES = 64 << 20 };

struct walk_queue {
    const struct pickle_object *objects[VISITS_MAX];
    size_t count;
};

static void queue_add(struct walk_queue *queue, const struct pickle_object *object)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->objects[i] == object)
            return;
    if (object && queue->count < VISITS_MAX)
        queue->objects[queue->count++] = object;
}

static void queue_items(struct walk_queue *queue, struct pickle_object *const *items, size_t count)
{
    for (size_t i = 0; i < count && i < CHILDREN_MAX; i++)
        queue_add(queue, items[i]);
}

static void queue_children(struct walk_queue *queue, const struct pickle_object *object)
{
    size_t count = 1;

    switch (object->kind) {
    case PICKLE_LIST:
    case PICKLE_TUPLE:
    case PICKLE_SET:
    case PICKLE_FROZENSET:
        queue_items(queue, object->items, object->count);
        break;
    case PICKLE_DICT:
        queue_items(queue, object->items, 2 * object->count);
        break;
    case PICKLE_OBJECT:
        queue_add(queue, object->callable);
        queue_add(queue, object->args);
        queue_add(queue, object->kwargs);
        queue_add(queue, object->state);
        queue_add(queue, object->slots);
        queue_items(queue, object->list_items, object->list_count);
        queue_items(queue, object->dict_items, 2 * object->dict_count);
        break;
    case PICKLE_PERSISTENT:
        queue_add(queue, object->value);
        break;
    case PICKLE_ARRAY:
        for (int i = 0; i < object->array->shape.rank; i++)
            count *= (size_t)object->array->shape.dims[i];
        if (object->array->dtype.kind == 'O')
            queue_items(queue, object->array->objects, count);
        break;
    default:
        break;
    }
}

/* Read every byte of a tensor, so that the sanitizers see them. */
static unsigned tensor_touch(const struct tensor *tensor)
{
    unsigned sum = 0;
    const uint8_t *data = tensor->data;

    if (tensor->dtype == DTYPE_STRING) {
        for (size_t i = 0; i < tensor_count(tensor); i++) {
            const struct bytes *string = (const struct bytes *)tensor->data + i;
            for (size_t k = 0; k < string->size; k++)
                sum += string->data[k];
        }
        return sum;
    }
    for (size_t i = 0; i < tensor_bytes(tensor); i++)
        sum += data[i];
    return sum;
}

static void ask(const struct pickle_object *object)
{
    static const char *const KEYS[] = {"_shape", "data", "_mgr", "a", "steps", ""};
    struct arena keep;
    struct tensor tensor;
    struct bytes text;
    struct error err;
    struct pickle_object **elements;
    struct pickle_block block = {0};
    enum dtype dtype;
    size_t count;
    double f64;
    int64_t i64;
    bool boolean;

    arena_init(&keep, WALK_BYTES);
    if (pickle_to_tensor(object, &tensor, &keep, &err) == STATUS_OK)
        tensor_touch(&tensor);
    if (pickle_to_tensor_f64(object, &tensor, &keep, &err) == STATUS_OK)
        tensor_touch(&tensor);
    elements = pickle_elements(object, &count, &keep);
    for (size_t i = 0; elements && i < count; i++)
        (void)pickle_is_none(elements[i]);
    if (object->kind == PICKLE_ARRAY)
        for (size_t i = 0; i < object->array->dtype.field_count; i++)
            if (numpy_field_tensor(object->array, object->array->dtype.fields[i].name, &tensor,
                                   &keep, &err) == STATUS_OK)
                tensor_touch(&tensor);
    for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++)
        (void)pickle_get(object, KEYS[i]);
    for (size_t i = 0; i < 3 && (elements = pickle_column(object, i, &block, &count, &keep)); i++)
        for (size_t k = 0; k < count; k++)
            (void)pickle_is_none(elements[k]);
    if (pickle_columns(object, &tensor, &keep))
        tensor_touch(&tensor);
    if (pickle_axis(object, 0))
        (void)pickle_elements(pickle_axis(object, 0), &count, &keep);
    (void)pickle_item(object, pickle_length(object));
    (void)pickle_is(object, pickle_module(object), pickle_name(object));
    (void)pickle_to_f64(object, &f64);
    (void)pickle_to_i64(object, &i64);
    (void)pickle_to_bool(object, &boolean);
    (void)pickle_to_text(object, &text, &keep);
    (void)pickle_to_dtype(object, &dtype);
    arena_release(&keep);
}

static void pickle_walk(const struct pickle *pickle)
{
    struct walk_queue queue = {.count = 0};
    const char *names[16];
    struct text text = {0};

    queue_add(&queue, pickle->root);
    for (size_t i = 0; i < queue.count; i++) {
        ask(queue.objects[i]);
        queue_children(&queue, queue.objects[i]);
    }
    (void)pickle_executes(pickle, names, ARRAY_COUNT(names));
    pickle_print(&text, pickle->root, 1 << 16);
    text_release(&text);
}

static __attribute__((unused)) void pickle_fuzz(struct bytes bytes, struct artifact *artifact)
{
    struct pickle_limits limits = {.opcodes = 200000, .bytes = 8 << 20};
    struct arena keep;
    struct pickle pickle;
    struct error err;

    arena_init(&keep, 32 << 20);
    (void)pickle_bid(bytes);
    if (pickle_read(bytes, artifact, "", &limits, &pickle, &keep, &err) == STATUS_OK) {
        if (pickle.end > bytes.size)
            __builtin_trap();
        pickle_walk(&pickle);
    }
    arena_release(&keep);
}
