// SPDX-License-Identifier: Apache-2.0
/* Segment: rows of data with the same number, reduced to one row.
 *
 *   inputs      data (..., inner); ids, int32 or int64, whose shape begins data's; optional: the
 *               number of segments (else the last id, they being sorted, and 1)
 *   attributes  reduction: sum, mean, prod, min, max, sqrt_n (sum / sqrt of the count)
 *               sorted: 1: ids are one dimension, never less than the one before, and not negative;
 *               0: any, and negative ones are left out
 *               limits: 1: an empty segment's min and max are the ends of the type, not 0
 *   output      (segments, inner); an empty segment is 0, of prod 1 */
#include <complex.h>
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

#define DTYPES_COMPLEX (DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))

enum kind { SUM, MEAN, PROD, MIN, MAX, SQRT_N };

static enum status kind_of(const struct op_call *call, enum kind *kind, struct error *err)
{
    static const char *const NAMES[] = {"sum", "mean", "prod", "min", "max", "sqrt_n"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (attribute_is(call->attributes, "reduction", NAMES[i])) {
            *kind = (enum kind)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "the reduction is not known");
}

static enum status segment_count(const struct op_call *call, int64_t *count, struct error *err)
{
    const struct tensor *ids = &call->in[1];
    size_t n;

    *count = DIM_UNKNOWN;
    if (op_has(call, 2)) {
        TRY(op_wants(call, 2, DTYPES_INDEX, err));
        if (op_is_known(call, 2))
            TRY(op_input_i64(call, 2, count, err));
    } else if (op_is_known(call, 1)) {
        n = tensor_count(ids);
        *count = n ? index_at(ids, n - 1) : -1;
        if (n && (*count < 0 || *count == INT64_MAX))
            return op_error(call, err, STATUS_INVALID_INPUT, "the last id is %lld",
                            (long long)*count);
        ++*count;
    } else {
        return STATUS_OK;
    }
    if (*count < (op_has(call, 2) && !op_is_known(call, 2) ? DIM_UNKNOWN : 0))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld segments", (long long)*count);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *data = &call->in[0].shape, *ids = &call->in[1].shape;
    bool sorted = attribute_int(call->attributes, "sorted", 0);
    struct shape out = {.rank = RANK_UNKNOWN};
    enum kind kind;
    int64_t count;

