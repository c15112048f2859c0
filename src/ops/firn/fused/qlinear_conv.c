// SPDX-License-Identifier: Apache-2.0
/* QLinearConv and QLinearConvNhwc: ONNX's QLinearConv with a clamp of the quanta, which is what
 * Relu or Clip before the quantisation are, and with the channels last a quantised addition behind
 * it:
 *
 *     q = clamp(round(sum (x - x_zero)(w - w_zero) + bias) x_scale w_scale / y_scale) + y_zero)
 *
 * Inputs as ONNX's; then, of QLinearConvNhwc, r, r_scale, r_zero, s_scale, s_zero:
 *
 *     s = what q is with s_scale and s_zero instead, clamped to sum_low and sum_high
 *     q = clamp(round(((s - s_zero) s_scale + (r - r_zero) r_scale) / y_scale) + y_zero)
 *
 * Attributes: those of Conv; low, high, sum_low, sum_high (absent: the range of the type). */
#include <math.h>

#include "ops/fast/int8/conv.h"
#include "ops/kernels/math/quantum.h"
#include "ops/kernels/spatial/nhwc.h"

enum {
    X,
    X_SCALE,
    X_ZERO,
    W,
    W_SCALE,
    W_ZERO,
    Y_SCALE,
    Y_ZERO,
    BIAS,
    R,
    R_SCALE,
    R_ZERO,
    S_SCALE,
    S_ZERO,
    INPUTS
};

#define DTYPES_BYTE (DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8))

/* *out is the shape of y as it lies. */
static enum status geometry_of(const struct op_call *call, bool nhwc, struct convolution *c,
                               struct shape *out, struct error *err)
{
    struct tensor in[W + 1];
    struct op_call twin = *call;

    memcpy(in, call->in, sizeof in);
    if (nhwc)
        in[X].shape = shape_channels_first(&in[X].shape);
    twin.in = in;
    twin.in_count = W + 1;
    TRY(convolution_of(&twin, X, W, false, c, out, err));
    if (nhwc)
        *out = shape_channels_last(out);
    c->x = call->in[X].data;
    c->w = call->in[W].data;
    return STATUS_OK;
}

/* --- infer --- */

static enum status check_points(const struct op_call *call, size_t input, int64_t many,
                                struct error *err)
{
    const struct shape *shape = &call->in[input].shape;

    if (shape_is_known(shape) && shape_count(shape) != 1 && dim_is_known(many) &&
        (shape->rank != 1 || shape->dims[0] != many))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu values in input %zu, not 1 or %lld",
                        shape_count(shape), input, (long long)many);
    return STATUS_OK;
}

static enum status check_bias(const struct op_call *call, int64_t maps, struct error *err)
{
    if (!op_has(call, BIAS))
        return STATUS_OK;
    TRY(op_wants(call, BIAS, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants_rank(call, BIAS, 1, 1, err));
    if (shape_is_known(&call->in[BIAS].shape) && dim_is_known(maps) &&
        call->in[BIAS].shape.dims[0] != maps)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld biases for %lld maps",
                        (long long)call->in[BIAS].shape.dims[0], (long long)maps);
    return STATUS_OK;
}

static enum status check_residual(const struct op_call *call, const struct shape *out,
                                  struct error *err)
{
    char a[SHAPE_PRINT_SIZE], b[SHAPE_PRINT_SIZE];
    const struct shape *r;

    if (!op_has(call, R))
        return STATUS_OK;
    r = &call->in[R].shape;
    for (size_t i = R; i < INPUTS; i++) {
        if (!op_has(call, i))
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is missing", i);
        if (i != R_SCALE && i != S_SCALE)
            TRY(op_wants_same(call, Y_ZERO, i, err));
        else
            TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
        if (i != R)
            TRY(check_points(call, i, 1, err));
    }
    if (shape_is_known(r) && shape_is_known(out) && !shape_equal(r, out))
        return op_error(call, err, STATUS_INVALID_INPUT, "a residual of shape %s for %s",
                        shape_print(r, a, sizeof a), shape_print(out, b, sizeof b));
    return STATUS_OK;
}

