// SPDX-License-Identifier: Apache-2.0
#include "filters/filter.h"

struct options {
    double scale;
    struct filter_numbers mean, std;
};

static const struct filter_option OPTIONS[] = {
    {"scale", FILTER_NUMBER, offsetof(struct options, scale), "what is multiplied by first (1)", 0,
     0, NULL},
    {"mean", FILTER_NUMBERS, offsetof(struct options, mean),
     "what is then subtracted: one number, or one for each along the last axis (0)", 0, 0, NULL},
    {"std", FILTER_NUMBERS, offsetof(struct options, std), "what is then divided by (1)", 0, 0,
     NULL},
    {0},
};

static void defaults(void *options)
{
    ((struct options *)options)->scale = 1;
}

static enum status numbers_emit(struct filter_step *step, const char *op,
                                const struct filter_numbers *numbers, value_id *x,
                                struct error *err)
{
    enum dtype dtype = emit_dtype(&step->emit, *x);
    const struct shape *at = emit_shape(&step->emit, *x);
    struct shape shape = numbers->count == 1 ? shape_scalar() : SHAPE((int64_t)numbers->count);
    int64_t last = at->rank > 0 ? at->dims[at->rank - 1] : DIM_UNKNOWN;
    struct tensor tensor;
    value_id other;

    if (!numbers->count)
        return STATUS_OK;
    if (numbers->count > 1 && (at->rank < 1 || (last >= 0 && last != (int64_t)numbers->count)))
        return filter_error(step, err, "%zu numbers for the %lld along the last axis",
                            numbers->count, (long long)last);
    TRY(tensor_new(&tensor, dtype, &shape, &step->chains->memory, err));
    for (size_t i = 0; i < numbers->count; i++)
        tensor_set_f64(&tensor, i, numbers->values[i]);
    TRY(emit_constant(&step->emit, &tensor, &other, err));
    return emit_2(&step->emit, op, *x, other, x, err);
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;
    const struct filter_numbers scale = {(double[]){o->scale}, 1};

    if (!dtype_is_float(emit_dtype(&step->emit, in)))
        return filter_error(step, err, "it takes floats, not %s",
                            dtype_name(emit_dtype(&step->emit, in)));
    for (size_t i = 0; i < o->std.count; i++)
        if (o->std.values[i] == 0)
            return filter_error(step, err, "std is 0");
    *out = in;
    if (o->scale != 1)
        TRY(numbers_emit(step, "Mul", &scale, out, err));
    TRY(numbers_emit(step, "Sub", &o->mean, out, err));
    return numbers_emit(step, "Div", &o->std, out, err);
}

const struct filter filter_normalize = {
    .name = "normalize",
    .summary = "numbers times scale, less mean, divided by std",
    .sides = FILTER_INPUT | FILTER_OUTPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .defaults = defaults,
    .build = build,
};
