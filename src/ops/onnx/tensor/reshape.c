// SPDX-License-Identifier: Apache-2.0
/* Reshape, Flatten, Squeeze, Unsqueeze: the same elements under another shape. */
#include "ops/kernels/call.h"

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];

    (void)err;
    if (call->out[0].data != x->data && tensor_count(x))
        memcpy(call->out[0].data, x->data, tensor_bytes(x));
    return STATUS_OK;
}

/* The wanted shape: dimensions >= 0, 0 as a copy of the input's, -1 as the rest. */
static enum status wanted_shape(const struct op_call *call, int64_t dims[RANK_MAX], size_t *rank,
                                bool *known, struct error *err)
{
    const int64_t *ints = attribute_ints(call->attributes, "shape", rank);

    *known = true;
    if (op_has(call, 1)) {
        *known = op_is_known(call, 1);
        return *known ? op_input_ints(call, 1, dims, RANK_MAX, rank, err) : STATUS_OK;
    }
    if (!ints && !attribute_find(call->attributes, "shape"))
        return op_error(call, err, STATUS_INVALID_INPUT, "the shape is missing");
    if (*rank > RANK_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "%zu dimensions, at most %d", *rank, RANK_MAX);
    if (*rank)
        memcpy(dims, ints, *rank * sizeof *dims);
    return STATUS_OK;
}

/* What is left of a's dimensions when b's have been taken out: free dimensions cancel by name,
 * known ones multiply. False when a free dimension is left beside another. */
static bool dims_left(const struct shape *a, const struct shape *b, int skip, int64_t *left)
{
    int64_t a_known = 1, b_known = 1, free_dim = 0;
    bool used[RANK_MAX] = {false};

    for (int i = 0; i < b->rank; i++) {
        int k = 0;

        if (i == skip)
            continue;
        if (dim_is_known(b->dims[i])) {
            if (__builtin_mul_overflow(b_known, b->dims[i], &b_known))
                return false;
            continue;
        }
        while (k < a->rank && (used[k] || a->dims[k] != b->dims[i]))
            k++;
        if (k == a->rank)
            return false;
        used[k] = true;
    }
    for (int i = 0; i < a->rank; i++) {
        if (used[i])
            continue;
        if (!dim_is_known(a->dims[i])) {
            if (free_dim)
                return false;
            free_dim = a->dims[i];
        } else if (__builtin_mul_overflow(a_known, a->dims[i], &a_known)) {
            return false;
        }
    }
    if (free_dim) {
        if (a_known != b_known || a_known == 0)
            return false;
        *left = free_dim;
        return true;
    }
    if (b_known == 0 || a_known % b_known)
        return false;
    *left = a_known / b_known;
    return true;
}

