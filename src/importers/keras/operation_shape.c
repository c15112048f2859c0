// SPDX-License-Identifier: Apache-2.0
/* keras.ops that move elements: shapes, order, joining, cutting, indexing. */
#include "base/text.h"
#include "importers/keras/internal.h"

/* Tensors of several dtypes become what they promote to. */
static enum status one_dtype(struct call *c, value_id *values, size_t count, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, values[0]);

    for (size_t i = 1; i < count; i++)
        dtype = dtype_promote(dtype, emit_dtype(c->e, values[i]));
    for (size_t i = 0; i < count; i++)
        TRY(emit_cast(c->e, values[i], dtype, &values[i], err));
    return STATUS_OK;
}

/* All tensors of the first argument. */
static enum status list_of(struct call *c, const value_id **list, size_t *count, struct error *err)
{
    value_id *values = arena_new(c->k->keep, value_id, c->in_count ? c->in_count : 1);

    if (!values)
        return error_no_memory(err, "an operation");
    if (!c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has no tensors");
    for (size_t i = 0; i < c->in_count; i++)
        values[i] = c->in[i].value;
    seen_positional(c);
    TRY(one_dtype(c, values, c->in_count, err));
    *list = values;
    *count = c->in_count;
    return STATUS_OK;
}

/* --- shapes --- */

/* A dimension that is null is that of the input. */
static enum status reshape(struct call *c, struct error *err)
{
    const struct json *shape = operand_option(c, 1, "newshape shape");
    int64_t dims[RANK_MAX] = {0};
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    if (!shape || shape->kind != JSON_ARRAY || shape->count > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "a shape that is no list of numbers");
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->items[i].kind == JSON_NULL)
            dims[i] = -1;
        else if (!json_i64(&shape->items[i], &dims[i]) || dims[i] < -1 || dims[i] == 0)
            return error_set(err, STATUS_UNSUPPORTED, "a shape that is no list of numbers");
    }
    TRY(emit_reshape(c->e, x, dims, shape->count, &y, err));
    return call_give(c, y);
}

static enum status ravel(struct call *c, struct error *err)
{
    static const int64_t ALL = -1;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(emit_reshape(c->e, x, &ALL, 1, &y, err));
    return call_give(c, y);
}

static enum status transpose(struct call *c, struct error *err)
{
    int64_t perm[RANK_MAX];
    size_t count;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "axes perm", perm, RANK_MAX, &count, err));
    for (int i = 0; !count && i < rank; i++)
        perm[i] = rank - 1 - i;
    for (size_t i = 0; i < count; i++)
        TRY(axis_within(&perm[i], rank, err));
    TRY(emit_transpose(c->e, x, perm, (size_t)rank, &y, err));
    return call_give(c, y);
}

static enum status swap_axes(struct call *c, struct error *err)
{
    int64_t perm[RANK_MAX], a, b;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "axis1", 0, &a, err));
    TRY(option_int(c, 2, "axis2", 1, &b, err));
    TRY(axis_within(&a, rank, err));
    TRY(axis_within(&b, rank, err));
    for (int i = 0; i < rank; i++)
        perm[i] = i == a ? b : i == b ? a : i;
    TRY(emit_transpose(c->e, x, perm, (size_t)rank, &y, err));
    return call_give(c, y);
}

