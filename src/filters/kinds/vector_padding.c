// SPDX-License-Identifier: Apache-2.0
/* 0Mind's filter for sequences, as Keras' pad_sequences: cut and filled up with 0 on the left.
 * Legacy: values become int32 on the way, as it was: fractions are cut off. */
#include "filters/steps.h"

struct options {
    struct padding padding;
    bool legacy;
};

static const struct filter_option OPTIONS[] = {
    {"length", FILTER_INTEGER, offsetof(struct options, padding.length),
     "of every row (what the field says)", 1, 1 << 24, NULL},
    {"legacy", FILTER_BOOL, offsetof(struct options, legacy), "values become int32 (false)", 0, 0,
     NULL},
    {0},
};

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;
    value_id x = in;

    if (o->legacy)
        TRY(emit_cast(&step->emit, x, DTYPE_I32, &x, err));
    TRY(steps_pad(step, x, &o->padding, &x, err));
    return emit_cast(&step->emit, x, step->wanted.dtype, out, err);
}

const struct filter filter_vector_padding = {
    .name = "VectorPaddingToInputFilter",
    .alias = "i_vector_padding_to_input.VectorPaddingToInputFilter",
    .summary = "0Mind: rows cut and filled up with 0 on the left",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .given = steps_pad_given,
    .build = build,
};
