// SPDX-License-Identifier: Apache-2.0
/* replay TARGET FILE...: run one fuzz target over these inputs, each in memory of its exact size,
 * and look for leaks after each. */
#include <sanitizer/lsan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS_MAX = 25 };

#define TARGET(name) int replay_##name(const uint8_t *data, size_t size);
#include "gen/replay.h"
#undef TARGET

static const struct {
    const char *name;
    int (*run)(const uint8_t *data, size_t size);
} TARGETS[] = {
#define TARGET(name) {#name, replay_##name},
#include "gen/replay.h"
#undef TARGET
};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Of libFuzzer, for mutators of targets; nothing is mutated here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void)data;
    (void)size;
    (void)max_size;
    abort();
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long end;

    if (!file || fseek(file, 0, SEEK_END) || (end = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
        goto broken;
    *size = (size_t)end;
    data = malloc(*size ? *size : 1);
    if (!data || fread(data, 1, *size, file) != *size)
        goto broken;
    fclose(file);
    return data;
broken:
    perror(path);
    exit(1);
}

int main(int argc, char **argv)
{
    int (*run)(const uint8_t *data, size_t size) = NULL;

    for (size_t i = 0; i < sizeof TARGETS / sizeof *TARGETS; i++)
        if (argc > 1 && !strcmp(argv[1], TARGETS[i].name))
            run = TARGETS[i].run;
    if (!run) {
        fprintf(stderr, "replay: no such target\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        size_t size;
        uint8_t *data = read_file(argv[i], &size);

        fprintf(stderr, "%s\n", argv[i]); /* the last one is the culprit */
        alarm(SECONDS_MAX);
        run(data, size);
        free(data);
        if (__lsan_do_recoverable_leak_check())
            return 1;
    }
    return 0;
}
