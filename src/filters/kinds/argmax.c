// SPDX-License-Identifier: Apache-2.0
#include "filters/steps.h"

struct options {
    bool rows;
};

static const struct filter_option OPTIONS[] = {
    {"rows", FILTER_BOOL, offsetof(struct options, rows),
     "one place for each row of the first axis (true), or one for all", 0, 0, NULL},
    {0},
};

static void defaults(void *options)
{
    ((struct options *)options)->rows = true;
}

/* (batch,) or () of integers from scores of any width. */
static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    const struct options *o = step->options;
    const struct shape *wanted = &step->wanted.shape;

    if (wanted->rank != o->rows || !dtype_is_integer(step->wanted.dtype))
        return filter_error(step, err, "it gives %s, which the field does not take",
                            o->rows ? "an integer for each row" : "one integer");
    *given =
        (struct filter_type){DTYPE_F32, SHAPE(wanted->dims[0], DIM_UNKNOWN), PROFILE_NUMERICAL};
    if (!o->rows)
        given->shape = SHAPE(DIM_UNKNOWN);
    return STATUS_OK;
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;

    TRY(steps_argmax(step, in, o->rows, out, err));
    return step->is_output ? STATUS_OK : emit_cast(&step->emit, *out, step->wanted.dtype, out, err);
}

const struct filter filter_argmax = {
    .name = "argmax",
    .summary = "the place of the largest value of each row, the first of equals",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .defaults = defaults,
    .given = given,
    .build = build,
};
