// SPDX-License-Identifier: Apache-2.0
#include "tensor/sequence.h"

#include <stdio.h>

/* Behind the items lie free places. Who appends to a sequence that ends where the used ones end
 * takes the next place; everybody else copies. So a loop that appends is linear. */
struct sequence_room {
    size_t used, capacity;
};

enum { ROOM_MIN = 4, ITEMS_MAX = 1 << 24 };

_Static_assert(sizeof(struct sequence) == 24, "as tensor/dtype.def says");

bool dtype_is_container(enum dtype dtype)
{
    return dtype == DTYPE_SEQUENCE || dtype == DTYPE_OPTIONAL;
}

const struct sequence *tensor_sequence(const struct tensor *tensor)
{
    return tensor->data;
}

static enum status item_copy(const struct tensor *item, bool shared, struct tensor *copy,
                             struct arena *keep, struct error *err)
{
    *copy = *item;
    if (shared || dtype_is_container(item->dtype)) {
        struct sequence *own;

        if (!dtype_is_container(item->dtype))
            return STATUS_OK;
        own = arena_new(keep, struct sequence, 1); /* the struct lies in a step's output */
        if (!own)
            return error_no_memory(err, "a sequence");
        *own = *tensor_sequence(item);
        copy->data = own;
        return STATUS_OK;
    }
    TRY(tensor_new(copy, item->dtype, &item->shape, keep, err));
    if (tensor_bytes(item))
        memcpy(copy->data, item->data, tensor_bytes(item));
    return STATUS_OK;
}

/* Room for one more than `count` items, those up to `count` copied. */
static struct tensor *room_new(const struct tensor *items, size_t count, struct sequence *out,
                               struct arena *keep)
{
    size_t capacity = count + count / 2 + ROOM_MIN;
    struct sequence_room *room = arena_new(keep, struct sequence_room, 1);
    struct tensor *places = arena_new(keep, struct tensor, capacity);

    if (!room || !places)
        return NULL;
    if (count)
        memcpy(places, items, count * sizeof *places);
    *room = (struct sequence_room){count, capacity};
    *out = (struct sequence){places, count, room};
    return places;
}

enum status sequence_insert(const struct sequence *from, size_t at, const struct tensor *item,
                            bool shared, struct sequence *out, struct arena *keep,
                            struct error *err)
{
    struct sequence made = *from;
    struct tensor copy, *places;

    if (from->count >= ITEMS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a sequence of more than %d items", ITEMS_MAX);
    TRY(item_copy(item, shared, &copy, keep, err));
    if (at == from->count && from->room && from->room->used == from->count &&
        from->room->used < from->room->capacity) {
        places = (struct tensor *)(uintptr_t)from->items;
        from->room->used++;
    } else {
        places = room_new(from->items, from->count, &made, keep);
        if (!places)
            return error_no_memory(err, "a sequence");
        memmove(&places[at + 1], &places[at], (from->count - at) * sizeof *places);
        made.room->used++;
    }
    places[at] = copy;
    made.count++;
    *out = made;
    return STATUS_OK;
}

enum status sequence_erase(const struct sequence *from, size_t at, struct sequence *out,
                           struct arena *keep, struct error *err)
{
    struct sequence made = {0};
    struct tensor *places;

    if (at + 1 == from->count) { /* the last: the rest is there already */
        *out = (struct sequence){from->items, at, NULL};
        return STATUS_OK;
    }
    places = room_new(from->items, from->count, &made, keep);
    if (!places)
        return error_no_memory(err, "a sequence");
    memmove(&places[at], &places[at + 1], (from->count - at - 1) * sizeof *places);
    made.count--;
    made.room->used--;
    *out = made;
    return STATUS_OK;
}

const struct tensor *element_new(enum dtype dtype, const struct shape *shape,
                                 const struct tensor *element, struct arena *keep)
{
    struct tensor *made = keep ? arena_new(keep, struct tensor, 1) : NULL;

    if (!made)
        return NULL;
    *made = (struct tensor){.dtype = dtype, .shape = *shape, .element = element};
    for (int i = 0; i < made->shape.rank; i++)
        if (made->shape.dims[i] < 0)
            made->shape.dims[i] = DIM_UNKNOWN;
    return made;
}

static void shape_common(const struct shape *a, const struct shape *b, struct shape *out)
{
    struct shape common = *a;

    if (a->rank != b->rank)
        common = shape_unknown();
    for (int i = 0; i < common.rank; i++)
        if (a->dims[i] != b->dims[i])
            common.dims[i] = DIM_UNKNOWN;
    *out = common;
}

bool element_merge(const struct tensor *a, const struct tensor *b, struct tensor *out,
                   struct arena *keep)
{
    struct tensor made = {.dtype = a->dtype}, inner;

    if (a->dtype != b->dtype)
        return false;
    shape_common(&a->shape, &b->shape, &made.shape);
    made.element = a->element ? a->element : b->element;
    if (a->element && b->element && a->element != b->element) {
        if (!element_merge(a->element, b->element, &inner, keep))
            return false;
        made.element = element_new(inner.dtype, &inner.shape, inner.element, keep);
        if (!made.element)
            return false;
    }
    *out = made;
    return true;
}

char *element_print(const struct tensor *type, char *buffer, size_t size)
{
    size_t at = 0, open = 0;
    char shape[SHAPE_PRINT_SIZE];

    if (size)
        buffer[0] = 0;
    for (; type && dtype_is_container(type->dtype) && at < size; type = type->element) {
        at += (size_t)snprintf(buffer + at, size - at, "%s(", dtype_name(type->dtype));
        open++;
    }
    if (at < size)
        at += (size_t)snprintf(buffer + at, size - at, "%s%s", type ? dtype_name(type->dtype) : "?",
                               type && !open ? ""
                               : type && type->shape.rank >= 0
                                   ? shape_print(&type->shape, shape, sizeof shape)
                                   : "");
    for (; open && at < size; open--)
        at += (size_t)snprintf(buffer + at, size - at, ")");
    return buffer;
}
