// SPDX-License-Identifier: Apache-2.0
/* Loops over the steps of a recurrent cell, as TensorFlow writes them: those that become an
 * operator answer as the loop does, and those that are nearly such stay loops. */
#include "graph/emit.h"
#include "model.h"
#include "test.h"

enum { STEPS = 5, BATCH = 3, INPUTS = 4, HIDDEN = 6 };

/* What differs from what Keras writes. */
enum twist {
    PLAIN,
    SEQUENCES,      /* every output, in an array of all steps */
    GIVEN_STATE,    /* that is not zero */
    OTHER_FORGET,   /* tanh for a sigmoid */
    COUNT_FROM_ONE, /* the counter begins at 1 */
    COUNT_BY_TWO,
    FEWER_ROUNDS, /* than there are steps */
    OTHER_ITEM,   /* the array gets the memory, not the output */
    READ_FIRST,   /* always the first step */
};

struct made {
    struct model m, body;
    struct emitter e, b;
    float w[INPUTS * 4 * HIDDEN], r[HIDDEN * 4 * HIDDEN], bias[4 * HIDDEN], state[HIDDEN];
};

static void fill(float *numbers, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        numbers[i] = (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
    }
}

static value_id on(const struct made *made, const char *op, value_id a, value_id b)
{
    value_id out;
    struct error err;

    CHECK_OK(b == VALUE_NONE ? emit_1(&made->b, op, a, &out, &err)
                             : emit_2(&made->b, op, a, b, &out, &err),
             err);
    return out;
}

static value_id number(const struct emitter *e, enum dtype dtype, double value)
{
    struct error err;
    value_id out;

    CHECK_OK(emit_number(e, dtype, value, &out, &err), err);
    return out;
}

/* i, f, c, o of x W + h R + b as Keras cuts them. */
static void lstm(struct made *made, value_id x, value_id h, value_id c, enum twist twist,
                 value_id *next_h, value_id *next_c)
{
    value_id sum, gates[4];
    struct error err;

    sum = on(made, "Add",
             on(made, "MatMul", x,
                model_constant(&made->body, DTYPE_F32, SHAPE(INPUTS, 4 * HIDDEN), made->w)),
             on(made, "MatMul", h,
                model_constant(&made->body, DTYPE_F32, SHAPE(HIDDEN, 4 * HIDDEN), made->r)));
    sum =
        on(made, "Add", sum, model_constant(&made->body, DTYPE_F32, SHAPE(4 * HIDDEN), made->bias));
    CHECK_OK(
        emit(&made->b, "", "Split", &sum, 1,
             (struct attribute[]){attribute_of_int("axis", 1), attribute_of_int("num_outputs", 4)},
             2, gates, 4, &err),
        err);
    *next_c = on(made, "Add",
                 on(made, "Mul",
                    on(made, twist == OTHER_FORGET ? "Tanh" : "Sigmoid", gates[1], VALUE_NONE), c),
                 on(made, "Mul", on(made, "Sigmoid", gates[0], VALUE_NONE),
                    on(made, "Tanh", gates[2], VALUE_NONE)));
    *next_h = on(made, "Mul", on(made, "Sigmoid", gates[3], VALUE_NONE),
                 on(made, "Tanh", *next_c, VALUE_NONE));
}

/* Inputs of the body: round, go, counter, array, h, c, and x as capture. */
static struct attribute body_of(struct made *made, enum twist twist)
{
    struct model *body = &made->body;
    value_id in[7], out[5], x, index, next;
    struct error err;

    MODEL_OK(&made->m, graph_new(&body->graph, &made->m.keep, &made->m.err));
    made->b = (struct emitter){body->graph, "body"};
    in[0] = model_input(body, "round", DTYPE_I64, shape_scalar());
    in[1] = model_input(body, "go", DTYPE_BOOL, shape_scalar());
    in[2] = model_input(body, "counter", DTYPE_I32, shape_scalar());
    in[3] =
        model_input(body, "array", DTYPE_F32, SHAPE(twist == SEQUENCES ? STEPS : 1, -1, HIDDEN));
    in[4] = model_input(body, "h", DTYPE_F32, SHAPE(-1, HIDDEN));
    in[5] = model_input(body, "c", DTYPE_F32, SHAPE(-1, HIDDEN));
    in[6] = model_input(body, "x", DTYPE_F32, SHAPE(STEPS, -1, INPUTS));
    index = twist == READ_FIRST ? number(&made->b, DTYPE_I32, 0) : in[2];
    CHECK_OK(emit_node(&made->b, "firn", "ListGet", EMIT(in[6], index), EMIT_PLAIN, &x, &err), err);
    lstm(made, x, in[4], in[5], twist, &out[3], &out[4]);
    next = on(made, "Add", in[2], number(&made->b, DTYPE_I32, twist == COUNT_BY_TWO ? 2 : 1));
    out[1] = next;
    CHECK_OK(emit_node(&made->b, "firn", "ListSet",
                       EMIT(in[3], twist == SEQUENCES ? in[2] : number(&made->b, DTYPE_I32, 0),
                            twist == OTHER_ITEM ? out[4] : out[3]),
                       EMIT_ATTRIBUTES(attribute_of_int("grow", 0)), &out[2], &err),
             err);
    out[0] = on(made, "Less", next,
                number(&made->b, DTYPE_I32, twist == FEWER_ROUNDS ? STEPS - 1 : STEPS));
    model_signature(body, "body", in, 7, out, 5);
    MODEL_OK(&made->m, graph_captures(body->graph, 1, &made->m.err));
    return (struct attribute){.name = "body", .kind = ATTRIBUTE_GRAPH, .g = body->graph};
}

