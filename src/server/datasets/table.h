// SPDX-License-Identifier: Apache-2.0
/* A data set of frames as one table: the parts below each other, the columns and rows that are
 * wanted. What it gives is kept by the arena of table_open, but borrowed bytes of the files only
 * live until table_close. */
#pragma once

#include "base/file.h"
#include "formats/frame/frame.h"
#include "registry/object.h"

struct table_part {
    struct file_map map;
    struct frame frame;
    const struct frame_column **columns; /* (table.count,), the wanted ones */
    size_t *rows;                        /* (count,), the wanted ones */
    size_t count;
    size_t before; /* rows of earlier parts */
};

struct table {
    struct object object;
    struct table_part *parts; /* (part_count,) */
    size_t part_count;
    const char **names; /* (count,) of the wanted columns */
    size_t count, rows;
    bool counted; /* the index is only the number of the row, through all parts */
    struct arena *keep;
};

/* `reference`: "name", "name@3", and which columns: "name[a,b]", "[a:b]" (both inclusive, either
 * may be left out), "[^a,b]" (all others). UNSUPPORTED when it is no data set of frames; NOT_FOUND;
 * INVALID_INPUT for a column that is not there. Close in any case. */
enum status table_open(struct registry *registry, const char *reference, struct table *table,
                       struct arena *keep, struct error *err) must_check;
void table_close(struct table *table);

/* The part of a reference before '[', and what stands in the brackets (NULL: nothing). */
enum status table_reference(const char *reference, const char **name, const char **columns,
                            struct arena *keep, struct error *err) must_check;

/* Keep the rows for which "COLUMN__OPERATOR" = value holds; without operator: equal. */
enum status table_filter(struct table *table, const char *key, const char *value, struct error *err)
    must_check;

/* Leave `skip` rows out, then keep at most `limit` (negative: all). */
void table_slice(struct table *table, size_t skip, int64_t limit);

/* A wanted column as tensor (rows, ...). */
enum status table_tensor(const struct table *table, size_t column, enum dtype dtype,
                         struct tensor *tensor, struct error *err) must_check;

/* "data":...,"index":{"type","values"}: `orient` is dict (NULL), list, records, split or values. */
enum status table_write_json(const struct table *table, const char *orient, struct text *text,
                             struct error *err) must_check;
