// SPDX-License-Identifier: Apache-2.0
/* Tensors in JSON: the fast path of requests and answers. */
#pragma once

#include "formats/json/json.h"
#include "tensor/tensor.h"

/* Read a nested or flat array (or a lone value) at the reader's place as the elements of a tensor
 * of `dtype`. With a known `shape` the count must be right, and nesting, where it is not flat, must
 * match it; with rank RANK_UNKNOWN or free dimensions the shape is taken from the nesting. Never
 * allocates more than the text could fill. Integers are exact (1.0 and 2e3 are taken too); NaN and
 * infinities only as the strings "NaN", "Infinity", "-Infinity"; a missing string (tensor.h) as
 * null. INVALID_INPUT for ragged arrays, wrong kinds ("element 7 is a string, not double"), ranges.
 */
enum status json_read_tensor(struct json_reader *reader, enum dtype dtype,
                             const struct shape *shape, struct tensor *tensor, struct arena *keep,
                             struct error *err) must_check;

/* The elements, flat, row-major, as a JSON array. */
void json_write_tensor(struct text *text, const struct tensor *tensor);
/* Arrays in arrays, as the shape says; a scalar is a lone value. */
void json_write_nested(struct text *text, const struct tensor *tensor);
/* With flags of json.h: JSON_ALLOW_NAN writes NaN and infinities bare; JSON_BASE64 writes strings
 * as
 * {"b64": "..."}. Row `row` of the first dimension alone, or all of it (ROWS_ALL). */
enum { ROWS_ALL = -1 };
void json_write_rows(struct text *text, const struct tensor *tensor, int64_t row, unsigned flags);