static enum status infer_reshape(struct op_call *call, struct error *err)
{
    bool allow_zero = attribute_int(call->attributes, "allowzero", 0), known;
    char in_text[SHAPE_PRINT_SIZE], out_text[SHAPE_PRINT_SIZE];
    const struct shape *in = &call->in[0].shape;
    struct shape out = {.rank = 0};
    int64_t dims[RANK_MAX];
    size_t rank = 0;
    int rest = -1;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(wanted_shape(call, dims, &rank, &known, err));
    if (!known) {
        TRY(op_input_shape(call, 1, INT64_MIN, &out, err));
        op_give(call, 0, call->in[0].dtype, &out);
        return STATUS_OK;
    }
    out.rank = (int)rank;
    for (int i = 0; i < out.rank; i++) {
        if (dims[i] < -1 || (dims[i] == -1 && rest >= 0))
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d of the shape is %lld", i,
                            (long long)dims[i]);
        out.dims[i] = dims[i];
        if (dims[i] == -1) {
            rest = i;
            out.dims[i] = DIM_UNKNOWN;
        } else if (dims[i] == 0 && !allow_zero) {
            if (in->rank >= 0 && i >= in->rank)
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d is to be copied from a tensor of %d", i, in->rank);
            out.dims[i] = in->rank < 0 ? DIM_UNKNOWN : in->dims[i];
        }
    }
    if (in->rank >= 0 && rest >= 0 && !dims_left(in, &out, rest, &out.dims[rest])) {
        if (shape_is_known(in))
            return op_error(call, err, STATUS_INVALID_INPUT, "%s does not divide into %s",
                            shape_print(in, in_text, sizeof in_text),
                            shape_print(&out, out_text, sizeof out_text));
        out.dims[rest] = DIM_UNKNOWN;
    }
    if (shape_is_known(in) && shape_is_known(&out)) {
        size_t count = 1;
        bool fits = true, empty = false;

        for (int i = 0; i < out.rank; i++) {
            empty = empty || out.dims[i] == 0;
            fits = fits && !__builtin_mul_overflow(count, (size_t)out.dims[i], &count);
        }
        if ((!fits && !empty) || (empty ? 0 : count) != shape_count(in))
            return op_error(call, err, STATUS_INVALID_INPUT, "%s has not the elements of %s",
                            shape_print(in, in_text, sizeof in_text),
                            shape_print(&out, out_text, sizeof out_text));
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status infer_flatten(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    int64_t axis = attribute_int(call->attributes, "axis", 1);
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}};

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (in->rank >= 0) {
        if (axis < -in->rank || axis > in->rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %lld is not one of rank %d",
                            (long long)axis, in->rank);
        axis += axis < 0 ? in->rank : 0;
        out.dims[0] = out.dims[1] = 1;
        for (int i = 0; i < in->rank; i++)
            TRY(dim_multiply(call, out.dims[i >= axis], in->dims[i], &out.dims[i >= axis], err));
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status infer_squeeze(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = shape_unknown();
    bool mask[RANK_MAX];
    struct axes axes;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_axes_list(call, 1, "axes", &axes, err));
    if (in->rank >= 0 && axes.known) {
        TRY(op_axes_mask(call, &axes, in->rank, mask, err));
        out.rank = 0;
        for (int i = 0; i < in->rank; i++) {
            if (!axes.given && !dim_is_known(in->dims[i])) {
                out = shape_unknown();
                break;
            }
            if (!axes.given)
                mask[i] = in->dims[i] == 1;
            if (mask[i] && dim_is_known(in->dims[i]) && in->dims[i] != 1)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is %lld, not 1", i,
                                (long long)in->dims[i]);
            if (!mask[i])
                out.dims[out.rank++] = in->dims[i];
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status infer_unsqueeze(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = shape_unknown();
    bool mask[RANK_MAX];
    struct axes axes;
    int next = 0;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_axes_list(call, 1, "axes", &axes, err));
    if (!axes.given)
        return op_error(call, err, STATUS_INVALID_INPUT, "the axes are missing");
    if (in->rank >= 0 && axes.known) {
        if ((size_t)in->rank + axes.count > RANK_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "more than %d dimensions", RANK_MAX);
        out.rank = in->rank + (int)axes.count;
        TRY(op_axes_mask(call, &axes, out.rank, mask, err));
        for (int i = 0; i < out.rank; i++)
            out.dims[i] = mask[i] ? 1 : in->dims[next++];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

#define ROW(op, inputs, more_flags, text, infer_it)                                                \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_VIEW | more_flags, .in_min = 1, .in_max = inputs, \
        .out_min = 1, .out_max = 1, .infer = infer_it, .run = run                                  \
    }

const struct op_set ops_onnx_reshape =
    OP_SET(ROW("Reshape", 2, OP_ROWS, "the same elements under another shape", infer_reshape),
           ROW("Flatten", 1, OP_ROWS, "as a matrix", infer_flatten),
           ROW("Squeeze", 2, OP_ROWS, "without dimensions of 1", infer_squeeze),
           ROW("Unsqueeze", 2, OP_ROWS, "with more dimensions of 1", infer_unsqueeze));
