// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "filters/steps.h"

struct options {
    int64_t k;
    struct filter_list labels;
};

static const struct filter_option OPTIONS[] = {
    {"k", FILTER_INTEGER, offsetof(struct options, k), "how many (5)", 1, 1 << 24, NULL},
    {"labels", FILTER_LIST, offsetof(struct options, labels),
     "texts, the first for 0; or a file of the model with one a line: FIELD_labels, not "
     "FIELD_indices, stands beside the values",
     0, 0, NULL},
    {0},
};

static void defaults(void *options)
{
    ((struct options *)options)->k = 5;
}

/* (..., n) -> (..., k) values, and as many places or labels as a further output. */
static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;
    const struct emitter *e = &step->emit;
    const struct shape *shape = emit_shape(e, in);
    int64_t width = shape->rank > 0 ? shape->dims[shape->rank - 1] : DIM_UNKNOWN;
    value_id k, table, outputs[2];
    struct tensor texts;
    const char *name;

    if (shape->rank < 1)
        return filter_error(step, err, "it takes a list of scores, not one alone");
    if (width >= 0 && width < o->k)
        return filter_error(step, err, "k is %lld, but there are %lld scores", (long long)o->k,
                            (long long)width);
    if (width >= 0 && o->labels.count && (size_t)width > o->labels.count)
        return filter_error(step, err, "there are %lld scores, but %zu labels", (long long)width,
                            o->labels.count);
    TRY(EMIT_INTS(e, &k, err, o->k));
    TRY(emit(e, "", "TopK", (const value_id[]){in, k}, 2,
             (const struct attribute[]){attribute_of_int("axis", -1)}, 1, outputs, 2, err));
    *out = outputs[0];
    if (o->labels.count) {
        TRY(filter_texts(step, &o->labels, &texts, err));
        TRY(emit_constant(e, &texts, &table, err));
        TRY(emit_2(e, "Gather", table, outputs[1], &outputs[1], err));
    }
    name = arena_printf(&step->chains->memory, "%s_%s", step->field,
                        o->labels.count ? "labels" : "indices");
    return name ? filter_also(step, name, outputs[1], err) : error_no_memory(err, "a name");
}

const struct filter filter_top_k = {
    .name = "top-k",
    .summary = "the largest scores, descending, and their places or labels beside them",
    .sides = FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .lone = "k",
    .defaults = defaults,
    .build = build,
};