static enum status move_axis(struct call *c, struct error *err)
{
    int64_t from[RANK_MAX], to[RANK_MAX], perm[RANK_MAX];
    bool used[RANK_MAX] = {false};
    size_t from_count, to_count;
    value_id x, y;
    int rank, at = 0;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "source", from, RANK_MAX, &from_count, err));
    TRY(option_ints(c, 2, "destination", to, RANK_MAX, &to_count, err));
    if (from_count != to_count)
        return error_set(err, STATUS_INVALID_INPUT, "moves %zu axes to %zu", from_count, to_count);
    for (int i = 0; i < rank; i++)
        perm[i] = -1;
    for (size_t i = 0; i < from_count; i++) {
        TRY(axis_within(&from[i], rank, err));
        TRY(axis_within(&to[i], rank, err));
        perm[to[i]] = from[i];
        used[from[i]] = true;
    }
    for (int i = 0; i < rank; i++) {
        if (perm[i] >= 0)
            continue;
        while (at < rank && used[at])
            at++;
        if (at == rank)
            return error_set(err, STATUS_INVALID_INPUT, "moves an axis twice");
        perm[i] = at++;
    }
    TRY(emit_transpose(c->e, x, perm, (size_t)rank, &y, err));
    return call_give(c, y);
}

static enum status expand_dims(struct call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    size_t count;
    value_id x, list, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "axis", axes, RANK_MAX, &count, err));
    TRY(emit_ints(c->e, axes, count, &list, err));
    TRY(emit_2(c->e, "Unsqueeze", x, list, &y, err));
    return call_give(c, y);
}

static enum status squeeze(struct call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    size_t count;
    value_id x, list, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "axis squeeze_dims", axes, RANK_MAX, &count, err));
    for (int d = 0; !count && d < rank; d++)
        if (emit_shape(c->e, x)->dims[d] < 0 && d)
            return error_set(err, STATUS_UNSUPPORTED, "dimension %d of its input is not known", d);
    for (int d = 1; !count && d < rank; d++)
        if (emit_shape(c->e, x)->dims[d] == 1)
            axes[count++] = d;
    if (!count)
        return call_give(c, x);
    TRY(emit_ints(c->e, axes, count, &list, err));
    TRY(emit_2(c->e, "Squeeze", x, list, &y, err));
    return call_give(c, y);
}

static enum status broadcast_to(struct call *c, struct error *err)
{
    int64_t dims[RANK_MAX];
    size_t count;
    value_id x, list, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "shape", dims, RANK_MAX, &count, err));
    TRY(emit_ints(c->e, dims, count, &list, err));
    TRY(emit_2(c->e, "Expand", x, list, &y, err));
    return call_give(c, y);
}

/* --- order, repetition --- */

static enum status flip(struct call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    size_t count;
    value_id x;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "axis", axes, RANK_MAX, &count, err));
    if (call_is(c, "Fliplr") || call_is(c, "Flipud"))
        axes[count++] = call_is(c, "Fliplr");
    for (int d = 0; !count && d < rank; d++)
        axes[d] = d;
    count = count ? count : (size_t)rank;
    for (size_t i = 0; i < count; i++)
        TRY(emit_slice(c->e, x, axes[i], INT64_MAX, INT64_MIN, -1, &x, err));
    return call_give(c, x);
}

/* k quarters of a turn, from the first of two axes to the second. */
static enum status rotate(struct call *c, struct error *err)
{
    int64_t k, axes[RANK_MAX] = {0, 1}, perm[RANK_MAX];
    const int64_t *sides;
    size_t count;
    value_id x;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "k", 1, &k, err));
    TRY(option_ints(c, 2, "axes", axes, RANK_MAX, &count, err));
    if (count && count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "turns %zu axes", count);
    for (int i = 0; i < 2; i++)
        TRY(axis_within(&axes[i], rank, err));
    if (axes[0] == axes[1])
        return error_set(err, STATUS_INVALID_INPUT, "turns one axis");
    k = (k % 4 + 4) % 4;
    sides = emit_shape(c->e, x)->dims;
    if (k == 2 && (sides[axes[0]] < 1 || sides[axes[0]] != sides[axes[1]]))
        return error_set(err, STATUS_UNSUPPORTED,
                         "half a turn of sides that are not equal, which Keras' backends do "
                         "differently");
    for (int d = 0; d < rank; d++)
        perm[d] = d == axes[0] ? axes[1] : d == axes[1] ? axes[0] : d;
    if (k == 1 || k == 2)
        TRY(emit_slice(c->e, x, axes[1], INT64_MAX, INT64_MIN, -1, &x, err));
    if (k == 2)
        TRY(emit_slice(c->e, x, axes[0], INT64_MAX, INT64_MIN, -1, &x, err));
    if (k == 1 || k == 3)
        TRY(emit_transpose(c->e, x, perm, (size_t)rank, &x, err));
    if (k == 3)
        TRY(emit_slice(c->e, x, axes[1], INT64_MAX, INT64_MIN, -1, &x, err));
    return call_give(c, x);
}

