// SPDX-License-Identifier: Apache-2.0
/* The parts of the HDF5 reader.
 *
 *   file.c    superblock, object headers and their messages
 *   group.c   links: symbol tables, link messages, paths
 *   type.c    datatypes and dataspaces
 *   data.c    attributes, datasets, strings of variable length
 *   chunks.c  chunked datasets and their filters */
#pragma once

#include "base/cursor.h"
#include "base/map.h"
#include "formats/hdf5/hdf5.h"
#include "formats/pickle/pickle.h" /* struct numpy_array */

struct hdf5 {
    struct bytes bytes; /* from the signature on: addresses count from there */
    unsigned offset_size, length_size;
    hdf5_object root;
    size_t nodes_left; /* tree nodes, headers and heaps that this call may still read: ends loops */
    struct map groups; /* address -> links (group.c), those read so far */
    struct arena *keep;
};

/* Message types of object headers. */
enum hdf5_message_type {
    HDF5_DATASPACE = 0x01,
    HDF5_LINK_INFO = 0x02,
    HDF5_DATATYPE = 0x03,
    HDF5_LINK = 0x06,
    HDF5_EXTERNAL_FILES = 0x07,
    HDF5_LAYOUT = 0x08,
    HDF5_FILTERS = 0x0B,
    HDF5_ATTRIBUTE = 0x0C,
    HDF5_CONTINUATION = 0x10,
    HDF5_SYMBOL_TABLE = 0x11,
    HDF5_ATTRIBUTE_INFO = 0x15,
};

struct hdf5_message {
    uint16_t type;
    bool shared; /* the body says where the message itself is */
    struct bytes body;
};

struct hdf5_header {
    struct hdf5_message *messages;
    size_t count, capacity;
};

/* Lengths and addresses have the sizes that the superblock states. */
uint64_t hdf5_offset(const struct hdf5 *file, struct cursor *cursor);
uint64_t hdf5_length(const struct hdf5 *file, struct cursor *cursor);
bool hdf5_is_undefined(const struct hdf5 *file, uint64_t address); /* all bits set */

/* A cursor at an address, which must begin with the four letters of `signature` (NULL: none).
 * `what` for messages. Counts against nodes_left. */
enum status hdf5_at(struct hdf5 *file, uint64_t address, const char *signature, const char *what,
                    struct cursor *cursor, struct error *err) must_check;

/* A node of a version 1 B-tree: `count` entries at `cursor`, nodes below it unless level is 0. */
enum hdf5_tree { HDF5_TREE_GROUP, HDF5_TREE_CHUNKS };
struct hdf5_tree_node {
    struct cursor cursor;
    unsigned level, count;
};

/* The node at an address, which must be below level `levels`. */
enum status hdf5_tree_at(struct hdf5 *file, uint64_t address, enum hdf5_tree tree, unsigned levels,
                         struct hdf5_tree_node *node, struct error *err) must_check;

/* Every public function that reads begins with this. */
void hdf5_call_begin(struct hdf5 *file);

enum status hdf5_header_read(struct hdf5 *file, hdf5_object object, struct hdf5_header *header,
                             struct error *err) must_check;
/* The first message of a type, or NULL. */
const struct hdf5_message *hdf5_message_find(const struct hdf5_header *header,
                                             enum hdf5_message_type type);

struct hdf5_type {
    struct numpy_dtype dtype; /* elements in the file; kind S: strings of fixed length */
    bool variable;            /* strings of variable length: itemsize bytes of heap references */
    bool space_padded;
    bool bfloat16;
    bool boolean; /* an enum of FALSE and TRUE */
};

/* Parse a datatype message (following a shared one). */
enum status hdf5_type_read(struct hdf5 *file, const struct hdf5_message *message,
                           struct hdf5_type *type, struct error *err) must_check;
/* Parse a dataspace message; null spaces have shape (0,). */
enum status hdf5_space_read(const struct hdf5 *file, struct bytes body, struct shape *shape,
                            struct error *err) must_check;

/* Elements as they lie in the file -> tensor. */
enum status hdf5_tensor(struct hdf5 *file, const struct hdf5_type *type, const struct shape *shape,
                        struct bytes data, struct tensor *tensor, struct error *err) must_check;

/* A chunked dataset, put together and unfiltered. */
struct hdf5_chunked {
    struct cursor layout; /* of version 4: behind the class; else at the address of the B-tree */
    unsigned version,
        rank; /* of the layout message; its dimensions, the element's size among them */
    const struct hdf5_message *filters; /* or NULL */
    const struct shape *shape;
    size_t item_size, size; /* bytes of an element, of all */
};
enum status hdf5_chunks_read(struct hdf5 *file, struct hdf5_chunked *chunked, struct bytes *data,
                             struct error *err) must_check;
