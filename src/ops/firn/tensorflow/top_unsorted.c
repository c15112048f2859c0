// SPDX-License-Identifier: Apache-2.0
/* TopUnsorted: the k largest of the last dimension in the order in which TensorFlow's TopK leaves
 * them where nobody asks for sorted ones: that of the heap that it keeps (core/lib/gtl/top_n.h over
 * the C++ library's make_heap and pop_heap).
 *
 * Inputs: x, k (one element). Outputs: values, indices (int64). */
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    int64_t k = DIM_UNKNOWN;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (op_is_known(call, 1)) {
        TRY(op_input_i64(call, 1, &k, err));
        if (k < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "k is %lld", (long long)k);
    }
    if (out.rank > 0) {
        int64_t *dim = &out.dims[out.rank - 1];

        if (dim_is_known(*dim) && k > *dim)
            return op_error(call, err, STATUS_INVALID_INPUT, "k is %lld of %lld elements",
                            (long long)k, (long long)*dim);
        *dim = k;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, DTYPE_I64, &out);
    return STATUS_OK;
}

/* A heap of indices, and one place more. */
static size_t scratch_size(const struct op_call *call)
{
    const struct shape *out = &call->out[0].shape;

    return ((size_t)out->dims[out->rank - 1] + 1) * sizeof(int64_t);
}

struct row {
    const struct tensor *x;
    size_t start;
    int64_t *heap;
};

/* -1, 0, 1; 0 where one is NaN. */
static int compare(const struct row *r, int64_t a, int64_t b)
{
    size_t i = r->start + (size_t)a, j = r->start + (size_t)b;

    if (dtype_is_float(r->x->dtype)) {
        double p = tensor_f64(r->x, i), q = tensor_f64(r->x, j);

        return (p > q) - (p < q);
    }
    if (r->x->dtype == DTYPE_U64) {
        uint64_t p = (uint64_t)tensor_i64(r->x, i), q = (uint64_t)tensor_i64(r->x, j);

        return (p > q) - (p < q);
    }
    return (tensor_i64(r->x, i) > tensor_i64(r->x, j)) -
           (tensor_i64(r->x, i) < tensor_i64(r->x, j));
}

static bool before(const struct row *r, int64_t a, int64_t b)
{
    int order = compare(r, a, b);

    return order ? order > 0 : a < b;
}

/* std::push_heap: `value` up from a hole, not above `top`. */
static void push(const struct row *r, size_t hole, size_t top, int64_t value)
{
    for (; hole > top && before(r, r->heap[(hole - 1) / 2], value); hole = (hole - 1) / 2)
        r->heap[hole] = r->heap[(hole - 1) / 2];
    r->heap[hole] = value;
}

/* std::__adjust_heap: `value` into a heap of n > 0 with a hole. */
static void adjust(const struct row *r, size_t hole, size_t n, int64_t value)
{
    int64_t *heap = r->heap;
    size_t top = hole, child = hole;

    while (child < (n - 1) / 2) {
        child = 2 * (child + 1);
        if (before(r, heap[child], heap[child - 1]))
            child--;
        heap[hole] = heap[child];
        hole = child;
    }
    if (n % 2 == 0 && child == (n - 2) / 2) {
        child = 2 * (child + 1);
        heap[hole] = heap[child - 1];
        hole = child - 1;
    }
    push(r, hole, top, value);
}

/* std::pop_heap of n: the top goes to the end, the rest is a heap again. */
static void pop(const struct row *r, size_t n)
{
    int64_t value = r->heap[n - 1];

    if (n < 2)
        return;
    r->heap[n - 1] = r->heap[0];
    adjust(r, 0, n - 1, value);
}

/* A heap of the indices below n, at least 2; the one that stands behind all others on top. */
static void make(const struct row *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->heap[i] = (int64_t)i;
    for (size_t parent = (n - 2) / 2 + 1; parent--;)
        adjust(r, parent, n, r->heap[parent]);
}

/* k < n */
static void top(const struct row *r, size_t n, size_t k)
{
    make(r, k + 1);
    pop(r, k + 1);
    for (size_t i = k + 1; i < n; i++)
        if (before(r, (int64_t)i, r->heap[0])) {
            pop(r, k);
            push(r, k - 1, 0, (int64_t)i);
        }
}

/* All of them: sorted after all. */
static void sort(const struct row *r, size_t n)
{
    r->heap[0] = 0;
    if (n > 1)
        make(r, n);
    for (; n > 1; n--)
        pop(r, n);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    size_t n = (size_t)x->shape.dims[x->shape.rank - 1], size = dtype_size(x->dtype);
    size_t k = (size_t)y->shape.dims[y->shape.rank - 1], at = 0;

    (void)err;
    for (size_t i = 0; k && i < tensor_count(x); i += n) {
        struct row row = {x, i, call->scratch};

        if (k == n)
            sort(&row, n);
        else
            top(&row, n, k);
        for (size_t q = 0; q < k; q++, at++) {
            memcpy((char *)y->data + at * size,
                   (const char *)x->data + (i + (size_t)row.heap[q]) * size, size);
            if (call->out_count > 1)
                ((int64_t *)call->out[1].data)[at] = row.heap[q];
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_top_unsorted =
    OP_SET({.name = "TopUnsorted",
            .summary = "the largest of the last dimension in the order of TensorFlow's heap",
            .in_min = 2,
            .in_max = 2,
            .out_min = 2,
            .out_max = 2,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
