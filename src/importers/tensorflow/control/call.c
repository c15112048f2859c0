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

const struct tf_op_set tf_ops_call =
    TF_OP_SET({.name = "PartitionedCall", .lower = call},
              {.name = "StatefulPartitionedCall", .lower = call}, );
