// SPDX-License-Identifier: Apache-2.0
/* Bits of integers, and bytes as other types. */
#include "importers/tensorflow/internal.h"

static enum status shift(struct tf_call *c, const char *direction, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "Shift", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_text("direction", direction)), &y, err));
    return tf_give(c, y);
}

static enum status left_shift(struct tf_call *c, struct error *err)
{
    return shift(c, "left", err);
}

static enum status right_shift(struct tf_call *c, struct error *err)
{
    return shift(c, "right", err);
}

static enum status population_count(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "PopulationCount", EMIT(c->in[0]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status compare_and_bitpack(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "CompareAndBitpack", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y,
                  err));
    return tf_give(c, y);
}

static enum status bitcast(struct tf_call *c, struct error *err)
{
    enum dtype to;
    value_id y;

    TRY(tf_type(c->node, "type", &to, err));
    if (to == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "has no type");
    if (to == emit_dtype(c->e, c->in[0]))
        return tf_give(c, c->in[0]);
    TRY(tf_bitcast(c->e, c->in[0], to, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_bits =
    TF_OP_SET({.name = "LeftShift", .lower = left_shift, .inputs = 2},
              {.name = "RightShift", .lower = right_shift, .inputs = 2},
              {.name = "PopulationCount", .lower = population_count, .inputs = 1},
              {.name = "CompareAndBitpack", .lower = compare_and_bitpack, .inputs = 2},
              {.name = "Bitcast", .lower = bitcast, .inputs = 1}, );
