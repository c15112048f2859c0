// SPDX-License-Identifier: Apache-2.0
/* QLinearProduct: a quantised matrix times a quantised matrix, and a bias.
 *
 *     s = sum (a - a_zero)(b - b_zero) + bias
 *     y = clamp(round(s a_scale b_scale / y_scale) + y_zero), or s a_scale b_scale + shift, a float
 *
 * Inputs: a (..., k), a_scale, a_zero, b (k, n), b_scale, b_zero (one or n), and, or omitted,
 * y_scale, y_zero, bias (n,) int32, shift (n,) float, which goes without y_scale. Attributes:
 * transposed (b is (n, k)); low, high (absent: the range). */
#include <math.h>

#include "ops/fast/int8/int8.h"
#include "ops/kernels/call.h"
#include "ops/kernels/math/quantum.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO, BIAS, SHIFT, INPUTS };

#define DTYPES_BYTE (DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8))

static enum status range_of(const struct op_call *call, int64_t *low, int64_t *high,
                            struct error *err)
{
    bool is_signed = op_has(call, Y_ZERO) && call->in[Y_ZERO].dtype == DTYPE_I8;
    int64_t least = is_signed ? INT8_MIN : 0, most = is_signed ? INT8_MAX : UINT8_MAX;

    *low = attribute_int(call->attributes, "low", least);
    *high = attribute_int(call->attributes, "high", most);
    if (*low < least || *high > most || *low > *high)
        return op_error(call, err, STATUS_INVALID_INPUT, "low and high are %lld and %lld",
                        (long long)*low, (long long)*high);
    return STATUS_OK;
}

static enum status check_count(const struct op_call *call, size_t input, int64_t many,
                               struct error *err)
{
    const struct shape *shape = &call->in[input].shape;

    if (op_has(call, input) && shape_is_known(shape) && shape_count(shape) != 1 &&
        dim_is_known(many) && (shape->rank != 1 || shape->dims[0] != many))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu values in input %zu, not 1 or %lld",
                        shape_count(shape), input, (long long)many);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    bool transposed = attribute_int(call->attributes, "transposed", 0);
    const struct shape *a = &call->in[A].shape, *b = &call->in[B].shape;
    int64_t k, n, low, high;
    struct shape out;

    TRY(op_wants(call, A, DTYPES_BYTE, err));
    TRY(op_wants(call, B, DTYPES_BYTE, err));
    TRY(op_wants_same(call, A, A_ZERO, err));
    TRY(op_wants_same(call, B, B_ZERO, err));
    if (op_has(call, Y_SCALE) != op_has(call, Y_ZERO))
        return op_error(call, err, STATUS_INVALID_INPUT, "y_scale or y_zero is missing");
    for (size_t i = A_SCALE; i <= Y_SCALE; i++)
        if (op_has(call, i) && (i == A_SCALE || i == B_SCALE || i == Y_SCALE))
            TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
    if (op_has(call, Y_ZERO))
        TRY(op_wants(call, Y_ZERO, DTYPES_BYTE, err));
    if (op_has(call, BIAS))
        TRY(op_wants(call, BIAS, DTYPE_BIT(DTYPE_I32), err));
    if (op_has(call, SHIFT))
        TRY(op_wants(call, SHIFT, DTYPE_BIT(DTYPE_F32), err));
    if (op_has(call, SHIFT) && op_has(call, Y_ZERO))
        return op_error(call, err, STATUS_INVALID_INPUT, "a shift of quanta");
    TRY(op_wants_rank(call, A, 1, RANK_MAX, err));
    TRY(op_wants_rank(call, B, 2, 2, err));
    k = b->rank == 2 ? b->dims[transposed] : DIM_UNKNOWN;
    n = b->rank == 2 ? b->dims[!transposed] : DIM_UNKNOWN;
    if (a->rank > 0 && dim_is_known(k) && dim_is_known(a->dims[a->rank - 1]) &&
        a->dims[a->rank - 1] != k)
        return op_error(call, err, STATUS_INVALID_INPUT, "rows of %lld times columns of %lld",
                        (long long)a->dims[a->rank - 1], (long long)k);
    for (size_t i = A_SCALE; i < INPUTS; i++)
        if (i != B)
            TRY(check_count(call, i, i == B_SCALE || i >= BIAS || i == B_ZERO ? n : 1, err));
    TRY(range_of(call, &low, &high, err));
    out = *a;
    if (out.rank > 0)
        out.dims[out.rank - 1] = n;
    op_give(call, 0, op_has(call, Y_ZERO) ? call->in[Y_ZERO].dtype : DTYPE_F32, &out);
    return STATUS_OK;
}