static enum status tile(struct call *c, struct error *err)
{
    int64_t times[RANK_MAX], full[RANK_MAX];
    size_t count;
    value_id x, list, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "repeats multiples", times, RANK_MAX, &count, err));
    for (; rank < (int)count; rank++)
        TRY(emit_unsqueeze(c->e, x, 0, &x, err));
    for (int d = 0; d < rank; d++)
        full[d] = d < rank - (int)count ? 1 : times[d - (rank - (int)count)];
    TRY(emit_ints(c->e, full, (size_t)rank, &list, err));
    TRY(emit_2(c->e, "Tile", x, list, &y, err));
    return call_give(c, y);
}

static bool axis_zero(struct call *c)
{
    int64_t axis;

    return json_i64(operand_option(c, 2, "axis"), &axis) && axis == 0;
}

/* Rows, of whatever number: (n, ...) -> (n, 1, ...) -> (n, times, ...) -> (n times, ...). */
static enum status repeat_rows(struct call *c, value_id x, int rank, int64_t times,
                               struct error *err)
{
    const struct shape shape = *emit_shape(c->e, x);
    int64_t repeats[RANK_MAX], dims[RANK_MAX] = {-1};
    value_id list, y;

    for (int d = 1; d < rank; d++) {
        dims[d] = shape.dims[d];
        if (dims[d] < 1)
            return error_set(err, STATUS_UNSUPPORTED, "dimension %d of its input is not known", d);
    }
    if (rank + 1 > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%d dimensions", rank);
    for (int d = 0; d <= rank; d++)
        repeats[d] = d == 1 ? times : 1;
    TRY(emit_unsqueeze(c->e, x, 1, &x, err));
    TRY(emit_ints(c->e, repeats, (size_t)rank + 1, &list, err));
    TRY(emit_2(c->e, "Tile", x, list, &y, err));
    TRY(emit_reshape(c->e, y, dims, (size_t)rank, &y, err));
    return call_give(c, y);
}

/* Each element n times: a dimension of n behind it, then joined with it. */
static enum status repeat(struct call *c, struct error *err)
{
    int64_t times, axis, repeats[RANK_MAX], dims[RANK_MAX];
    value_id x, list, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "repeats", -1, &times, err));
    if (operand_option(c, 2, "axis") && axis_zero(c) && times >= 0 && times < 1 << 16)
        return repeat_rows(c, x, rank, times, err);
    if (!operand_option(c, 2, "axis") || times < 0 || rank + 1 > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "'repeats' or 'axis' is no number");
    TRY(option_axis(c, 2, 0, rank, &axis, err));
    if (axis == 0 || emit_shape(c->e, x)->dims[axis] < 0)
        return error_set(err, STATUS_UNSUPPORTED, "axis %lld", (long long)axis);
    for (int d = 0; d <= rank; d++)
        repeats[d] = d == axis + 1 ? times : 1;
    for (int d = 0; d < rank; d++)
        dims[d] = d == axis ? emit_shape(c->e, x)->dims[d] * times : 0;
    TRY(emit_unsqueeze(c->e, x, axis + 1, &x, err));
    TRY(emit_ints(c->e, repeats, (size_t)rank + 1, &list, err));
    TRY(emit_2(c->e, "Tile", x, list, &y, err));
    /* Reshape's zeros copy the dimension of the same place, which is true up to the axis */
    for (int d = (int)axis + 1; d < rank; d++) {
        dims[d] = emit_shape(c->e, x)->dims[d + 1];
        if (dims[d] < 0)
            return error_set(err, STATUS_UNSUPPORTED, "dimension %d of its input is not known", d);
    }
    TRY(emit_reshape(c->e, y, dims, (size_t)rank, &y, err));
    return call_give(c, y);
}