/* The clamp named low and high. */
static enum status range_of(const struct op_call *call, const char *low_name, const char *high_name,
                            int32_t *low, int32_t *high, struct error *err)
{
    bool is_signed = call->in[Y_ZERO].dtype == DTYPE_I8;
    int64_t least = is_signed ? INT8_MIN : 0, most = is_signed ? INT8_MAX : UINT8_MAX;
    int64_t from = attribute_int(call->attributes, low_name, least);
    int64_t to = attribute_int(call->attributes, high_name, most);

    if (from < least || to > most || from > to)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s and %s are %lld and %lld", low_name,
                        high_name, (long long)from, (long long)to);
    *low = (int32_t)from;
    *high = (int32_t)to;
    return STATUS_OK;
}

static enum status infer(struct op_call *call, bool nhwc, struct error *err)
{
    struct convolution convolution;
    struct shape out;
    int64_t maps;
    int32_t low, high;

    TRY(op_wants(call, X, DTYPES_BYTE, err));
    TRY(op_wants(call, W, DTYPES_BYTE, err));
    TRY(op_wants(call, Y_ZERO, DTYPES_BYTE, err));
    TRY(op_wants_same(call, X, X_ZERO, err));
    TRY(op_wants_same(call, W, W_ZERO, err));
    TRY(geometry_of(call, nhwc, &convolution, &out, err));
    maps = out.rank > 1 ? out.dims[nhwc ? out.rank - 1 : 1] : DIM_UNKNOWN;
    for (size_t i = X_SCALE; i <= Y_ZERO; i++) {
        if (i == W)
            continue;
        if (i == X_SCALE || i == W_SCALE || i == Y_SCALE)
            TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
        TRY(check_points(call, i, i == W_SCALE || i == W_ZERO ? maps : 1, err));
    }
    TRY(check_bias(call, maps, err));
    TRY(check_residual(call, &out, err));
    TRY(range_of(call, "low", "high", &low, &high, err));
    TRY(range_of(call, "sum_low", "sum_high", &low, &high, err));
    op_give(call, 0, call->in[Y_ZERO].dtype, &out);
    return STATUS_OK;
}

static enum status infer_nchw(struct op_call *call, struct error *err)
{
    return infer(call, false, err);
}

static enum status infer_nhwc(struct op_call *call, struct error *err)
{
    return infer(call, true, err);
}

/* --- the fast kernel --- */

static double scale_at(const struct op_call *call, size_t input, size_t i)
{
    return tensor_f64(&call->in[input], tensor_count(&call->in[input]) > 1 ? i : 0);
}

static int32_t zero_at(const struct op_call *call, size_t input, size_t i)
{
    return (int32_t)tensor_i64(&call->in[input], tensor_count(&call->in[input]) > 1 ? i : 0);
}

struct state {
    struct int8_conv *conv;
    struct int8_output output; /* but for y, its stride and the residual's */
};

static bool is_constant(const struct op_call *call)
{
    for (size_t i = X_SCALE; i < call->in_count; i++)
        if (i != R && op_has(call, i) && !call->in[i].data)
            return false;
    return shape_is_known(&call->in[W].shape) && call->in[W].shape.dims[0] > 0;
}

static bool is_ordinary(double scale)
{
    return isfinite(scale) && scale > 0;
}

/* The numbers of each map. */
static enum status request_of(const struct op_call *call, struct int8_conv_request *request,
                              bool *fits, struct arena *keep, struct error *err)
{
    const struct tensor *w = &call->in[W];
    size_t maps = (size_t)w->shape.dims[0], count;
    float *scale = arena_new(keep, float, maps);
    int32_t *zero = arena_new(keep, int32_t, maps);
    double y_scale = scale_at(call, op_has(call, R) ? S_SCALE : Y_SCALE, 0);
    const int64_t *dilations = attribute_ints(call->attributes, "dilations", &count);

    if (!scale || !zero)
        return error_no_memory(err, "scales");
    *request = (struct int8_conv_request){
        .w = w,
        .groups = (size_t)attribute_int(call->attributes, "group", 1),
        .dilation = dilations && count ? dilations[count - 1] : 1,
        .bias = op_has(call, BIAS) ? call->in[BIAS].data : NULL,
        .scale = scale,
    };
    *fits = true;
    for (size_t m = 0; m < maps; m++) {
        double factor = scale_at(call, X_SCALE, 0) * scale_at(call, W_SCALE, m) / y_scale;

        scale[m] = (float)factor;
        zero[m] = zero_at(call, W_ZERO, m);
        if (zero[m])
            request->w_zero = zero;
        *fits = *fits && is_ordinary(factor);
    }
    return STATUS_OK;
}

