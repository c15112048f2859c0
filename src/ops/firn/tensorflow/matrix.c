// SPDX-License-Identifier: Apache-2.0
/* Linear algebra of the last two dimensions, in float, double or complex: what
 * ops/kernels/matrix/matrix.h computes, one matrix after another. Attributes adjoint, lower, full,
 * vectors; the inputs and outputs are those of TensorFlow's operators of these names. */
#include "ops/kernels/matrix/matrix.h"

#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

#define DTYPES_MATRIX                                                                              \
    (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))
enum { SIDE_MAX = 1 << 14 };

static int64_t side(const struct shape *shape, int from_end)
{
    return shape->dims[shape->rank - from_end];
}

static bool differ(int64_t a, int64_t b)
{
    return dim_is_known(a) && dim_is_known(b) && a != b;
}

/* Input 0 is matrices, square ones where that is asked. */
static enum status wants_matrix(const struct op_call *call, bool square, struct error *err)
{
    const struct shape *a = &call->in[0].shape;

    TRY(op_wants(call, 0, DTYPES_MATRIX, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (a->rank < 0)
        return STATUS_OK;
    if (square && differ(side(a, 1), side(a, 2)))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld x %lld is not square",
                        (long long)side(a, 2), (long long)side(a, 1));
    if (side(a, 1) > SIDE_MAX && side(a, 2) > SIDE_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "a matrix of %lld x %lld",
                        (long long)side(a, 2), (long long)side(a, 1));
    return STATUS_OK;
}

/* The kernels' job for these shapes, without data. */
static struct matrix_job job_of(const struct op_call *call)
{
    const struct shape *a = &call->in[0].shape;
    struct matrix_job job = {
        .rows = side(a, 2),
        .columns = side(a, 1),
        .adjoint = attribute_int(call->attributes, "adjoint", 0),
        .lower = attribute_int(call->attributes, "lower", 1),
        .full = attribute_int(call->attributes, "full", 0),
        .vectors = attribute_int(call->attributes, "vectors", 1),
    };

    if (op_has(call, 1) && call->in[1].shape.rank >= 2)
        job.width = side(&call->in[1].shape, 1);
    return job;
}

static size_t scratch_size(const struct op_call *call)
{
    struct matrix_job job = job_of(call);
    size_t longer = (size_t)(job.rows > job.columns ? job.rows : job.columns);

    return matrix_room(call->in[0].dtype, job.rows, job.columns, job.width) +
           (longer + 1) * sizeof(int64_t);
}

static size_t pitch_of(const struct tensor *tensor, size_t matrices)
{
    return matrices ? tensor_bytes(tensor) / matrices : 0;
}

/* The kernel for each matrix; outputs follow one another, `order` (or NULL) takes job.order. */
static enum status run_each(const struct op_call *call, matrix_kernel kernel, struct tensor *order,
                            struct error *err)
{
    const struct shape *a = &call->in[0].shape;
    size_t matrices = shape_span(a, 0, a->rank - 2), outputs = call->out_count;
    struct matrix_job job = job_of(call);
    const char *fault;

    job.order = call->scratch;
    job.room =
        (char *)call->scratch +
        (((size_t)(job.rows > job.columns ? job.rows : job.columns) + 1) * sizeof(int64_t) + 63) /
            64 * 64;
    if (op_has(call, 2))
        job.regularizer = tensor_f64(&call->in[2], 0);
    for (size_t m = 0; m < matrices; m++) {
        job.a = (const char *)call->in[0].data + m * pitch_of(&call->in[0], matrices);
        if (op_has(call, 1))
            job.b = (const char *)call->in[1].data + m * pitch_of(&call->in[1], matrices);
        for (size_t i = 0; i < outputs && i < 3; i++)
            job.y[i] = (char *)call->out[i].data + m * pitch_of(&call->out[i], matrices);
        fault = kernel(&job);
        if (fault)
            return op_error(call, err, STATUS_INVALID_INPUT, "matrix %zu: %s", m, fault);
        for (int64_t i = 0; order && i < job.rows; i++)
            tensor_set_f64(order, m * (size_t)job.rows + (size_t)i, (double)job.order[i]);
    }
    return STATUS_OK;
}

#define RUN(name)                                                                                  \
    static enum status run_##name(const struct op_call *call, struct error *err)                   \
    {                                                                                              \
        return run_each(call, matrix_kernels_of(call->in[0].dtype)->name, NULL, err);              \
    }
RUN(determinant)
RUN(inverse)
RUN(solve)
RUN(cholesky)
RUN(qr)
RUN(svd)
RUN(eigen)

/* Attribute fast: by the normal equations; else the shortest of all solutions, where the
 * regularizer does not count. */
static enum status run_least_squares(const struct op_call *call, struct error *err)
{
    const struct matrix_kernels *kernels = matrix_kernels_of(call->in[0].dtype);
    bool fast = attribute_int(call->attributes, "fast", 1);

