// SPDX-License-Identifier: Apache-2.0
/* What only the runtime of TensorFlow needs: a signature runs alone, so nobody has to wait. */
#include "importers/tensorflow/control/control.h"

static enum status token(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_number(c->e, DTYPE_I64, 0, &y, err));
    return tf_give(c, y);
}

static enum status pass(struct tf_call *c, struct error *err)
{
    (void)err;
    return tf_give(c, c->in[0]);
}

static enum status nothing(struct tf_call *c, struct error *err)
{
    (void)err;
    c->out_count = 0;
    return STATUS_OK;
}

static enum status to_bool(struct tf_call *c, struct error *err)
{
    value_id y;

    if (emit_shape(c->e, c->in[0])->rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of input 0 is not known");
    TRY(tf_condition(c->e, c->in[0], &y, err));
    return tf_give(c, y);
}

/* Whether it may be used: so by default, without a meaning on the CPU. */
static enum status short_float(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_number(c->e, DTYPE_BOOL, 1, &y, err));
    return tf_give(c, y);
}

/* Which of these devices we are; behind the last: none. */
static enum status device_index(struct tf_call *c, struct error *err)
{
    struct bytes *names;
    size_t count, found = 0;
    value_id y;

    TRY(tf_strings(c->node, "device_names", &names, &count, c->l->keep, err));
    while (found < count && !bytes_is(names[found], "CPU"))
        found++;
    TRY(emit_number(c->e, DTYPE_I32, (double)found, &y, err));
    return tf_give(c, y);
}

/* In the place of an output that the other branch has; nobody reads it. */
static enum status fake(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    struct shape shape;
    value_id y, dims;

    TRY(tf_type(c->node, "dtype", &dtype, err));
    TRY(tf_shape(c->node, "shape", &shape, c->l->keep, err));
    if (!dtype_is_float(dtype) && !dtype_is_integer(dtype) && dtype != DTYPE_BOOL)
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(dtype));
    for (int d = 0; d < shape.rank; d++)
        shape.dims[d] = shape.dims[d] < 0 ? 0 : shape.dims[d];
    TRY(emit_number(c->e, dtype, 0, &y, err));
    if (shape.rank <= 0)
        return tf_give(c, y);
    TRY(emit_ints(c->e, shape.dims, (size_t)shape.rank, &dims, err));
    TRY(emit_2(c->e, "Expand", y, dims, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_mutex = TF_OP_SET(
    {.name = "MutexV2", .lower = token}, {.name = "MutexLock", .lower = pass, .inputs = 1},
    {.name = "ConsumeMutexLock", .lower = nothing, .inputs = 1},
    {.name = "DisableCopyOnRead", .lower = nothing, .inputs = 1},
    {.name = "MakeWeakResourceHandle", .lower = pass, .inputs = 1},
    {.name = "RefIdentity", .lower = pass, .inputs = 1}, {.name = "FakeParam", .lower = fake},
    {.name = "ToBool", .lower = to_bool, .inputs = 1},
    {.name = "IsTensorFloat32Enabled", .lower = short_float},
    {.name = "DeviceIndex", .lower = device_index}, );
