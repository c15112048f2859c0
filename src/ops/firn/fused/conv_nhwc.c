// SPDX-License-Identifier: Apache-2.0
/* ConvNhwc and ConvTransposeNhwc: ONNX's Conv and ConvTranspose with the channels last in x and y,
 * and an epilogue:
 *
 *     y = activation(conv(x, w) + bias + residual)
 *
 * x (N, spatial..., C), w as ONNX stores it, bias (M,), residual and y (N, spatial..., M). Bias and
 * residual may be omitted. */
#include "ops/fast/conv/nhwc.h"
#include "ops/fast/epilogue.h"
#include "ops/kernels/spatial/nhwc.h"

enum { X, W, BIAS, RESIDUAL };

/* The geometry, as of the twin with channels first; *out is the shape of y. */
static enum status geometry_of(const struct op_call *call, bool transposed,
                               struct convolution *convolution, struct shape *out,
                               struct error *err)
{
    struct tensor in[2] = {call->in[X], call->in[W]};
    struct op_call twin = *call;
    struct shape first;

    in[X].shape = shape_channels_first(&in[X].shape);
    twin.in = in;
    twin.in_count = 2;
    TRY(convolution_of(&twin, X, W, transposed, convolution, &first, err));
    *out = shape_channels_last(&first);
    return STATUS_OK;
}

static enum status check_bias(const struct op_call *call, const struct shape *out,
                              struct error *err)
{
    int64_t maps = out->rank > 0 ? out->dims[out->rank - 1] : DIM_UNKNOWN;

    if (!op_has(call, BIAS))
        return STATUS_OK;
    TRY(op_wants_same(call, X, BIAS, err));
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
    const struct shape *residual;
    char print_a[SHAPE_PRINT_SIZE], print_b[SHAPE_PRINT_SIZE];

    if (!op_has(call, RESIDUAL))
        return STATUS_OK;
    TRY(op_wants_same(call, X, RESIDUAL, err));
    residual = &call->in[RESIDUAL].shape;
    if (shape_is_known(residual) && shape_is_known(out) && !shape_equal(residual, out))
        return op_error(call, err, STATUS_INVALID_INPUT, "a residual of shape %s for %s",
                        shape_print(residual, print_a, sizeof print_a),
                        shape_print(out, print_b, sizeof print_b));
    return STATUS_OK;
}

static enum status infer(struct op_call *call, bool transposed, struct error *err)
{
    struct convolution convolution;
    struct epilogue epilogue;
    struct shape out;

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, X, W, err));
    TRY(epilogue_read(call, &epilogue, err));
    TRY(geometry_of(call, transposed, &convolution, &out, err));
    TRY(check_bias(call, &out, err));
    TRY(check_residual(call, &out, err));
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

static enum status infer_direct(struct op_call *call, struct error *err)
{
    return infer(call, false, err);
}

static enum status infer_transposed(struct op_call *call, struct error *err)
{
    return infer(call, true, err);
}

/* --- the reference: x with its channels first, and the kernel of the twin --- */

struct reference {
    const struct op_call *call;
    struct epilogue epilogue;
    size_t maps, plane; /* plane: outputs of one map */
};

static void put(void *context, size_t map, size_t at, size_t count,
                const union convolution_sums *sums)
{
    const struct reference *reference = context;
    const struct op_call *call = reference->call;
    double bias = op_has(call, BIAS) ? tensor_f64(&call->in[BIAS], map) : 0;
    size_t maps = reference->maps, plane = reference->plane;
    size_t to = (at / plane / maps * plane + at % plane) * maps + map;

    for (size_t i = 0; i < count; i++, to += maps) {
        double value = sums->f[i] + bias;

        if (op_has(call, RESIDUAL))
            value += tensor_f64(&call->in[RESIDUAL], to);
        tensor_set_f64(&call->out[0], to, epilogue_exact(&reference->epilogue, value));
    }
}

static enum status run_reference(const struct op_call *call, struct convolution *convolution,
                                 const struct shape *out, struct error *err)
{
    struct reference reference = {.call = call};

    TRY(epilogue_read(call, &reference.epilogue, err));
    reference.maps = convolution->maps;
    reference.plane = shape_span(out, 1, out->rank - 1);
    nhwc_put_first(&call->in[X], call->scratch);
    convolution->x = call->scratch;
    convolution->w = call->in[W].data;
    convolution_each(convolution, put, &reference);
    return STATUS_OK;
}

/* --- the choice: state is a struct conv, or NULL --- */

extern const struct op_set ops_firn_conv_nhwc;

static bool is_transposed(const struct op_call *call)
{
    return call->op == &ops_firn_conv_nhwc.ops[1];
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct convolution convolution;
    struct shape out;
    struct conv *conv;

    TRY(geometry_of(call, is_transposed(call), &convolution, &out, err));
    TRY(conv_prepare(call, &convolution, &conv, keep, err));
    call->state = conv;
    if (conv)
        call->packed = 1 << W | (op_has(call, BIAS) ? 1 << BIAS : 0);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    struct convolution convolution;
    struct error ignored;
    struct shape out;

    if (!call->state ||
        geometry_of(call, is_transposed(call), &convolution, &out, &ignored) != STATUS_OK)
        return tensor_count(&call->in[X]) * dtype_size(call->in[X].dtype);
    return conv_scratch_size(call->state, &convolution, call->team);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(geometry_of(call, is_transposed(call), &convolution, &out, err));
    if (!call->state)
        return run_reference(call, &convolution, &out, err);
    conv_run(call->state, &convolution, call);
    return STATUS_OK;
}

#define ROW(op, text, infer_it)                                                                    \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS | OP_OPTIONAL_GAPS, .in_min = 2,             \
        .in_max = 4, .out_min = 1, .out_max = 1, .infer = infer_it, .unaligned = 1 << W,           \
        .stored = 1 << W, .prepare = prepare, .run = run, .scratch_size = scratch_size             \
    }

const struct op_set ops_firn_conv_nhwc =
    OP_SET(ROW("ConvNhwc", "convolution, channels last, with an epilogue", infer_direct),
           ROW("ConvTransposeNhwc", "transposed convolution, channels last, with an epilogue",
               infer_transposed));
