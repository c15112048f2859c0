// SPDX-License-Identifier: Apache-2.0
/* Shape and Size: what is known of a tensor without its elements. */
#include "ops/op.h"

/* Shape takes the dimensions [start, end), both clamped, since opset 15. */
static void shape_range(const struct op_call *call, int rank, int *start, int *end)
{
    int64_t first = attribute_int(call->attributes, "start", 0);
    int64_t last = attribute_int(call->attributes, "end", rank);

    first = first < 0 ? first + rank : first;
    last = last < 0 ? last + rank : last;
    first = first < 0 ? 0 : first > rank ? rank : first;
    last = last < first ? first : last > rank ? rank : last;
    *start = (int)first;
    *end = (int)last;
}

static enum status shape_infer(struct op_call *call, struct error *err)
{
    int rank = call->in[0].shape.rank, start, end;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    call->out[0].dtype = DTYPE_I64;
    call->out[0].shape = SHAPE(DIM_UNKNOWN);
    if (rank < 0)
        return STATUS_OK;
    shape_range(call, rank, &start, &end);
    call->out[0].shape = SHAPE(end - start);
    return STATUS_OK;
}

static enum status shape_run(const struct op_call *call, struct error *err)
{
    int64_t *out = call->out[0].data;
    int start, end;

    (void)err;
    shape_range(call, call->in[0].shape.rank, &start, &end);
    for (int i = start; i < end; i++)
        out[i - start] = call->in[0].shape.dims[i];
    return STATUS_OK;
}

static enum status size_infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    call->out[0].dtype = DTYPE_I64;
    call->out[0].shape = shape_scalar();
    return STATUS_OK;
}

static enum status size_run(const struct op_call *call, struct error *err)
{
    (void)err;
    *(int64_t *)call->out[0].data = (int64_t)tensor_count(&call->in[0]);
    return STATUS_OK;
}

const struct op_set ops_onnx_shape = OP_SET(
    {
        .name = "Shape",
        .summary = "the dimensions, as int64",
        .flags = OP_SHAPE_ONLY,
        .in_min = 1,
        .in_max = 1,
        .out_min = 1,
        .out_max = 1,
        .infer = shape_infer,
        .run = shape_run,
    },
    {
        .name = "Size",
        .summary = "the number of elements, as int64",
        .flags = OP_SHAPE_ONLY,
        .in_min = 1,
        .in_max = 1,
        .out_min = 1,
        .out_max = 1,
        .infer = size_infer,
        .run = size_run,
    });
