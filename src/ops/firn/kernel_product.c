// SPDX-License-Identifier: Apache-2.0
/* KernelProduct: sums of kernel values against support vectors, what support vector machines are.
 *
 *     y = K W' + b,  K[i][j] = kernel(x[i], vectors[j])
 *
 * Inputs, all double: x (n, f), vectors (s, f), W (p, s), b (p,), the last three constants.
 * Attributes: kernel ("linear", "poly": (gamma x.v + coef0)^degree, "rbf": exp(-gamma |x - v|^2),
 * "sigmoid": tanh(gamma x.v + coef0)), gamma, coef0, degree. */
#include "ops/fast/support.h"
#include "ops/kernels/call.h"

enum { X, VECTORS, WEIGHTS, BIAS };

enum { ROWS_LOW = 8, ROWS_HIGH = 48, BLOCK_BYTES = 256 << 10 /* of kernel values, in L2 */ };

static enum status function_of(const struct op_call *call, struct support_function *function,
                               struct error *err)
{
    static const char *const NAMES[] = {"linear", "poly", "rbf", "sigmoid"};
    struct bytes name = attribute_string(call->attributes, "kernel", "linear");
    size_t kernel = 0;

    while (kernel < ARRAY_COUNT(NAMES) && !bytes_is(name, NAMES[kernel]))
        kernel++;
    if (kernel == ARRAY_COUNT(NAMES))
        return op_error(call, err, STATUS_UNSUPPORTED, "this kernel");
    *function = (struct support_function){
        .kernel = (enum support_kernel)kernel,
        .gamma = attribute_float(call->attributes, "gamma", 1),
        .coef0 = attribute_float(call->attributes, "coef0", 0),
        .degree = attribute_float(call->attributes, "degree", 3),
    };
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[X].shape, *v = &call->in[VECTORS].shape;
    const struct shape *w = &call->in[WEIGHTS].shape, *b = &call->in[BIAS].shape;
    struct shape out = {.rank = 2};
    struct support_function function;

    for (size_t i = X; i <= BIAS; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_rank(call, i, i == BIAS ? 1 : 2, i == BIAS ? 1 : 2, err));
        if (i != X && !call->in[i].data)
            return op_error(call, err, STATUS_UNSUPPORTED, "input %zu is not a constant", i);
    }
    TRY(function_of(call, &function, err));
    if (w->dims[1] != v->dims[0] || w->dims[0] != b->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "weights of %lld by %lld for %lld vectors and %lld sums",
                        (long long)w->dims[0], (long long)w->dims[1], (long long)v->dims[0],
                        (long long)b->dims[0]);
    if (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != v->dims[1])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld features, but vectors of %lld",
                        (long long)x->dims[1], (long long)v->dims[1]);
    out.dims[0] = x->rank == 2 ? x->dims[0] : DIM_UNKNOWN;
    out.dims[1] = w->dims[0];
    op_give(call, 0, DTYPE_F64, &out);
    return STATUS_OK;
}

struct state {
    struct support support;
    struct packed_matrix weights; /* (vectors, sums) */
    const double *bias;
    size_t block; /* rows at once */
};

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    const struct shape *v = &call->in[VECTORS].shape, *w = &call->in[WEIGHTS].shape;
    size_t vectors = (size_t)v->dims[0], features = (size_t)v->dims[1], sums = (size_t)w->dims[0];
    size_t size = gemm_packed_size(DTYPE_F64, vectors, sums);
    struct support_function function;
    struct state *state;
    void *data;

    call->state = NULL;
    if (op_is_reference_only() || !vectors || !features || !sums)
        return STATUS_OK;
    TRY(function_of(call, &function, err));
    state = arena_new(keep, struct state, 1);
    data = size > SIZE_MAX - 4096 ? NULL : arena_alloc(keep, size + 4096, 1); /* 64-byte aligned */
    if (!state || !data)
        return error_no_memory(err, "support vectors");
    TRY(support_prepare(&state->support, &function, call->in[VECTORS].data, vectors, features, keep,
                        err));
    gemm_pack(&state->weights, DTYPE_F64, call->in[WEIGHTS].data, vectors, sums, true, data);
    state->bias = call->in[BIAS].data;
    state->block = BLOCK_BYTES / sizeof(double) / vectors;
    state->block = state->block < ROWS_LOW    ? ROWS_LOW
                   : state->block > ROWS_HIGH ? ROWS_HIGH
                                              : state->block;
    call->state = state;
    return STATUS_OK;
}

static size_t lane_bytes(const struct state *state)
{
    return (state->block * state->support.vectors * sizeof(double) + 63) / 64 * 64;
}

static size_t scratch_size(const struct op_call *call)
{
    return call->state ? team_lanes(call->team) * lane_bytes(call->state) : 0;
}

static void work(void *context, size_t chunk, size_t lane)
{
    const struct op_call *call = context;
    const struct state *state = call->state;
    size_t rows = (size_t)call->in[X].shape.dims[0], first = chunk * state->block;
    size_t count = rows - first < state->block ? rows - first : state->block;
    size_t sums = state->weights.columns;
    double *k = (double *)(void *)((char *)call->scratch + lane * lane_bytes(state));

    support_values(&state->support,
                   (const double *)call->in[X].data + first * state->support.features, count, k);
    gemm_run(&state->weights, k, count, state->support.vectors, state->bias,
             (double *)call->out[0].data + first * sums, sums);
}

static enum status run_reference(const struct op_call *call, struct error *err)
{
    const struct shape *v = &call->in[VECTORS].shape;
    size_t vectors = (size_t)v->dims[0], features = (size_t)v->dims[1];
    size_t rows = (size_t)call->in[X].shape.dims[0], sums = (size_t)call->out[0].shape.dims[1];
    const double *x = call->in[X].data, *w = call->in[WEIGHTS].data;
    const double *s = call->in[VECTORS].data, *bias = call->in[BIAS].data;
    double *y = call->out[0].data;
    struct support_function function;

    TRY(function_of(call, &function, err));
    for (size_t i = 0; i < rows; i++, x += features, y += sums) {
        memcpy(y, bias, sums * sizeof *y);
        for (size_t j = 0; j < vectors; j++) {
            double value = support_exact(&function, x, s + j * features, features);

            for (size_t p = 0; p < sums; p++)
                y[p] += value * w[p * vectors + j];
        }
    }
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct state *state = call->state;
    size_t rows = (size_t)call->in[X].shape.dims[0];

    if (!state)
        return run_reference(call, err);
    team_run(call->team, (rows + state->block - 1) / state->block, work, (void *)call);
    return STATUS_OK;
}

const struct op_set ops_firn_kernel_product =
    OP_SET({.name = "KernelProduct",
            .summary = "sums of kernel values against support vectors",
            .flags = OP_ROWS,
            .in_min = 4,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .prepare = prepare,
            .scratch_size = scratch_size,
            .run = run});
