// SPDX-License-Identifier: Apache-2.0
/* Decoders of connectionist temporal classification. */
#include "importers/tensorflow/internal.h"

static enum status greedy(struct tf_call *c, struct error *err)
{
    int64_t blank;
    bool merge;
    value_id y[4];

    TRY(tf_int(c->node, "blank_index", -1, &blank, err));
    TRY(tf_bool(c->node, "merge_repeated", false, &merge, err));
    TRY(emit(
        c->e, "firn", "CtcGreedy", c->in, 2,
        (struct attribute[]){attribute_of_int("blank", blank), attribute_of_int("merge", merge)}, 2,
        y, 4, err));
    for (size_t i = 0; i < 4; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

const struct tf_op_set tf_ops_ctc =
    TF_OP_SET({.name = "CTCGreedyDecoder", .lower = greedy, .inputs = 2}, );
