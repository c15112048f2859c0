// SPDX-License-Identifier: Apache-2.0
/* FloatToInteger: floats cut to integers, and what becomes of those that the type does not hold.
 *
 *   attributes  to: the integer type (ONNX's number)
 *               outside: "machine" (default): what TensorFlow's kernels make of them on x86: the
 *               lowest int32 or int64; of smaller types that, cut. "nearest": XLA, the nearest one,
 *               0 of NaN. "refuse": an error that names the element, as where a model does not say
 *               which framework runs it
 *
 * FloatToIntegerPacked: TensorFlow's loops to (u)int8, (u)int16 and uint32 take `step` elements at
 * once, which saturates them; those that are left over at the end are cut as above. So what is out
 * of range depends on its place. As one thread does it: with several, each has an end in large
 * tensors.
 *   attributes  to, step
 *               words: uint8 by way of uint16, of which what is above 32767 is below 0
 *               moved: TensorFlow may move what lies before the cast behind it (transpositions), so
 *               the place is not known: what is not the same at all places is an error
 *
 * Measured: TensorFlow 2.21 (tests/oracles/tensorflow_cases/casts.py). */
#include <math.h>
#include <string.h>

#include "ops/kernels/call.h"
#include "ops/kernels/cast.h"
#include "ops/kernels/types.h"

enum { BLOCK = 1024, STEP_MAX = 64 };

#define DTYPES_REAL                                                                                \
    (DTYPE_BIT(DTYPE_F16) | DTYPE_BIT(DTYPE_BF16) | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) |  \
     DTYPE_BIT(DTYPE_F8E5M2) | DTYPE_BIT(DTYPE_F8E4M3FN))

/* As cvttss2si and its relatives: the lowest integer of what is out of range, and of NaN. */
#define WHOLE(S)                                                                                   \
    static inline int32_t whole32_##S(S x)                                                         \
    {                                                                                              \
        return (int32_t)(x >= (S)-0x1p31 && x < (S)0x1p31 ? x : (S)-0x1p31);                       \
    }                                                                                              \
    static inline int64_t whole64_##S(S x)                                                         \
    {                                                                                              \
        return (int64_t)(x >= (S)-0x1p63 && x < (S)0x1p63 ? x : (S)-0x1p63);                       \
    }                                                                                              \
    static inline uint64_t whole64u_##S(S x)                                                       \
    {                                                                                              \
        return x >= (S)0x1p63 && x < (S)0x1p64 ? (uint64_t)x : (uint64_t)whole64_##S(x);           \
    }
WHOLE(float)
WHOLE(double)

