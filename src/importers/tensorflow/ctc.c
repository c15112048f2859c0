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

static enum status beam(struct tf_call *c, struct error *err)
{
    struct attribute attributes[3];
    int64_t width, paths;
    bool merge;

    TRY(tf_int(c->node, "beam_width", 1, &width, err));
    TRY(tf_int(c->node, "top_paths", 1, &paths, err));
    TRY(tf_bool(c->node, "merge_repeated", true, &merge, err));
    if (paths < 1 || 3 * paths + 1 > OP_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld paths", (long long)paths);
    attributes[0] = attribute_of_int("width", width);
    attributes[1] = attribute_of_int("paths", paths);
    attributes[2] = attribute_of_int("merge", merge);
    c->out_count = (size_t)(3 * paths + 1);
    return emit(c->e, "firn", "CtcBeam", c->in, 2, attributes, 3, c->out, c->out_count, err);
}

const struct tf_op_set tf_ops_ctc =
    TF_OP_SET({.name = "CTCGreedyDecoder", .lower = greedy, .inputs = 2},
              {.name = "CTCBeamSearchDecoder", .lower = beam, .inputs = 2}, );
