// SPDX-License-Identifier: Apache-2.0
/* Cast, between real and complex numbers, and floats to integers that do not hold them: there it is
 * whatever TensorFlow's compiled loops do (ops/firn/tensorflow/float_to_integer.c). */
#include <string.h>

#include "importers/tensorflow/internal.h"

static int mantissa_bits(enum dtype dtype)
{
    return dtype == DTYPE_F64 ? 52 : dtype == DTYPE_F32 ? 23 : dtype == DTYPE_F16 ? 10 : 7;
}

/* Truncate: bits that do not fit into a shorter float are cut off, so that nothing is rounded. */
static enum status cut_bits(struct tf_call *c, enum dtype from, enum dtype to, value_id *x,
                            struct error *err)
{
    enum dtype bits = from == DTYPE_F64 ? DTYPE_U64 : DTYPE_U32;
    struct shape shape = shape_scalar();
    struct tensor mask;
    uint64_t kept;
    value_id by;
    bool cut;

    TRY(tf_bool(c->node, "Truncate", false, &cut, err));
    if (!cut || !dtype_is_float(from) || !dtype_is_float(to) ||
        dtype_size(from) <= dtype_size(to) || (from == DTYPE_F64 && to == DTYPE_BF16))
        return STATUS_OK; /* to bfloat16 doubles are rounded all the same */
    TRY(tensor_new(&mask, bits, &shape, c->l->keep, err));
    kept = ~UINT64_C(0) << (mantissa_bits(from) - mantissa_bits(to));
    memcpy(mask.data, &kept, dtype_size(bits)); /* little endian */
    TRY(emit_constant(c->e, &mask, &by, err));
    TRY(tf_bitcast(c->e, *x, bits, x, err));
    TRY(emit_2(c->e, "BitwiseAnd", *x, by, x, err));
    return tf_bitcast(c->e, *x, from, x, err);
}

/* What is beyond the 8-bit floats becomes infinite, or NaN, and not the largest one. */
static enum status to_small(struct tf_call *c, enum dtype to, value_id x, value_id *y,
                            struct error *err)
{
    return emit_node(
        c->e, "", "Cast", EMIT(x),
        EMIT_ATTRIBUTES(attribute_of_int("to", dtype_to_onnx(to)), attribute_of_int("saturate", 0)),
        y, err);
}

/* --- floats to integers --- */

/* How many elements TensorFlow 2.21's loops on x86 take at once where that changes what is out of
 * range: to (u)int8 and (u)int16, and to uint32. 0: always one. `words`: to uint8 by uint16. */
static const struct loop {
    int small, wide;
    bool words;
} LOOPS[DTYPE_COUNT] = {
    [DTYPE_F32] = {32, 8, false}, [DTYPE_F64] = {16, 8, true},    [DTYPE_F16] = {16, 8, true},
    [DTYPE_BF16] = {8, 8, false}, [DTYPE_F8E5M2] = {0, 8, false}, [DTYPE_F8E4M3FN] = {0, 8, false},
    [DTYPE_C64] = {0, 8, false},  [DTYPE_C128] = {16, 0, true},
};

/* Is it in a function that XLA compiles? */
static enum status is_compiled(const struct tf_call *c, bool *compiled, struct error *err)
{
    *compiled = false;
    for (const struct tf_scope *s = c->scope->caller; s && !*compiled; s = s->caller)
        if (s->at)
            TRY(tf_bool(s->at, "_XlaMustCompile", false, compiled, err));
    return STATUS_OK;
}

static bool is_one_of(const char *op, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(op, names[i]))
            return true;
    return false;
}

/* TensorFlow casts to a smaller type before it moves elements about (its arithmetic optimiser), so
 * that the place of an element in the loop is another one. */
