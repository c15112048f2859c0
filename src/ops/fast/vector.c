// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/vector.h"

#include <math.h>

static double exact(enum vector_function function, double x)
{
    switch (function) {
    case VECTOR_EXP:
        return exp(x);
    case VECTOR_LOG:
        return log(x);
    case VECTOR_TANH:
        return tanh(x);
    case VECTOR_SIGMOID:
        return 1 / (1 + exp(-x));
    case VECTOR_ERF:
        return erf(x);
    case VECTOR_SIN:
        return sin(x);
    case VECTOR_COS:
        return cos(x);
    case VECTOR_GELU:
        return x / 2 * (1 + erf(x * M_SQRT1_2));
    case VECTOR_GELU_TANH:
        return x / 2 * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case VECTOR_SOFTPLUS:
        return x > 30 ? x + exp(-x) : log1p(exp(x));
    case VECTOR_FUNCTIONS:
        break;
    }
    return NAN;
}

void vector_apply(enum vector_function function, const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)exact(function, x[i]);
}

float vector_exp_sum(const float *x, float max, float *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        y[i] = expf(x[i] - max);
        sum += y[i];
    }
    return (float)sum;
}
