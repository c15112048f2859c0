// SPDX-License-Identifier: Apache-2.0
/* elementwise: functions of vectors, arithmetic with broadcasting, data movement and reductions,
 * one operator call each, in cache (64 Ki elements) and beyond (4 Mi). Prints the time for an
 * element of the larger side and the bytes read and written against those that memcpy moves in the
 * same time, in the same run; best of interleaved runs. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"
#include "ops/op.h"

enum { RUNS = 15, INPUTS_MAX = 3 };

struct input {
    enum dtype dtype;
    int rank;
    int64_t dims[4];
    int64_t ints[4]; /* the values of small integer inputs */
};

struct bench {
    const char *op, *what;
    struct input in[INPUTS_MAX];
    struct attribute attribute;
};

#define F32(...)                                                                                   \
    {                                                                                              \
        DTYPE_F32, sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__},                            \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define PERM(...)                                                                                  \
    {                                                                                              \
        .name = "perm", .kind = ATTRIBUTE_INTS, .count = sizeof((int64_t[]){__VA_ARGS__}) / 8,     \
        .ints = (const int64_t[])                                                                  \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define AXIS(axis)                                                                                 \
    {                                                                                              \
        .name = "axis", .kind = ATTRIBUTE_INT, .i = axis                                           \
    }
#define AXES(...)                                                                                  \
    {                                                                                              \
        DTYPE_I64, 1, {sizeof((int64_t[]){__VA_ARGS__}) / 8},                                      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const struct bench BENCHES[] = {
    {"Relu", "64 Ki", {F32(65536)}, {0}},
    {"Exp", "64 Ki", {F32(65536)}, {0}},
    {"Log", "64 Ki", {F32(65536)}, {0}},
    {"Tanh", "64 Ki", {F32(65536)}, {0}},
    {"Sigmoid", "64 Ki", {F32(65536)}, {0}},
    {"Erf", "64 Ki", {F32(65536)}, {0}},
    {"Gelu", "64 Ki", {F32(65536)}, {0}},
    {"Sin", "64 Ki", {F32(65536)}, {0}},
    {"Sqrt", "64 Ki", {F32(65536)}, {0}},
    {"Tanh", "64 Ki, half", {{DTYPE_F16, 1, {65536}, {0}}}, {0}},
    {"Exp", "64 Ki, double", {{DTYPE_F64, 1, {65536}, {0}}}, {0}},
    {"Tanh", "64 Ki, double", {{DTYPE_F64, 1, {65536}, {0}}}, {0}},
    {"Relu", "4 Mi", {F32(4194304)}, {0}},
    {"Add", "64 Ki", {F32(65536), F32(65536)}, {0}},
    {"Add", "4 Mi", {F32(4194304), F32(4194304)}, {0}},
    {"Mul", "row (1024, 64) (64)", {F32(1024, 64), F32(64)}, {0}},
    {"Mul", "row (21845, 3) (3)", {F32(21845, 3), F32(3)}, {0}},
    {"Add", "channel (1, 64, 32, 32)", {F32(1, 64, 32, 32), F32(64, 1, 1)}, {0}},
    {"Add", "channel (1, 1024, 8, 8)", {F32(1, 1024, 8, 8), F32(1024, 1, 1)}, {0}},
    {"Less", "64 Ki", {F32(65536), F32(65536)}, {0}},
    {"Where", "64 Ki", {{DTYPE_BOOL, 1, {65536}, {0}}, F32(65536), F32(65536)}, {0}},
    {"Transpose", "heads (128, 12, 64)", {F32(128, 12, 64)}, PERM(1, 0, 2)},
    {"Transpose", "(12, 128, 64) to (12, 64, 128)", {F32(12, 128, 64)}, PERM(0, 2, 1)},
    {"Transpose", "(64, 56, 56) to channels last", {F32(1, 64, 56, 56)}, PERM(0, 2, 3, 1)},
    {"Transpose", "(3, 224, 224) to channels last", {F32(1, 3, 224, 224)}, PERM(0, 2, 3, 1)},
    {"Transpose", "2048 x 2048", {F32(2048, 2048)}, PERM(1, 0)},
    {"Transpose", "2048 x 2048, bytes", {{DTYPE_U8, 2, {2048, 2048}, {0}}}, PERM(1, 0)},
    {"Concat", "rows, 2 x (1024, 32)", {F32(1024, 32), F32(1024, 32)}, AXIS(1)},
    {"Gather", "128 of (30522, 384)", {F32(3052, 384), {DTYPE_I64, 1, {128}, {0}}}, {0}},
    {"Expand", "(1, 64) to (1024, 64)", {F32(1, 64), {DTYPE_I64, 1, {2}, {1024, 64}}}, {0}},
    {"Expand", "(1024, 1) to (1024, 64)", {F32(1024, 1), {DTYPE_I64, 1, {2}, {1024, 64}}}, {0}},
    {"ReduceSum", "rows (1024, 64)", {F32(1024, 64), AXES(1)}, {0}},
    {"ReduceMean", "rows (64, 1024)", {F32(64, 1024), AXES(1)}, {0}},
    {"ReduceMean", "columns (1024, 64)", {F32(1024, 64), AXES(0)}, {0}},
    {"ReduceMean", "middle (16, 64, 64)", {F32(16, 64, 64), AXES(1)}, {0}},
    {"ReduceMean", "spatial (1, 1024, 8, 8)", {F32(1, 1024, 8, 8), AXES(2, 3)}, {0}},
    {"ReduceMax", "rows (64, 1024)", {F32(64, 1024), AXES(1)}, {0}},
    {"ReduceMax", "columns (1024, 64)", {F32(1024, 64), AXES(0)}, {0}},
    {"ReduceL2", "all, 4 Mi", {F32(4194304)}, {0}},
    {"ArgMax", "rows (64, 1024)", {F32(64, 1024)}, AXIS(1)},
    {"Cast", "64 Ki floats to int64", {F32(65536)}, {.name = "to", .kind = ATTRIBUTE_INT, .i = 7}},
    {"Cast", "64 Ki floats to half", {F32(65536)}, {.name = "to", .kind = ATTRIBUTE_INT, .i = 10}},
    {"Cast",
     "64 Ki int64 to float",
     {{DTYPE_I64, 1, {65536}, {0}}},
     {.name = "to", .kind = ATTRIBUTE_INT, .i = 1}},
    {"CumSum", "rows (64, 1024)", {F32(64, 1024), {DTYPE_I64, 0, {0}, {1}}}, {0}},
};

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *memory(size_t size)
{
    void *data = aligned_alloc(64, (size + 127) / 64 * 64);

    memset(data, 0, (size + 127) / 64 * 64);
    return data;
}

static struct tensor input_of(const struct input *input)
{
    struct tensor t = {.dtype = input->dtype, .shape = {.rank = input->rank}};

    memcpy(t.shape.dims, input->dims, sizeof input->dims);
    t.data = memory(tensor_bytes(&t));
    for (size_t i = 0; i < tensor_count(&t); i++)
        if (dtype_is_float(t.dtype))
            tensor_set_f64(&t, i, (double)(i * 7919 % 2001) / 400 - 2.5);
        else if (t.dtype == DTYPE_I64)
            ((int64_t *)t.data)[i] = i < 4 ? input->ints[i] : (int64_t)(i * 97 % 3000);
    return t;
}

static double timed(const struct op_call *call, size_t repeat)
{
    double start = seconds();
    struct error err;

    for (size_t i = 0; i < repeat; i++)
        if (call->op->run(call, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    return (seconds() - start) / (double)repeat;
}

static double copied(void *to, const void *from, size_t bytes, size_t repeat)
{
    double start = seconds();

    for (size_t i = 0; i < repeat; i++) {
        memcpy(to, from, bytes);
        __asm__ volatile("" ::: "memory");
    }
    return (seconds() - start) / (double)repeat;
}

static void run(const struct bench *bench)
{
    struct attributes attributes = {&bench->attribute, bench->attribute.name ? 1 : 0};
    struct tensor in[INPUTS_MAX], out[1] = {{0}};
    struct op_call call = {.op = op_find(bytes_of(""), bytes_of(bench->op)),
                           .opset = OPSET_NEWEST,
                           .attributes = &attributes,
                           .in = in,
                           .out = out,
                           .out_count = 1};
    double best = 1e9, copy = 1e9;
    size_t bytes = 0, count, repeat;
    void *from, *to;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 28);
    for (; call.in_count < INPUTS_MAX && bench->in[call.in_count].dtype; call.in_count++) {
        in[call.in_count] = input_of(&bench->in[call.in_count]);
        bytes += tensor_bytes(&in[call.in_count]);
    }
    if (call.op->infer(&call, &err) || (call.op->prepare && call.op->prepare(&call, &keep, &err))) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    if (bytes > 2 * tensor_bytes(out) && !strcmp(bench->op, "Gather"))
        bytes = tensor_bytes(out); /* the rows that are read */
    bytes += tensor_bytes(out);
    out[0].data = memory(tensor_bytes(out));
    call.scratch = memory(call.op->scratch_size ? call.op->scratch_size(&call) : 1);
    from = memory(bytes / 2), to = memory(bytes / 2);
    count = tensor_count(&in[0]) > tensor_count(out) ? tensor_count(&in[0]) : tensor_count(out);
    repeat = (size_t)2e5 / count + 1;
    timed(&call, 1);
    for (int i = 0; i < RUNS; i++) {
        double t = timed(&call, repeat), c = copied(to, from, bytes / 2, repeat);

        best = t < best ? t : best;
        copy = c < copy ? c : copy;
    }
    printf("%-11s %-32s %8.2f us %7.3f ns/element %6.2f of memcpy\n", bench->op, bench->what,
           best * 1e6, best * 1e9 / (double)count, copy / best);
    for (size_t i = 0; i < call.in_count; i++)
        free(in[i].data);
    free(out[0].data), free(call.scratch), free(from), free(to);
    arena_release(&keep);
}

int main(int argc, char **argv)
{
    printf("kernels: %s\n", isa_name(cpu_isa()));
    for (size_t i = 0; i < sizeof BENCHES / sizeof *BENCHES; i++)
        if (argc < 2 || !strcmp(argv[1], BENCHES[i].op))
            run(&BENCHES[i]);
    return 0;
}
