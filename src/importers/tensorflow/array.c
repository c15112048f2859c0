// SPDX-License-Identifier: Apache-2.0
/* Constants, shapes, and moving elements. */
#include "importers/tensorflow/internal.h"

static enum status constant(struct tf_call *c, struct error *err)
{
    struct tensor tensor;
    value_id y;

    TRY(tf_tensor(c->node, "value", &tensor, c->l->keep, err));
    TRY(emit_constant(c->e, &tensor, &y, err));
    return tf_give(c, y);
}

static enum status reshape(struct tf_call *c, struct error *err)
{
    value_id shape, y;

    TRY(tf_index(c, 1, &shape, err));
    TRY(emit_node(c->e, "", "Reshape", EMIT(c->in[0], shape),
                  EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), &y, err));
    return tf_give(c, y);
}

static enum status shape_as(struct tf_call *c, value_id x, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    TRY(emit_1(c->e, "Shape", x, &y, err));
    TRY(emit_cast(c->e, y, dtype == DTYPE_NONE ? DTYPE_I32 : dtype, &y, err));
    return tf_add(c, y, err);
}

static enum status shape(struct tf_call *c, struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++)
        TRY(shape_as(c, c->in[i], err));
    return STATUS_OK;
}

static enum status size(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    TRY(emit_1(c->e, "Size", c->in[0], &y, err));
    TRY(emit_cast(c->e, y, dtype == DTYPE_NONE ? DTYPE_I32 : dtype, &y, err));
    return tf_give(c, y);
}

static enum status rank(struct tf_call *c, struct error *err)
{
    int known = emit_shape(c->e, c->in[0])->rank;
    value_id y;

    if (known >= 0) {
        TRY(emit_number(c->e, DTYPE_I32, known, &y, err));
        return tf_give(c, y);
    }
    TRY(emit_1(c->e, "Shape", c->in[0], &y, err));
    TRY(emit_1(c->e, "Size", y, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_I32, &y, err));
    return tf_give(c, y);
}

static enum status expand_dims(struct tf_call *c, struct error *err)
{
    value_id axes, y;

    TRY(tf_index_list(c, 1, &axes, err));
    TRY(emit_2(c->e, "Unsqueeze", c->in[0], axes, &y, err));
    return tf_give(c, y);
}

static enum status squeeze(struct tf_call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    value_id list, y;
    size_t count;

    TRY(tf_ints(c->node, "squeeze_dims", axes, RANK_MAX, &count, c->l->keep, err));
    if (!count) {
        TRY(emit_1(c->e, "Squeeze", c->in[0], &y, err));
        return tf_give(c, y);
    }
    TRY(emit_ints(c->e, axes, count, &list, err));
    TRY(emit_2(c->e, "Squeeze", c->in[0], list, &y, err));
    return tf_give(c, y);
}

static enum status transpose(struct tf_call *c, struct error *err)
{
    int64_t perm[RANK_MAX];
    size_t count;
    value_id y;

