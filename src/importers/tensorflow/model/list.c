// SPDX-License-Identifier: Apache-2.0
/* Arrays of tensors as values: which values they are, and what is done with them. An array whose
 * elements are seen to have several shapes is a sequence instead of a tensor. */
#include "importers/tensorflow/control/control.h"

struct list_entry {
    struct list_key {
        const struct graph *graph;
        int64_t value;
    } key;
    struct tf_list list;
};

static struct bytes list_key(const struct list_key *key)
{
    return (struct bytes){(const uint8_t *)key, sizeof *key};
}

enum status tf_list_set(struct tf_lowering *l, const struct graph *graph, value_id value,
                        const struct shape *element, struct error *err)
{
    struct list_entry *entry = arena_new(l->keep, struct list_entry, 1);

    if (!entry)
        return error_no_memory(err, "the graph");
    if (!l->lists.arena)
        map_init(&l->lists, l->keep);
    entry->key = (struct list_key){graph, value};
    entry->list.element = *element;
    shape_forget_symbols(&entry->list.element);
    return map_set(&l->lists, list_key(&entry->key), entry) ? STATUS_OK
                                                            : error_no_memory(err, "the graph");
}

const struct tf_list *tf_list_of(struct tf_lowering *l, const struct graph *graph, value_id value)
{
    struct list_key key = {graph, value};
    const struct list_entry *entry = map_find(&l->lists, list_key(&key));

    return entry ? &entry->list : NULL;
}

enum status tf_list_keep(struct tf_lowering *l, const struct graph *from, value_id outside,
                         const struct graph *to, value_id inside, struct error *err)
{
    const struct tf_list *list = tf_list_of(l, from, outside);

    return list ? tf_list_set(l, to, inside, &list->element, err) : STATUS_OK;
}

/* Elements of several shapes: the array is a sequence. */
static bool is_ragged(const struct emitter *e, value_id list)
{
    return emit_dtype(e, list) == DTYPE_SEQUENCE;
}

enum status tf_list_fit(struct tf_lowering *l, struct emitter *e, value_id list,
                        const struct shape *element, value_id *fitted, struct error *err)
{
    const struct shape *shape = emit_shape(e, list);
    bool fits = element->rank < 0 || shape->rank == element->rank + 1 || is_ragged(e, list);

    for (int i = 0; fits && i < element->rank && !is_ragged(e, list); i++)
        fits = element->dims[i] < 0 || element->dims[i] == shape->dims[i + 1];
    *fitted = list;
    if (fits)
        return STATUS_OK;
    TRY(emit_node(
        e, "firn", "ListFit", EMIT(list),
        EMIT_ATTRIBUTES(attribute_of_ints("element_shape", element->dims, (size_t)element->rank)),
        fitted, err));
    return tf_list_set(l, e->graph, *fitted, element, err);
}

/* --- lengths --- */

enum status tf_list_length(const struct emitter *e, value_id list, value_id *length,
                           struct error *err)
{
    value_id shape;

    if (is_ragged(e, list)) {
        TRY(emit_1(e, "SequenceLength", list, &shape, err));
        return emit_cast(e, shape, DTYPE_I32, length, err);
    }
    TRY(emit_node(e, "", "Shape", EMIT(list), EMIT_ATTRIBUTES(attribute_of_int("end", 1)), &shape,
                  err));
    TRY(emit_squeeze(e, shape, 0, &shape, err));
    return emit_cast(e, shape, DTYPE_I32, length, err);
}

static enum status ragged_concat(const struct emitter *e, value_id list, value_id *whole,
                                 value_id *lengths, struct error *err)
{
    TRY(emit_node(e, "", "ConcatFromSequence", EMIT(list),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 0)), whole, err));
    return emit_node(e, "firn", "ListLengths", EMIT(list), EMIT_PLAIN, lengths, err);
}

