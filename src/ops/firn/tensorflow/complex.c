// SPDX-License-Identifier: Apache-2.0
/* Complex: a function of complex numbers, element by element, with broadcasting.
 *
 * Attribute function: its name. The functions `make` (of real and imaginary parts), `widen` (of a
 * real number) give complex numbers; `real`, `imag`, `abs` and `angle` parts; `equal` bool. */
#include <math.h>

#include "base/complex.h"
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

#define DTYPES_COMPLEX (DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))
#define DTYPES_PART (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64))

typedef double complex number;

static number negative(number x)
{
    return -x;
}

static number square(number x)
{
    return x * x;
}

static number reciprocal(number x)
{
    return 1 / x;
}

static number reciprocal_root(number x)
{
    return 1 / csqrt(x);
}

static number sigmoid(number x)
{
    return 1 / (1 + cexp(-x));
}

static number sign(number x)
{
    return x == 0 ? 0 : x / cabs(x);
}

/* log |1 + x| without cancellation near zero; of infinite numbers it is none: TensorFlow's has
 * x log(1 + x) / (1 + x - 1) */
static number log_1p(number x)
{
    double re = creal(x), im = cimag(x);

    if (isinf(re) || isinf(im))
        return CMPLX(NAN, NAN);
    if (cabs(x) > 0.5)
        return clog(1 + x);
    return CMPLX(0.5 * log1p(re * (2 + re) + im * im), atan2(im, 1 + re));
}

static number exp_m1(number x)
{
    double half = sin(cimag(x) / 2), grown = expm1(creal(x));

    return CMPLX(grown * cos(cimag(x)) - 2 * half * half, (grown + 1) * sin(cimag(x)));
}

static number conjugate(number x)
{
    return conj(x);
}

static number real_part(number x)
{
    return creal(x);
}

static number imaginary_part(number x)
{
    return cimag(x);
}

static number size(number x)
{
    return cabs(x);
}

static number angle(number x)
{
    return carg(x);
}

static number same(number x)
{
    return x;
}

static number add(number x, number y)
{
    return x + y;
}

static number subtract(number x, number y)
{
    return x - y;
}

static number multiply(number x, number y)
{
    return x * y;
}

static number divide(number x, number y)
{
    return x / y;
}

static number power(number x, number y)
{
    if (y == 0)
        return 1;
    return x == 0 && creal(y) > 0 ? 0 : cpow(x, y);
}

static number squared_difference(number x, number y)
{
    return (x - y) * conj(x - y);
}

static number x_log_y(number x, number y)
{
    return x == 0 ? 0 : x * clog(y);
}

static number x_log1p_y(number x, number y)
{
    return x == 0 ? 0 : x * log_1p(y);
}

static number x_div_y(number x, number y)
{
    return x == 0 ? 0 : x / y;
}

static number div_no_nan(number x, number y)
{
    return y == 0 ? 0 : x / y;
}

static number mul_no_nan(number x, number y)
{
    return y == 0 ? 0 : x * y;
}

static number equal(number x, number y)
{
    return x == y;
}

static number make(number x, number y)
{
    return CMPLX(creal(x), creal(y));
}

struct function {
    const char *name;
    number (*one)(number);
    number (*two)(number, number);
    enum { SAME, TO_PART, TO_BOOL, FROM_PART } kind;
};

