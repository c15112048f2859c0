// SPDX-License-Identifier: Apache-2.0
/* Checkpoints of TensorFlow. Of version 2 (tensor bundles) PREFIX.index is a table of names and
 * PREFIX.data-00000-of-0000N hold the bytes; of version 1 both are in the table PREFIX, or in
 * PREFIX-00000-of-0000N (bundle_first.h).
 * Source: tensorflow/core/protobuf/tensor_bundle.proto, core/util/tensor_bundle/. */
#pragma once

#include "formats/archive/artifact.h"
#include "formats/tensorflow/leveldb.h"
#include "tensor/tensor.h"

struct bundle {
    struct leveldb_table index;
    struct member **shards; /* (shard_count,) */
    size_t shard_count;
    bool first;                  /* of version 1: `index` is made of what the tables say */
    struct leveldb_table pieces; /* then: slices by their keys */
    size_t pieces_size;          /* bytes of all of them */
    const char *prefix;
    struct arena *keep;
};

struct bundle_entry {
    enum dtype dtype; /* DTYPE_NONE: one that we do not have */
    struct shape shape;
    uint64_t shard, offset, size;
    uint32_t crc;
    bool has_crc, sliced; /* sliced: the tensor lies in pieces under names of their own */
};

/* `prefix` without ".index" or "-00000-of-0000N", relative to the root of the artifact. */
enum status bundle_open(struct artifact *artifact, const char *prefix, struct bundle *bundle,
                        struct arena *keep, struct error *err) must_check;

/* What is said of a tensor; NOT_FOUND names it. */
enum status bundle_find(const struct bundle *bundle, struct bytes name, struct bundle_entry *entry,
                        struct error *err) must_check;

/* The tensor, put together from slices where there are some, checked by its CRC; borrowed from the
 * shard where it is aligned. */
enum status bundle_tensor(const struct bundle *bundle, struct bytes name, struct tensor *tensor,
                          struct error *err) must_check;

/* A part of it, as RestoreV2 names parts: "4 2 0,2:-" is the first two rows of (4, 2); empty: all.
 */
enum status bundle_slice(const struct bundle *bundle, struct bytes name, struct bytes spec,
                         struct tensor *tensor, struct error *err) must_check;
