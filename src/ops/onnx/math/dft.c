// SPDX-License-Identifier: Apache-2.0
/* DFT along an axis and STFT of windows; complex numbers are pairs in the last dimension. In
 * double. */
#include "ops/kernels/call.h"
#include "ops/kernels/math/fft.h"

#define DTYPES_DFT                                                                                 \
    (DTYPE_BIT(DTYPE_F16) | DTYPE_BIT(DTYPE_BF16) | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64))
#define LENGTH_MAX (INT64_C(1) << 28)

struct dft {
    bool inverse, onesided;
    int axis;
    int64_t length; /* of the transform; DIM_UNKNOWN */
};

/* A known integer input within limits, or `otherwise` when it is omitted or not known. */
static enum status read_length(const struct op_call *call, size_t input, int64_t *value,
                               struct error *err)
{
    if (!op_has(call, input))
        return STATUS_OK;
    TRY(op_wants(call, input, DTYPES_INDEX, err));
    *value = DIM_UNKNOWN;
    if (!op_is_known(call, input))
        return STATUS_OK;
    TRY(op_input_i64(call, input, value, err));
    if (*value < 1 || *value > LENGTH_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is %lld", input,
                        (long long)*value);
    return STATUS_OK;
}

/* *known is false when the axis is an input of unknown value. */
static enum status read_axis(const struct op_call *call, int rank, int *axis, bool *known,
                             struct error *err)
{
    int64_t value = attribute_int(call->attributes, "axis", op_before(call, 20) ? 1 : -2);

    *known = true;
    if (op_has(call, 2)) {
        TRY(op_wants(call, 2, DTYPES_INDEX, err));
        *known = op_is_known(call, 2);
        if (!*known)
            return STATUS_OK;
        TRY(op_input_i64(call, 2, &value, err));
    }
    TRY(op_axis(call, value, rank, axis, err));
    if (*axis == rank - 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "axis %lld is that of complex parts",
                        (long long)value);
    return STATUS_OK;
}

static enum status dft_of(const struct op_call *call, struct dft *d, bool *known, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    int64_t parts = in->dims[in->rank - 1];

    d->inverse = attribute_int(call->attributes, "inverse", 0);
    d->onesided = attribute_int(call->attributes, "onesided", 0);
    TRY(read_axis(call, in->rank, &d->axis, known, err));
    if (dim_is_known(parts) && parts != 1 && parts != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "the last dimension is %lld, not 1 or 2",
                        (long long)parts);
    if (d->onesided && !d->inverse && parts == 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "onesided of complex numbers");
    if (!*known)
        return STATUS_OK;
    d->length = in->dims[d->axis];
    if (d->inverse && d->onesided && dim_is_known(d->length))
        d->length = 2 * (d->length - 1);
    TRY(read_length(call, 1, &d->length, err));
    if (dim_is_known(d->length) && (d->length < 1 || d->length > LENGTH_MAX))
        return op_error(call, err, STATUS_INVALID_INPUT, "a transform of length %lld",
                        (long long)d->length);
    return STATUS_OK;
}

