// SPDX-License-Identifier: Apache-2.0
/* Random numbers as TensorFlow draws them: Philox 4x32-10, a function of a key and a counter, so
 * that equal ones give equal numbers.
 *
 * PhiloxKey: a pair of seeds (2) -> key (1), counter (2), both uint64.
 * PhiloxAny: key and counter from the operating system, others in each run.
 * PhiloxDraw:
 *   inputs   dims (rank); key (1), counter (2), int64 or uint64; low, high of "integer"
 *   attributes  to: a dtype of TensorFlow; what: "uniform" in [0, 1), "normal", "truncated" (a
 *            normal one within two deviations), "integer" in [low, high), "whole" (all bits)
 *
 * Sources: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011);
 * tensorflow/core/lib/random/{philox_random,random_distributions}.h, kernels/random_op.cc,
 * stateless_random_ops.cc. */
#include <math.h>
#include <sys/random.h>

#include "ops/kernels/math/philox_call.h"

enum { WORDS = PHILOX_WORDS, TRUNCATED_EACH = 256 };

/* --- the key of seeds --- */

static enum status infer_key(struct op_call *call, struct error *err)
{
    const struct shape one = SHAPE(1), two = SHAPE(2);

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    if (dim_is_known(call->in[0].shape.dims[0]) && call->in[0].shape.rank == 1 &&
        call->in[0].shape.dims[0] != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld seeds, not 2",
                        (long long)call->in[0].shape.dims[0]);
    op_give(call, 0, DTYPE_U64, &one);
    op_give(call, 1, DTYPE_U64, &two);
    return STATUS_OK;
}

static enum status run_key(const struct op_call *call, struct error *err)
{
    uint64_t seeds[2] = {(uint64_t)tensor_i64(&call->in[0], 0),
                         (uint64_t)tensor_i64(&call->in[0], 1)};
    struct philox philox = {{(uint32_t)seeds[0], (uint32_t)(seeds[0] >> 32), (uint32_t)seeds[1],
                             (uint32_t)(seeds[1] >> 32)},
                            {0x3EC8F720, 0x02461E29}};
    uint64_t *key = call->out[0].data, *counter = call->out[1].data;
    uint32_t mixed[WORDS];

    (void)err;
    philox_words(&philox, mixed);
    key[0] = (uint64_t)mixed[1] << 32 | mixed[0];
    counter[0] = 0;
    counter[1] = (uint64_t)mixed[3] << 32 | mixed[2];
    return STATUS_OK;
}

static enum status infer_any(struct op_call *call, struct error *err)
{
    const struct shape one = SHAPE(1), two = SHAPE(2);

    (void)err;
    op_give(call, 0, DTYPE_U64, &one);
    op_give(call, 1, DTYPE_U64, &two);
    return STATUS_OK;
}

static enum status run_any(const struct op_call *call, struct error *err)
{
    uint64_t words[3];

    if (getrandom(words, sizeof words, 0) != sizeof words)
        return op_error(call, err, STATUS_UNAVAILABLE, "the system gives no random bytes");
    memcpy(call->out[0].data, words, sizeof *words);
    memcpy(call->out[1].data, words + 1, 2 * sizeof *words);
    return STATUS_OK;
}

/* --- numbers of words --- */

static float uniform_float(uint32_t word)
{
    uint32_t bits = (uint32_t)127 << 23 | (word & 0x7FFFFF);
    float value;

    memcpy(&value, &bits, sizeof value);
    return value - 1.0F;
}

/* Box and Muller: two of two. */
static void normal_floats(const uint32_t *words, float values[2])
{
    float u = uniform_float(words[0]);
    float angle = (float)(2.0F * M_PI * (double)uniform_float(words[1])), radius;

    u = u < 1.0e-7F ? 1.0e-7F : u;
    radius = sqrtf(-2.0F * logf(u));
    values[0] = sinf(angle) * radius;
    values[1] = cosf(angle) * radius;
}

/* --- PhiloxDraw --- */

static bool draws(const struct op_call *call, const char *what)
{
    return bytes_is(attribute_string(call->attributes, "what", "uniform"), what);
}

static enum status infer_draw(struct op_call *call, struct error *err)
{
    enum dtype to = dtype_from_tf(attribute_int(call->attributes, "to", 1));
    bool whole = draws(call, "integer") || draws(call, "whole");
    struct shape out;

    TRY(op_input_shape(call, 0, 0, &out, err));
    TRY(philox_wants(call, 1, err));
    if (whole ? to != DTYPE_I32 && to != DTYPE_I64 && to != DTYPE_U32 && to != DTYPE_U64
              : !dtype_is_float(to))
        return op_error(call, err, STATUS_UNSUPPORTED, "draws of %s", dtype_name(to));
    op_give(call, 0, to, &out);
    return STATUS_OK;
}

struct drawing {
    const struct op_call *call;
    struct tensor *y;
    struct philox philox;
    size_t count;
};

