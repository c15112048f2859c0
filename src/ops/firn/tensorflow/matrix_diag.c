// SPDX-License-Identifier: Apache-2.0
/* Diagonals of matrices, the last two dimensions. Diagonal d holds the elements (i, i + d). A band
 * of diagonals, low to high, is a matrix whose first row is the highest one and whose rows are as
 * long as the longest diagonal.
 *
 * MatrixDiag: band, k (one number, or low and high), optional rows, columns (-1: as few as fit) and
 * padding. MatrixDiagPart: matrix, k, optional padding. MatrixSetDiag: matrix, band, k.
 * Attributes: high_right, low_right: shorter diagonals of that side stand at the right of their
 * row. Source: tensorflow/core/kernels/linalg/matrix_diag_op.cc. */
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

struct band {
    int64_t low, high, rows, columns, longest;
    bool high_right, low_right;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* *known is false when k is not known yet. */
static enum status band_read(const struct op_call *call, size_t input, struct band *b, bool *known,
                             struct error *err)
{
    const struct tensor *k = &call->in[input];
    size_t count;

    TRY(op_wants(call, input, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, input, 0, 1, err));
    b->high_right = attribute_int(call->attributes, "high_right", 0);
    b->low_right = attribute_int(call->attributes, "low_right", 0);
    *known = op_is_known(call, input);
    if (!*known)
        return STATUS_OK;
    count = tensor_count(k);
    if (count < 1 || count > 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "k has %zu numbers", count);
    b->low = index_at(k, 0);
    b->high = index_at(k, count - 1);
    if (b->low > b->high || b->low < -INT32_MAX || b->high > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "k is %lld to %lld", (long long)b->low,
                        (long long)b->high);
    return STATUS_OK;
}

static enum status band_fits(const struct op_call *call, struct band *b, struct error *err)
{
    if ((b->low <= -b->rows && b->low != 0) || (b->high >= b->columns && b->high != 0))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "diagonals %lld to %lld of a %lld x %lld matrix", (long long)b->low,
                        (long long)b->high, (long long)b->rows, (long long)b->columns);
    b->longest = least(b->rows + least(b->high, 0), b->columns - most(b->low, 0));
    return STATUS_OK;
}

/* Where element (i, j) is in the band; -1: in no diagonal of it. */
static int64_t place_of(const struct band *b, int64_t i, int64_t j)
{
    int64_t d = j - i, length, offset;

    if (d < b->low || d > b->high)
        return -1;
    length = least(b->rows + least(d, 0), b->columns - most(d, 0));
    offset = (d >= 0 && !b->high_right) || (d <= 0 && !b->low_right) ? 0 : b->longest - length;
    return (b->high - d) * b->longest + j - most(d, 0) + offset;
}

static enum status wants_scalar(const struct op_call *call, size_t input, struct error *err)
{
    TRY(op_wants_same(call, 0, input, err));
    return op_wants_rank(call, input, 0, 0, err);
}

/* --- MatrixDiag --- */

static enum status size_read(const struct op_call *call, size_t input, int64_t *size, bool *known,
                             struct error *err)
{
    *size = -1;
    if (!op_has(call, input))
        return STATUS_OK;
    TRY(op_wants(call, input, DTYPES_INDEX, err));
    if (!op_is_known(call, input)) {
        *known = false;
        return STATUS_OK;
    }
    TRY(op_input_i64(call, input, size, err));
    if (*size < -1 || *size > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows or columns", (long long)*size);
    return STATUS_OK;
}

static enum status diag_band(const struct op_call *call, struct band *b, bool *known,
                             struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    int64_t rows, columns;

    TRY(band_read(call, 1, b, known, err));
    TRY(size_read(call, 2, &b->rows, known, err));
    TRY(size_read(call, 3, &b->columns, known, err));
    if (!*known || x->rank < 0)
        return STATUS_OK;
    TRY(op_wants_rank(call, 0, b->low == b->high ? 1 : 2, RANK_MAX - 1, err));
    if (!dim_is_known(x->dims[x->rank - 1])) {
        b->longest = DIM_UNKNOWN;
        return STATUS_OK;
    }
    b->longest = x->dims[x->rank - 1];
    if (b->low != b->high && dim_is_known(x->dims[x->rank - 2]) &&
        x->dims[x->rank - 2] != b->high - b->low + 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld diagonals for k %lld to %lld",
                        (long long)x->dims[x->rank - 2], (long long)b->low, (long long)b->high);
    rows = b->longest - least(b->high, 0);
    columns = b->longest + most(b->low, 0);
    if (b->rows < 0 && b->columns < 0)
        b->rows = b->columns = most(rows, columns);
    b->rows = b->rows < 0 ? rows : b->rows;
    b->columns = b->columns < 0 ? columns : b->columns;
    if (b->rows < rows || b->columns < columns || (b->rows != rows && b->columns != columns))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "a %lld x %lld matrix does not fit diagonals of %lld", (long long)b->rows,
                        (long long)b->columns, (long long)b->longest);
    return STATUS_OK;
}

