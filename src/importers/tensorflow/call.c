// SPDX-License-Identifier: Apache-2.0
/* Calls of functions, put inline. */
#include "importers/tensorflow/internal.h"

static enum status call(struct tf_call *c, struct error *err)
{
    const struct tf_function *function;
    struct bytes name;

    TRY(tf_function_name(c->node, "f", &name, err));
    TRY(tf_function_get(c->l, name, &function, err));
    return tf_call_function(c, function, err);
}

/* What is run for its controls alone. */
static enum status nothing(struct tf_call *c, struct error *err)
{
    (void)err;
    c->out_count = 0;
    return STATUS_OK;
}

const struct tf_op_set tf_ops_call = TF_OP_SET({.name = "PartitionedCall", .lower = call},
                                               {.name = "StatefulPartitionedCall", .lower = call},
                                               {.name = "NoOp", .lower = nothing}, );
