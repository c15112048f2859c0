// SPDX-License-Identifier: Apache-2.0
#include "filters/steps.h"

struct options {
    int64_t length;
    double value;
    int fill, cut;
};

enum { LEFT, RIGHT };
static const char *const SIDES[] = {"left", "right", NULL};

static const struct filter_option OPTIONS[] = {
    {"length", FILTER_INTEGER, offsetof(struct options, length),
     "of every row (what the field says)", 1, 1 << 24, NULL},
    {"value", FILTER_NUMBER, offsetof(struct options, value), "what fills up (0)", 0, 0, NULL},
    {"side", FILTER_CHOICE, offsetof(struct options, fill), "where: left or right (right)", 0, 0,
     SIDES},
    {"cut", FILTER_CHOICE, offsetof(struct options, cut),
     "where longer rows lose values: left or right (right)", 0, 0, SIDES},
    {0},
};

static void defaults(void *options)
{
    *(struct options *)options = (struct options){.fill = RIGHT, .cut = RIGHT};
}

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    struct options *o = step->options;

    TRY(steps_length(step, &o->length, err));
    given->shape.dims[1] = DIM_UNKNOWN;
    return STATUS_OK;
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;

    return steps_pad(step, in,
                     &(struct padding){o->length, o->value, o->fill == RIGHT, o->cut == RIGHT}, out,
                     err);
}

const struct filter filter_pad = {
    .name = "pad",
    .summary = "rows of any length, cut or filled up to the length that the field takes",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .lone = "length",
    .defaults = defaults,
    .given = given,
    .build = build,
};
