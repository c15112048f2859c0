// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors, whose indices, values and shape are values of their own. */
#include "importers/tensorflow/internal.h"

/* The first `count` inputs to an operator of ours with `outputs` outputs, all of which are given.
 */
static enum status ours(struct tf_call *c, const char *op, size_t count, size_t outputs,
                        struct emit_attributes attributes, struct error *err)
{
    TRY(emit(c->e, "firn", op, c->in, count, attributes.items, attributes.count, c->out, outputs,
             err));
    c->out_count = outputs;
    return STATUS_OK;
}

/* indices, shape, values, default */
static enum status to_dense(struct tf_call *c, struct error *err)
{
    bool validate;

    TRY(tf_bool(c->node, "validate_indices", true, &validate, err));
    return ours(c, "SparseDense", 4, 1, EMIT_ATTRIBUTES(attribute_of_int("validate", validate)),
                err);
}

/* indices, values, shape */
static enum status reorder(struct tf_call *c, struct error *err)
{
    return ours(c, "SparseReorder", 2, 2, EMIT_PLAIN, err);
}

static enum status reshape(struct tf_call *c, struct error *err)
{
    return ours(c, "SparseReshape", 3, 2, EMIT_PLAIN, err);
}

static enum status fill_empty_rows(struct tf_call *c, struct error *err)
{
    return ours(c, "SparseFillRows", 4, 4, EMIT_PLAIN, err);
}

const struct tf_op_set tf_ops_sparse =
    TF_OP_SET({.name = "SparseToDense", .lower = to_dense, .inputs = 4},
              {.name = "SparseReorder",
               .lower = reorder,
               .inputs = 3,
               .outputs = "output_indices,output_values"},
              {.name = "SparseReshape",
               .lower = reshape,
               .inputs = 3,
               .outputs = "output_indices,output_shape"},
              {.name = "SparseFillEmptyRows",
               .lower = fill_empty_rows,
               .inputs = 4,
               .outputs = "output_indices,output_values,empty_row_indicator,reverse_index_map"}, );
