// SPDX-License-Identifier: Apache-2.0
/* Epilogue: what is done to a tile of a product or a convolution while it is still in the cache.
 *
 *     c = activation(c + residual)        (the bias is in c already)
 *
 * A fused node says it by attributes: `activation` (a name of ONNX: "Relu", "Gelu" ...; absent:
 * none) with `alpha` and `beta` where that one has parameters; the residual is an optional input of
 * the shape of the output. */
#pragma once

#include "ops/op.h"

enum epilogue_activation {
    EPILOGUE_NONE,
    EPILOGUE_RELU,
    EPILOGUE_LEAKY_RELU, /* alpha */
    EPILOGUE_CLIP,       /* alpha: min, beta: max */
    EPILOGUE_SIGMOID,
    EPILOGUE_TANH,
    EPILOGUE_GELU,
    EPILOGUE_GELU_TANH,
    EPILOGUE_SWISH,        /* x sigmoid(alpha x); "Swish" */
    EPILOGUE_HARD_SIGMOID, /* max(0, min(1, alpha x + beta)) */
    EPILOGUE_HARD_SWISH,   /* x HardSigmoid(x; 1/6, 1/2) */
    EPILOGUE_ELU,          /* alpha */
};

struct epilogue {
    enum epilogue_activation activation;
    float alpha, beta;
};

/* From the attributes of a fused node; UNSUPPORTED for a name that is not one of the above. */
enum status epilogue_read(const struct op_call *call, struct epilogue *epilogue, struct error *err)
    must_check;

/* Is there anything to do? */
static inline bool epilogue_is_empty(const struct epilogue *epilogue)
{
    return !epilogue || epilogue->activation == EPILOGUE_NONE;
}

/* A tile of `rows` by `columns` floats, ldc apart, in place; `residual` (NULL: none) lies ldr
 * apart. */
void epilogue_run(const struct epilogue *epilogue, float *c, size_t ldc, const float *residual,
                  size_t ldr, size_t rows, size_t columns);

/* What a kernel can do in its registers: hold c + residual between two limits (NaN stays NaN).
 * False: that is all there is to the activation; else the limits are infinite. */
bool epilogue_limits(const struct epilogue *epilogue, float *low, float *high);

/* The reference: the same of one value, in double. */
double epilogue_exact(const struct epilogue *epilogue, double x);
