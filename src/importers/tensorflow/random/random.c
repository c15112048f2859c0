// SPDX-License-Identifier: Apache-2.0
/* Random numbers. Stateless operators draw by the seeds that they are given. Stateful ones that
 * state no seeds draw anew in each run; those that do go on where the last run ended, which is
 * state of the servable. ThreeFry, which TensorFlow has on no CPU, is refused.
 * Source: tensorflow/core/kernels/{random_op,stateless_random_ops*}.cc, util/guarded_philox_random.
 */
#include "importers/tensorflow/random/random.h"

enum { PHILOX = 1, AUTOMATIC = 3, RESERVED = TF_RESERVED };

enum status tf_draw(struct tf_call *c, const char *what, size_t dims, value_id key,
                    value_id counter, size_t rest, value_id *y, struct error *err)
{
    value_id in[5] = {0, key, counter};
    size_t count = 3;
    enum dtype dtype;

    TRY(tf_index(c, dims, &in[0], err));
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
    TRY(tf_draw(c, what, 0, key[0], key[1], 2, &y, err));
    return tf_give(c, y);
}

/* shape, key, counter, algorithm, ... */
static enum status by_key(struct tf_call *c, const char *what, struct error *err)
{
    value_id y;

    if (c->in_count < 4)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(algorithm_check(c, 3, err));
    TRY(tf_draw(c, what, 0, c->in[1], c->in[2], 4, &y, err));
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

/* By which calls a function is reached: put in the places of several, or called by them, it would
 * have several generators, or one. */
static const char *path_of(const struct tf_call *c)
{
    const char *path = "";

    for (const struct tf_scope *s = c->scope->caller; s && path; s = s->caller)
        path = arena_printf(c->l->keep, "%s/%s", s->at ? s->at->name : "", path);
    return path;
}

/* How many samples earlier runs have taken, a scalar int64: a variable of its own. */
static enum status taken_before(struct tf_call *c, struct tf_resource **variable, value_id *taken,
                                struct error *err)
{
    static const struct tf_node NODE = {.name = "", .op = "VarHandleOp"};
    static int64_t nothing = 0;
    static const struct tensor NOTHING = {.dtype = DTYPE_I64, .shape = {0}, .data = &nothing};
    const struct tf_function *function = c->scope->function;
    const char *name = arena_printf(c->l->keep, "%s%s%s/random", function ? function->name : "",
                                    function ? "/" : "", c->node->name);
    const char *path = path_of(c);

    if (!name || !path)
        return error_no_memory(err, "a generator");
    TRY(tf_resource_get(c->l, TF_VARIABLE, name, &NODE, variable, err));
    if ((*variable)->state && strcmp((*variable)->state, path))
        return error_set(err, STATUS_UNSUPPORTED,
                         "it draws by seeds in function '%.64s', which is called in several places",
                         function ? function->name : "");
    (*variable)->state = (void *)(uintptr_t)path;
    (*variable)->tensor = &NOTHING;
    TRY(tf_place_note(c->scope, true, err));
    if (!(*variable)->written)
        (*variable)->writer = c->l->signature;
    (*variable)->written = true;
    return tf_variable_now(c->l, c->e->graph, *variable, taken, err);
}

enum status tf_generator_open(struct tf_call *c, struct tf_generator *g, struct error *err)
{
    static const int64_t LIST[] = {1};
    int64_t seed, seed2;
    value_id any[2], high;

