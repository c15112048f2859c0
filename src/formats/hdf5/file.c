// SPDX-License-Identifier: Apache-2.0
/* Superblock and object headers. */
#include "formats/hdf5/internal.h"

static const char SIGNATURE[] = "\x89HDF\r\n\x1a\n";
enum {
    SIGNATURE_SIZE = 8,
    USER_BLOCK_MIN = 512, /* and its doubles */
    MESSAGES_MAX = 1 << 20,
    BYTES_A_NODE = 8, /* no tree node, header or heap is smaller */
};

/* Where the signature is; false: nowhere. */
static bool signature_find(struct bytes bytes, size_t *at)
{
    for (*at = 0; *at <= bytes.size && bytes.size - *at >= SIGNATURE_SIZE;
         *at = *at ? *at * 2 : USER_BLOCK_MIN)
        if (!memcmp(bytes.data + *at, SIGNATURE, SIGNATURE_SIZE))
            return true;
    return false;
}

bool hdf5_is(struct bytes bytes)
{
    size_t at;

    return signature_find(bytes, &at);
}

uint64_t hdf5_offset(const struct hdf5 *file, struct cursor *cursor)
{
    return cursor_uint_le(cursor, file->offset_size);
}

uint64_t hdf5_length(const struct hdf5 *file, struct cursor *cursor)
{
    return cursor_uint_le(cursor, file->length_size);
}

bool hdf5_is_undefined(const struct hdf5 *file, uint64_t address)
{
    return address == UINT64_MAX >> (64 - 8 * file->offset_size);
}

void hdf5_call_begin(struct hdf5 *file)
{
    file->nodes_left = file->bytes.size / BYTES_A_NODE;
}

enum status hdf5_at(struct hdf5 *file, uint64_t address, const char *signature, const char *what,
                    struct cursor *cursor, struct error *err)
{
    if (address >= file->bytes.size)
        return error_set(err, STATUS_INVALID_INPUT, "the HDF5 file ends before its %s at byte %llu",
                         what, (unsigned long long)address);
    if (!file->nodes_left)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the HDF5 file has a loop: its %s at byte %llu was read before", what,
                         (unsigned long long)address);
    file->nodes_left--;
    *cursor = cursor_over(file->bytes);
    cursor->offset = (size_t)address;
    if (signature && !bytes_is(cursor_take(cursor, 4), signature))
        return error_at(err, (size_t)address, STATUS_INVALID_INPUT,
                        "the HDF5 file has no %s (%s) there", what, signature);
    return STATUS_OK;
}

enum status hdf5_tree_at(struct hdf5 *file, uint64_t address, enum hdf5_tree tree, unsigned levels,
                         struct hdf5_tree_node *node, struct error *err)
{
    unsigned kind;

    TRY(hdf5_at(file, address, "TREE", "B-tree node", &node->cursor, err));
    kind = cursor_u8(&node->cursor);
    node->level = cursor_u8(&node->cursor);
    node->count = cursor_u16le(&node->cursor);
    cursor_skip(&node->cursor, 2 * (uint64_t)file->offset_size); /* siblings */
    if (!node->cursor.failed && (kind != tree || node->level >= levels))
        return error_at(err, (size_t)address, STATUS_INVALID_INPUT,
                        "the B-tree node of an HDF5 %s is of kind %u, level %u",
                        tree == HDF5_TREE_GROUP ? "group" : "dataset", kind, node->level);
    return STATUS_OK;
}

/* --- superblock --- */

/* Versions 0 and 1: the root group is a symbol table entry. */
static void superblock_old(struct hdf5 *file, struct cursor *cursor, unsigned version)
{
    cursor_skip(cursor, 4); /* versions of its parts */
    file->offset_size = cursor_u8(cursor);
    file->length_size = cursor_u8(cursor);
    cursor_skip(cursor, version == 1 ? 1 + 4 + 4 + 4 : 1 + 4 + 4);
    if (file->offset_size > 8)
        return;
    cursor_skip(cursor, 4 * (uint64_t)file->offset_size); /* base, free space, end, driver */
    cursor_skip(cursor, file->offset_size);               /* name of the root */
    file->root = hdf5_offset(file, cursor);
}

static void superblock_new(struct hdf5 *file, struct cursor *cursor)
{
    file->offset_size = cursor_u8(cursor);
    file->length_size = cursor_u8(cursor);
    cursor_skip(cursor, 1);
    if (file->offset_size > 8)
        return;
    cursor_skip(cursor, 3 * (uint64_t)file->offset_size); /* base, extension, end */
    file->root = hdf5_offset(file, cursor);
}

static bool is_size(unsigned size)
{
    return size == 2 || size == 4 || size == 8;
}

enum status hdf5_open(struct bytes bytes, struct arena *keep, struct hdf5 **opened,
                      struct error *err)
{
    struct hdf5 *file = arena_new(keep, struct hdf5, 1);
    struct cursor cursor;
    unsigned version;
    size_t at;

    if (!file)
        return error_no_memory(err, "an HDF5 file");
    if (!signature_find(bytes, &at))
        return error_set(err, STATUS_INVALID_INPUT, "this is no HDF5 file: it has no signature");
    file->bytes = (struct bytes){bytes.data + at, bytes.size - at};
    file->keep = keep;
    map_init(&file->groups, keep);
    cursor = cursor_over(file->bytes);
    cursor_skip(&cursor, SIGNATURE_SIZE);
    version = cursor_u8(&cursor);
    if (version > 3)
        return error_at(err, at + SIGNATURE_SIZE, STATUS_UNSUPPORTED,
                        "the HDF5 superblock has version %u; 0 to 3 are known", version);
    if (version < 2)
        superblock_old(file, &cursor, version);
    else
        superblock_new(file, &cursor);
    TRY(cursor_check(&cursor, err));
    if (!is_size(file->offset_size) || !is_size(file->length_size))
        return error_set(err, STATUS_INVALID_INPUT,
                         "the HDF5 superblock states addresses of %u and lengths of %u bytes",
                         file->offset_size, file->length_size);
    *opened = file;
    return STATUS_OK;
}

