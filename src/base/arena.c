// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"

enum {
    BLOCK_BYTES = 64 << 10,
    ALIGNMENT = 16,
    LARGE_BYTES = 4096,
    LARGE_ALIGNMENT = 64,
};

struct arena_block {
    struct arena_block *next;
    size_t capacity, used;
    _Alignas(LARGE_ALIGNMENT) char data[];
};

static _Thread_local long fail_at;

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *newest = arena->blocks;

    if (!newest)
        return;
    arena->blocks = newest->next;
    arena_release(arena);
    newest->next = NULL;
    newest->used = 0;
    arena->blocks = newest;
}

static struct arena_block *block_add(struct arena *arena, size_t size)
{
    size_t capacity = size > BLOCK_BYTES / 2 ? size : BLOCK_BYTES;
    size_t total = (sizeof(struct arena_block) + capacity + LARGE_ALIGNMENT - 1) / LARGE_ALIGNMENT *
                   LARGE_ALIGNMENT;
    struct arena_block *block;

    if (total < capacity)
        return NULL;
    block = aligned_alloc(LARGE_ALIGNMENT, total);
    if (!block)
        return NULL;
    *block = (struct arena_block){.next = arena->blocks, .capacity = capacity};
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t bytes, alignment, start, used;
    void *memory;

    if (fail_at && --fail_at == 0)
        return NULL;
    if (!checked_multiply(count, size, &bytes) || bytes > arena->limit ||
        arena->used > arena->limit - bytes)
        return NULL;
    alignment = bytes >= LARGE_BYTES ? LARGE_ALIGNMENT : ALIGNMENT;
    start = block ? (block->used + alignment - 1) / alignment * alignment : 0;
    if (!block || start > block->capacity || bytes > block->capacity - start) {
        block = block_add(arena, bytes);
        if (!block)
            return NULL;
        start = 0;
    }
    used = start + bytes + (bytes == 0);
    if (used > block->capacity)
        used = block->capacity;
    arena->used += used - block->used;
    block->used = used;
    memory = block->data + start;
    memset(memory, 0, bytes);
    return memory;
}

char *arena_text(struct arena *arena, struct bytes text)
{
    char *copy = text.size == SIZE_MAX ? NULL : arena_new(arena, char, text.size + 1);

    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    int size;
    char *text;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = size < 0 ? NULL : arena_new(arena, char, (size_t)size + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

void arena_fail_at(long n)
{
    fail_at = n;
}
