// SPDX-License-Identifier: Apache-2.0
/* Random numbers. Stateless operators draw by the seeds that they are given. Stateful ones that
 * state no seeds draw anew in each run; those that do go on where the last run ended, which is
 * state of the servable. ThreeFry, which TensorFlow has on no CPU, is refused.
 * Source: tensorflow/core/kernels/{random_op,stateless_random_ops*}.cc, util/guarded_philox_random.
 */
#include "importers/tensorflow/internal.h"

enum { PHILOX = 1, AUTOMATIC = 3, RESERVED = 256 /* samples for each element */ };

/* dims, and low and high of integers: inputs of the node from `rest` on. */
static enum status draw(struct tf_call *c, const char *what, value_id key, value_id counter,
                        size_t rest, value_id *y, struct error *err)
{
    value_id in[5] = {0, key, counter};
    size_t count = 3;
    enum dtype dtype;

    TRY(tf_index(c, 0, &in[0], err));
    TRY(tf_type(c->node, "dtype", &dtype, err));
    if (!strcmp(what, "integer")) {
        if (c->in_count < rest + 2)
            return error_set(err, STATUS_INVALID_INPUT, "has no limits");
        in[count++] = c->in[rest];
        in[count++] = c->in[rest + 1];
        dtype = emit_dtype(c->e, c->in[rest]);
    }
    for (int64_t code = 1; code < 32; code++) {
        struct attribute attributes[2] = {attribute_of_int("to", code),
                                          attribute_of_text("what", what)};

        if (dtype_from_tf(code) == dtype)
            return emit(c->e, "firn", "PhiloxDraw", in, count, attributes, 2, y, 1, err);
    }
    return error_set(err, STATUS_UNSUPPORTED, "its dtype is not supported");
}

/* --- stateless --- */

static enum status algorithm_check(const struct tf_call *c, size_t input, struct error *err)
{
    int64_t algorithm;

    TRY(tf_known_int(c, input, &algorithm, err));
    return algorithm == PHILOX || algorithm == AUTOMATIC
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "its algorithm is number %lld, not Philox",
                           (long long)algorithm);
}

/* shape, seed, ... */
static enum status by_seed(struct tf_call *c, const char *what, struct error *err)
{
    value_id key[2], y;

    TRY(emit(c->e, "firn", "PhiloxKey", &c->in[1], 1, NULL, 0, key, 2, err));
    TRY(draw(c, what, key[0], key[1], 2, &y, err));
    return tf_give(c, y);
}

/* shape, key, counter, algorithm, ... */
static enum status by_key(struct tf_call *c, const char *what, struct error *err)
{
    value_id y;

    if (c->in_count < 4)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(algorithm_check(c, 3, err));
    TRY(draw(c, what, c->in[1], c->in[2], 4, &y, err));
    return tf_give(c, y);
}

static enum status algorithm(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_number(c->e, DTYPE_I32, PHILOX, &y, err));
    return tf_add(c, y, err);
}

static enum status key_counter(struct tf_call *c, struct error *err)
{
    value_id key[2];

    TRY(emit(c->e, "firn", "PhiloxKey", c->in, 1, NULL, 0, key, 2, err));
    TRY(tf_add(c, key[0], err));
    return tf_add(c, key[1], err);
}

static enum status key_counter_algorithm(struct tf_call *c, struct error *err)
{
    TRY(key_counter(c, err));
    return algorithm(c, err);
}

/* --- stateful --- */

/* How many samples earlier runs have taken, a scalar int64: a variable of its own. */
static enum status taken_before(struct tf_call *c, struct tf_resource **variable, value_id *taken,
                                struct error *err)
{
    static const struct tf_node NODE = {.name = "", .op = "VarHandleOp"};
    static int64_t nothing = 0;
    static const struct tensor NOTHING = {.dtype = DTYPE_I64, .shape = {0}, .data = &nothing};
    const char *name = arena_printf(c->l->keep, "%s/random", c->node->name);

    if (!name)
        return error_no_memory(err, "a generator");
    TRY(tf_resource_get(c->l, TF_VARIABLE, name, &NODE, variable, err));
    (*variable)->tensor = &NOTHING;
    if (!(*variable)->written)
        (*variable)->writer = c->l->signature;
    (*variable)->written = true;
    return tf_variable_now(c->l, c->e->graph, *variable, taken, err);
}

