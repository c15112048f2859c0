// SPDX-License-Identifier: Apache-2.0
/* Pad: elements added (or, where negative, removed) at both ends of axes: a constant, the edge, a
 * reflection, or the other end. "symmetric" is a reflection that repeats the edge; ONNX has none,
 * importers of others use it. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

#define PAD_MAX (INT64_C(1) << 40) /* far beyond any tensor, far below overflow */

enum mode { MODE_CONSTANT, MODE_EDGE, MODE_REFLECT, MODE_SYMMETRIC, MODE_WRAP };
static const char *const MODES[] = {"constant", "edge", "reflect", "symmetric", "wrap"};

struct pads {
    enum mode mode;
    bool known;
    int64_t begin[RANK_MAX], end[RANK_MAX];
};

/* begins then ends of the axes that are named: by input (opset 11 on), or attribute */
static enum status pads_values(const struct op_call *call, int64_t values[2 * RANK_MAX],
                               size_t *count, bool *known, struct error *err)
{
    const int64_t *ints;

    *known = true;
    if (op_has(call, 1)) {
        *known = op_is_known(call, 1);
        return *known ? op_input_ints(call, 1, values, 2 * RANK_MAX, count, err) : STATUS_OK;
    }
    ints = attribute_ints(call->attributes, "pads", count);
    if (!ints)
        ints = attribute_ints(call->attributes, "paddings", count);
    if (*count > 2 * RANK_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu pads", *count);
    for (size_t i = 0; i < *count; i++)
        values[i] = ints[i];
    return STATUS_OK;
}

static enum status pads_of(const struct op_call *call, int rank, struct pads *pads,
                           struct error *err)
{
    struct bytes mode = attribute_string(call->attributes, "mode", "constant");
    int64_t values[2 * RANK_MAX];
    size_t count = 0, axes_count;
    bool seen[RANK_MAX] = {false};
    struct axes axes;

    *pads = (struct pads){.mode = MODE_CONSTANT};
    while (pads->mode <= MODE_WRAP && !bytes_is(mode, MODES[pads->mode]))
        pads->mode++;
    if (pads->mode > MODE_WRAP)
        return op_error(call, err, STATUS_UNSUPPORTED, "this mode");
    TRY(pads_values(call, values, &count, &pads->known, err));
    TRY(op_axes_list(call, 3, "axes", &axes, err));
    pads->known = pads->known && axes.known;
    if (!pads->known || rank < 0)
        return STATUS_OK;
    axes_count = axes.given ? axes.count : (size_t)rank;
    if (count != 2 * axes_count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu pads for %zu axes", count,
                        axes_count);
    for (size_t i = 0; i < axes_count; i++) {
        int axis = (int)i;

        if (axes.given)
            TRY(op_axis(call, axes.values[i], rank, &axis, err));
        if (seen[axis])
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %d is named twice", axis);
        seen[axis] = true;
        pads->begin[axis] = values[i];
        pads->end[axis] = values[i + axes_count];
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    struct pads pads;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(pads_of(call, in->rank, &pads, err));
    if (op_has(call, 2)) {
        TRY(op_wants_same(call, 0, 2, err));
        if (shape_is_known(&call->in[2].shape) && tensor_count(&call->in[2]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "the constant is not one value");
    } else if (pads.mode == MODE_CONSTANT && call->in[0].dtype == DTYPE_STRING) {
        return op_error(call, err, STATUS_UNSUPPORTED, "strings without a constant");
    }
    for (int i = 0; i < in->rank; i++) {
        int64_t more;

        if (!pads.known) {
            out.dims[i] = DIM_UNKNOWN;
            continue;
        }
        if (pads.begin[i] > PAD_MAX || pads.begin[i] < -PAD_MAX || pads.end[i] > PAD_MAX ||
            pads.end[i] < -PAD_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "axis %d has pads %lld and %lld", i,
                            (long long)pads.begin[i], (long long)pads.end[i]);
        more = pads.begin[i] + pads.end[i];
        if (!dim_is_known(in->dims[i]))
            out.dims[i] = more ? DIM_UNKNOWN : in->dims[i];
        else if (__builtin_add_overflow(in->dims[i], more, &out.dims[i]))
            return op_error(call, err, STATUS_TOO_LARGE, "axis %d does not fit", i);
        if (dim_is_known(in->dims[i]) && out.dims[i] < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "pads of axis %d leave %lld elements",
                            i, (long long)out.dims[i]);
        if (in->dims[i] == 0 && out.dims[i] > 0 && pads.mode != MODE_CONSTANT)
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %d has no element to repeat", i);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* Where element `at` (perhaps outside) of a dimension comes from; -1: the constant. */
static int64_t source(enum mode mode, int64_t at, int64_t dim)
{
    int64_t period = 2 * (dim - 1);

    if (at >= 0 && at < dim)
        return at;
    switch (mode) {
    case MODE_CONSTANT:
        return -1;
    case MODE_EDGE:
        return at < 0 ? 0 : dim - 1;
    case MODE_WRAP:
        at %= dim;
        return at < 0 ? at + dim : at;
    case MODE_SYMMETRIC:
        at %= 2 * dim;
        at += at < 0 ? 2 * dim : 0;
        return at < dim ? at : 2 * dim - 1 - at;
    default:
        if (dim == 1)
            return 0;
        at %= period;
        at += at < 0 ? period : 0;
        return at < dim ? at : period - at;
    }
}

/* One line of the last axis: what comes from the line itself in one piece, the rest one by one. */
static void pad_line(const struct pads *pads, int axis, const char *from, int64_t in, char *to,
                     int64_t out, size_t size, const void *constant)
{
    int64_t begin = pads->begin[axis], first = begin < 0 ? 0 : begin > out ? out : begin;
    int64_t last = begin + in > out ? out : begin + in < first ? first : begin + in;

    if (last > first)
        memcpy(to + (size_t)first * size, from + (size_t)(first - begin) * size,
               (size_t)(last - first) * size);
    for (int64_t i = 0; i < out; i++) {
        int64_t k;

        if (i == first && last > first)
            i = last;
        if (i >= out)
            return;
        k = source(pads->mode, i - begin, in);
        memcpy(to + (size_t)i * size, k < 0 ? constant : from + (size_t)k * size, size);
    }
}

static void fill(char *to, int64_t count, const void *constant, size_t size)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(to + (size_t)i * size, constant, size);
}

static void pad_lines(const struct op_call *call, const struct pads *pads, const void *constant)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    int last = x->shape.rank - 1;
    int64_t strides[RANK_MAX], at[RANK_MAX] = {0}, in = x->shape.dims[last];
    int64_t out = y->shape.dims[last];
    size_t size = dtype_size(x->dtype), lines = tensor_count(y) / (size_t)out;
    char *to = y->data;

    shape_strides(&x->shape, strides);
    for (size_t i = 0; i < lines; i++, to += (size_t)out * size) {
        const char *from = x->data;

        for (int d = 0; d < last && from; d++) {
            int64_t k = source(pads->mode, at[d] - pads->begin[d], x->shape.dims[d]);
            from = k < 0 ? NULL : from + (size_t)(k * strides[d]) * size;
        }
        if (from)
            pad_line(pads, last, from, in, to, out, size, constant);
        else
            fill(to, out, constant, size);
        (void)index_next(at, y->shape.dims, last);
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    uint64_t zero[2] = {0};
    const void *constant = zero;
    struct pads pads;
    struct tensor one = {x->dtype, shape_scalar(), zero};

    TRY(pads_of(call, x->shape.rank, &pads, err));
    if (op_has(call, 2))
        constant = call->in[2].data;
    else if (x->dtype != DTYPE_STRING)
        tensor_set_f64(&one, 0, attribute_float(call->attributes, "value", 0));
    if (tensor_count(y) == 0)
        return STATUS_OK;
    if (x->shape.rank == 0)
        memcpy(y->data, x->data, dtype_size(x->dtype));
    else
        pad_lines(call, &pads, constant);
    return STATUS_OK;
}

const struct op_set ops_onnx_pad = OP_SET({.name = "Pad",
                                           .summary = "elements added at the ends of axes",
                                           .flags = OP_OPTIONAL_GAPS,
                                           .in_min = 1,
                                           .in_max = 4,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer,
                                           .run = run});
