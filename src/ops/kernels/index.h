// SPDX-License-Identifier: Apache-2.0
/* Indices that come as tensors: int32 or int64, negative from the end, checked. */
#pragma once

#include "ops/kernels/call.h"

static inline int64_t index_at(const struct tensor *indices, size_t i)
{
    return indices->dtype == DTYPE_I32 ? ((const int32_t *)indices->data)[i]
                                       : ((const int64_t *)indices->data)[i];
}

/* Element i of `indices` as an index of a dimension of `dim`; INVALID_INPUT names both. With the
 * private attribute from_start negative ones are out of range, as TensorFlow has them. */
enum status index_check(const struct op_call *call, const struct tensor *indices, size_t i,
                        int64_t dim, size_t *index, struct error *err) must_check;
