// SPDX-License-Identifier: Apache-2.0
/* One column of categories, encoded by a Lookup: encode.c, for encoders of other packages too. */
#pragma once

#include "base/map.h"
#include "importers/sklearn/internal.h"

/* What becomes of the categories of a column. Exactly one of rows and positions. */
struct encoding {
    struct tensor keys;  /* F64 or STRING; what is missing is NaN or a string without data */
    enum dtype kind;     /* what an input column of them is: STRING, BOOL or F64 */
    struct tensor *rows; /* (keys + 1, width); the last is for unknown ones */
    int64_t *positions;  /* (keys + 1,) */
    size_t width;
    bool unknown;     /* unknown ones are allowed */
    enum check check; /* what is refused before categories are looked up */
};

/* The keys and their kind from a list of categories. */
enum status encoding_keys(struct lowering *l, const struct pickle_object *categories,
                          struct tensor *keys, enum dtype *kind, struct error *err) must_check;

/* Room for (keys + 1, width) numbers, all 0, in *values. */
enum status encoding_rows(struct lowering *l, struct encoding *encoding, size_t width,
                          double **values, struct error *err) must_check;

enum status encode_column(struct lowering *l, const struct table *in, size_t column,
                          const struct encoding *encoding, struct table *out, struct error *err)
    must_check;

/* Labels to places. Two are the same when they are the same text or number; NaN is NaN, and what is
 * neither text nor a number is the same as nothing. Labels are borrowed as long as the map. */
struct label_map {
    struct map texts, numbers;
};
void label_map_init(struct label_map *map, struct arena *keep);
/* A label at *place, which becomes that of the same label where there is one already. */
enum status label_map_add(struct label_map *map, const struct pickle_object *label, size_t *place,
                          struct error *err) must_check;
enum status label_map_of(struct label_map *map, struct pickle_object *const *labels, size_t count,
                         struct arena *keep, struct error *err) must_check;
/* The place of a label, `otherwise` when it is not there. */
size_t label_map_find(const struct label_map *map, const struct pickle_object *label,
                      size_t otherwise);