static void build(struct made *made, enum twist twist)
{
    static const bool TRUE = true;
    value_id in[7] = {VALUE_NONE}, out[4], x, batch;
    struct attribute body;
    struct error err;

    model_init(&made->m);
    fill(made->w, ARRAY_COUNT(made->w), 1);
    fill(made->r, ARRAY_COUNT(made->r), 2);
    fill(made->bias, ARRAY_COUNT(made->bias), 3);
    fill(made->state, ARRAY_COUNT(made->state), twist == GIVEN_STATE ? 4 : 0);
    made->e = (struct emitter){made->m.graph, "main"};
    x = model_input(&made->m, "x", DTYPE_F32, SHAPE(-1, STEPS, INPUTS));
    in[1] = model_constant(&made->m, DTYPE_BOOL, shape_scalar(), &TRUE);
    in[2] = number(&made->e, DTYPE_I32, twist == COUNT_FROM_ONE);
    in[3] =
        model_constant(&made->m, DTYPE_F32, SHAPE(twist == SEQUENCES ? STEPS : 1, 0, HIDDEN), "");
    if (twist == GIVEN_STATE) {
        in[4] = model_constant(&made->m, DTYPE_F32, SHAPE(1, HIDDEN), made->state);
    } else {
        CHECK_OK(emit_1(&made->e, "Shape", x, &batch, &err), err);
        CHECK_OK(emit_slice(&made->e, batch, 0, 0, 1, 1, &batch, &err), err);
        CHECK_OK(emit_concat(&made->e, EMIT(batch, MODEL_I64(&made->m, HIDDEN)), 0, &batch, &err),
                 err);
        CHECK_OK(emit_2(&made->e, "Expand", number(&made->e, DTYPE_F32, 0), batch, &in[4], &err),
                 err);
    }
    in[5] = in[4];
    CHECK_OK(emit_transpose(&made->e, x, (const int64_t[]){1, 0, 2}, 3, &in[6], &err), err);
    body = body_of(made, twist);
    CHECK_OK(emit(&made->e, "", "Loop", in, 7, &body, 1, out, 4, &err), err);
    model_signature(&made->m, "main", &x, 1, out, 4);
}

static size_t count_of(const struct graph *graph, const char *op)
{
    size_t count = 0;

    for (size_t n = 0; n < graph->node_count; n++)
        count += !strcmp(graph->nodes[n].op->name, op);
    return count;
}

static void run(struct made *made, const char *passes_off, struct tensor out[4])
{
    static float x[BATCH * STEPS * INPUTS];
    struct tensor in = {DTYPE_F32, SHAPE(BATCH, STEPS, INPUTS), x};
    struct native_options options = {.passes_off = passes_off};

    fill(x, ARRAY_COUNT(x), 7);
    model_load(&made->m, &options);
    MODEL_OK(&made->m, session_run(made->m.session, 0, &in, out, &made->m.err));
}

static void check(enum twist twist, bool recognised)
{
    struct made fast, plain;
    struct tensor got[4], want[4];

    build(&fast, twist);
    build(&plain, twist);
    run(&fast, NULL, got);
    run(&plain, "all", want);
    CHECK_INT(count_of(fast.m.graph, "LSTM"), recognised);
    CHECK_INT(count_of(fast.m.graph, "Loop"), !recognised);
    for (size_t i = 0; i < 4; i++) {
        CHECK(shape_equal(&got[i].shape, &want[i].shape));
        for (size_t k = 0; k < tensor_count(&want[i]); k++)
            CHECK_NEAR(tensor_f64(&got[i], k), tensor_f64(&want[i], k), 1e-6);
    }
    model_release(&fast.m);
    model_release(&plain.m);
}

TEST(loops_of_an_lstm_become_the_operator)
{
    check(PLAIN, true);
    check(SEQUENCES, true);
    check(GIVEN_STATE, true);
}

TEST(loops_that_are_nearly_an_lstm_stay_loops)
{
    check(OTHER_FORGET, false);
    check(COUNT_FROM_ONE, false);
    check(COUNT_BY_TWO, false);
    check(FEWER_ROUNDS, false);
    check(OTHER_ITEM, false);
    check(READ_FIRST, false);
}
