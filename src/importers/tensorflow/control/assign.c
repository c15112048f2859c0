// SPDX-License-Identifier: Apache-2.0
/* Writing variables: while restoring and initialising, what they are to hold; while serving, state
 * of the signature. Source: tensorflow/core/kernels/{assign_op,resource_variable_ops,
 * scatter_op,dense_update_ops,training_ops}. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

/* --- assigning --- */

static enum status assign_now(struct tf_call *c, struct tf_resource *variable, struct error *err)
{
    struct tf_resource *saved;

    if (tf_is_resource(c, 1, TF_SAVED_TENSOR)) {
        TRY(tf_resource_of(c, 1, TF_SAVED_TENSOR, &saved, err));
        variable->key = saved->key;
        variable->slice = saved->slice;
        variable->tensor = NULL;
    } else {
        variable->tensor = tf_constant(c, 1);
        if (!variable->tensor)
            return error_set(err, STATUS_UNSUPPORTED, "what it assigns is not known");
    }
    variable->graph = NULL;
    return STATUS_OK;
}

/* From here on the variable holds `value` in this signature. */
static enum status assign_served(struct tf_call *c, struct tf_resource *variable, value_id value,
                                 struct error *err)
{
    struct tensor stored;
    struct shape shape;
    enum dtype dtype;

    TRY(tf_place_note(c->scope, true, err));
    if (tf_is_in_loop(c->scope))
        variable->written_in_loop = c->l->signature;
    if (variable->reference && c->l->writes &&
        (variable->shared == c->l->signature ||
         (variable->shared_in_loop == c->l->signature && tf_is_in_loop(c->scope))))
        return error_set(err, STATUS_UNSUPPORTED,
                         "writes variable '%.64s' in place, whose memory an earlier value shares",
                         variable->name);
    TRY(tf_variable_stored(c->l, variable, &stored, err)); /* what it holds at first */
    TRY(tf_shape(variable->node, "shape", &shape, c->l->keep, err));
    TRY(tf_type(variable->node, "dtype", &dtype, err));
    if (dtype_kind(stored.dtype) == KIND_STRING || dtype_kind(stored.dtype) == KIND_OTHER)
        return error_set(err, STATUS_UNSUPPORTED, "writes variable '%.64s', which is %s",
                         variable->name, dtype_name(stored.dtype));
    if (emit_dtype(c->e, value) != stored.dtype ||
        tf_shapes_differ(emit_shape(c->e, value), &shape))
        return error_set(err, STATUS_UNSUPPORTED,
                         "assigns a tensor of another dtype or shape to variable '%.64s'",
                         variable->name);
    if (!variable->written)
        variable->writer = c->l->signature;
    variable->written = true;
    return tf_variable_set(c->l, c->e->graph, variable, value, err);
}

/* Freezing puts a constant in the place of a variable: of what writes it the result counts. */
static bool is_frozen(const struct tf_call *c)
{
    return tf_gives_reference(c->node->op) && !tf_resource_at(c->l, c->e->graph, c->in[0]);
}

/* The variable that the first input is, or NULL, and what it holds. */
static enum status target(struct tf_call *c, struct tf_resource **variable, value_id *value,
                          struct error *err)
{
    *variable = NULL;
    *value = c->in[0];
    if (is_frozen(c))
        return STATUS_OK;
    TRY(tf_resource_of(c, 0, TF_VARIABLE, variable, err));
    if (c->l->phase != TF_SERVING)
        return error_set(err, STATUS_UNSUPPORTED, "changes a variable while restoring");
    return tf_variable_value(c->scope, *variable, value, err);
}

/* The output is the variable, where the operator has one. */
static enum status target_set(struct tf_call *c, struct tf_resource *variable, value_id value,
                              struct error *err)
{
    if (!variable)
        return tf_give(c, value);
    TRY(assign_served(c, variable, value, err));
    return tf_give(c, c->in[0]);
}

static enum status assign(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;

    if (is_frozen(c))
        return tf_give(c, c->in[1]);
    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    if (c->l->phase == TF_SERVING)
        TRY(assign_served(c, variable, c->in[1], err));
    else
        TRY(assign_now(c, variable, err));
    return tf_give(c, c->in[0]);
}

