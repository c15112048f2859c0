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

/* The state before, of which key and counter are parts; from here on it is further by as many
 * samples as there are elements. */
static enum status state_take(struct tf_call *c, size_t dims, value_id *key, value_id *counter,
                              struct error *err)
{
    const int64_t axis = 0;
    value_id in[3] = {c->in[0], c->in[1], 0}, state, shape;
    struct tf_call skip = *c;
    value_id *out = c->out;

    TRY(tf_index(c, dims, &shape, err));
    TRY(emit_reduce(c->e, "ReduceProd", shape, &axis, 1, false, &in[2], err));
    skip.out = &state;
    TRY(tf_lower_as(&skip, "RngReadAndSkip", in, 3, err));
    c->out = out;
    TRY(emit_slice(c->e, state, 0, 0, 2, 1, counter, err));
    return emit_slice(c->e, state, 0, 2, 3, 1, key, err);
}

static enum status drawn(struct tf_call *c, const char *what, struct error *err)
{
    value_id key, counter, y;
    int64_t algorithm;

    TRY(tf_known_int(c, 1, &algorithm, err));
    if (algorithm != PHILOX)
        return error_set(err, STATUS_UNSUPPORTED, "its algorithm is number %lld, not Philox",
                         (long long)algorithm);
    TRY(state_take(c, 2, &key, &counter, err));
    TRY(tf_draw(c, what, 2, key, counter, 3, &y, err));
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

const struct tf_op_set tf_ops_random_more =
    TF_OP_SET({.name = "StatelessRandomPoisson", .lower = poisson_by_seed, .inputs = 3},
              {.name = "StatelessRandomBinomial", .lower = binomial_by_seed, .inputs = 4},
              {.name = "RandomPoissonV2", .lower = poisson, .inputs = 2},
              {.name = "StatefulUniform", .lower = uniform, .inputs = 3},
              {.name = "StatefulStandardNormalV2", .lower = normal, .inputs = 3},
              {.name = "StatefulTruncatedNormal", .lower = truncated, .inputs = 3},
              {.name = "StatefulUniformInt", .lower = integer, .inputs = 5},
              {.name = "StatefulUniformFullInt", .lower = whole, .inputs = 3},
              {.name = "RngSkip", .lower = skip, .inputs = 3}, );
