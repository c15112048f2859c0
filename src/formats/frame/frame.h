// SPDX-License-Identifier: Apache-2.0
/* Frames: tables of named columns, as data sets keep them: a tar whose member frame.json describes
 * the columns, and whose other members are their arrays. docs/datasets.md is the specification. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/json/json.h"
#include "tensor/tensor.h"

enum column_type {
    COLUMN_NUMBER,
    COLUMN_TEXT,
    COLUMN_JSON, /* texts, each a value */
    COLUMN_TIME, /* int64 since 1970 */
    COLUMN_DURATION,
    COLUMN_CATEGORY,
    COLUMN_RANGE, /* of an index: start, start + step ... */
};

struct frame_column {
    const char *name;   /* a number or an array (a level each) as JSON writes it; "" for null */
    struct bytes label; /* the name's JSON */
    enum column_type type;
    const char *dtype;  /* pandas' word */
    struct tensor data; /* (rows,): numbers, times, codes; (rows + 1,) int64: where texts begin */
    struct bytes text;  /* all texts, UTF-8 */
    const uint8_t *missing;                /* (rows,): 0: there; NULL: all are */
    const char *unit, *zone;               /* of times; zone NULL: none */
    const struct frame_column *categories; /* of `count` rows */
    size_t count;
    bool ordered;
    int64_t start, stop, step;
};

struct frame {
    size_t rows;
    struct frame_column *columns; /* (count,) */
    size_t count;
    struct frame_column *index; /* (levels,) */
    size_t levels;
    bool series;
};

enum { FRAME_MISSING_NAN = 1, FRAME_MISSING_NONE, FRAME_MISSING_NA };

/* Arrays and texts are borrowed from `tar` where they can be. Everything is checked: sizes,
 * offsets, codes, UTF-8. INVALID_INPUT names the column. */
enum status frame_decode(struct bytes tar, struct frame *frame, struct arena *keep,
                         struct error *err) must_check;

/* As frame_decode takes it. */
enum status frame_encode(const struct frame *frame, struct text *tar, struct error *err) must_check;

/* By name, or NULL. */
const struct frame_column *frame_find(const struct frame *frame, const char *name);

/* --- one value --- */

bool column_is_missing(const struct frame_column *column, size_t row);
/* Of texts, values and categories of texts; {NULL, 0} for others. */
struct bytes column_text(const struct frame_column *column, size_t row);
/* As JSON: null when missing, times as ISO 8601. */
void column_write_json(const struct frame_column *column, size_t row, struct text *text);
const char *column_type_name(enum column_type type); /* "texts" */

/* Seconds of a calendar time ("2020-01-31", "2020-01-31T10:00:00.5Z", "... 10:00") since 1970 in
 * `unit`; false when it is none or does not fit. */
bool time_from_text(struct bytes text, const char *unit, int64_t *value);

/* --- columns as tensors --- */

/* The rows rows[0..count) of a column as (count, ...) of `dtype`: numbers converted without loss
 * (missing: NaN, where there is one), texts as strings (missing: no data), values that are arrays
 * as further dimensions. INVALID_INPUT for what has no such tensor. */
enum status column_tensor(const struct frame_column *column, const size_t *rows, size_t count,
                          enum dtype dtype, struct tensor *tensor, struct arena *keep,
                          struct error *err) must_check;

/* --- from JSON --- */

/* {"data": {column: [...]} or {column: {index: value}} or [{column: value}] or (with "columns")
 * [[value]], "dtypes": {column: numpy's word}}, further keys are left alone. Without dtypes a
 * column is what its values are: bool, int64, double (with nulls too), text, or values. */
enum status frame_from_json(const struct json *body, struct frame *frame, struct arena *keep,
                            struct error *err) must_check;
