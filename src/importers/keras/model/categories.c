// SPDX-License-Identifier: Apache-2.0
/* Categories as vectors, as Keras encodes them (keras/src/utils/numerical_utils.py). */
#include "importers/keras/internal.h"

/* Negative indices are of no category; ONNX would count them from the end. */
enum status one_hot_emit(struct call *c, value_id index, int64_t depth, int64_t axis,
                         enum dtype dtype, value_id *y, struct error *err)
{
    value_id zero, size, none, values;
    struct shape shape = SHAPE(2);
    struct tensor ends;

    TRY(emit_number(c->e, emit_dtype(c->e, index), 0, &zero, err));
    TRY(emit_number(c->e, emit_dtype(c->e, index), (double)depth, &size, err));
    TRY(emit_2(c->e, "Less", index, zero, &none, err));
    TRY(emit_where(c->e, none, size, index, &index, err));
    TRY(tensor_new(&ends, dtype, &shape, c->k->keep, err));
    tensor_set_f64(&ends, 1, 1);
    TRY(emit_constant(c->e, &ends, &values, err));
    return emit_node(c->e, "", "OneHot", EMIT(index, size, values),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), y, err);
}

/* How often each category is in a row; (batch, n) -> (batch, depth). */
static enum status count(struct call *c, value_id index, int64_t depth, value_id weights,
                         bool binary, enum dtype dtype, value_id *y, struct error *err)
{
    int64_t axis = 1;

    if (emit_shape(c->e, index)->rank < 2)
        return error_set(err, STATUS_UNSUPPORTED, "categories of %d dimensions are not counted",
                         emit_shape(c->e, index)->rank);
    TRY(one_hot_emit(c, index, depth, -1, dtype, y, err));
    if (weights != VALUE_NONE) {
        TRY(emit_cast(c->e, weights, dtype, &weights, err));
        TRY(emit_unsqueeze(c->e, weights, -1, &weights, err));
        TRY(emit_2(c->e, "Mul", *y, weights, y, err));
    }
    return emit_reduce(c->e, binary ? "ReduceMax" : "ReduceSum", *y, &axis, 1, false, y, err);
}

enum status categories_encode(struct call *c, value_id index, struct bytes mode, int64_t depth,
                              value_id weights, enum dtype dtype, value_id *y, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, index);

    if (config_bool_or(c, "sparse", NULL, false))
        return error_set(err, STATUS_UNSUPPORTED, "its output is sparse");
    if (bytes_is(mode, "int"))
        return emit_cast(c->e, index, dtype, y, err);
    if (depth < 1 || depth > 1 << 24)
        return error_set(err, STATUS_UNSUPPORTED, "has %lld categories", (long long)depth);
    TRY(emit_cast(c->e, index, DTYPE_I64, &index, err));
    shape = emit_shape(c->e, index);
    if (bytes_is(mode, "one_hot")) {
        if (shape->rank > 1 && shape->dims[shape->rank - 1] == 1)
            TRY(emit_squeeze(c->e, index, -1, &index, err));
        return one_hot_emit(c, index, depth, -1, dtype, y, err);
    }
    if (bytes_is(mode, "multi_hot") || bytes_is(mode, "binary"))
        return count(c, index, depth, VALUE_NONE, true, dtype, y, err);
    if (bytes_is(mode, "count"))
        return count(c, index, depth, weights, false, dtype, y, err);
    return error_set(err, STATUS_UNSUPPORTED, "its 'output_mode' is not supported");
}
