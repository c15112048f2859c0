// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "test.h"

enum { ROUNDS = 300, BUFFERS = 60, STEPS = 40, LIMIT = 1 << 30 };

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

/* The bytes in use at the busiest step: no placement can do with less. */
static size_t lower_bound(const struct buffer *buffers, size_t count)
{
    size_t most = 0;

    for (uint32_t s = 0; s <= STEPS; s++) {
        size_t now = 0;

        for (size_t b = 0; b < count; b++)
            if (buffers[b].merged == b && buffers[b].first <= s && buffers[b].last >= s)
                now += buffers[b].size;
        most = now > most ? now : most;
    }
    return most;
}

static void buffers_make(struct buffer *buffers)
{
    for (uint32_t b = 0; b < BUFFERS; b++) {
        uint32_t first = random_below(STEPS);
        buffers[b] = (struct buffer){.size = 64 * (size_t)random_below(50),
                                     .first = first,
                                     .last = first + random_below(6),
                                     .step = first,
                                     .merged = b};
        if (random_below(10) == 0)
            buffers[b].last = UINT32_MAX;
    }
}

TEST(buffers_in_use_together_lie_apart)
{
    struct buffer buffers[BUFFERS];
    double needed = 0, used = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct arena scratch;
        struct error err;
        uint32_t step = 0;
        size_t size;

        buffers_make(buffers);
        arena_init(&scratch, 1 << 20);
        CHECK_OK(place_buffers(buffers, BUFFERS, LIMIT, &size, &step, &scratch, &err), err);
        for (size_t a = 0; a < BUFFERS; a++) {
            CHECK_INT(buffers[a].offset % 64, 0);
            CHECK(buffers[a].offset + buffers[a].size <= size);
            for (size_t b = 0; b < a; b++)
                CHECK(buffers[a].first > buffers[b].last || buffers[b].first > buffers[a].last ||
                      buffers[a].offset + buffers[a].size <= buffers[b].offset ||
                      buffers[b].offset + buffers[b].size <= buffers[a].offset);
        }
        needed += (double)lower_bound(buffers, BUFFERS);
        used += (double)size;
        arena_release(&scratch);
    }
    printf("memory: %.3f of what is needed at least\n", used / needed);
    CHECK(used < needed * 1.1);
}

/* So many that best fit takes too long. */
TEST(many_buffers_lie_apart)
{
    enum { MANY = 10000, MANY_STEPS = 5000 };
    struct buffer *buffers = calloc(MANY, sizeof *buffers);
    size_t *in_use = calloc(MANY_STEPS + 8, sizeof *in_use), most = 0, size;
    struct arena scratch;
    struct error err;
    uint32_t step = 0;

    arena_init(&scratch, 1 << 24);
    for (uint32_t b = 0; b < MANY; b++) {
        uint32_t first = random_below(MANY_STEPS);

        buffers[b] = (struct buffer){.size = 64 * (size_t)(1 + random_below(50)),
                                     .first = first,
                                     .last = first + random_below(6),
                                     .step = first,
                                     .merged = b};
        for (uint32_t s = first; s <= buffers[b].last; s++)
            in_use[s] += buffers[b].size;
    }
    for (size_t s = 0; s < MANY_STEPS; s++)
        most = in_use[s] > most ? in_use[s] : most;
    CHECK_OK(place_buffers(buffers, MANY, LIMIT, &size, &step, &scratch, &err), err);
    CHECK(size >= most && size < most * 2);
    for (size_t a = 0; a < MANY; a++) {
        CHECK(buffers[a].offset + buffers[a].size <= size);
        for (size_t b = 0; b < a; b += 1 + b % 3)
            if (!(buffers[a].first > buffers[b].last || buffers[b].first > buffers[a].last ||
                  buffers[a].offset + buffers[a].size <= buffers[b].offset ||
                  buffers[b].offset + buffers[b].size <= buffers[a].offset))
                fail_msg("%zu and %zu overlap", a, b);
    }
    CHECK_FAILS(place_buffers(buffers, MANY, most / 2, &size, &step, &scratch, &err), err,
                STATUS_TOO_LARGE, "limit");
    buffers[7].size = SIZE_MAX - 63;
    CHECK_FAILS(place_buffers(buffers, MANY, SIZE_MAX, &size, &step, &scratch, &err), err,
                STATUS_TOO_LARGE, "limit");
    arena_release(&scratch);
    free(in_use);
    free(buffers);
}

TEST(merged_buffers_share_a_place)
{
    struct buffer buffers[] = {
        {.size = 128, .first = 0, .last = 5, .merged = 0},
        {.size = 64, .first = 0, .last = 2, .merged = 1},
        {.size = 128, .first = 3, .last = 5, .merged = 0},
        {.size = 0, .first = 3, .last = 5, .merged = 3},
    };
    struct arena scratch;
    struct error err;
    uint32_t step;
    size_t size;

    arena_init(&scratch, 1 << 20);
    CHECK_OK(place_buffers(buffers, 4, LIMIT, &size, &step, &scratch, &err), err);
    CHECK_INT(buffers[2].offset, buffers[0].offset);
    CHECK_INT(size, 192);
    arena_release(&scratch);
}

TEST(too_much_memory_names_the_step)
{
    struct buffer buffers[] = {
        {.size = 1 << 20, .first = 0, .last = 1, .step = 0, .merged = 0},
        {.size = 1 << 19, .first = 1, .last = 2, .step = 1, .merged = 1},
        {.size = SIZE_MAX - 63, .first = 2, .last = 2, .step = 2, .merged = 2},
    };
    struct arena scratch;
    struct error err;
    uint32_t step;
    size_t size;

    arena_init(&scratch, 1 << 20);
    CHECK_OK(place_buffers(buffers, 2, 3 << 19, &size, &step, &scratch, &err), err);
    CHECK_FAILS(place_buffers(buffers, 2, (3 << 19) - 1, &size, &step, &scratch, &err), err,
                STATUS_TOO_LARGE, "1572863 bytes");
    CHECK_INT(step, 1);
    CHECK_FAILS(place_buffers(buffers, 3, LIMIT, &size, &step, &scratch, &err), err,
                STATUS_TOO_LARGE, "limit");
    CHECK_INT(step, 2);
    arena_release(&scratch);
}
