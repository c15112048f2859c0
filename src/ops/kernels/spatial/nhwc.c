// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/spatial/nhwc.h"

#include "ops/kernels/strided.h"

struct shape shape_channels_first(const struct shape *shape)
{
    struct shape first = *shape;

    for (int i = 1; i < shape->rank; i++)
        first.dims[i] = shape->dims[i == 1 ? shape->rank - 1 : i - 1];
    return first;
}

struct shape shape_channels_last(const struct shape *shape)
{
    struct shape last = *shape;

    for (int i = 1; i < shape->rank; i++)
        last.dims[i] = shape->dims[i + 1 < shape->rank ? i + 1 : 1];
    return last;
}

/* The call of the twin; `in` and `out` are room for its tensors. */
static struct op_call twin_of(const struct op_call *call, const char *name, struct tensor *in,
                              struct tensor *out)
{
    struct op_call twin = *call;

    twin.op = op_find(bytes_of(""), bytes_of(name));
    memcpy(in, call->in, call->in_count * sizeof *in);
    in[0].shape = shape_channels_first(&call->in[0].shape);
    twin.in = in;
    twin.out = out;
    return twin;
}

enum status nhwc_infer(struct op_call *call, const char *name, struct error *err)
{
    struct tensor in[NHWC_INPUTS_MAX], out[1] = {{0}};
    struct op_call twin = twin_of(call, name, in, out);

    in[0].data = NULL;
    TRY(twin.op->infer(&twin, err));
    call->out[0].dtype = out[0].dtype;
    call->out[0].shape = shape_channels_last(&out[0].shape);
    return STATUS_OK;
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

size_t nhwc_reference_size(const struct op_call *call)
{
    return rounded(tensor_bytes(&call->in[0])) + tensor_bytes(&call->out[0]);
}

/* `last` is (N, ..., C), `first` (N, C, ...); one is copied to the other. */
static void turn(const struct tensor *last, const struct tensor *first, bool to_first)
{
    struct strided copy = {.rank = last->shape.rank};
    int64_t strides[RANK_MAX], dims[RANK_MAX];

    shape_strides(&last->shape, strides);
    for (int i = 0; i < copy.rank; i++) {
        int from = i == 0 ? 0 : i == 1 ? copy.rank - 1 : i - 1;

        dims[i] = strides[from];
        copy.dims[i] = first->shape.dims[i];
    }
    shape_strides(&first->shape, to_first ? copy.to : copy.from);
    memcpy(to_first ? copy.from : copy.to, dims, sizeof dims);
    strided_copy(&copy, to_first ? last->data : first->data, to_first ? first->data : last->data,
                 dtype_size(last->dtype));
}

void nhwc_put_first(const struct tensor *x, void *to)
{
    struct tensor first = {x->dtype, shape_channels_first(&x->shape), to, NULL};

    if (tensor_count(x))
        turn(x, &first, true);
}

enum status nhwc_reference(const struct op_call *call, const char *name, struct error *err)
{
    struct tensor in[NHWC_INPUTS_MAX], out[1];
    struct op_call twin = twin_of(call, name, in, out);

    out[0] = call->out[0];
    out[0].shape = shape_channels_first(&call->out[0].shape);
    in[0].data = call->scratch;
    out[0].data = (char *)call->scratch + rounded(tensor_bytes(&call->in[0]));
    turn(&call->in[0], &in[0], true);
    TRY(twin.op->run(&twin, err));
    turn(&call->out[0], &out[0], false);
    return STATUS_OK;
}
