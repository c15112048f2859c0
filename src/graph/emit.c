// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "graph/emit.h"

enum status emit(const struct emitter *e, const char *domain, const char *op,
                 const value_id *inputs, size_t input_count, const struct attribute *attributes,
                 size_t attribute_count, value_id *outputs, size_t output_count, struct error *err)
{
    struct node_description node = {
        .domain = domain,
        .op = op,
        .name = e->where,
        .inputs = inputs,
        .input_count = input_count,
        .output_count = output_count,
        .attributes = attributes,
        .attribute_count = attribute_count,
    };

    return graph_node(e->graph, &node, outputs, err);
}

enum status emit_node(const struct emitter *e, const char *domain, const char *op,
                      struct emit_inputs inputs, struct emit_attributes attributes,
                      value_id *output, struct error *err)
{
    return emit(e, domain, op, inputs.values, inputs.count, attributes.items, attributes.count,
                output, 1, err);
}

enum status emit_1(const struct emitter *e, const char *op, value_id a, value_id *output,
                   struct error *err)
{
    return emit_node(e, "", op, EMIT(a), EMIT_PLAIN, output, err);
}

enum status emit_2(const struct emitter *e, const char *op, value_id a, value_id b,
                   value_id *output, struct error *err)
{
    return emit_node(e, "", op, EMIT(a, b), EMIT_PLAIN, output, err);
}

enum status emit_where(const struct emitter *e, value_id condition, value_id yes, value_id no,
                       value_id *output, struct error *err)
{
    return emit_node(e, "", "Where", EMIT(condition, yes, no), EMIT_PLAIN, output, err);
}

enum status emit_assert(const struct emitter *e, value_id condition, const char *message,
                        value_id *checked, struct error *err)
{
    return emit_node(e, "firn", "Assert", EMIT(condition),
                     EMIT_ATTRIBUTES(attribute_of_text("message", message)), checked, err);
}

enum status emit_require(const struct emitter *e, value_id condition, const char *message,
                         value_id *x, struct error *err)
{
    value_id checked;

    TRY(emit_assert(e, condition, message, &checked, err));
    return emit_node(e, "firn", "After", EMIT(*x, checked), EMIT_PLAIN, x, err);
}

enum status emit_math(const struct emitter *e, const char *function, value_id x, value_id *y,
                      struct error *err)
{
    enum dtype dtype = emit_dtype(e, x);

    TRY(emit_cast(e, x, DTYPE_F64, &x, err));
    TRY(emit_node(e, "firn", "Math", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_text("function", function)), y, err));
    return emit_cast(e, *y, dtype, y, err);
}

enum status emit_one_minus(const struct emitter *e, value_id x, value_id *y, struct error *err)
{
    value_id one;

    TRY(emit_number(e, emit_dtype(e, x), 1, &one, err));
    return emit_2(e, "Sub", one, x, y, err);
}

enum status emit_constant(const struct emitter *e, const struct tensor *tensor, value_id *output,
                          struct error *err)
{
    return graph_constant(e->graph, "", tensor, output, err);
}

enum status emit_ints(const struct emitter *e, const int64_t *values, size_t count,
                      value_id *output, struct error *err)
{
    struct shape shape = SHAPE((int64_t)count);

    return graph_constant_i64(e->graph, values, &shape, output, err);
}

enum status emit_number(const struct emitter *e, enum dtype dtype, double number, value_id *output,
                        struct error *err)
{
    struct shape shape = shape_scalar();
    struct tensor tensor;

    TRY(tensor_new(&tensor, dtype, &shape, e->graph->keep, err));
    tensor_set_f64(&tensor, 0, number);
    return graph_constant(e->graph, "", &tensor, output, err);
}

