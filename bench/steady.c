// SPDX-License-Identifier: Apache-2.0
/* What a run asks of the system once its shape was seen: allocations, locks and system calls to
 * wait or wake, counted by standing in front of the C library's functions. All must be 0 on the
 * thread that runs; with a team it may wake helpers. And what a run costs beside its kernels. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/team.h"
#include "model.h"

enum { WARM_UP = 50, RUNS = 2000 };

/* --- counters: of the thread that counts --- */

static _Thread_local bool counting;
static _Thread_local unsigned long allocations, locks, waits;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    allocations += counting;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations += counting;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations += counting;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations += counting;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    allocations += counting;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    static void *(*next)(void *, size_t, int, int, int, off_t);

    if (!next)
        next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    allocations += counting;
    return next(at, size, protection, flags, fd, offset);
}

static int (*next_lock)(pthread_mutex_t *);

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!next_lock)
        next_lock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
    locks += counting;
    return next_lock(mutex);
}

long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[6];
    va_list args;

    if (!next)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    waits += counting;
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- models --- */

static value_id weights(struct model *m, struct shape shape)
{
    struct tensor t = {DTYPE_F32, shape, NULL};
    size_t count = tensor_count(&t);
    float *data = arena_new(&m->keep, float, count);

    for (size_t i = 0; i < count; i++)
        data[i] = (float)(i % 17) * 0.01f - 0.08f;
    return model_constant(m, DTYPE_F32, shape, data);
}

static value_id op_of(struct model *m, const char *domain, const char *op, const value_id *inputs,
                      size_t input_count, const struct attribute *attributes, size_t count)
{
    struct node_description description = {.domain = domain,
                                           .op = op,
                                           .inputs = inputs,
                                           .input_count = input_count,
                                           .output_count = 1,
                                           .attributes = attributes,
                                           .attribute_count = count};
    value_id y;

    MODEL_OK(m, graph_node(m->graph, &description, &y, &m->err));
    return y;
}

static value_id mlp(struct model *m, value_id *x)
{
    static const int64_t SIZES[] = {784, 128, 64, 10};
    value_id y = *x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 784));

    for (int i = 0; i < 3; i++) {
        y = model_op(m, "Gemm", y, weights(m, SHAPE(SIZES[i], SIZES[i + 1])),
                     weights(m, SHAPE(SIZES[i + 1])));
        y = i < 2 ? model_op(m, "Relu", y, VALUE_NONE, VALUE_NONE) : y;
    }
    return model_op_int(m, "Softmax", y, VALUE_NONE, VALUE_NONE, "axis", -1);
}

static value_id cnn(struct model *m, value_id *x)
{
    static const int64_t TWO[] = {2, 2}, PADS[] = {1, 1, 1, 1};
    const struct attribute pool[] = {
        {.name = "kernel_shape", .kind = ATTRIBUTE_INTS, .count = 2, .ints = TWO},
        {.name = "strides", .kind = ATTRIBUTE_INTS, .count = 2, .ints = TWO}};
    const struct attribute pads = {
        .name = "pads", .kind = ATTRIBUTE_INTS, .count = 4, .ints = PADS};
    int64_t channels = 1;
    value_id y = *x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 1, 28, 28));

    for (int64_t next = 8; next <= 16; next *= 2) {
        value_id in[] = {y, weights(m, SHAPE(next, channels, 3, 3)), weights(m, SHAPE(next))};

        y = op_of(m, "", "Conv", in, 3, &pads, 1);
        y = model_op(m, "Relu", y, VALUE_NONE, VALUE_NONE);
        y = op_of(m, "", "MaxPool", &y, 1, pool, 2);
        channels = next;
    }
    y = model_op_int(m, "Flatten", y, VALUE_NONE, VALUE_NONE, "axis", 1);
    return model_op(m, "Gemm", y, weights(m, SHAPE(16 * 49, 10)), weights(m, SHAPE(10)));
}

static value_id lstm(struct model *m, value_id *x)
{
    value_id y;

    *x = model_input(m, "x", DTYPE_F32, SHAPE(20, DIM_UNKNOWN, 32));
    y = model_op_int(m, "LSTM", *x, weights(m, SHAPE(1, 256, 32)), weights(m, SHAPE(1, 256, 64)),
                     "hidden_size", 64);
    return model_op(m, "Relu", y, VALUE_NONE, VALUE_NONE);
}

