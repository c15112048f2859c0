// SPDX-License-Identifier: Apache-2.0
/* Unique: different elements (or slices along an axis), sorted or in order of appearance; where
 * each was first, which one every element is, and how often each came. NaNs are one value or, with
 * the private attribute nan_apart, as many as there are. */
#include <math.h>
#include <stdlib.h>

#include "ops/kernels/call.h"

/* The n slices that are compared; without an axis every element is one. */
struct slices {
    const struct tensor *x;
    size_t n, outer, inner; /* slice i is (outer, i, inner) */
    bool nan_apart;
};

static enum status slices_of(const struct op_call *call, struct slices *s, struct error *err)
{
    const struct attribute *axis = attribute_find(call->attributes, "axis");
    const struct shape *shape = &call->in[0].shape;
    int at;

    *s = (struct slices){&call->in[0], 0, 1, 1,
                         attribute_int(call->attributes, "nan_apart", 0) != 0};
    if (!axis) {
        s->n = shape_count(shape);
        return STATUS_OK;
    }
    TRY(op_axis(call, axis->i, shape->rank, &at, err));
    s->n = (size_t)shape->dims[at];
    s->outer = shape_span(shape, 0, at);
    s->inner = shape_span(shape, at + 1, shape->rank);
    return STATUS_OK;
}

/* By the real part, then by the imaginary one, as NumPy sorts. */
static int compare_complex(const struct tensor *x, size_t a, size_t b)
{
    struct tensor parts = {.dtype = x->dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64, .data = x->data};

    for (size_t i = 0; i < 2; i++) {
        double p = tensor_f64(&parts, 2 * a + i), q = tensor_f64(&parts, 2 * b + i);

        if (p != q)
            return isnan(p) || isnan(q) ? !!isnan(p) - !!isnan(q) : (p > q) - (p < q);
    }
    return 0;
}

static int compare_elements(const struct tensor *x, size_t a, size_t b)
{
    if (x->dtype == DTYPE_C64 || x->dtype == DTYPE_C128)
        return compare_complex(x, a, b);
    if (x->dtype == DTYPE_STRING) {
        struct bytes p = ((const struct bytes *)x->data)[a], q = ((const struct bytes *)x->data)[b];
        size_t shorter = p.size < q.size ? p.size : q.size;
        int order = shorter ? memcmp(p.data, q.data, shorter) : 0;

        return order ? order : (p.size > q.size) - (p.size < q.size);
    }
    if (dtype_is_float(x->dtype)) {
        double p = tensor_f64(x, a), q = tensor_f64(x, b);

        if (isnan(p) || isnan(q))
            return !!isnan(p) - !!isnan(q);
        return (p > q) - (p < q);
    }
    if (x->dtype == DTYPE_U64) {
        uint64_t p = (uint64_t)tensor_i64(x, a), q = (uint64_t)tensor_i64(x, b);

        return (p > q) - (p < q);
    }
    return (tensor_i64(x, a) > tensor_i64(x, b)) - (tensor_i64(x, a) < tensor_i64(x, b));
}

static int compare_slices(const struct slices *s, int64_t a, int64_t b)
{
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = 0; i < s->inner; i++) {
            int order = compare_elements(s->x, (o * s->n + (size_t)a) * s->inner + i,
                                         (o * s->n + (size_t)b) * s->inner + i);
            if (order)
                return order;
        }
    return 0;
}

static bool has_nan(const struct slices *s, int64_t slice)
{
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = 0; i < s->inner; i++)
            if (isnan(tensor_f64(s->x, (o * s->n + (size_t)slice) * s->inner + i)))
                return true;
    return false;
}

static bool is_same(const struct slices *s, int64_t a, int64_t b)
{
    return !compare_slices(s, a, b) &&
           !(s->nan_apart && dtype_is_float(s->x->dtype) && has_nan(s, a));
}

static bool is_after(const struct slices *s, int64_t a, int64_t b)
{
    int order = compare_slices(s, a, b);

    return order ? order > 0 : a > b;
}

/* Heap sort of 0 .. n - 1 by slice, then by index: needs no memory, never degenerates. */
static void sink(const struct slices *s, int64_t *order, size_t at, size_t count)
{
    int64_t moved = order[at];
    size_t child;

    for (; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && is_after(s, order[child + 1], order[child]);
        if (!is_after(s, order[child], moved))
            break;
        order[at] = order[child];
    }
    order[at] = moved;
}

