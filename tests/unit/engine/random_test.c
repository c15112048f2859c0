// SPDX-License-Identifier: Apache-2.0
/* Random graphs, run by plans with poisoned memory and compared with a naive evaluation: every node
 * in order, every output in memory of its own. Passes on and off must agree bit by bit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/native.h"
#include "model.h"
#include "test.h"

enum { GRAPHS = 250, NODES = 40, POOL_MAX = 200, OUTPUTS_MAX = 8 };

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

struct pool {
    struct model *m;
    value_id values[POOL_MAX]; /* float, rank 2 */
    size_t count;
};

static value_id any(const struct pool *pool)
{
    /* the newest more often: deep graphs */
    size_t back = random_below(2) ? random_below(4) : random_below((unsigned)pool->count);
    return pool->values[pool->count - 1 - (back < pool->count ? back : 0)];
}

static enum status try_op(struct pool *pool, const char *op, value_id a, value_id b,
                          const struct attribute *attribute, value_id *out)
{
    return graph_op(pool->m->graph, "", op, a, b, VALUE_NONE, attribute, attribute ? 1 : 0, out,
                    &pool->m->err);
}

static value_id constant(struct pool *pool, int64_t rows, int64_t columns)
{
    float *data = arena_new(&pool->m->keep, float, (size_t)(rows * columns));

    for (int64_t i = 0; i < rows * columns; i++)
        data[i] = (float)random_below(7) - 3;
    return model_constant(pool->m, DTYPE_F32, SHAPE(rows, columns), data);
}

/* A Reshape to [columns, rows] whose target is computed from the shape of the input. */
static enum status reshape_computed(struct pool *pool, value_id a, value_id *out)
{
    static const int64_t SWAP[] = {1, 0};
    struct model *m = pool->m;
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = 0};
    value_id shape, swap;

    TRY(try_op(pool, "Shape", a, VALUE_NONE, NULL, &shape));
    swap = model_constant_i64(m, SWAP, 2);
    TRY(try_op(pool, "Gather", shape, swap, &axis, &shape));
    return try_op(pool, "Reshape", a, shape, NULL, out);
}

/* How many elements are not zero, as a [1,1] float: shapes that depend on data. */
static enum status count_nonzero(struct pool *pool, value_id a, value_id *out)
{
    struct attribute to = {.name = "to", .kind = ATTRIBUTE_INT, .i = 1};
    value_id indices, size;

    TRY(try_op(pool, "NonZero", a, VALUE_NONE, NULL, &indices));
    TRY(try_op(pool, "Size", indices, VALUE_NONE, NULL, &size));
    TRY(try_op(pool, "Cast", size, VALUE_NONE, &to, &size));
    return try_op(pool, "Reshape", size, MODEL_I64(pool->m, 1, 1), NULL, out);
}

static enum status random_node(struct pool *pool, value_id *out)
{
    static const int64_t PERM[] = {1, 0};
    struct attribute perm = {.name = "perm", .kind = ATTRIBUTE_INTS, .count = 2, .ints = PERM};
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = random_below(2)};
    value_id a = any(pool), b = any(pool);

    switch (random_below(16)) {
    case 0:
    case 1:
        return try_op(pool, "Add", a, b, NULL, out);
    case 2:
        return try_op(pool, "Mul", a, b, NULL, out);
    case 3:
    case 4:
        return try_op(pool, "Relu", a, VALUE_NONE, NULL, out);
    case 5:
        return try_op(pool, "Identity", a, VALUE_NONE, NULL, out);
    case 6:
    case 7:
        return try_op(pool, "Transpose", a, VALUE_NONE, &perm, out);
    case 8:
        return reshape_computed(pool, a, out);
    case 9:
        return try_op(pool, "Concat", a, b, &axis, out);
    case 10:
        return try_op(pool, "MatMul", a, b, NULL, out);
    case 11:
        return try_op(pool, "Reshape", a, MODEL_I64(pool->m, -1, 1), NULL, out);
    case 12:
        return random_below(4) ? STATUS_INVALID_INPUT : count_nonzero(pool, a, out);
    case 13:
        return try_op(pool, "Softmax", a, VALUE_NONE, &axis, out);
    case 14:
        return try_op(pool, "Neg", a, VALUE_NONE, NULL, out);
    default:
        *out = constant(pool, 1, 1 + random_below(4));
        return STATUS_OK;
    }
}

