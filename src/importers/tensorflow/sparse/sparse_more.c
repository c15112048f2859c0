// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors: reductions that stay sparse, softmax of rows, messages. */
#include "importers/tensorflow/internal.h"

/* Some dimension is to be left. */
static enum status rest_check(struct tf_call *c, bool keep, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, c->in[2]);
    int64_t axes[RANK_MAX], rank = shape->rank == 1 ? shape->dims[0] : DIM_UNKNOWN;
    size_t count;
    uint32_t reduced = 0;

    TRY(tf_known_ints(c, 3, axes, RANK_MAX, &count, err));
    if (rank < 1 || rank > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "the number of dimensions is not known");
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];

        if (axis < 0 || axis >= rank)
            return error_set(err, STATUS_INVALID_INPUT, "dimension %lld of %lld",
                             (long long)axes[i], (long long)rank);
        reduced |= (uint32_t)1 << axis;
    }
    return keep || __builtin_popcount(reduced) < rank
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "of all dimensions");
}

/* The sums of what is there are a dense tensor; how many were there says which of them count. */
static enum status reduce_sparse(struct tf_call *c, const char *reduction, struct error *err)
{
    static const int64_t SWAP[] = {1, 0};
    value_id dense, ones, count, zero, one, in[4], y[3];
    struct attribute attributes[2];
    bool keep;

    TRY(tf_bool(c->node, "keep_dims", false, &keep, err));
    attributes[0] = attribute_of_text("reduction", reduction);
    attributes[1] = attribute_of_int("keep_dims", keep);
    TRY(rest_check(c, keep, err));
    TRY(emit(c->e, "firn", "SparseReduce", c->in, 4, attributes, 2, &dense, 1, err));
    TRY(emit_1(c->e, "Shape", c->in[1], &ones, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_2(c->e, "Expand", one, ones, &ones, err));
    memcpy(in, (const value_id[]){c->in[0], ones, c->in[2], c->in[3]}, sizeof in);
    attributes[0] = attribute_of_text("reduction", "sum");
    TRY(emit(c->e, "firn", "SparseReduce", in, 4, attributes, 2, &count, 1, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_2(c->e, "Greater", count, zero, &count, err));
    TRY(emit_1(c->e, "NonZero", count, &y[0], err));
    TRY(emit_transpose(c->e, y[0], SWAP, 2, &y[0], err));
    TRY(emit_2(c->e, "GatherND", dense, y[0], &y[1], err));
    TRY(emit_1(c->e, "Shape", dense, &y[2], err));
    for (int i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

static enum status reduce_sum_sparse(struct tf_call *c, struct error *err)
{
    return reduce_sparse(c, "sum", err);
}

static enum status reduce_max_sparse(struct tf_call *c, struct error *err)
{
    return reduce_sparse(c, "max", err);
}

/* Of each value what the values of its row, those that differ in the last index alone, come to. */
static enum status of_rows(struct tf_call *c, const char *reduction, value_id values, value_id *y,
                           struct error *err)
{
    value_id last, in[4], rows;

    TRY(emit_number(c->e, DTYPE_I32, -1, &last, err));
    memcpy(in, (const value_id[]){c->in[0], values, c->in[2], last}, sizeof in);
    TRY(emit(c->e, "firn", "SparseReduce", in, 4,
             (struct attribute[]){attribute_of_text("reduction", reduction),
                                  attribute_of_int("keep_dims", 0)},
             2, y, 1, err));
    TRY(emit_slice(c->e, c->in[0], 1, 0, -1, 1, &rows, err));
    return emit_2(c->e, "GatherND", *y, rows, y, err);
}

static enum status softmax(struct tf_call *c, struct error *err)
{
    value_id most, y, sum;

    TRY(of_rows(c, "max", c->in[1], &most, err));
    TRY(emit_2(c->e, "Sub", c->in[1], most, &y, err));
    TRY(emit_1(c->e, "Exp", y, &y, err));
    TRY(of_rows(c, "sum", y, &sum, err));
    TRY(emit_2(c->e, "Div", y, sum, &y, err));
    return tf_give(c, y);
}

/* --- messages; variants are strings too, which nobody sees --- */

static enum status serialize(struct tf_call *c, bool many, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    if (dtype != DTYPE_NONE && dtype != DTYPE_STRING && dtype != DTYPE_VARIANT)
        return error_set(err, STATUS_INVALID_INPUT, "messages of %s", dtype_name(dtype));
    TRY(emit(c->e, "firn", "SparsePack", c->in, 3,
             (struct attribute[]){attribute_of_int("many", many)}, 1, &y, 1, err));
    return tf_give(c, y);
}

static enum status serialize_one(struct tf_call *c, struct error *err)
{
    return serialize(c, false, err);
}

static enum status serialize_many(struct tf_call *c, struct error *err)
{
    return serialize(c, true, err);
}

static enum status deserialize(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y[3];

    TRY(tf_type(c->node, "dtype", &dtype, err));
    TRY(emit(c->e, "firn", "SparseUnpack", c->in, 1,
             (struct attribute[]){attribute_of_int("to", dtype_to_tf(dtype))}, 1, y, 3, err));
    for (int i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

const struct tf_op_set tf_ops_sparse_more =
    TF_OP_SET({.name = "SparseReduceSumSparse", .lower = reduce_sum_sparse, .inputs = 4},
              {.name = "SparseReduceMaxSparse", .lower = reduce_max_sparse, .inputs = 4},
              {.name = "SparseSoftmax", .lower = softmax, .inputs = 3},
              {.name = "SerializeSparse", .lower = serialize_one, .inputs = 3},
              {.name = "SerializeManySparse", .lower = serialize_many, .inputs = 3},
              {.name = "DeserializeSparse", .lower = deserialize, .inputs = 1},
              {.name = "DeserializeManySparse", .lower = deserialize, .inputs = 1}, );