static const struct function FUNCTIONS[] = {
    {"neg", negative, NULL, SAME},
    {"exp", cexp, NULL, SAME},
    {"log", clog, NULL, SAME},
    {"sqrt", csqrt, NULL, SAME},
    {"rsqrt", reciprocal_root, NULL, SAME},
    {"reciprocal", reciprocal, NULL, SAME},
    {"square", square, NULL, SAME},
    {"sin", csin, NULL, SAME},
    {"cos", ccos, NULL, SAME},
    {"tan", ctan, NULL, SAME},
    {"asin", casin, NULL, SAME},
    {"acos", cacos, NULL, SAME},
    {"atan", catan, NULL, SAME},
    {"sinh", csinh, NULL, SAME},
    {"cosh", ccosh, NULL, SAME},
    {"tanh", ctanh, NULL, SAME},
    {"asinh", casinh, NULL, SAME},
    {"acosh", cacosh, NULL, SAME},
    {"atanh", catanh, NULL, SAME},
    {"sigmoid", sigmoid, NULL, SAME},
    {"sign", sign, NULL, SAME},
    {"log1p", log_1p, NULL, SAME},
    {"expm1", exp_m1, NULL, SAME},
    {"conj", conjugate, NULL, SAME},
    {"real", real_part, NULL, TO_PART},
    {"imag", imaginary_part, NULL, TO_PART},
    {"abs", size, NULL, TO_PART},
    {"angle", angle, NULL, TO_PART},
    {"widen", same, NULL, FROM_PART},
    {"make", NULL, make, FROM_PART},
    {"add", NULL, add, SAME},
    {"sub", NULL, subtract, SAME},
    {"mul", NULL, multiply, SAME},
    {"div", NULL, divide, SAME},
    {"pow", NULL, power, SAME},
    {"squared_difference", NULL, squared_difference, SAME},
    {"x_log_y", NULL, x_log_y, SAME},
    {"x_log1p_y", NULL, x_log1p_y, SAME},
    {"x_div_y", NULL, x_div_y, SAME},
    {"div_no_nan", NULL, div_no_nan, SAME},
    {"mul_no_nan", NULL, mul_no_nan, SAME},
    {"equal", NULL, equal, TO_BOOL},
};

static const struct function *function_of(const struct op_call *call)
{
    for (size_t i = 0; i < ARRAY_COUNT(FUNCTIONS); i++)
        if (attribute_is(call->attributes, "function", FUNCTIONS[i].name))
            return &FUNCTIONS[i];
    return NULL;
}

static enum dtype result_of(const struct function *f, enum dtype in)
{
    bool single = in == DTYPE_C64 || in == DTYPE_F32;

    return f->kind == TO_BOOL     ? DTYPE_BOOL
           : f->kind == TO_PART   ? (single ? DTYPE_F32 : DTYPE_F64)
           : f->kind == FROM_PART ? (single ? DTYPE_C64 : DTYPE_C128)
                                  : in;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct function *f = function_of(call);
    struct shape out = call->in[0].shape;

    if (!f)
        return op_error(call, err, STATUS_UNSUPPORTED, "the function is not known");
    if (call->in_count != (f->one ? 1 : 2))
        return op_error(call, err, STATUS_INVALID_INPUT, "%s of %zu inputs", f->name,
                        call->in_count);
    TRY(op_wants(call, 0, f->kind == FROM_PART ? DTYPES_PART : DTYPES_COMPLEX, err));
    if (f->two) {
        TRY(op_wants_same(call, 0, 1, err));
        TRY(shape_broadcast(&out, &call->in[1].shape, &out, call, err));
    }
    op_give(call, 0, result_of(f, call->in[0].dtype), &out);
    return STATUS_OK;
}

static number load(const struct tensor *x, size_t i)
{
    switch (x->dtype) {
    case DTYPE_C64:
        return ((const float complex *)x->data)[i];
    case DTYPE_C128:
        return ((const double complex *)x->data)[i];
    default:
        return tensor_f64(x, i);
    }
}

static void store(struct tensor *y, size_t i, number value)
{
    switch (y->dtype) {
    case DTYPE_C64:
        ((float complex *)y->data)[i] = (float complex)value;
        break;
    case DTYPE_C128:
        ((double complex *)y->data)[i] = value;
        break;
    case DTYPE_BOOL:
        ((uint8_t *)y->data)[i] = value != 0;
        break;
    default:
        tensor_set_f64(y, i, creal(value));
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct function *f = function_of(call);
    const struct shape *shapes[2] = {&call->in[0].shape};
    struct broadcast walk;

    (void)err;
    if (f->two)
        shapes[1] = &call->in[1].shape;
    broadcast_start(&walk, &call->out[0].shape, shapes, (int)call->in_count);
    if (!walk.count)
        return STATUS_OK;
    do
        for (size_t i = 0; i < walk.count; i++) {
            number x = load(&call->in[0], walk.at[0] + (walk.step[0] ? i : 0));

            store(&call->out[0], walk.done + i,
                  f->one ? f->one(x)
                         : f->two(x, load(&call->in[1], walk.at[1] + (walk.step[1] ? i : 0))));
        }
    while (broadcast_next(&walk));
    return STATUS_OK;
}

const struct op_set ops_firn_complex = OP_SET({.name = "Complex",
                                               .summary = "a function of complex numbers, by name",
                                               .flags = OP_ROWS,
                                               .in_min = 1,
                                               .in_max = 2,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .run = run});
