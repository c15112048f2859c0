// SPDX-License-Identifier: Apache-2.0
/* Elements put elsewhere: rolled, stitched, partitioned, told apart. */
#include "importers/tensorflow/internal.h"

static enum status roll(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "Roll", EMIT(c->in[0], c->in[1], c->in[2]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status stitch(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit(c->e, "firn", "Stitch", c->in, c->in_count, NULL, 0, &y, 1, err));
    return tf_give(c, y);
}

/* Rows of x, whose first dimensions are those of the partitions, as a list of rows. */
static enum status rows_of(struct tf_call *c, int rank, value_id *rows, struct error *err)
{
    value_id count, dims;

    if (rank == 1) {
        *rows = c->in[0];
        return STATUS_OK;
    }
    TRY(emit_1(c->e, "Size", c->in[1], &count, err));
    TRY(emit_unsqueeze(c->e, count, 0, &count, err));
    if (rank >= 0) {
        TRY(emit_node(c->e, "", "Shape", EMIT(c->in[0]),
                      EMIT_ATTRIBUTES(attribute_of_int("start", rank)), &dims, err));
    } else {
        value_id all, outer, end;

        TRY(emit_1(c->e, "Shape", c->in[0], &all, err));
        TRY(emit_1(c->e, "Shape", c->in[1], &outer, err));
        TRY(emit_1(c->e, "Shape", outer, &outer, err)); /* of one number: the rank */
        TRY(EMIT_INTS(c->e, &end, err, INT64_MAX));
        TRY(emit_node(c->e, "", "Slice", EMIT(all, outer, end), EMIT_PLAIN, &dims, err));
    }
    TRY(emit_concat(c->e, EMIT(count, dims), 0, &dims, err));
    return emit_node(c->e, "", "Reshape", EMIT(c->in[0], dims),
                     EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), rows, err);
}

static enum status partition(struct tf_call *c, struct error *err)
{
    static const int64_t LIST[] = {-1};
    value_id rows, parts, number, mask, y;
    int64_t count;
    int rank;

