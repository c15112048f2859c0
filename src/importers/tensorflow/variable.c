// SPDX-License-Identifier: Apache-2.0
/* Variables: what the checkpoint holds under the name that the graph itself restores them from. */
#include "importers/tensorflow/internal.h"

static enum status variable(struct tf_call *c, struct error *err)
{
    const struct bytes *key =
        c->l->variables.arena ? map_find(&c->l->variables, bytes_of(c->node->name)) : NULL;
    struct tensor tensor;
    value_id y;

    if (!key || !c->l->bundle)
        return error_set(err, STATUS_UNSUPPORTED, "the file does not hold this variable");
    TRY(bundle_tensor(c->l->bundle, *key, &tensor, err));
    TRY(emit_constant(c->e, &tensor, &y, err));
    return tf_give(c, y);
}

static enum status read(struct tf_call *c, struct error *err)
{
    (void)err;
    return tf_give(c, c->in[0]);
}

const struct tf_op_set tf_ops_variable =
    TF_OP_SET({.name = "VariableV2", .lower = variable}, {.name = "Variable", .lower = variable},
              {.name = "VarHandleOp", .lower = variable},
              {.name = "ReadVariableOp", .lower = read, .inputs = 1}, );