/* The update must have the variable's shape: it is not broadcast. */
static enum status same_shape(const struct tf_call *c, value_id value, value_id update,
                              struct error *err)
{
    const struct shape *a = emit_shape(c->e, value), *b = emit_shape(c->e, update);

    if (a->rank == 0) /* a larger one makes a larger result, which is refused when it runs */
        return STATUS_OK;
    for (int d = 0; d < a->rank && a->rank == b->rank; d++)
        if (a->dims[d] < 0 || a->dims[d] != b->dims[d])
            return error_set(err, STATUS_UNSUPPORTED, "updates by a tensor of unknown shape");
    return a->rank == b->rank && a->rank >= 0
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "updates by a tensor of unknown shape");
}

static enum status update(struct tf_call *c, const char *op, value_id by, struct error *err)
{
    struct tf_resource *variable;
    value_id value;

    TRY(target(c, &variable, &value, err));
    TRY(same_shape(c, value, by, err));
    TRY(emit_2(c->e, op, value, by, &value, err));
    return target_set(c, variable, value, err);
}

static enum status add(struct tf_call *c, struct error *err)
{
    return update(c, "Add", c->in[1], err);
}

static enum status subtract(struct tf_call *c, struct error *err)
{
    return update(c, "Sub", c->in[1], err);
}

/* variable -= alpha * delta */
static enum status gradient_descent(struct tf_call *c, struct error *err)
{
    value_id step;

    TRY(emit_2(c->e, "Mul", c->in[2], c->in[1], &step, err));
    return update(c, "Sub", step, err);
}

/* --- rows of a variable --- */

/* As ScatterND takes them. What is below zero is as far out of range as what is above: ONNX would
 * count it from the end. */
static enum status element_numbers(struct tf_call *c, bool rows, value_id *indices,
                                   struct error *err)
{
    static const int64_t COLUMN[] = {-1, 1};
    value_id zero, far, below;

    TRY(tf_index(c, 1, indices, err));
    if (rows)
        TRY(emit_reshape(c->e, *indices, COLUMN, 2, indices, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)((int64_t)1 << 52), &far, err));
    TRY(emit_2(c->e, "Less", *indices, zero, &below, err));
    return emit_where(c->e, below, far, *indices, indices, err);
}

/* (count of the indices, rows of the variable...); one number stands for all. */
static enum status row_updates(struct tf_call *c, value_id value, value_id indices,
                               value_id *updates, struct error *err)
{
    value_id count, shape, rest, whole;

    TRY(emit_1(c->e, "Shape", value, &shape, err));
    TRY(emit_slice(c->e, shape, 0, 1, INT64_MAX, 1, &rest, err));
    TRY(emit_1(c->e, "Shape", indices, &shape, err));
    TRY(emit_slice(c->e, shape, 0, 0, 1, 1, &count, err));
    TRY(emit_concat(c->e, EMIT(count, rest), 0, &whole, err));
    *updates = c->in[2];
    if (emit_shape(c->e, *updates)->rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of the updates is not known");
    if (emit_shape(c->e, *updates)->rank == 0)
        return emit_2(c->e, "Expand", *updates, whole, updates, err);
    return emit_node(c->e, "", "Reshape", EMIT(*updates, whole),
                     EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), updates, err);
}

static enum status scatter_into(struct tf_call *c, const char *reduction, bool negate, bool rows,
                                struct error *err)
{
    struct tf_resource *variable;
    value_id value, indices, updates = c->in[2];

    TRY(target(c, &variable, &value, err));
    TRY(element_numbers(c, rows, &indices, err));
    if (rows)
        TRY(row_updates(c, value, indices, &updates, err));
    if (negate)
        TRY(emit_1(c->e, "Neg", updates, &updates, err));
    TRY(emit_node(c->e, "", "ScatterND", EMIT(value, indices, updates),
                  EMIT_ATTRIBUTES(attribute_of_text("reduction", reduction)), &value, err));
    return target_set(c, variable, value, err);
}

