// SPDX-License-Identifier: Apache-2.0
/* RotaryEmbedding: pairs of features turned by an angle that depends on the position. */
#include "ops/kernels/index.h"

enum { X, COS, SIN, POSITIONS };

/* (batch, heads, steps, size), or (batch, steps, heads * size) when packed. */
struct rotary {
    bool packed;
    int64_t batch, heads, steps, size, turned; /* turned: features of each head */
};

static enum status rotary_of(const struct op_call *call, struct rotary *r, struct error *err)
{
    const struct shape *x = &call->in[X].shape;
    int64_t heads = attribute_int(call->attributes, "num_heads", 0);
    int64_t turned = attribute_int(call->attributes, "rotary_embedding_dim", 0);

    *r = (struct rotary){false, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    if (x->rank == 4) {
        *r = (struct rotary){false, x->dims[0], x->dims[1], x->dims[2], x->dims[3], DIM_UNKNOWN};
    } else if (x->rank == 3) {
        if (heads < 1 || (dim_is_known(x->dims[2]) && x->dims[2] % heads))
            return op_error(call, err, STATUS_INVALID_INPUT, "num_heads is %lld", (long long)heads);
        *r = (struct rotary){true,
                             x->dims[0],
                             heads,
                             x->dims[1],
                             dim_is_known(x->dims[2]) ? x->dims[2] / heads : DIM_UNKNOWN,
                             DIM_UNKNOWN};
    }
    r->turned = turned ? turned : r->size;
    if (turned < 0 || (dim_is_known(r->turned) && r->turned % 2) ||
        (dim_is_known(r->size) && r->turned > r->size))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld features of %lld are to be turned",
                        (long long)r->turned, (long long)r->size);
    return STATUS_OK;
}

/* (positions, turned / 2) with position_ids, else (batch, steps, turned / 2) */
static enum status check_cache(const struct op_call *call, size_t input, const struct rotary *r,
                               struct error *err)
{
    const struct shape *cache = &call->in[input].shape;
    int rank = op_has(call, POSITIONS) ? 2 : 3;
    int64_t want[] = {r->batch, r->steps, dim_is_known(r->turned) ? r->turned / 2 : DIM_UNKNOWN};

    TRY(op_wants_same(call, X, input, err));
    TRY(op_wants_rank(call, input, rank, rank, err));
    for (int i = rank == 2 ? 1 : 0; i < cache->rank; i++) {
        int64_t dim = want[i + 3 - rank];

        if (dim_is_known(cache->dims[i]) && dim_is_known(dim) && cache->dims[i] != dim)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of input %zu is %lld, not %lld", i, input,
                            (long long)cache->dims[i], (long long)dim);
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *positions = &call->in[POSITIONS].shape;
    struct rotary r;

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, X, 3, 4, err));
    TRY(rotary_of(call, &r, err));
    TRY(check_cache(call, COS, &r, err));
    TRY(check_cache(call, SIN, &r, err));
    if (shape_is_known(&call->in[COS].shape) && shape_is_known(&call->in[SIN].shape) &&
        !shape_equal(&call->in[COS].shape, &call->in[SIN].shape))
        return op_error(call, err, STATUS_INVALID_INPUT, "the caches are of different shapes");
    if (op_has(call, POSITIONS)) {
        TRY(op_wants(call, POSITIONS, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, POSITIONS, 2, 2, err));
        if (shape_is_known(positions) && dim_is_known(r.batch) && dim_is_known(r.steps) &&
            (positions->dims[0] != r.batch || positions->dims[1] != r.steps))
            return op_error(call, err, STATUS_INVALID_INPUT, "position_ids has another shape");
    }
    return op_infer_same(call, err);
}

static void turn(const struct op_call *call, const struct rotary *r, size_t at, size_t cache)
{
    bool interleaved = attribute_int(call->attributes, "interleaved", 0);
    size_t half = (size_t)r->turned / 2;

    for (size_t k = 0; k < half; k++) {
        size_t first = at + (interleaved ? 2 * k : k), second = first + (interleaved ? 1 : half);
        double a = tensor_f64(&call->in[X], first), b = tensor_f64(&call->in[X], second);
        double c = tensor_f64(&call->in[COS], cache + k), s = tensor_f64(&call->in[SIN], cache + k);

        tensor_set_f64(&call->out[0], first, c * a - s * b);
        tensor_set_f64(&call->out[0], second, s * a + c * b);
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[X];
    struct rotary r;

    TRY(rotary_of(call, &r, err));
    if (tensor_count(x) == 0)
        return STATUS_OK;
    memcpy(call->out[0].data, x->data, tensor_bytes(x));
    for (int64_t b = 0; b < r.batch; b++)
        for (int64_t s = 0; s < r.steps; s++) {
            size_t row = (size_t)(b * r.steps + s);

            if (op_has(call, POSITIONS))
                TRY(index_check(call, &call->in[POSITIONS], row, call->in[COS].shape.dims[0], &row,
                                err));
            for (int64_t h = 0; h < r.heads; h++)
                turn(call, &r,
                     (size_t)((r.packed ? (b * r.steps + s) * r.heads + h
                                        : (b * r.heads + h) * r.steps + s) *
                              r.size),
                     row * (size_t)r.turned / 2);
        }
    return STATUS_OK;
}

const struct op_set ops_onnx_rotary_embedding =
    OP_SET({.name = "RotaryEmbedding",
            .summary = "features turned by their position",
            .flags = OP_ROWS,
            .in_min = 3,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
