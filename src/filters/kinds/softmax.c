// SPDX-License-Identifier: Apache-2.0
#include "filters/filter.h"

/* In the type of the field, which has to be one of floats. */
static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct shape *shape = emit_shape(&step->emit, in);

    if (!dtype_is_float(emit_dtype(&step->emit, in)))
        return filter_error(step, err, "it takes floats, not %s",
                            dtype_name(emit_dtype(&step->emit, in)));
    if (shape->rank < 1)
        return filter_error(step, err, "it takes a list of scores, not one alone");
    return emit_node(&step->emit, "", "Softmax", EMIT(in),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), out, err);
}

const struct filter filter_softmax = {
    .name = "softmax",
    .summary = "scores along the last axis as probabilities",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .build = build,
};
