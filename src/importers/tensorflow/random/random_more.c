// SPDX-License-Identifier: Apache-2.0
/* Random counts; and what tf.random.Generator draws, whose state is a variable.
 * Source: tensorflow/core/kernels/{random_poisson,random_binomial,stateful_random}_op*.cc. */
#include "importers/tensorflow/random/random.h"

enum { PHILOX = 1 };

/* --- counts --- */

static enum status to_type(const struct tf_call *c, struct attribute *to, struct error *err)
{
    enum dtype dtype;

    TRY(tf_type(c->node, "dtype", &dtype, err));
    *to = attribute_of_int("to", dtype_to_tf(dtype == DTYPE_NONE ? DTYPE_I64 : dtype));
    return STATUS_OK;
}

/* shape, seed, rates */
static enum status poisson_by_seed(struct tf_call *c, struct error *err)
{
    value_id key[2], dims, y;
    struct attribute to;

    TRY(to_type(c, &to, err));
    TRY(emit(c->e, "firn", "PhiloxKey", &c->in[1], 1, NULL, 0, key, 2, err));
    TRY(tf_dims_before(c, c->in[2], &dims, err));
    TRY(emit(c->e, "firn", "PhiloxPoisson", (value_id[]){c->in[2], dims, key[0], key[1]}, 4, &to, 1,
             &y, 1, err));
    return tf_give(c, y);
}

/* shape, rates */
static enum status poisson(struct tf_call *c, struct error *err)
{
    struct tf_generator g;
    value_id dims, size, y;
    struct attribute to;

    TRY(to_type(c, &to, err));
    TRY(tf_generator_open(c, &g, err));
    TRY(tf_index_list(c, 0, &dims, err));
    TRY(emit(c->e, "firn", "PhiloxPoisson", (value_id[]){c->in[1], dims, g.key, g.counter}, 4, &to,
             1, &y, 1, err));
    TRY(emit_1(c->e, "Size", y, &size, err));
    TRY(tf_generator_close(c, &g, size, TF_RESERVED, err));
    return tf_give(c, y);
}

/* shape, seed, counts, probabilities */
static enum status binomial_by_seed(struct tf_call *c, struct error *err)
{
    value_id key[2], dims, y;
    struct attribute to;

    TRY(to_type(c, &to, err));
    TRY(emit(c->e, "firn", "PhiloxKey", &c->in[1], 1, NULL, 0, key, 2, err));
    TRY(tf_index_list(c, 0, &dims, err));
    TRY(emit(c->e, "firn", "PhiloxBinomial", (value_id[]){dims, c->in[2], c->in[3], key[0], key[1]},
             5, &to, 1, &y, 1, err));
    return tf_give(c, y);
}

/* --- generators: state, algorithm, ... --- */

/* The state before, of which key and counter are parts; from here on it is `further` samples, a
 * scalar int64, further. */
static enum status state_take(struct tf_call *c, value_id further, value_id *key, value_id *counter,
                              struct error *err)
{
    value_id in[3] = {c->in[0], c->in[1], further}, state;
    struct tf_call skip = *c;
    value_id *out = c->out;
    int64_t algorithm;

    TRY(tf_known_int(c, 1, &algorithm, err));
    if (algorithm != PHILOX)
        return error_set(err, STATUS_UNSUPPORTED, "its algorithm is number %lld, not Philox",
                         (long long)algorithm);
    skip.out = &state;
    TRY(tf_lower_as(&skip, "RngReadAndSkip", in, 3, err));
    c->out = out;
    TRY(emit_slice(c->e, state, 0, 0, 2, 1, counter, err));
    return emit_slice(c->e, state, 0, 2, 3, 1, key, err);
}

static enum status product_of(struct tf_call *c, value_id dims, value_id *y, struct error *err)
{
    const int64_t axis = 0;

    return emit_reduce(c->e, "ReduceProd", dims, &axis, 1, false, y, err);
}

static enum status drawn(struct tf_call *c, const char *what, struct error *err)
{
    value_id dims, size, key, counter, y;

