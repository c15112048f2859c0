// SPDX-License-Identifier: Apache-2.0
/* 0Mind's filter: argmax of each item. Legacy is the same: its faults were elsewhere. */
#include "filters/steps.h"

struct options {
    bool legacy;
};

static const struct filter_option OPTIONS[] = {
    {"legacy", FILTER_BOOL, offsetof(struct options, legacy), "makes no difference", 0, 0, NULL},
    {0},
};

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    if (step->wanted.shape.rank != 1 || !dtype_is_integer(step->wanted.dtype))
        return filter_error(step, err,
                            "it gives an integer for each row, which the field does not take");
    given->dtype = DTYPE_F32;
    given->shape = SHAPE(step->wanted.shape.dims[0], DIM_UNKNOWN);
    return STATUS_OK;
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    TRY(steps_argmax(step, in, true, out, err));
    return step->is_output ? STATUS_OK : emit_cast(&step->emit, *out, step->wanted.dtype, out, err);
}

const struct filter filter_arg_max_filter = {
    .name = "ArgMaxFilter",
    .alias = "io_argmax.ArgMaxFilter",
    .summary = "0Mind: the place of the largest value of each row",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .given = given,
    .build = build,
};
