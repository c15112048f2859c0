// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/math/activation.h"

#include <math.h>
#include <strings.h>

#include "base/text.h"

enum {
    TANH,
    SIGMOID,
    RELU,
    AFFINE,
    LEAKY,
    THRESHOLDED,
    SCALED_TANH,
    HARD_SIGMOID,
    ELU,
    SOFTSIGN,
    SOFTPLUS,
    /* no standard has these: Keras's */
    HARD_TANH,
    RELU6,
    SELU,
    GELU,
    SWISH,
    HARD_SWISH,
    MISH,
    EXP,
    LOG_SIGMOID,
    TANH_SHRINK,
    SOFT_SHRINK,
    HARD_SHRINK,
    SQUAREPLUS,
    SPARSE_PLUS,
    SPARSE_SIGMOID
};

static const struct {
    const char *name;
    bool has_alpha, has_beta; /* takes one from the lists */
    double alpha, beta;
} KINDS[] = {
    [TANH] = {"Tanh", false, false, 0, 0},
    [SIGMOID] = {"Sigmoid", false, false, 0, 0},
    [RELU] = {"Relu", false, false, 0, 0},
    [AFFINE] = {"Affine", true, true, 1, 0},
    [LEAKY] = {"LeakyRelu", true, false, 0.01f, 0},
    [THRESHOLDED] = {"ThresholdedRelu", true, false, 1, 0},
    [SCALED_TANH] = {"ScaledTanh", true, true, 1, 1},
    [HARD_SIGMOID] = {"HardSigmoid", true, true, 0.2f, 0.5},
    [ELU] = {"Elu", true, false, 1, 0},
    [SOFTSIGN] = {"Softsign", false, false, 0, 0},
    [SOFTPLUS] = {"Softplus", false, false, 0, 0},
    [HARD_TANH] = {.name = "HardTanh"},
    [RELU6] = {.name = "Relu6"},
    [SELU] = {.name = "Selu"},
    [GELU] = {.name = "Gelu"},
    [SWISH] = {.name = "Swish"},
    [HARD_SWISH] = {.name = "HardSwish"},
    [MISH] = {.name = "Mish"},
    [EXP] = {.name = "Exp"},
    [LOG_SIGMOID] = {.name = "LogSigmoid"},
    [TANH_SHRINK] = {.name = "TanhShrink"},
    [SOFT_SHRINK] = {.name = "SoftShrink"},
    [HARD_SHRINK] = {.name = "HardShrink"},
    [SQUAREPLUS] = {.name = "Squareplus"},
    [SPARSE_PLUS] = {.name = "SparsePlus"},
    [SPARSE_SIGMOID] = {.name = "SparseSigmoid"},
};

static int kind_of(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_COUNT(KINDS); i++)
        if (name.size == strlen(KINDS[i].name) &&
            !strncasecmp((const char *)name.data, KINDS[i].name, name.size))
            return (int)i;
    return -1;
}

enum status activation_read(const struct op_call *call, size_t index, size_t total,
                            const char *otherwise, struct activation *activation, struct error *err)
{
    size_t names, alphas, betas, alpha_at = 0, beta_at = 0;
    const struct bytes *list = attribute_strings(call->attributes, "activations", &names);
    const double *alpha = attribute_floats(call->attributes, "activation_alpha", &alphas);
    const double *beta = attribute_floats(call->attributes, "activation_beta", &betas);
    char quoted[TEXT_QUOTE_SIZE];

    if (names && names != total)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu activations, not %zu", names, total);
    activation->kind = names ? kind_of(list[index]) : kind_of(bytes_of(otherwise));
    if (activation->kind < 0)
        return op_error(call, err, STATUS_UNSUPPORTED, "activation \"%s\"",
                        text_quote(list[index], quoted, sizeof quoted));
    /* the lists hold values only for those activations that have them */
    for (size_t i = 0; names && i < index; i++) {
        int kind = kind_of(list[i]);

        alpha_at += kind >= 0 && KINDS[kind].has_alpha;
        beta_at += kind >= 0 && KINDS[kind].has_beta;
    }
    activation->alpha = KINDS[activation->kind].has_alpha && alpha_at < alphas
                            ? alpha[alpha_at]
                            : KINDS[activation->kind].alpha;
    activation->beta = KINDS[activation->kind].has_beta && beta_at < betas
                           ? beta[beta_at]
                           : KINDS[activation->kind].beta;
    return STATUS_OK;
}

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double clamped(double low, double x, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* Those that no standard has; the constants of Selu are of Klambauer et al., 2017. */
static double apply_more(int kind, double x)
{
    switch (kind) {
    case HARD_TANH:
        return clamped(-1, x, 1);
    case RELU6:
        return clamped(0, x, 6);
    case SELU:
        return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * expm1(x) : x);
    case GELU:
        return 0.5 * x *
               erfc(-x * (double)(float)M_SQRT1_2); /* of float32, as TensorFlow casts it */
    case SWISH:
        return x / (1 + exp(-x));
    case HARD_SWISH:
        return x * clamped(0, x / 6 + 0.5, 1);
    case MISH:
        return x * tanh(softplus(x));
    case EXP:
        return exp(x);
    case LOG_SIGMOID:
        return -softplus(-x);
    case TANH_SHRINK:
        return x - tanh(x);
    case SOFT_SHRINK:
        return x - clamped(-0.5, x, 0.5);
    case HARD_SHRINK:
        return fabs(x) <= 0.5 ? 0 : x;
    case SQUAREPLUS:
        return (x + sqrt(x * x + 4)) / 2;
    case SPARSE_PLUS:
        return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    default:
        return clamped(0, (x + 1) / 2, 1);
    }
}

double activation_apply(const struct activation *f, double x)
{
    switch (f->kind) {
    case TANH:
        return tanh(x);
    case SIGMOID:
        return 1 / (1 + exp(-x));
    case RELU:
        return x < 0 ? 0 : x;
    case AFFINE:
        return f->alpha * x + f->beta;
    case LEAKY:
        return x < 0 ? f->alpha * x : x;
    case THRESHOLDED:
        return x > f->alpha ? x : 0;
    case SCALED_TANH:
        return f->alpha * tanh(f->beta * x);
    case HARD_SIGMOID:
        return fmin(1, fmax(0, f->alpha * x + f->beta));
    case ELU:
        return x < 0 ? f->alpha * expm1(x) : x;
    case SOFTSIGN:
        return x / (1 + fabs(x));
    case SOFTPLUS:
        return softplus(x);
    default:
        return apply_more(f->kind, x);
    }
}
