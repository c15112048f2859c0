// SPDX-License-Identifier: Apache-2.0
/* Strings: hashes. */
#include "importers/tensorflow/internal.h"

static enum status hash(struct tf_call *c, const char *function, const struct attribute *key,
                        struct error *err)
{
    struct attribute attributes[3];
    int64_t buckets;
    value_id y;

    TRY(tf_int(c->node, "num_buckets", 0, &buckets, err));
    if (buckets < 1)
        return error_set(err, STATUS_INVALID_INPUT, "%lld buckets", (long long)buckets);
    attributes[0] = attribute_of_text("function", function);
    attributes[1] = attribute_of_int("buckets", buckets);
    if (key)
        attributes[2] = *key;
    TRY(emit_node(c->e, "firn", "HashBucket", EMIT(c->in[0]),
                  (struct emit_attributes){attributes, key ? 3 : 2}, &y, err));
    return tf_give(c, y);
}

static enum status hash_fast(struct tf_call *c, struct error *err)
{
    return hash(c, "farm", NULL, err);
}

static enum status hash_old(struct tf_call *c, struct error *err)
{
    return hash(c, "murmur", NULL, err);
}

static enum status hash_strong(struct tf_call *c, struct error *err)
{
    struct attribute attribute;
    int64_t key[2];
    size_t count;

    TRY(tf_ints(c->node, "key", key, 2, &count, c->l->keep, err));
    if (count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "its key has %zu numbers, not 2", count);
    attribute = attribute_of_ints("key", key, 2);
    return hash(c, "sip", &attribute, err);
}

const struct tf_op_set tf_ops_string =
    TF_OP_SET({.name = "StringToHashBucketFast", .lower = hash_fast, .inputs = 1},
              {.name = "StringToHashBucket", .lower = hash_old, .inputs = 1},
              {.name = "StringToHashBucketStrong", .lower = hash_strong, .inputs = 1}, );
