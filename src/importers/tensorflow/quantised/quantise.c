// SPDX-License-Identifier: Apache-2.0
/* Quantisation: floats rounded as integers would, and integers that stand for floats. */
#include "importers/tensorflow/internal.h"

/* --- FakeQuant --- */

static enum status fake(struct tf_call *c, value_id low, value_id high, bool divides,
                        struct error *err)
{
    int64_t bits;
    bool narrow;
    value_id y;

    TRY(tf_int(c->node, "num_bits", 8, &bits, err));
    TRY(tf_bool(c->node, "narrow_range", false, &narrow, err));
    TRY(emit_node(c->e, "firn", "FakeQuantise", EMIT(c->in[0], low, high),
                  EMIT_ATTRIBUTES(attribute_of_int("bits", bits),
                                  attribute_of_int("narrow", narrow),
                                  attribute_of_int("divides", divides)),
                  &y, err));
    return tf_give(c, y);
}

static enum status fake_args(struct tf_call *c, struct error *err)
{
    double low, high;
    value_id limits[2];

    TRY(tf_float(c->node, "min", -6, &low, err));
    TRY(tf_float(c->node, "max", 6, &high, err));
    TRY(emit_number(c->e, DTYPE_F32, low, &limits[0], err));
    TRY(emit_number(c->e, DTYPE_F32, high, &limits[1], err));
    return fake(c, limits[0], limits[1], false, err);
}

static enum status fake_vars(struct tf_call *c, struct error *err)
{
    return fake(c, c->in[1], c->in[2], true, err);
}

static enum status fake_channels(struct tf_call *c, struct error *err)
{
    return fake(c, c->in[1], c->in[2], false, err);
}

/* --- QuantizeV2, Dequantize --- */

static enum status text_attribute(struct tf_call *c, const char *from, const char *name,
                                  const char *otherwise, struct attribute *attribute,
                                  struct error *err)
{
    *attribute = (struct attribute){.name = name, .kind = ATTRIBUTE_STRING, .count = 1};
    return tf_string(c->node, from, otherwise, &attribute->s, err);
}

static int64_t code_of(enum dtype dtype)
{
    for (int64_t code = 1; code < 32; code++)
        if (dtype_from_tf(code) == dtype)
            return code;
    return 0;
}

static enum status quantize(struct tf_call *c, struct error *err)
{
    struct attribute attributes[6];
    struct bytes round;
    enum dtype dtype;
    double least;
    int64_t axis;
    bool narrow;
    value_id y[3];

    TRY(text_attribute(c, "mode", "mode", "MIN_COMBINED", &attributes[0], err));
    TRY(tf_type(c->node, "T", &dtype, err));
    TRY(tf_string(c->node, "round_mode", "HALF_AWAY_FROM_ZERO", &round, err));
    TRY(tf_bool(c->node, "narrow_range", false, &narrow, err));
    TRY(tf_int(c->node, "axis", -1, &axis, err));
    TRY(tf_float(c->node, "ensure_minimum_range", 0.01f, &least, err));
    attributes[1] = attribute_of_int("to", code_of(dtype));
    attributes[2] = attribute_of_int("even", bytes_is(round, "HALF_TO_EVEN"));
    attributes[3] = attribute_of_int("narrow", narrow);
    attributes[4] = attribute_of_int("axis", axis);
    attributes[5] = attribute_of_float("least_range", least);
    TRY(emit(c->e, "firn", "QuantiseRange", c->in, 3, attributes, 6, y, 3, err));
    for (size_t i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

static enum status dequantize(struct tf_call *c, struct error *err)
{
    struct attribute attributes[3];
    enum dtype dtype;
    int64_t axis;
    bool narrow;
    value_id y;

    TRY(text_attribute(c, "mode", "mode", "MIN_COMBINED", &attributes[0], err));
    TRY(tf_type(c->node, "dtype", &dtype, err));
    TRY(tf_bool(c->node, "narrow_range", false, &narrow, err));
    TRY(tf_int(c->node, "axis", -1, &axis, err));
    attributes[1] = attribute_of_int("narrow", narrow);
    attributes[2] = attribute_of_int("axis", axis);
    TRY(emit(c->e, "firn", "DequantiseRange", c->in, 3, attributes, 3, &y, 1, err));
    TRY(emit_cast(c->e, y, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, &y, err));
    return tf_give(c, y);
}

/* --- QuantizeAndDequantize --- */

static enum status both(struct tf_call *c, value_id low, value_id high, int64_t bits,
                        struct error *err)
{
    struct attribute attributes[6];
    bool is_signed, given, narrow;
    struct bytes round;
    int64_t axis;
    value_id y;

    TRY(tf_bool(c->node, "signed_input", true, &is_signed, err));
    TRY(tf_bool(c->node, "range_given", c->in_count > 3, &given, err));
    TRY(tf_bool(c->node, "narrow_range", false, &narrow, err));
    TRY(tf_int(c->node, "axis", -1, &axis, err));
    TRY(tf_string(c->node, "round_mode", "HALF_TO_EVEN", &round, err));
    attributes[0] = attribute_of_int("signed", is_signed);
    attributes[1] = attribute_of_int("given", given);
    attributes[2] = attribute_of_int("narrow", narrow);
    attributes[3] = attribute_of_int("axis", axis);
    attributes[4] = attribute_of_int("even", bytes_is(round, "HALF_TO_EVEN"));
    attributes[5] = attribute_of_int("bits", bits);
    TRY(emit(c->e, "firn", "QuantiseDequantise", (value_id[]){c->in[0], low, high}, 3, attributes,
             6, &y, 1, err));
    return tf_give(c, y);
}

/* The range is a pair of attributes. */
static enum status both_1(struct tf_call *c, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    double low, high;
    value_id limits[2];
    int64_t bits;

    TRY(tf_int(c->node, "num_bits", 8, &bits, err));
    TRY(tf_float(c->node, "input_min", 0, &low, err));
    TRY(tf_float(c->node, "input_max", 0, &high, err));
    TRY(emit_number(c->e, dtype, low, &limits[0], err));
    TRY(emit_number(c->e, dtype, high, &limits[1], err));
    return both(c, limits[0], limits[1], bits, err);
}

static enum status both_2(struct tf_call *c, struct error *err)
{
    int64_t bits;

    TRY(tf_int(c->node, "num_bits", 8, &bits, err));
    return both(c, c->in[1], c->in[2], bits, err);
}

/* The number of bits is an input. */
static enum status both_3(struct tf_call *c, struct error *err)
{
    int64_t bits;

    TRY(tf_known_int(c, 3, &bits, err));
    return both(c, c->in[1], c->in[2], bits, err);
}

const struct tf_op_set tf_ops_quantise =
    TF_OP_SET({.name = "FakeQuantWithMinMaxArgs", .lower = fake_args, .inputs = 1},
              {.name = "FakeQuantWithMinMaxVars", .lower = fake_vars, .inputs = 3},
              {.name = "FakeQuantWithMinMaxVarsPerChannel", .lower = fake_channels, .inputs = 3},
              {.name = "QuantizeV2", .lower = quantize, .inputs = 3},
              {.name = "Dequantize", .lower = dequantize, .inputs = 3},
              {.name = "QuantizeAndDequantize", .lower = both_1, .inputs = 1},
              {.name = "QuantizeAndDequantizeV2", .lower = both_2, .inputs = 3},
              {.name = "QuantizeAndDequantizeV3", .lower = both_3, .inputs = 4},
              {.name = "QuantizeAndDequantizeV4", .lower = both_2, .inputs = 3}, );
