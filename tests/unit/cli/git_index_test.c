// SPDX-License-Identifier: Apache-2.0
#include "cli/git_index.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { ENTRY = 12, NAME = ENTRY + 62, SIZE = 12 + 72 + 20 };

/* One file "a/b" of mode 100644 that is assumed to be as it was. */
static void make(uint8_t index[SIZE])
{
    memset(index, 0, SIZE);
    memcpy(index, "DIRC\0\0\0\2\0\0\0\1", 12);
    memcpy(index + ENTRY + 24, "\0\0\x81\xa4", 4);
    index[ENTRY + 60] = 0x80;
    memcpy(index + NAME, "a/b", 3);
}

static enum git_state state_of(const uint8_t *index, size_t size, const char *tree,
                               struct arena *keep)
{
    struct timespec written = {0};
    uint8_t *copy = malloc(size ? size : 1); /* so that a read behind it is seen */
    enum git_state found;

    memcpy(copy, index, size);
    found = git_state("/nowhere", (struct bytes){copy, size}, &written, tree, keep);
    free(copy);
    return found;
}

TEST(broken_indexes_say_nothing)
{
    static const char *const PATHS[] = {"/ab", "a//", "../", "b..", "ab/"};
    struct arena keep;
    uint8_t index[SIZE];

    arena_init(&keep, 8 << 20);
    make(index);
    CHECK(state_of(index, SIZE, "0000000000000000000000000000000000000000", &keep) == GIT_DIRTY);
    CHECK(state_of(index, SIZE, NULL, &keep) == GIT_UNKNOWN);
    for (size_t size = 0; size < SIZE - 20; size++)
        CHECK(state_of(index, size, "00", &keep) == GIT_UNKNOWN);
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        memcpy(index + NAME, PATHS[i], 3);
        CHECK(state_of(index, SIZE, "0000000000000000000000000000000000000000", &keep) ==
              GIT_UNKNOWN);
    }
    for (size_t at = 0; at < SIZE; at++)
        for (int bit = 0; bit < 8; bit++) {
            make(index);
            index[at] ^= (uint8_t)(1 << bit);
            state_of(index, SIZE, "0000000000000000000000000000000000000000", &keep);
        }
    arena_release(&keep);
}
