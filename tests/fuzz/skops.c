// SPDX-License-Identifier: Apache-2.0
/* skops: the input is schema.json; it is put into a zip beside an .npy and an .npz that it may
 * name ("a.npy", "m.npz"), because mutating a zip mostly breaks its checksums. */
#include <zlib.h>

#include "formats/skops/skops.h"
#include "fuzz/pickle_walk.h"

struct entry {
    const char *name;
    struct bytes bytes;
};

static void put16(struct text *text, unsigned value)
{
    text_append_char(text, (char)(value & 0xff));
    text_append_char(text, (char)(value >> 8 & 0xff));
}

static void put32(struct text *text, size_t value)
{
    put16(text, (unsigned)(value & 0xffff));
    put16(text, (unsigned)(value >> 16 & 0xffff));
}

/* What the local and the central header have in common, from the version on. */
static void put_entry(struct text *text, const struct entry *entry)
{
    put16(text, 20);
    put32(text, 0);        /* flags, stored */
    put32(text, 0x210000); /* 1980-01-01 */
    put32(text, crc32_z(0, entry->bytes.data, entry->bytes.size));
    put32(text, entry->bytes.size);
    put32(text, entry->bytes.size);
    put16(text, (unsigned)strlen(entry->name));
    put16(text, 0);
}

static void put_zip(struct text *text, const struct entry *entries, size_t count)
{
    size_t offsets[8], start;

    for (size_t i = 0; i < count; i++) {
        offsets[i] = text->size;
        text_append_bytes(text, (struct bytes){(const uint8_t *)"PK\3\4", 4});
        put_entry(text, &entries[i]);
        text_append(text, entries[i].name);
        text_append_bytes(text, entries[i].bytes);
    }
    start = text->size;
    for (size_t i = 0; i < count; i++) {
        text_append_bytes(text, (struct bytes){(const uint8_t *)"PK\1\2\24\0", 6});
        put_entry(text, &entries[i]);
        put16(text, 0); /* comment */
        put32(text, 0); /* disk, internal attributes */
        put32(text, 0); /* external attributes */
        put32(text, offsets[i]);
        text_append(text, entries[i].name);
    }
    offsets[0] = text->size - start;
    text_append_bytes(text, (struct bytes){(const uint8_t *)"PK\5\6\0\0\0\0", 8});
    put16(text, (unsigned)count);
    put16(text, (unsigned)count);
    put32(text, offsets[0]);
    put32(text, start);
    put16(text, 0);
}

static void put_npy(struct text *text, struct tensor tensor)
{
    struct error err;

    if (npy_write(&tensor, text, &err))
        __builtin_trap();
}

/* A csr matrix [[1, 0], [0, 2]] as save_npz writes it. */
static void put_matrix(struct text *text)
{
    static double data[] = {1, 2};
    static int32_t indices[] = {0, 1}, starts[] = {0, 1, 2};
    static int64_t shape[] = {2, 2};
    struct text parts[4] = {0};
    struct entry entries[4] = {{.name = "data.npy"},
                               {.name = "indices.npy"},
                               {.name = "indptr.npy"},
                               {.name = "shape.npy"}};

    put_npy(&parts[0], (struct tensor){DTYPE_F64, SHAPE(2), data});
    put_npy(&parts[1], (struct tensor){DTYPE_I32, SHAPE(2), indices});
    put_npy(&parts[2], (struct tensor){DTYPE_I32, SHAPE(3), starts});
    put_npy(&parts[3], (struct tensor){DTYPE_I64, SHAPE(2), shape});
    for (size_t i = 0; i < 4; i++)
        entries[i].bytes = text_bytes(&parts[i]);
    put_zip(text, entries, 4);
    for (size_t i = 0; i < 4; i++)
        text_release(&parts[i]);
}

static void read_zip(struct bytes zip)
{
    struct pickle_limits budget = {.opcodes = 200000, .bytes = 8 << 20};
    struct artifact *artifact;
    struct pickle pickle;
    struct arena keep;
    struct error err;

    if (artifact_open_bytes(zip, "fuzz", NULL, &artifact, &err))
        __builtin_trap();
    arena_init(&keep, 32 << 20);
    if (skops_is(artifact) && skops_read(artifact, &budget, &pickle, &keep, &err) == STATUS_OK)
        pickle_walk(&pickle);
    arena_release(&keep);
    artifact_close(artifact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t numbers[] = {1, 2, 3};
    struct text zip = {0}, npy = {0}, npz = {0};
    struct entry entries[3] = {{.name = "a.npy"}, {.name = "m.npz"}, {.name = "schema.json"}};

    put_npy(&npy, (struct tensor){DTYPE_I64, SHAPE(3), numbers});
    put_matrix(&npz);
    entries[0].bytes = text_bytes(&npy);
    entries[1].bytes = text_bytes(&npz);
    entries[2].bytes = (struct bytes){data, size};
    put_zip(&zip, entries, 3);
    read_zip(text_bytes(&zip));
    text_release(&zip);
    text_release(&npy);
    text_release(&npz);
    return 0;
}