static enum status infer_dft(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    struct dft d;
    bool known;

    TRY(op_wants(call, 0, DTYPES_DFT, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (out.rank >= 0) {
        TRY(dft_of(call, &d, &known, err));
        for (int i = 0; !known && i < out.rank; i++)
            out.dims[i] = DIM_UNKNOWN;
        out.dims[out.rank - 1] = d.inverse && d.onesided ? 1 : 2;
        if (known)
            out.dims[d.axis] = !dim_is_known(d.length)    ? DIM_UNKNOWN
                               : d.onesided && !d.inverse ? d.length / 2 + 1
                                                          : d.length;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static size_t room_for(int64_t length)
{
    return ((size_t)length + fft_scratch((size_t)length)) * sizeof(struct complex_f64);
}

static size_t scratch_dft(const struct op_call *call)
{
    struct error ignored;
    struct dft d;
    bool known;

    return dft_of(call, &d, &known, &ignored) ? 0 : room_for(d.length);
}

/* One line of `has` elements `step` apart, cut or filled with 0 to the length. A one-sided inverse
 * has the other half as conjugates. */
static void load_line(const struct dft *d, const struct tensor *x, size_t at, size_t step,
                      size_t has, struct complex_f64 *line)
{
    size_t parts = (size_t)x->shape.dims[x->shape.rank - 1], n = (size_t)d->length;

    for (size_t k = 0; k < n; k++) {
        bool mirrored = d->inverse && d->onesided && k > n / 2;
        size_t from = mirrored ? n - k : k;

        line[k] = (struct complex_f64){0, 0};
        if (from >= has)
            continue;
        line[k].re = tensor_f64(x, (at + from * step) * parts);
        if (parts == 2)
            line[k].im = tensor_f64(x, (at + from * step) * parts + 1);
        /* a real signal has real sums there */
        if (d->inverse && d->onesided && (k == 0 || 2 * k == n))
            line[k].im = 0;
        if (mirrored)
            line[k].im = -line[k].im;
    }
}

static enum status run_dft(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct tensor *y = &call->out[0];
    struct complex_f64 *line = call->scratch;
    size_t outer, inner, has, gives, parts = (size_t)y->shape.dims[y->shape.rank - 1];
    struct dft d;
    bool known;

    TRY(dft_of(call, &d, &known, err));
    outer = shape_span(&x->shape, 0, d.axis);
    inner = shape_span(&x->shape, d.axis + 1, x->shape.rank - 1);
    has = (size_t)x->shape.dims[d.axis];
    gives = (size_t)y->shape.dims[d.axis];
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++) {
            double share = d.inverse ? (double)d.length : 1;

            load_line(&d, x, o * has * inner + i, inner, has, line);
            fft(line, (size_t)d.length, d.inverse, line + d.length);
            for (size_t k = 0; k < gives; k++) {
                size_t at = ((o * gives + k) * inner + i) * parts;

                tensor_set_f64(y, at, line[k].re / share);
                if (parts == 2)
                    tensor_set_f64(y, at + 1, line[k].im / share);
            }
        }
    return STATUS_OK;
}

/* --- STFT: signal (batch, length, 1 or 2), frame_step, window, frame_length --- */

enum { SIGNAL, STEP, WINDOW, FRAME };

static enum status stft_of(const struct op_call *call, int64_t *step, int64_t *frame,
                           int64_t *frames, struct error *err)
{
    const struct shape *in = &call->in[SIGNAL].shape, *window = &call->in[WINDOW].shape;

    *frame = DIM_UNKNOWN;
    *step = DIM_UNKNOWN;
    TRY(read_length(call, STEP, step, err));
    if (op_has(call, WINDOW)) {
        TRY(op_wants_same(call, SIGNAL, WINDOW, err));
        TRY(op_wants_rank(call, WINDOW, 1, 1, err));
        *frame = window->rank == 1 ? window->dims[0] : DIM_UNKNOWN;
    } else if (!op_has(call, FRAME)) {
        *frame = in->rank == 3 ? in->dims[1] : DIM_UNKNOWN;
    }
    TRY(read_length(call, FRAME, frame, err));
    *frames = DIM_UNKNOWN;
    if (dim_is_known(*frame) && op_has(call, WINDOW) && window->rank == 1 &&
        dim_is_known(window->dims[0]) && window->dims[0] != *frame)
        return op_error(call, err, STATUS_INVALID_INPUT, "a window of %lld for frames of %lld",
                        (long long)window->dims[0], (long long)*frame);
    if (dim_is_known(*frame) && (*frame < 1 || *frame > LENGTH_MAX))
        return op_error(call, err, STATUS_INVALID_INPUT, "frames of %lld", (long long)*frame);
    if (in->rank == 3 && dim_is_known(in->dims[1]) && dim_is_known(*frame)) {
        if (in->dims[1] < *frame)
            return op_error(call, err, STATUS_INVALID_INPUT, "frames of %lld in a signal of %lld",
                            (long long)*frame, (long long)in->dims[1]);
        if (dim_is_known(*step))
            *frames = (in->dims[1] - *frame) / *step + 1;
    }
    return STATUS_OK;
}

static enum status infer_stft(struct op_call *call, struct error *err)
{
    bool onesided = attribute_int(call->attributes, "onesided", 1);
    const struct shape *in = &call->in[SIGNAL].shape;
    struct shape out = {.rank = 4, .dims = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, 2}};
    int64_t step, frame, frames;

    TRY(op_wants(call, SIGNAL, DTYPES_DFT, err));
    TRY(op_wants_rank(call, SIGNAL, 3, 3, err));
    TRY(stft_of(call, &step, &frame, &frames, err));
    if (in->rank == 3) {
        if (dim_is_known(in->dims[2]) && in->dims[2] != 1 && in->dims[2] != 2)
            return op_error(call, err, STATUS_INVALID_INPUT, "the last dimension is %lld",
                            (long long)in->dims[2]);
        if (onesided && in->dims[2] == 2)
            return op_error(call, err, STATUS_INVALID_INPUT, "onesided of complex numbers");
        out.dims[0] = in->dims[0];
    }
    out.dims[1] = frames;
    out.dims[2] = !dim_is_known(frame) ? DIM_UNKNOWN : onesided ? frame / 2 + 1 : frame;
    op_give(call, 0, call->in[SIGNAL].dtype, &out);
    return STATUS_OK;
}

static size_t scratch_stft(const struct op_call *call)
{
    int64_t step, frame, frames;
    struct error ignored;

    return stft_of(call, &step, &frame, &frames, &ignored) ? 0 : room_for(frame);
}

static enum status run_stft(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[SIGNAL];
    struct complex_f64 *line = call->scratch;
    int64_t step, frame, frames, parts = x->shape.dims[2], gives = call->out[0].shape.dims[2];
    size_t at = 0;

    TRY(stft_of(call, &step, &frame, &frames, err));
    for (int64_t b = 0; b < x->shape.dims[0]; b++)
        for (int64_t f = 0; f < frames; f++) {
            for (int64_t k = 0; k < frame; k++) {
                size_t from = (size_t)((b * x->shape.dims[1] + f * step + k) * parts);
                double weight = op_has(call, WINDOW) ? tensor_f64(&call->in[WINDOW], (size_t)k) : 1;

                line[k].re = weight * tensor_f64(x, from);
                line[k].im = parts == 2 ? weight * tensor_f64(x, from + 1) : 0;
            }
            fft(line, (size_t)frame, false, line + frame);
            for (int64_t k = 0; k < gives; k++) {
                tensor_set_f64(&call->out[0], at++, line[k].re);
                tensor_set_f64(&call->out[0], at++, line[k].im);
            }
        }
    return STATUS_OK;
}

const struct op_set ops_onnx_dft = OP_SET({.name = "DFT",
                                           .summary = "discrete Fourier transform",
                                           .flags = OP_OPTIONAL_GAPS,
                                           .in_min = 1,
                                           .in_max = 3,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer_dft,
                                           .scratch_size = scratch_dft,
                                           .run = run_dft},
                                          {.name = "STFT",
                                           .summary = "Fourier transforms of windows",
                                           .flags = OP_OPTIONAL_GAPS,
                                           .in_min = 2,
                                           .in_max = 4,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer_stft,
                                           .scratch_size = scratch_stft,
                                           .run = run_stft});