hdf5_object hdf5_root(const struct hdf5 *file)
{
    return file->root;
}

/* --- object headers --- */

struct reading {
    struct hdf5 *file;
    struct hdf5_header *header;
    bool new, ordered;        /* version 2; its messages carry their order of creation */
    struct cursor pending[8]; /* continuation blocks still to read */
    size_t pending_count;
};

static enum status message_add(struct reading *r, const struct hdf5_message *message,
                               struct error *err)
{
    struct hdf5_header *header = r->header;

    if (header->count == MESSAGES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "an HDF5 object has more than %d messages",
                         MESSAGES_MAX);
    if (!ARENA_GROW(r->file->keep, header->messages, header->count, header->capacity))
        return error_no_memory(err, "an HDF5 object");
    header->messages[header->count++] = *message;
    return STATUS_OK;
}

static enum status continuation_add(struct reading *r, struct bytes body, struct error *err)
{
    enum { CHECKSUM = 4 };
    struct cursor cursor = cursor_over(body), *block = &r->pending[r->pending_count];
    uint64_t address = hdf5_offset(r->file, &cursor), size = hdf5_length(r->file, &cursor);
    struct bytes bytes;

    TRY(cursor_check(&cursor, err));
    if (r->pending_count == sizeof r->pending / sizeof *r->pending)
        return error_set(err, STATUS_UNSUPPORTED, "an HDF5 object continues in too many places");
    TRY(hdf5_at(r->file, address, r->new ? "OCHK" : NULL, "continued object header", block, err));
    if (r->new &&size >= 4 + CHECKSUM)
        size -= 4 + CHECKSUM;
    bytes = cursor_take(block, size);
    TRY(cursor_check(block, err));
    *block = cursor_over(bytes);
    r->pending_count++;
    return STATUS_OK;
}

/* One block of messages. */
static enum status block_read(struct reading *r, struct cursor cursor, struct error *err)
{
    size_t head = r->new ? r->ordered ? 6 : 4 : 8;

    while (cursor_left(&cursor) >= head) {
        struct hdf5_message message;
        uint16_t size;
        uint8_t flags;

        if (r->new) {
            message.type = cursor_u8(&cursor);
            size = cursor_u16le(&cursor);
            flags = cursor_u8(&cursor);
            cursor_skip(&cursor, r->ordered ? 2 : 0);
        } else {
            message.type = cursor_u16le(&cursor);
            size = cursor_u16le(&cursor);
            flags = cursor_u8(&cursor);
            cursor_skip(&cursor, 3);
        }
        message.shared = flags & 2;
        message.body = cursor_take(&cursor, size);
        if (cursor_check(&cursor, err))
            return error_within(err, "an HDF5 object header");
        if (message.type == HDF5_CONTINUATION)
            TRY(continuation_add(r, message.body, err));
        else
            TRY(message_add(r, &message, err));
    }
    return STATUS_OK;
}

/* Behind the signature and version of a version 2 header. */
static struct bytes header_new(struct reading *r, struct cursor *cursor)
{
    uint8_t flags = cursor_u8(cursor);

    cursor_skip(cursor, flags & 0x20 ? 16 : 0); /* times */
    cursor_skip(cursor, flags & 0x10 ? 4 : 0);  /* when attributes move to a heap */
    r->new = true;
    r->ordered = flags & 4;
    return cursor_take(cursor, cursor_uint_le(cursor, 1u << (flags & 3)));
}

enum status hdf5_header_read(struct hdf5 *file, hdf5_object object, struct hdf5_header *header,
                             struct error *err)
{
    struct reading r = {.file = file, .header = header};
    struct cursor cursor, start;
    struct bytes block;
    uint32_t size;
    uint8_t version;

    *header = (struct hdf5_header){0};
    TRY(hdf5_at(file, object, NULL, "object header", &cursor, err));
    start = cursor;
    if (bytes_is(cursor_take(&start, 4), "OHDR")) {
        cursor_skip(&start, 1);
        cursor = start;
        block = header_new(&r, &cursor);
    } else {
        version = cursor_u8(&cursor);
        cursor_skip(&cursor, 1 + 2 + 4); /* count of messages, of references */
        size = cursor_u32le(&cursor);
        cursor_skip(&cursor, 4); /* to the next 8 bytes */
        block = cursor_take(&cursor, size);
        if (!cursor.failed && version != 1)
            return error_at(err, (size_t)object, STATUS_INVALID_INPUT,
                            "an HDF5 object header has version %u there", version);
    }
    TRY(cursor_check(&cursor, err));
    TRY(block_read(&r, cursor_over(block), err));
    while (r.pending_count)
        TRY(block_read(&r, r.pending[--r.pending_count], err));
    return STATUS_OK;
}

const struct hdf5_message *hdf5_message_find(const struct hdf5_header *header,
                                             enum hdf5_message_type type)
{
    for (size_t i = 0; i < header->count; i++)
        if (header->messages[i].type == type)
            return &header->messages[i];
    return NULL;
}