static enum status infer_diag(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    struct band b = {0};
    bool known;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (op_has(call, 4))
        TRY(wants_scalar(call, 4, err));
    TRY(diag_band(call, &b, &known, err));
    if (!op_is_known(call, 1) || out.rank < 0) {
        out.rank = RANK_UNKNOWN;
    } else {
        out.rank += b.low == b.high;
        out.dims[out.rank - 2] = known && dim_is_known(b.longest) ? b.rows : DIM_UNKNOWN;
        out.dims[out.rank - 1] = known && dim_is_known(b.longest) ? b.columns : DIM_UNKNOWN;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static void put(struct tensor *y, size_t to, const struct tensor *x, size_t from)
{
    static const struct bytes EMPTY = {(const uint8_t *)"", 0};
    size_t size = dtype_size(y->dtype);

    if (x)
        memcpy((char *)y->data + to * size, (const char *)x->data + from * size, size);
    else if (y->dtype == DTYPE_STRING)
        ((struct bytes *)y->data)[to] = EMPTY;
    else
        memset((char *)y->data + to * size, 0, size);
}

/* Matrices with these diagonals; elsewhere they are `other`'s element, the one at the same place or
 * (`one`) its only one. */
static void bands_put(const struct band *b, struct tensor *y, const struct tensor *diagonals,
                      const struct tensor *other, bool one)
{
    size_t matrices = shape_span(&y->shape, 0, y->shape.rank - 2), at = 0;
    size_t per_band = (size_t)((b->high - b->low + 1) * b->longest);

    for (size_t m = 0; m < matrices; m++)
        for (int64_t i = 0; i < b->rows; i++)
            for (int64_t j = 0; j < b->columns; j++, at++) {
                int64_t place = place_of(b, i, j);

                if (place < 0)
                    put(y, at, other, one ? 0 : at);
                else
                    put(y, at, diagonals, m * per_band + (size_t)place);
            }
}

static enum status run_diag(const struct op_call *call, struct error *err)
{
    struct band b;
    bool known;

    TRY(diag_band(call, &b, &known, err));
    bands_put(&b, &call->out[0], &call->in[0], op_has(call, 4) ? &call->in[4] : NULL, true);
    return STATUS_OK;
}

/* --- MatrixDiagPart --- */

static enum status infer_part(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    struct shape out = *x;
    struct band b = {0};
    bool known;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (op_has(call, 2))
        TRY(wants_scalar(call, 2, err));
    TRY(band_read(call, 1, &b, &known, err));
    if (!known || x->rank < 0) {
        out.rank = RANK_UNKNOWN;
    } else {
        b.rows = x->dims[x->rank - 2];
        b.columns = x->dims[x->rank - 1];
        b.longest = DIM_UNKNOWN;
        if (dim_is_known(b.rows) && dim_is_known(b.columns))
            TRY(band_fits(call, &b, err));
        if (b.low == b.high)
            out.rank--;
        else
            out.dims[out.rank - 2] = b.high - b.low + 1;
        out.dims[out.rank - 1] = b.longest;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_part(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *padding = op_has(call, 2) ? &call->in[2] : NULL;
    size_t matrices = shape_span(&x->shape, 0, x->shape.rank - 2), from = 0, per_band;
    struct tensor *y = &call->out[0];
    struct band b;
    bool known;

    TRY(band_read(call, 1, &b, &known, err));
    b.rows = x->shape.dims[x->shape.rank - 2];
    b.columns = x->shape.dims[x->shape.rank - 1];
    TRY(band_fits(call, &b, err));
    per_band = (size_t)((b.high - b.low + 1) * b.longest);
    for (size_t i = 0; i < tensor_count(y); i++)
        put(y, i, padding, 0);
    for (size_t m = 0; m < matrices; m++)
        for (int64_t i = 0; i < b.rows; i++)
            for (int64_t j = 0; j < b.columns; j++, from++) {
                int64_t place = place_of(&b, i, j);

                if (place >= 0)
                    put(y, m * per_band + (size_t)place, x, from);
            }
    return STATUS_OK;
}

/* --- MatrixSetDiag --- */

static enum status set_band(const struct op_call *call, struct band *b, bool *known,
                            struct error *err)
{
    const struct shape *x = &call->in[0].shape, *band = &call->in[1].shape;
    int wanted;

    TRY(band_read(call, 2, b, known, err));
    if (!*known || !shape_is_known(x) || !shape_is_known(band)) {
        *known = false;
        return STATUS_OK;
    }
    b->rows = x->dims[x->rank - 2];
    b->columns = x->dims[x->rank - 1];
    TRY(band_fits(call, b, err));
    wanted = x->rank - (b->low == b->high);
    if (band->rank != wanted || band->dims[wanted - 1] != b->longest ||
        (b->low != b->high && band->dims[wanted - 2] != b->high - b->low + 1) ||
        shape_span(band, 0, x->rank - 2) != shape_span(x, 0, x->rank - 2))
        return op_error(call, err, STATUS_INVALID_INPUT, "the diagonals do not fit the matrix");
    return STATUS_OK;
}

static enum status infer_set(struct op_call *call, struct error *err)
{
    struct band b;
    bool known;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    TRY(op_wants_rank(call, 1, 1, RANK_MAX, err));
    TRY(set_band(call, &b, &known, err));
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_set(const struct op_call *call, struct error *err)
{
    struct band b;
    bool known;

    TRY(set_band(call, &b, &known, err));
    bands_put(&b, &call->out[0], &call->in[1], &call->in[0], false);
    return STATUS_OK;
}

const struct op_set ops_firn_matrix_diag = OP_SET({.name = "MatrixDiag",
                                                   .summary = "matrices of given diagonals",
                                                   .flags = OP_OPTIONAL_GAPS,
                                                   .in_min = 2,
                                                   .in_max = 5,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer_diag,
                                                   .run = run_diag},
                                                  {.name = "MatrixDiagPart",
                                                   .summary = "diagonals of matrices",
                                                   .in_min = 2,
                                                   .in_max = 3,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer_part,
                                                   .run = run_part},
                                                  {.name = "MatrixSetDiag",
                                                   .summary = "matrices with other diagonals",
                                                   .in_min = 3,
                                                   .in_max = 3,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer_set,
                                                   .run = run_set});
