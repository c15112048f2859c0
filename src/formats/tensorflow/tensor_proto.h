// SPDX-License-Identifier: Apache-2.0
/* TensorFlow's TensorProto and TensorShapeProto
 * (tensorflow/core/framework/{tensor,tensor_shape}.proto). */
#pragma once

#include "formats/protobuf.h"
#include "tensor/tensor.h"

/* A shape: sizes of -1 are DIM_UNKNOWN, unknown_rank is RANK_UNKNOWN. `names` (may be NULL)
 * receives the dimensions' names, NULL where there is none. */
enum status tf_shape_read(const struct protobuf *message, struct shape *shape,
                          const char *names[RANK_MAX], struct arena *keep, struct error *err)
    must_check;

/* A tensor; data is borrowed from tensor_content where that is aligned, else in `keep`. A list of
 * values that is too short repeats its last one; without any, all are zero. */
enum status tf_tensor_read(const struct protobuf *message, struct tensor *tensor,
                           struct arena *keep, struct error *err) must_check;
