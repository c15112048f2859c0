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

static bool is_zero(const unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memory[i])
            return false;
    return true;
}

TEST(arena_gives_back_large_memory)
{
    struct arena arena;
    unsigned char *small, *large, *other;

    arena_init_mapped(&arena, 4 << 20);
    small = arena_alloc(&arena, 100, 1);
    large = arena_alloc(&arena, 1, 3 << 20);
    other = arena_alloc(&arena, 16, 1);
    CHECK(is_zero(large, 3 << 20));
    memset(large, 1, 3 << 20);
    CHECK(arena_alloc(&arena, 1, 2 << 20) == NULL);
    CHECK(!arena_give_back(&arena, small, 100, NULL));
    CHECK(!arena_give_back(&arena, large + 64, 3 << 20, NULL));
    CHECK(!arena_give_back(&arena, large, 1 << 20, NULL));
    CHECK(arena_give_back(&arena, large, 3 << 20, NULL));
    CHECK(!arena_give_back(&arena, large, 3 << 20, NULL));
    large = arena_alloc(&arena, 1, 3 << 20);
    CHECK(is_zero(large, 3 << 20));
    memset(small, 1, 100);
    memset(other, 1, 16);
    arena_release(&arena);
    CHECK_INT(arena.used, 0);
}

TEST(arena_regions_are_zeroed)
{
    struct arena arena;
    size_t sizes[] = {100, 70000, 5, 300000, 4097, 2000000, 1, 9000000, 64, 1000000};

    arena_init_regions(&arena, 1 << 30);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            unsigned char *memory = arena_alloc(&arena, sizes[i], 1);

            CHECK_INT((uintptr_t)memory % (sizes[i] >= 4096 ? 64 : 16), 0);
            CHECK(is_zero(memory, sizes[i]));
            memset(memory, 255, sizes[i]);
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
}

TEST(arena_spare_memory_is_used_again)
{
    struct arena from, to;
    unsigned char *memory, *again;

    arena_init_mapped(&from, 64 << 20);
    arena_init_regions(&to, 64 << 20);
    for (int round = 0; round < 4; round++) {
        memory = arena_alloc(&from, 1, 3 << 20);
        CHECK(is_zero(memory, 3 << 20));
        memset(memory, 255, 3 << 20);
        CHECK(arena_give_back(&from, memory, 3 << 20, round % 2 ? &to : &from));
        if (round == 2)
            arena_spare_move(&from, &to);
        again = arena_alloc(&to, 1, (3 << 20) + 1000);
        CHECK(is_zero(again, (3 << 20) + 1000));
        memset(again, 255, (3 << 20) + 1000);
        again = arena_alloc(&to, 1, 100 << 10);
        CHECK(is_zero(again, 100 << 10));
    }
    CHECK(arena_alloc(&to, 1, 64 << 20) == NULL);
    arena_trim(&to);
    arena_release(&from);
    arena_release(&to);
}

TEST(grown_arrays_keep_their_items)
{
    struct arena arena;
    size_t count = 0, capacity = 0;
    int *items = NULL;

    arena_init(&arena, 1 << 20);
    for (; count < 1000; count++) {
        CHECK(ARENA_GROW(&arena, items, count, capacity));
        items[count] = (int)count;
    }
    for (size_t i = 0; i < count; i++)
        CHECK_INT(items[i], i);
    arena_release(&arena);
}
