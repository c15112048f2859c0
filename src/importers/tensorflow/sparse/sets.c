// SPDX-License-Identifier: Apache-2.0
/* Sets in the last dimension of dense and sparse tensors. */
#include <ctype.h>

#include "importers/tensorflow/internal.h"

static enum status operate(struct tf_call *c, bool a_sparse, bool b_sparse, struct error *err)
{
    char lower[16] = "";
    struct bytes name;
    value_id y[3];

    TRY(tf_string(c->node, "set_operation", "", &name, err));
    for (size_t i = 0; i < name.size && i + 1 < sizeof lower; i++)
        lower[i] = (char)tolower(name.data[i]);
    TRY(emit(c->e, "firn", "SetOperation", c->in, (a_sparse ? 3u : 1u) + (b_sparse ? 3u : 1u),
             (struct attribute[]){attribute_of_text("operation", lower),
                                  attribute_of_int("a_sparse", a_sparse),
                                  attribute_of_int("b_sparse", b_sparse)},
             3, y, 3, err));
    for (size_t i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

static enum status dense_dense(struct tf_call *c, struct error *err)
{
    return operate(c, false, false, err);
}

static enum status dense_sparse(struct tf_call *c, struct error *err)
{
    return operate(c, false, true, err);
}

static enum status sparse_sparse(struct tf_call *c, struct error *err)
{
    return operate(c, true, true, err);
}

static enum status size(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit(c->e, "firn", "SetSize", c->in, 3, NULL, 0, &y, 1, err));
    return tf_give(c, y);
}

static enum status edit_distance(struct tf_call *c, struct error *err)
{
    bool normalize;
    value_id y;

    TRY(tf_bool(c->node, "normalize", true, &normalize, err));
    TRY(emit(c->e, "firn", "EditDistance", c->in, 6,
             (struct attribute[]){attribute_of_int("normalize", normalize)}, 1, &y, 1, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_sets =
    TF_OP_SET({.name = "DenseToDenseSetOperation", .lower = dense_dense, .inputs = 2},
              {.name = "DenseToSparseSetOperation", .lower = dense_sparse, .inputs = 4},
              {.name = "SparseToSparseSetOperation", .lower = sparse_sparse, .inputs = 6},
              {.name = "EditDistance", .lower = edit_distance, .inputs = 6},
              {.name = "SetSize", .lower = size, .inputs = 3}, );
