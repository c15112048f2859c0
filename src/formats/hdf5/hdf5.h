// SPDX-License-Identifier: Apache-2.0
/* HDF5, as far as Keras and h5py write it: groups, attributes, datasets of numbers and strings.
 * Source: "HDF5 File Format Specification", versions 1.1 to 3.0 (The HDF Group).
 *
 * Superblocks 0 to 3, object headers 1 and 2, groups as symbol tables or as links in the header;
 * contiguous, compact and chunked data (version 1 B-trees, single chunks and plain arrays of
 * chunks), the filters deflate, shuffle and fletcher32. Never followed, refused by name: external
 * files and links, virtual datasets, soft links, groups and attributes in fractal heaps,
 * references. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "tensor/tensor.h"

struct hdf5; /* an open file; borrows its bytes */

/* A group or dataset: the address of its object header. */
typedef uint64_t hdf5_object;

struct hdf5_link {
    struct bytes name; /* borrowed from the file */
    hdf5_object object;
    bool followed; /* false: a soft or external link; nothing to read */
};

/* The signature, at 0, 512, 1024 ... (user blocks). */
bool hdf5_is(struct bytes bytes);

enum status hdf5_open(struct bytes bytes, struct arena *keep, struct hdf5 **file, struct error *err)
    must_check;
hdf5_object hdf5_root(const struct hdf5 *file);

/* The links of a group, in the order of the file (by name in symbol tables). INVALID_INPUT when it
 * is no group. */
enum status hdf5_links(struct hdf5 *file, hdf5_object group, const struct hdf5_link **links,
                       size_t *count, struct error *err) must_check;

/* What a path ("a/b", from `group`) leads to; NOT_FOUND names the part that is missing. */
enum status hdf5_find(struct hdf5 *file, hdf5_object group, struct bytes path, hdf5_object *object,
                      struct error *err) must_check;

/* Has it data, rather than links? */
enum status hdf5_is_dataset(struct hdf5 *file, hdf5_object object, bool *is, struct error *err)
    must_check;

/* An attribute as a tensor; *found is false when there is none of this name. An empty (null) one
 * has shape (0,). */
enum status hdf5_attribute(struct hdf5 *file, hdf5_object object, const char *name, bool *found,
                           struct tensor *value, struct error *err) must_check;

/* The data of a dataset: borrowed from the file where it lies there as it must be in memory.
 * Strings end before their padding. An enum of FALSE and TRUE is bool. */
enum status hdf5_read(struct hdf5 *file, hdf5_object dataset, struct tensor *tensor,
                      struct error *err) must_check;
