// SPDX-License-Identifier: Apache-2.0
/* TensorFlow's TensorProto and TensorShapeProto
 * (tensorflow/core/framework/{tensor,tensor_shape}.proto). */
#pragma once

#include "formats/protobuf.h"
#include "tensor/tensor.h"

enum { /* the fields of TensorProto; values stand in the content or in the list of their dtype */
       TF_DTYPE = 1,
       TF_TENSOR_SHAPE = 2,
       TF_TENSOR_CONTENT = 4,
       TF_FLOAT_VAL = 5,
       TF_DOUBLE_VAL = 6,
       TF_INT_VAL = 7,
       TF_STRING_VAL = 8,
       TF_SCOMPLEX_VAL = 9,
       TF_INT64_VAL = 10,
       TF_BOOL_VAL = 11,
       TF_DCOMPLEX_VAL = 12,
       TF_HALF_VAL = 13,
       TF_UINT32_VAL = 16,
       TF_UINT64_VAL = 17
};

/* The list that values of a dtype stand in; 0: none. */
uint32_t tf_tensor_list(enum dtype dtype);

/* A shape: sizes of -1 are DIM_UNKNOWN, unknown_rank is RANK_UNKNOWN. `names` (may be NULL)
 * receives the dimensions' names, NULL where there is none. */
enum status tf_shape_read(const struct protobuf *message, struct shape *shape,
                          const char *names[RANK_MAX], struct arena *keep, struct error *err)
    must_check;

/* A tensor; data is borrowed from tensor_content where that is aligned, else in `keep`. A list of
 * values that is too short repeats its last one; without any, all are zero. */
enum status tf_tensor_read(const struct protobuf *message, struct tensor *tensor,
                           struct arena *keep, struct error *err) must_check;

/* The values alone, of a tensor whose dtype and known shape are set: exactly as many as it has. */
enum status tf_values_read(const struct protobuf *message, struct tensor *tensor,
                           struct arena *keep, struct error *err) must_check;

/* A tensor as TensorFlow writes it, byte for byte: numbers as content, strings as values. Its dtype
 * must have a list (tf_tensor_list). */
void tf_tensor_write(struct text *text, const struct tensor *tensor);
/* The same with strings as content too. */
void tf_tensor_write_content(struct text *text, const struct tensor *tensor);