/* Sizes are kept small: MatMul and Concat would grow without end. */
static bool is_small(const struct graph *graph, value_id value)
{
    const struct shape *shape = &graph->values[value].shape;

    for (int d = 0; d < shape->rank; d++)
        if (shape->dims[d] > 24)
            return false;
    return shape->rank == 2;
}

static void pool_start(struct pool *pool, struct model *m, int64_t rows, int64_t columns,
                       value_id *inputs)
{
    *pool = (struct pool){.m = m};
    model_init(m);
    inputs[0] = model_input(m, "x", DTYPE_F32, SHAPE(rows, columns));
    inputs[1] = model_input(m, "y", DTYPE_F32, SHAPE(1, columns < 0 ? DIM_UNKNOWN : columns));
    pool->values[pool->count++] = inputs[0];
    pool->values[pool->count++] = inputs[1];
    pool->values[pool->count++] = constant(pool, 1, 1);
}

/* A graph with known dimensions, or (`known` false) the same one with dimensions that only a
 * request knows; a node goes in when it fits the known ones. */
static size_t random_model(struct model *m, uint64_t seed, int64_t rows, int64_t columns,
                           bool known)
{
    struct pool pool, twin;
    struct model other;
    value_id inputs[2], outputs[OUTPUTS_MAX], ignored[2];
    size_t output_count;

    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    pool_start(&pool, m, known ? rows : DIM_UNKNOWN, known ? columns : DIM_UNKNOWN, inputs);
    pool_start(&twin, &other, rows, columns, ignored);
    for (int i = 0; i < NODES; i++) {
        uint64_t before = random_state;
        value_id out, twin_out;

        if (random_node(&twin, &twin_out) || !is_small(other.graph, twin_out))
            continue;
        random_state = before;
        if (random_node(&pool, &out))
            continue;
        twin.values[twin.count++] = twin_out;
        pool.values[pool.count++] = out;
    }
    output_count = 1 + random_below(OUTPUTS_MAX);
    for (size_t i = 0; i < output_count; i++)
        outputs[i] = any(&pool);
    model_signature(m, "main", inputs, 2, outputs, output_count);
    model_contract(m);
    model_release(&other);
    return output_count;
}

/* Every node in order, with memory of its own. */
static enum status naive(struct model *m, const struct tensor *in, struct tensor *out,
                         struct arena *arena)
{
    const struct graph *graph = m->graph;
    struct tensor *values = arena_new(arena, struct tensor, graph->value_count);
    struct tensor call_in[4], call_out[OP_OUTPUTS_MAX];

    for (size_t v = 0; v < graph->value_count; v++)
        if (graph->values[v].constant)
            values[v] = *graph->values[v].constant;
    for (size_t i = 0; i < graph->signatures[0].input_count; i++)
        values[graph->signatures[0].inputs[i]] = in[i];
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        struct op_call call = {.op = node->op,
                               .opset = node->opset,
                               .attributes = &node->attributes,
                               .in_count = node->input_count,
                               .out_count = node->output_count,
                               .in = call_in,
                               .out = call_out,
                               .memory = arena};

