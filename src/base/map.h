// SPDX-License-Identifier: Apache-2.0
/* Map: byte strings to pointers, open addressing in an arena. Entries are never removed. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"

struct map_entry {
    struct bytes key; /* borrowed */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* (capacity,); capacity is a power of two */
    size_t capacity, count;
    struct arena *arena;
};

void map_init(struct map *map, struct arena *arena);

/* Set or replace; false when there is no memory. The key is borrowed for as long as the map. */
bool map_set(struct map *map, struct bytes key, void *value) must_check;
void *map_find(const struct map *map, struct bytes key); /* or NULL */
uint64_t bytes_hash(struct bytes bytes);
