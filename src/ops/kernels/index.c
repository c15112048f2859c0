// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/index.h"

enum status index_check(const struct op_call *call, const struct tensor *indices, size_t i,
                        int64_t dim, size_t *index, struct error *err)
{
    int64_t value = index_at(indices, i);

    if (value < -dim || value >= dim ||
        (value < 0 && attribute_int(call->attributes, "from_start", 0)))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "index %zu is %lld, of a dimension of %lld", i, (long long)value,
                        (long long)dim);
    *index = (size_t)(value < 0 ? value + dim : value);
    return STATUS_OK;
}