enum status tf_list_concat(const struct emitter *e, value_id list, value_id *whole,
                           value_id *lengths, struct error *err)
{
    const struct shape *shape = emit_shape(e, list);
    int64_t dims[RANK_MAX] = {-1};
    value_id count, each, rest, minus;

    if (is_ragged(e, list))
        return ragged_concat(e, list, whole, lengths, err);
    if (shape->rank < 2)
        return error_set(err, STATUS_UNSUPPORTED, "the shape of the elements is not known");
    TRY(emit_node(e, "", "Shape", EMIT(list),
                  EMIT_ATTRIBUTES(attribute_of_int("start", 0), attribute_of_int("end", 1)), &count,
                  err));
    TRY(emit_node(e, "", "Shape", EMIT(list),
                  EMIT_ATTRIBUTES(attribute_of_int("start", 1), attribute_of_int("end", 2)), &each,
                  err));
    TRY(emit_2(e, "Expand", each, count, lengths, err));
    if (shape->rank == 2) {
        TRY(emit_reshape(e, list, dims, 1, whole, err));
        return STATUS_OK;
    }
    /* [n, d0, rest] -> [n * d0, rest], also where some are 0 */
    TRY(emit_2(e, "Mul", count, each, &minus, err));
    TRY(emit_node(e, "", "Shape", EMIT(list), EMIT_ATTRIBUTES(attribute_of_int("start", 2)), &rest,
                  err));
    TRY(emit_concat(e, EMIT(minus, rest), 0, &rest, err));
    return emit_node(e, "", "Reshape", EMIT(list, rest),
                     EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), whole, err);
}

/* --- elements --- */

enum status tf_list_read(const struct emitter *e, value_id list, value_id index, value_id *element,
                         struct error *err)
{
    if (is_ragged(e, list))
        return emit_2(e, "SequenceAt", list, index, element, err);
    return emit_node(e, "firn", "ListGet", EMIT(list, index), EMIT_PLAIN, element, err);
}

enum status tf_list_stack(const struct emitter *e, value_id list, value_id *stacked,
                          struct error *err)
{
    *stacked = list;
    if (!is_ragged(e, list))
        return STATUS_OK;
    return emit_node(e, "", "ConcatFromSequence", EMIT(list),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", 0), attribute_of_int("new_axis", 1)),
                     stacked, err);
}

static bool differ(const struct shape *list, const struct shape *item)
{
    bool open = false, differ = list->rank != item->rank + 1;

    if (list->rank < 1 || item->rank < 0)
        return false;
    for (int i = 0; !differ && i < item->rank; i++)
        differ = list->dims[i + 1] >= 0 && item->dims[i] >= 0 && list->dims[i + 1] != item->dims[i];
    for (int i = 1; i < list->rank; i++)
        open = open || list->dims[i] == 0;
    return differ && !open;
}

enum status tf_list_write(const struct tf_call *c, value_id list, size_t index, value_id item,
                          bool grow, value_id *written, struct error *err)
{
    struct emitter *e = c->e;

    if (!is_ragged(e, list) && !differ(emit_shape(e, list), emit_shape(e, item)))
        return emit_node(e, "firn", "ListSet", EMIT(list, c->in[index], item),
                         EMIT_ATTRIBUTES(attribute_of_int("grow", grow)), written, err);
    if (grow)
        return error_set(err, STATUS_UNSUPPORTED,
                         "elements of several shapes in an array that grows");
    if (!is_ragged(e, list))
        TRY(emit_node(e, "", "SplitToSequence", EMIT(list),
                      EMIT_ATTRIBUTES(attribute_of_int("keepdims", 0)), &list, err));
    TRY(emit_2(e, "SequenceErase", list, c->in[index], &list, err));
    return emit_node(e, "", "SequenceInsert", EMIT(list, item, c->in[index]), EMIT_PLAIN, written,
                     err);
}

enum status tf_list_split(const struct tf_call *c, value_id whole, size_t lengths, value_id *list,
                          struct error *err)
{
    const struct tensor *known = tf_constant(c, lengths);
    bool ragged = false;

    for (size_t i = 1; known && dtype_is_integer(known->dtype) && i < tensor_count(known); i++)
        ragged = ragged || tensor_i64(known, i) != tensor_i64(known, 0);
    if (ragged)
        return emit_2(c->e, "SplitToSequence", whole, c->in[lengths], list, err);
    return emit_node(c->e, "firn", "ListSplit", EMIT(whole, c->in[lengths]), EMIT_PLAIN, list, err);
}
