// SPDX-License-Identifier: Apache-2.0
/* Split: parts along an axis; their lengths as attribute, as input (13), or equal. */
#include "ops/kernels/call.h"

/* Lengths of the parts when they are known without data; *known is false when they are not. */
static enum status lengths(const struct op_call *call, int64_t dim, int64_t parts[OP_OUTPUTS_MAX],
                           bool *known, struct error *err)
{
    int64_t count = (int64_t)call->out_count, total = 0, chunk;
    size_t given = 0;
    const int64_t *ints = attribute_ints(call->attributes, "split", &given);

    *known = true;
    if (op_has(call, 1)) {
        *known = op_is_known(call, 1);
        if (!*known)
            return STATUS_OK;
        TRY(op_input_ints(call, 1, parts, OP_OUTPUTS_MAX, &given, err));
    } else if (ints && given <= OP_OUTPUTS_MAX) {
        memcpy(parts, ints, given * sizeof *ints);
    } else if (ints) {
        return op_error(call, err, STATUS_TOO_LARGE, "%zu parts", given);
    } else {
        int64_t wanted = attribute_int(call->attributes, "num_outputs", count);

        if (wanted < count || wanted > OP_OUTPUTS_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "num_outputs %lld for %lld outputs",
                            (long long)wanted, (long long)count);
        *known = dim_is_known(dim);
        if (!*known)
            return STATUS_OK;
        if (dim % wanted && !attribute_find(call->attributes, "num_outputs"))
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld does not split into %lld parts",
                            (long long)dim, (long long)wanted);
        chunk = dim / wanted + (dim % wanted != 0);
        for (int64_t i = 0; i < count; i++) {
            int64_t left = dim - i * chunk;
            parts[i] = left < 0 ? 0 : left < chunk ? left : chunk;
        }
        return STATUS_OK;
    }
    if (given < (size_t)count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu lengths for %lld outputs", given,
                        (long long)count);
    for (size_t i = 0; i < given; i++)
        if (parts[i] < 0 || __builtin_add_overflow(total, parts[i], &total))
            return op_error(call, err, STATUS_INVALID_INPUT, "part %zu has length %lld", i,
                            (long long)parts[i]);
    if (dim_is_known(dim) && total != dim)
        return op_error(call, err, STATUS_INVALID_INPUT, "parts of %lld in all, but axis has %lld",
                        (long long)total, (long long)dim);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    int64_t parts[OP_OUTPUTS_MAX];
    struct shape out = *in;
    bool known;
    int axis;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (call->out_count > OP_OUTPUTS_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "%zu outputs", call->out_count);
    if (in->rank < 0) {
        for (size_t i = 0; i < call->out_count; i++)
            op_give(call, i, call->in[0].dtype, in);
        return STATUS_OK;
    }
    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &axis, err));
    TRY(lengths(call, in->dims[axis], parts, &known, err));
    for (size_t i = 0; i < call->out_count; i++) {
        out.dims[axis] = known ? parts[i] : DIM_UNKNOWN;
        op_give(call, i, call->in[0].dtype, &out);
    }
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t size = dtype_size(x->dtype), outer, inner, row, at = 0;
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), x->shape.rank, &axis, err));
    if (tensor_count(x) == 0)
        return STATUS_OK;
    outer = shape_span(&x->shape, 0, axis);
    inner = shape_span(&x->shape, axis + 1, x->shape.rank) * size;
    row = (size_t)x->shape.dims[axis] * inner;
    for (size_t k = 0; k < call->out_count; k++) {
        size_t bytes = (size_t)call->out[k].shape.dims[axis] * inner;

        for (size_t i = 0; i < outer && bytes; i++)
            memcpy((char *)call->out[k].data + i * bytes, (const char *)x->data + i * row + at,
                   bytes);
        at += bytes;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_split = OP_SET({.name = "Split",
                                             .summary = "parts along an axis",
                                             .flags = OP_ROWS | OP_SPLIT,
                                             .in_min = 1,
                                             .in_max = 2,
                                             .out_min = 1,
                                             .out_max = OP_OUTPUTS_MAX,
                                             .infer = infer,
                                             .run = run});
