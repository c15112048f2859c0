// SPDX-License-Identifier: Apache-2.0
/* Fourier: transforms of complex and real numbers over the last dimensions.
 *
 *   inputs      x (..., dims): complex, or real for `real` transforms forward; with `real` the
 *               lengths (rank), int32: x is cut or filled with 0 to them
 *   attributes  rank 1 to 3; inverse; real: forward of real numbers to half of the last dimension,
 *               inverse back to real numbers
 * In double; the inverse is divided by the number of elements. */
#include "ops/kernels/math/fft.h"

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"
#include "ops/kernels/strided.h"

#define DTYPES_COMPLEX (DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))
#define DTYPES_PART (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64))
#define LENGTH_MAX (INT64_C(1) << 28)

struct fourier {
    int rank;
    bool inverse, real;
    int64_t lengths[3]; /* of the transform; DIM_UNKNOWN */
};

static enum status fourier_of(const struct op_call *call, struct fourier *f, struct error *err)
{
    const struct shape *x = &call->in[0].shape;

    f->rank = (int)attribute_int(call->attributes, "rank", 1);
    f->inverse = attribute_int(call->attributes, "inverse", 0);
    f->real = attribute_int(call->attributes, "real", 0);
    if (f->rank < 1 || f->rank > 3 || (op_has(call, 1) != f->real))
        return op_error(call, err, STATUS_INVALID_INPUT, "a transform of rank %d", f->rank);
    TRY(op_wants(call, 0, f->real && !f->inverse ? DTYPES_PART : DTYPES_COMPLEX, err));
    TRY(op_wants_rank(call, 0, f->rank, RANK_MAX, err));
    for (int i = 0; i < f->rank; i++)
        f->lengths[i] = !f->real && x->rank >= 0 ? x->dims[x->rank - f->rank + i] : DIM_UNKNOWN;
    if (!f->real)
        return STATUS_OK;
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    if (!op_is_known(call, 1))
        return STATUS_OK;
    if (tensor_count(&call->in[1]) != (size_t)f->rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu lengths, not %d",
                        tensor_count(&call->in[1]), f->rank);
    for (int i = 0; i < f->rank; i++) {
        f->lengths[i] = index_at(&call->in[1], (size_t)i);
        if (f->lengths[i] < 0 || f->lengths[i] > LENGTH_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "a length of %lld",
                            (long long)f->lengths[i]);
    }
    return STATUS_OK;
}

/* Elements of the last dimension that are stored of a real transform. */
static int64_t half(int64_t length)
{
    return length > 0 ? length / 2 + 1 : length;
}

/* TensorFlow asks for inputs that are long enough, but for empty ones. */
static enum status is_long_enough(const struct op_call *call, const struct fourier *f,
                                  struct error *err)
{
    const struct shape *x = &call->in[0].shape;

    for (int i = 0; f->real && x->rank >= 0 && i < f->rank; i++) {
        int64_t have = x->dims[x->rank - f->rank + i], want = f->lengths[i];

        if (f->inverse && i == f->rank - 1)
            want = half(want);
        if (dim_is_known(have) && dim_is_known(want) && have > 0 && have < want)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld elements for a length of %lld",
                            (long long)have, (long long)f->lengths[i]);
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    enum dtype dtype = call->in[0].dtype;
    struct fourier f;

    TRY(fourier_of(call, &f, err));
    TRY(is_long_enough(call, &f, err));
    for (int i = 0; out.rank >= 0 && i < f.rank; i++) {
        int64_t length = f.lengths[i];

        if (f.real && !f.inverse && i == f.rank - 1)
            length = dim_is_known(length) ? half(length) : DIM_UNKNOWN;
        out.dims[out.rank - f.rank + i] = length;
    }
    if (f.real && f.inverse)
        dtype = dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64;
    else if (f.real)
        dtype = dtype == DTYPE_F32 ? DTYPE_C64 : DTYPE_C128;
    op_give(call, 0, dtype, &out);
    return STATUS_OK;
}

static size_t block_size(const struct fourier *f, size_t *longest)
{
    size_t size = 1;

    *longest = 1;
    for (int i = 0; i < f->rank; i++) {
        size *= (size_t)f->lengths[i];
        *longest = (size_t)f->lengths[i] > *longest ? (size_t)f->lengths[i] : *longest;
    }
    return size;
}

static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct fourier f;
    size_t longest, size;

    if (fourier_of(call, &f, &ignored))
        return 0;
    size = block_size(&f, &longest);
    return (size + longest + fft_scratch(longest)) * sizeof(struct complex_f64);
}

static struct complex_f64 load(const struct tensor *x, size_t i)
{
    if (x->dtype == DTYPE_C64)
        return (struct complex_f64){((const float *)x->data)[2 * i],
                                    ((const float *)x->data)[2 * i + 1]};
    if (x->dtype == DTYPE_C128)
        return (struct complex_f64){((const double *)x->data)[2 * i],
                                    ((const double *)x->data)[2 * i + 1]};
    return (struct complex_f64){tensor_f64(x, i), 0};
}

