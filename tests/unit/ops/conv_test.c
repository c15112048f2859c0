// SPDX-License-Identifier: Apache-2.0
/* ConvNhwc and ConvTransposeNhwc, on random geometries, beside ONNX's Conv and ConvTranspose. */
#include <math.h>

#include "base/cpu.h"
#include "ops/fast/epilogue.h"
#include "ops/kernels/call.h"
#include "test.h"

static uint64_t seed = 1;
static struct team *team; /* of the runs; or NULL */

static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

static int64_t random_from(int64_t low, int64_t high)
{
    return low + (int64_t)random_below((uint64_t)(high - low + 1));
}

struct problem {
    bool transposed, bias, residual;
    int rank; /* spatial dimensions */
    int64_t n, channels, maps, groups;
    int infinite; /* so many elements of x are infinite or NaN */
    int64_t in[3], kernel[3], strides[3], dilations[3], pads[6], extra[3];
    const char *activation; /* or NULL */
    double alpha, beta;
};

static const char *problem_print(const struct problem *p, char *text, size_t size)
{
    size_t at = (size_t)snprintf(
        text, size, "%s n%lld c%lld m%lld g%lld%s%s %s:", p->transposed ? "transposed" : "direct",
        (long long)p->n, (long long)p->channels, (long long)p->maps, (long long)p->groups,
        p->bias ? " bias" : "", p->residual ? " residual" : "",
        p->activation ? p->activation : "none");

    for (int i = 0; i < p->rank && at < size; i++)
        at += (size_t)snprintf(
            text + at, size - at, " in%lld k%lld s%lld d%lld p%lld,%lld+%lld", (long long)p->in[i],
            (long long)p->kernel[i], (long long)p->strides[i], (long long)p->dilations[i],
            (long long)p->pads[i], (long long)p->pads[i + p->rank], (long long)p->extra[i]);
    return text;
}

/* Exactly as large as it must be: the sanitizer sees a write too far. */
static struct tensor tensor_random(const struct shape *shape)
{
    struct tensor t = {DTYPE_F32, *shape, NULL};
    size_t count = tensor_count(&t);
    float *data = malloc(count * sizeof *data + !count);

    for (size_t i = 0; i < count; i++)
        data[i] = (float)random_from(-1000, 1000) / 500;
    t.data = data;
    return t;
}

enum { MAPS_MAX = 512 };

/* The same weights as a file may have them: their dimensions in any order, and yet to be multiplied
 * by powers of two for each map. */
static struct tensor store(const struct tensor *w, bool scaled, struct stored *stored)
{
    static double factors[MAPS_MAX];
    struct tensor made = *w;
    int64_t strides[RANK_MAX];
    float *data = malloc(tensor_bytes(w) + 1);
    int rank = w->shape.rank;

    for (int i = 0; i < rank; i++) {
        int other = (int)random_below((uint64_t)i + 1);

        stored->perm[i] = stored->perm[other];
        stored->perm[other] = i;
    }
    for (size_t i = 0; i < MAPS_MAX; i++)
        factors[i] = ldexp(random_below(2) ? 1 : -1, (int)random_from(-3, 3));
    stored->factors = scaled ? factors : NULL;
    made.stored = stored;
    made.data = data;
    stored_strides(&made, strides);
    for (size_t i = 0; i < tensor_count(w); i++) {
        int64_t at = 0, rest = (int64_t)i;

        for (int d = rank - 1; d >= 0; d--) {
            at += rest % w->shape.dims[d] * strides[d];
            rest /= w->shape.dims[d];
        }
        data[at] =
            (float)(tensor_f64(w, i) /
                    (scaled ? factors[i / (tensor_count(w) / (size_t)w->shape.dims[0])] : 1));
    }
    return made;
}

/* (N, C, plane) from (N, plane, C), or back */
static void swap_channels(const float *from, float *to, size_t n, size_t outer, size_t inner)
{
    for (size_t i = 0; i < n; i++, from += outer * inner, to += outer * inner)
        for (size_t j = 0; j < outer; j++)
            for (size_t k = 0; k < inner; k++)
                to[k * outer + j] = from[j * inner + k];
}

