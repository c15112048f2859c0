// SPDX-License-Identifier: Apache-2.0
/* Maps: fields that hold other fields, as manifests (`fields`) and Hydrosphere's messages
 * (`subfields`, map_val) have them.
 *
 * A signature holds no maps but their leaves, which follow each other; each says in which maps it
 * lies (field.maps). A list of maps is the first dimension of its leaves: so between the wires and
 * a worker there are tensors only. Here is what turns one into the other. */
#pragma once

#include "base/text.h"
#include "contract/contract.h"

enum { FIELD_MAPS_MAX = 4 }; /* maps in maps: each list takes a dimension of its leaves */

/* The leaves of a map: fields[begin..end), alike in their outermost `depth` maps; of depth 0, all.
 */
struct map_group {
    const struct field *fields;
    size_t begin, end, depth;
};
struct map_group map_group_of(const struct field *fields, size_t count);

/* What is directly inside, one after the other from *at = 0 on: a leaf (depth as the group's) or a
 * map (one more). False: that was all. */
bool map_group_next(const struct map_group *group, size_t *at, struct map_group *child);
bool map_group_find(const struct map_group *group, struct bytes name, struct map_group *child);
/* Its own name inside `group`, and which it is. */
const char *map_child_name(const struct map_group *group, const struct map_group *child);
static inline bool map_child_is_leaf(const struct map_group *group, const struct map_group *child)
{
    return child->depth == group->depth;
}
/* The map itself; depth > 0. */
const struct field_map *map_of(const struct map_group *group);

bool field_is_within(const struct field *field, const struct field *other, size_t depth);
int field_own_rank(const struct field *field); /* without the lists around it; RANK_UNKNOWN */
/* Of the field alone, without the dimensions of the lists around it. */
struct shape field_own_shape(const struct field *field);

/* Put `maps` around a field that was read alone: its name and shape become those of a leaf.
 * UNSUPPORTED when that is too deep. */
enum status field_put_within(struct field *field, const struct field_map *maps, size_t count,
                             struct arena *keep, struct error *err) must_check;

/* The leaves of every map follow each other: UNSUPPORTED names one whose do not. */
enum status maps_check(const struct field *fields, size_t count, struct error *err) must_check;

/* --- what a client gave, leaf by leaf --- */

struct map_leaf {
    struct tensor first; /* value; the others have its shape */
    void *values;        /* of all maps, in order, once there are two */
    size_t count, capacity;
    int64_t sizes[FIELD_MAPS_MAX];     /* of the lists around it; -1: none was seen */
    uint64_t seen[FIELD_MAPS_MAX + 1]; /* in which map of each depth it was given last */
};

struct maps_given {
    struct map_group all;
    struct map_leaf *leaves; /* (count,); NULL until a map is given */
    uint64_t maps;           /* that began so far */
    struct arena *keep;
};
struct maps_given maps_given_of(const struct field *fields, size_t count, struct arena *keep);

/* A map begins: *number tells it from others. */
enum status maps_begin(struct maps_given *given, uint64_t *number, struct error *err) must_check;
/* `child` of it is given; false the second time. */
bool maps_see(struct maps_given *given, const struct map_group *group,
              const struct map_group *child, uint64_t number) must_check;
/* The value of a leaf that was seen. */
enum status maps_add(struct maps_given *given, const struct map_group *leaf,
                     const struct tensor *tensor, struct error *err) must_check;
/* It ends: INVALID_INPUT names what is missing. */
enum status maps_end(struct maps_given *given, const struct map_group *group, uint64_t number,
                     struct error *err) must_check;
/* A list of `size` maps of `group` has ended: INVALID_INPUT when another was longer or shorter. */
enum status maps_counted(struct maps_given *given, const struct map_group *group, int64_t size,
                         struct error *err) must_check;
/* "no \"x\" in map \"person\"; it has ..." */
enum status maps_unknown(const struct map_group *group, struct bytes name, struct error *err)
    must_check;
/* One tensor for each leaf that was given. INVALID_INPUT: maps of a list differ in a shape. */
enum status maps_join(struct maps_given *given, struct given *into, size_t *count,
                      struct error *err) must_check;

/* --- what is answered --- */

/* Where in the lists around them leaves are. */
struct map_place {
    int64_t index[FIELD_MAPS_MAX]; /* by map */
};
/* How many maps of `group` there are at this place. INTERNAL: its leaves differ. */
enum status map_size(const struct map_group *group, const struct tensor *tensors, int64_t *size,
                     struct error *err) must_check;
/* The part of a leaf's tensor at that place; borrowed. */
struct tensor map_part(const struct map_group *leaf, const struct tensor *tensors,
                       const struct map_place *place);

/* {"field": value, "map": {...}, "list": [{...}, ...]} of tensors in the order of `fields`. */
enum status maps_print_json(const struct field *fields, size_t count, const struct tensor *tensors,
                            struct text *text, struct error *err) must_check;
