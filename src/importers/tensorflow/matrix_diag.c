// SPDX-License-Identifier: Apache-2.0
/* Diagonals, of matrices and of tensors. */
#include "importers/tensorflow/internal.h"

/* How shorter diagonals stand: "RIGHT_LEFT" says it of the high ones, then of the low ones. */
static enum status alignment(const struct tf_call *c, struct attribute attributes[2],
                             struct error *err)
{
    struct bytes align;

    /* the second version has no attribute and means this */
    TRY(tf_string(c->node, "align", strstr(c->node->op, "V3") ? "RIGHT_LEFT" : "LEFT_LEFT", &align,
                  err));
    attributes[0] = attribute_of_int("high_right", bytes_is(align, "RIGHT_LEFT") ||
                                                       bytes_is(align, "RIGHT_RIGHT"));
    attributes[1] = attribute_of_int("low_right", bytes_is(align, "LEFT_RIGHT") ||
                                                      bytes_is(align, "RIGHT_RIGHT"));
    if (!bytes_is(align, "LEFT_LEFT") && !attributes[0].i && !attributes[1].i)
        return error_set(err, STATUS_UNSUPPORTED, "its align is not known");
    return STATUS_OK;
}

static enum status call_op(struct tf_call *c, const char *op, const value_id *in, size_t count,
                           struct error *err)
{
    struct attribute attributes[2];
    value_id y;

    TRY(alignment(c, attributes, err));
    TRY(emit(c->e, "firn", op, in, count, attributes, 2, &y, 1, err));
    return tf_give(c, y);
}

static enum status diag(struct tf_call *c, struct error *err)
{
    return call_op(c, "MatrixDiag", c->in, c->in_count, err);
}

static enum status part(struct tf_call *c, struct error *err)
{
    return call_op(c, "MatrixDiagPart", c->in, c->in_count, err);
}

static enum status set(struct tf_call *c, struct error *err)
{
    return call_op(c, "MatrixSetDiag", c->in, c->in_count, err);
}

/* The first versions: of the main diagonal. */
static enum status with_main(struct tf_call *c, const char *op, struct error *err)
{
    value_id in[3], k;

    TRY(emit_number(c->e, DTYPE_I64, 0, &k, err));
    for (size_t i = 0; i < c->in_count; i++)
        in[i] = c->in[i];
    in[c->in_count] = k;
    return call_op(c, op, in, c->in_count + 1, err);
}

static enum status diag_main(struct tf_call *c, struct error *err)
{
    return with_main(c, "MatrixDiag", err);
}

static enum status part_main(struct tf_call *c, struct error *err)
{
    return with_main(c, "MatrixDiagPart", err);
}

static enum status set_main(struct tf_call *c, struct error *err)
{
    return with_main(c, "MatrixSetDiag", err);
}

static enum status shaped(struct tf_call *c, value_id x, value_id dims, value_id *y,
                          struct error *err)
{
    return emit_node(c->e, "", "Reshape", EMIT(x, dims),
                     EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), y, err);
}

/* (dims) -> (dims, dims) */
static enum status tensor_diag(struct tf_call *c, struct error *err)
{
    static const int64_t LIST[] = {-1};
    value_id dims, twice, k, y;

    TRY(emit_1(c->e, "Shape", c->in[0], &dims, err));
    TRY(emit_concat(c->e, EMIT(dims, dims), 0, &twice, err));
    TRY(emit_reshape(c->e, c->in[0], LIST, 1, &y, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &k, err));
    TRY(emit_node(c->e, "firn", "MatrixDiag", EMIT(y, k), EMIT_PLAIN, &y, err));
    TRY(shaped(c, y, twice, &y, err));
    return tf_give(c, y);
}

/* (dims, dims) -> (dims) */
static enum status tensor_diag_part(struct tf_call *c, struct error *err)
{
    value_id dims, count, square, k, start, end, two, y;
    int rank = emit_shape(c->e, c->in[0])->rank;

    if (rank >= 0 && (rank < 2 || rank % 2))
        return error_set(err, STATUS_INVALID_INPUT, "a tensor of %d dimensions", rank);
    TRY(emit_1(c->e, "Shape", c->in[0], &dims, err));
    TRY(emit_1(c->e, "Shape", dims, &end, err)); /* of one number: the rank */
    TRY(EMIT_INTS(c->e, &two, err, 2));
    TRY(EMIT_INTS(c->e, &start, err, 0));
    TRY(emit_2(c->e, "Div", end, two, &end, err));
    TRY(emit_node(c->e, "", "Slice", EMIT(dims, start, end), EMIT_PLAIN, &dims, err));
    TRY(emit_node(c->e, "", "ReduceProd", EMIT(dims), EMIT_PLAIN, &count, err));
    TRY(emit_concat(c->e, EMIT(count, count), 0, &square, err));
    TRY(shaped(c, c->in[0], square, &y, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &k, err));
    TRY(emit_node(c->e, "firn", "MatrixDiagPart", EMIT(y, k), EMIT_PLAIN, &y, err));
    TRY(shaped(c, y, dims, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_matrix_diag =
    TF_OP_SET({.name = "MatrixDiag", .lower = diag_main, .inputs = 1},
              {.name = "BatchMatrixDiag", .lower = diag_main, .inputs = 1},
              {.name = "MatrixDiagV2", .lower = diag, .inputs = 5},
              {.name = "MatrixDiagV3", .lower = diag, .inputs = 5},
              {.name = "MatrixDiagPart", .lower = part_main, .inputs = 1},
              {.name = "BatchMatrixDiagPart", .lower = part_main, .inputs = 1},
              {.name = "MatrixDiagPartV2", .lower = part, .inputs = 3},
              {.name = "MatrixDiagPartV3", .lower = part, .inputs = 3},
              {.name = "MatrixSetDiag", .lower = set_main, .inputs = 2},
              {.name = "BatchMatrixSetDiag", .lower = set_main, .inputs = 2},
              {.name = "MatrixSetDiagV2", .lower = set, .inputs = 3},
              {.name = "MatrixSetDiagV3", .lower = set, .inputs = 3},
              {.name = "Diag", .lower = tensor_diag, .inputs = 1},
              {.name = "DiagPart", .lower = tensor_diag_part, .inputs = 1}, );
