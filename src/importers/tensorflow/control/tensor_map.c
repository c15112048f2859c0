// SPDX-License-Identifier: Apache-2.0
/* TensorMap: maps of tensors that are values. Which keys there may be is known while lowering, what
 * they are not always: an entry is a key, its value, and whether it is there. At most one entry
 * that is there has some key. Keys are the same when dtype, shape and bytes are. The order of the
 * keys is that of insertion; TensorFlow's differs from process to process. Source:
 * tensorflow/core/kernels/map_kernels.h, core/framework/tensor_key.h. */
#include "importers/tensorflow/internal.h"

enum { ENTRIES_MAX = 256 };

struct entry {
    value_id key, value;
    value_id there; /* bool, scalar; VALUE_NONE: it is */
};

struct entries {
    struct entry *items; /* room for one more */
    size_t count;
};

static enum status entries_of(struct tf_call *c, struct entries *entries, struct error *err)
{
    struct tf_compound map;

    TRY(tf_compound_of(c, 0, TF_TENSOR_MAP, &map, err));
    entries->count = map.count / 3;
    entries->items = arena_new(c->l->keep, struct entry, entries->count + 1);
    if (!entries->items)
        return error_no_memory(err, "a map");
    for (size_t i = 0; i < entries->count; i++)
        entries->items[i] =
            (struct entry){map.parts[3 * i], map.parts[3 * i + 1], map.parts[3 * i + 2]};
    return STATUS_OK;
}

static enum status entries_give(struct tf_call *c, const struct entries *entries, struct error *err)
{
    struct tf_compound map = {.kind = TF_TENSOR_MAP, .count = 3 * entries->count};

    if (entries->count > ENTRIES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a map of %zu tensors", entries->count);
    map.parts = arena_new(c->l->keep, value_id, map.count + 1);
    if (!map.parts)
        return error_no_memory(err, "a map");
    for (size_t i = 0; i < entries->count; i++) {
        map.parts[3 * i] = entries->items[i].key;
        map.parts[3 * i + 1] = entries->items[i].value;
        map.parts[3 * i + 2] = entries->items[i].there;
    }
    return tf_compound_give(c, &map, err);
}

/* --- which entry has a key --- */

enum answer { NO, YES, MAYBE };

static bool are_equal(const struct tensor *a, const struct tensor *b)
{
    if (a->dtype != DTYPE_STRING)
        return !tensor_bytes(a) || !memcmp(a->data, b->data, tensor_bytes(a));
    for (size_t i = 0; i < tensor_count(a); i++) {
        struct bytes x = ((const struct bytes *)a->data)[i], y = ((const struct bytes *)b->data)[i];

        if (x.size != y.size || (x.size && memcmp(x.data, y.data, x.size)))
            return false;
    }
    return true;
}

static enum status as_bits(struct tf_call *c, value_id *x, struct error *err)
{
    static const enum dtype BITS[] = {
        [1] = DTYPE_U8, [2] = DTYPE_I16, [4] = DTYPE_I32, [8] = DTYPE_I64};
    enum dtype dtype = emit_dtype(c->e, *x);

    if (dtype == DTYPE_BOOL)
        return emit_cast(c->e, *x, DTYPE_I32, x, err);
    if (dtype_is_integer(dtype) || dtype == DTYPE_STRING)
        return STATUS_OK;
    if (!dtype_is_float(dtype) || dtype_size(dtype) > 8)
        return error_set(err, STATUS_UNSUPPORTED, "keys of %s", dtype_name(dtype));
    return tf_bitcast(c->e, *x, BITS[dtype_size(dtype)], x, err);
}

/* Is it the entry of this key? MAYBE: *same says it when it runs, a scalar; it is there then. */
static enum status compare(struct tf_call *c, const struct entry *entry, value_id key,
                           enum answer *answer, value_id *same, struct error *err)
{
    const struct tensor *a = value_constant(c->e->graph, entry->key);
    const struct tensor *b = value_constant(c->e->graph, key);
    const struct shape *x = emit_shape(c->e, entry->key), *y = emit_shape(c->e, key);
    value_id bits[2] = {entry->key, key};
    static const int64_t LIST[] = {-1};

