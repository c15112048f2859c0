// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

void map_init(struct map *map, struct arena *arena)
{
    *map = (struct map){.arena = arena};
}

uint64_t bytes_hash(struct bytes bytes)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ bytes.size, chunk;
    size_t i = 0;

    for (; i + 8 <= bytes.size; i += 8) {
        memcpy(&chunk, bytes.data + i, 8);
        hash = (hash ^ chunk) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    chunk = 0;
    if (i < bytes.size)
        memcpy(&chunk, bytes.data + i, bytes.size - i);
    hash = (hash ^ chunk) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 29;
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

static struct map_entry *slot_of(const struct map *map, struct bytes key, uint64_t hash)
{
    size_t i = (size_t)hash & (map->capacity - 1);

    while (map->entries[i].value &&
           !(map->entries[i].hash == hash && bytes_equal(map->entries[i].key, key)))
        i = (i + 1) & (map->capacity - 1);
    return &map->entries[i];
}

static bool map_grow(struct map *map)
{
    struct map old = *map;

    map->capacity = old.capacity ? old.capacity * 2 : 16;
    map->entries = arena_new(map->arena, struct map_entry, map->capacity);
    if (!map->entries) {
        *map = old;
        return false;
    }
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].value)
            *slot_of(map, old.entries[i].key, old.entries[i].hash) = old.entries[i];
    return true;
}

bool map_set(struct map *map, struct bytes key, void *value)
{
    uint64_t hash = bytes_hash(key);
    struct map_entry *slot;

    if (map->count * 2 >= map->capacity && !map_grow(map))
        return false;
    slot = slot_of(map, key, hash);
    if (!slot->value)
        map->count++;
    *slot = (struct map_entry){key, value, hash};
    return true;
}

void *map_find(const struct map *map, struct bytes key)
{
    if (!map->capacity)
        return NULL;
    return slot_of(map, key, bytes_hash(key))->value;
}