static enum status output_of(const struct op_call *call, struct int8_output *output, bool *fits,
                             struct error *err)
{
    struct int8_residual *residual = &output->residual;

    *output = (struct int8_output){
        .target = call->in[Y_ZERO].dtype == DTYPE_I8 ? INT8_TO_I8 : INT8_TO_U8,
        .x_zero = zero_at(call, X_ZERO, 0),
        .zero = zero_at(call, Y_ZERO, 0),
    };
    TRY(range_of(call, "low", "high", &output->low, &output->high, err));
    if (!op_has(call, R))
        return STATUS_OK;
    TRY(range_of(call, "sum_low", "sum_high", &residual->sum_low, &residual->sum_high, err));
    residual->zero = zero_at(call, R_ZERO, 0);
    residual->sum_zero = zero_at(call, S_ZERO, 0);
    residual->own = (float)(scale_at(call, S_SCALE, 0) / scale_at(call, Y_SCALE, 0));
    residual->other = (float)(scale_at(call, R_SCALE, 0) / scale_at(call, Y_SCALE, 0));
    *fits = *fits && is_ordinary((double)residual->own) && is_ordinary((double)residual->other);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct int8_conv_request request;
    struct state *state;
    bool fits = false;

    call->state = NULL;
    if (op_is_reference_only() || !is_constant(call))
        return STATUS_OK;
    state = arena_new(keep, struct state, 1);
    if (!state)
        return error_no_memory(err, "a convolution");
    TRY(request_of(call, &request, &fits, keep, err));
    TRY(output_of(call, &state->output, &fits, err));
    if (fits)
        TRY(int8_conv_prepare(&request, &state->conv, call->team, keep, err));
    if (fits && state->conv) {
        call->state = state;
        call->packed = 1 << W;
    }
    return STATUS_OK;
}

/* (count, channels, plane) of bytes into (count, plane, channels). */
static void transpose_item(const uint8_t *from, size_t rows, size_t columns, uint8_t *to)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            to[c * rows + r] = from[r * columns + c];
}

static size_t aligned(size_t size)
{
    return (size + 63) / 64 * 64;
}

static enum status run_fast(const struct op_call *call, bool nhwc, struct convolution *c,
                            const struct shape *out, struct error *err)
{
    const struct state *state = call->state;
    struct int8_output output = state->output;
    size_t maps = c->maps, items = c->n, plane;
    char *y = call->out[0].data, *image = (char *)call->scratch;

    (void)err;
    output.y = y;
    output.stride = maps;
    if (nhwc) {
        output.residual.data = op_has(call, R) ? call->in[R].data : NULL;
        output.residual.stride = maps;
        int8_conv_run(state->conv, c, false, &output, image, call->team);
        return STATUS_OK;
    }
    plane = shape_span(out, 2, out->rank);
    image += aligned(plane * maps);
    output.y = call->scratch;
    for (size_t n = 0; n < items; n++) {
        struct convolution one = *c;

        one.n = 1;
        one.x = (const char *)c->x + n * shape_span(&call->in[X].shape, 1, out->rank);
        int8_conv_run(state->conv, &one, true, &output, image, call->team);
        transpose_item(call->scratch, plane, maps, (uint8_t *)y + n * plane * maps);
    }
    return STATUS_OK;
}

/* --- the reference: the kernel of ONNX's twin --- */

struct reference {
    const struct op_call *call;
    size_t maps, plane;
    bool nhwc;
    int32_t low, high, sum_low, sum_high;
};

static int64_t quantum_of(double value, int64_t zero, int32_t low, int32_t high)
{
    uint8_t room[2];
    struct tensor one = {DTYPE_I16, shape_scalar(), room};
    int64_t q;

    quantum_put(&one, 0, value, zero);
    q = tensor_i64(&one, 0);
    return q < low ? low : q > high ? high : q;
}

