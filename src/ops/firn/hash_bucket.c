// SPDX-License-Identifier: Apache-2.0
/* HashBucket: a number for each string.
 *
 * Input: STRING. Output: I64, the hash modulo `buckets`, or its 64 bits when there are none.
 * Attributes: function "farm", "sip" or "murmur"; buckets; key: two integers, for "sip". */
#include "base/hash/fingerprint.h"
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    size_t count;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    (void)attribute_ints(call->attributes, "key", &count);
    if (!attribute_is(call->attributes, "function", "farm") &&
        !attribute_is(call->attributes, "function", "murmur") &&
        !(attribute_is(call->attributes, "function", "sip") && count == 2))
        return op_error(call, err, STATUS_INVALID_INPUT, "function is not known, or has no key");
    if (attribute_int(call->attributes, "buckets", 0) < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld buckets",
                        (long long)attribute_int(call->attributes, "buckets", 0));
    op_give(call, 0, DTYPE_I64, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    uint64_t buckets = (uint64_t)attribute_int(call->attributes, "buckets", 0);
    bool farm = attribute_is(call->attributes, "function", "farm");
    size_t count = tensor_count(&call->in[0]), key_count;
    const int64_t *key = attribute_ints(call->attributes, "key", &key_count);
    const struct bytes *x = call->in[0].data;
    int64_t *y = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = farm ? fingerprint_farm64(x[i])
                        : key_count == 2
                            ? fingerprint_sip64(x[i], (uint64_t)key[0], (uint64_t)key[1])
                            : fingerprint_murmur64(x[i]);

        y[i] = (int64_t)(buckets ? hash % buckets : hash);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_hash_bucket = OP_SET({.name = "HashBucket",
                                                   .summary = "hashes of strings",
                                                   .flags = OP_ROWS,
                                                   .in_min = 1,
                                                   .in_max = 1,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer,
                                                   .run = run});