static enum status roll(struct call *c, struct error *err)
{
    int64_t shift[RANK_MAX], axes[RANK_MAX];
    size_t count, axis_count;
    value_id x, head, tail;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "shift", shift, RANK_MAX, &count, err));
    TRY(option_ints(c, 2, "axis", axes, RANK_MAX, &axis_count, err));
    if (!count || count != axis_count)
        return error_set(err, STATUS_UNSUPPORTED, "'shift' and 'axis' are no numbers");
    for (size_t i = 0; i < count; i++) {
        int64_t size, by;

        TRY(axis_within(&axes[i], rank, err));
        size = emit_shape(c->e, x)->dims[axes[i]];
        if (size < 1)
            return error_set(err, STATUS_UNSUPPORTED, "dimension %lld of its input is not known",
                             (long long)axes[i]);
        by = (shift[i] % size + size) % size;
        if (!by)
            continue;
        TRY(emit_slice(c->e, x, axes[i], size - by, size, 1, &head, err));
        TRY(emit_slice(c->e, x, axes[i], 0, size - by, 1, &tail, err));
        TRY(emit_concat(c->e, EMIT(head, tail), axes[i], &x, err));
    }
    return call_give(c, x);
}

/* --- joining, cutting --- */

static enum status concatenate(struct call *c, struct error *err)
{
    const value_id *list;
    size_t count;
    int64_t axis;
    value_id y;
    int rank;

    TRY(list_of(c, &list, &count, err));
    rank = emit_shape(c->e, list[0])->rank;
    if (c->arguments->parts[0].value->kind == JSON_ARRAY && c->k->generation >= 3 &&
        c->arguments->parts[0].value->count != count)
        return error_set(err, STATUS_UNSUPPORTED, "joins what is no tensor");
    TRY(option_axis(c, 1, call_is(c, "Vstack") ? 0 : -1, rank, &axis, err));
    if (call_is(c, "Hstack"))
        axis = rank > 1;
    if (call_is(c, "Dstack")) {
        if (rank < 3)
            return error_set(err, STATUS_UNSUPPORTED, "tensors of %d dimensions", rank);
        axis = 2;
    }
    TRY(emit_concat(c->e, (struct emit_inputs){list, count}, axis, &y, err));
    return call_give(c, y);
}

static enum status append(struct call *c, struct error *err)
{
    const struct json *given = operand_option(c, 2, "axis");
    value_id in[2], y;
    int64_t axis;
    int rank;

    TRY(operands_2(c, in, err));
    rank = emit_shape(c->e, in[0])->rank;
    if (!given || given->kind == JSON_NULL || rank < 1 || emit_shape(c->e, in[1])->rank != rank)
        return error_set(err, STATUS_UNSUPPORTED, "has no axis");
    TRY(option_axis(c, 2, 0, rank, &axis, err));
    TRY(emit_concat(c->e, EMIT(in[0], in[1]), axis, &y, err));
    return call_give(c, y);
}

static enum status stack(struct call *c, struct error *err)
{
    const value_id *list;
    value_id *raised, y;
    size_t count;
    int64_t axis;
    int rank;

    TRY(list_of(c, &list, &count, err));
    rank = emit_shape(c->e, list[0])->rank;
    TRY(option_axis(c, 1, 0, rank + 1, &axis, err));
    raised = arena_new(c->k->keep, value_id, count);
    if (!raised)
        return error_no_memory(err, "an operation");
    for (size_t i = 0; i < count; i++)
        TRY(emit_unsqueeze(c->e, list[i], axis, &raised[i], err));
    TRY(emit_concat(c->e, (struct emit_inputs){raised, count}, axis, &y, err));
    return call_give(c, y);
}