static size_t attributes_of(const struct problem *p, struct attribute *items)
{
    size_t rank = (size_t)p->rank, count = 0;

    items[count++] =
        (struct attribute){.name = "strides", ATTRIBUTE_INTS, rank, {.ints = p->strides}};
    items[count++] =
        (struct attribute){.name = "dilations", ATTRIBUTE_INTS, rank, {.ints = p->dilations}};
    items[count++] =
        (struct attribute){.name = "pads", ATTRIBUTE_INTS, 2 * rank, {.ints = p->pads}};
    items[count++] = (struct attribute){.name = "group", ATTRIBUTE_INT, 1, {.i = p->groups}};
    if (p->transposed)
        items[count++] =
            (struct attribute){.name = "output_padding", ATTRIBUTE_INTS, rank, {.ints = p->extra}};
    if (!p->activation)
        return count;
    items[count++] = (struct attribute){
        .name = "activation", ATTRIBUTE_STRING, 1, {.s = bytes_of(p->activation)}};
    items[count++] = (struct attribute){.name = "alpha", ATTRIBUTE_FLOAT, 1, {.f = p->alpha}};
    items[count++] = (struct attribute){.name = "beta", ATTRIBUTE_FLOAT, 1, {.f = p->beta}};
    return count;
}

/* The whole life of a call; the output's data is the caller's to free. */
static enum status call_run(const char *domain, const char *name, const struct attributes *given,
                            struct tensor *in, size_t in_count, struct tensor *out,
                            struct error *err)
{
    struct op_call call = {
        .op = op_find(bytes_of(domain), bytes_of(name)),
        .opset = OPSET_NEWEST,
        .attributes = given,
        .in_count = in_count,
        .out_count = 1,
        .in = in,
        .out = out,
        .team = team,
    };
    struct arena keep;
    enum status status;
    size_t size;

    arena_init(&keep, (size_t)1 << 30);
    status = call.op->infer(&call, err);
    if (!status && call.op->prepare)
        status = call.op->prepare(&call, &keep, err);
    if (!status) {
        out->data = malloc(tensor_count(out) * sizeof(float) + !tensor_count(out));
        memset(out->data, 0xff, tensor_count(out) * sizeof(float));
        size = call.op->scratch_size ? call.op->scratch_size(&call) : 0;
        call.scratch = aligned_alloc(64, (size + 64) / 64 * 64);
        memset(call.scratch, 0xff, size);
        status = call.op->run(&call, err);
        free(call.scratch);
    }
    arena_release(&keep);
    return status;
}

/* What it must be, by the operator with channels first: y with channels last. *scale is the largest
 * value before the activation. */
static enum status expected(const struct problem *p, const struct attributes *given,
                            const struct tensor *in, struct tensor *want, double *scale,
                            struct error *err)
{
    struct tensor twin[3] = {in[0], in[1], in[2]}, first = {0};
    struct epilogue epilogue;
    struct op_call call = {.op = op_find(bytes_of("firn"), bytes_of("ConvNhwc")),
                           .attributes = given};
    size_t plane = shape_span(&in[0].shape, 1, in[0].shape.rank - 1);
    enum status status;
    bool before;

    CHECK_OK(epilogue_read(&call, &epilogue, err), *err);
    twin[0].shape.dims[1] = p->channels;
    memcpy(twin[0].shape.dims + 2, p->in, (size_t)p->rank * sizeof *p->in);
    twin[0].data = malloc(tensor_count(&in[0]) * sizeof(float) + 1);
    swap_channels(in[0].data, twin[0].data, (size_t)p->n, plane, (size_t)p->channels);
    before = op_reference_only(true);
    status = call_run("", p->transposed ? "ConvTranspose" : "Conv", given, twin, 2 + p->bias,
                      &first, err);
    op_reference_only(before);
    free(twin[0].data);
    if (status)
        return status;
    *want = first;
    want->shape.dims[first.shape.rank - 1] = p->maps;
    memcpy(want->shape.dims + 1, first.shape.dims + 2, (size_t)p->rank * sizeof *p->in);
    want->data = malloc(tensor_count(want) * sizeof(float) + 1);
    plane = shape_span(&first.shape, 2, first.shape.rank);
    swap_channels(first.data, want->data, (size_t)p->n, (size_t)p->maps, plane);
    free(first.data);
    *scale = 1;
    for (size_t i = 0; i < tensor_count(want); i++) {
        double value = tensor_f64(want, i);

        if (p->residual)
            value += tensor_f64(&in[3], i);
        if (isfinite(value))
            *scale = fmax(*scale, fabs(value));
        tensor_set_f64(want, i, epilogue_exact(&epilogue, value));
    }
    return STATUS_OK;
}