static void draw_uniform(struct drawing *d)
{
    bool wide = d->y->dtype == DTYPE_F64;
    int mantissa = d->y->dtype == DTYPE_F16 ? 10 : d->y->dtype == DTYPE_BF16 ? 7 : 23;
    uint32_t words[WORDS];

    for (size_t i = 0; i < d->count; philox_skip(&d->philox, 1)) {
        philox_words(&d->philox, words);
        for (size_t k = 0; k < (wide ? 2 : WORDS) && i < d->count; k++, i++) {
            if (wide)
                ((double *)d->y->data)[i] = philox_uniform(words[2 * k], words[2 * k + 1]);
            else /* as many of the lowest bits as the type has */
                tensor_set_f64(d->y, i, (double)uniform_float(words[k] << (23 - mantissa)));
        }
    }
}

static void draw_normal(struct drawing *d)
{
    bool wide = d->y->dtype == DTYPE_F64;
    uint32_t words[WORDS];
    double doubles[2];
    float floats[WORDS];

    for (size_t i = 0; i < d->count; philox_skip(&d->philox, 1)) {
        philox_words(&d->philox, words);
        philox_normals(words, doubles);
        normal_floats(words, floats);
        normal_floats(words + 2, floats + 2);
        for (size_t k = 0; k < (wide ? 2 : WORDS) && i < d->count; k++, i++)
            tensor_set_f64(d->y, i, wide ? doubles[k] : (double)floats[k]);
    }
}

/* Each group has room for TRUNCATED_EACH tries of each of its elements. */
static void draw_truncated(struct drawing *d)
{
    bool wide = d->y->dtype == DTYPE_F64;
    size_t group = wide ? 2 : WORDS, each = wide ? WORDS : 2;

    for (size_t first = 0; first < d->count; first += group) {
        struct philox philox = d->philox;
        uint32_t words[WORDS];
        size_t found = 0, used = WORDS;

        while (found < group && first + found < d->count) {
            double values[2];
            float floats[2];

            if (used == WORDS) {
                philox_words(&philox, words);
                philox_skip(&philox, 1);
                used = 0;
            }
            if (wide) {
                philox_normals(words, values);
            } else {
                normal_floats(words + used, floats);
                values[0] = (double)floats[0];
                values[1] = (double)floats[1];
            }
            used += each;
            for (int k = 0; k < 2 && found < group && first + found < d->count; k++)
                if (fabs(values[k]) < 2)
                    tensor_set_f64(d->y, first + found++, values[k]);
        }
        philox_skip(&d->philox, group * TRUNCATED_EACH / WORDS);
    }
}

/* range 0: all bits. */
static void draw_integers(struct drawing *d, uint64_t low, uint64_t range)
{
    bool wide = dtype_size(d->y->dtype) == 8;
    uint32_t words[WORDS];

    for (size_t i = 0; i < d->count; philox_skip(&d->philox, 1)) {
        philox_words(&d->philox, words);
        for (size_t k = 0; k < (wide ? 2 : WORDS) && i < d->count; k++, i++) {
            uint64_t bits = wide ? (uint64_t)words[2 * k + 1] << 32 | words[2 * k] : words[k];

            bits = low + (range ? bits % range : bits);
            if (wide)
                ((uint64_t *)d->y->data)[i] = bits;
            else
                ((uint32_t *)d->y->data)[i] = (uint32_t)bits;
        }
    }
}

static enum status draw_between(struct drawing *d, struct error *err)
{
    const struct op_call *call = d->call;
    uint64_t low, high, range;

    for (size_t i = 3; i < 5; i++)
        if (!op_has(call, i) || tensor_count(&call->in[i]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is not one number", i);
    low = (uint64_t)tensor_i64(&call->in[3], 0);
    high = (uint64_t)tensor_i64(&call->in[4], 0);
    range = high - low;
    if (dtype_size(d->y->dtype) == 4)
        range = (uint32_t)range;
    if ((int64_t)low >= (int64_t)high)
        return op_error(call, err, STATUS_INVALID_INPUT, "nothing is between %lld and %lld",
                        (long long)low, (long long)high);
    draw_integers(d, low, range);
    return STATUS_OK;
}

static enum status run_draw(const struct op_call *call, struct error *err)
{
    struct drawing d = {.call = call, .y = &call->out[0], .count = tensor_count(&call->out[0])};

    TRY(philox_begin(call, 1, &d.philox, err));
    if (draws(call, "integer"))
        return draw_between(&d, err);
    if (draws(call, "whole"))
        draw_integers(&d, 0, 0);
    else if (draws(call, "normal"))
        draw_normal(&d);
    else if (draws(call, "truncated"))
        draw_truncated(&d);
    else
        draw_uniform(&d);
    return STATUS_OK;
}

const struct op_set ops_firn_philox = OP_SET({.name = "PhiloxKey",
                                              .summary = "TensorFlow's key of two seeds",
                                              .in_min = 1,
                                              .in_max = 1,
                                              .out_min = 2,
                                              .out_max = 2,
                                              .infer = infer_key,
                                              .run = run_key},
                                             {.name = "PhiloxAny",
                                              .summary = "a key that is another one in each run",
                                              .flags = OP_RANDOM,
                                              .in_min = 0,
                                              .in_max = 0,
                                              .out_min = 2,
                                              .out_max = 2,
                                              .infer = infer_any,
                                              .run = run_any},
                                             {.name = "PhiloxDraw",
                                              .summary = "TensorFlow's random numbers of a key",
                                              .in_min = 3,
                                              .in_max = 5,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer_draw,
                                              .run = run_draw}, );