static void store(struct tensor *y, size_t i, struct complex_f64 v)
{
    if (y->dtype == DTYPE_C64) {
        ((float *)y->data)[2 * i] = (float)v.re;
        ((float *)y->data)[2 * i + 1] = (float)v.im;
    } else if (y->dtype == DTYPE_C128) {
        ((double *)y->data)[2 * i] = v.re;
        ((double *)y->data)[2 * i + 1] = v.im;
    } else {
        tensor_set_f64(y, i, v.re);
    }
}

/* The dimensions (a, b, c) of a block, 1 where there are fewer. */
static void dims_of(const struct shape *shape, int rank, size_t dims[3])
{
    for (int i = 0; i < 3; i++)
        dims[i] = i < 3 - rank ? 1 : (size_t)shape->dims[shape->rank - 3 + i];
}

/* Block `b` of the input, cut or filled up; what a real inverse leaves out stays 0. */
static void load_block(const struct op_call *call, const struct fourier *f, size_t b,
                       struct complex_f64 *block)
{
    const struct tensor *x = &call->in[0];
    struct shape lengths = shape_of(f->rank, f->lengths);
    size_t have[3], want[3], at = 0, start;

    dims_of(&x->shape, f->rank, have);
    dims_of(&lengths, f->rank, want);
    start = b * have[0] * have[1] * have[2];
    for (size_t i = 0; i < want[0]; i++)
        for (size_t j = 0; j < want[1]; j++)
            for (size_t k = 0; k < want[2]; k++, at++) {
                bool given = i < have[0] && j < have[1] && k < have[2] &&
                             !(f->real && f->inverse && k > want[2] / 2);

                block[at] = given ? load(x, start + (i * have[1] + j) * have[2] + k)
                                  : (struct complex_f64){0, 0};
            }
}

/* Along dimension `axis` of (a, b, c). */
static void transform(struct complex_f64 *block, const size_t dims[3], int axis, bool inverse,
                      struct complex_f64 *line, struct complex_f64 *room)
{
    size_t n = dims[axis], step = axis == 2 ? 1 : axis == 1 ? dims[2] : dims[1] * dims[2];
    size_t lines = dims[0] * dims[1] * dims[2] / (n ? n : 1);

    for (size_t l = 0; l < lines && n > 1; l++) {
        struct complex_f64 *start = block + l / step * step * n + l % step;

        for (size_t i = 0; i < n; i++)
            line[i] = start[i * step];
        fft(line, n, inverse, room);
        for (size_t i = 0; i < n; i++)
            start[i * step] = line[i];
    }
}

/* The half of the last dimension that is not stored is the conjugate of the other: after the other
 * dimensions are transformed. */
static void complete(struct complex_f64 *block, const size_t dims[3])
{
    size_t n = dims[2];

    for (size_t row = 0; row < dims[0] * dims[1]; row++) {
        struct complex_f64 *line = block + row * n;

        line[0].im = 0;
        if (n % 2 == 0)
            line[n / 2].im = 0;
        for (size_t k = n / 2 + 1; k < n; k++)
            line[k] = (struct complex_f64){line[n - k].re, -line[n - k].im};
    }
}

static void store_block(const struct op_call *call, const struct fourier *f, size_t b,
                        const struct complex_f64 *block, const size_t dims[3])
{
    struct tensor *y = &call->out[0];
    size_t kept = f->real && !f->inverse ? dims[2] / 2 + 1 : dims[2];
    double scale = f->inverse ? 1 / (double)(dims[0] * dims[1] * dims[2]) : 1;

    for (size_t row = 0; row < dims[0] * dims[1]; row++)
        for (size_t k = 0; k < kept; k++) {
            struct complex_f64 v = block[row * dims[2] + k];

            store(y, (b * dims[0] * dims[1] + row) * kept + k,
                  (struct complex_f64){v.re * scale, v.im * scale});
        }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    size_t blocks, longest, size, dims[3];
    struct complex_f64 *block = call->scratch, *line, *room;
    struct shape lengths;
    struct fourier f;

    TRY(fourier_of(call, &f, err));
    TRY(is_long_enough(call, &f, err));
    blocks = shape_span(x, 0, x->rank - f.rank);
    size = block_size(&f, &longest);
    lengths = shape_of(f.rank, f.lengths);
    dims_of(&lengths, f.rank, dims);
    line = block + size;
    room = line + longest;
    for (size_t b = 0; b < blocks && size; b++) {
        load_block(call, &f, b, block);
        for (int axis = 3 - f.rank; axis < 2; axis++)
            transform(block, dims, axis, f.inverse, line, room);
        if (f.real && f.inverse)
            complete(block, dims);
        transform(block, dims, 2, f.inverse, line, room);
        store_block(call, &f, b, block, dims);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_fourier = OP_SET({.name = "Fourier",
                                               .summary = "Fourier transforms over 1 to 3 "
                                                          "dimensions",
                                               .in_min = 1,
                                               .in_max = 2,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .scratch_size = scratch_size,
                                               .run = run});
