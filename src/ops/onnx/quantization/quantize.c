// SPDX-License-Identifier: Apache-2.0
/* QuantizeLinear, DequantizeLinear (per tensor, per axis, per block) and DynamicQuantizeLinear. */
#include <math.h>

#include "ops/fast/int8/int8.h"
#include "ops/kernels/call.h"
#include "ops/kernels/cast.h"
#include "ops/kernels/math/quantum.h"

enum { X, SCALE, ZERO };

/* Which scale belongs to an element. */
struct scales {
    enum { PER_TENSOR, PER_AXIS, PER_BLOCK } kind;
    int axis;
    size_t dim, inner, block, blocks; /* elements of the axis, below it; blocks of the axis */
};

static enum status scales_of(const struct op_call *call, struct scales *scales, struct error *err)
{
    const struct shape *in = &call->in[X].shape, *scale = &call->in[SCALE].shape;
    int64_t block = attribute_int(call->attributes, "block_size", 0);

    *scales = (struct scales){.kind = PER_TENSOR};
    if (block < 0 || block > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "block_size is %lld", (long long)block);
    /* one scale, or perhaps one */
    if (scale->rank < 0 || in->rank < 0 || scale->rank == 0 ||
        (scale->rank == 1 && !block && (scale->dims[0] == 1 || !dim_is_known(scale->dims[0]))))
        return STATUS_OK;
    TRY(op_axis(call, attribute_int(call->attributes, "axis", 1), in->rank, &scales->axis, err));
    scales->kind = block ? PER_BLOCK : PER_AXIS;
    scales->block = (size_t)block;
    if (scale->rank != (block ? in->rank : 1))
        return op_error(call, err, STATUS_INVALID_INPUT, "the scale has %d dimensions",
                        scale->rank);
    for (int i = 0; i < scale->rank; i++) {
        int at = block ? i : scales->axis;
        int64_t want = in->dims[at];

        if (block && i == scales->axis && dim_is_known(want))
            want = (want + block - 1) / block;
        if (dim_is_known(want) && dim_is_known(scale->dims[i]) && want != scale->dims[i])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of the scale is %lld, not %lld", i,
                            (long long)scale->dims[i], (long long)want);
    }
    if (shape_is_known(in) && shape_is_known(scale)) {
        scales->dim = (size_t)in->dims[scales->axis];
        scales->inner = shape_span(in, scales->axis + 1, in->rank);
        scales->blocks = block ? (size_t)scale->dims[scales->axis] : 0;
    }
    return STATUS_OK;
}

static size_t scale_index(const struct scales *s, size_t i)
{
    switch (s->kind) {
    case PER_AXIS:
        return i / s->inner % s->dim;
    case PER_BLOCK:
        return (i / s->inner / s->dim * s->blocks + i / s->inner % s->dim / s->block) * s->inner +
               i % s->inner;
    default:
        return 0;
    }
}

/* Elements in a row that have one scale. */
static size_t run_length(const struct scales *s, size_t count)
{
    return s->kind == PER_TENSOR ? count : s->kind == PER_AXIS ? s->inner : 1;
}

static void run_fast(const struct op_call *call, const struct scales *scales, quantum_run run)
{
    size_t count = tensor_count(&call->in[X]), length = run_length(scales, count);
    size_t x_size = dtype_size(call->in[X].dtype), y_size = dtype_size(call->out[0].dtype);

    for (size_t i = 0; i < count; i += length) {
        size_t s = scale_index(scales, i);

        run((const char *)call->in[X].data + i * x_size, (char *)call->out[0].data + i * y_size,
            length, tensor_f64(&call->in[SCALE], s),
            op_has(call, ZERO) ? tensor_i64(&call->in[ZERO], s) : 0);
    }
}

/* Floats to bytes, or back, by the vector kernels; false when these types are not theirs. */
static bool run_vectors(const struct op_call *call, const struct scales *scales,
                        const struct tensor *floats, const struct tensor *bytes,
                        void (*run)(const struct int8_linear *linear))
{
    size_t count = tensor_count(floats), length = run_length(scales, count);

    if (op_is_reference_only() || floats->dtype != DTYPE_F32 ||
        (bytes->dtype != DTYPE_U8 && bytes->dtype != DTYPE_I8))
        return false;
    for (size_t i = 0; i < count; i += length) {
        size_t s = scale_index(scales, i);
        double scale = tensor_f64(&call->in[SCALE], s);
        struct int8_linear linear = {
            .x = (float *)floats->data + i,
            .y = (char *)bytes->data + i,
            .count = length,
            .is_signed = bytes->dtype == DTYPE_I8,
            .scale = (float)scale,
            .zero = op_has(call, ZERO) ? (int32_t)tensor_i64(&call->in[ZERO], s) : 0,
        };

        if ((double)linear.scale != scale)
            return false; /* a double */
        run(&linear);
    }
    return true;
}