#define SCATTER(name, reduction, negate)                                                           \
    static enum status name(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return scatter_into(c, reduction, negate, true, err);                                      \
    }                                                                                              \
    static enum status name##_nd(struct tf_call *c, struct error *err)                             \
    {                                                                                              \
        return scatter_into(c, reduction, negate, false, err);                                     \
    }
SCATTER(scatter_update, "none", false)
SCATTER(scatter_add, "add", false)
SCATTER(scatter_sub, "add", true)
static enum status scatter_mul(struct tf_call *c, struct error *err)
{
    return scatter_into(c, "mul", false, true, err);
}
SCATTER(scatter_min, "min", false)
SCATTER(scatter_max, "max", false)

/* Elements by the product of what divides them, where it is not 1. */
static enum status scatter_div(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id value, one, shape, indices, updates;

    TRY(target(c, &variable, &value, err));
    if (!dtype_is_float(emit_dtype(c->e, value)))
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, value)));
    TRY(element_numbers(c, true, &indices, err));
    TRY(row_updates(c, value, indices, &updates, err));
    TRY(emit_number(c->e, emit_dtype(c->e, value), 1, &one, err));
    TRY(emit_1(c->e, "Shape", value, &shape, err));
    TRY(emit_2(c->e, "Expand", one, shape, &one, err));
    TRY(emit_node(c->e, "", "ScatterND", EMIT(one, indices, updates),
                  EMIT_ATTRIBUTES(attribute_of_text("reduction", "mul")), &one, err));
    TRY(emit_2(c->e, "Div", value, one, &value, err));
    return target_set(c, variable, value, err);
}

/* What it held, once it is known to be below the limit; it is one more then. */
static enum status count_up(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id value, limit, one, below, before;
    int64_t number;

    TRY(tf_int(c->node, "limit", 0, &number, err));
    TRY(target(c, &variable, &value, err));
    if (!variable)
        return error_set(err, STATUS_UNSUPPORTED, "its counter is frozen");
    if (!dtype_is_integer(emit_dtype(c->e, value)))
        return error_set(err, STATUS_INVALID_INPUT, "counts in %s",
                         dtype_name(emit_dtype(c->e, value)));
    TRY(emit_number(c->e, emit_dtype(c->e, value), (double)number, &limit, err));
    TRY(emit_2(c->e, "Less", value, limit, &below, err));
    before = value;
    TRY(emit_require(c->e, below, "the counter reached its limit", &before, err));
    TRY(emit_number(c->e, emit_dtype(c->e, value), 1, &one, err));
    TRY(emit_2(c->e, "Add", before, one, &value, err));
    TRY(assign_served(c, variable, value, err));
    return tf_give(c, before);
}

/* v, begin, end, strides, x: the places of the slice among all elements are that slice of their
 * numbers. */
static enum status slice_assign(struct tf_call *c, struct error *err)
{
    static const int64_t FLAT[] = {-1}, COLUMN[] = {-1, 1};
    const value_id *in = c->in;
    size_t in_count = c->in_count;
    struct tf_resource *variable;
    value_id value, shape, zero, one, count, places, updates, flat;