        memset(call_out, 0, sizeof call_out);
        for (size_t i = 0; i < node->input_count; i++)
            call_in[i] = values[node->inputs[i]];
        TRY(node->op->infer(&call, &m->err));
        for (size_t i = 0; i < node->output_count; i++) {
            CHECK(shape_is_known(&call_out[i].shape));
            TRY(tensor_new(&call_out[i], call_out[i].dtype, &call_out[i].shape, arena, &m->err));
        }
        if (node->op->prepare)
            TRY(node->op->prepare(&call, arena, &m->err));
        if (node->op->scratch_size)
            call.scratch = arena_alloc(arena, node->op->scratch_size(&call) + 4096, 1);
        TRY(node->op->run(&call, &m->err));
        for (size_t i = 0; i < node->output_count; i++)
            values[node->outputs[i]] = call_out[i];
    }
    for (size_t i = 0; i < graph->signatures[0].output_count; i++)
        out[i] = values[graph->signatures[0].outputs[i]];
    return STATUS_OK;
}

static bool same(const struct tensor *a, const struct tensor *b)
{
    const float *x = a->data, *y = b->data;

    if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
        return false;
    for (size_t i = 0; i < tensor_count(a); i++)
        if (!(x[i] == y[i] || (isnan(x[i]) && isnan(y[i]))))
            return false;
    return true;
}

static void inputs_make(struct tensor *in, int64_t rows, int64_t columns, struct arena *arena)
{
    struct error err;

    for (int k = 0; k < 2; k++) {
        struct shape shape = SHAPE(k ? 1 : rows, columns);
        CHECK_OK(tensor_new(&in[k], DTYPE_F32, &shape, arena, &err), err);
        for (size_t i = 0; i < tensor_count(&in[k]); i++)
            ((float *)in[k].data)[i] = (float)random_below(7) - 3;
    }
}

/* One graph by one way of loading it, for a few requests. */
static size_t check_graph(uint64_t seed, int64_t rows, int64_t columns, bool known,
                          const char *passes_off)
{
    static const int64_t MORE[] = {3, 0, 1};
    struct native_options options = {
        .poison = true, .passes_off = passes_off, .reference = true, .plans_max = 2};
    struct tensor in[4][2], want[4][OUTPUTS_MAX], got[OUTPUTS_MAX];
    enum status expected[4];
    struct arena arena;
    struct model m;
    size_t count, right = 0;

    arena_init(&arena, 64 << 20);
    count = random_model(&m, seed, rows, columns, known);
    op_reference_only(true);
    for (int r = 0; r < 4; r++) {
        inputs_make(in[r], known || r == 0 ? rows : rows + MORE[r - 1], columns, &arena);
        expected[r] = naive(&m, in[r], want[r], &arena);
    }
    op_reference_only(false);
    if (native_servable(m.graph, &m.contract, &options, &m.keep, NULL, &m.servable, &m.err)) {
        for (int r = 0; r < 4; r++)
            if (!expected[r])
                fail_msg("seed %llu: %s", (unsigned long long)seed, m.err.text);
        arena_release(&arena);
        return 0;
    }
    m.session = servable_session(m.servable);
    for (int r = 0; r < 4; r++) {
        enum status status = session_run(m.session, 0, in[r], got, &m.err);

        /* A node that fails but is not needed does not count for a plan. */
        if (expected[r])
            continue;
        if (status)
            fail_msg("seed %llu: %s", (unsigned long long)seed, m.err.text);
        for (size_t i = 0; i < count; i++)
            if (!same(&got[i], &want[r][i]))
                fail_msg("seed %llu, passes off \"%s\", request %d: output %zu differs",
                         (unsigned long long)seed, passes_off ? passes_off : "", r, i);
        right++;
    }
    model_release(&m);
    arena_release(&arena);
    return right;
}

TEST(random_graphs_agree)
{
    static const char *const PASSES_OFF[] = {"all", NULL, "fold", "identity,common"};
    size_t right = 0;

    for (uint64_t seed = 1; seed <= GRAPHS; seed++)
        for (size_t p = 0; p < ARRAY_COUNT(PASSES_OFF); p++)
            right += check_graph(seed, 1 + (int64_t)seed % 5, 1 + (int64_t)seed % 3, seed % 2,
                                 PASSES_OFF[p]);
    /* most graphs answer most requests: the test is not about errors */
    CHECK(right > GRAPHS * ARRAY_COUNT(PASSES_OFF) * 2);
}