static enum status check_zero(const struct op_call *call, struct error *err)
{
    const struct shape *zero = &call->in[ZERO].shape, *scale = &call->in[SCALE].shape;

    if (op_has(call, ZERO) && shape_is_known(zero) && shape_is_known(scale) &&
        shape_count(zero) != shape_count(scale))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu zero points for %zu scales",
                        shape_count(zero), shape_count(scale));
    return STATUS_OK;
}

/* --- QuantizeLinear --- */

static enum status quantized_dtype(const struct op_call *call, enum dtype *dtype, struct error *err)
{
    int64_t code = attribute_int(call->attributes, "output_dtype", 0);

    *dtype = op_has(call, ZERO) ? call->in[ZERO].dtype : DTYPE_U8;
    if (code && op_has(call, ZERO) && dtype_from_onnx(code) != *dtype)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "output_dtype is not the zero point's type");
    if (code && !op_has(call, ZERO))
        *dtype = dtype_from_onnx(code);
    if (!(DTYPES_QUANTUM & DTYPE_BIT(*dtype)))
        return op_error(call, err, STATUS_UNSUPPORTED, "to %s", dtype_name(*dtype));
    return STATUS_OK;
}

static enum status infer_quantize(struct op_call *call, struct error *err)
{
    int64_t precision = attribute_int(call->attributes, "precision", 0);
    struct scales scales;
    enum dtype dtype;

    TRY(op_wants(call, X, DTYPES_FLOAT | DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, SCALE, DTYPES_FLOAT | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_F8E8M0), err));
    TRY(quantized_dtype(call, &dtype, err));
    TRY(scales_of(call, &scales, err));
    TRY(check_zero(call, err));
    if (precision && !(DTYPES_FLOAT & DTYPE_BIT(dtype_from_onnx(precision))))
        return op_error(call, err, STATUS_UNSUPPORTED, "precision %lld", (long long)precision);
    op_give(call, 0, dtype, &call->in[X].shape);
    return STATUS_OK;
}

/* The quotient is rounded to the type it is defined in before it is rounded to an integer. */
static double rounded_to(enum dtype dtype, double value)
{
    uint64_t room;
    struct tensor one = {dtype, shape_scalar(), &room};

    if (dtype == DTYPE_F32)
        return (double)(float)value;
    if (dtype == DTYPE_F64 || !dtype_is_float(dtype))
        return value;
    tensor_set_f64(&one, 0, value);
    return tensor_f64(&one, 0);
}

static enum status run_quantize(const struct op_call *call, struct error *err)
{
    int64_t precision = attribute_int(call->attributes, "precision", 0);
    bool saturate = attribute_int(call->attributes, "saturate", 1);
    enum dtype quotient = precision ? dtype_from_onnx(precision) : call->in[SCALE].dtype;
    const struct tensor *x = &call->in[X];
    struct tensor *y = &call->out[0];
    size_t count = tensor_count(x);
    struct scales scales;

    TRY(scales_of(call, &scales, err));
    if (quotient == DTYPE_F8E8M0)
        quotient = x->dtype;
    if (!dtype_is_float(quotient))
        quotient = DTYPE_F32;
    if (quotient == DTYPE_F32 &&
        run_vectors(call, &scales, x, y, int8_kernels_of_machine()->quantise))
        return STATUS_OK;
    if (quotient == x->dtype && quantum_quantise(x->dtype, y->dtype)) {
        run_fast(call, &scales, quantum_quantise(x->dtype, y->dtype));
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++) {
        size_t s = scale_index(&scales, i);
        double value = rounded_to(quotient, tensor_f64(x, i)) /
                       rounded_to(quotient, tensor_f64(&call->in[SCALE], s));

        value = rounded_to(quotient, value);
        if (quantum_is_integer(y->dtype)) {
            int64_t zero = op_has(call, ZERO) ? tensor_i64(&call->in[ZERO], s) : 0;
            quantum_put(y, i, value, zero);
        } else {
            struct tensor one = {DTYPE_F64, shape_scalar(), &value};
            struct tensor to = {y->dtype, shape_scalar(), (char *)y->data + i};

            value += op_has(call, ZERO) ? tensor_f64(&call->in[ZERO], s) : 0;
            TRY(cast_tensor(&one, &to, saturate, NULL, err));
        }
    }
    return STATUS_OK;
}

