// SPDX-License-Identifier: Apache-2.0
/* 0Mind's filter that made lists of arrays, which the wires do here. */
#include "filters/filter.h"

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    return emit_1(&step->emit, "Identity", in, out, err);
}

const struct filter filter_default_filter = {
    .name = "DefaultFilter",
    .alias = "o_default.DefaultFilter",
    .summary = "0Mind: values as they are",
    .sides = FILTER_OUTPUT,
    .build = build,
};
