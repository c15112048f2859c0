// SPDX-License-Identifier: Apache-2.0
/* Parts of tensors, from places on that are known or that are computed. */
#include "importers/tensorflow/internal.h"

/* One number of a list: known, or a list of one number. */
struct number {
    bool known;
    int64_t number;
    value_id value;
};

static enum status number_of(struct tf_call *c, size_t input, size_t i, struct number *number,
                             struct error *err)
{
    const struct tensor *known = tf_constant(c, input);
    value_id list;

    *number = (struct number){.value = VALUE_NONE};
    if (known && dtype_is_integer(known->dtype) && i < tensor_count(known)) {
        *number = (struct number){true, tensor_i64(known, i), VALUE_NONE};
        return STATUS_OK;
    }
    TRY(tf_index_list(c, input, &list, err));
    return emit_slice(c->e, list, 0, (int64_t)i, (int64_t)i + 1, 1, &number->value, err);
}

static enum status number_value(struct tf_call *c, struct number *number, value_id *value,
                                struct error *err)
{
    if (number->known && number->value == VALUE_NONE)
        TRY(emit_ints(c->e, &number->number, 1, &number->value, err));
    *value = number->value;
    return STATUS_OK;
}

/* `count` elements along an axis from a number on that is not known before it runs. */
static enum status take_along(struct tf_call *c, value_id *x, int64_t axis, struct number *from,
                              int64_t count, struct error *err)
{
    int64_t *steps = arena_new(c->l->keep, int64_t, (size_t)count);
    value_id first, offsets;

    if (!steps)
        return error_no_memory(err, "a slice");
    for (int64_t i = 0; i < count; i++)
        steps[i] = i;
    TRY(number_value(c, from, &first, err));
    TRY(emit_ints(c->e, steps, (size_t)count, &offsets, err));
    TRY(emit_2(c->e, "Add", first, offsets, &offsets, err));
    return emit_node(c->e, "", "Gather", EMIT(*x, offsets),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), x, err);
}

/* x[from:to:step] along an axis. */
static enum status cut_numbers(struct tf_call *c, value_id *x, int64_t axis, struct number *from,
                               struct number *to, struct number *step, struct error *err)
{
    value_id bounds[3], axes;

    if (from->known && to->known && step->known) {
        if (from->number == 0 && to->number == INT64_MAX && step->number == 1)
            return STATUS_OK;
        return emit_slice(c->e, *x, axis, from->number, to->number, step->number, x, err);
    }
    TRY(number_value(c, from, &bounds[0], err));
    TRY(number_value(c, to, &bounds[1], err));
    TRY(number_value(c, step, &bounds[2], err));
    TRY(emit_ints(c->e, &axis, 1, &axes, err));
    return emit_node(c->e, "", "Slice", EMIT(*x, bounds[0], bounds[1], axes, bounds[2]), EMIT_PLAIN,
                     x, err);
}

enum { TAKEN_MAX = 1 << 16 };

/* What is left behind `begin`, or `size` elements. */
static enum status slice_along(struct tf_call *c, value_id *x, size_t i, struct error *err)
{
    struct number begin, size, end = {true, INT64_MAX, VALUE_NONE}, step = {true, 1, VALUE_NONE};
    value_id from, to, zero, most, open;

    TRY(number_of(c, 1, i, &begin, err));
    TRY(number_of(c, 2, i, &size, err));
    if ((begin.known && begin.number < 0) || (size.known && size.number < -1) ||
        (begin.known && size.known && size.number > INT64_MAX - begin.number))
        return error_set(err, STATUS_INVALID_INPUT, "begins at %lld", (long long)begin.number);
    if (!begin.known && size.known && size.number >= 0 && size.number <= TAKEN_MAX)
        return take_along(c, x, (int64_t)i, &begin, size.number, err);
    if (begin.known && size.known && size.number >= 0)
        end.number = begin.number + size.number;
    if (!size.known || (!begin.known && size.number >= 0)) {
        TRY(number_value(c, &begin, &from, err));
        TRY(number_value(c, &size, &to, err));
        TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
        TRY(EMIT_INTS(c->e, &most, err, INT64_MAX));
        TRY(emit_2(c->e, "Less", to, zero, &open, err));
        TRY(emit_2(c->e, "Add", from, to, &to, err));
        TRY(emit_where(c->e, open, most, to, &to, err));
        end = (struct number){false, 0, to};
    }
    return cut_numbers(c, x, (int64_t)i, &begin, &end, &step, err);
}

