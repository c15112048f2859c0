// SPDX-License-Identifier: Apache-2.0
/* TopK: the k largest (or smallest) elements of an axis and where they were, always sorted; of
 * equal ones the first. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/math/top_k.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*top_kernel)(const void *x, size_t step, bool largest, size_t n, size_t k,
                           int64_t *heap);
static const top_kernel TOP[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, top)};

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    int64_t k = DIM_UNKNOWN;
    int axis;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    if (op_has(call, 1)) {
        TRY(op_wants(call, 1, DTYPES_INDEX, err));
        if (op_is_known(call, 1))
            TRY(op_input_i64(call, 1, &k, err));
    } else if (attribute_find(call->attributes, "k")) {
        k = attribute_int(call->attributes, "k", 0);
    } else {
        return op_error(call, err, STATUS_INVALID_INPUT, "k is missing");
    }
    if (k < -1 || (k < 0 && (!op_has(call, 1) || op_is_known(call, 1))))
        return op_error(call, err, STATUS_INVALID_INPUT, "k is %lld", (long long)k);
    if (in->rank >= 0) {
        TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), in->rank, &axis, err));
        if (dim_is_known(in->dims[axis]) && k > in->dims[axis])
            return op_error(call, err, STATUS_INVALID_INPUT, "k is %lld of %lld elements",
                            (long long)k, (long long)in->dims[axis]);
        out.dims[axis] = k;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, DTYPE_I64, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    int64_t axis = attribute_int(call->attributes, "axis", -1);

    axis += axis < 0 ? call->out[0].shape.rank : 0;
    return (size_t)call->out[0].shape.dims[axis] * sizeof(int64_t);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    bool largest = attribute_int(call->attributes, "largest", 1);
    int64_t *where = call->out_count > 1 ? call->out[1].data : NULL, *heap = call->scratch;
    size_t size = dtype_size(x->dtype), outer, inner, n, k;
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), x->shape.rank, &axis, err));
    outer = shape_span(&x->shape, 0, axis);
    inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    n = (size_t)x->shape.dims[axis];
    k = (size_t)y->shape.dims[axis];
    for (size_t i = 0; i < outer; i++)
        for (size_t j = 0; j < inner; j++) {
            const char *line = (const char *)x->data + (i * n * inner + j) * size;

            TOP[x->dtype](line, inner, largest, n, k, heap);
            for (size_t q = 0; q < k; q++) {
                size_t to = (i * k + q) * inner + j;

                memcpy((char *)y->data + to * size, line + (size_t)heap[q] * inner * size, size);
                if (where)
                    where[to] = heap[q];
            }
        }
    return STATUS_OK;
}

const struct op_set ops_onnx_top_k = OP_SET({.name = "TopK",
                                             .summary = "the largest or smallest of an axis",
                                             .in_min = 1,
                                             .in_max = 2,
                                             .out_min = 1,
                                             .out_max = 2,
                                             .infer = infer,
                                             .scratch_size = scratch_size,
                                             .run = run});