static bool is_moved(const struct tf_call *c)
{
    static const char *const MOVES[] = {
        "Transpose",    "ConjugateTranspose", "Reverse",        "ReverseV2",      "Roll",
        "DepthToSpace", "SpaceToDepth",       "BatchToSpaceND", "SpaceToBatchND", "BatchToSpace",
        "SpaceToBatch", "MatrixDiagPart",     "DiagPart",
    };
    static const char *const KEEPS[] = {"Reshape", "Identity", "Squeeze", "ExpandDims"};
    const struct tf_node *node = c->node;

    while (node && node->input_count) {
        node = map_find(&c->scope->stored->by_name, node->inputs[0].node);
        if (node && is_one_of(node->op, MOVES, ARRAY_COUNT(MOVES)))
            return true;
        if (node && !is_one_of(node->op, KEEPS, ARRAY_COUNT(KEEPS)))
            return false;
    }
    return false;
}

/* `from`: the type before its real part was taken. */
static enum status to_integer(struct tf_call *c, enum dtype from, enum dtype to, value_id x,
                              value_id *y, struct error *err)
{
    const struct loop *loop = &LOOPS[from];
    int step = dtype_size(to) < 4 ? loop->small : to == DTYPE_U32 ? loop->wide : 0;
    struct attribute attributes[] = {
        attribute_of_int("to", dtype_to_onnx(to)), attribute_of_int("step", step),
        attribute_of_int("words", loop->words), attribute_of_int("moved", 0)};
    bool compiled;

    TRY(is_compiled(c, &compiled, err));
    if (compiled || !step) {
        attributes[1] = attribute_of_text("outside", compiled ? "nearest" : "machine");
        return emit(c->e, "firn", "FloatToInteger", &x, 1, attributes, 2, y, 1, err);
    }
    attributes[3].i = dtype_size(to) < dtype_size(from) && is_moved(c);
    return emit(c->e, "firn", "FloatToIntegerPacked", &x, 1, attributes, 4, y, 1, err);
}

/* --- Cast --- */

enum status tf_complex_cast(struct tf_call *c, enum dtype part, value_id *x, struct error *err)
{
    value_id parts[2];

    TRY(tf_complex(c->e, "real", EMIT(*x), &parts[0], err));
    TRY(tf_complex(c->e, "imag", EMIT(*x), &parts[1], err));
    TRY(emit_cast(c->e, parts[0], part, &parts[0], err));
    TRY(emit_cast(c->e, parts[1], part, &parts[1], err));
    return tf_complex(c->e, "make", EMIT(parts[0], parts[1]), x, err);
}

/* To a complex type: by way of its parts. From one: the real part. */
static enum status cast(struct tf_call *c, struct error *err)
{
    enum dtype to, from = emit_dtype(c->e, c->in[0]), part;
    value_id y = c->in[0];

    TRY(tf_type(c->node, "DstT", &to, err));
    if (to == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "has no DstT");
    if (from == to)
        return tf_give(c, y);
    TRY(cut_bits(c, from, to, &y, err));
    part = tf_complex_part(to);
    if (dtype_kind(from) == KIND_COMPLEX && dtype_kind(to) == KIND_COMPLEX) {
        TRY(tf_complex_cast(c, part, &y, err));
        return tf_give(c, y);
    }
    if (dtype_kind(from) == KIND_COMPLEX)
        TRY(tf_complex(c->e, "real", EMIT(y), &y, err));
    if (dtype_is_integer(to) && dtype_bits(to) >= 8 && dtype_is_float(emit_dtype(c->e, y)))
        TRY(to_integer(c, from, to, y, &y, err));
    else if (dtype_is_float(to) && dtype_size(to) == 1)
        TRY(to_small(c, to, y, &y, err));
    else
        TRY(emit_cast(c->e, y, part, &y, err));
    if (dtype_kind(to) == KIND_COMPLEX)
        TRY(tf_complex(c->e, "widen", EMIT(y), &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_cast = TF_OP_SET({.name = "Cast", .lower = cast, .inputs = 1}, );
