// SPDX-License-Identifier: Apache-2.0
/* Math: a function of numpy or scipy, element by element, where ONNX has none of that meaning.
 *
 * Input: double, any shape. Attribute function: its name there. Output: double. */
#include <math.h>

#include "ops/op.h"

static double reciprocal(double x)
{
    return 1 / x;
}

static double square(double x)
{
    return x * x;
}

static double sign(double x)
{
    return isnan(x) ? x : (double)((x > 0) - (x < 0));
}

static double negative(double x)
{
    return -x;
}

static double radians(double x)
{
    return x * (M_PI / 180);
}

static double degrees(double x)
{
    return x * (180 / M_PI);
}

/* scipy.special's. */
static double expit(double x)
{
    return 1 / (1 + exp(-x));
}

static double ndtr(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

static const struct {
    const char *name;
    double (*function)(double);
} FUNCTIONS[] = {
    {"log", log},
    {"log2", log2},
    {"log10", log10},
    {"log1p", log1p},
    {"exp", exp},
    {"exp2", exp2},
    {"expm1", expm1},
    {"sqrt", sqrt},
    {"cbrt", cbrt},
    {"square", square},
    {"reciprocal", reciprocal},
    {"absolute", fabs},
    {"abs", fabs},
    {"fabs", fabs},
    {"negative", negative},
    {"sign", sign},
    {"floor", floor},
    {"ceil", ceil},
    {"trunc", trunc},
    {"rint", rint},
    {"sin", sin},
    {"cos", cos},
    {"tan", tan},
    {"arcsin", asin},
    {"arccos", acos},
    {"arctan", atan},
    {"sinh", sinh},
    {"cosh", cosh},
    {"tanh", tanh},
    {"arcsinh", asinh},
    {"arccosh", acosh},
    {"arctanh", atanh},
    {"radians", radians},
    {"degrees", degrees},
    {"deg2rad", radians},
    {"rad2deg", degrees},
    {"expit", expit},
    {"ndtr", ndtr},
};

static double (*function_of(const struct op_call *call))(double)
{
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++)
        if (attribute_is(call->attributes, "function", FUNCTIONS[i].name))
            return FUNCTIONS[i].function;
    return NULL;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "function", "");

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    if (!function_of(call))
        return op_error(call, err, STATUS_UNSUPPORTED, "function '%.*s' is not known",
                        (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    double (*function)(double) = function_of(call);
    const double *x = call->in[0].data;
    double *y = call->out[0].data;
    size_t count = tensor_count(&call->in[0]);

    (void)err;
    for (size_t i = 0; i < count; i++)
        y[i] = function(x[i]);
    return STATUS_OK;
}

const struct op_set ops_firn_math = OP_SET({.name = "Math",
                                            .summary = "a function of numpy, by name",
                                            .flags = OP_INPLACE | OP_ROWS,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer,
                                            .run = run});
