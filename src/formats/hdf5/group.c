// SPDX-License-Identifier: Apache-2.0
/* Groups: what is in them, by name. */
#include "base/text.h"
#include "formats/hdf5/internal.h"

enum { LEVELS_MAX = 16, LINKS_MAX = 1 << 20 };

struct listing {
    struct hdf5 *file;
    hdf5_object group;
    struct hdf5_link *links;
    size_t count, capacity;
    struct bytes names; /* the local heap of a symbol table */
};

static enum status link_add(struct listing *listing, const struct hdf5_link *link,
                            struct error *err)
{
    if (listing->count == LINKS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "an HDF5 group has more than %d links", LINKS_MAX);
    if (!ARENA_GROW(listing->file->keep, listing->links, listing->count, listing->capacity))
        return error_no_memory(err, "an HDF5 group");
    listing->links[listing->count++] = *link;
    return STATUS_OK;
}

/* --- symbol tables: a B-tree of nodes of entries; names in a local heap --- */

static enum status heap_open(struct listing *listing, uint64_t address, struct error *err)
{
    struct hdf5 *file = listing->file;
    struct cursor cursor;
    uint64_t size;

    TRY(hdf5_at(file, address, "HEAP", "local heap", &cursor, err));
    cursor_skip(&cursor, 4);
    size = hdf5_length(file, &cursor);
    (void)hdf5_length(file, &cursor); /* its free list */
    address = hdf5_offset(file, &cursor);
    TRY(cursor_check(&cursor, err));
    TRY(hdf5_at(file, address, NULL, "names", &cursor, err));
    listing->names = cursor_take(&cursor, size);
    return cursor_check(&cursor, err);
}

static enum status name_at(const struct listing *listing, uint64_t offset, struct bytes *name,
                           struct error *err)
{
    const uint8_t *end;

    if (offset >= listing->names.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "a name of an HDF5 group lies outside of its heap");
    *name = (struct bytes){listing->names.data + offset, listing->names.size - (size_t)offset};
    end = memchr(name->data, 0, name->size);
    if (!end)
        return error_set(err, STATUS_INVALID_INPUT, "a name of an HDF5 group has no end");
    name->size = (size_t)(end - name->data);
    return STATUS_OK;
}

static enum status symbols_read(struct listing *listing, uint64_t address, struct error *err)
{
    enum { SOFT = 2 };
    struct hdf5 *file = listing->file;
    struct cursor cursor;
    uint16_t count;

    TRY(hdf5_at(file, address, "SNOD", "symbol table node", &cursor, err));
    cursor_skip(&cursor, 2);
    count = cursor_u16le(&cursor);
    for (uint16_t i = 0; i < count; i++) {
        uint64_t name = hdf5_offset(file, &cursor);
        struct hdf5_link link = {.object = hdf5_offset(file, &cursor)};

        link.followed = cursor_u32le(&cursor) != SOFT;
        cursor_skip(&cursor, 4 + 16);
        TRY(cursor_check(&cursor, err));
        TRY(name_at(listing, name, &link.name, err));
        TRY(link_add(listing, &link, err));
    }
    return STATUS_OK;
}

static enum status tree_read(struct listing *listing, uint64_t address, unsigned levels,
                             struct error *err)
{
    struct hdf5_tree_node node;

    TRY(hdf5_tree_at(listing->file, address, HDF5_TREE_GROUP, levels, &node, err));
    for (unsigned i = 0; i < node.count; i++) {
        uint64_t child;

        (void)hdf5_length(listing->file, &node.cursor); /* key */
        child = hdf5_offset(listing->file, &node.cursor);
        TRY(cursor_check(&node.cursor, err));
        if (node.level)
            TRY(tree_read(listing, child, node.level, err));
        else
            TRY(symbols_read(listing, child, err));
    }
    return cursor_check(&node.cursor, err);
}

static enum status symbol_table_read(struct listing *listing, struct bytes body, struct error *err)
{
    struct cursor cursor = cursor_over(body);
    uint64_t tree = hdf5_offset(listing->file, &cursor), heap = hdf5_offset(listing->file, &cursor);

    TRY(cursor_check(&cursor, err));
    TRY(heap_open(listing, heap, err));
    return tree_read(listing, tree, LEVELS_MAX, err);
}

/* --- link messages --- */

static enum status link_read(struct listing *listing, struct bytes body, struct error *err)
{
    enum { HARD = 0 };
    struct cursor cursor = cursor_over(body);
    uint8_t version = cursor_u8(&cursor), flags = cursor_u8(&cursor);
    uint8_t kind = flags & 8 ? cursor_u8(&cursor) : HARD;
    struct hdf5_link link = {.followed = kind == HARD};
    uint64_t size;