    *g = (struct tf_generator){0};
    TRY(tf_int(c->node, "seed", 0, &seed, err));
    TRY(tf_int(c->node, "seed2", 0, &seed2, err));
    if (!seed && !seed2) {
        TRY(emit(c->e, "firn", "PhiloxAny", NULL, 0, NULL, 0, any, 2, err));
        g->key = any[0];
        g->counter = any[1];
        return STATUS_OK;
    }
    if (c->l->phase != TF_SERVING)
        return error_set(err, STATUS_UNSUPPORTED, "it draws by seeds");
    TRY(taken_before(c, &g->variable, &g->taken, err));
    TRY(emit_ints(c->e, &seed, 1, &g->key, err));
    TRY(emit_ints(c->e, &seed2, 1, &high, err));
    TRY(emit_reshape(c->e, g->taken, LIST, 1, &g->counter, err));
    return emit_concat(c->e, EMIT(g->counter, high), 0, &g->counter, err);
}

enum status tf_generator_close(struct tf_call *c, struct tf_generator *g, value_id numbers,
                               int64_t each, struct error *err)
{
    value_id places;

    if (!g->variable)
        return STATUS_OK;
    TRY(emit_number(c->e, DTYPE_I64, (double)each, &places, err));
    TRY(emit_2(c->e, "Mul", numbers, places, &places, err));
    TRY(emit_2(c->e, "Add", g->taken, places, &g->taken, err));
    return tf_variable_set(c->l, c->e->graph, g->variable, g->taken, err);
}

static enum status stateful(struct tf_call *c, const char *what, struct error *err)
{
    const int64_t axis = 0;
    struct tf_generator g;
    value_id dims, size, y;

    TRY(tf_generator_open(c, &g, err));
    TRY(tf_draw(c, what, 0, g.key, g.counter, 1, &y, err));
    TRY(tf_index(c, 0, &dims, err));
    TRY(emit_reduce(c->e, "ReduceProd", dims, &axis, 1, false, &size, err));
    TRY(tf_generator_close(c, &g, size, RESERVED, err));
    return tf_give(c, y);
}

/* --- samples of more than one number --- */

static enum status shuffle(struct tf_call *c, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0]);
    struct tf_generator g;
    value_id rows, more, y;

    TRY(tf_generator_open(c, &g, err));
    TRY(emit_node(c->e, "firn", "PhiloxShuffle", EMIT(c->in[0], g.key, g.counter), EMIT_PLAIN, &y,
                  err));
    if (g.variable) { /* a word for each row but the last; four words are a place */
        if (x->rank < 1)
            return error_set(err, STATUS_UNSUPPORTED, "by seeds, of what may be a scalar");
        TRY(emit_1(c->e, "Shape", c->in[0], &rows, err));
        TRY(emit_slice(c->e, rows, 0, 0, 1, 1, &rows, err));
        TRY(emit_squeeze(c->e, rows, 0, &rows, err));
        TRY(emit_number(c->e, DTYPE_I64, 2, &more, err));
        TRY(emit_2(c->e, "Add", rows, more, &rows, err));
        TRY(emit_number(c->e, DTYPE_I64, 4, &more, err));
        TRY(emit_2(c->e, "Div", rows, more, &rows, err));
        TRY(tf_generator_close(c, &g, rows, 1, err));
    }
    return tf_give(c, y);
}

/* value, key, counter, algorithm */
static enum status shuffle_by_key(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(algorithm_check(c, 3, err));
    TRY(emit_node(c->e, "firn", "PhiloxShuffle", EMIT(c->in[0], c->in[1], c->in[2]), EMIT_PLAIN, &y,
                  err));
    return tf_give(c, y);
}

static enum status picked(struct tf_call *c, value_id key, value_id counter, value_id *y,
                          struct error *err)
{
    enum dtype dtype;

    TRY(tf_type(c->node, "output_dtype", &dtype, err));
    TRY(emit_node(c->e, "firn", "PhiloxPick", EMIT(c->in[0], c->in[1], key, counter), EMIT_PLAIN, y,
                  err));
    return emit_cast(c->e, *y, dtype == DTYPE_NONE ? DTYPE_I64 : dtype, y, err);
}

/* logits, count */
static enum status pick(struct tf_call *c, struct error *err)
{
    struct tf_generator g;
    value_id rows, n, number, y;

