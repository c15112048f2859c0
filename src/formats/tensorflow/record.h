// SPDX-License-Identifier: Apache-2.0
/* TFRecord: a file of records, each with its length and two checksums; and tf.train.Example, the
 * record of named features. Source: tensorflow/core/lib/io/record_writer.cc,
 * tensorflow/core/example/{example,feature}.proto. */
#pragma once

#include "base/cursor.h"
#include "base/map.h"
#include "base/text.h"
#include "tensor/tensor.h"

/* Do the first bytes hold a whole header of a record, with its checksum? */
bool record_is(struct bytes bytes);

/* The next record of a file, borrowed; *more is false behind the last one. INVALID_INPUT with the
 * byte for what is cut short or does not match its checksum. */
enum status record_next(struct cursor *file, struct bytes *record, bool *more, struct error *err)
    must_check;

/* One feature: strings, floats or 64-bit integers, of shape (n,); DTYPE_NONE: it has no list. */
struct feature {
    struct bytes name;
    struct tensor values;
};

struct example {
    struct feature *features; /* in the order of the message; of equal names the last one stands */
    size_t count;
    struct map by_name; /* -> struct feature */
};

/* Strings are borrowed from the message. */
enum status example_read(struct bytes message, struct example *example, struct arena *keep,
                         struct error *err) must_check;
const struct feature *example_find(const struct example *example, struct bytes name); /* or NULL */

/* Strings, floats and int64; UNSUPPORTED for other dtypes. */
enum status example_write(struct text *text, const struct feature *features, size_t count,
                          struct error *err) must_check;
