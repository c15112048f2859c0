// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include "test.h"

TEST(arena_keeps_its_limit)
{
    struct arena arena;

    arena_init(&arena, 1000);
    CHECK(arena_alloc(&arena, 1, 600) != NULL);
    CHECK(arena_alloc(&arena, 1, 600) == NULL);
    CHECK(arena_alloc(&arena, SIZE_MAX / 2, 3) == NULL);
    CHECK(arena_alloc(&arena, 0, 8) != NULL);
    arena_release(&arena);
    arena_release(&arena);
}

TEST(arena_memory_is_zeroed_after_reset)
{
    struct arena arena;
    unsigned char *memory;

    arena_init(&arena, 1 << 20);
    memory = arena_alloc(&arena, 1, 5000);
    CHECK_INT((uintptr_t)memory % 64, 0);
    memset(memory, 255, 5000);
    arena_reset(&arena);
    memory = arena_alloc(&arena, 1, 5000);
    for (int i = 0; i < 5000; i++)
        CHECK_INT(memory[i], 0);
    arena_release(&arena);
}

TEST(arena_fails_when_told)
{
    struct arena arena;

    arena_init(&arena, 1 << 20);
    arena_fail_at(2);
    CHECK(arena_text(&arena, bytes_of("first")) != NULL);
    CHECK(arena_text(&arena, bytes_of("second")) == NULL);
    arena_fail_at(0);
    arena_release(&arena);
}
