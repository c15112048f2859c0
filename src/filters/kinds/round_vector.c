// SPDX-License-Identifier: Apache-2.0
/* 0Mind's filter: rounded to whole numbers, halves to even, which stay floats. Legacy is the same.
 */
#include "filters/steps.h"

struct options {
    bool legacy;
};

static const struct filter_option OPTIONS[] = {
    {"legacy", FILTER_BOOL, offsetof(struct options, legacy), "makes no difference", 0, 0, NULL},
    {0},
};

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    return steps_round(step, in, 0, out, err);
}

const struct filter filter_round_vector = {
    .name = "RoundVectorFilter",
    .alias = "io_round_int.RoundVectorFilter",
    .summary = "0Mind: whole numbers, as floats",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .build = build,
};
