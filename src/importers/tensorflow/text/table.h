// SPDX-License-Identifier: Apache-2.0
/* What a lookup table holds (model/table.c); operators of tables are in table.c. */
#pragma once

#include "importers/tensorflow/internal.h"

struct tf_table {
    enum dtype key_dtype, value_dtype; /* DTYPE_NONE: not stated */
    const struct tensor *keys;         /* (n,); NULL: not filled yet */
    const struct tensor *values;       /* (n, ...) */
    const struct tensor *reserved[2];  /* of a dense table: keys that it cannot hold; or NULL */
    bool fixed; /* filled once, equal keys have equal values; else the last one counts */
};

/* Make these its keys and values (borrowed); or put them behind those that are there. */
enum status tf_table_fill(struct tf_table *table, const struct tensor *keys,
                          const struct tensor *values, struct arena *keep, struct error *err)
    must_check;
enum status tf_table_add(struct tf_table *table, const struct tensor *keys,
                         const struct tensor *values, struct arena *keep, struct error *err)
    must_check;
/* Without these keys, of which it may have none. */
enum status tf_table_remove(struct tf_table *table, const struct tensor *keys, struct arena *keep,
                            struct error *err) must_check;
enum status tf_table_empty(struct tf_table *table, struct arena *keep, struct error *err)
    must_check;
/* How many different keys it has. */
enum status tf_table_distinct(const struct tf_table *table, size_t *count, struct arena *scratch,
                              struct error *err) must_check;

struct tf_table_file {
    struct bytes text, delimiter;
    int64_t key_index, value_index; /* a column, TF_WHOLE_LINE or TF_LINE_NUMBER */
    int64_t vocabulary;             /* lines to read; -1: all */
    int64_t offset;                 /* added to line numbers */
};
enum { TF_LINE_NUMBER = -1, TF_WHOLE_LINE = -2 };

enum status tf_table_read(struct tf_table *table, const struct tf_table_file *file,
                          struct arena *keep, struct error *err) must_check;

/* The bytes of a file of the model's folder assets/, by the name that the graph has for it. */
enum status tf_asset_read(const struct tf_lowering *l, struct bytes name, struct bytes *bytes,
                          struct error *err) must_check;
