// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"

enum {
    BLOCK_BYTES = 64 << 10,
    REGION_BYTES = 32 << 20, /* largest block of an arena of regions, unless one allocation is */
    MAP_BYTES = 256 << 10,   /* from here on blocks of such arenas are mapped */
    SPARE_BYTES = 8 << 20,   /* of blocks that are kept for later */
    HUGE_BYTES = 2 << 20,    /* a huge page */
    HUGE_SLOW_US = 1000,     /* the small pages in its place cost no more */
    SLACK_SHARE = 16, /* such blocks are larger by a 16th, so that more fits when they are spare */
    ALIGNMENT = 16,
    LARGE_BYTES = 4096,
    LARGE_ALIGNMENT = 64,
};

#if defined(__SANITIZE_ADDRESS__)
enum { MAPS = false }; /* the sanitizer watches what malloc gives */
#else
enum { MAPS = true };
#endif

struct arena_block {
    struct arena_block *next;
    size_t capacity, used;
    size_t dirty;  /* bytes that may not be zero */
    size_t mapped; /* bytes of the mapping; 0: from malloc */
    char *huge;    /* the next huge page, not brought yet; NULL: small ones */
    _Alignas(LARGE_ALIGNMENT) char data[];
};

static _Thread_local long fail_at;
static atomic_bool huge_pages_are_slow;

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_init_regions(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit, .mapped = true, .regions = true};
}

void arena_init_mapped(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit, .mapped = true};
}

static void block_free(struct arena_block *block)
{
    if (block->mapped)
        munmap(block, block->mapped);
    else
        free(block);
}

static void blocks_free(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        block_free(block);
        block = next;
    }
}

void arena_release(struct arena *arena)
{
    blocks_free(arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
    arena_trim(arena);
}

void arena_trim(struct arena *arena)
{
    blocks_free(arena->spare);
    arena->spare = NULL;
}

void arena_settle(struct arena *arena)
{
    arena_trim(arena);
    for (struct arena_block *block = arena->blocks; block; block = block->next)
        if (block->mapped >= HUGE_BYTES)
            madvise(block, block->mapped, MADV_HUGEPAGE);
}

void arena_spare_move(struct arena *from, struct arena *to)
{
    struct arena_block **end = &from->spare;

    while (*end)
        end = &(*end)->next;
    *end = to->spare;
    to->spare = from->spare;
    from->spare = NULL;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *newest = arena->blocks;

    if (!newest)
        return;
    blocks_free(newest->next);
    arena->used = 0;
    newest->next = NULL;
    newest->used = 0;
}

bool arena_holds(const struct arena *arena, const void *memory)
{
    for (const struct arena_block *block = arena->blocks; block; block = block->next)
        if ((const char *)memory >= block->data && (const char *)memory < block->data + block->used)
            return true;
    return false;
}

static size_t spare_bytes(const struct arena *arena)
{
    size_t bytes = 0;

    for (const struct arena_block *block = arena->spare; block; block = block->next)
        bytes += block->mapped;
    return bytes;
}

bool arena_give_back(struct arena *arena, void *memory, size_t size, struct arena *spare_to)
{
    for (struct arena_block **at = &arena->blocks; *at; at = &(*at)->next) {
        struct arena_block *block = *at;

        if (block->data != (char *)memory)
            continue;
        if (block->used != size || size <= BLOCK_BYTES / 2)
            return false;
        *at = block->next;
        arena->used -= block->used;
        block->used = 0;
        if (spare_to && block->mapped && spare_bytes(spare_to) + block->mapped <= SPARE_BYTES) {
            block->next = spare_to->spare;
            spare_to->spare = block;
        } else {
            block_free(block);
        }
        return true;
    }
    return false;
}

static double thread_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

/* The first huge page from `at` on. */
static char *huge_page_at(char *at)
{
    return at + (HUGE_BYTES - (uintptr_t)at % HUGE_BYTES) % HUGE_BYTES;
}

/* In a virtual machine the huge pages that are free may be those that its host has yet to find, ten
 * times slower than small ones: after the first such page this process asks for no more. */
static void bring_page(volatile char *page)
{
    double before = thread_us();

    *page = 0;
    if (thread_us() - before > HUGE_SLOW_US)
        atomic_store(&huge_pages_are_slow, true);
}

/* Huge pages up to `end`, which will be written; bringing them takes an eighth of the time of small
 * ones. */
static void bring_huge_pages(struct arena_block *block, const char *end)
{
    while (block->huge && block->huge < end) {
        if (block->huge + HUGE_BYTES > (char *)block + block->mapped) {
            block->huge = NULL;
        } else if (atomic_load(&huge_pages_are_slow)) {
            madvise(block, block->mapped, MADV_NOHUGEPAGE);
            block->huge = NULL;
        } else {
            bring_page(block->huge);
            block->huge += HUGE_BYTES;
        }
    }
}

/* Zeroed pages from the system. */
static struct arena_block *block_map(size_t total)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (total + page - 1) / page * page;
    bool huge = size >= HUGE_BYTES && !atomic_load(&huge_pages_are_slow);
    struct arena_block *block;

    block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    if (huge) {
        madvise(block, size, MADV_HUGEPAGE);
        bring_page((char *)block);
    }
    *block = (struct arena_block){
        .capacity = size - sizeof *block,
        .mapped = size,
        .huge = huge ? huge_page_at((char *)block + 1) : NULL,
    };
    return block;
}

