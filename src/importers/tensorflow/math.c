// SPDX-License-Identifier: Apache-2.0
/* Element by element: arithmetic, functions, comparison, logic. */
#include "importers/tensorflow/internal.h"

static enum status same(struct tf_call *c, struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++)
        TRY(tf_add(c, c->in[i], err));
    return STATUS_OK;
}

/* The dimensions that the attribute knows must be those. */
static enum status ensure_shape(struct tf_call *c, struct error *err)
{
    const struct shape *have = emit_shape(c->e, c->in[0]);
    struct shape want;
    value_id y;

    TRY(tf_shape(c->node, "shape", &want, c->l->keep, err));
    if (want.rank >= 0 && have->rank >= 0 && want.rank != have->rank)
        return error_set(err, STATUS_INVALID_INPUT, "a tensor of %d dimensions, not %d", have->rank,
                         want.rank);
    TRY(emit_node(c->e, "firn", "EnsureShape", EMIT(c->in[0]),
                  EMIT_ATTRIBUTES(
                      attribute_of_int("rank", want.rank),
                      attribute_of_ints("dims", want.dims, want.rank > 0 ? (size_t)want.rank : 0)),
                  &y, err));
    return tf_give(c, y);
}

static enum status number_like(struct tf_call *c, double number, value_id *value, struct error *err)
{
    return emit_number(c->e, emit_dtype(c->e, c->in[0]), number, value, err);
}

/* A condition of one dimension chooses whole rows. */
static enum status select_1(struct tf_call *c, struct error *err)
{
    value_id condition = c->in[0], y;
    int rank = emit_shape(c->e, c->in[1])->rank, chosen = emit_shape(c->e, condition)->rank;

    if (rank < 0 || chosen < 0) {
        TRY(emit_node(c->e, "firn", "Choose", EMIT(condition, c->in[1], c->in[2]), EMIT_PLAIN, &y,
                      err));
        return tf_give(c, y);
    }
    for (; chosen == 1 && rank > 1; rank--)
        TRY(emit_unsqueeze(c->e, condition, -1, &condition, err));
    TRY(emit_where(c->e, condition, c->in[1], c->in[2], &y, err));
    return tf_give(c, y);
}

static bool never_broadcast(const struct shape *a, const struct shape *b)
{
    if (a->rank < 0 || b->rank < 0)
        return false;
    for (int i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t m = a->dims[a->rank - i], n = b->dims[b->rank - i];

        if (m >= 0 && n >= 0 && m != n && m != 1 && n != 1)
            return true;
    }
    return false;
}

/* Shapes that cannot be broadcast to each other are an error, or make one answer: not equal. */
static enum status equality(struct tf_call *c, bool inverse, struct error *err)
{
    bool is_error;
    value_id y;

    TRY(tf_bool(c->node, "incompatible_shape_error", true, &is_error, err));
    if (!is_error && never_broadcast(emit_shape(c->e, c->in[0]), emit_shape(c->e, c->in[1]))) {
        TRY(emit_number(c->e, DTYPE_BOOL, inverse, &y, err));
        return tf_give(c, y);
    }
    if (tf_is_complex(c->e, c->in[0]))
        TRY(tf_complex(c->e, "equal", EMIT(c->in[0], c->in[1]), &y, err));
    else
        TRY(emit_2(c->e, "Equal", c->in[0], c->in[1], &y, err));
    if (inverse)
        TRY(emit_1(c->e, "Not", y, &y, err));
    return tf_give(c, y);
}

static enum status equal(struct tf_call *c, struct error *err)
{
    return equality(c, false, err);
}

static enum status not_equal(struct tf_call *c, struct error *err)
{
    return equality(c, true, err);
}

/* x - x is NaN for infinities and NaN. */
static enum status is_finite(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_2(c->e, "Sub", c->in[0], c->in[0], &y, err));
    TRY(emit_1(c->e, "IsNaN", y, &y, err));
    TRY(emit_1(c->e, "Not", y, &y, err));
    return tf_give(c, y);
}

/* min(max(x, low), high): where low is above high it is high. */
static enum status clip(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_2(c->e, "Min", c->in[0], c->in[2], &y, err));
    TRY(emit_2(c->e, "Max", y, c->in[1], &y, err));
    return tf_give(c, y);
}

static enum status approximate_equal(struct tf_call *c, struct error *err)
{
    value_id difference, limit, y;
    double tolerance;

    TRY(tf_float(c->node, "tolerance", 1e-5, &tolerance, err));
    TRY(emit_2(c->e, "Sub", c->in[0], c->in[1], &difference, err));
    TRY(emit_1(c->e, "Abs", difference, &difference, err));
    TRY(number_like(c, tolerance, &limit, err));
    TRY(emit_2(c->e, "Less", difference, limit, &y, err));
    return tf_give(c, y);
}

#define SAME(tf, op, n)                                                                            \
    {                                                                                              \
        .name = tf, .onnx = op, .inputs = n                                                        \
    }
const struct tf_op_set tf_ops_math = TF_OP_SET(
    SAME("Maximum", "Max", 2), SAME("Minimum", "Min", 2), SAME("Floor", "Floor", 1),
    SAME("Ceil", "Ceil", 1), SAME("Erf", "Erf", 1), SAME("IsNan", "IsNaN", 1),
    SAME("IsInf", "IsInf", 1), SAME("Less", "Less", 2), SAME("LessEqual", "LessOrEqual", 2),
    SAME("Greater", "Greater", 2), SAME("GreaterEqual", "GreaterOrEqual", 2),
    SAME("LogicalAnd", "And", 2), SAME("LogicalOr", "Or", 2), SAME("LogicalNot", "Not", 1),
    SAME("SelectV2", "Where", 3), SAME("BitwiseAnd", "BitwiseAnd", 2),
    SAME("BitwiseOr", "BitwiseOr", 2), SAME("BitwiseXor", "BitwiseXor", 2),
    SAME("Invert", "BitwiseNot", 1), {.name = "Identity", .lower = same, .inputs = 1},
    {.name = "IdentityN", .lower = same}, {.name = "StopGradient", .lower = same, .inputs = 1},
    {.name = "PreventGradient", .lower = same, .inputs = 1},
    {.name = "Snapshot", .lower = same, .inputs = 1},
    {.name = "PlaceholderWithDefault", .lower = same, .inputs = 1},
    {.name = "DeepCopy", .lower = same, .inputs = 1},
    {.name = "GuaranteeConst", .lower = same, .inputs = 1},
    {.name = "Copy", .lower = same, .inputs = 1}, {.name = "CopyHost", .lower = same, .inputs = 1},
    {.name = "EnsureShape", .lower = ensure_shape, .inputs = 1},
    {.name = "ClipByValue", .lower = clip, .inputs = 3},
    {.name = "ApproximateEqual", .lower = approximate_equal, .inputs = 2},
    {.name = "Equal", .lower = equal, .inputs = 2},
    {.name = "NotEqual", .lower = not_equal, .inputs = 2},
    {.name = "IsFinite", .lower = is_finite, .inputs = 1},
    {.name = "Select", .lower = select_1, .inputs = 3}, );