    TRY(tf_index(c, 2, &dims, err));
    TRY(product_of(c, dims, &size, err));
    TRY(state_take(c, size, &key, &counter, err));
    TRY(tf_draw(c, what, 2, key, counter, 3, &y, err));
    return tf_give(c, y);
}

/* How far the kernel sets its generator for samples of so many distributions: 200 for each, a
 * quarter of three more samples. */
static enum status binomial_further(struct tf_call *c, int batch_rank, value_id *y,
                                    struct error *err)
{
    static const struct {
        const char *op;
        int64_t number;
    } STEPS[] = {{"Add", 3}, {"Mul", 200}, {"Mul", 0}, {"Div", 4}};
    value_id dims, batches, number;

    TRY(tf_index(c, 2, &dims, err));
    TRY(emit_slice(c->e, dims, 0, batch_rank ? -batch_rank : INT64_MAX, INT64_MAX, 1, &batches,
                   err));
    TRY(product_of(c, batches, &batches, err));
    TRY(emit_slice(c->e, dims, 0, 0, batch_rank ? -batch_rank : INT64_MAX, 1, y, err));
    TRY(product_of(c, *y, y, err));
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        if (STEPS[i].number)
            TRY(emit_ints(c->e, &STEPS[i].number, 1, &number, err));
        else
            number = batches;
        TRY(emit_reshape(c->e, number, NULL, 0, &number, err));
        TRY(emit_2(c->e, STEPS[i].op, *y, number, y, err));
    }
    return STATUS_OK;
}

/* state, algorithm, shape, counts, probabilities */
static enum status binomial(struct tf_call *c, struct error *err)
{
    int counts, probabilities;
    value_id dims, further, key, counter, y;
    struct attribute to;

    TRY(to_type(c, &to, err));
    TRY(tf_rank(c, 3, &counts, err));
    TRY(tf_rank(c, 4, &probabilities, err));
    TRY(binomial_further(c, counts > probabilities ? counts : probabilities, &further, err));
    TRY(state_take(c, further, &key, &counter, err));
    TRY(tf_index_list(c, 2, &dims, err));
    TRY(emit(c->e, "firn", "PhiloxBinomial", (value_id[]){dims, c->in[3], c->in[4], key, counter},
             5, &to, 1, &y, 1, err));
    return tf_give(c, y);
}

static enum status skip(struct tf_call *c, struct error *err)
{
    TRY(tf_lower_as(c, "RngReadAndSkip", c->in, 3, err));
    c->out_count = 0;
    return STATUS_OK;
}

#define DRAWS(name, what)                                                                          \
    static enum status name(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return drawn(c, what, err);                                                                \
    }
DRAWS(uniform, "uniform")
DRAWS(normal, "normal")
DRAWS(truncated, "truncated")
DRAWS(integer, "integer")
DRAWS(whole, "whole")

/* dimensions, points, skipped */
static enum status sobol(struct tf_call *c, struct error *err)
{
    struct attribute to;
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "dtype", &dtype, err));
    to = attribute_of_int("to", dtype_to_onnx(dtype == DTYPE_NONE ? DTYPE_F32 : dtype));
    TRY(emit(c->e, "firn", "SobolSample", c->in, 3, &to, 1, &y, 1, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_random_more =
    TF_OP_SET({.name = "StatelessRandomPoisson", .lower = poisson_by_seed, .inputs = 3},
              {.name = "StatelessRandomBinomial", .lower = binomial_by_seed, .inputs = 4},
              {.name = "RandomPoisson", .lower = poisson, .inputs = 2},
              {.name = "RandomPoissonV2", .lower = poisson, .inputs = 2},
              {.name = "StatefulUniform", .lower = uniform, .inputs = 3},
              {.name = "StatefulStandardNormalV2", .lower = normal, .inputs = 3},
              {.name = "StatefulTruncatedNormal", .lower = truncated, .inputs = 3},
              {.name = "StatefulUniformInt", .lower = integer, .inputs = 5},
              {.name = "StatefulUniformFullInt", .lower = whole, .inputs = 3},
              {.name = "StatefulRandomBinomial", .lower = binomial, .inputs = 5},
              {.name = "SobolSample", .lower = sobol, .inputs = 3},
              {.name = "RngSkip", .lower = skip, .inputs = 3}, );
