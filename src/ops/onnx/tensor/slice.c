// SPDX-License-Identifier: Apache-2.0
/* Slice: every step-th element from start to end, per axis, as Python slices. Starts, ends and axes
 * are attributes before opset 10. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

struct slices {
    bool axes_known, known; /* are the bounds known? */
    size_t count;
    int64_t starts[RANK_MAX], ends[RANK_MAX], axes[RANK_MAX], steps[RANK_MAX];
};

static enum status read_list(const struct op_call *call, size_t input, const char *name,
                             size_t count, int64_t *values, bool *known, struct error *err)
{
    size_t n = 0;
    const int64_t *ints;

    if (call->in_count > 1) {
        if (!op_has(call, input))
            return STATUS_OK;
        *known = *known && op_is_known(call, input);
        if (!op_is_known(call, input))
            return STATUS_OK;
        TRY(op_input_ints(call, input, values, RANK_MAX, &n, err));
    } else {
        ints = attribute_ints(call->attributes, name, &n);
        if (!ints && (!strcmp(name, "axes") || !strcmp(name, "steps")))
            return STATUS_OK;
        for (size_t i = 0; i < n && i < RANK_MAX; i++)
            values[i] = ints[i];
    }
    if (n != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu %s for %zu starts", n, name, count);
    return STATUS_OK;
}

static enum status read_slices(const struct op_call *call, struct slices *s, struct error *err)
{
    size_t count = 0;

    *s = (struct slices){.axes_known = true, .known = true};
    if (call->in_count > 1) {
        for (size_t i = 1; i < 5; i++) {
            if (!op_has(call, i) && i > 2)
                continue;
            TRY(op_wants(call, i, DTYPES_INDEX, err));
            TRY(op_wants_rank(call, i, 1, 1, err));
            if (call->in[i].shape.rank == 1 && dim_is_known(call->in[i].shape.dims[0]))
                count = (size_t)call->in[i].shape.dims[0];
            else
                s->axes_known = s->known = false;
        }
    } else {
        attribute_ints(call->attributes, "starts", &count);
    }
    if (count > RANK_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu axes, at most %d", count, RANK_MAX);
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        s->axes[i] = (int64_t)i;
        s->steps[i] = 1;
    }
    TRY(read_list(call, 1, "starts", count, s->starts, &s->known, err));
    TRY(read_list(call, 2, "ends", count, s->ends, &s->known, err));
    TRY(read_list(call, 3, "axes", count, s->axes, &s->axes_known, err));
    TRY(read_list(call, 4, "steps", count, s->steps, &s->known, err));
    for (size_t i = 0; i < count; i++)
        if (s->steps[i] == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "step %zu is 0", i);
    /* by the standard nothing, but ONNX Runtime takes it for the beginning */
    for (size_t i = 0; s->known && i < count; i++)
        if (s->steps[i] < 0 && (s->ends[i] == INT32_MAX || s->ends[i] == INT64_MAX))
            return op_error(call, err, STATUS_UNSUPPORTED, "backwards to the largest integer");
    return STATUS_OK;
}

/* First element and how many there are, of a known dimension. */
static void bounds(int64_t dim, int64_t *start, int64_t end, int64_t step, int64_t *count)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1, first = *start;

    first += first < 0 ? dim : 0;
    end += end < 0 ? dim : 0;
    first = first < 0 ? 0 : first;
    first = first > high ? high : first;
    end = end < low ? low : end > high ? high : end;
    *start = first;
    if (step > 0)
        *count = end > first ? (end - first - 1) / step + 1 : 0;
    else /* not -step: it may be the smallest integer */
        *count =
            first > end ? (int64_t)((uint64_t)(first - end - 1) / (0 - (uint64_t)step)) + 1 : 0;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    bool mask[RANK_MAX] = {false};
    struct slices s;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(read_slices(call, &s, err));
    if (!s.axes_known)
        for (int i = 0; i < in->rank; i++)
            out.dims[i] = DIM_UNKNOWN;
    for (size_t i = 0; s.axes_known && in->rank >= 0 && i < s.count; i++) {
        int64_t dim, start = s.starts[i], count;
        int axis;

        TRY(op_axis(call, s.axes[i], in->rank, &axis, err));
        if (mask[axis])
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %d is named twice", axis);
        mask[axis] = true;
        dim = in->dims[axis];
        if (s.known && dim_is_known(dim)) {
            bounds(dim, &start, s.ends[i], s.steps[i], &count);
            out.dims[axis] = count;
        } else if (!s.known || start != 0 || s.steps[i] != 1 || s.ends[i] < INT32_MAX) {
            out.dims[axis] = DIM_UNKNOWN; /* else all of a free dimension */
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    struct strided copy = {.rank = x->shape.rank};
    int64_t offset = 0;
    struct slices s;

    TRY(read_slices(call, &s, err));
    if (tensor_count(y) == 0)
        return STATUS_OK;
    shape_strides(&x->shape, copy.from);
    shape_strides(&y->shape, copy.to);
    memcpy(copy.dims, y->shape.dims, sizeof copy.dims);
    for (size_t i = 0; i < s.count; i++) {
        int64_t start = s.starts[i], count;
        int axis;

        TRY(op_axis(call, s.axes[i], x->shape.rank, &axis, err));
        bounds(x->shape.dims[axis], &start, s.ends[i], s.steps[i], &count);
        offset += start * copy.from[axis];
        /* of one element the step is not taken, and might not fit */
        copy.from[axis] = count > 1 ? copy.from[axis] * s.steps[i] : 0;
    }
    strided_copy(&copy, (const char *)x->data + (size_t)offset * dtype_size(x->dtype), y->data,
                 dtype_size(x->dtype));
    return STATUS_OK;
}

const struct op_set ops_onnx_slice = OP_SET({.name = "Slice",
                                             .summary = "a range of every axis",
                                             .flags = OP_OPTIONAL_GAPS,
                                             .in_min = 1,
                                             .in_max = 5,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .run = run});