static enum status slice_known(struct tf_call *c, struct error *err)
{
    int64_t sizes[RANK_MAX], begins[RANK_MAX], ends[RANK_MAX];
    value_id from, to, y;
    size_t count, begin_count;

    TRY(tf_known_ints(c, 1, begins, RANK_MAX, &begin_count, err));
    TRY(tf_known_ints(c, 2, sizes, RANK_MAX, &count, err));
    if (count != begin_count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu begins, %zu sizes", begin_count, count);
    for (size_t i = 0; i < count; i++) {
        if (begins[i] < 0 || sizes[i] < -1 || sizes[i] > INT64_MAX - begins[i])
            return error_set(err, STATUS_INVALID_INPUT, "begins at %lld", (long long)begins[i]);
        ends[i] = sizes[i] < 0 ? INT64_MAX : begins[i] + sizes[i];
    }
    TRY(emit_ints(c->e, begins, count, &from, err));
    TRY(emit_ints(c->e, ends, count, &to, err));
    TRY(emit_node(c->e, "", "Slice", EMIT(c->in[0], from, to), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

/* x[begin : begin + size]; a size of -1 is all that is left. */
static enum status slice(struct tf_call *c, struct error *err)
{
    value_id y = c->in[0];
    int rank;

    if (tf_constant(c, 1) && tf_constant(c, 2))
        return slice_known(c, err);
    TRY(tf_rank(c, 0, &rank, err));
    for (size_t i = 1; i < 3; i++) {
        const struct shape *shape = emit_shape(c->e, c->in[i]);

        if (shape->rank != 1 || (shape->dims[0] >= 0 && shape->dims[0] != rank))
            return error_set(err, STATUS_INVALID_INPUT, "input %zu is not one number a dimension",
                             i);
    }
    for (int i = 0; i < rank; i++)
        TRY(slice_along(c, &y, (size_t)i, err));
    if (y == c->in[0])
        TRY(emit_1(c->e, "Identity", y, &y, err));
    return tf_give(c, y);
}

/* --- StridedSlice: masks say, bit by bit, what an item of begin, end and strides means --- */

struct masks {
    int64_t begin, end, ellipsis, new_axis, shrink;
};

static enum status masks_read(const struct tf_call *c, struct masks *masks, struct error *err)
{
    TRY(tf_int(c->node, "begin_mask", 0, &masks->begin, err));
    TRY(tf_int(c->node, "end_mask", 0, &masks->end, err));
    TRY(tf_int(c->node, "ellipsis_mask", 0, &masks->ellipsis, err));
    TRY(tf_int(c->node, "new_axis_mask", 0, &masks->new_axis, err));
    return tf_int(c->node, "shrink_axis_mask", 0, &masks->shrink, err);
}

/* How many items begin, end and strides have: one of them says. */
static enum status items_count(const struct tf_call *c, size_t *count, struct error *err)
{
    int64_t found = -1;

    for (size_t i = 1; i < 4; i++) {
        const struct shape *shape = emit_shape(c->e, c->in[i]);

        if (shape->rank != 1 || shape->dims[0] < 0)
            continue;
        if (found >= 0 && found != shape->dims[0])
            return error_set(err, STATUS_INVALID_INPUT,
                             "begin, end and strides have different sizes");
        found = shape->dims[0];
    }
    if (found < 0 || found > 2 * RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "how many dimensions it slices is not known");
    *count = (size_t)found;
    return STATUS_OK;
}

/* Item i of begin, end and strides, for one dimension. */
static enum status item_cut(struct tf_call *c, const struct masks *masks, size_t i, int64_t axis,
                            value_id *x, struct error *err)
{
    struct number begin, end, stride;
    bool shrink = masks->shrink >> i & 1;

    TRY(number_of(c, 1, i, &begin, err));
    TRY(number_of(c, 2, i, &end, err));
    TRY(number_of(c, 3, i, &stride, err));
    if (stride.known && (!stride.number || (shrink && stride.number < 0)))
        return error_set(err, STATUS_INVALID_INPUT, "item %zu fits no dimension", i);
    if (shrink && !begin.known)
        return take_along(c, x, axis, &begin, 1, err);
    if (shrink) {
        end = (struct number){true, begin.number == -1 ? INT64_MAX : begin.number + 1, VALUE_NONE};
        stride = (struct number){true, 1, VALUE_NONE};
    } else if ((masks->begin >> i & 1 || masks->end >> i & 1) && !stride.known) {
        return error_set(err, STATUS_UNSUPPORTED, "the stride of item %zu is not known", i);
    }
    if (!shrink && masks->begin >> i & 1)
        begin = (struct number){true, stride.number > 0 ? 0 : INT64_MAX, VALUE_NONE};
    if (!shrink && masks->end >> i & 1)
        end = (struct number){true, stride.number > 0 ? INT64_MAX : INT64_MIN, VALUE_NONE};
    return cut_numbers(c, x, axis, &begin, &end, &stride, err);
}

/* The private operator, whose rank may show when it runs. */
static enum status strided_slice_later(struct tf_call *c, const char *op, const struct masks *masks,
                                       struct error *err)
{
    value_id y;

    TRY(emit(c->e, "firn", op, c->in, c->in_count,
             (struct attribute[]){attribute_of_int("begin", masks->begin),
                                  attribute_of_int("end", masks->end),
                                  attribute_of_int("ellipsis", masks->ellipsis),
                                  attribute_of_int("new_axis", masks->new_axis),
                                  attribute_of_int("shrink", masks->shrink)},
             5, &y, 1, err));
    return tf_give(c, y);
}

static enum status strided_slice_update(struct tf_call *c, struct error *err)
{
    struct masks masks;

    TRY(masks_read(c, &masks, err));
    return strided_slice_later(c, "StridedSliceUpdate", &masks, err);
}

static enum status strided_slice(struct tf_call *c, struct error *err)
{
    int64_t axis = 0, made = 0, drops[2 * RANK_MAX], adds[2 * RANK_MAX];
    size_t count = 0, drop_count = 0, add_count = 0, used = 0;
    struct masks masks;
    value_id y = c->in[0], list;
    int rank;

    TRY(masks_read(c, &masks, err));
    rank = emit_shape(c->e, c->in[0])->rank;
    if (rank < 0 || !tf_constant(c, 3))
        return strided_slice_later(c, "StridedSlice", &masks, err);
    TRY(items_count(c, &count, err));
    for (size_t i = 0; i < count; i++)
        used += !(masks.new_axis >> i & 1) && !(masks.ellipsis >> i & 1);
    for (size_t i = 0; i < count; i++) {
        if (masks.ellipsis >> i & 1) {
            int64_t skipped = rank - (int64_t)used;

            axis += skipped > 0 ? skipped : 0;
            made += skipped > 0 ? skipped : 0;
            continue;
        }
        if (masks.new_axis >> i & 1) {
            adds[add_count++] = made++;
            continue;
        }
        if (axis >= rank)
            return error_set(err, STATUS_INVALID_INPUT, "item %zu fits no dimension", i);
        if (masks.shrink >> i & 1)
            drops[drop_count++] = axis;
        else
            made++;
        TRY(item_cut(c, &masks, i, axis, &y, err));
        axis++;
    }
    if (drop_count) {
        TRY(emit_ints(c->e, drops, drop_count, &list, err));
        TRY(emit_2(c->e, "Squeeze", y, list, &y, err));
    }
    if (add_count) {
        TRY(emit_ints(c->e, adds, add_count, &list, err));
        TRY(emit_2(c->e, "Unsqueeze", y, list, &y, err));
    }
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_slice =
    TF_OP_SET({.name = "Slice", .lower = slice, .inputs = 3},
              {.name = "StridedSlice", .lower = strided_slice, .inputs = 4},
              {.name = "TensorStridedSliceUpdate", .lower = strided_slice_update, .inputs = 5}, );
