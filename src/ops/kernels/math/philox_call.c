// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/math/philox_call.h"

enum status philox_wants(const struct op_call *call, size_t key, struct error *err)
{
    TRY(op_wants(call, key, DTYPES_PHILOX, err));
    return op_wants(call, key + 1, DTYPES_PHILOX, err);
}

enum status philox_begin(const struct op_call *call, size_t key, struct philox *philox,
                         struct error *err)
{
    const struct tensor *words = &call->in[key], *counter = &call->in[key + 1];

    if (tensor_count(words) != 1 || tensor_count(counter) != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "a key of %zu numbers, a counter of %zu",
                        tensor_count(words), tensor_count(counter));
    memcpy(philox->key, words->data, sizeof philox->key);
    memcpy(philox->counter, counter->data, sizeof philox->counter);
    return STATUS_OK;
}
