// SPDX-License-Identifier: Apache-2.0
/* TensorFlow's checkpoints of version 1: the input is keys and values (a byte and two of their
 * sizes before each pair), of which a table with its sums is made, so that what is changed gets to
 * those who read the values. Every tensor that it names is read, whole and in part. */
#include "base/hash/crc32c.h"
#include "base/text.h"
#include "formats/tensorflow/bundle.h"

#define NAME "model.ckpt-1"

static void varint(struct text *text, size_t value)
{
    for (; value > 127; value >>= 7)
        text_append_char(text, (char)(value | 128));
    text_append_char(text, (char)value);
}

static void number(struct text *text, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        text_append_char(text, (char)(value >> 8 * i));
}

struct place {
    size_t offset, size;
};

/* Its only restart, its kind (plain) and its sum, behind what was written from `offset` on. */
static struct place block_end(struct text *table, size_t offset)
{
    struct place place = {offset, 0};
    struct bytes sealed;

    number(table, 0);
    number(table, 1);
    place.size = table->size - offset;
    text_append_char(table, 0);
    sealed = text_bytes(table);
    number(table, crc32c_mask(crc32c((struct bytes){sealed.data + offset, place.size + 1})));
    return place;
}

static void entry(struct text *table, struct bytes key, struct bytes value)
{
    varint(table, 0);
    varint(table, key.size);
    varint(table, value.size);
    text_append_bytes(table, key);
    text_append_bytes(table, value);
}

static void table_make(struct bytes input, struct text *table)
{
    static const uint8_t MAGIC[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    struct place data, index, meta;
    struct text handle = {0};
    size_t at = 0, footer;

    while (input.size - at > 3) {
        struct bytes key = {input.data + at + 3, input.data[at]};
        struct bytes value = {NULL, input.data[at + 1] | (size_t)input.data[at + 2] << 8};

        at += 3;
        key.size = key.size < input.size - at ? key.size : input.size - at;
        at += key.size;
        value.data = input.data + at;
        value.size = value.size < input.size - at ? value.size : input.size - at;
        at += value.size;
        entry(table, key, value);
    }
    data = block_end(table, 0);
    meta = block_end(table, table->size);
    varint(&handle, data.offset);
    varint(&handle, data.size);
    at = table->size;
    entry(table, (struct bytes){(const uint8_t *)"\xff", 1}, text_bytes(&handle));
    index = block_end(table, at);
    text_release(&handle);
    footer = table->size;
    varint(table, meta.offset);
    varint(table, meta.size);
    varint(table, index.offset);
    varint(table, index.size);
    while (table->size < footer + 40)
        text_append_char(table, 0);
    text_append_bytes(table, (struct bytes){MAGIC, sizeof MAGIC});
}

static void read_all(struct artifact *artifact, struct arena *keep)
{
    static const char *const PARTS[] = {"", "2 0,1", "2 3 -:1,2", "4 2 0,2:-"};
    struct bundle bundle;
    struct tensor tensor;
    struct error err;

    if (bundle_open(artifact, NAME, &bundle, keep, &err))
        return;
    for (size_t i = 0; i < bundle.index.count; i++) {
        struct bytes name = bundle.index.entries[i].key;
        struct bundle_entry said;

        if (bundle_find(&bundle, name, &said, &err) || bundle_tensor(&bundle, name, &tensor, &err))
            continue;
        if (tensor.dtype != said.dtype || tensor.shape.rank != said.shape.rank)
            __builtin_trap();
        for (size_t p = 0; p < ARRAY_COUNT(PARTS); p++)
            if (bundle_slice(&bundle, name, bytes_of(PARTS[p]), &tensor, &err))
                continue;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text table = {0};
    struct artifact *artifact;
    struct arena keep;
    struct error err;

    table_make((struct bytes){data, size}, &table);
    arena_init(&keep, 64 << 20);
    if (!table.failed && !artifact_open_bytes(text_bytes(&table), NAME, NULL, &artifact, &err)) {
        read_all(artifact, &keep);
        artifact_close(artifact);
    }
    arena_release(&keep);
    text_release(&table);
    return 0;
}
