// SPDX-License-Identifier: Apache-2.0
/* Where variables are used in branches and loops of TensorFlow 1. A Merge or an Exit takes with it
 * what its branches and rounds need: a node that two of them need is lowered for each, although the
 * framework runs it once. Of a node that writes, or reads what was written in between, that is
 * another model: it is refused. */
#include "importers/tensorflow/control/control.h"

struct tf_place {
    const struct tf_node *node; /* the key */
    const void *owner;
    enum tf_role role;
    size_t version; /* of all variables, when it was lowered there first */
};

static enum status place_add(const struct tf_part *part, const struct tf_node *node, bool writes,
                             struct error *err)
{
    struct tf_lowering *l = part->outer->l;
    struct map *places = &part->outer->places;
    struct bytes key = {(const uint8_t *)&node, sizeof node};
    struct tf_place *place;

    if (!places->arena)
        map_init(places, l->keep);
    place = map_find(places, key);
    if (part->role == TF_ROLE_EXIT)
        return error_set(err, STATUS_UNSUPPORTED,
                         "it uses a variable that is written where a loop is left");
    if (place && (place->owner != part->owner || place->role != part->role) &&
        (writes || place->version != l->version))
        return error_set(err, STATUS_UNSUPPORTED,
                         "it uses a variable that is written, and belongs to two parts of a branch "
                         "or loop");
    if (place)
        return STATUS_OK;
    place = arena_new(l->keep, struct tf_place, 1);
    if (!place)
        return error_no_memory(err, "a node");
    *place = (struct tf_place){node, part->owner, part->role, l->version};
    key.data = (const uint8_t *)&place->node;
    return map_set(places, key, place) ? STATUS_OK : error_no_memory(err, "a node");
}

enum status tf_place_note(const struct tf_scope *scope, bool writes, struct error *err)
{
    struct tf_lowering *l = scope->l;

    if (!l->writes) /* what is written is found out first: then all is lowered again */
        return STATUS_OK;
    for (; scope; scope = scope->caller)
        for (const struct tf_scope *s = scope; s->part && scope->at; s = s->part->outer)
            TRY(place_add(s->part, scope->at, writes, err));
    l->version += writes;
    return STATUS_OK;
}

bool tf_is_in_loop(const struct tf_scope *scope)
{
    for (; scope; scope = scope->caller)
        for (const struct tf_scope *s = scope; s->part; s = s->part->outer)
            if (s->part->frame)
                return true;
    return false;
}
