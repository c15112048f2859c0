// SPDX-License-Identifier: Apache-2.0
#include "filters/steps.h"

struct options {
    int64_t digits;
    bool integer;
};

static const struct filter_option OPTIONS[] = {
    {"digits", FILTER_INTEGER, offsetof(struct options, digits), "behind the point (0)", -15, 15,
     NULL},
    {"integer", FILTER_BOOL, offsetof(struct options, integer),
     "as int64, with 0 digits (false: floats stay floats)", 0, 0, NULL},
    {0},
};

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    const struct options *o = step->options;

    if (o->integer || dtype_is_integer(step->wanted.dtype))
        given->dtype = DTYPE_F64;
    if (o->integer && step->wanted.dtype != DTYPE_I64)
        return filter_error(step, err, "it gives int64, but what it is for takes %s",
                            dtype_name(step->wanted.dtype));
    return STATUS_OK;
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;

    if (o->integer && o->digits)
        return filter_error(step, err, "whole numbers have no digits behind the point");
    TRY(steps_round(step, in, o->digits, out, err));
    if (o->integer)
        return emit_cast(&step->emit, *out, DTYPE_I64, out, err);
    return step->is_output ? STATUS_OK : emit_cast(&step->emit, *out, step->wanted.dtype, out, err);
}

const struct filter filter_round = {
    .name = "round",
    .summary = "rounded numbers, halves to even, as numpy.round",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .lone = "digits",
    .given = given,
    .build = build,
};
