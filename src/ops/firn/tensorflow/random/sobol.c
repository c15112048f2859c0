// SPDX-License-Identifier: Apache-2.0
/* SobolSample: dimensions, how many points, how many are skipped (integer scalars) -> (points,
 * dimensions) of the dtype `to` (an ONNX number): Sobol's sequence from its second point on.
 * Sources: Joe and Kuo, Notes on generating Sobol sequences (2008);
 * tensorflow/core/kernels/sobol_op.cc. */
#include "base/compiler.h"
#include "ops/kernels/call.h"

enum { BITS = 30, DEGREE_MAX = 13 };

static const struct first {
    uint16_t polynomial, numbers[DEGREE_MAX];
} FIRST[] = {
#define SOBOL(polynomial, ...) {polynomial, {__VA_ARGS__}},
#include "ops/firn/tensorflow/random/sobol.def"
#undef SOBOL
};

/* The direction numbers of a dimension, from the highest bit on. */
static void directions_of(size_t dimension, uint32_t v[BITS])
{
    const struct first *first = dimension ? &FIRST[dimension - 1] : NULL;
    int degree = 0;

    while (first && first->polynomial >> (degree + 1))
        degree++;
    for (int k = 0; k < BITS; k++) {
        if (!first || k < degree) {
            v[k] = first ? first->numbers[k] : 1;
            continue;
        }
        v[k] = v[k - degree];
        for (int i = 1; i <= degree; i++)
            if (first->polynomial >> (degree - i) & 1)
                v[k] ^= v[k - i] << i;
    }
    for (int k = 0; k < BITS; k++)
        v[k] <<= BITS - k - 1;
}

static enum status sizes_of(const struct op_call *call, int64_t sizes[3], struct error *err)
{
    for (size_t i = 0; i < 3; i++)
        TRY(op_input_i64(call, i, &sizes[i], err));
    if (sizes[0] < 1 || sizes[0] > (int64_t)ARRAY_COUNT(FIRST) + 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld dimensions, not 1 to %zu",
                        (long long)sizes[0], ARRAY_COUNT(FIRST) + 1);
    if (sizes[1] < 1 || sizes[2] < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld points behind %lld",
                        (long long)sizes[1], (long long)sizes[2]);
    if (sizes[1] + sizes[2] >= (1 << BITS) - 1)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld points behind %lld",
                        (long long)sizes[1], (long long)sizes[2]);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    enum dtype to = dtype_from_onnx((int32_t)attribute_int(call->attributes, "to", 1));
    struct shape out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN);
    int64_t sizes[3];
    bool known = true;

    for (size_t i = 0; i < 3; i++) {
        TRY(op_wants(call, i, DTYPES_INDEX, err));
        known = known && op_is_known(call, i);
    }
    if (to != DTYPE_F32 && to != DTYPE_F64)
        return op_error(call, err, STATUS_UNSUPPORTED, "points of %s", dtype_name(to));
    if (known) {
        TRY(sizes_of(call, sizes, err));
        out.dims[0] = sizes[1];
        out.dims[1] = sizes[0];
    }
    op_give(call, 0, to, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const double step = 1.0 / (1 << BITS);
    int64_t sizes[3];

    TRY(sizes_of(call, sizes, err));
    for (size_t d = 0; d < (size_t)sizes[0]; d++) {
        uint32_t v[BITS], point = 0, at = (uint32_t)sizes[2];

        directions_of(d, v);
        for (int k = 0; k < BITS; k++)
            point ^= (at ^ at >> 1) >> k & 1 ? v[k] : 0;
        for (size_t i = 0; i < (size_t)sizes[1]; i++) {
            size_t to = i * (size_t)sizes[0] + d;

            point ^= v[__builtin_ctz(++at)];
            if (call->out[0].dtype == DTYPE_F64)
                ((double *)call->out[0].data)[to] = point * step;
            else
                ((float *)call->out[0].data)[to] = (float)point * (float)step;
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_sobol = OP_SET({.name = "SobolSample",
                                             .summary = "points of Sobol's sequence",
                                             .in_min = 3,
                                             .in_max = 3,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .run = run});