static enum status seeded(struct tf_call *c, const char *what, int64_t seed, int64_t seed2,
                          value_id *y, struct error *err)
{
    static const int64_t LIST[] = {1};
    const int64_t axis = 0;
    struct tf_resource *variable;
    value_id taken, key, high, counter, dims, size, each;

    if (c->scope->function || c->l->phase != TF_SERVING)
        return error_set(err, STATUS_UNSUPPORTED, "it draws by seeds in a function");
    TRY(taken_before(c, &variable, &taken, err));
    TRY(emit_ints(c->e, &seed, 1, &key, err));
    TRY(emit_ints(c->e, &seed2, 1, &high, err));
    TRY(emit_reshape(c->e, taken, LIST, 1, &counter, err));
    TRY(emit_concat(c->e, EMIT(counter, high), 0, &counter, err));
    TRY(draw(c, what, key, counter, 1, y, err));
    TRY(tf_index(c, 0, &dims, err));
    TRY(emit_reduce(c->e, "ReduceProd", dims, &axis, 1, false, &size, err));
    TRY(emit_number(c->e, DTYPE_I64, RESERVED, &each, err));
    TRY(emit_2(c->e, "Mul", size, each, &size, err));
    TRY(emit_2(c->e, "Add", taken, size, &taken, err));
    return tf_variable_set(c->l, c->e->graph, variable, taken, err);
}

static enum status stateful(struct tf_call *c, const char *what, struct error *err)
{
    int64_t seed, seed2;
    value_id key[2], y;

    TRY(tf_int(c->node, "seed", 0, &seed, err));
    TRY(tf_int(c->node, "seed2", 0, &seed2, err));
    if (seed || seed2) {
        TRY(seeded(c, what, seed, seed2, &y, err));
        return tf_give(c, y);
    }
    TRY(emit(c->e, "firn", "PhiloxAny", NULL, 0, NULL, 0, key, 2, err));
    TRY(draw(c, what, key[0], key[1], 1, &y, err));
    return tf_give(c, y);
}

#define DRAWS(name, how, what)                                                                     \
    static enum status name(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return how(c, what, err);                                                                  \
    }
DRAWS(uniform_by_seed, by_seed, "uniform")
DRAWS(normal_by_seed, by_seed, "normal")
DRAWS(truncated_by_seed, by_seed, "truncated")
DRAWS(integer_by_seed, by_seed, "integer")
DRAWS(whole_by_seed, by_seed, "whole")
DRAWS(uniform_by_key, by_key, "uniform")
DRAWS(normal_by_key, by_key, "normal")
DRAWS(truncated_by_key, by_key, "truncated")
DRAWS(integer_by_key, by_key, "integer")
DRAWS(whole_by_key, by_key, "whole")
DRAWS(uniform, stateful, "uniform")
DRAWS(normal, stateful, "normal")
DRAWS(truncated, stateful, "truncated")
DRAWS(integer, stateful, "integer")

const struct tf_op_set tf_ops_random = TF_OP_SET(
    {.name = "StatelessRandomUniform", .lower = uniform_by_seed, .inputs = 2},
    {.name = "StatelessRandomNormal", .lower = normal_by_seed, .inputs = 2},
    {.name = "StatelessTruncatedNormal", .lower = truncated_by_seed, .inputs = 2},
    {.name = "StatelessRandomUniformInt", .lower = integer_by_seed, .inputs = 4},
    {.name = "StatelessRandomUniformFullInt", .lower = whole_by_seed, .inputs = 2},
    {.name = "StatelessRandomUniformV2", .lower = uniform_by_key, .inputs = 4},
    {.name = "StatelessRandomNormalV2", .lower = normal_by_key, .inputs = 4},
    {.name = "StatelessTruncatedNormalV2", .lower = truncated_by_key, .inputs = 4},
    {.name = "StatelessRandomUniformIntV2", .lower = integer_by_key, .inputs = 6},
    {.name = "StatelessRandomUniformFullIntV2", .lower = whole_by_key, .inputs = 4},
    {.name = "StatelessRandomGetAlg", .lower = algorithm},
    {.name = "StatelessRandomGetKeyCounter", .lower = key_counter, .inputs = 1},
    {.name = "StatelessRandomGetKeyCounterAlg", .lower = key_counter_algorithm, .inputs = 1},
    {.name = "RandomUniform", .lower = uniform, .inputs = 1},
    {.name = "RandomStandardNormal", .lower = normal, .inputs = 1},
    {.name = "TruncatedNormal", .lower = truncated, .inputs = 1},
    {.name = "RandomUniformInt", .lower = integer, .inputs = 3}, );