    if (!tf_constant(c, 1)) {
        TRY(emit_node(c->e, "firn", "Permute", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
        return tf_give(c, y);
    }
    TRY(tf_known_ints(c, 1, perm, RANK_MAX, &count, err));
    TRY(emit_transpose(c->e, c->in[0], perm, count, &y, err));
    return tf_give(c, y);
}

static enum status concatenate(struct tf_call *c, const value_id *values, size_t count,
                               size_t axis_at, struct error *err)
{
    int64_t axis;
    value_id y;

    TRY(tf_known_int(c, axis_at, &axis, err));
    TRY(emit_concat(c->e, (struct emit_inputs){values, count}, axis, &y, err));
    return tf_give(c, y);
}

static enum status concat(struct tf_call *c, struct error *err)
{
    if (c->in_count < 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    return concatenate(c, c->in + 1, c->in_count - 1, 0, err);
}

static enum status concat_v2(struct tf_call *c, struct error *err)
{
    if (c->in_count < 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    return concatenate(c, c->in, c->in_count - 1, c->in_count - 1, err);
}

static enum status pack_along(struct tf_call *c, int64_t axis, struct error *err)
{
    value_id *parts = arena_new(c->l->keep, value_id, c->in_count), y;

    if (!parts)
        return error_no_memory(err, "a node");
    if (!c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has no inputs");
    for (size_t i = 0; i < c->in_count; i++)
        TRY(emit_unsqueeze(c->e, c->in[i], axis, &parts[i], err));
    TRY(emit_concat(c->e, (struct emit_inputs){parts, c->in_count}, axis, &y, err));
    return tf_give(c, y);
}

static enum status pack(struct tf_call *c, struct error *err)
{
    int64_t axis;

    TRY(tf_int(c->node, "axis", 0, &axis, err));
    return pack_along(c, axis, err);
}

static enum status split_into(struct tf_call *c, value_id x, int64_t axis, int64_t count,
                              bool squeezed, struct error *err)
{
    value_id *parts;

    if (count < 1 || count > TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld parts", (long long)count);
    parts = arena_new(c->l->keep, value_id, (size_t)count);
    if (!parts)
        return error_no_memory(err, "a node");
    if (count == 1)
        parts[0] = x;
    else
        TRY(emit(c->e, "", "Split", &x, 1,
                 (struct attribute[]){attribute_of_int("axis", axis),
                                      attribute_of_int("num_outputs", count)},
                 2, parts, (size_t)count, err));
    for (int64_t i = 0; i < count; i++) {
        if (squeezed)
            TRY(emit_squeeze(c->e, parts[i], axis, &parts[i], err));
        TRY(tf_add(c, parts[i], err));
    }
    return STATUS_OK;
}

static enum status unpack(struct tf_call *c, struct error *err)
{
    int64_t axis, count;

    TRY(tf_int(c->node, "axis", 0, &axis, err));
    TRY(tf_int(c->node, "num", 0, &count, err));
    return split_into(c, c->in[0], axis, count, true, err);
}

static enum status split(struct tf_call *c, struct error *err)
{
    int64_t axis, count;

    TRY(tf_int(c->node, "num_split", 0, &count, err));
    TRY(tf_known_int(c, 0, &axis, err));
    return split_into(c, c->in[1], axis, count, false, err);
}

/* Where no size can be -1, which is what the others leave, the sizes are as they are. */
static bool sizes_are_given(const struct tensor *sizes)
{
    for (size_t i = 0; sizes && i < tensor_count(sizes); i++)
        if (tensor_i64(sizes, i) < 0)
            return false;
    return sizes != NULL;
}

static enum status sizes_complete(struct tf_call *c, int64_t axis, value_id *sizes,
                                  struct error *err)
{
    value_id shape, dim, zero, given, rest, open;
    int64_t all = 0;

    TRY(emit_1(c->e, "Shape", c->in[0], &shape, err));
    TRY(EMIT_INTS(c->e, &dim, err, axis));
    TRY(emit_2(c->e, "Gather", shape, dim, &dim, err)); /* (1,) */
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_2(c->e, "Max", *sizes, zero, &given, err));
    TRY(emit_reduce(c->e, "ReduceSum", given, &all, 1, true, &given, err));
    TRY(emit_2(c->e, "Sub", dim, given, &rest, err));
    TRY(emit_2(c->e, "Less", *sizes, zero, &open, err));
    return emit_where(c->e, open, rest, *sizes, sizes, err);
}

static enum status split_v(struct tf_call *c, struct error *err)
{
    int64_t axis, count;
    value_id *parts, sizes;

    TRY(tf_int(c->node, "num_split", 0, &count, err));
    TRY(tf_known_int(c, 2, &axis, err));
    TRY(tf_index(c, 1, &sizes, err));
    if (!sizes_are_given(tf_constant(c, 1)))
        TRY(sizes_complete(c, axis, &sizes, err));
    if (count < 1 || count > TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld parts", (long long)count);
    parts = arena_new(c->l->keep, value_id, (size_t)count);
    if (!parts)
        return error_no_memory(err, "a node");
    TRY(emit(c->e, "", "Split", (value_id[]){c->in[0], sizes}, 2,
             (struct attribute[]){attribute_of_int("axis", axis)}, 1, parts, (size_t)count, err));
    for (int64_t i = 0; i < count; i++)
        TRY(tf_add(c, parts[i], err));
    return STATUS_OK;
}

static enum status fill(struct tf_call *c, struct error *err)
{
    value_id dims, y;

    TRY(tf_index(c, 0, &dims, err));
    TRY(emit_2(c->e, "Expand", c->in[1], dims, &y, err));
    return tf_give(c, y);
}

static enum status filled_like(struct tf_call *c, double number, struct error *err)
{
    value_id dims, value, y;

    TRY(emit_1(c->e, "Shape", c->in[0], &dims, err));
    TRY(emit_number(c->e, emit_dtype(c->e, c->in[0]), number, &value, err));
    TRY(emit_2(c->e, "Expand", value, dims, &y, err));
    return tf_give(c, y);
}

static enum status zeros_like(struct tf_call *c, struct error *err)
{
    return filled_like(c, 0, err);
}

static enum status ones_like(struct tf_call *c, struct error *err)
{
    return filled_like(c, 1, err);
}

static enum status tile(struct tf_call *c, struct error *err)
{
    value_id repeats, y;

    TRY(tf_index(c, 1, &repeats, err));
    TRY(emit_2(c->e, "Tile", c->in[0], repeats, &y, err));
    return tf_give(c, y);
}

static enum status broadcast_to(struct tf_call *c, struct error *err)
{
    value_id dims, y;

    TRY(tf_index(c, 1, &dims, err));
    TRY(emit_2(c->e, "Expand", c->in[0], dims, &y, err));
    return tf_give(c, y);
}

static enum status gather(struct tf_call *c, struct error *err)
{
    int64_t axis = 0, batch;
    value_id index = c->in[1], y;

    TRY(tf_int(c->node, "batch_dims", 0, &batch, err));
    if (c->in_count < 2 || c->in_count > 3)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    if (c->in_count == 3)
        TRY(tf_known_int(c, 2, &axis, err));
    if (emit_dtype(c->e, index) != DTYPE_I32)
        TRY(emit_cast(c->e, index, DTYPE_I64, &index, err));
    if (batch)
        TRY(emit_node(
            c->e, "firn", "GatherBatch", EMIT(c->in[0], index),
            EMIT_ATTRIBUTES(attribute_of_int("axis", axis), attribute_of_int("batch_dims", batch)),
            &y, err));
    else
        TRY(emit_node(
            c->e, "", "Gather", EMIT(c->in[0], index),
            EMIT_ATTRIBUTES(attribute_of_int("axis", axis), attribute_of_int("from_start", 1)), &y,
            err));
    return tf_give(c, y);
}

/* Indices out of bounds are an error everywhere but where the node says otherwise. */
static enum status bad_indices(const struct tf_call *c, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes policy;

    TRY(tf_string(c->node, "bad_indices_policy", "", &policy, err));
    if (policy.size && !bytes_is(policy, "ERROR") && !bytes_is(policy, "DEFAULT"))
        return error_set(err, STATUS_UNSUPPORTED, "its bad_indices_policy is '%s'",
                         text_quote(policy, quoted, sizeof quoted));
    return STATUS_OK;
}

/* Indices of no dimension: all of the tensor, once for each. */
static enum status gather_all(struct tf_call *c, struct error *err)
{
    value_id index, rows, dims, y;

    TRY(tf_index(c, 1, &index, err));
    TRY(emit_1(c->e, "Shape", index, &rows, err));
    TRY(emit_slice(c->e, rows, 0, 0, -1, 1, &rows, err));
    TRY(emit_1(c->e, "Shape", c->in[0], &dims, err));
    TRY(emit_concat(c->e, EMIT(rows, dims), 0, &dims, err));
    TRY(emit_2(c->e, "Expand", c->in[0], dims, &y, err));
    return tf_give(c, y);
}

static enum status gather_nd(struct tf_call *c, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, c->in[1]);
    value_id index, y;

    TRY(bad_indices(c, err));
    if (shape->rank > 0 && shape->dims[shape->rank - 1] == 0)
        return gather_all(c, err);
    TRY(tf_index(c, 1, &index, err));
    TRY(emit_node(c->e, "", "GatherND", EMIT(c->in[0], index),
                  EMIT_ATTRIBUTES(attribute_of_int("from_start", 1)), &y, err));
    return tf_give(c, y);
}

/* (n, 2): before and behind each dimension -> ONNX's befores, then behinds. */
static enum status pads_turn(struct tf_call *c, value_id *pads, struct error *err)
{
    static const int64_t PERM[] = {1, 0}, LIST[] = {-1};

    TRY(tf_index(c, 1, pads, err));
    TRY(emit_transpose(c->e, *pads, PERM, 2, pads, err));
    return emit_reshape(c->e, *pads, LIST, 1, pads, err);
}

static enum status pad(struct tf_call *c, struct error *err)
{
    value_id pads, y;

    TRY(pads_turn(c, &pads, err));
    TRY(emit_node(c->e, "", "Pad", EMIT(c->in[0], pads, c->in_count > 2 ? c->in[2] : VALUE_NONE),
                  EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status mirror_pad(struct tf_call *c, struct error *err)
{
    struct bytes mode;
    value_id pads, y;
    bool symmetric;

    TRY(tf_string(c->node, "mode", "REFLECT", &mode, err));
    symmetric = bytes_is(mode, "SYMMETRIC");
    if (!symmetric && !bytes_is(mode, "REFLECT"))
        return error_set(err, STATUS_UNSUPPORTED, "its mode is neither REFLECT nor SYMMETRIC");
    TRY(pads_turn(c, &pads, err));
    TRY(emit_node(c->e, "", "Pad", EMIT(c->in[0], pads),
                  EMIT_ATTRIBUTES(attribute_of_text("mode", symmetric ? "symmetric" : "reflect")),
                  &y, err));
    return tf_give(c, y);
}

/* An index that is no class has no hot place; ONNX would count negative ones from the end. */
static enum status one_hot(struct tf_call *c, struct error *err)
{
    value_id parts[2], values, index, depth, zero, negative, y;
    int64_t axis;

    TRY(tf_int(c->node, "axis", -1, &axis, err));
    TRY(emit_unsqueeze(c->e, c->in[3], 0, &parts[0], err));
    TRY(emit_unsqueeze(c->e, c->in[2], 0, &parts[1], err));
    TRY(emit_concat(c->e, EMIT(parts[0], parts[1]), 0, &values, err));
    TRY(tf_index(c, 0, &index, err));
    TRY(tf_index(c, 1, &depth, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_2(c->e, "Less", index, zero, &negative, err));
    TRY(emit_where(c->e, negative, depth, index, &index, err));
    TRY(emit_node(c->e, "", "OneHot", EMIT(index, depth, values),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), &y, err));
    return tf_give(c, y);
}

static enum status reverse(struct tf_call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    value_id y = c->in[0];
    size_t count;

    if (!tf_constant(c, 1)) {
        TRY(emit_node(c->e, "firn", "ReverseAxes", EMIT(y, c->in[1]), EMIT_PLAIN, &y, err));
        return tf_give(c, y);
    }
    TRY(tf_known_ints(c, 1, axes, RANK_MAX, &count, err));
    for (size_t i = 0; i < count; i++)
        TRY(emit_slice(c->e, y, axes[i], INT64_MAX, INT64_MIN, -1, &y, err));
    return tf_give(c, y);
}

/* The places that are true: (n, rank). */
static enum status where(struct tf_call *c, struct error *err)
{
    static const int64_t PERM[] = {1, 0};
    value_id y;

    if (emit_dtype(c->e, c->in[0]) != DTYPE_BOOL)
        TRY(emit_cast(c->e, c->in[0], DTYPE_BOOL, &y, err));
    else
        y = c->in[0];
    TRY(emit_1(c->e, "NonZero", y, &y, err));
    TRY(emit_transpose(c->e, y, PERM, 2, &y, err));
    return tf_give(c, y);
}

/* Where each number stands. */
static enum status invert_permutation(struct tf_call *c, struct error *err)
{
    value_id index, dims, places, zero, one, size, y;

    TRY(tf_index(c, 0, &index, err));
    TRY(emit_1(c->e, "Shape", index, &dims, err));
    TRY(emit_squeeze(c->e, dims, 0, &size, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_node(c->e, "", "Range", EMIT(zero, size, one), EMIT_PLAIN, &places, err));
    TRY(emit_node(c->e, "", "ScatterElements", EMIT(places, index, places), EMIT_PLAIN, &y, err));
    TRY(emit_cast(c->e, y, emit_dtype(c->e, c->in[0]), &y, err));
    return tf_give(c, y);
}

static enum status band_part(struct tf_call *c, struct error *err)
{
    int64_t lower, upper;
    value_id y = c->in[0], k;

    if (!tf_constant(c, 1) || !tf_constant(c, 2)) {
        TRY(emit_node(c->e, "firn", "BandPart", EMIT(y, c->in[1], c->in[2]), EMIT_PLAIN, &y, err));
        return tf_give(c, y);
    }
    TRY(tf_known_int(c, 1, &lower, err));
    TRY(tf_known_int(c, 2, &upper, err));
    if (lower >= 0) {
        TRY(emit_number(c->e, DTYPE_I64, (double)-lower, &k, err));
        TRY(emit_node(c->e, "", "Trilu", EMIT(y, k), EMIT_ATTRIBUTES(attribute_of_int("upper", 1)),
                      &y, err));
    }
    if (upper >= 0) {
        TRY(emit_number(c->e, DTYPE_I64, (double)upper, &k, err));
        TRY(emit_node(c->e, "", "Trilu", EMIT(y, k), EMIT_ATTRIBUTES(attribute_of_int("upper", 0)),
                      &y, err));
    }
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_array = TF_OP_SET(
    {.name = "Const", .lower = constant}, {.name = "HostConst", .lower = constant},
    {.name = "Reshape", .lower = reshape, .inputs = 2},
    {.name = "Shape", .lower = shape, .inputs = 1}, {.name = "ShapeN", .lower = shape},
    {.name = "Size", .lower = size, .inputs = 1}, {.name = "Rank", .lower = rank, .inputs = 1},
    {.name = "ExpandDims", .lower = expand_dims, .inputs = 2},
    {.name = "Squeeze", .lower = squeeze, .inputs = 1},
    {.name = "Transpose", .lower = transpose, .inputs = 2}, {.name = "Concat", .lower = concat},
    {.name = "ConcatV2", .lower = concat_v2}, {.name = "Pack", .lower = pack},
    {.name = "Unpack", .lower = unpack, .inputs = 1},
    {.name = "Split", .lower = split, .inputs = 2},
    {.name = "SplitV", .lower = split_v, .inputs = 3}, {.name = "Fill", .lower = fill, .inputs = 2},
    {.name = "ZerosLike", .lower = zeros_like, .inputs = 1},
    {.name = "OnesLike", .lower = ones_like, .inputs = 1},
    {.name = "Tile", .lower = tile, .inputs = 2},
    {.name = "BroadcastTo", .lower = broadcast_to, .inputs = 2},
    {.name = "Gather", .lower = gather}, {.name = "GatherV2", .lower = gather},
    {.name = "GatherNd", .lower = gather_nd, .inputs = 2},
    {.name = "Pad", .lower = pad, .inputs = 2}, {.name = "PadV2", .lower = pad, .inputs = 3},
    {.name = "MirrorPad", .lower = mirror_pad, .inputs = 2},
    {.name = "OneHot", .lower = one_hot, .inputs = 4},
    {.name = "ReverseV2", .lower = reverse, .inputs = 2},
    {.name = "Where", .lower = where, .inputs = 1},
    {.name = "InvertPermutation", .lower = invert_permutation, .inputs = 1},
    {.name = "MatrixBandPart", .lower = band_part, .inputs = 3},
    {.name = "BatchMatrixBandPart", .lower = band_part, .inputs = 3}, );
