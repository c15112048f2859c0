// SPDX-License-Identifier: Apache-2.0
/* Sets of conditions: on which sides a value rests. */
#include "importers/tensorflow/control/flow.h"

enum { CONDITIONS_MAX = 64 };

const struct tf_conditions TF_NO_CONDITIONS = {0};

bool tf_conditions_include(const struct tf_conditions *a, const struct tf_conditions *b)
{
    size_t i = 0;

    for (size_t k = 0; k < b->count; k++) {
        while (i < a->count && a->items[i] < b->items[k])
            i++;
        if (i == a->count || a->items[i] != b->items[k])
            return false;
    }
    return true;
}

bool tf_conditions_have(const struct tf_conditions *set, uint64_t condition)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i] == condition)
            return true;
    return false;
}

const struct tf_conditions *tf_conditions_join(const struct tf_conditions *a,
                                               const struct tf_conditions *b, struct arena *keep)
{
    struct tf_conditions *made;
    size_t i = 0, k = 0;

    if (!a || !b)
        return NULL;
    if (tf_conditions_include(a, b))
        return a;
    if (tf_conditions_include(b, a))
        return b;
    if (a->count + b->count > CONDITIONS_MAX)
        return NULL;
    made = arena_alloc(keep, 1, sizeof *made + (a->count + b->count) * sizeof *made->items);
    if (!made)
        return NULL;
    while (i < a->count || k < b->count) {
        if (k == b->count || (i < a->count && a->items[i] <= b->items[k])) {
            k += k < b->count && a->items[i] == b->items[k];
            made->items[made->count++] = a->items[i++];
        } else {
            made->items[made->count++] = b->items[k++];
        }
    }
    return made;
}

const struct tf_conditions *tf_conditions_with(const struct tf_conditions *set, uint64_t condition,
                                               struct arena *keep)
{
    struct tf_conditions *one = arena_alloc(keep, 1, sizeof *one + sizeof *one->items);

    if (!one)
        return NULL;
    one->count = 1;
    one->items[0] = condition;
    return tf_conditions_join(set, one, keep);
}

const struct tf_conditions *tf_conditions_without(const struct tf_conditions *set,
                                                  uint64_t predicate, struct arena *keep)
{
    struct tf_conditions *made =
        arena_alloc(keep, 1, sizeof *made + set->count * sizeof *made->items);

    for (size_t i = 0; made && i < set->count; i++)
        if ((set->items[i] & ~(uint64_t)TF_SIDE_MASK) != predicate)
            made->items[made->count++] = set->items[i];
    return made;
}

int tf_conditions_side(const struct tf_conditions *set, uint64_t predicate)
{
    for (size_t i = 0; i < set->count; i++)
        if ((set->items[i] & ~(uint64_t)TF_SIDE_MASK) == predicate)
            return (int)(set->items[i] & TF_SIDE_MASK);
    return -1;
}