#define TEMPLATE "ops/firn/tensorflow/float_to_integer.inc"
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*cut_kernel)(const void *x, void *y, size_t count);
struct kernels {
    cut_kernel single, packed, nearest;
    bool (*within)(const void *x, size_t count);
};
#define OF(S, D)                                                                                   \
    [DTYPE_##D] = {single_##S##_##D, packed_##S##_##D, nearest_##S##_##D, within_##S##_##D},
#define OF_float(D, f) OF(float, D)
#define OF_double(D, f) OF(double, D)
static const struct kernels FROM_FLOAT[DTYPE_COUNT] = {FOR_INT(OF_float, )};
static const struct kernels FROM_DOUBLE[DTYPE_COUNT] = {FOR_INT(OF_double, )};
static bool (*const HOLDS[DTYPE_COUNT])(double value) = {FOR_INT(KERNEL, holds)};

static void words_float(const void *vx, void *vy, size_t count)
{
    const float *x = vx;
    uint8_t *y = vy;

    packed_float_U8(x, y, count);
    for (size_t i = 0; i < count; i++)
        y[i] = whole32_float(x[i]) > INT16_MAX ? 0 : y[i];
}

static void words_double(const void *vx, void *vy, size_t count)
{
    const double *x = vx;
    uint8_t *y = vy;

    packed_double_U8(x, y, count);
    for (size_t i = 0; i < count; i++)
        y[i] = whole32_double(x[i]) > INT16_MAX ? 0 : y[i];
}

static enum status infer_to(struct op_call *call, struct error *err)
{
    enum dtype to = dtype_from_onnx(attribute_int(call->attributes, "to", 0));

    TRY(op_wants(call, 0, DTYPES_REAL, err));
    if (to == DTYPE_NONE || !HOLDS[to])
        return op_error(call, err, STATUS_UNSUPPORTED, "to %s", dtype_name(to));
    op_give(call, 0, to, &call->in[0].shape);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct bytes outside = attribute_string(call->attributes, "outside", "machine");

    if (!bytes_is(outside, "machine") && !bytes_is(outside, "nearest") &&
        !bytes_is(outside, "refuse"))
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute outside");
    return infer_to(call, err);
}

static enum status infer_packed(struct op_call *call, struct error *err)
{
    int64_t step = attribute_int(call->attributes, "step", 0);
    enum dtype to = dtype_from_onnx(attribute_int(call->attributes, "to", 0));

    if (step < 1 || step > STEP_MAX || BLOCK % step)
        return op_error(call, err, STATUS_INVALID_INPUT, "a step of %lld", (long long)step);
    TRY(infer_to(call, err));
    if (dtype_size(to) > 4 || to == DTYPE_I32)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s in steps", dtype_name(to));
    return STATUS_OK;
}

/* Elements `from` and on of the input, of which the kernels take float or double. */
static const void *block_of(const struct tensor *x, size_t from, size_t count, float *wide)
{
    struct shape shape = SHAPE((int64_t)count);
    struct tensor part = {x->dtype, shape, (char *)x->data + from * dtype_size(x->dtype)};
    struct tensor as_float = {DTYPE_F32, shape, wide};
    struct error ignored;

    if (x->dtype == DTYPE_F32 || x->dtype == DTYPE_F64)
        return part.data;
    /* widening casts of numbers do not fail */
    return cast_tensor(&part, &as_float, true, NULL, &ignored) ? NULL : wide;
}

static const struct kernels *kernels_of(const struct op_call *call)
{
    return (call->in[0].dtype == DTYPE_F64 ? FROM_DOUBLE : FROM_FLOAT) + call->out[0].dtype;
}

static enum status refuse(const struct op_call *call, size_t i, const char *why, struct error *err)
{
    return op_error(call, err, STATUS_UNSUPPORTED, "element %zu is %g, which %s does not hold%s", i,
                    tensor_f64(&call->in[0], i), dtype_name(call->out[0].dtype), why);
}

static enum status all_held(const struct op_call *call, struct error *err)
{
    bool (*holds)(double) = HOLDS[call->out[0].dtype];
    size_t count = tensor_count(&call->in[0]);
    float wide[BLOCK];

    for (size_t i = 0; i < count; i += BLOCK) {
        size_t n = count - i < BLOCK ? count - i : BLOCK;

        if (kernels_of(call)->within(block_of(&call->in[0], i, n, wide), n))
            continue;
        for (size_t k = i; k < i + n; k++)
            if (!holds(tensor_f64(&call->in[0], k)))
                return refuse(call, k, ": frameworks differ on it", err);
    }
    return STATUS_OK;
}

static void cut(const struct op_call *call, cut_kernel kernel, size_t from, size_t end)
{
    size_t size = dtype_size(call->out[0].dtype);
    float wide[BLOCK];

    for (size_t i = from; i < end; i += BLOCK) {
        size_t n = end - i < BLOCK ? end - i : BLOCK;

        kernel(block_of(&call->in[0], i, n, wide), (char *)call->out[0].data + i * size, n);
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct bytes outside = attribute_string(call->attributes, "outside", "machine");
    const struct kernels *kernels = kernels_of(call);

    if (bytes_is(outside, "refuse"))
        TRY(all_held(call, err));
    cut(call, bytes_is(outside, "nearest") ? kernels->nearest : kernels->single, 0,
        tensor_count(&call->in[0]));
    return STATUS_OK;
}

/* Both ways must give the same: out[0] holds the one. */
static enum status all_same(const struct op_call *call, cut_kernel kernel, struct error *err)
{
    size_t count = tensor_count(&call->in[0]), size = dtype_size(call->out[0].dtype);
    char other[BLOCK * sizeof(uint32_t)];
    const char *y = call->out[0].data;
    float wide[BLOCK];

    for (size_t i = 0; i < count; i += BLOCK) {
        size_t n = count - i < BLOCK ? count - i : BLOCK, k = 0;

        kernel(block_of(&call->in[0], i, n, wide), other, n);
        if (!memcmp(other, y + i * size, n * size))
            continue;
        while (!memcmp(other + k * size, y + (i + k) * size, size))
            k++;
        return refuse(call, i + k, ": TensorFlow's answer depends on its own order of nodes", err);
    }
    return STATUS_OK;
}

static enum status run_packed(const struct op_call *call, struct error *err)
{
    size_t step = (size_t)attribute_int(call->attributes, "step", 1);
    size_t count = tensor_count(&call->in[0]), head = count - count % step;
    const struct kernels *kernels = kernels_of(call);
    cut_kernel packed = kernels->packed;

    if (attribute_int(call->attributes, "words", 0) && call->out[0].dtype == DTYPE_U8)
        packed = call->in[0].dtype == DTYPE_F64 ? words_double : words_float;
    if (attribute_int(call->attributes, "moved", 0)) {
        cut(call, kernels->single, 0, count);
        return count < step ? STATUS_OK : all_same(call, packed, err);
    }
    cut(call, packed, 0, head);
    cut(call, kernels->single, head, count);
    return STATUS_OK;
}

const struct op_set ops_firn_float_to_integer =
    OP_SET({.name = "FloatToInteger",
            .summary = "floats cut to integers; what is out of range as TensorFlow, XLA or refused",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run},
           {.name = "FloatToIntegerPacked",
            .summary = "floats cut to integers, as TensorFlow's loops over several at once",
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_packed,
            .run = run_packed}, );
