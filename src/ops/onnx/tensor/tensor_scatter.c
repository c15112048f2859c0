// SPDX-License-Identifier: Apache-2.0
/* TensorScatter: a cache with new steps written into it, from an index per item of the batch on. */
#include "ops/kernels/index.h"

enum { CACHE, UPDATE, INDICES };

static enum status axis_of(const struct op_call *call, int *axis, struct error *err)
{
    TRY(op_axis(call, attribute_int(call->attributes, "axis", -2), call->in[CACHE].shape.rank, axis,
                err));
    if (*axis == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "axis 0 is that of the batch");
    if (!attribute_is(call->attributes, "mode", "linear") &&
        !attribute_is(call->attributes, "mode", "circular") &&
        attribute_find(call->attributes, "mode"))
        return op_error(call, err, STATUS_UNSUPPORTED, "this mode");
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *cache = &call->in[CACHE].shape, *update = &call->in[UPDATE].shape;
    int axis;

    TRY(op_wants(call, CACHE, DTYPES_ANY, err));
    TRY(op_wants_same(call, CACHE, UPDATE, err));
    if (op_has(call, INDICES)) {
        TRY(op_wants(call, INDICES, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, INDICES, 1, 1, err));
    }
    if (cache->rank >= 0) {
        TRY(axis_of(call, &axis, err));
        TRY(op_wants_rank(call, UPDATE, cache->rank, cache->rank, err));
        for (int i = 0; i < update->rank; i++)
            if (dim_is_known(update->dims[i]) && dim_is_known(cache->dims[i]) &&
                (i == axis ? update->dims[i] > cache->dims[i] : update->dims[i] != cache->dims[i]))
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of the update is %lld, of the cache %lld", i,
                                (long long)update->dims[i], (long long)cache->dims[i]);
        if (op_has(call, INDICES) && call->in[INDICES].shape.rank == 1 &&
            dim_is_known(call->in[INDICES].shape.dims[0]) && dim_is_known(cache->dims[0]) &&
            call->in[INDICES].shape.dims[0] != cache->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld indices for %lld items",
                            (long long)call->in[INDICES].shape.dims[0], (long long)cache->dims[0]);
    }
    return op_infer_same(call, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool circular = attribute_is(call->attributes, "mode", "circular");
    const struct tensor *cache = &call->in[CACHE], *update = &call->in[UPDATE];
    size_t inner, lines;
    int64_t steps, room;
    int axis;

    TRY(axis_of(call, &axis, err));
    if (call->out[0].data != cache->data && tensor_count(cache))
        memcpy(call->out[0].data, cache->data, tensor_bytes(cache));
    if (tensor_count(update) == 0)
        return STATUS_OK;
    inner = shape_span(&cache->shape, axis + 1, cache->shape.rank) * dtype_size(cache->dtype);
    lines = shape_span(&cache->shape, 1, axis);
    steps = update->shape.dims[axis];
    room = cache->shape.dims[axis];
    for (size_t i = 0; i < (size_t)cache->shape.dims[0] * lines; i++) {
        int64_t first = op_has(call, INDICES) ? index_at(&call->in[INDICES], i / lines) : 0;

        if (first < 0 || first > INT32_MAX || (!circular && first > room - steps))
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is %lld, of %lld",
                            i / lines, (long long)first, (long long)room);
        for (int64_t s = 0; s < steps; s++)
            memcpy((char *)call->out[0].data +
                       (i * (size_t)room + (size_t)((first + s) % room)) * inner,
                   (const char *)update->data + (i * (size_t)steps + (size_t)s) * inner, inner);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_tensor_scatter = OP_SET({.name = "TensorScatter",
                                                      .summary = "new steps written into a cache",
                                                      .flags = OP_INPLACE | OP_ROWS,
                                                      .in_min = 2,
                                                      .in_max = 3,
                                                      .out_min = 1,
                                                      .out_max = 1,
                                                      .infer = infer,
                                                      .run = run});
