// SPDX-License-Identifier: Apache-2.0
#include "workers/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A power of two, so that growing answers do not grow it often. */
static size_t size_rounded(size_t size, size_t limit)
{
    size_t rounded = SHARED_MEMORY_MIN;

    while (rounded < size && rounded <= SIZE_MAX / 2)
        rounded *= 2;
    return rounded < limit ? rounded : limit;
}

static enum status fail(struct shared_memory *memory, struct error *err)
{
    int why = errno;

    shared_memory_release(memory);
    return error_set(err, STATUS_NO_MEMORY, "memory to share with a worker: %s", strerror(why));
}

enum status shared_memory_new(size_t size, size_t limit, struct shared_memory *memory,
                              struct error *err)
{
    void *data;

    *memory = (struct shared_memory){.fd = -1};
    if (size > limit)
        return error_set(err, STATUS_TOO_LARGE,
                         "%zu bytes of inputs and results for a worker exceed %zu", size, limit);
    size = size_rounded(size, limit);
    memory->fd = memfd_create("firn-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->fd < 0 || ftruncate(memory->fd, (off_t)size) ||
        fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        return fail(memory, err);
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory->fd, 0);
    if (data == MAP_FAILED)
        return fail(memory, err);
    memory->data = data;
    memory->size = size;
    return STATUS_OK;
}

void shared_memory_release(struct shared_memory *memory)
{
    if (memory->data)
        munmap(memory->data, memory->size);
    if (memory->fd >= 0)
        close(memory->fd);
    *memory = (struct shared_memory){.fd = -1};
}
