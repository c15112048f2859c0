// SPDX-License-Identifier: Apache-2.0
#include "filters/steps.h"

#include <math.h>

enum status steps_argmax(struct filter_step *step, value_id in, bool batch, value_id *out,
                         struct error *err)
{
    const struct emitter *e = &step->emit;
    const struct shape *shape = emit_shape(e, in);
    value_id x = in;

    if (shape->rank < (batch ? 2 : 1))
        return filter_error(step, err, "it takes a list of scores%s", batch ? " for each row" : "");
    if (shape->rank > (batch ? 2 : 1))
        TRY(emit_reshape(e, x, batch ? (const int64_t[]){0, -1} : (const int64_t[]){-1},
                         batch ? 2 : 1, &x, err));
    return emit_node(
        e, "", "ArgMax", EMIT(x),
        EMIT_ATTRIBUTES(attribute_of_int("axis", batch ? 1 : 0), attribute_of_int("keepdims", 0)),
        out, err);
}

enum status steps_round(struct filter_step *step, value_id in, int64_t digits, value_id *out,
                        struct error *err)
{
    const struct emitter *e = &step->emit;
    enum dtype dtype = emit_dtype(e, in);
    value_id factor, x = in;

    if (dtype_is_integer(dtype)) {
        *out = in;
        return STATUS_OK;
    }
    if (!dtype_is_float(dtype))
        return filter_error(step, err, "it takes numbers, not %s", dtype_name(dtype));
    if (!digits)
        return emit_1(e, "Round", x, out, err);
    TRY(emit_number(e, dtype, pow(10, fabs((double)digits)), &factor, err));
    TRY(emit_2(e, digits > 0 ? "Mul" : "Div", x, factor, &x, err));
    TRY(emit_1(e, "Round", x, &x, err));
    return emit_2(e, digits > 0 ? "Div" : "Mul", x, factor, out, err);
}

enum status steps_pad(struct filter_step *step, value_id in, const struct padding *padding,
                      value_id *out, struct error *err)
{
    const struct emitter *e = &step->emit;
    value_id x = in, size, length, missing, zero, pads, fill, inputs[3];

    if (emit_shape(e, in)->rank != 2)
        return filter_error(step, err, "it takes rows of any length: 2 dimensions, not %d",
                            emit_shape(e, in)->rank);
    TRY(padding->cut == PADDING_RIGHT
            ? emit_slice(e, x, 1, 0, padding->length, 1, &x, err)
            : emit_slice(e, x, 1, -padding->length, INT64_MAX, 1, &x, err));
    TRY(emit_1(e, "Shape", x, &size, err));
    TRY(emit_slice(e, size, 0, 1, 2, 1, &size, err));
    TRY(EMIT_INTS(e, &length, err, padding->length));
    TRY(emit_2(e, "Sub", length, size, &missing, err));
    TRY(EMIT_INTS(e, &zero, err, 0));
    TRY(padding->fill == PADDING_RIGHT
            ? emit_concat(e, EMIT(zero, zero, zero, missing), 0, &pads, err)
            : emit_concat(e, EMIT(zero, missing, zero, zero), 0, &pads, err));
    TRY(emit_number(e, emit_dtype(e, x), padding->value, &fill, err));
    inputs[0] = x;
    inputs[1] = pads;
    inputs[2] = fill;
    TRY(emit(e, "", "Pad", inputs, 3, NULL, 0, out, 1, err));
    return graph_declare(e->graph, *out, DTYPE_NONE,
                         &(struct shape){2, {emit_shape(e, in)->dims[0], padding->length}}, err);
}

enum status steps_pad_given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    struct padding *padding = step->options;

    TRY(steps_length(step, &padding->length, err));
    given->shape.dims[1] = DIM_UNKNOWN;
    return STATUS_OK;
}

enum status steps_length(struct filter_step *step, int64_t *length, struct error *err)
{
    const struct shape *shape = &step->wanted.shape;
    char printed[SHAPE_PRINT_SIZE];

    if (shape->rank != 2)
        return filter_error(step, err, "it gives rows of one length, but the field is %s",
                            shape->rank < 0 ? "of any shape"
                                            : shape_print(shape, printed, sizeof printed));
    if (!*length)
        *length = shape->dims[1] > 0 ? shape->dims[1] : 0;
    if (!*length)
        return filter_error(step, err, "the field does not say how long its rows are; say length");
    if (shape->dims[1] >= 0 && shape->dims[1] != *length)
        return filter_error(step, err, "length is %lld, but the field's is %lld",
                            (long long)*length, (long long)shape->dims[1]);
    return STATUS_OK;
}

enum status steps_index(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    enum dtype dtype = emit_dtype(&step->emit, in);

    if (!dtype_is_integer(dtype) && dtype != DTYPE_BOOL)
        return filter_error(step, err, "it takes whole numbers, not %s%s", dtype_name(dtype),
                            dtype_is_float(dtype) ? "; put argmax or top-k before it" : "");
    return emit_cast(&step->emit, in, DTYPE_I64, out, err);
}
