// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors: values, and for each ragged dimension splits: row i of it is what lies from
 * splits[i] to splits[i + 1]. */
#pragma once

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { RAGGED_LEVELS_MAX = 8 };

static inline struct shape ragged_list(int64_t count)
{
    return (struct shape){.rank = 1, .dims = {count}};
}

/* Splits begin at 0, never fall, and end at `count` (-1: anywhere). */
static inline enum status ragged_check(const struct op_call *call, size_t input, int64_t count,
                                       struct error *err)
{
    const struct tensor *splits = &call->in[input];
    size_t n = tensor_count(splits);

    if (n < 1 || index_at(splits, 0) != 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits do not begin with 0");
    for (size_t i = 1; i < n; i++)
        if (index_at(splits, i) < index_at(splits, i - 1))
            return op_error(call, err, STATUS_INVALID_INPUT, "split %zu falls", i);
    if (count >= 0 && index_at(splits, n - 1) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits end at %lld, not %lld",
                        (long long)index_at(splits, n - 1), (long long)count);
    return STATUS_OK;
}