static void check_near(const struct tensor *got, const struct tensor *want, double scale,
                       const char *what)
{
    char print_a[SHAPE_PRINT_SIZE], print_b[SHAPE_PRINT_SIZE];

    if (!shape_equal(&got->shape, &want->shape))
        fail_msg("%s: shape %s, not %s", what, shape_print(&got->shape, print_a, sizeof print_a),
                 shape_print(&want->shape, print_b, sizeof print_b));
    for (size_t i = 0; i < tensor_count(want); i++)
        if (isnan(tensor_f64(want, i))
                ? !isnan(tensor_f64(got, i))
                : tensor_f64(got, i) != tensor_f64(want, i) &&
                      !(fabs(tensor_f64(got, i) - tensor_f64(want, i)) <= 1e-5 * scale))
            fail_msg("%s: element %zu is %g, not %g", what, i, tensor_f64(got, i),
                     tensor_f64(want, i));
}

/* False: the geometry was refused (by both). */
static bool check_problem(const struct problem *p)
{
    struct attribute items[8];
    struct attributes given = {items, attributes_of(p, items)};
    struct shape x = {.rank = p->rank + 2}, w = {.rank = p->rank + 2}, bias = SHAPE(p->maps);
    struct tensor in[4], want = {0}, got = {0};
    const char *name = p->transposed ? "ConvTransposeNhwc" : "ConvNhwc";
    struct error err;
    double scale;
    char text[512];
    bool fits;

    x.dims[0] = p->n;
    x.dims[p->rank + 1] = p->channels;
    w.dims[0] = p->transposed ? p->channels : p->maps;
    w.dims[1] = (p->transposed ? p->maps : p->channels) / p->groups;
    memcpy(x.dims + 1, p->in, (size_t)p->rank * sizeof *p->in);
    memcpy(w.dims + 2, p->kernel, (size_t)p->rank * sizeof *p->kernel);
    in[0] = tensor_random(&x);
    for (int i = 0; i < p->infinite; i++)
        ((float *)in[0].data)[random_below(tensor_count(&in[0]))] = i % 2 ? NAN : -INFINITY;
    in[1] = tensor_random(&w);
    in[2] = tensor_random(&bias);
    in[3] = (struct tensor){.dtype = DTYPE_NONE};
    problem_print(p, text, sizeof text);
    fits = !expected(&(struct problem){.transposed = p->transposed,
                                       .n = p->n,
                                       .rank = p->rank,
                                       .channels = p->channels,
                                       .maps = p->maps,
                                       .bias = true,
                                       .in = {p->in[0], p->in[1], p->in[2]}},
                     &(struct attributes){items, given.count - (p->activation ? 3 : 0)}, in, &want,
                     &scale, &err);
    if (fits) {
        free(want.data);
        in[3] = tensor_random(&want.shape);
        CHECK_OK(expected(p, &given, in, &want, &scale, &err), err);
        if (!p->residual) {
            free(in[3].data);
            in[3] = (struct tensor){.dtype = DTYPE_NONE};
        }
    }
    if (!p->bias) {
        free(in[2].data);
        in[2] = (struct tensor){.dtype = DTYPE_NONE};
    }
    for (int fast = 0; fast < 3; fast++) {
        bool before = op_reference_only(!fast);
        struct stored stored;
        struct tensor whole = in[1];
        enum status status;

        if (fast == 2)
            in[1] = store(&whole, !p->transposed, &stored);
        status = call_run("firn", name, &given, in, 4, &got, &err);
        if (fast == 2)
            free(in[1].data);
        in[1] = whole;
        op_reference_only(before);
        if ((status == STATUS_OK) != fits)
            fail_msg("%s: %s", text, status ? err.text : "was not refused");
        if (!fits)
            break;
        check_near(&got, &want, scale, text);
        free(got.data);
    }
    free(in[0].data), free(in[1].data);
    if (p->bias)
        free(in[2].data);
    if (fits) {
        if (p->residual)
            free(in[3].data);
        free(want.data);
    }
    return fits;
}

