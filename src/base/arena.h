// SPDX-License-Identifier: Apache-2.0
/* Arena: memory with one lifetime.
 *
 * Everything allocated from an arena is freed together, by arena_release().
 * An arena has a byte limit, so that input decides how much it asks for and
 * we decide how much it gets. Not thread-safe: one arena, one owner.
 *
 * Parameters called `keep` outlive the call, `scratch` is emptied after it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    struct arena_block *spare;  /* given back, to be used again */
    size_t used;                /* bytes given out, padding included */
    size_t limit;
    bool mapped, regions; /* see arena_init_mapped and arena_init_regions */
};

void arena_init(struct arena *arena, size_t limit);

/* For much memory that lives long: large blocks come from the system and go back to it. With
 * regions (packed weights) blocks also grow with what is used. */
void arena_init_mapped(struct arena *arena, size_t limit);
void arena_init_regions(struct arena *arena, size_t limit);
void arena_release(struct arena *arena); /* safe on a zeroed or released arena */

/* Empty the arena but keep its newest block, so that a loop over requests stops allocating. */
void arena_reset(struct arena *arena);

/* Give back one allocation of `size` bytes before the others; false when it is not alone in its
 * block (in an arena that is mapped, without regions, it is from 64 KiB on). The block is freed, or
 * kept for later allocations of `spare_to`, because fresh pages are dear, up to 8 MiB. */
bool arena_give_back(struct arena *arena, void *memory, size_t size, struct arena *spare_to);

/* Does this memory come from the arena? */
bool arena_holds(const struct arena *arena, const void *memory);

/* Free what was kept for later; or leave it to another arena. */
void arena_trim(struct arena *arena);
void arena_spare_move(struct arena *from, struct arena *to);

/* All is written that will be: trim, and let the system gather large blocks in huge pages as time
 * goes by, where it had none at once. */
void arena_settle(struct arena *arena);

/* Zeroed memory aligned to 16 bytes (64 from 4 KiB on), or NULL: past the limit, `count * size`
 * overflows, or no memory. A count of 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
#define arena_new(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

/* Room for one more item in an array of `count`, whose capacity doubles; the old array is left to
 * the arena. */
#define ARENA_GROW(arena, items, count, capacity)                                                  \
    arena_grow((arena), (void **)&(items), (count), &(capacity), sizeof *(items))
bool arena_grow(struct arena *arena, void **items, size_t count, size_t *capacity, size_t item_size)
    must_check;

/* A NUL-terminated copy, or NULL. */
char *arena_text(struct arena *arena, struct bytes text);
char *arena_printf(struct arena *arena, const char *format, ...) printf_like(2, 3);

/* Tests: let the n-th allocation from now fail (1 is the next); 0 stops. */
void arena_fail_at(long n);