enum status emit_cast(const struct emitter *e, value_id a, enum dtype dtype, value_id *output,
                      struct error *err)
{
    if (emit_dtype(e, a) == dtype) {
        *output = a;
        return STATUS_OK;
    }
    return emit_node(e, "", "Cast", EMIT(a),
                     EMIT_ATTRIBUTES(attribute_of_int("to", dtype_to_onnx(dtype))), output, err);
}

enum status emit_transpose(const struct emitter *e, value_id a, const int64_t *perm, size_t rank,
                           value_id *output, struct error *err)
{
    return emit_node(e, "", "Transpose", EMIT(a),
                     EMIT_ATTRIBUTES(attribute_of_ints("perm", perm, rank)), output, err);
}

enum status emit_reshape(const struct emitter *e, value_id a, const int64_t *dims, size_t rank,
                         value_id *output, struct error *err)
{
    value_id shape;

    TRY(emit_ints(e, dims, rank, &shape, err));
    return emit_2(e, "Reshape", a, shape, output, err);
}

enum status emit_concat(const struct emitter *e, struct emit_inputs inputs, int64_t axis,
                        value_id *output, struct error *err)
{
    return emit_node(e, "", "Concat", inputs, EMIT_ATTRIBUTES(attribute_of_int("axis", axis)),
                     output, err);
}

enum status emit_squeeze(const struct emitter *e, value_id a, int64_t axis, value_id *output,
                         struct error *err)
{
    value_id axes;

    TRY(emit_ints(e, &axis, 1, &axes, err));
    return emit_2(e, "Squeeze", a, axes, output, err);
}

enum status emit_unsqueeze(const struct emitter *e, value_id a, int64_t axis, value_id *output,
                           struct error *err)
{
    value_id axes;

    TRY(emit_ints(e, &axis, 1, &axes, err));
    return emit_2(e, "Unsqueeze", a, axes, output, err);
}

enum status emit_slice(const struct emitter *e, value_id a, int64_t axis, int64_t from, int64_t to,
                       int64_t step, value_id *output, struct error *err)
{
    value_id starts, ends, axes, steps;

    TRY(emit_ints(e, &from, 1, &starts, err));
    TRY(emit_ints(e, &to, 1, &ends, err));
    TRY(emit_ints(e, &axis, 1, &axes, err));
    TRY(emit_ints(e, &step, 1, &steps, err));
    return emit_node(e, "", "Slice", EMIT(a, starts, ends, axes, steps), EMIT_PLAIN, output, err);
}

enum status emit_reduce(const struct emitter *e, const char *op, value_id a, const int64_t *axes,
                        size_t axis_count, bool keep, value_id *output, struct error *err)
{
    value_id list;

    TRY(emit_ints(e, axes, axis_count, &list, err));
    return emit_node(e, "", op, EMIT(a, list), EMIT_ATTRIBUTES(attribute_of_int("keepdims", keep)),
                     output, err);
}

enum status emit_clip(const struct emitter *e, value_id a, double low, double high,
                      value_id *output, struct error *err)
{
    value_id bounds[2] = {VALUE_NONE, VALUE_NONE};

    if (!isinf(low))
        TRY(emit_number(e, emit_dtype(e, a), low, &bounds[0], err));
    if (!isinf(high))
        TRY(emit_number(e, emit_dtype(e, a), high, &bounds[1], err));
    return emit(e, "", "Clip", EMIT(a, bounds[0], bounds[1]).values, isinf(high) ? 2 : 3, NULL, 0,
                output, 1, err);
}

enum status emit_image(const struct emitter *e, const char *op, bool channels_first,
                       const value_id *inputs, size_t input_count,
                       const struct attribute *attributes, size_t attribute_count, value_id *output,
                       struct error *err)
{
    char twin[64];

    if (channels_first)
        return emit(e, "", op, inputs, input_count, attributes, attribute_count, output, 1, err);
    snprintf(twin, sizeof twin, "%sNhwc", op);
    return emit(e, "firn", twin, inputs, input_count, attributes, attribute_count, output, 1, err);
}