static double scale_at(const struct op_call *call, size_t input, size_t i)
{
    return tensor_f64(&call->in[input], tensor_count(&call->in[input]) > 1 ? i : 0);
}

static int32_t integer_at(const struct op_call *call, size_t input, size_t i)
{
    if (!op_has(call, input))
        return 0;
    return (int32_t)tensor_i64(&call->in[input], tensor_count(&call->in[input]) > 1 ? i : 0);
}

/* --- the fast kernel --- */

struct state {
    struct int8_weights weights;
    struct int8_output output; /* but for y */
    bool is_dynamic;           /* a's scale and zero point come with each call */
};

/* All but a; and its scale and zero point, where the result is a float. */
static bool is_constant(const struct op_call *call)
{
    for (size_t i = op_has(call, Y_ZERO) ? A_SCALE : B; i < call->in_count; i++)
        if (op_has(call, i) && !call->in[i].data)
            return false;
    return true;
}

/* The numbers of each column. */
static enum status output_of(const struct op_call *call, size_t n, struct int8_output *output,
                             bool *fits, struct arena *keep, struct error *err)
{
    bool is_dynamic = !call->in[A_SCALE].data || !call->in[A_ZERO].data;
    float *scale = arena_new(keep, float, n), *shift = arena_new(keep, float, n);
    int32_t *zero = arena_new(keep, int32_t, n), *bias = arena_new(keep, int32_t, n);
    double y_scale = op_has(call, Y_SCALE) ? scale_at(call, Y_SCALE, 0) : 1;
    int64_t low, high;

    if (!scale || !shift || !zero || !bias)
        return error_no_memory(err, "scales");
    TRY(range_of(call, &low, &high, err));
    *output = (struct int8_output){
        .target = !op_has(call, Y_ZERO)                ? INT8_TO_F32
                  : call->in[Y_ZERO].dtype == DTYPE_I8 ? INT8_TO_I8
                                                       : INT8_TO_U8,
        .stride = n * (op_has(call, Y_ZERO) ? 1 : sizeof(float)),
        .x_zero = is_dynamic ? 0 : integer_at(call, A_ZERO, 0),
        .bias = bias,
        .scale = scale,
        .shift = op_has(call, SHIFT) ? shift : NULL,
        .zero = integer_at(call, Y_ZERO, 0),
        .low = (int32_t)low,
        .high = (int32_t)high,
    };
    for (size_t j = 0; j < n; j++) {
        double a_scale = is_dynamic ? 1 : scale_at(call, A_SCALE, 0);
        double factor = a_scale * scale_at(call, B_SCALE, j) / y_scale;

        scale[j] = (float)factor;
        bias[j] = integer_at(call, BIAS, j);
        shift[j] = op_has(call, SHIFT) ? (float)scale_at(call, SHIFT, j) : 0;
        zero[j] = integer_at(call, B_ZERO, j);
        if (zero[j])
            output->w_zero = zero;
        *fits = *fits && isfinite(scale[j]) && scale[j] > 0;
    }
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    bool transposed = attribute_int(call->attributes, "transposed", 0), fits = true;
    struct state *state;
    size_t k, n;

    call->state = NULL;
    if (op_is_reference_only() || !is_constant(call))
        return STATUS_OK;
    k = (size_t)call->in[B].shape.dims[transposed];
    n = (size_t)call->in[B].shape.dims[!transposed];
    state = arena_new(keep, struct state, 1);
    if (!state)
        return error_no_memory(err, "a product");
    state->is_dynamic = !call->in[A_SCALE].data || !call->in[A_ZERO].data;
    TRY(output_of(call, n, &state->output, &fits, keep, err));
    if (!fits || !k || !n)
        return STATUS_OK;
    TRY(int8_pack(&state->weights, call->in[B].dtype, call->in[B].data,
                  &(struct int8_layout){
                      .tap_count = 1,
                      .run = k,
                      .columns = n,
                      .column_step = transposed ? k : 1,
                      .inner_step = transposed ? 1 : n,
                      .inner = k,
                  },
                  call->team, keep, err));
    call->state = state;
    call->packed = 1 << B;
    return STATUS_OK;
}