static struct arena_block *block_allocate(size_t total)
{
    struct arena_block *block = aligned_alloc(LARGE_ALIGNMENT, total);

    if (block)
        *block =
            (struct arena_block){.capacity = total - sizeof *block, .dirty = total - sizeof *block};
    return block;
}

/* The smallest spare block that holds so much; where blocks are not shared, not a much larger one.
 */
static struct arena_block *block_reuse(struct arena *arena, size_t size)
{
    struct arena_block **best = NULL, *block;

    for (struct arena_block **at = &arena->spare; *at; at = &(*at)->next)
        if ((*at)->capacity >= size && (arena->regions || (*at)->capacity / 2 <= size) &&
            (!best || (*at)->capacity < (*best)->capacity))
            best = at;
    if (!best)
        return NULL;
    block = *best;
    *best = block->next;
    return block;
}

static size_t capacity_wanted(const struct arena *arena, size_t size)
{
    size_t grown = arena->used < REGION_BYTES ? arena->used : REGION_BYTES;

    if (arena->regions && grown > BLOCK_BYTES)
        return size > grown ? size : grown;
    return size > BLOCK_BYTES / 2 ? size : BLOCK_BYTES;
}

static struct arena_block *block_make(struct arena *arena, size_t size)
{
    size_t capacity = capacity_wanted(arena, size), total;
    struct arena_block *block =
        arena->spare && size >= MAP_BYTES / 2 ? block_reuse(arena, size) : NULL;

    if (block || !checked_add(capacity, sizeof *block + LARGE_ALIGNMENT, &total))
        return block;
    total = total / LARGE_ALIGNMENT * LARGE_ALIGNMENT;
    if (!MAPS || !arena->mapped || total < MAP_BYTES)
        return block_allocate(total);
    return block_map(total + total / SLACK_SHARE); /* pages that nobody touches cost nothing */
}

static size_t room(const struct arena_block *block)
{
    return block->capacity - block->used;
}

static struct arena_block *block_add(struct arena *arena, size_t size)
{
    struct arena_block *block = block_make(arena, size), *newest = arena->blocks;
    bool behind;

    if (!block)
        return NULL;
    /* Small allocations go on in the newest block: where they have more room, and not behind what
     * may be given back. */
    behind = arena->mapped && newest && size > BLOCK_BYTES / 2 &&
             (!arena->regions || room(newest) > block->capacity - size);
    block->next = behind ? newest->next : newest;
    *(behind ? &newest->next : &arena->blocks) = block;
    return block;
}

/* Zero what may have been in use before. */
static void clear(struct arena_block *block, size_t start, size_t bytes)
{
    size_t end = start + bytes;

    if (start < block->dirty)
        memset(block->data + start, 0, (end < block->dirty ? end : block->dirty) - start);
    if (end > block->dirty)
        block->dirty = end;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t bytes, alignment, start, used;

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
    bring_huge_pages(block, block->data + used);
    clear(block, start, bytes);
    return block->data + start;
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

bool arena_grow(struct arena *arena, void **items, size_t count, size_t *capacity, size_t item_size)
{
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *grown;

    if (count < *capacity)
        return true;
    grown = arena_alloc(arena, wanted, item_size);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *items, count * item_size);
    *items = grown;
    *capacity = wanted;
    return true;
}