/* --- DequantizeLinear --- */

static enum status infer_dequantize(struct op_call *call, struct error *err)
{
    int64_t code = attribute_int(call->attributes, "output_dtype", 0);
    enum dtype dtype = code ? dtype_from_onnx(code) : call->in[SCALE].dtype;
    struct scales scales;

    TRY(op_wants(call, X, DTYPES_QUANTUM | DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, SCALE, DTYPES_FLOAT | DTYPE_BIT(DTYPE_F8E8M0), err));
    if (op_has(call, ZERO))
        TRY(op_wants_same(call, X, ZERO, err));
    if (!(DTYPES_FLOAT & DTYPE_BIT(dtype)))
        return op_error(call, err, STATUS_UNSUPPORTED, "to %s", dtype_name(dtype));
    TRY(scales_of(call, &scales, err));
    TRY(check_zero(call, err));
    op_give(call, 0, dtype, &call->in[X].shape);
    return STATUS_OK;
}

static enum status run_dequantize(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[X];
    size_t count = tensor_count(x);
    struct scales scales;

    TRY(scales_of(call, &scales, err));
    if (run_vectors(call, &scales, &call->out[0], x, int8_kernels_of_machine()->dequantise))
        return STATUS_OK;
    if (quantum_dequantise(x->dtype, call->out[0].dtype)) {
        run_fast(call, &scales, quantum_dequantise(x->dtype, call->out[0].dtype));
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++) {
        size_t s = scale_index(&scales, i);
        double zero = op_has(call, ZERO) ? tensor_f64(&call->in[ZERO], s) : 0;

        tensor_set_f64(&call->out[0], i,
                       (tensor_f64(x, i) - zero) * tensor_f64(&call->in[SCALE], s));
    }
    return STATUS_OK;
}

/* --- DynamicQuantizeLinear: to uint8 over the range of the data, which includes 0 --- */

static enum status infer_dynamic(struct op_call *call, struct error *err)
{
    struct shape scalar = shape_scalar();

    TRY(op_wants(call, X, DTYPE_BIT(DTYPE_F32), err));
    op_give(call, 0, DTYPE_U8, &call->in[X].shape);
    op_give(call, 1, DTYPE_F32, &scalar);
    op_give(call, 2, DTYPE_U8, &scalar);
    return STATUS_OK;
}

static enum status run_dynamic(const struct op_call *call, struct error *err)
{
    const float *x = call->in[X].data;
    size_t count = tensor_count(&call->in[X]);
    float low = 0, high = 0, scale, zero;

    (void)err;
    if (!op_is_reference_only())
        int8_kernels_of_machine()->range(x, count, &low, &high);
    for (size_t i = 0; i < count && op_is_reference_only(); i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    scale = (high == low ? 1.0f : high - low) / 255.0f;
    zero = 0 - low / scale;
    zero = rintf(!(zero > 0) ? 0 : zero > 255 ? 255 : zero); /* of infinities, NaN */
    if (!op_is_reference_only())
        int8_kernels_of_machine()->quantise(&(struct int8_linear){
            (float *)call->in[X].data, call->out[0].data, count, false, scale, (int32_t)zero});
    for (size_t i = 0; i < count && op_is_reference_only(); i++)
        quantum_put(&call->out[0], i, (double)(x[i] / scale), (int64_t)zero);
    *(float *)call->out[1].data = scale;
    *(uint8_t *)call->out[2].data = (uint8_t)zero;
    return STATUS_OK;
}

#define ROW(op, low, high, outs, row_flags, text, infer_it, run_it)                                \
    {                                                                                              \
        .name = op, .summary = text, .flags = row_flags, .in_min = low, .in_max = high,            \
        .out_min = outs, .out_max = outs, .infer = infer_it, .run = run_it                         \
    }

const struct op_set ops_onnx_quantize = OP_SET(
    ROW("QuantizeLinear", 2, 3, 1, OP_ROWS, "to small integers or 8-bit floats", infer_quantize,
        run_quantize),
    ROW("DequantizeLinear", 2, 3, 1, OP_ROWS, "back to floats", infer_dequantize, run_dequantize),
    ROW("DynamicQuantizeLinear", 1, 1, 3, 0, "to uint8 over the range of the data", infer_dynamic,
        run_dynamic));