/* Into n equal parts, or before these places; TensorFlow gives sizes. */
static enum status split(struct call *c, struct error *err)
{
    bool array = call_is(c, "ArraySplit");
    int64_t at[LAYER_OUTPUTS_MAX], axis, size, from = 0;
    size_t count;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_axis(c, 2, 0, rank, &axis, err));
    if (strlen(c->class_name) == strlen("Hsplit")) /* V, H, D: 0, 1, 2 */
        axis = *c->class_name == 'V' ? 0 : *c->class_name == 'H' ? rank > 1 : 2;
    if (axis >= rank)
        return error_set(err, STATUS_INVALID_INPUT, "its input has %d dimensions", rank);
    size = emit_shape(c->e, x)->dims[axis];
    TRY(option_ints(c, 1, "indices_or_sections num_or_size_splits", at, LAYER_OUTPUTS_MAX, &count,
                    err));
    if (!count || size < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the size along its axis is not known");
    if (operand_option(c, 1, "indices_or_sections num_or_size_splits")->kind != JSON_ARRAY) {
        int64_t parts = at[0];

        if (parts < 1 || parts > LAYER_OUTPUTS_MAX || (size % parts && !array))
            return error_set(err, STATUS_UNSUPPORTED, "%lld parts of %lld", (long long)parts,
                             (long long)size);
        count = (size_t)parts - 1;
        for (size_t i = 0; i < count; i++) /* the first ones are longer */
            at[i] = (int64_t)(i + 1) * (size / parts) +
                    ((int64_t)i + 1 < size % parts ? (int64_t)i + 1 : size % parts);
    } else if (c->k->generation < 3) {
        for (size_t i = 1; i < count; i++)
            at[i] += at[i - 1];
        count--;
    }
    for (size_t i = 0; i <= count; i++) {
        int64_t to = i < count ? at[i] : size;

        TRY(emit_slice(c->e, x, axis, from, to, 1, &y, err));
        TRY(call_add(c, y, VALUE_NONE, err));
        from = to;
    }
    return STATUS_OK;
}

static enum status unstack(struct call *c, struct error *err)
{
    int64_t axis, size;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_axis(c, 2, 0, rank, &axis, err));
    size = emit_shape(c->e, x)->dims[axis];
    if (size < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the size along its axis is not known");
    for (int64_t i = 0; i < size; i++) {
        TRY(emit_slice(c->e, x, axis, i, i + 1, 1, &y, err));
        TRY(emit_squeeze(c->e, y, axis, &y, err));
        TRY(call_add(c, y, VALUE_NONE, err));
    }
    return STATUS_OK;
}

/* The edge is mirrored with itself: dimension by dimension, by places. */
static enum status pad_symmetric(struct call *c, value_id x, const int64_t *pads, int rank,
                                 struct error *err)
{
    for (int d = 0; d < rank; d++) {
        int64_t size = emit_shape(c->e, x)->dims[d], before = pads[d], after = pads[rank + d];
        int64_t *places;
        value_id index;

        if (!before && !after)
            continue;
        if (size < 1 || before < 0 || after < 0 || before > size || after > size)
            return error_set(err, STATUS_UNSUPPORTED, "mode symmetric of a dimension of %lld",
                             (long long)size);
        places = arena_new(c->k->keep, int64_t, (size_t)(before + size + after));
        if (!places)
            return error_no_memory(err, "an operation");
        for (int64_t i = -before; i < size + after; i++)
            places[before + i] = i < 0 ? -1 - i : i < size ? i : 2 * size - 1 - i;
        TRY(emit_ints(c->e, places, (size_t)(before + size + after), &index, err));
        TRY(emit_node(c->e, "", "Gather", EMIT(x, index),
                      EMIT_ATTRIBUTES(attribute_of_int("axis", d)), &x, err));
    }
    return call_give(c, x);
}

