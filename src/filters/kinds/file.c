// SPDX-License-Identifier: Apache-2.0
#include "filters/filter.h"

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    if (given->dtype != DTYPE_STRING)
        return filter_error(step, err,
                            "it gives the bytes of a file (string), but what it is for takes %s; "
                            "put a filter that reads them behind it, as image",
                            dtype_name(given->dtype));
    given->profile = PROFILE_NONE;
    return STATUS_OK;
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    filter_waits(step);
    return emit_node(&step->emit, "firn", "ReadFile", EMIT(in), EMIT_PLAIN, out, err);
}

const struct filter filter_file = {
    .name = "file",
    .summary = "what a file of the server holds, below the folders of `firn serve --readable`",
    .sides = FILTER_INPUT,
    .given = given,
    .build = build,
};
