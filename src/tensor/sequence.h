// SPDX-License-Identifier: Apache-2.0
/* Values that hold tensors: sequences, and optionals (of a tensor or of a sequence). Such a value
 * is a scalar tensor of DTYPE_SEQUENCE or DTYPE_OPTIONAL whose element is a struct sequence: an
 * optional has no item or one. They never change once made: what is put into one is copied, what
 * is taken out of one may be shared. */
#pragma once

#include "tensor/tensor.h"

struct sequence_room;

struct sequence {
    const struct tensor
        *items; /* (count,): with data, in the arena that the sequence was made in */
    size_t count;
    struct sequence_room *room; /* spare places behind items, shared by all that begin with them */
};

bool dtype_is_container(enum dtype dtype); /* sequence or optional */

/* The sequence that a container with data is. */
const struct sequence *tensor_sequence(const struct tensor *tensor);

/* `from` with `item` at `at` (0 to count); the item's elements are copied unless `shared`. */
enum status sequence_insert(const struct sequence *from, size_t at, const struct tensor *item,
                            bool shared, struct sequence *out, struct arena *keep,
                            struct error *err) must_check;

/* `from` without item `at`. */
enum status sequence_erase(const struct sequence *from, size_t at, struct sequence *out,
                           struct arena *keep, struct error *err) must_check;

/* What is true of both descriptions: the same kinds of elements, and of shapes what is equal.
 * Symbols are kept only where equal. False when the dtypes differ. `out` may be `a`. */
bool element_merge(const struct tensor *a, const struct tensor *b, struct tensor *out,
                   struct arena *keep);

/* A description in `keep`, or NULL. Its dimensions are numbers or unknown, never symbols. */
const struct tensor *element_new(enum dtype dtype, const struct shape *shape,
                                 const struct tensor *element, struct arena *keep);

/* "sequence(float[2,?])" into `buffer`, which is returned. */
char *element_print(const struct tensor *type, char *buffer, size_t size);