/* One pair of numbers for all dimensions, a pair for each, or one number. */
static enum status pad(struct call *c, struct error *err)
{
    const struct json *width = operand_option(c, 1, "pad_width paddings");
    const struct json *mode = operand_option(c, 2, "mode"), *value;
    int64_t pads[2 * RANK_MAX];
    struct bytes word = bytes_of("constant");
    value_id x, list, fill, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    for (int d = 0; d < rank; d++)
        for (int end = 0; end < 2; end++) {
            const struct json *at = width;

            if (at && at->kind == JSON_ARRAY && at->count && at->items[0].kind == JSON_ARRAY)
                at = at->count == 1 ? &at->items[0] : (size_t)d < at->count ? &at->items[d] : NULL;
            if (at && at->kind == JSON_ARRAY)
                at = at->count == 2 ? &at->items[end] : NULL;
            if (!json_i64(at, &pads[end * rank + d]))
                return error_set(err, STATUS_UNSUPPORTED, "a width that is no pair of numbers");
        }
    json_string(mode, &word);
    if (bytes_is(word, "CONSTANT"))
        word = bytes_of("constant");
    if (bytes_is(word, "symmetric") || bytes_is(word, "SYMMETRIC"))
        return pad_symmetric(c, x, pads, rank, err);
    if (bytes_is(word, "REFLECT"))
        word = bytes_of("reflect");
    if (!bytes_is(word, "constant") && !bytes_is(word, "reflect") && !bytes_is(word, "edge"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'mode' is not supported");
    value = operand_option(c, 3, "constant_values");
    if (value && value->kind == JSON_ARRAY)
        return error_set(err, STATUS_UNSUPPORTED, "several constant_values");
    TRY(emit_ints(c->e, pads, 2 * (size_t)rank, &list, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), option_number(c, 3, "constant_values", 0), &fill,
                    err));
    TRY(emit_node(c->e, "", "Pad", EMIT(x, list, fill),
                  EMIT_ATTRIBUTES(attribute_of_text("mode", bytes_is(word, "constant") ? "constant"
                                                            : bytes_is(word, "edge")   ? "edge"
                                                                                     : "reflect")),
                  &y, err));
    return call_give(c, y);
}

const struct layer_set layers_operation_shape = OPERATION_SET(
    {.name = "Reshape", .lower = reshape}, {.name = "Ravel", .lower = ravel},
    {.name = "Transpose", .lower = transpose}, {.name = "Swapaxes", .lower = swap_axes},
    {.name = "Moveaxis", .lower = move_axis}, {.name = "ExpandDims", .lower = expand_dims},
    {.name = "Squeeze", .lower = squeeze}, {.name = "BroadcastTo", .lower = broadcast_to},
    {.name = "Flip", .lower = flip}, {.name = "Fliplr", .lower = flip},
    {.name = "Flipud", .lower = flip}, {.name = "Rot90", .lower = rotate},
    {.name = "Tile", .lower = tile}, {.name = "Repeat", .lower = repeat},
    {.name = "Roll", .lower = roll}, {.name = "Concatenate", .lower = concatenate},
    {.name = "Vstack", .lower = concatenate}, {.name = "Hstack", .lower = concatenate},
    {.name = "Dstack", .lower = concatenate}, {.name = "Append", .lower = append},
    {.name = "Stack", .lower = stack}, {.name = "Split", .lower = split},
    {.name = "ArraySplit", .lower = split}, {.name = "Hsplit", .lower = split},
    {.name = "Vsplit", .lower = split}, {.name = "Dsplit", .lower = split},
    {.name = "Unstack", .lower = unstack}, {.name = "Pad", .lower = pad}, );