static struct problem problem_random(bool transposed)
{
    static const char *const ACTIVATIONS[] = {NULL,   "Relu",      "LeakyRelu",   "Clip",
                                              "Gelu", "HardSwish", "HardSigmoid", "Swish"};
    static const int64_t CHANNELS[] = {1, 2, 3, 4, 7, 8, 12, 16, 17, 24, 33, 48, 64, 70, 130};
    static const int KERNELS[] = {1, 3, 2, 5, 7};
    struct problem p = {.transposed = transposed, .alpha = 0.25, .beta = 0.75};
    int64_t kind = random_from(0, 5), square = KERNELS[random_below(5)];

    p.rank = random_below(4) ? 2 : (int)random_from(1, 3);
    p.n = random_below(8) ? 1 : random_from(0, 3);
    p.groups = 1;
    p.channels = CHANNELS[random_below(ARRAY_COUNT(CHANNELS))];
    p.maps = CHANNELS[random_below(ARRAY_COUNT(CHANNELS))];
    if (kind == 0) { /* depthwise */
        p.groups = p.channels;
        p.maps = p.channels * (random_below(3) ? 1 : random_from(1, 3));
    } else if (kind == 1) {
        p.groups = random_from(2, 4);
        p.channels = p.groups * random_from(1, 9);
        p.maps = p.groups * random_from(1, 20);
    }
    for (int i = 0; i < p.rank; i++) {
        p.in[i] = random_from(1, p.rank > 2 ? 6 : 17);
        p.kernel[i] = random_below(4) ? square : random_from(1, 4);
        p.strides[i] = random_below(3) ? 1 : random_from(1, 3);
        p.dilations[i] = random_below(4) ? 1 : random_from(1, 3);
        for (int end = 0; end < 2; end++)
            p.pads[i + end * p.rank] =
                random_below(3) ? (p.kernel[i] - 1) / 2 : random_from(0, p.kernel[i]);
        p.extra[i] = random_below(4) ? 0 : random_from(0, p.strides[i] - 1);
    }
    p.bias = random_below(3);
    p.residual = !random_below(3);
    p.activation = ACTIVATIONS[random_below(ARRAY_COUNT(ACTIVATIONS))];
    return p;
}

/* Large enough, and of the kind, that fewer multiplications pay. */
static struct problem problem_square(void)
{
    static const int64_t CHANNELS[] = {16, 17, 24, 33, 48, 64, 70};
    static const char *const ACTIVATIONS[] = {NULL, "Relu", "LeakyRelu", "Clip", "Swish"};
    struct problem p = {.rank = 2, .groups = 1, .alpha = 0.25, .beta = 0.75};

    p.n = random_from(1, 2);
    p.channels = CHANNELS[random_below(ARRAY_COUNT(CHANNELS))];
    p.maps = CHANNELS[random_below(ARRAY_COUNT(CHANNELS))];
    p.infinite = random_below(4) ? 0 : (int)random_from(1, 3);
    for (int i = 0; i < 2; i++) {
        p.in[i] = random_from(9, 40);
        p.kernel[i] = 3;
        p.strides[i] = p.dilations[i] = 1;
        p.pads[i] = random_from(0, 2);
        p.pads[i + 2] = random_from(0, 2);
    }
    p.bias = random_below(3);
    p.residual = !random_below(3);
    p.activation = ACTIVATIONS[random_below(ARRAY_COUNT(ACTIVATIONS))];
    return p;
}