    TRY(tf_generator_open(c, &g, err));
    TRY(picked(c, g.key, g.counter, &y, err));
    if (g.variable) { /* rows * 2 * (count rounded up to four) */
        TRY(emit_1(c->e, "Shape", c->in[0], &rows, err));
        TRY(emit_slice(c->e, rows, 0, 0, 1, 1, &rows, err));
        TRY(emit_squeeze(c->e, rows, 0, &rows, err));
        TRY(emit_cast(c->e, c->in[1], DTYPE_I64, &n, err));
        TRY(emit_number(c->e, DTYPE_I64, 3, &number, err));
        TRY(emit_2(c->e, "Add", n, number, &n, err));
        TRY(emit_number(c->e, DTYPE_I64, 4, &number, err));
        TRY(emit_2(c->e, "Div", n, number, &n, err));
        TRY(emit_2(c->e, "Mul", rows, n, &n, err));
        TRY(tf_generator_close(c, &g, n, 8 * RESERVED, err));
    }
    return tf_give(c, y);
}

/* logits, count, seed */
static enum status pick_by_seed(struct tf_call *c, struct error *err)
{
    value_id key[2], y;

    TRY(emit(c->e, "firn", "PhiloxKey", &c->in[2], 1, NULL, 0, key, 2, err));
    TRY(picked(c, key[0], key[1], &y, err));
    return tf_give(c, y);
}

/* Of as many dimensions as `dims` has before those of alpha. */
static enum status gamma_draw(struct tf_call *c, value_id dims, value_id alpha, value_id key,
                              value_id counter, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "PhiloxGamma", EMIT(alpha, dims, key, counter), EMIT_PLAIN, &y,
                  err));
    return tf_give(c, y);
}

enum status tf_dims_before(struct tf_call *c, value_id alpha, value_id *dims, struct error *err)
{
    int rank = emit_shape(c->e, alpha)->rank;

    if (rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of alpha is not known");
    TRY(tf_index_list(c, 0, dims, err));
    return rank ? emit_slice(c->e, *dims, 0, 0, -rank, 1, dims, err) : STATUS_OK;
}

/* shape, seed, alpha */
static enum status gamma_by_seed(struct tf_call *c, struct error *err)
{
    value_id key[2], dims;

    TRY(emit(c->e, "firn", "PhiloxKey", &c->in[1], 1, NULL, 0, key, 2, err));
    TRY(tf_dims_before(c, c->in[2], &dims, err));
    return gamma_draw(c, dims, c->in[2], key[0], key[1], err);
}

/* shape, key, counter, algorithm, alpha */
static enum status gamma_by_key(struct tf_call *c, struct error *err)
{
    value_id dims;

    TRY(algorithm_check(c, 3, err));
    TRY(tf_dims_before(c, c->in[4], &dims, err));
    return gamma_draw(c, dims, c->in[4], c->in[1], c->in[2], err);
}

/* shape, alpha; without seeds alone */
static enum status gamma_drawn(struct tf_call *c, struct error *err)
{
    struct tf_generator g;
    value_id dims;

    TRY(tf_generator_open(c, &g, err));
    if (g.variable)
        return error_set(err, STATUS_UNSUPPORTED, "it draws by seeds");
    TRY(tf_index_list(c, 0, &dims, err));
    return gamma_draw(c, dims, c->in[1], g.key, g.counter, err);
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
DRAWS(whole, stateful, "whole")

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
    {.name = "RandomUniformInt", .lower = integer, .inputs = 3},
    {.name = "NonDeterministicInts", .lower = whole, .inputs = 1},
    {.name = "RandomShuffle", .lower = shuffle, .inputs = 1},
    {.name = "StatelessShuffle", .lower = shuffle_by_key, .inputs = 4},
    {.name = "Multinomial", .lower = pick, .inputs = 2},
    {.name = "StatelessMultinomial", .lower = pick_by_seed, .inputs = 3},
    {.name = "RandomGamma", .lower = gamma_drawn, .inputs = 2},
    {.name = "StatelessRandomGammaV2", .lower = gamma_by_seed, .inputs = 3},
    {.name = "StatelessRandomGammaV3", .lower = gamma_by_key, .inputs = 5}, );
