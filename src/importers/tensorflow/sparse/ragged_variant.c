// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors as variants: how tf.map_fn and lists of tensors take them apart and join them
 * (ops/firn/tensorflow/ragged_variant.c). A variant does not say of which rank its values are: what
 * was made into variants before tells, and is checked when it runs.
 * Source: tensorflow/core/kernels/ragged_tensor_{to,from}_variant_op.cc. */
#include "importers/tensorflow/internal.h"

struct tf_ragged_kind { /* of elements; in `keep` */
    struct tf_ragged_kind *next;
    enum dtype dtype;
    size_t levels;
    struct shape values;
};

static enum status kind_add(struct tf_lowering *l, enum dtype dtype, size_t levels,
                            struct shape values, struct error *err)
{
    struct tf_ragged_kind *kind = arena_new(l->keep, struct tf_ragged_kind, 1);

    if (!kind)
        return error_no_memory(err, "a node");
    shape_forget_symbols(&values);
    *kind = (struct tf_ragged_kind){l->raggeds, dtype, levels, values};
    l->raggeds = kind;
    return STATUS_OK;
}

/* What all elements of this kind have in common. */
static struct shape kind_values(const struct tf_lowering *l, enum dtype dtype, size_t levels)
{
    struct shape values = shape_unknown();
    bool any = false;

    for (const struct tf_ragged_kind *kind = l->raggeds; kind; kind = kind->next) {
        if (kind->dtype != dtype || kind->levels != levels)
            continue;
        if (!any)
            values = kind->values;
        any = true;
        if (kind->values.rank != values.rank)
            return shape_unknown();
        for (int d = 0; d < values.rank; d++)
            if (values.dims[d] != kind->values.dims[d])
                values.dims[d] = DIM_UNKNOWN;
    }
    return values;
}

static enum status pack(struct tf_call *c, struct error *err)
{
    struct shape values;
    size_t levels = c->in_count - 1;
    bool batched;
    value_id y;

    if (!c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has no inputs");
    TRY(tf_bool(c->node, "batched_input", false, &batched, err));
    values = *emit_shape(c->e, c->in[levels]);
    if (values.rank > 0)
        values.dims[0] = DIM_UNKNOWN;
    if (batched && !levels && values.rank > 0)
        memmove(values.dims, values.dims + 1, (size_t)--values.rank * sizeof *values.dims);
    TRY(kind_add(c->l, emit_dtype(c->e, c->in[levels]), levels - (batched && levels), values, err));
    TRY(emit(c->e, "firn", "RaggedPack", c->in, c->in_count,
             (struct attribute[]){attribute_of_int("batched", batched)}, 1, &y, 1, err));
    return tf_give(c, y);
}

static enum status unpack(struct tf_call *c, struct error *err)
{
    int64_t levels, outputs;
    enum dtype dtype, splits;
    struct attribute attributes[4];
    size_t count = 3;
    struct shape values;
    value_id y[OP_OUTPUTS_MAX];
    int rank;

    TRY(tf_rank(c, 0, &rank, err));
    TRY(tf_int(c->node, "input_ragged_rank", -1, &levels, err));
    TRY(tf_int(c->node, "output_ragged_rank", 0, &outputs, err));
    TRY(tf_type(c->node, "Tvalues", &dtype, err));
    TRY(tf_type(c->node, "Tsplits", &splits, err));
    if (levels < 0)
        levels = outputs - rank;
    if (levels < 0 || levels + rank != outputs || outputs >= OP_OUTPUTS_MAX)
        return error_set(err, STATUS_INVALID_INPUT,
                         "%d dimensions of ragged tensors with %lld make none with %lld", rank,
                         (long long)levels, (long long)outputs);
    if (!dtype_to_tf(dtype))
        return error_set(err, STATUS_UNSUPPORTED, "values of %s", dtype_name(dtype));
    attributes[0] = attribute_of_int("to", dtype_to_tf(dtype));
    attributes[1] = attribute_of_int("levels", levels);
    attributes[2] = attribute_of_int("wide", splits != DTYPE_I32);
    values = kind_values(c->l, dtype, (size_t)levels);
    if (values.rank >= 0)
        attributes[count++] = attribute_of_ints("dims", values.dims, (size_t)values.rank);
    TRY(emit(c->e, "firn", "RaggedUnpack", c->in, 1, attributes, count, y, (size_t)outputs + 1,
             err));
    for (int64_t i = 0; i <= outputs; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

const struct tf_op_set tf_ops_ragged_variant =
    TF_OP_SET({.name = "RaggedTensorToVariant", .lower = pack},
              {.name = "RaggedTensorFromVariant", .lower = unpack, .inputs = 1}, );
