// SPDX-License-Identifier: Apache-2.0
/* keras.ops of products along axes, diagonals, and linear algebra. */
#include "base/text.h"
#include "importers/keras/internal.h"

/* --- products --- */

/* The axes of both that are summed: n, the last n of the first with the first n of the second; or
 * two lists. */
static enum status tensordot_axes(struct call *c, const int ranks[2], int64_t axes[2][RANK_MAX],
                                  size_t *count, struct error *err)
{
    const struct json *given = operand_option(c, 2, "axes");
    int64_t n = 2;

    if (!given || given->kind == JSON_NULL || json_i64(given, &n)) {
        if (n < 0 || n > ranks[0] || n > ranks[1])
            return error_set(err, STATUS_INVALID_INPUT, "sums %lld axes", (long long)n);
        *count = (size_t)n;
        for (int64_t i = 0; i < n; i++) {
            axes[0][i] = ranks[0] - n + i;
            axes[1][i] = i;
        }
        return STATUS_OK;
    }
    if (given->kind != JSON_ARRAY || given->count != 2)
        return error_set(err, STATUS_UNSUPPORTED, "its 'axes' is %s", json_kind_name(given->kind));
    for (int side = 0; side < 2; side++) {
        const struct json *list = &given->items[side];
        size_t own = list->kind == JSON_ARRAY ? list->count : 1;

        if (own > RANK_MAX || (side && own != *count))
            return error_set(err, STATUS_INVALID_INPUT, "its 'axes' are of two lengths");
        *count = own;
        for (size_t i = 0; i < own; i++) {
            if (!json_i64(list->kind == JSON_ARRAY ? &list->items[i] : list, &axes[side][i]))
                return error_set(err, STATUS_INVALID_INPUT, "its 'axes' are no integers");
            TRY(axis_within(&axes[side][i], ranks[side], err));
        }
    }
    return STATUS_OK;
}

/* As an equation: a letter for each axis, the same for those that are summed. */
static enum status product_emit(struct call *c, const value_id in[2],
                                const int64_t axes[2][RANK_MAX], size_t count, value_id *y,
                                struct error *err)
{
    char *equation = arena_new(c->k->keep, char, 4 * RANK_MAX + 8), kept[2 * RANK_MAX];
    size_t size = 0, rest = 0;
    char letter = 'a';

    if (!equation)
        return error_no_memory(err, "an equation");
    for (int side = 0; side < 2; side++) {
        int rank = emit_shape(c->e, in[side])->rank;

        if (side)
            equation[size++] = ',';
        for (int d = 0; d < rank; d++) {
            char own = 0;

            for (size_t i = 0; i < count; i++)
                if (axes[side][i] == d)
                    own = (char)('A' + (int)i);
            if (!own && letter > 'z')
                return error_set(err, STATUS_UNSUPPORTED, "has too many dimensions");
            if (!own)
                kept[rest++] = own = letter++;
            equation[size++] = own;
        }
    }
    equation[size++] = '-';
    equation[size++] = '>';
    memcpy(equation + size, kept, rest);
    return emit_node(c->e, "", "Einsum", EMIT(in[0], in[1]),
                     EMIT_ATTRIBUTES(attribute_of_text("equation", equation)), y, err);
}

static enum status tensordot(struct call *c, struct error *err)
{
    int64_t axes[2][RANK_MAX];
    value_id in[2], y;
    size_t count = 0;
    int ranks[2];

    TRY(operands_2(c, in, err));
    for (int i = 0; i < 2; i++) {
        ranks[i] = emit_shape(c->e, in[i])->rank;
        if (ranks[i] < 0)
            return error_set(err, STATUS_UNSUPPORTED, "the rank of its input is not known");
    }
    if (call_is(c, "Inner") && (!ranks[0] || !ranks[1]))
        return error_set(err, STATUS_UNSUPPORTED, "an inner product of numbers");
    if (call_is(c, "Inner")) {
        axes[0][0] = ranks[0] - 1;
        axes[1][0] = ranks[1] - 1;
        count = 1;
    } else if (!call_is(c, "Outer")) {
        TRY(tensordot_axes(c, ranks, axes, &count, err));
    }
    for (int i = 0; call_is(c, "Outer") && i < 2; i++)
        TRY(emit_reshape(c->e, in[i], (const int64_t[]){-1}, 1, &in[i], err));
    TRY(product_emit(c, in, axes, count, &y, err));
    return call_give(c, y);
}

