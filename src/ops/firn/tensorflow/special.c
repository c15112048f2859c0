// SPDX-License-Identifier: Apache-2.0
/* Special: a function of one to three tensors of floats, element by element, with broadcasting,
 * computed in double and rounded once.
 *
 * Attribute function: its name. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/special.h"
#include "ops/kernels/strided.h"

static double x_log_y(double x, double y)
{
    return x == 0 ? 0 : x * log(y);
}

static double x_log1p_y(double x, double y)
{
    return x == 0 ? 0 : x * log1p(y);
}

static double x_div_y(double x, double y)
{
    return x == 0 ? 0 : x / y;
}

static double div_no_nan(double x, double y)
{
    return y == 0 ? 0 : x / y;
}

static double mul_no_nan(double x, double y)
{
    return y == 0 ? 0 : x * y;
}

static double next_after_single(double x, double y)
{
    return nextafterf((float)x, (float)y);
}

struct function {
    const char *name;
    double (*one)(double);
    double (*two)(double, double), (*two_single)(double, double);
    double (*three)(double, double, double);
};

static const struct function FUNCTIONS[] = {
    {.name = "digamma", .one = special_digamma},
    {.name = "lgamma", .one = special_lgamma},
    {.name = "erfc", .one = erfc},
    {.name = "erfinv", .one = special_erfinv},
    {.name = "ndtri", .one = special_ndtri},
    {.name = "expm1", .one = expm1},
    {.name = "log1p", .one = log1p},
    {.name = "spence", .one = special_spence},
    {.name = "dawsn", .one = special_dawsn},
    {.name = "expint", .one = special_expint},
    {.name = "fresnel_cos", .one = special_fresnel_cos},
    {.name = "fresnel_sin", .one = special_fresnel_sin},
    {.name = "bessel_i0", .one = special_bessel_i0},
    {.name = "bessel_i0e", .one = special_bessel_i0e},
    {.name = "bessel_i1", .one = special_bessel_i1},
    {.name = "bessel_i1e", .one = special_bessel_i1e},
    {.name = "bessel_j0", .one = special_bessel_j0},
    {.name = "bessel_j1", .one = special_bessel_j1},
    {.name = "bessel_y0", .one = special_bessel_y0},
    {.name = "bessel_y1", .one = special_bessel_y1},
    {.name = "bessel_k0", .one = special_bessel_k0},
    {.name = "bessel_k0e", .one = special_bessel_k0e},
    {.name = "bessel_k1", .one = special_bessel_k1},
    {.name = "bessel_k1e", .one = special_bessel_k1e},
    {.name = "atan2", .two = atan2},
    {.name = "next_after", .two = nextafter, .two_single = next_after_single},
    {.name = "x_log_y", .two = x_log_y},
    {.name = "x_log1p_y", .two = x_log1p_y},
    {.name = "x_div_y", .two = x_div_y},
    {.name = "div_no_nan", .two = div_no_nan},
    {.name = "mul_no_nan", .two = mul_no_nan},
    {.name = "zeta", .two = special_zeta, .two_single = special_zeta_single},
    {.name = "polygamma", .two = special_polygamma, .two_single = special_polygamma_single},
    {.name = "igamma", .two = special_igamma},
    {.name = "igammac", .two = special_igammac},
    {.name = "betainc", .three = special_betainc},
};

static const struct function *function_of(const struct op_call *call)
{
    for (size_t i = 0; i < ARRAY_COUNT(FUNCTIONS); i++)
        if (attribute_is(call->attributes, "function", FUNCTIONS[i].name))
            return &FUNCTIONS[i];
    return NULL;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct function *f = function_of(call);
    struct shape out = call->in[0].shape;
    size_t arity;

    if (!f)
        return op_error(call, err, STATUS_UNSUPPORTED, "the function is not known");
    arity = f->one ? 1 : f->two ? 2 : 3;
    if (call->in_count != arity)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s of %zu inputs", f->name,
                        call->in_count);
    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    if (f->two == nextafter)
        TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    for (size_t i = 1; i < arity; i++) {
        TRY(op_wants_same(call, 0, i, err));
        TRY(shape_broadcast(&out, &call->in[i].shape, &out, call, err));
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static double compute(const struct op_call *call, const struct function *f,
                      const struct broadcast *walk, size_t i)
{
    double x[3];

    for (size_t k = 0; k < call->in_count; k++)
        x[k] = tensor_f64(&call->in[k], walk->at[k] + (walk->step[k] ? i : 0));
    if (f->two_single && call->in[0].dtype != DTYPE_F64)
        return f->two_single(x[0], x[1]);
    return f->one ? f->one(x[0]) : f->two ? f->two(x[0], x[1]) : f->three(x[0], x[1], x[2]);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct function *f = function_of(call);
    const struct shape *shapes[3];
    struct broadcast walk;

    (void)err;
    for (size_t i = 0; i < call->in_count; i++)
        shapes[i] = &call->in[i].shape;
    broadcast_start(&walk, &call->out[0].shape, shapes, (int)call->in_count);
    if (!walk.count)
        return STATUS_OK;
    do
        for (size_t i = 0; i < walk.count; i++)
            tensor_set_f64(&call->out[0], walk.done + i, compute(call, f, &walk, i));
    while (broadcast_next(&walk));
    return STATUS_OK;
}

const struct op_set ops_firn_special = OP_SET({.name = "Special",
                                               .summary = "a special function, by name",
                                               .flags = OP_INPLACE | OP_ROWS,
                                               .in_min = 1,
                                               .in_max = 3,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .run = run});
