// SPDX-License-Identifier: Apache-2.0
/* Parts of tensors, as checkpoints store and name them: one start and length for each dimension.
 * Source: tensorflow/core/framework/tensor_slice, core/util/saved_tensor_slice_util. */
#pragma once

#include "base/text.h"
#include "formats/protobuf.h"
#include "tensor/tensor.h"

struct slice {
    int rank;
    int64_t start[RANK_MAX], length[RANK_MAX]; /* length -1: all of it */
};

/* TensorSliceProto: extents {1 start, oneof length 2}; a missing length is the whole dimension. */
enum status slice_read(struct protobuf message, struct slice *slice, struct error *err) must_check;
/* The key in a table: EncodeTensorNameSlice. */
void slice_key(struct text *key, struct bytes name, const struct slice *slice);
/* Has it the rank of `whole`, and lies in it? */
enum status slice_check(const struct tensor *whole, struct slice *slice, struct error *err)
    must_check;
/* A piece into its place in the whole, or out of it. */
void slice_copy(const struct tensor *whole, const struct slice *slice, const struct tensor *piece,
                bool out);
/* "4 2 0,2:-": the dimensions of the whole, then start and length for each, "-" for all of one. */
enum status slice_parse(struct bytes spec, const struct tensor *whole, struct slice *slice,
                        struct error *err) must_check;