/* 20 complete trees of depth 6 on 28 features. */
static value_id forest(struct model *m, value_id *x)
{
    enum { TREES = 20, DEPTH = 6, NODES = (2 << DEPTH) - 1, LEAVES = 1 << DEPTH };
    enum { ALL = TREES * NODES, LEAF = TREES * LEAVES };
    static int64_t trees[ALL], ids[ALL], features[ALL], yes[ALL], no[ALL], target_trees[LEAF],
        target_nodes[LEAF], targets[LEAF];
    static double values[ALL], outputs[LEAF];
    static struct bytes modes[ALL];
    const struct attribute attributes[] = {
        {.name = "nodes_treeids", .kind = ATTRIBUTE_INTS, .count = ALL, .ints = trees},
        {.name = "nodes_nodeids", .kind = ATTRIBUTE_INTS, .count = ALL, .ints = ids},
        {.name = "nodes_featureids", .kind = ATTRIBUTE_INTS, .count = ALL, .ints = features},
        {.name = "nodes_values", .kind = ATTRIBUTE_FLOATS, .count = ALL, .floats = values},
        {.name = "nodes_modes", .kind = ATTRIBUTE_STRINGS, .count = ALL, .strings = modes},
        {.name = "nodes_truenodeids", .kind = ATTRIBUTE_INTS, .count = ALL, .ints = yes},
        {.name = "nodes_falsenodeids", .kind = ATTRIBUTE_INTS, .count = ALL, .ints = no},
        {.name = "target_treeids", .kind = ATTRIBUTE_INTS, .count = LEAF, .ints = target_trees},
        {.name = "target_nodeids", .kind = ATTRIBUTE_INTS, .count = LEAF, .ints = target_nodes},
        {.name = "target_ids", .kind = ATTRIBUTE_INTS, .count = LEAF, .ints = targets},
        {.name = "target_weights", .kind = ATTRIBUTE_FLOATS, .count = LEAF, .floats = outputs},
        {.name = "n_targets", .kind = ATTRIBUTE_INT, .i = 1}};
    size_t leaf = 0;

    for (int i = 0; i < ALL; i++) {
        int node = i % NODES;
        bool inner = node < NODES / 2;

        trees[i] = i / NODES;
        ids[i] = node;
        features[i] = inner ? (i * 7) % 28 : 0;
        values[i] = inner ? (i % 11) * 0.1 - 0.5 : 0;
        modes[i] = bytes_of(inner ? "BRANCH_LEQ" : "LEAF");
        yes[i] = inner ? 2 * node + 1 : 0;
        no[i] = inner ? 2 * node + 2 : 0;
        if (inner)
            continue;
        target_trees[leaf] = trees[i];
        target_nodes[leaf] = node;
        outputs[leaf++] = i % 13;
    }
    *x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 28));
    return op_of(m, "ai.onnx.ml", "TreeEnsembleRegressor", x, 1, attributes,
                 ARRAY_COUNT(attributes));
}

/* 20 steps on one element: what is left is overhead. */
static value_id chain(struct model *m, value_id *x)
{
    value_id y = *x = model_input(m, "x", DTYPE_F32, SHAPE(1));

    for (int i = 0; i < 20; i++)
        y = model_op(m, "Neg", y, VALUE_NONE, VALUE_NONE);
    return y;
}

static const struct kind {
    const char *name;
    value_id (*make)(struct model *m, value_id *x);
    struct shape shapes[2]; /* both are seen, in turn */
    bool plain;             /* without passes */
} KINDS[] = {
    {"chain", chain, {{1, {1}}, {1, {1}}}, true},
    {"mlp", mlp, {{2, {1, 784}}, {2, {8, 784}}}, false},
    {"cnn", cnn, {{4, {1, 1, 28, 28}}, {4, {3, 1, 28, 28}}}, false},
    {"lstm", lstm, {{3, {20, 1, 32}}, {3, {20, 2, 32}}}, false},
    {"forest", forest, {{2, {1, 28}}, {2, {100, 28}}}, false},
};

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static bool measure(const struct kind *kind, struct team *team)
{
    static float data[1 << 14];
    struct tensor in = {DTYPE_F32, {0}, data}, out;
    value_id x, y;
    struct model m;
    double start = 0;

    model_init(&m);
    y = kind->make(&m, &x);
    model_signature(&m, "main", &x, 1, &y, 1);
    model_load(&m, kind->plain ? &(struct native_options){.passes_off = "all"} : NULL);
    m.session->team = team;
    allocations = locks = waits = 0;
    for (int i = 0; i < WARM_UP + RUNS; i++) {
        if (i == WARM_UP)
            start = now_us();
        counting = i >= WARM_UP;
        in.shape = kind->shapes[i % 2];
        MODEL_OK(&m, session_run(m.session, 0, &in, &out, &m.err));
    }
    counting = false;
    printf("%-8s %zu threads: %8.2f us, %lu allocations, %lu locks, %lu waits and wakes\n",
           kind->name, team_lanes(team), (now_us() - start) / RUNS, allocations, locks, waits);
    model_release(&m);
    return allocations + locks + (team ? 0 : waits) == 0;
}

int main(void)
{
    struct team *team = team_pool_new(2);
    bool steady = team != NULL;

    for (size_t i = 0; i < ARRAY_COUNT(KINDS); i++) {
        steady &= measure(&KINDS[i], NULL);
        steady &= measure(&KINDS[i], team);
    }
    team_free(team);
    printf("%s\n", steady ? "steady" : "NOT STEADY");
    return !steady;
}