static void check_isa(const char *isa, int count)
{
    struct error err;
    int fitting = 0;

    if (cpu_isa_force(isa, &err)) {
        printf("SKIPPED conv %s: %s\n", isa, err.text);
        return;
    }
    for (int i = 0; i < count; i++) {
        struct problem p = problem_random(i % 3 == 0);

        fitting += check_problem(&p);
    }
    CHECK(fitting > count / 2);
    for (int i = 0; i < count / 10; i++) {
        struct problem p = problem_square();

        CHECK(check_problem(&p));
    }
}

TEST(conv_agrees_with_its_twin_portable)
{
    check_isa("portable", 400);
}

TEST(conv_agrees_with_its_twin_avx2)
{
    check_isa("avx2", 400);
}

TEST(conv_agrees_with_its_twin_avx512)
{
    check_isa("avx512", 400);
}

/* Large enough that helpers take part: the same bits as without them. */
static void check_team(const struct problem *p)
{
    struct attribute items[8];
    struct attributes given = {items, attributes_of(p, items)};
    struct shape x = SHAPE(p->n, p->in[0], p->in[1], p->channels), bias = SHAPE(p->maps);
    struct shape w = SHAPE(p->maps, p->channels / p->groups, p->kernel[0], p->kernel[1]);
    struct tensor in[3] = {tensor_random(&x), tensor_random(&w), tensor_random(&bias)};
    struct tensor alone = {0}, together = {0};
    char text[512];
    struct error err;

    if (p->transposed)
        memcpy(in[1].shape.dims, (int64_t[]){p->channels, p->maps / p->groups},
               2 * sizeof(int64_t));
    for (int i = 0; i < 2; i++) {
        team = i ? team_pool_new(3) : NULL;
        CHECK_OK(call_run("firn", p->transposed ? "ConvTransposeNhwc" : "ConvNhwc", &given, in, 3,
                          i ? &together : &alone, &err),
                 err);
        team_free(team);
    }
    team = NULL;
    if (memcmp(alone.data, together.data, tensor_count(&alone) * sizeof(float)))
        fail_msg("%s: not the same with helpers", problem_print(p, text, sizeof text));
    for (int i = 0; i < 3; i++)
        free(in[i].data);
    free(alone.data), free(together.data);
}

TEST(conv_does_not_depend_on_helpers)
{
    static const struct problem PROBLEMS[] = {
        {.channels = 32, .maps = 48, .groups = 1, .kernel = {3, 3}, .in = {70, 50}},
        {.channels = 64, .maps = 64, .groups = 1, .kernel = {3, 3}, .in = {40, 40}},
        {.channels = 256, .maps = 512, .groups = 1, .kernel = {1, 1}, .in = {9, 9}},
        {.channels = 64, .maps = 200, .groups = 1, .kernel = {3, 3}, .in = {14, 14}},
        {.channels = 160, .maps = 448, .groups = 1, .kernel = {3, 3}, .in = {7, 7}},
        {.channels = 256, .maps = 200, .groups = 1, .kernel = {5, 5}, .in = {7, 7}},
        {.channels = 96, .maps = 96, .groups = 96, .kernel = {5, 5}, .in = {60, 60}},
        {.channels = 64, .maps = 128, .groups = 4, .kernel = {3, 3}, .in = {40, 40}},
        {.transposed = true,
         .channels = 64,
         .maps = 64,
         .groups = 1,
         .kernel = {4, 4},
         .in = {40, 40}},
    };

    for (size_t i = 0; i < ARRAY_COUNT(PROBLEMS); i++) {
        struct problem p = PROBLEMS[i];

        p.rank = 2;
        p.n = 1;
        p.bias = true;
        for (int d = 0; d < 2; d++) {
            p.strides[d] = p.transposed ? 2 : 1;
            p.dilations[d] = 1;
            p.pads[d] = p.pads[d + 2] = p.kernel[d] / 2;
        }
        p.activation = i % 2 ? "HardSwish" : "Relu";
        check_team(&p);
    }
}
