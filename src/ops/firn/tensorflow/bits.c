// SPDX-License-Identifier: Apache-2.0
/* Bits of TensorFlow: shifts of any integer, counts of bits, comparisons packed eight a byte, and
 * the same bytes as elements of another size. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

/* --- Shift: the distance is cut to 0 .. bits - 1; right shifts of negative numbers keep the sign.
 * Attribute direction: left or right --- */

static enum status infer_shift(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(op_wants(call, 0, DTYPES_INT, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(shape_broadcast(&call->in[0].shape, &call->in[1].shape, &out, call, err));
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* `value` and `by` as tensor_i64 gives them: unsigned 64-bit numbers as their bits. */
static uint64_t shifted(int64_t value, int64_t by, enum dtype dtype, bool left)
{
    int last = (int)dtype_size(dtype) * 8 - 1;
    bool is_unsigned = dtype_kind(dtype) == KIND_UINT;

    if (by < 0)
        by = is_unsigned ? last : 0;
    if (by > last)
        by = last;
    if (left)
        return (uint64_t)value << by;
    return is_unsigned ? (uint64_t)value >> by : (uint64_t)(value >> by);
}

static void put_bits(struct tensor *y, size_t i, uint64_t bits)
{
    switch (dtype_size(y->dtype)) {
    case 1:
        ((uint8_t *)y->data)[i] = (uint8_t)bits;
        break;
    case 2:
        ((uint16_t *)y->data)[i] = (uint16_t)bits;
        break;
    case 4:
        ((uint32_t *)y->data)[i] = (uint32_t)bits;
        break;
    default:
        ((uint64_t *)y->data)[i] = bits;
    }
}

static enum status run_shift(const struct op_call *call, struct error *err)
{
    bool left = attribute_is(call->attributes, "direction", "left");
    const struct tensor *a = &call->in[0], *b = &call->in[1];
    struct broadcast walk;

    (void)err;
    broadcast_start(&walk, &call->out[0].shape, (const struct shape *[]){&a->shape, &b->shape}, 2);
    if (!walk.count)
        return STATUS_OK;
    do
        for (size_t i = 0; i < walk.count; i++)
            put_bits(&call->out[0], walk.done + i,
                     shifted(tensor_i64(a, walk.at[0] + (walk.step[0] ? i : 0)),
                             tensor_i64(b, walk.at[1] + (walk.step[1] ? i : 0)), a->dtype, left));
    while (broadcast_next(&walk));
    return STATUS_OK;
}

/* --- PopulationCount: bits that are set, as uint8 --- */

static enum status infer_count(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_INT, err));
    op_give(call, 0, DTYPE_U8, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_count(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t count = tensor_count(x), bits = dtype_size(x->dtype) * 8;
    uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    uint8_t *y = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < count; i++)
        y[i] = (uint8_t)__builtin_popcountll((uint64_t)tensor_i64(x, i) & mask);
    return STATUS_OK;
}

/* --- CompareAndBitpack: x > threshold (bool: x), eight of the last dimension a byte, the first as
 * the highest bit --- */

static enum status infer_pack(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    TRY(op_wants_rank(call, 1, 0, 0, err));
    if (out.rank >= 0 && dim_is_known(out.dims[out.rank - 1])) {
        if (out.dims[out.rank - 1] % 8)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "the last dimension, %lld, is no multiple of 8",
                            (long long)out.dims[out.rank - 1]);
        out.dims[out.rank - 1] /= 8;
    } else if (out.rank >= 0) {
        out.dims[out.rank - 1] = DIM_UNKNOWN;
    }
    op_give(call, 0, DTYPE_U8, &out);
    return STATUS_OK;
}

static bool is_above(const struct tensor *x, size_t i, const struct tensor *threshold)
{
    if (x->dtype == DTYPE_BOOL)
        return ((const uint8_t *)x->data)[i];
    if (dtype_is_float(x->dtype))
        return tensor_f64(x, i) > tensor_f64(threshold, 0);
    if (x->dtype == DTYPE_U64)
        return (uint64_t)tensor_i64(x, i) > (uint64_t)tensor_i64(threshold, 0);
    return tensor_i64(x, i) > tensor_i64(threshold, 0);
}

static enum status run_pack(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->out[0]);
    uint8_t *y = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        y[i] = 0;
        for (size_t bit = 0; bit < 8; bit++)
            y[i] = (uint8_t)(y[i] << 1 | is_above(&call->in[0], i * 8 + bit, &call->in[1]));
    }
    return STATUS_OK;
}

/* --- Bitcast: a wider element is the last dimension of narrower ones. Attribute to: a dtype's
 * name --- */

static enum status infer_cast(struct op_call *call, struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "to", "");
    enum dtype from = call->in[0].dtype, to = DTYPE_NONE;
    struct shape out = call->in[0].shape;
    int64_t ratio;

    for (int i = 1; i < DTYPE_COUNT; i++)
        if (bytes_is(name, dtype_name((enum dtype)i)))
            to = (enum dtype)i;
    TRY(op_wants(call, 0,
                 DTYPES_ANY & ~(DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_RESOURCE) |
                                DTYPE_BIT(DTYPE_VARIANT)),
                 err));
    if (to == DTYPE_NONE || to == DTYPE_STRING || to >= DTYPE_RESOURCE ||
        (from == DTYPE_BOOL) != (to == DTYPE_BOOL))
        return op_error(call, err, STATUS_UNSUPPORTED, "from %s to '%.*s'", dtype_name(from),
                        (int)(name.size < 32 ? name.size : 32), (const char *)name.data);
    ratio = (int64_t)(dtype_size(from) > dtype_size(to) ? dtype_size(from) / dtype_size(to)
                                                        : dtype_size(to) / dtype_size(from));
    if (out.rank >= 0 && dtype_size(from) > dtype_size(to)) {
        if (out.rank == RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "of %d dimensions", out.rank);
        out.dims[out.rank++] = ratio;
    } else if (out.rank >= 0 && dtype_size(from) < dtype_size(to)) {
        if (out.rank == 0 ||
            (dim_is_known(out.dims[out.rank - 1]) && out.dims[out.rank - 1] != ratio))
            return op_error(call, err, STATUS_INVALID_INPUT, "the last dimension is not %lld",
                            (long long)ratio);
        out.rank--;
    }
    op_give(call, 0, to, &out);
    return STATUS_OK;
}

static enum status run_cast(const struct op_call *call, struct error *err)
{
    (void)err;
    if (tensor_count(&call->in[0]))
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    return STATUS_OK;
}

const struct op_set ops_firn_bits =
    OP_SET({.name = "Shift",
            .summary = "shifts of signed and unsigned integers",
            .flags = OP_ROWS,
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_shift,
            .run = run_shift},
           {.name = "PopulationCount",
            .summary = "the number of bits that are set",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_count,
            .run = run_count},
           {.name = "CompareAndBitpack",
            .summary = "comparisons with a threshold, eight a byte",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_pack,
            .run = run_pack},
           {.name = "Bitcast",
            .summary = "the same bytes as elements of another type and size",
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_cast,
            .run = run_cast});