static void put(void *context, size_t map, size_t at, size_t count,
                const union convolution_sums *sums)
{
    const struct reference *r = context;
    const struct op_call *call = r->call;
    double x = scale_at(call, X_SCALE, 0), y = scale_at(call, Y_SCALE, 0);
    double sum_scale = op_has(call, R) ? scale_at(call, S_SCALE, 0) : y;
    double factor = x * scale_at(call, W_SCALE, map) / sum_scale;
    uint32_t bias = op_has(call, BIAS) ? (uint32_t)tensor_i64(&call->in[BIAS], map) : 0;
    size_t to = at, step = 1;

    if (r->nhwc) {
        to = (at / r->plane / r->maps * r->plane + at % r->plane) * r->maps + map;
        step = r->maps;
    }
    for (size_t i = 0; i < count; i++, to += step) {
        double value = (int32_t)(sums->u[i] + bias) * factor;
        int64_t q;

        if (op_has(call, R)) {
            int32_t zero = zero_at(call, S_ZERO, 0);

            q = quantum_of(value, zero, r->sum_low, r->sum_high);
            value = ((double)(q - zero) * sum_scale +
                     (double)(tensor_i64(&call->in[R], to) - zero_at(call, R_ZERO, 0)) *
                         scale_at(call, R_SCALE, 0)) /
                    y;
        }
        q = quantum_of(value, zero_at(call, Y_ZERO, 0), r->low, r->high);
        tensor_set_f64(&call->out[0], to, (double)q);
    }
}

static enum status run_reference(const struct op_call *call, bool nhwc, struct convolution *c,
                                 const struct shape *out, struct error *err)
{
    struct reference reference = {.call = call, .maps = c->maps, .nhwc = nhwc};

    TRY(range_of(call, "low", "high", &reference.low, &reference.high, err));
    TRY(range_of(call, "sum_low", "sum_high", &reference.sum_low, &reference.sum_high, err));
    reference.plane = nhwc ? shape_span(out, 1, out->rank - 1) : shape_span(out, 2, out->rank);
    if (nhwc) {
        nhwc_put_first(&call->in[X], call->scratch);
        c->x = call->scratch;
    }
    c->x_zero = zero_at(call, X_ZERO, 0);
    c->w_zero = &call->in[W_ZERO];
    c->w_zero_step = tensor_count(&call->in[W_ZERO]) > 1;
    convolution_each(c, put, &reference);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, bool nhwc, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(geometry_of(call, nhwc, &convolution, &out, err));
    if (call->state)
        return run_fast(call, nhwc, &convolution, &out, err);
    return run_reference(call, nhwc, &convolution, &out, err);
}

static enum status run_nchw(const struct op_call *call, struct error *err)
{
    return run(call, false, err);
}

static enum status run_nhwc(const struct op_call *call, struct error *err)
{
    return run(call, true, err);
}

static size_t scratch(const struct op_call *call, bool nhwc)
{
    const struct state *state = call->state;
    struct convolution convolution;
    struct shape out;
    struct error err;
    size_t size;

    if (!state)
        return nhwc ? tensor_count(&call->in[X]) : 0;
    if (geometry_of(call, nhwc, &convolution, &out, &err))
        return 0; /* the run says why */
    size = int8_conv_scratch(state->conv, &convolution, !nhwc);
    if (!nhwc && size < SIZE_MAX / 4)
        size += aligned(shape_span(&out, 1, out.rank));
    return size;
}

static size_t scratch_nchw(const struct op_call *call)
{
    return scratch(call, false);
}

static size_t scratch_nhwc(const struct op_call *call)
{
    return scratch(call, true);
}

#define ROW(op, high, text, layout)                                                                \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS | OP_OPTIONAL_GAPS, .in_min = 8,             \
        .in_max = high, .out_min = 1, .out_max = 1, .infer = infer_##layout, .prepare = prepare,   \
        .scratch_size = scratch_##layout, .run = run_##layout                                      \
    }

const struct op_set ops_firn_qlinear_conv =
    OP_SET(ROW("QLinearConv", 9, "quantised convolution with a clamp", nchw),
           ROW("QLinearConvNhwc", 14,
               "quantised convolution, channels last, with a clamp and an addition", nhwc));