    TRY(target(c, &variable, &value, err));
    TRY(emit_1(c->e, "Shape", value, &shape, err));
    TRY(emit_1(c->e, "Size", value, &count, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_node(c->e, "", "Range", EMIT(zero, count, one), EMIT_PLAIN, &places, err));
    TRY(emit_2(c->e, "Reshape", places, shape, &places, err));
    TRY(tf_lower_as(c, "StridedSlice", (value_id[]){places, in[1], in[2], in[3]}, 4, err));
    places = c->out[0];
    c->in = in;
    c->in_count = in_count;
    c->out_count = 0;
    TRY(emit_1(c->e, "Shape", places, &count, err));
    TRY(emit_2(c->e, "Expand", in[4], count, &updates, err));
    TRY(emit_reshape(c->e, updates, FLAT, 1, &updates, err));
    TRY(emit_reshape(c->e, places, COLUMN, 2, &places, err));
    TRY(emit_reshape(c->e, value, FLAT, 1, &flat, err));
    TRY(emit_node(c->e, "", "ScatterND", EMIT(flat, places, updates), EMIT_PLAIN, &flat, err));
    TRY(emit_2(c->e, "Reshape", flat, shape, &value, err));
    return target_set(c, variable, value, err);
}

/* generator, algorithm, by how many numbers: its state before. */
static enum status read_and_skip(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id before, value;
    int64_t algorithm;

    TRY(tf_known_int(c, 1, &algorithm, err));
    if (algorithm != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its algorithm is number %lld, not Philox",
                         (long long)algorithm);
    TRY(target(c, &variable, &before, err));
    if (!variable)
        return error_set(err, STATUS_UNSUPPORTED, "its generator is frozen");
    TRY(emit_node(c->e, "firn", "PhiloxSkip", EMIT(before, c->in[2]), EMIT_PLAIN, &value, err));
    TRY(assign_served(c, variable, value, err));
    return tf_give(c, before);
}

const struct tf_op_set tf_ops_assign =
    TF_OP_SET({.name = "Assign", .lower = assign, .inputs = 2},
              {.name = "AssignAdd", .lower = add, .inputs = 2},
              {.name = "AssignSub", .lower = subtract, .inputs = 2},
              {.name = "AssignVariableOp", .lower = assign, .inputs = 2},
              {.name = "AssignAddVariableOp", .lower = add, .inputs = 2},
              {.name = "AssignSubVariableOp", .lower = subtract, .inputs = 2},
              {.name = "ApplyGradientDescent", .lower = gradient_descent, .inputs = 3},
              {.name = "ResourceApplyGradientDescent", .lower = gradient_descent, .inputs = 3},
              {.name = "ScatterUpdate", .lower = scatter_update, .inputs = 3},
              {.name = "ScatterAdd", .lower = scatter_add, .inputs = 3},
              {.name = "ScatterSub", .lower = scatter_sub, .inputs = 3},
              {.name = "ScatterMul", .lower = scatter_mul, .inputs = 3},
              {.name = "ScatterMin", .lower = scatter_min, .inputs = 3},
              {.name = "ScatterMax", .lower = scatter_max, .inputs = 3},
              {.name = "ScatterDiv", .lower = scatter_div, .inputs = 3},
              {.name = "ResourceScatterDiv", .lower = scatter_div, .inputs = 3},
              {.name = "StridedSliceAssign", .lower = slice_assign, .inputs = 5},
              {.name = "ResourceStridedSliceAssign", .lower = slice_assign, .inputs = 5},
              {.name = "CountUpTo", .lower = count_up, .inputs = 1},
              {.name = "ResourceCountUpTo", .lower = count_up, .inputs = 1},
              {.name = "RngReadAndSkip", .lower = read_and_skip, .inputs = 3},
              {.name = "ResourceScatterUpdate", .lower = scatter_update, .inputs = 3},
              {.name = "ResourceScatterAdd", .lower = scatter_add, .inputs = 3},
              {.name = "ResourceScatterSub", .lower = scatter_sub, .inputs = 3},
              {.name = "ResourceScatterMul", .lower = scatter_mul, .inputs = 3},
              {.name = "ResourceScatterMin", .lower = scatter_min, .inputs = 3},
              {.name = "ResourceScatterMax", .lower = scatter_max, .inputs = 3},
              {.name = "ScatterNdUpdate", .lower = scatter_update_nd, .inputs = 3},
              {.name = "ScatterNdAdd", .lower = scatter_add_nd, .inputs = 3},
              {.name = "ScatterNdSub", .lower = scatter_sub_nd, .inputs = 3},
              {.name = "ScatterNdMin", .lower = scatter_min_nd, .inputs = 3},
              {.name = "ScatterNdMax", .lower = scatter_max_nd, .inputs = 3},
              {.name = "ResourceScatterNdUpdate", .lower = scatter_update_nd, .inputs = 3},
              {.name = "ResourceScatterNdAdd", .lower = scatter_add_nd, .inputs = 3},
              {.name = "ResourceScatterNdSub", .lower = scatter_sub_nd, .inputs = 3},
              {.name = "ResourceScatterNdMin", .lower = scatter_min_nd, .inputs = 3},
              {.name = "ResourceScatterNdMax", .lower = scatter_max_nd, .inputs = 3}, );
