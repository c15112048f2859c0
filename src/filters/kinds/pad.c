// SPDX-License-Identifier: Apache-2.0
#include "filters/steps.h"

static const char *const SIDES[] = {"left", "right", NULL};

static const struct filter_option OPTIONS[] = {
    {"length", FILTER_INTEGER, offsetof(struct padding, length),
     "of every row (what the field says)", 1, 1 << 24, NULL},
    {"value", FILTER_NUMBER, offsetof(struct padding, value), "what fills up (0)", 0, 0, NULL},
    {"side", FILTER_CHOICE, offsetof(struct padding, fill), "where: left or right (right)", 0, 0,
     SIDES},
    {"cut", FILTER_CHOICE, offsetof(struct padding, cut),
     "where longer rows lose values: left or right (right)", 0, 0, SIDES},
    {0},
};

static void defaults(void *options)
{
    *(struct padding *)options = (struct padding){.fill = PADDING_RIGHT, .cut = PADDING_RIGHT};
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    return steps_pad(step, in, step->options, out, err);
}

const struct filter filter_pad = {
    .name = "pad",
    .summary = "rows of any length, cut or filled up to the length that the field takes",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct padding),
    .options = OPTIONS,
    .lone = "length",
    .defaults = defaults,
    .given = steps_pad_given,
    .build = build,
};
