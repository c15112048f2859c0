// SPDX-License-Identifier: Apache-2.0
#include "filters/steps.h"

struct options {
    struct filter_list labels;
};

static const struct filter_option OPTIONS[] = {
    {"labels", FILTER_LIST, offsetof(struct options, labels),
     "texts, the first for 0; or a file of the model with one a line", 0, 0, NULL},
    {0},
};

/* Clients of an input give the label, the model gets its place. */
static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    if (!dtype_is_integer(step->wanted.dtype) && !dtype_is_float(step->wanted.dtype))
        return filter_error(step, err, "it gives the place of a label, but the field is %s",
                            dtype_name(step->wanted.dtype));
    given->dtype = DTYPE_STRING;
    given->profile = PROFILE_CATEGORICAL;
    return STATUS_OK;
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;
    struct tensor texts;
    value_id table, index;

    if (!o->labels.count)
        return filter_error(step, err, "say labels");
    TRY(filter_texts(step, &o->labels, &texts, err));
    if (!step->is_output) {
        TRY(emit_node(&step->emit, "firn", "LabelIndex", EMIT(in),
                      EMIT_ATTRIBUTES(attribute_of_tensor("labels", &texts)), &index, err));
        return emit_cast(&step->emit, index, step->wanted.dtype, out, err);
    }
    TRY(steps_index(step, in, &index, err));
    TRY(emit_constant(&step->emit, &texts, &table, err));
    return emit_2(&step->emit, "Gather", table, index, out, err);
}

const struct filter filter_labels = {
    .name = "labels",
    .summary = "numbers of classes as their labels; of inputs, labels as numbers",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .lone = "labels",
    .given = given,
    .build = build,
};