/* Of vectors of three along the last axis: a1 b2 - a2 b1 and so on. */
static enum status cross(struct call *c, struct error *err)
{
    static const char *const AXES[] = {"axisa", "axisb", "axisc"};
    value_id in[2], turned[2][2], y;
    int64_t axis;

    TRY(operands_2(c, in, err));
    for (size_t i = 0; i < 3; i++) {
        TRY(option_int(c, SIZE_MAX, AXES[i], -1, &axis, err));
        if (axis != -1)
            return error_set(err, STATUS_UNSUPPORTED, "its '%s' is %lld", AXES[i], (long long)axis);
    }
    TRY(option_int(c, SIZE_MAX, "axis", -1, &axis, err));
    for (int i = 0; i < 2; i++) {
        const struct shape *shape = emit_shape(c->e, in[i]);
        int last = shape->rank - 1;

        if (last < 0 || shape->dims[last] != 3 || (axis != -1 && axis != last))
            return error_set(err, STATUS_UNSUPPORTED, "vectors of other than three");
        for (int turn = 0; turn < 2; turn++) { /* by one place, by two */
            value_id head, tail;

            TRY(emit_slice(c->e, in[i], last, turn + 1, 3, 1, &tail, err));
            TRY(emit_slice(c->e, in[i], last, 0, turn + 1, 1, &head, err));
            TRY(emit_concat(c->e, EMIT(tail, head), last, &turned[i][turn], err));
        }
    }
    TRY(emit_2(c->e, "Mul", turned[0][0], turned[1][1], &y, err));
    TRY(emit_2(c->e, "Mul", turned[0][1], turned[1][0], &turned[0][0], err));
    TRY(emit_2(c->e, "Sub", y, turned[0][0], &y, err));
    return call_give(c, y);
}

/* --- diagonals --- */

/* The elements of a diagonal of two axes, along the last axis. */
static enum status diagonal_emit(struct call *c, value_id x, int64_t offset, int64_t first,
                                 int64_t second, value_id *y, struct error *err)
{
    const struct shape shape = *emit_shape(c->e, x);
    int64_t perm[RANK_MAX], dims[RANK_MAX] = {0}, rows, columns, count, *places;
    size_t kept = 0;
    value_id index;

    TRY(axis_within(&first, shape.rank, err));
    TRY(axis_within(&second, shape.rank, err));
    rows = shape.dims[first];
    columns = shape.dims[second];
    if (first == second || rows < 1 || columns < 1 || rows > 1 << 16 || columns > 1 << 16 ||
        offset > 1 << 16 || offset < -(1 << 16))
        return error_set(err, STATUS_UNSUPPORTED, "a diagonal of %lld x %lld", (long long)rows,
                         (long long)columns);
    for (int d = 0; d < shape.rank; d++)
        if (d != first && d != second)
            perm[kept++] = d;
    perm[kept] = first;
    perm[kept + 1] = second;
    dims[kept] = rows * columns;
    count = offset < 0 ? (rows + offset < columns ? rows + offset : columns)
                       : (columns - offset < rows ? columns - offset : rows);
    if (count < 1)
        return error_set(err, STATUS_UNSUPPORTED, "an empty diagonal");
    places = arena_new(c->k->keep, int64_t, (size_t)count);
    if (!places)
        return error_no_memory(err, "a diagonal");
    for (int64_t i = 0; i < count; i++)
        places[i] = (i - (offset < 0 ? offset : 0)) * columns + i + (offset > 0 ? offset : 0);
    TRY(emit_transpose(c->e, x, perm, kept + 2, &x, err));
    TRY(emit_reshape(c->e, x, dims, kept + 1, &x, err));
    TRY(emit_ints(c->e, places, (size_t)count, &index, err));
    return emit_node(c->e, "", "Gather", EMIT(x, index),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", (int64_t)kept)), y, err);
}

static enum status diagonal(struct call *c, struct error *err)
{
    int64_t offset, first, second, last;
    value_id x, y;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "offset", 0, &offset, err));
    TRY(option_int(c, 2, "axis1", 0, &first, err));
    TRY(option_int(c, 3, "axis2", 1, &second, err));
    TRY(diagonal_emit(c, x, offset, first, second, &y, err));
    last = rank - 2;
    if (call_is(c, "Trace"))
        TRY(emit_reduce(c->e, "ReduceSum", y, &last, 1, false, &y, err));
    return call_give(c, y);
}

