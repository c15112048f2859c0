// SPDX-License-Identifier: Apache-2.0
/* What the engine costs beside its kernels: making a plan for new shapes, finding one for known
 * shapes, and going from one step to the next.
 *
 * Aims: a plan of 100 nodes in 50 us, of 2,000 in 1 ms; a step in 50 ns; a whole run in 1 us. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model.h"

enum { REPEAT = 9 };

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* A block as in an exported transformer: a matrix product, bias, a reshape whose target is computed
 * from the shape of the input, a transpose, an activation: 10 nodes. */
static value_id block(struct model *m, value_id x, value_id w, value_id bias)
{
    static const int64_t PERM[] = {1, 0, 2};
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = 0};
    value_id in[3], y, target;
    struct node_description concat = {.op = "Concat",
                                      .inputs = in,
                                      .input_count = 3,
                                      .output_count = 1,
                                      .attributes = &axis,
                                      .attribute_count = 1};

    y = model_op(m, "Add", model_op(m, "MatMul", x, w, VALUE_NONE), bias, VALUE_NONE);
    in[0] = model_op_int(m, "Shape", x, VALUE_NONE, VALUE_NONE, "end", 1);
    in[1] = MODEL_I64(m, 2);
    in[2] = MODEL_I64(m, 4);
    MODEL_OK(m, graph_node(m->graph, &concat, &target, &m->err));
    y = model_op(m, "Reshape", y, target, VALUE_NONE);
    y = model_op_ints(m, "Transpose", y, "perm", PERM, 3);
    y = model_op(m, "Relu", y, VALUE_NONE, VALUE_NONE);
    y = model_op_ints(m, "Transpose", y, "perm", PERM, 3);
    y = model_op(m, "Reshape", y, MODEL_I64(m, -1, 8), VALUE_NONE);
    return model_op(m, "Add", y, x, VALUE_NONE);
}

static void blocks_model(struct model *m, size_t blocks)
{
    static float w[64], bias[8];
    struct native_options options = {.passes_off = "common"};
    value_id x, y, w_id, bias_id;

    model_init(m);
    x = y = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 8));
    w_id = model_constant(m, DTYPE_F32, SHAPE(8, 8), w);
    bias_id = model_constant(m, DTYPE_F32, SHAPE(8), bias);
    for (size_t i = 0; i < blocks; i++)
        y = block(m, y, w_id, bias_id);
    model_signature(m, "main", &x, 1, &y, 1);
    model_load(m, &options);
}

static double run_us(struct model *m, int64_t rows)
{
    static float data[1 << 16];
    struct tensor in = {DTYPE_F32, SHAPE(rows, 8), data}, out;
    double start = now_us();

    MODEL_OK(m, session_run(m->session, 0, &in, &out, &m->err));
    return now_us() - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, ascending);
    return times[count / 2];
}

/* The first run of a shape beside the second. */
static void plan_time(size_t blocks)
{
    double first[24], second[24];
    struct model m;

    blocks_model(&m, blocks);
    run_us(&m, 64); /* memory for all of them */
    for (int i = 0; i < 24; i++) {
        first[i] = run_us(&m, i + 1);
        run_us(&m, i + 1);
        second[i] = run_us(&m, i + 1);
    }
    printf("plan of %5zu nodes: %8.1f us  (first run %.1f us, next %.1f us)\n", blocks * 10,
           median(first, 24) - median(second, 24), median(first, 24), median(second, 24));
    model_release(&m);
}

/* A chain of `count` nodes on one element. */
static double chain_us(size_t count)
{
    static float one = 1;
    struct tensor in = {DTYPE_F32, SHAPE(1), &one}, out;
    double times[REPEAT];
    struct model m;
    value_id x, y;

    model_init(&m);
    x = y = model_input(&m, "x", DTYPE_F32, SHAPE(1));
    for (size_t i = 0; i < count; i++)
        y = model_op(&m, "Neg", y, VALUE_NONE, VALUE_NONE);
    model_signature(&m, "main", &x, 1, &y, 1);
    model_load(&m, &(struct native_options){.passes_off = "all"});
    for (int r = 0; r < REPEAT; r++) {
        size_t runs = 1000000 / (count + 20);
        double start = now_us();

        for (size_t i = 0; i < runs; i++)
            MODEL_OK(&m, session_run(m.session, 0, &in, &out, &m.err));
        times[r] = (now_us() - start) / (double)runs;
    }
    model_release(&m);
    return median(times, REPEAT);
}

/* The same kernel called in a loop. */
static double kernel_us(size_t count)
{
    const struct op *op = op_find(bytes_of(""), bytes_of("Neg"));
    static float one = 1, minus;
    struct tensor in = {DTYPE_F32, SHAPE(1), &one}, out = {DTYPE_F32, SHAPE(1), &minus};
    struct attributes none = {0};
    struct op_call call = {.op = op,
                           .opset = OPSET_NEWEST,
                           .attributes = &none,
                           .in_count = 1,
                           .out_count = 1,
                           .in = &in,
                           .out = &out};
    enum status (*volatile run)(const struct op_call *, struct error *) = op->run;
    double times[REPEAT];
    struct error err;

    for (int r = 0; r < REPEAT; r++) {
        double start = now_us();

        for (size_t i = 0; i < count; i++)
            if (run(&call, &err))
                exit(1);
        times[r] = now_us() - start;
    }
    return median(times, REPEAT);
}

int main(void)
{
    double one = chain_us(1), chain = chain_us(1000), kernel = kernel_us(1000000) / 1000000;

    printf("run of one node:    %8.3f us\n", one);
    printf("each further node:  %8.1f ns, of which its kernel %.1f ns\n",
           (chain - one) / 999 * 1000, kernel * 1000);
    plan_time(10);
    plan_time(50);
    plan_time(200);
    return 0;
}
