// SPDX-License-Identifier: Apache-2.0
/* GatherBatch: slices of x along an axis, for each of the first dimensions, which both have, by
 * itself. Inputs x, indices (negative ones are out of range). Attributes axis, batch_dims
 * (negative: counted from the end, of x and of the indices). Output: x's dimensions before the
 * axis, those of the indices behind the batch, x's behind the axis. */
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

struct gather {
    int axis, batch;
};

static enum status gather_of(const struct op_call *call, struct gather *g, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *indices = &call->in[1].shape;
    int64_t batch = attribute_int(call->attributes, "batch_dims", 0);

    batch += batch < 0 ? indices->rank : 0;
    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), x->rank, &g->axis, err));
    if (batch < 0 || batch > indices->rank || batch > g->axis)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "batch_dims %lld, axis %d, indices of %d dimensions", (long long)batch,
                        g->axis, indices->rank);
    g->batch = (int)batch;
    if (x->rank + indices->rank - g->batch - 1 > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "too many dimensions");
    for (int i = 0; i < g->batch; i++)
        if (dim_is_known(x->dims[i]) && dim_is_known(indices->dims[i]) &&
            x->dims[i] != indices->dims[i])
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is %lld and %lld", i,
                            (long long)x->dims[i], (long long)indices->dims[i]);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *indices = &call->in[1].shape;
    struct shape out = {.rank = RANK_UNKNOWN};
    struct gather g;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (x->rank >= 0 && indices->rank >= 0) {
        TRY(gather_of(call, &g, err));
        out.rank = 0;
        for (int i = 0; i < g.axis; i++)
            out.dims[out.rank++] = x->dims[i];
        for (int i = g.batch; i < indices->rank; i++)
            out.dims[out.rank++] = indices->dims[i];
        for (int i = g.axis + 1; i < x->rank; i++)
            out.dims[out.rank++] = x->dims[i];
        for (int i = 0; i < g.batch; i++)
            if (!dim_is_known(out.dims[i]))
                out.dims[i] = indices->dims[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *indices = &call->in[1];
    size_t batches, outer, picks, inner, dim, at = 0;
    struct gather g;

    TRY(gather_of(call, &g, err));
    batches = shape_span(&x->shape, 0, g.batch);
    outer = shape_span(&x->shape, g.batch, g.axis);
    picks = shape_span(&indices->shape, g.batch, indices->shape.rank);
    inner = shape_span(&x->shape, g.axis + 1, x->shape.rank) * dtype_size(x->dtype);
    dim = (size_t)x->shape.dims[g.axis];
    if (!tensor_count(&call->out[0]))
        return STATUS_OK;
    for (size_t b = 0; b < batches; b++)
        for (size_t o = 0; o < outer; o++)
            for (size_t i = 0; i < picks; i++, at++) {
                int64_t index = index_at(indices, b * picks + i);

                if (index < 0 || index >= (int64_t)dim)
                    return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is %lld, of %zu",
                                    b * picks + i, (long long)index, dim);
                memcpy((char *)call->out[0].data + at * inner,
                       (const char *)x->data + ((b * outer + o) * dim + (size_t)index) * inner,
                       inner);
            }
    return STATUS_OK;
}

const struct op_set ops_firn_gather = OP_SET({.name = "GatherBatch",
                                              .summary = "slices along an axis, batch by batch",
                                              .in_min = 2,
                                              .in_max = 2,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run});
