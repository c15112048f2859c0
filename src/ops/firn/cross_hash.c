// SPDX-License-Identifier: Apache-2.0
/* CrossHash: one bucket for the values of several columns together, as TensorFlow's SparseCross
 * hashes them: the hashes joined one after another, a number standing for itself.
 *
 * Inputs: STRING or I64, all of one shape. Output: I64 of that shape. Attribute: buckets. */
#include "base/hash/fingerprint.h"
#include "ops/kernels/call.h"

/* TensorFlow's hash_key where none is given. */
static const uint64_t KEY = 0xDECAFCAFFE;

static enum status infer(struct op_call *call, struct error *err)
{
    for (size_t i = 0; i < call->in_count; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_I64), err));
        if (shape_is_known(&call->in[0].shape) && shape_is_known(&call->in[i].shape) &&
            !shape_equal(&call->in[0].shape, &call->in[i].shape))
            return op_error(call, err, STATUS_INVALID_INPUT, "inputs have different shapes");
    }
    if (attribute_int(call->attributes, "buckets", 0) < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld buckets",
                        (long long)attribute_int(call->attributes, "buckets", 0));
    op_give(call, 0, DTYPE_I64, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    uint64_t buckets = (uint64_t)attribute_int(call->attributes, "buckets", 1);
    int64_t *y = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < tensor_count(&call->out[0]); i++) {
        uint64_t hash = KEY;

        for (size_t k = 0; k < call->in_count; k++)
            hash = fingerprint_join(hash,
                                    call->in[k].dtype == DTYPE_STRING
                                        ? fingerprint_farm64(((struct bytes *)call->in[k].data)[i])
                                        : (uint64_t)((int64_t *)call->in[k].data)[i]);
        y[i] = (int64_t)(hash % buckets);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_cross_hash = OP_SET({.name = "CrossHash",
                                                  .summary = "one bucket for several columns",
                                                  .flags = OP_ROWS,
                                                  .in_min = 1,
                                                  .in_max = OP_INPUTS_ANY,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .infer = infer,
                                                  .run = run});