    *answer = NO;
    *same = VALUE_NONE;
    if (emit_dtype(c->e, entry->key) != emit_dtype(c->e, key) ||
        (x->rank >= 0 && y->rank >= 0 && x->rank != y->rank))
        return STATUS_OK;
    for (int d = 0; x->rank >= 0 && y->rank >= 0 && d < x->rank; d++)
        if (dim_is_known(x->dims[d]) && dim_is_known(y->dims[d]) && x->dims[d] != y->dims[d])
            return STATUS_OK;
    if (a && b && !are_equal(a, b))
        return STATUS_OK;
    *answer = YES;
    if ((a && b) || entry->key == key) {
        *same = entry->there;
        *answer = entry->there == VALUE_NONE ? YES : MAYBE;
        return STATUS_OK;
    }
    *answer = MAYBE;
    for (int d = 0; d < x->rank || d < y->rank; d++)
        if (x->rank < 0 || y->rank < 0 || !dim_is_known(x->dims[d]) || !dim_is_known(y->dims[d]) ||
            !x->dims[d])
            return error_set(err, STATUS_UNSUPPORTED, "the shape of a key is not known");
    if (x->rank < 0 || y->rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the shape of a key is not known");
    TRY(as_bits(c, &bits[0], err));
    TRY(as_bits(c, &bits[1], err));
    TRY(emit_2(c->e, "Equal", bits[0], bits[1], same, err));
    if (x->rank) {
        static const int64_t FIRST[] = {0};

        TRY(emit_reshape(c->e, *same, LIST, 1, same, err));
        TRY(emit_cast(c->e, *same, DTYPE_I32, same, err));
        TRY(emit_reduce(c->e, "ReduceMin", *same, FIRST, 1, false, same, err));
        TRY(emit_cast(c->e, *same, DTYPE_BOOL, same, err));
    }
    return entry->there == VALUE_NONE ? STATUS_OK
                                      : emit_2(c->e, "And", *same, entry->there, same, err);
}

/* Whether any is: `so_far` VALUE_NONE is none yet. */
static enum status either(struct tf_call *c, value_id same, value_id *so_far, struct error *err)
{
    if (*so_far != VALUE_NONE)
        return emit_2(c->e, "Or", *so_far, same, so_far, err);
    *so_far = same;
    return STATUS_OK;
}

/* Take the entry of a key away. */
static enum status without(struct tf_call *c, struct entries *entries, value_id key,
                           enum answer *answer, value_id *found, struct error *err)
{
    size_t kept = 0;

    *answer = NO;
    *found = VALUE_NONE;
    for (size_t i = 0; i < entries->count; i++) {
        struct entry entry = entries->items[i];
        enum answer now;
        value_id same, other;

        TRY(compare(c, &entry, key, &now, &same, err));
        if (now == YES) {
            *answer = YES;
            continue;
        }
        if (now == MAYBE) {
            *answer = *answer == YES ? YES : MAYBE;
            TRY(either(c, same, found, err));
            TRY(emit_1(c->e, "Not", same, &other, err));
            if (entry.there != VALUE_NONE)
                TRY(emit_2(c->e, "And", entry.there, other, &other, err));
            entry.there = other;
        }
        entries->items[kept++] = entry;
    }
    entries->count = kept;
    return STATUS_OK;
}

/* --- the operators --- */

static enum status empty(struct tf_call *c, struct error *err)
{
    return entries_give(c, &(struct entries){NULL, 0}, err);
}

static enum status insert(struct tf_call *c, struct error *err)
{
    struct entries entries;
    enum answer answer;
    value_id found;

    TRY(entries_of(c, &entries, err));
    TRY(without(c, &entries, c->in[1], &answer, &found, err));
    entries.items[entries.count++] = (struct entry){c->in[1], c->in[2], VALUE_NONE};
    return entries_give(c, &entries, err);
}

static const char ABSENT[] = "the map does not have the key";

static enum status erase(struct tf_call *c, struct error *err)
{
    struct entries entries;
    enum answer answer;
    value_id found, checked;

    TRY(entries_of(c, &entries, err));
    TRY(without(c, &entries, c->in[1], &answer, &found, err));
    if (answer == NO)
        return error_set(err, STATUS_INVALID_INPUT, "%s", ABSENT);
    if (answer == MAYBE) {
        TRY(emit_assert(c->e, found, ABSENT, &checked, err));
        TRY(tf_guard_add(c->l, c->e->graph, checked, err));
    }
    return entries_give(c, &entries, err);
}

static bool same_shape(const struct tf_call *c, value_id a, value_id b)
{
    const struct shape *x = emit_shape(c->e, a), *y = emit_shape(c->e, b);

    if (x->rank < 0 || x->rank != y->rank || emit_dtype(c->e, a) != emit_dtype(c->e, b))
        return false;
    for (int d = 0; d < x->rank; d++)
        if (!dim_is_known(x->dims[d]) || x->dims[d] != y->dims[d])
            return false;
    return true;
}

static enum status lookup(struct tf_call *c, struct error *err)
{
    value_id y = VALUE_NONE, found = VALUE_NONE, same;
    enum answer answer = NO, now;
    struct entries entries;
    enum dtype dtype;