    return run_each(call, fast ? kernels->least_squares : kernels->least_norm, NULL, err);
}

RUN(exponential)
RUN(square_root)
RUN(logarithm)

/* --- square in, square out; or one number each --- */

static enum status infer_square(struct op_call *call, struct error *err)
{
    TRY(wants_matrix(call, true, err));
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status infer_number(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;

    TRY(wants_matrix(call, true, err));
    if (out.rank >= 0)
        out.rank -= 2;
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_log_determinant(const struct op_call *call, struct error *err)
{
    return run_each(call, matrix_kernels_of(call->in[0].dtype)->log_determinant, NULL, err);
}

/* --- LU: and the order of the rows (attribute wide: int64) --- */

static enum status infer_lu(struct op_call *call, struct error *err)
{
    struct shape order = call->in[0].shape;

    TRY(infer_square(call, err));
    if (order.rank >= 0)
        order.rank--;
    op_give(call, 1, attribute_int(call->attributes, "wide", 0) ? DTYPE_I64 : DTYPE_I32, &order);
    return STATUS_OK;
}

static enum status run_lu(const struct op_call *call, struct error *err)
{
    struct op_call first = *call;

    first.out_count = 1;
    return run_each(&first, matrix_kernels_of(call->in[0].dtype)->lu,
                    call->out_count > 1 ? &call->out[1] : NULL, err);
}

/* --- right-hand sides of the same leading dimensions --- */

static enum status wants_sides(const struct op_call *call, struct error *err)
{
    const struct shape *a = &call->in[0].shape, *b = &call->in[1].shape;

    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 1, 2, RANK_MAX, err));
    if (a->rank >= 0 && b->rank >= 0 && differ(side(a, 2), side(b, 2)))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows and %lld rows",
                        (long long)side(a, 2), (long long)side(b, 2));
    return STATUS_OK;
}

static enum status infer_solve(struct op_call *call, struct error *err)
{
    const struct shape *a = &call->in[0].shape;
    struct shape out = call->in[1].shape;

