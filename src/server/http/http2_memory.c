// SPDX-License-Identifier: Apache-2.0
/* Memory for nghttp2: pieces of a few sizes, kept by the I/O thread when they are given back, so
 * that a connection in its steady state allocates nothing. */
#include <stdlib.h>

#include "server/http/http2.h"

enum {
    SMALLEST = 64, /* each class is twice the one before */
    KEPT_BYTES_MAX = 4 << 20,
};

struct piece { /* in front of what nghttp2 gets; keeps it aligned */
    _Alignas(16) struct piece *next;
    unsigned class;
};

static unsigned class_of(size_t size)
{
    unsigned class = 0;

    while (class < IO_PIECE_CLASSES && (size_t)SMALLEST << class < size)
        class ++;
    return class;
}

static void *take(size_t size, void *context)
{
    struct io *io = context;
    unsigned class = class_of(size);
    struct piece *piece;

    if (class == IO_PIECE_CLASSES) {
        piece = size <= SIZE_MAX - sizeof *piece ? malloc(sizeof *piece + size) : NULL;
    } else if (io->pieces[class]) {
        piece = io->pieces[class];
        io->pieces[class] = piece->next;
        io->piece_bytes -= (size_t)SMALLEST << class;
    } else {
        piece = malloc(sizeof *piece + ((size_t)SMALLEST << class));
    }
    if (!piece)
        return NULL;
    piece->class = class;
    return piece + 1;
}

static void give_back(void *memory, void *context)
{
    struct io *io = context;
    struct piece *piece = memory;
    size_t size;

    if (!memory)
        return;
    piece--;
    size = (size_t)SMALLEST << piece->class;
    if (piece->class == IO_PIECE_CLASSES || io->piece_bytes + size > KEPT_BYTES_MAX) {
        free(piece);
        return;
    }
    piece->next = io->pieces[piece->class];
    io->pieces[piece->class] = piece;
    io->piece_bytes += size;
}

static void *take_zeroed(size_t count, size_t size, void *context)
{
    size_t total;
    void *memory;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    memory = take(total, context);
    return memory ? memset(memory, 0, total) : NULL;
}

static void *take_larger(void *memory, size_t size, void *context)
{
    struct piece *piece = memory;
    size_t had;
    void *larger;

    if (!memory)
        return take(size, context);
    piece--;
    if (piece->class == IO_PIECE_CLASSES) {
        piece = size <= SIZE_MAX - sizeof *piece ? realloc(piece, sizeof *piece + size) : NULL;
        return piece ? piece + 1 : NULL;
    }
    had = (size_t)SMALLEST << piece->class;
    if (size <= had)
        return memory;
    larger = take(size, context);
    if (larger) {
        memcpy(larger, memory, had);
        give_back(memory, context);
    }
    return larger;
}

nghttp2_mem http2_memory(struct io *io)
{
    return (nghttp2_mem){io, take, give_back, take_zeroed, take_larger};
}

void io_free_pieces(struct io *io)
{
    for (size_t i = 0; i < IO_PIECE_CLASSES; i++)
        while (io->pieces[i]) {
            struct piece *piece = io->pieces[i];

            io->pieces[i] = piece->next;
            free(piece);
        }
}