    TRY(tf_type(c->node, "value_dtype", &dtype, err));
    TRY(entries_of(c, &entries, err));
    for (size_t i = 0; i < entries.count && answer != YES; i++) {
        value_id value = entries.items[i].value;

        TRY(compare(c, &entries.items[i], c->in[1], &now, &same, err));
        if (now == NO)
            continue;
        answer = now;
        if (now == YES || y == VALUE_NONE)
            y = value;
        else if (!same_shape(c, y, value))
            return error_set(err, STATUS_UNSUPPORTED, "the key chooses of tensors that differ");
        else
            TRY(emit_where(c->e, same, value, y, &y, err));
        if (now == MAYBE)
            TRY(either(c, same, &found, err));
    }
    if (answer == NO)
        return error_set(err, STATUS_INVALID_INPUT, "%s", ABSENT);
    if (answer == MAYBE)
        TRY(emit_require(c->e, found, ABSENT, &y, err));
    if (emit_dtype(c->e, y) != dtype)
        return error_set(err, STATUS_INVALID_INPUT, "a tensor of %s, not %s",
                         dtype_name(emit_dtype(c->e, y)), dtype_name(dtype));
    return tf_give(c, y);
}

static enum status has_key(struct tf_call *c, struct error *err)
{
    struct entries entries;
    enum answer answer;
    value_id y;

    TRY(entries_of(c, &entries, err));
    TRY(without(c, &entries, c->in[1], &answer, &y, err));
    if (answer != MAYBE)
        TRY(emit_number(c->e, DTYPE_BOOL, answer == YES, &y, err));
    return tf_give(c, y);
}

static enum status size(struct tf_call *c, struct error *err)
{
    struct entries entries;
    size_t certain = 0;
    value_id y, one;

    TRY(entries_of(c, &entries, err));
    for (size_t i = 0; i < entries.count; i++)
        certain += entries.items[i].there == VALUE_NONE;
    TRY(emit_number(c->e, DTYPE_I32, (double)certain, &y, err));
    for (size_t i = 0; i < entries.count; i++) {
        if (entries.items[i].there == VALUE_NONE)
            continue;
        TRY(emit_cast(c->e, entries.items[i].there, DTYPE_I32, &one, err));
        TRY(emit_2(c->e, "Add", y, one, &y, err));
    }
    return tf_give(c, y);
}

static enum status stack_keys(struct tf_call *c, struct error *err)
{
    struct entries entries;
    enum dtype dtype;
    value_id *keys, y;

    TRY(tf_type(c->node, "key_dtype", &dtype, err));
    TRY(entries_of(c, &entries, err));
    if (!entries.count)
        return error_set(err, STATUS_INVALID_INPUT, "the map is empty");
    keys = arena_new(c->l->keep, value_id, entries.count);
    if (!keys)
        return error_no_memory(err, "the keys");
    for (size_t i = 0; i < entries.count; i++) {
        const struct entry *entry = &entries.items[i];

        if (entry->there != VALUE_NONE)
            return error_set(err, STATUS_UNSUPPORTED, "which keys the map has is not known");
        if (emit_dtype(c->e, entry->key) != dtype)
            return error_set(err, STATUS_INVALID_INPUT, "a key of %s, not %s",
                             dtype_name(emit_dtype(c->e, entry->key)), dtype_name(dtype));
        if (i && !same_shape(c, entry->key, entries.items[0].key))
            return error_set(err, STATUS_UNSUPPORTED, "keys of several shapes");
        TRY(emit_unsqueeze(c->e, entry->key, 0, &keys[i], err));
    }
    TRY(emit_concat(c->e, (struct emit_inputs){keys, entries.count}, 0, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_tensor_map =
    TF_OP_SET({.name = "EmptyTensorMap", .lower = empty},
              {.name = "TensorMapInsert", .lower = insert, .inputs = 3},
              {.name = "TensorMapErase", .lower = erase, .inputs = 2},
              {.name = "TensorMapLookup", .lower = lookup, .inputs = 2},
              {.name = "TensorMapHasKey", .lower = has_key, .inputs = 2},
              {.name = "TensorMapSize", .lower = size, .inputs = 1},
              {.name = "TensorMapStackKeys", .lower = stack_keys, .inputs = 1}, );