    TRY(wants_matrix(call, !op_has(call, 2), err));
    TRY(wants_sides(call, err));
    if (op_has(call, 2)) {
        TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_rank(call, 2, 0, 0, err));
    }
    if (out.rank >= 0 && a->rank >= 0) {
        TRY(op_wants_rank(call, 1, a->rank, a->rank, err));
        for (int i = 0; i < a->rank - 2; i++)
            if (differ(a->dims[i], out.dims[i]))
                return op_error(call, err, STATUS_INVALID_INPUT, "%lld matrices for %lld sides",
                                (long long)a->dims[i], (long long)out.dims[i]);
        out.dims[out.rank - 2] = side(a, 1);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* --- triangular: leading dimensions broadcast --- */

static enum status infer_triangular(struct op_call *call, struct error *err)
{
    const struct shape *b = &call->in[1].shape;
    struct shape first = call->in[0].shape, second = *b, out = {.rank = RANK_UNKNOWN};

    TRY(wants_matrix(call, true, err));
    TRY(wants_sides(call, err));
    if (first.rank >= 0 && second.rank >= 0) {
        first.rank -= 2;
        second.rank -= 2;
        TRY(shape_broadcast(&first, &second, &out, call, err));
        out.dims[out.rank] = side(b, 2);
        out.dims[out.rank + 1] = side(b, 1);
        out.rank += 2;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_triangular(const struct op_call *call, struct error *err)
{
    matrix_kernel kernel = matrix_kernels_of(call->in[0].dtype)->triangular_solve;
    struct shape out = call->out[0].shape, first = call->in[0].shape, second = call->in[1].shape;
    size_t size = dtype_size(call->in[0].dtype);
    struct matrix_job job = job_of(call);
    size_t a_pitch = (size_t)(job.rows * job.rows) * size;
    size_t b_pitch = (size_t)(job.rows * job.width) * size;
    struct broadcast walk;

    out.rank -= 2;
    first.rank -= 2;
    second.rank -= 2;
    broadcast_start(&walk, &out, (const struct shape *[]){&first, &second}, 2);
    if (!walk.count || !b_pitch)
        return STATUS_OK;
    do
        for (size_t i = 0; i < walk.count; i++) {
            const char *fault;

            job.a =
                (const char *)call->in[0].data + (walk.at[0] + (walk.step[0] ? i : 0)) * a_pitch;
            job.b =
                (const char *)call->in[1].data + (walk.at[1] + (walk.step[1] ? i : 0)) * b_pitch;
            job.y[0] = (char *)call->out[0].data + (walk.done + i) * b_pitch;
            fault = kernel(&job);
            if (fault)
                return op_error(call, err, STATUS_INVALID_INPUT, "matrix %zu: %s", walk.done + i,
                                fault);
        }
    while (broadcast_next(&walk));
    return STATUS_OK;
}

/* --- decompositions --- */

static enum status infer_qr(struct op_call *call, struct error *err)
{
    bool full = attribute_int(call->attributes, "full", 0);
    struct shape q = call->in[0].shape, r = q;

    TRY(wants_matrix(call, false, err));
    if (q.rank >= 0) {
        int64_t m = side(&q, 2), n = side(&q, 1);
        int64_t least = full                                 ? m
                        : dim_is_known(m) && dim_is_known(n) ? (m < n ? m : n)
                                                             : DIM_UNKNOWN;

        q.dims[q.rank - 1] = least;
        r.dims[r.rank - 2] = least;
    }
    op_give(call, 0, call->in[0].dtype, &q);
    op_give(call, 1, call->in[0].dtype, &r);
    return STATUS_OK;
}

/* s, and where vectors are asked for u and v. Eigen takes another way from this width on, whose
 * signs are not known. */
enum { SVD_COLUMNS_MAX = 16 };

static enum status infer_svd(struct op_call *call, struct error *err)
{
    bool full = attribute_int(call->attributes, "full", 0);
    struct shape s = call->in[0].shape, u = s, v = s;

    TRY(wants_matrix(call, false, err));
    if (s.rank >= 0) {
        int64_t m = side(&s, 2), n = side(&s, 1);
        int64_t least = dim_is_known(m) && dim_is_known(n) ? (m < n ? m : n) : DIM_UNKNOWN;

        if (attribute_int(call->attributes, "vectors", 1) && n >= SVD_COLUMNS_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "the signs of singular vectors of %lld columns", (long long)n);
        s.rank--;
        s.dims[s.rank - 1] = least;
        u.dims[u.rank - 1] = full ? m : least;
        v.dims[v.rank - 2] = n;
        v.dims[v.rank - 1] = full ? n : least;
    }
    op_give(call, 0, call->in[0].dtype, &s);
    op_give(call, 1, call->in[0].dtype, &u);
    op_give(call, 2, call->in[0].dtype, &v);
    return STATUS_OK;
}

/* In single precision the signs of vectors hang on how the last bits were rounded. */
enum { EIGEN_SINGLE_MAX = 16 };

static enum status infer_eigen(struct op_call *call, struct error *err)
{
    bool single = call->in[0].dtype == DTYPE_F32 || call->in[0].dtype == DTYPE_C64;
    struct shape values = call->in[0].shape;

    TRY(wants_matrix(call, true, err));
    if (single && values.rank >= 0 && side(&values, 1) > EIGEN_SINGLE_MAX &&
        attribute_int(call->attributes, "vectors", 1))
        return op_error(call, err, STATUS_UNSUPPORTED, "the signs of %lld eigenvectors in %s",
                        (long long)side(&values, 1), dtype_name(call->in[0].dtype));
    if (values.rank >= 0)
        values.rank--;
    op_give(call, 0, call->in[0].dtype, &values);
    op_give(call, 1, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

#define ROW(title, does, ins, outs, rule, kernel)                                                  \
    {                                                                                              \
        .name = title, .summary = does, .in_min = ins, .in_max = ins, .out_min = 1,                \
        .out_max = outs, .infer = infer_##rule, .scratch_size = scratch_size, .run = run_##kernel  \
    }
const struct op_set ops_firn_matrix =
    OP_SET(ROW("MatrixDeterminant", "determinants", 1, 1, number, determinant),
           ROW("LogMatrixDeterminant", "sign and logarithm of determinants", 1, 2, number,
               log_determinant),
           ROW("MatrixInverse", "inverse matrices", 1, 1, square, inverse),
           ROW("MatrixExponential", "exp of matrices", 1, 1, square, exponential),
           ROW("MatrixSquareRoot", "square roots of matrices", 1, 1, square, square_root),
           ROW("MatrixLogarithm", "logarithms of matrices", 1, 1, square, logarithm),
           ROW("MatrixSolve", "systems of linear equations", 2, 1, solve, solve),
           ROW("MatrixSolveLs", "least squares", 3, 1, solve, least_squares),
           ROW("MatrixTriangularSolve", "triangular systems", 2, 1, triangular, triangular),
           ROW("Cholesky", "lower factors of positive definite matrices", 1, 1, square, cholesky),
           ROW("Lu", "triangular factors and the order of rows", 1, 2, lu, lu),
           ROW("Qr", "orthogonal and triangular factors", 1, 2, qr, qr),
           ROW("Svd", "singular values and vectors", 1, 3, svd, svd),
           ROW("SelfAdjointEig", "eigenvalues and vectors of self-adjoint matrices", 1, 2, eigen,
               eigen), );
