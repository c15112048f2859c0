// SPDX-License-Identifier: Apache-2.0
/* Crosses of features. Inputs are lists: indices, values, shapes of sparse columns, dense columns.
 */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

/* `extra` inputs stand behind the columns. */
static enum status cross(struct tf_call *c, const char *sparse_list, size_t extra,
                         struct attribute *attributes, size_t count, struct error *err)
{
    value_id *inputs = arena_new(c->l->keep, value_id, c->in_count);
    size_t sparse, columns;

    TRY(tf_length(c->node, sparse_list, &sparse, c->l->keep, err));
    if (!inputs)
        return error_no_memory(err, "a node");
    if (c->in_count < extra || sparse > (c->in_count - extra) / 3)
        return error_set(err, STATUS_INVALID_INPUT, "%zu inputs for %zu sparse columns",
                         c->in_count, sparse);
    columns = c->in_count - extra - 3 * sparse;
    for (size_t k = 0; k < sparse; k++)
        for (size_t part = 0; part < 3; part++)
            inputs[3 * k + part] = c->in[part * sparse + k];
    for (size_t k = 0; k < columns; k++)
        inputs[3 * sparse + k] = c->in[3 * sparse + k];
    attributes[count++] = attribute_of_int("sparse", (int64_t)sparse);
    TRY(emit(c->e, "firn", "SparseCross", inputs, 3 * sparse + columns, attributes, count, c->out,
             3, err));
    c->out_count = 3;
    return STATUS_OK;
}

static enum status old_cross(struct tf_call *c, struct error *err)
{
    struct attribute attributes[6];
    int64_t buckets, key;
    bool hashed;

    TRY(tf_bool(c->node, "hashed_output", false, &hashed, err));
    TRY(tf_int(c->node, "num_buckets", 0, &buckets, err));
    TRY(tf_int(c->node, "hash_key", 0, &key, err));
    if (buckets < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%lld buckets", (long long)buckets);
    attributes[0] = attribute_of_text("way", hashed ? "hash" : "join");
    attributes[1] = attribute_of_text("separator", "_X_");
    attributes[2] = attribute_of_int("buckets", buckets);
    attributes[3] = attribute_of_int("key", key);
    attributes[4] = attribute_of_int("keyed", 1);
    return cross(c, "N", 0, attributes, 5, err);
}

/* ..., separator */
static enum status joined_cross(struct tf_call *c, struct error *err)
{
    const struct tensor *separator = c->in_count ? tf_constant(c, c->in_count - 1) : NULL;
    struct attribute attributes[3];

    if (!separator || separator->dtype != DTYPE_STRING || tensor_count(separator) != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its separator is no constant");
    attributes[0] = attribute_of_text("way", "join");
    attributes[1] = (struct attribute){
        .name = "separator", .kind = ATTRIBUTE_STRING, .s = *(const struct bytes *)separator->data};
    return cross(c, "N", 1, attributes, 2, err);
}

/* ..., buckets, strong, salt */
static enum status hashed_cross(struct tf_call *c, struct error *err)
{
    const struct tensor *strong = c->in_count > 2 ? tf_constant(c, c->in_count - 2) : NULL;
    struct attribute attributes[4];
    int64_t buckets, salt[2];
    size_t count, used = 0;

    if (!strong || strong->dtype != DTYPE_BOOL || tensor_count(strong) != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its kind of hash is no constant");
    TRY(tf_known_int(c, c->in_count - 3, &buckets, err));
    TRY(tf_known_ints(c, c->in_count - 1, salt, 2, &count, err));
    if (buckets < 0 || count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "%lld buckets, a salt of %zu numbers",
                         (long long)buckets, count);
    attributes[used++] = attribute_of_text("way", "hash");
    attributes[used++] = attribute_of_int("buckets", buckets);
    if (*(const uint8_t *)strong->data)
        attributes[used++] = attribute_of_ints("salt", salt, 2);
    return cross(c, "N", 3, attributes, used, err);
}

const struct tf_op_set tf_ops_cross = TF_OP_SET(
    {.name = "SparseCross", .lower = old_cross}, {.name = "SparseCrossV2", .lower = joined_cross},
    {.name = "SparseCrossHashed", .lower = hashed_cross}, );