    TRY(tf_int(c->node, "num_partitions", 0, &count, err));
    rank = emit_shape(c->e, c->in[1])->rank;
    if (count < 1 || count > TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld partitions", (long long)count);
    TRY(rows_of(c, rank, &rows, err));
    if (rank == 0)
        TRY(emit_unsqueeze(c->e, c->in[1], 0, &parts, err));
    else if (rank == 1)
        parts = c->in[1];
    else
        TRY(emit_reshape(c->e, c->in[1], LIST, 1, &parts, err));
    for (int64_t i = 0; i < count; i++) {
        TRY(emit_number(c->e, emit_dtype(c->e, parts), (double)i, &number, err));
        TRY(emit_2(c->e, "Equal", parts, number, &mask, err));
        TRY(emit_node(c->e, "", "Compress", EMIT(rows, mask),
                      EMIT_ATTRIBUTES(attribute_of_int("axis", 0)), &y, err));
        TRY(tf_add(c, y, err));
    }
    return STATUS_OK;
}

static enum status list_diff(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y[2];

    TRY(tf_type(c->node, "out_idx", &dtype, err));
    TRY(emit(c->e, "firn", "ListDiff", c->in, 2,
             (struct attribute[]){attribute_of_int("wide", dtype == DTYPE_I64)}, 1, y, 2, err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

/* In order of appearance: the elements, which one each is, and how often each came. */
static enum status unique_along(struct tf_call *c, const int64_t *axis, bool counts,
                                struct error *err)
{
    struct attribute attributes[3] = {attribute_of_int("sorted", 0),
                                      attribute_of_int("nan_apart", 1)};
    enum dtype dtype;
    value_id y[4];

    if (axis)
        attributes[2] = attribute_of_int("axis", *axis);
    TRY(tf_type(c->node, "out_idx", &dtype, err));
    if (dtype == DTYPE_NONE)
        dtype = DTYPE_I32;
    TRY(emit(c->e, "", "Unique", c->in, 1, attributes, axis ? 3 : 2, y, 4, err));
    TRY(tf_add(c, y[0], err));
    TRY(emit_cast(c->e, y[2], dtype, &y[2], err));
    TRY(tf_add(c, y[2], err));
    if (!counts)
        return STATUS_OK;
    TRY(emit_cast(c->e, y[3], dtype, &y[3], err));
    return tf_add(c, y[3], err);
}

static enum status unique_axis(struct tf_call *c, bool counts, struct error *err)
{
    int64_t axis;
    size_t count;

    TRY(tf_known_ints(c, 1, &axis, 1, &count, err));
    return unique_along(c, count ? &axis : NULL, counts, err);
}

static enum status unique(struct tf_call *c, struct error *err)
{
    return unique_along(c, NULL, false, err);
}

static enum status unique_with_counts(struct tf_call *c, struct error *err)
{
    return unique_along(c, NULL, true, err);
}

static enum status unique_v2(struct tf_call *c, struct error *err)
{
    return unique_axis(c, false, err);
}

static enum status unique_with_counts_v2(struct tf_call *c, struct error *err)
{
    return unique_axis(c, true, err);
}

static enum status reverse_sequence(struct tf_call *c, struct error *err)
{
    int64_t time, batch;
    value_id y;

    TRY(tf_int(c->node, "seq_dim", 0, &time, err));
    TRY(tf_int(c->node, "batch_dim", 0, &batch, err));
    TRY(emit_node(
        c->e, "firn", "ReversePart", EMIT(c->in[0], c->in[1]),
        EMIT_ATTRIBUTES(attribute_of_int("time_axis", time), attribute_of_int("batch_axis", batch)),
        &y, err));
    return tf_give(c, y);
}

/* The old operator: a mask of the axes. */
static enum status reverse_masked(struct tf_call *c, struct error *err)
{
    const struct tensor *mask = tf_constant(c, 1);
    value_id y = c->in[0];

    if (!mask || mask->dtype != DTYPE_BOOL || tensor_count(mask) > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "its dims are not known");
    for (size_t i = 0; i < tensor_count(mask); i++)
        if (((const uint8_t *)mask->data)[i])
            TRY(emit_slice(c->e, y, (int64_t)i, INT64_MAX, INT64_MIN, -1, &y, err));
    return tf_give(c, y);
}

static enum status parallel_concat(struct tf_call *c, struct error *err)
{
    value_id y;

    if (!c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has no inputs");
    TRY(emit_concat(c->e, (struct emit_inputs){c->in, c->in_count}, 0, &y, err));
    return tf_give(c, y);
}

static enum status broadcast_args(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "BroadcastShapes", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status broadcast_gradient_args(struct tf_call *c, struct error *err)
{
    value_id y[2];

    TRY(emit(c->e, "firn", "BroadcastAxes", c->in, 2, NULL, 0, y, 2, err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

static enum status lin_space(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "LinSpace", EMIT(c->in[0], c->in[1], c->in[2]), EMIT_PLAIN, &y,
                  err));
    return tf_give(c, y);
}

static enum status range(struct tf_call *c, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    value_id in[3], y;

    for (int i = 0; i < 3; i++) {
        in[i] = c->in[i];
        if (dtype_kind(dtype) == KIND_UINT)
            TRY(emit_cast(c->e, in[i], DTYPE_I64, &in[i], err));
    }
    TRY(emit(c->e, "", "Range", in, 3, NULL, 0, &y, 1, err));
    TRY(emit_cast(c->e, y, dtype, &y, err));
    return tf_give(c, y);
}

/* Of what it is when it is not initialised nothing is said: zeros are as good as anything. */
static enum status empty(struct tf_call *c, struct error *err)
{
    value_id dims, zeros, y;
    struct tensor zero;
    enum dtype dtype;

    TRY(tf_type(c->node, "dtype", &dtype, err));
    if (dtype == DTYPE_NONE || dtype_kind(dtype) == KIND_OTHER)
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(dtype));
    TRY(tensor_new(&zero, dtype, &(struct shape){.rank = 0}, c->l->keep, err));
    if (dtype == DTYPE_STRING)
        *(struct bytes *)zero.data = (struct bytes){(const uint8_t *)"", 0};
    TRY(tf_index(c, 0, &dims, err));
    TRY(emit_constant(c->e, &zero, &zeros, err));
    TRY(emit_2(c->e, "Expand", zeros, dims, &y, err));
    return tf_give(c, y);
}

/* Where each of several shapes begins along an axis of their concatenation: the sum of those before
 * it, there alone. */
static enum status concat_offset(struct tf_call *c, struct error *err)
{
    int64_t axis, rank, place[RANK_MAX] = {0};
    value_id along, at, own;

    if (c->in_count < 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_known_int(c, 0, &axis, err));
    rank = emit_shape(c->e, c->in[1])->rank == 1 ? emit_shape(c->e, c->in[1])->dims[0] : -1;
    axis += axis < 0 ? rank : 0;
    if (rank < 0 || rank > RANK_MAX || axis < 0 || axis >= rank)
        return error_set(err, STATUS_UNSUPPORTED, "axis %lld of %lld", (long long)axis,
                         (long long)rank);
    place[axis] = 1;
    TRY(emit_ints(c->e, place, (size_t)rank, &along, err));
    TRY(emit_cast(c->e, along, emit_dtype(c->e, c->in[1]), &along, err));
    TRY(emit_2(c->e, "Sub", along, along, &at, err));
    for (size_t i = 1; i < c->in_count; i++) {
        TRY(tf_add(c, at, err));
        TRY(emit_2(c->e, "Mul", c->in[i], along, &own, err));
        TRY(emit_2(c->e, "Add", at, own, &at, err));
    }
    return STATUS_OK;
}

const struct tf_op_set tf_ops_arrange = TF_OP_SET(
    {.name = "Roll", .lower = roll, .inputs = 3}, {.name = "DynamicStitch", .lower = stitch},
    {.name = "ParallelDynamicStitch", .lower = stitch},
    {.name = "DynamicPartition", .lower = partition, .inputs = 2},
    {.name = "ListDiff", .lower = list_diff, .inputs = 2},
    {.name = "Unique", .lower = unique, .inputs = 1},
    {.name = "UniqueV2", .lower = unique_v2, .inputs = 2},
    {.name = "UniqueWithCounts", .lower = unique_with_counts, .inputs = 1},
    {.name = "UniqueWithCountsV2", .lower = unique_with_counts_v2, .inputs = 2},
    {.name = "ReverseSequence", .lower = reverse_sequence, .inputs = 2},
    {.name = "Reverse", .lower = reverse_masked, .inputs = 2},
    {.name = "ParallelConcat", .lower = parallel_concat},
    {.name = "BroadcastArgs", .lower = broadcast_args, .inputs = 2},
    {.name = "BroadcastGradientArgs", .lower = broadcast_gradient_args, .inputs = 2},
    {.name = "LinSpace", .lower = lin_space, .inputs = 3},
    {.name = "Range", .lower = range, .inputs = 3}, {.name = "Empty", .lower = empty, .inputs = 1},
    {.name = "ConcatOffset", .lower = concat_offset}, );