static size_t aligned(size_t size)
{
    return (size + 63) / 64 * 64;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct state *state = call->state;

    if (!state)
        return 0;
    return aligned(state->is_dynamic ? state->weights.columns * sizeof(float) : 0) +
           (state->weights.kernels->element == 2 ? 2 * tensor_count(&call->in[A]) : 0);
}

static void run_fast(const struct op_call *call)
{
    const struct state *state = call->state;
    size_t k = state->weights.run, count = tensor_count(&call->in[A]);
    struct int8_output output = state->output;
    bool is_signed = call->in[A].dtype == DTYPE_I8;
    const ptrdiff_t tap = 0;
    char *scratch = call->scratch;
    struct int8_rows rows = {
        .base = call->in[A].data,
        .rank = 1,
        .dims = {count / k},
        .steps = {(ptrdiff_t)(k * state->weights.kernels->element)},
        .taps = &tap,
        .is_signed = is_signed,
    };

    if (state->is_dynamic) {
        float a_scale = *(const float *)call->in[A_SCALE].data, *scale = call->scratch;

        for (size_t j = 0; j < state->weights.columns; j++)
            scale[j] = output.scale[j] * a_scale;
        output.scale = scale;
        output.x_zero = integer_at(call, A_ZERO, 0);
        scratch += aligned(state->weights.columns * sizeof(float));
    }
    if (state->weights.kernels->element == 2) {
        int8_widen(call->in[A].data, is_signed, count, (int16_t *)(void *)scratch);
        rows.base = scratch;
        rows.is_signed = false;
    }
    output.y = call->out[0].data;
    int8_run(&state->weights, &rows, &output, call->team);
}

/* --- the reference --- */

static int32_t sum_of(const struct op_call *call, size_t row, size_t j, size_t k, size_t n)
{
    bool transposed = attribute_int(call->attributes, "transposed", 0);
    int64_t a_zero = integer_at(call, A_ZERO, 0), b_zero = integer_at(call, B_ZERO, j);
    uint32_t sum = (uint32_t)integer_at(call, BIAS, j);

    for (size_t p = 0; p < k; p++)
        sum += (uint32_t)((tensor_i64(&call->in[A], row * k + p) - a_zero) *
                          (tensor_i64(&call->in[B], transposed ? j * k + p : p * n + j) - b_zero));
    return (int32_t)sum;
}

static void put(const struct op_call *call, size_t at, double value, int64_t low, int64_t high)
{
    struct tensor *y = &call->out[0];
    int64_t q;

    if (!op_has(call, Y_ZERO)) {
        size_t n = (size_t)y->shape.dims[y->shape.rank - 1];

        tensor_set_f64(y, at, value + (op_has(call, SHIFT) ? scale_at(call, SHIFT, at % n) : 0));
        return;
    }
    quantum_put(y, at, value / scale_at(call, Y_SCALE, 0), integer_at(call, Y_ZERO, 0));
    q = tensor_i64(y, at);
    tensor_set_f64(y, at, (double)(q < low ? low : q > high ? high : q));
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool transposed = attribute_int(call->attributes, "transposed", 0);
    size_t k = (size_t)call->in[B].shape.dims[transposed];
    size_t n = (size_t)call->in[B].shape.dims[!transposed], count = tensor_count(&call->out[0]);
    int64_t low, high;

    if (call->state) {
        run_fast(call);
        return STATUS_OK;
    }
    TRY(range_of(call, &low, &high, err));
    for (size_t at = 0; at < count; at++) {
        double factor = scale_at(call, A_SCALE, 0) * scale_at(call, B_SCALE, at % n);

        put(call, at, sum_of(call, at / n, at % n, k, n) * factor, low, high);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_qlinear_product =
    OP_SET({.name = "QLinearProduct",
            .summary = "product of quantised matrices, with a bias and a clamp",
            .flags = OP_ROWS | OP_OPTIONAL_GAPS,
            .in_min = 6,
            .in_max = INPUTS,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .prepare = prepare,
            .scratch_size = scratch_size,
            .run = run});
