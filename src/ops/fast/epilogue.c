// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/epilogue.h"

#include <math.h>

#include "base/cpu.h"
#include "ops/fast/epilogue_kernels.h"

static const struct {
    const char *name;
    enum epilogue_activation activation;
    float alpha, beta; /* when the attributes are absent */
} NAMES[] = {
    {"Relu", EPILOGUE_RELU, 0, 0},
    {"LeakyRelu", EPILOGUE_LEAKY_RELU, 0.01f, 0},
    {"Clip", EPILOGUE_CLIP, -INFINITY, INFINITY},
    {"Sigmoid", EPILOGUE_SIGMOID, 0, 0},
    {"Tanh", EPILOGUE_TANH, 0, 0},
    {"Gelu", EPILOGUE_GELU, 0, 0},
    {"GeluTanh", EPILOGUE_GELU_TANH, 0, 0},
    {"Swish", EPILOGUE_SWISH, 1, 0},
    {"HardSigmoid", EPILOGUE_HARD_SIGMOID, 0.2f, 0.5f},
    {"HardSwish", EPILOGUE_HARD_SWISH, 0, 0},
    {"Elu", EPILOGUE_ELU, 1, 0},
};

enum status epilogue_read(const struct op_call *call, struct epilogue *epilogue, struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "activation", "");

    *epilogue = (struct epilogue){0};
    if (!name.size)
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        if (!bytes_is(name, NAMES[i].name))
            continue;
        epilogue->activation = NAMES[i].activation;
        epilogue->alpha = (float)attribute_float(call->attributes, "alpha", NAMES[i].alpha);
        epilogue->beta = (float)attribute_float(call->attributes, "beta", NAMES[i].beta);
        return STATUS_OK;
    }
    return op_error(call, err, STATUS_UNSUPPORTED, "has no activation '%.*s'",
                    (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
}

double epilogue_exact(const struct epilogue *epilogue, double x)
{
    double alpha = epilogue->alpha, beta = epilogue->beta;

    switch (epilogue->activation) {
    case EPILOGUE_NONE:
        break;
    case EPILOGUE_RELU:
        return x > 0 || isnan(x) ? x : 0;
    case EPILOGUE_LEAKY_RELU:
        return x >= 0 ? x : alpha * x;
    case EPILOGUE_CLIP:
        x = x < alpha ? alpha : x;
        return x > beta ? beta : x;
    case EPILOGUE_SIGMOID:
        return 1 / (1 + exp(-x));
    case EPILOGUE_TANH:
        return tanh(x);
    case EPILOGUE_GELU:
        return x / 2 * (1 + erf(x * M_SQRT1_2));
    case EPILOGUE_GELU_TANH:
        return x / 2 * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case EPILOGUE_SWISH:
        return x / (1 + exp(-alpha * x));
    case EPILOGUE_HARD_SIGMOID:
        return fmax(0, fmin(1, alpha * x + beta));
    case EPILOGUE_HARD_SWISH:
        return x * fmax(0, fmin(1, x / 6 + 0.5));
    case EPILOGUE_ELU:
        return x < 0 ? alpha * expm1(x) : x;
    }
    return x;
}

static epilogue_row *const *rows_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return epilogue_avx512;
    if (cpu_isa() == ISA_AVX2)
        return epilogue_avx2;
#endif
    return epilogue_portable;
}

bool epilogue_limits(const struct epilogue *epilogue, float *low, float *high)
{
    bool is_clip = !epilogue_is_empty(epilogue) && epilogue->activation == EPILOGUE_CLIP &&
                   epilogue->alpha <= epilogue->beta;

    *low = -INFINITY;
    *high = INFINITY;
    if (is_clip) {
        *low = epilogue->alpha;
        *high = epilogue->beta;
    } else if (!epilogue_is_empty(epilogue) && epilogue->activation == EPILOGUE_RELU) {
        *low = 0;
    } else {
        return !epilogue_is_empty(epilogue);
    }
    return false;
}

void epilogue_run(const struct epilogue *epilogue, float *c, size_t ldc, const float *residual,
                  size_t ldr, size_t rows, size_t columns)
{
    bool is_empty = epilogue_is_empty(epilogue);
    epilogue_row *row = rows_of_machine()[is_empty ? EPILOGUE_NONE : epilogue->activation];
    float alpha = is_empty ? 0 : epilogue->alpha, beta = is_empty ? 0 : epilogue->beta;

    if (is_empty && !residual)
        return;
    if (rows > 1 && ldc == columns && (!residual || ldr == columns)) {
        columns *= rows; /* one long row */
        rows = 1;
    }
    for (size_t i = 0; i < rows; i++)
        row(c + i * ldc, residual ? residual + i * ldr : NULL, columns, alpha, beta);
}
