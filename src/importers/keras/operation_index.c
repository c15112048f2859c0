// SPDX-License-Identifier: Apache-2.0
/* keras.ops that pick elements: by indices, slices, triangles; and what is filled with one number.
 */
#include "base/text.h"
#include "importers/keras/internal.h"

/* --- picking --- */

static enum status take_(struct call *c, struct error *err)
{
    const struct json *axis_given = operand_option(c, 2, "axis");
    value_id x, index, y;
    int64_t axis = 0;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(operand_tensor(c, 1, "indices", &index, err));
    if (!dtype_is_integer(emit_dtype(c->e, index)))
        return error_set(err, STATUS_UNSUPPORTED, "indices that are no integers");
    if (axis_given && axis_given->kind != JSON_NULL)
        TRY(option_axis(c, 2, 0, rank, &axis, err));
    else if (c->k->generation >= 3) /* of all elements */
        TRY(emit_reshape(c->e, x, (const int64_t[]){-1}, 1, &x, err));
    TRY(emit_node(c->e, "", "Gather", EMIT(x, index),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), &y, err));
    return call_give(c, y);
}

static enum status take_along_axis(struct call *c, struct error *err)
{
    value_id x, index, y;
    int64_t axis;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(operand_tensor(c, 1, "indices", &index, err));
    TRY(option_axis(c, 2, -1, rank, &axis, err));
    TRY(emit_node(c->e, "", "GatherElements", EMIT(x, index),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), &y, err));
    return call_give(c, y);
}

static enum status slice(struct call *c, struct error *err)
{
    int64_t start[RANK_MAX], size[RANK_MAX];
    size_t starts, sizes;
    value_id x;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "start_indices begin", start, RANK_MAX, &starts, err));
    TRY(option_ints(c, 2, "shape size", size, RANK_MAX, &sizes, err));
    if (starts != (size_t)rank || sizes != (size_t)rank)
        return error_set(err, STATUS_UNSUPPORTED, "a slice of other dimensions");
    for (int d = 0; d < rank; d++)
        if (start[d] < 0 || start[d] > INT64_C(1) << 40 || size[d] > INT64_C(1) << 40)
            return error_set(err, STATUS_UNSUPPORTED, "a slice from %lld", (long long)start[d]);
    for (int d = 0; d < rank; d++)
        TRY(emit_slice(c->e, x, d, start[d], size[d] < 0 ? INT64_MAX : start[d] + size[d], 1, &x,
                       err));
    return call_give(c, x);
}

/* A block of other numbers at these indices. */
static enum status slice_update(struct call *c, struct error *err)
{
    const struct shape *shape, *block;
    int64_t start[RANK_MAX];
    value_id x, part, y;
    size_t starts;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_ints(c, 1, "start_indices", start, RANK_MAX, &starts, err));
    TRY(operand_tensor(c, 2, "updates", &part, err));
    shape = emit_shape(c->e, x);
    block = emit_shape(c->e, part);
    if (starts != (size_t)rank || block->rank != rank ||
        emit_dtype(c->e, x) != emit_dtype(c->e, part))
        return error_set(err, STATUS_UNSUPPORTED, "a block of other dimensions, or another dtype");
    y = part;
    for (int d = rank - 1; d >= 0; d--) { /* what is before and behind, of what the block is in */
        value_id before = x, after = x;

        if (block->dims[d] < 0 || start[d] < 0 || start[d] > INT64_C(1) << 40 ||
            (d && (shape->dims[d] < 0 || start[d] + block->dims[d] > shape->dims[d])))
            return error_set(err, STATUS_UNSUPPORTED, "a block that is not known to be inside");
        for (int e = 0; e < d; e++)
            TRY(emit_slice(c->e, before, e, start[e], start[e] + block->dims[e], 1, &before, err));
        after = before;
        TRY(emit_slice(c->e, before, d, 0, start[d], 1, &before, err));
        TRY(emit_slice(c->e, after, d, start[d] + block->dims[d], INT64_MAX, 1, &after, err));
        TRY(emit_concat(c->e, EMIT(before, y, after), d, &y, err));
    }
    return call_give(c, y);
}

static enum status triangle(struct call *c, struct error *err)
{
    value_id x, diagonal, y;
    int64_t k;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "k", 0, &k, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)k, &diagonal, err));
    TRY(emit_node(c->e, "", "Trilu", EMIT(x, diagonal),
                  EMIT_ATTRIBUTES(attribute_of_int("upper", call_is(c, "Triu"))), &y, err));
    return call_give(c, y);
}

