// SPDX-License-Identifier: Apache-2.0
/* The sorted table of LevelDB, as TensorFlow writes the index of its checkpoints.
 * Source: google/leveldb:doc/table_format.md; tensorflow/core/lib/io/format.cc. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct leveldb_entry {
    struct bytes key, value; /* in keep; borrowed from the file */
};

struct leveldb_table {
    struct leveldb_entry *entries; /* in order of their keys */
    size_t count;
};

/* Every block is checked by its CRC; plain and Snappy ones are read. */
enum status leveldb_read(struct bytes file, struct leveldb_table *table, struct arena *keep,
                         struct error *err) must_check;

/* The order of keys. */
int leveldb_key_compare(struct bytes a, struct bytes b);

/* The value of a key, or NULL. */
const struct bytes *leveldb_find(const struct leveldb_table *table, struct bytes key);
