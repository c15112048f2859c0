// SPDX-License-Identifier: Apache-2.0
/* MaxUnpool: elements put back to where MaxPool found them, 0 elsewhere. Indices are into the shape
 * that the window gives; `output_shape` may be larger. */
#include "ops/kernels/index.h"
#include "ops/kernels/spatial/window.h"

static enum status inferred_shape(const struct op_call *call, struct shape *out, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    size_t count;
    const int64_t *pads = attribute_ints(call->attributes, "pads", &count);
    struct window w;

    TRY(window_read(call, in, NULL, &w, err));
    if (pads && count != 2 * (size_t)w.rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu pads for %d dimensions", count,
                        w.rank);
    *out = *in;
    for (int i = 0; i < w.rank; i++) {
        int64_t begin = pads ? pads[i] : 0, end = pads ? pads[i + w.rank] : 0;

        if (begin < 0 || end < 0 || begin > WINDOW_MAX || end > WINDOW_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "pads of dimension %d", i);
        out->dims[i + 2] = DIM_UNKNOWN;
        if (!dim_is_known(w.in[i]))
            continue;
        out->dims[i + 2] = (w.in[i] - 1) * w.stride[i] + w.kernel[i] - begin - end;
        if (out->dims[i + 2] < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d of the result is %lld",
                            i + 2, (long long)out->dims[i + 2]);
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    struct shape inferred = *in, out;
    size_t rank;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 3, RANK_MAX, err));
    if (shape_is_known(in) && shape_is_known(indices) && !shape_equal(in, indices))
        return op_error(call, err, STATUS_INVALID_INPUT, "indices have another shape");
    if (in->rank >= 0)
        TRY(inferred_shape(call, &inferred, err));
    out = inferred;
    if (op_has(call, 2)) {
        TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_I64), err));
        for (int i = 0; i < out.rank; i++)
            out.dims[i] = DIM_UNKNOWN;
        if (op_is_known(call, 2) && in->rank >= 0) {
            TRY(op_input_ints(call, 2, out.dims, RANK_MAX, &rank, err));
            if (rank != (size_t)in->rank)
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "output_shape has %zu dimensions, not %d", rank, in->rank);
            for (int i = 0; i < out.rank; i++)
                if (out.dims[i] < inferred.dims[i])
                    return op_error(call, err, STATUS_INVALID_INPUT,
                                    "dimension %d of output_shape is %lld, below %lld", i,
                                    (long long)out.dims[i], (long long)inferred.dims[i]);
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    size_t size = dtype_size(x->dtype), count = tensor_count(x);
    struct shape inferred;

    TRY(inferred_shape(call, &inferred, err));
    if (tensor_count(y))
        memset(y->data, 0, tensor_bytes(y));
    for (size_t i = 0; i < count; i++) {
        size_t index, offset = 0, step = 1;

        TRY(index_check(call, &call->in[1], i, (int64_t)shape_count(&inferred), &index, err));
        for (int d = x->shape.rank - 1; d >= 0; d--) {
            offset += index % (size_t)inferred.dims[d] * step;
            index /= (size_t)inferred.dims[d];
            step *= (size_t)y->shape.dims[d];
        }
        memcpy((char *)y->data + offset * size, (const char *)x->data + i * size, size);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_max_unpool =
    OP_SET({.name = "MaxUnpool",
            .summary = "elements back to where MaxPool found them",
            .in_min = 2,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