static void sort(const struct slices *s, int64_t *order)
{
    for (size_t i = 0; i < s->n; i++)
        order[i] = (int64_t)i;
    for (size_t i = s->n / 2; i--;)
        sink(s, order, i, s->n);
    for (size_t count = s->n; count > 1;) {
        int64_t last = order[0];

        order[0] = order[--count];
        order[count] = last;
        sink(s, order, 0, count);
    }
}

static enum status count_different(const struct op_call *call, const struct slices *s,
                                   int64_t *count, struct error *err)
{
    int64_t *order = malloc((s->n + 1) * sizeof *order);

    if (!order)
        return op_error(call, err, STATUS_NO_MEMORY, "to sort %zu elements", s->n);
    sort(s, order);
    *count = s->n > 0;
    for (size_t i = 1; i < s->n; i++)
        *count += !is_same(s, order[i - 1], order[i]);
    free(order);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct attribute *axis = attribute_find(call->attributes, "axis");
    const struct shape *in = &call->in[0].shape;
    struct shape line = {.rank = 1, .dims = {DIM_UNKNOWN}}, out = line;
    struct slices s;
    int at = 0;

    TRY(op_wants(call, 0,
                 DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL) | DTYPE_BIT(DTYPE_STRING) |
                     DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128),
                 err));
    if (axis && in->rank >= 0)
        TRY(op_axis(call, axis->i, in->rank, &at, err));
    if (axis)
        out = *in;
    if (op_is_known(call, 0)) {
        TRY(slices_of(call, &s, err));
        if (s.n && tensor_count(&call->in[0]) == 0)
            return op_error(call, err, STATUS_UNSUPPORTED, "slices without elements");
        TRY(count_different(call, &s, &line.dims[0], err));
    }
    if (out.rank >= 0)
        out.dims[at] = line.dims[0];
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, DTYPE_I64, &line);
    op_give(call, 3, DTYPE_I64, &line);
    line.dims[0] = DIM_UNKNOWN;
    if (shape_is_known(in)) {
        TRY(slices_of(call, &s, err));
        line.dims[0] = (int64_t)s.n;
    }
    op_give(call, 2, DTYPE_I64, &line);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return 4 * tensor_count(&call->in[0]) * sizeof(int64_t) + 64;
}

static void copy_slice(const struct slices *s, size_t from, struct tensor *y, size_t to, size_t n)
{
    size_t bytes = s->inner * dtype_size(y->dtype);

    for (size_t o = 0; o < s->outer && bytes; o++)
        memcpy((char *)y->data + (o * n + to) * bytes,
               (const char *)s->x->data + (o * s->n + from) * bytes, bytes);
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool sorted = attribute_int(call->attributes, "sorted", 1);
    int64_t *order = call->scratch, *group, *first, *number, groups = 0, next = 0;
    int64_t *out[4] = {NULL};
    struct slices s;

    TRY(slices_of(call, &s, err));
    for (size_t i = 1; i < call->out_count; i++)
        out[i] = call->out[i].data;
    group = order + s.n;
    first = group + s.n;
    number = first + s.n;
    sort(&s, order);
    for (size_t i = 0; i < s.n; i++) {
        if (i == 0 || !is_same(&s, order[i - 1], order[i])) {
            number[groups] = groups;
            first[groups++] = order[i];
        }
        group[order[i]] = groups - 1;
    }
    for (size_t i = 0; !sorted && i < s.n; i++)
        if (first[group[i]] == (int64_t)i)
            number[group[i]] = next++;
    for (int64_t g = 0; g < groups; g++) {
        copy_slice(&s, (size_t)first[g], &call->out[0], (size_t)number[g], (size_t)groups);
        if (out[1])
            out[1][number[g]] = first[g];
        if (out[3])
            out[3][number[g]] = 0;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (out[2])
            out[2][i] = number[group[i]];
        if (out[3])
            out[3][number[group[i]]]++;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_unique = OP_SET({.name = "Unique",
                                              .summary = "different elements or slices",
                                              .in_min = 1,
                                              .in_max = 1,
                                              .out_min = 1,
                                              .out_max = 4,
                                              .infer = infer,
                                              .scratch_size = scratch_size,
                                              .run = run});