static enum status filled(struct call *c, struct error *err)
{
    double number = call_is(c, "OnesLike") ? 1 : option_number(c, 1, "fill_value", 0);
    value_id x, shape, y;
    enum dtype dtype;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_dtype(c, 2, "dtype", &dtype, err));
    TRY(emit_1(c->e, "Shape", x, &shape, err));
    TRY(emit_number(c->e, dtype == DTYPE_NONE ? emit_dtype(c->e, x) : dtype, number, &y, err));
    TRY(emit_2(c->e, "Expand", y, shape, &y, err));
    return call_give(c, y);
}

/* --- x[...] --- */

/* A bound of a slice: a number, or null. */
static bool bound_of(const struct json *value, int64_t otherwise, int64_t *bound)
{
    *bound = otherwise;
    return !value || value->kind == JSON_NULL || json_i64(value, bound);
}

static const struct json *slice_of(const struct json *key)
{
    const struct json *config = json_get(key, "config");
    struct bytes name;

    if (key->kind != JSON_OBJECT)
        return NULL;
    if (json_string(json_get(key, "class_name"), &name) && bytes_is(name, "__slice__"))
        return config;
    return json_get(key, "start") || json_get(key, "stop") ? key : NULL;
}

static bool is_ellipsis(const struct json *key)
{
    struct bytes word;

    return (json_string(key, &word) || json_string(json_get(key, "class_name"), &word)) &&
           (bytes_is(word, "__ellipsis__") || bytes_is(word, "...") || bytes_is(word, "Ellipsis"));
}

/* One key: a number takes one and drops the axis, a slice cuts, null is a new axis. */
static enum status key_apply(struct call *c, const struct json *key, int64_t *axis, value_id *x,
                             struct error *err)
{
    const struct json *slice = slice_of(key);
    int64_t at, from, to, step;

    if (key->kind == JSON_NULL)
        return emit_unsqueeze(c->e, *x, (*axis)++, x, err);
    if (json_i64(key, &at)) {
        TRY(emit_slice(c->e, *x, *axis, at, at == -1 ? INT64_MAX : at + 1, 1, x, err));
        return emit_squeeze(c->e, *x, *axis, x, err);
    }
    if (!slice || !bound_of(json_get(slice, "step"), 1, &step) || !step ||
        !bound_of(json_get(slice, "start"), step > 0 ? 0 : INT64_MAX, &from) ||
        !bound_of(json_get(slice, "stop"), step > 0 ? INT64_MAX : INT64_MIN, &to))
        return error_set(err, STATUS_UNSUPPORTED, "an index that is %s", json_kind_name(key->kind));
    if (step == 1 && from == 0 && to == INT64_MAX) {
        ++*axis;
        return STATUS_OK;
    }
    return emit_slice(c->e, *x, (*axis)++, from, to, step, x, err);
}

static enum status get_item(struct call *c, struct error *err)
{
    const struct json *keys = operand_option(c, 1, "key slice_spec");
    const struct json *list = keys;
    size_t count = 1, used = 0;
    int64_t axis = 0;
    value_id x;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    if (!keys)
        return error_set(err, STATUS_UNSUPPORTED, "an index that is a tensor");
    if (keys->kind == JSON_ARRAY) {
        list = keys->items;
        count = keys->count;
    }
    for (size_t i = 0; i < count; i++)
        used += list[i].kind != JSON_NULL && !is_ellipsis(&list[i]);
    if (used > (size_t)rank)
        return error_set(err, STATUS_INVALID_INPUT, "%zu indices of %d dimensions", used, rank);
    for (size_t i = 0; i < count; i++) {
        if (is_ellipsis(&list[i]))
            axis += rank - (int64_t)used;
        else
            TRY(key_apply(c, &list[i], &axis, &x, err));
    }
    return call_give(c, x);
}

const struct layer_set layers_operation_index = OPERATION_SET(
    {.name = "Take", .lower = take_}, {.name = "TakeAlongAxis", .lower = take_along_axis},
    {.name = "Slice", .lower = slice}, {.name = "SliceUpdate", .lower = slice_update},
    {.name = "Tril", .lower = triangle}, {.name = "Triu", .lower = triangle},
    {.name = "OnesLike", .lower = filled}, {.name = "ZerosLike", .lower = filled},
    {.name = "FullLike", .lower = filled}, {.name = "GetItem", .lower = get_item}, );
