// SPDX-License-Identifier: Apache-2.0
/* A data frame in JSON, as omega|ml's clients send it:
 *
 *   {"columns": ["a", "b"], "data": {"a": [1, 2], "b": [3, 4]}}
 *   {"columns": ["a", "b"], "data": [{"a": 1, "b": 3}, {"a": 2, "b": 4}]}
 *   {"columns": ["a", "b"], "data": [[1, 3], [2, 4]]}
 *   {"columns": ["x"], "data": [{"x": [flat values of a row]}, ...], "shape": [192, 192, 3]}
 *
 * Without columns those are the keys of `data`, in their order. */
#pragma once

#include "formats/json/json.h"
#include "tensor/tensor.h"

enum { FRAME_COLUMNS_MAX = 100000 };

struct frame_json {
    const char **columns; /* (count,) */
    size_t count;
    struct bytes data;  /* text of the value of "data" */
    struct shape shape; /* of a row's only column; rank RANK_UNKNOWN: not given */
    size_t rows;
    enum frame_layout { FRAME_COLUMNS, FRAME_RECORDS, FRAME_ROWS } layout;
};

/* Find the parts. INVALID_INPUT for anything else. */
enum status frame_json_open(struct bytes body, struct frame_json *frame, struct arena *keep,
                            struct error *err) must_check;

/* Every column as a tensor [rows, ...] of `dtypes`[column]. Each row must have every column and no
 * other, with values of one shape; `shape`, where given, is that of each row of the only column. */
enum status frame_json_read(const struct frame_json *frame, const enum dtype *dtypes,
                            struct tensor *columns, struct arena *keep, struct error *err)
    must_check;