    TRY(kind_of(call, &kind, err));
    TRY(op_wants(call, 0,
                 kind == MIN || kind == MAX ? DTYPES_NUMBER : DTYPES_NUMBER | DTYPES_COMPLEX, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    if (sorted) {
        TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
        TRY(op_wants_rank(call, 1, 1, 1, err));
    }
    TRY(segment_count(call, &count, err));
    if (data->rank >= 0 && ids->rank >= 0) {
        if (ids->rank > data->rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "ids have %d dimensions, data %d",
                            ids->rank, data->rank);
        out.rank = 1 + data->rank - ids->rank;
        if (out.rank > RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "%d dimensions", out.rank);
        out.dims[0] = count;
        for (int i = 0; i < ids->rank; i++)
            if (dim_is_known(ids->dims[i]) && dim_is_known(data->dims[i]) &&
                ids->dims[i] != data->dims[i])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of ids is %lld, of data %lld", i,
                                (long long)ids->dims[i], (long long)data->dims[i]);
        for (int i = ids->rank; i < data->rank; i++)
            out.dims[1 + i - ids->rank] = data->dims[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* Per element of the output 16 bytes, then per segment how many rows it has. */
static size_t scratch_size(const struct op_call *call)
{
    const struct shape *out = &call->out[0].shape;

    return shape_count(out) * sizeof(double complex) + (size_t)out->dims[0] * sizeof(int64_t);
}

/* --- one row into another, by kind of number --- */

static void add_floats(enum kind kind, double *to, bool first, const struct tensor *x, size_t from,
                       size_t inner)
{
    for (size_t i = 0; i < inner; i++) {
        double v = tensor_f64(x, from + i);

        if (first)
            to[i] = v;
        else if (kind == PROD)
            to[i] *= v;
        else if (kind == MIN)
            to[i] = v < to[i] ? v : to[i];
        else if (kind == MAX)
            to[i] = v > to[i] ? v : to[i];
        else
            to[i] += v;
    }
}

static bool is_less(int64_t a, int64_t b, bool is_unsigned)
{
    return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

static void add_integers(enum kind kind, int64_t *to, bool first, const struct tensor *x,
                         size_t from, size_t inner)
{
    bool is_unsigned = dtype_kind(x->dtype) == KIND_UINT;

    for (size_t i = 0; i < inner; i++) {
        int64_t v = tensor_i64(x, from + i);

        if (first)
            to[i] = v;
        else if (kind == PROD)
            to[i] = (int64_t)((uint64_t)to[i] * (uint64_t)v);
        else if (kind == MIN)
            to[i] = is_less(v, to[i], is_unsigned) ? v : to[i];
        else if (kind == MAX)
            to[i] = is_less(to[i], v, is_unsigned) ? v : to[i];
        else
            to[i] = (int64_t)((uint64_t)to[i] + (uint64_t)v);
    }
}

static double complex complex_at(const struct tensor *x, size_t i)
{
    if (x->dtype == DTYPE_C64)
        return ((const float complex *)x->data)[i];
    return ((const double complex *)x->data)[i];
}

static void add_complex(enum kind kind, double complex *to, bool first, const struct tensor *x,
                        size_t from, size_t inner)
{
    for (size_t i = 0; i < inner; i++) {
        double complex v = complex_at(x, from + i);

        to[i] = first ? v : kind == PROD ? to[i] * v : to[i] + v;
    }
}

/* --- the rows of the output --- */

static double empty_float(enum kind kind, enum dtype dtype, bool limits)
{
    double end = dtype == DTYPE_F16    ? 65504
                 : dtype == DTYPE_BF16 ? 0x1.FEp127
                 : dtype == DTYPE_F32  ? 0x1.FFFFFEp127
                                       : 0x1.FFFFFFFFFFFFFp1023;

    if (kind == PROD)
        return 1;
    return !limits ? 0 : kind == MIN ? end : kind == MAX ? -end : 0;
}

static int64_t empty_integer(enum kind kind, enum dtype dtype, bool limits)
{
    int bits = (int)dtype_size(dtype) * 8;
    bool is_unsigned = dtype_kind(dtype) == KIND_UINT;

    if (kind == PROD)
        return 1;
    if (!limits || (kind != MIN && kind != MAX))
        return 0;
    if (is_unsigned)
        return kind == MIN ? (int64_t)(UINT64_MAX >> (64 - bits)) : 0;
    return kind == MIN ? INT64_MAX >> (64 - bits) : INT64_MIN >> (64 - bits);
}

static void put_integer(struct tensor *y, size_t i, int64_t v)
{
    switch (dtype_size(y->dtype)) {
    case 1:
        ((int8_t *)y->data)[i] = (int8_t)v;
        break;
    case 2:
        ((int16_t *)y->data)[i] = (int16_t)v;
        break;
    case 4:
        ((int32_t *)y->data)[i] = (int32_t)v;
        break;
    default:
        ((int64_t *)y->data)[i] = v;
    }
}

static double share_of(enum kind kind, int64_t rows)
{
    return kind == MEAN ? (double)rows : kind == SQRT_N ? sqrt((double)rows) : 1;
}

static void finish_integer(struct tensor *y, size_t i, int64_t value, enum kind kind, int64_t rows)
{
    if (kind == MEAN && dtype_kind(y->dtype) == KIND_UINT)
        value = (int64_t)((uint64_t)value / (uint64_t)rows);
    else if (kind == MEAN)
        value /= rows;
    else if (kind == SQRT_N)
        value = (int64_t)((double)value / share_of(kind, rows));
    put_integer(y, i, value);
}

static void finish_row(const struct op_call *call, enum kind kind, int64_t rows, const void *sums,
                       size_t at, size_t inner)
{
    bool limits = attribute_int(call->attributes, "limits", 0);
    struct tensor *y = &call->out[0];
    double share = share_of(kind, rows);

    for (size_t i = at; i < at + inner; i++) {
        if (dtype_kind(y->dtype) == KIND_COMPLEX) {
            double complex v = rows ? ((const double complex *)sums)[i] / share : kind == PROD;

            if (y->dtype == DTYPE_C64)
                ((float complex *)y->data)[i] = (float complex)v;
            else
                ((double complex *)y->data)[i] = v;
        } else if (dtype_is_float(y->dtype)) {
            tensor_set_f64(y, i,
                           rows ? ((const double *)sums)[i] / share
                                : empty_float(kind, y->dtype, limits));
        } else if (rows) {
            finish_integer(y, i, ((const int64_t *)sums)[i], kind, rows);
        } else {
            put_integer(y, i, empty_integer(kind, y->dtype, limits));
        }
    }
}

static enum status id_check(const struct op_call *call, size_t i, bool sorted, int64_t *id,
                            struct error *err)
{
    const struct tensor *ids = &call->in[1];

    *id = index_at(ids, i);
    if (*id >= call->out[0].shape.dims[0] || (sorted && *id < 0))
        return op_error(call, err, STATUS_INVALID_INPUT, "id %zu is %lld, of %lld segments", i,
                        (long long)*id, (long long)call->out[0].shape.dims[0]);
    if (sorted && i && *id < index_at(ids, i - 1))
        return op_error(call, err, STATUS_INVALID_INPUT, "id %zu is %lld, after %lld", i,
                        (long long)*id, (long long)index_at(ids, i - 1));
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    const struct shape *out = &call->out[0].shape;
    size_t n = tensor_count(&call->in[1]), segments = (size_t)out->dims[0];
    size_t inner = shape_span(out, 1, out->rank);
    bool sorted = attribute_int(call->attributes, "sorted", 0);
    void *sums = call->scratch;
    int64_t *rows = (int64_t *)((double complex *)sums + segments * inner), id;
    enum kind kind;

    TRY(kind_of(call, &kind, err));
    memset(rows, 0, segments * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        TRY(id_check(call, i, sorted, &id, err));
        if (id < 0)
            continue;
        if (dtype_kind(x->dtype) == KIND_COMPLEX)
            add_complex(kind, (double complex *)sums + (size_t)id * inner, !rows[id], x, i * inner,
                        inner);
        else if (dtype_is_float(x->dtype))
            add_floats(kind, (double *)sums + (size_t)id * inner, !rows[id], x, i * inner, inner);
        else
            add_integers(kind, (int64_t *)sums + (size_t)id * inner, !rows[id], x, i * inner,
                         inner);
        rows[id]++;
    }
    for (size_t s = 0; s < segments; s++)
        finish_row(call, kind, rows[s], sums, s * inner, inner);
    return STATUS_OK;
}

const struct op_set ops_firn_segment = OP_SET({.name = "Segment",
                                               .summary = "rows with the same number as one row",
                                               .in_min = 2,
                                               .in_max = 3,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .scratch_size = scratch_size,
                                               .run = run});