/* Of a matrix its diagonal; of a vector the matrix that has it. */
static enum status diag(struct call *c, struct error *err)
{
    value_id x, y, eye, zero, pads;
    int64_t k, size;
    int rank;

    TRY(operand_ranked(c, &x, &rank, err));
    TRY(option_int(c, 1, "k", 0, &k, err));
    if (rank == 2) {
        TRY(diagonal_emit(c, x, k, 0, 1, &y, err));
        return call_give(c, y);
    }
    size = rank == 1 ? emit_shape(c->e, x)->dims[0] : -1;
    if (size < 1 || size > 1 << 12 || k > 1 << 12 || k < -(1 << 12))
        return error_set(err, STATUS_UNSUPPORTED, "a diagonal of %lld numbers", (long long)size);
    TRY(EMIT_INTS(c->e, &eye, err, size, size));
    TRY(emit_node(c->e, "", "ConstantOfShape", EMIT(eye), EMIT_PLAIN, &eye, err));
    TRY(emit_node(c->e, "", "EyeLike", EMIT(eye), EMIT_PLAIN, &eye, err));
    TRY(emit_cast(c->e, eye, DTYPE_BOOL, &eye, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), 0, &zero, err));
    TRY(emit_where(c->e, eye, x, zero, &y, err));
    TRY(EMIT_INTS(c->e, &pads, err, k < 0 ? -k : 0, k > 0 ? k : 0, k > 0 ? k : 0, k < 0 ? -k : 0));
    TRY(emit_2(c->e, "Pad", y, pads, &y, err));
    return call_give(c, y);
}

/* --- linear algebra of the last two axes --- */

static const struct algebra {
    const char *name, *domain, *op;
    int operands;
} ALGEBRA[] = {{"Inv", "firn", "MatrixInverse", 1},
               {"Det", "", "Det", 1},
               {"Cholesky", "firn", "Cholesky", 1},
               {"Solve", "firn", "MatrixSolve", 2}};

static enum status algebra(struct call *c, struct error *err)
{
    const struct algebra *a = ALGEBRA;
    value_id in[2], y;
    int rank;

    while (strcmp(a->name, c->class_name))
        a++;
    TRY(operand_ranked(c, &in[0], &rank, err));
    if (option_bool(c, SIZE_MAX, "upper", false))
        return error_set(err, STATUS_UNSUPPORTED, "its 'upper' is not supported");
    if (a->operands == 2) {
        TRY(operand_tensor(c, 1, "b", &in[1], err));
        if (emit_shape(c->e, in[1])->rank != rank)
            return error_set(err, STATUS_UNSUPPORTED, "a right side of %d dimensions",
                             emit_shape(c->e, in[1])->rank);
    }
    TRY(emit_node(c->e, a->domain, a->op, (struct emit_inputs){in, (size_t)a->operands}, EMIT_PLAIN,
                  &y, err));
    return call_give(c, y);
}

const struct layer_set layers_operation_matrix =
    OPERATION_SET({.name = "Tensordot", .lower = tensordot}, {.name = "Inner", .lower = tensordot},
                  {.name = "Outer", .lower = tensordot}, {.name = "Cross", .lower = cross},
                  {.name = "Diagonal", .lower = diagonal}, {.name = "Trace", .lower = diagonal},
                  {.name = "Diag", .lower = diag}, {.name = "Inv", .lower = algebra},
                  {.name = "Det", .lower = algebra}, {.name = "Cholesky", .lower = algebra},
                  {.name = "Solve", .lower = algebra}, );