    cursor_skip(&cursor, flags & 4 ? 8 : 0);    /* order of creation */
    cursor_skip(&cursor, flags & 0x10 ? 1 : 0); /* character set */
    size = cursor_uint_le(&cursor, 1u << (flags & 3));
    link.name = cursor_take(&cursor, size);
    link.object = kind == HARD ? hdf5_offset(listing->file, &cursor) : 0;
    TRY(cursor_check(&cursor, err));
    if (version != 1)
        return error_set(err, STATUS_UNSUPPORTED, "an HDF5 link has version %u", version);
    return link_add(listing, &link, err);
}

/* More links than fit the header lie in a fractal heap. */
static enum status link_info_check(const struct hdf5 *file, struct bytes body, struct error *err)
{
    struct cursor cursor = cursor_over(body);
    uint8_t flags = (cursor_skip(&cursor, 1), cursor_u8(&cursor));
    uint64_t heap;

    cursor_skip(&cursor, flags & 1 ? 8 : 0);
    heap = hdf5_offset(file, &cursor);
    TRY(cursor_check(&cursor, err));
    if (!hdf5_is_undefined(file, heap))
        return error_set(err, STATUS_UNSUPPORTED,
                         "an HDF5 group keeps its links in a fractal heap");
    return STATUS_OK;
}

static enum status group_read(struct hdf5 *file, hdf5_object group, struct listing *listing,
                              struct error *err)
{
    struct hdf5_header header;
    bool is_group = false;

    hdf5_call_begin(file);
    TRY(hdf5_header_read(file, group, &header, err));
    for (size_t i = 0; i < header.count; i++) {
        const struct hdf5_message *message = &header.messages[i];

        if (message->type == HDF5_SYMBOL_TABLE)
            TRY(symbol_table_read(listing, message->body, err));
        else if (message->type == HDF5_LINK)
            TRY(link_read(listing, message->body, err));
        else if (message->type == HDF5_LINK_INFO)
            TRY(link_info_check(file, message->body, err));
        else
            continue;
        is_group = true;
    }
    if (!is_group)
        return error_at(err, (size_t)group, STATUS_INVALID_INPUT, "this HDF5 object is no group");
    return STATUS_OK;
}

/* Once a group: what was read is kept under its address. */
enum status hdf5_links(struct hdf5 *file, hdf5_object group, const struct hdf5_link **links,
                       size_t *count, struct error *err)
{
    struct listing *listing =
        map_find(&file->groups, (struct bytes){(const uint8_t *)&group, sizeof group});

    if (!listing) {
        listing = arena_new(file->keep, struct listing, 1);
        if (!listing)
            return error_no_memory(err, "an HDF5 group");
        listing->file = file;
        listing->group = group;
        TRY(group_read(file, group, listing, err));
        if (!map_set(&file->groups, (struct bytes){(const uint8_t *)&listing->group, sizeof group},
                     listing))
            return error_no_memory(err, "an HDF5 group");
    }
    *links = listing->links;
    *count = listing->count;
    return STATUS_OK;
}

static enum status step(struct hdf5 *file, hdf5_object *at, struct bytes name, struct error *err)
{
    const struct hdf5_link *links;
    char quoted[TEXT_QUOTE_SIZE];
    size_t count;

    TRY(hdf5_links(file, *at, &links, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!bytes_equal(links[i].name, name))
            continue;
        if (!links[i].followed)
            return error_set(
                err, STATUS_UNSUPPORTED,
                "'%s' is a soft or external link in the HDF5 file, which is not followed",
                text_quote(name, quoted, sizeof quoted));
        *at = links[i].object;
        return STATUS_OK;
    }
    return error_set(err, STATUS_NOT_FOUND, "the HDF5 file has no '%s' there",
                     text_quote(name, quoted, sizeof quoted));
}

enum status hdf5_find(struct hdf5 *file, hdf5_object group, struct bytes path, hdf5_object *object,
                      struct error *err)
{
    *object = group;
    while (path.size) {
        const uint8_t *slash = memchr(path.data, '/', path.size);
        size_t size = slash ? (size_t)(slash - path.data) : path.size;
        struct bytes name = {path.data, size};

        if (size)
            TRY(step(file, object, name, err));
        size += slash != NULL;
        path = (struct bytes){path.data + size, path.size - size};
    }
    return STATUS_OK;
}
