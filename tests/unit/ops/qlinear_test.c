// SPDX-License-Identifier: Apache-2.0
/* Quantised operators: the fast kernels beside the references, on random geometries, for every way
 * to multiply that this machine has. Sums are exact; they are scaled in float instead of double, so
 * that a half may be rounded the other way: quanta differ by one at most, and seldom. (With scales
 * that are no round numbers: exact halves would be many.) */
#include <math.h>

#include "base/team.h"
#include "ops/fast/int8/int8.h"
#include "ops/fast/spread.h"
#include "ops/op.h"
#include "test.h"

static const char *const KERNELS[] = {"portable", "avx2", "avx2 vnni", "avx512", "avx512 vnni"};

static uint32_t seed = 7;

static uint32_t below(uint32_t bound)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % bound;
}

static int64_t from(int64_t low, int64_t high)
{
    return low + below((uint32_t)(high - low + 1));
}

/* Exactly as large as it must be: the sanitizer sees a read too far. */
static struct tensor tensor_of(enum dtype dtype, struct shape shape)
{
    struct tensor t = {dtype, shape, NULL};
    size_t count = tensor_count(&t);

    t.data = malloc(count * dtype_size(dtype) + !count);
    for (size_t i = 0; i < count; i++)
        tensor_set_f64(&t, i,
                       dtype == DTYPE_F32   ? (double)(below(1000) + 1) / 1000
                       : dtype == DTYPE_I32 ? (double)from(-3000, 3000)
                                            : (double)from(dtype == DTYPE_I8 ? -128 : 0,
                                                           dtype == DTYPE_I8 ? 127 : 255));
    return t;
}

static struct tensor number(enum dtype dtype, double value)
{
    struct tensor t = tensor_of(dtype, shape_scalar());

    tensor_set_f64(&t, 0, value);
    return t;
}

/* The whole life of a call; the output's data is the caller's to free. */
static struct team *team; /* of the runs; or NULL */
static struct team *sharing;

static enum status call_run(const char *name, const struct attributes *given, struct tensor *in,
                            size_t in_count, struct tensor *out, struct error *err)
{
    struct op_call call = {
        .op = op_find(bytes_of("firn"), bytes_of(name)),
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
        size_t bytes = tensor_count(out) * dtype_size(out->dtype);

        out->data = malloc(bytes + !bytes);
        size = call.op->scratch_size ? call.op->scratch_size(&call) : 0;
        call.scratch = aligned_alloc(64, (size + 64) / 64 * 64);
        memset(call.scratch, 0xff, size);
        status = call.op->run(&call, err);
        free(call.scratch);
    }
    arena_release(&keep);
    return status;
}

static size_t compared, different;

/* Shared by three threads however short it is: the same to the bit. */
static void check_team(const char *name, const struct attributes *given, struct tensor *in,
                       size_t in_count, const struct tensor *want)
{
    struct tensor got = {0};
    struct error err;
    double before = spread_alone_ns(0);

    team = sharing;
    CHECK_OK(call_run(name, given, in, in_count, &got, &err), err);
    team = NULL;
    spread_alone_ns(before);
    CHECK(!memcmp(got.data, want->data, tensor_count(want) * dtype_size(want->dtype)));
    free(got.data);
}

/* The reference and the fast kernel; false when both refuse. */
static bool check_both(const char *name, const struct attributes *given, struct tensor *in,
                       size_t in_count, const char *what)
{
    struct tensor want = {0}, got = {0};
    struct error err;
    bool before = op_reference_only(true);
    enum status status = call_run(name, given, in, in_count, &want, &err), again;

    op_reference_only(before);
    again = call_run(name, given, in, in_count, &got, &err);
    CHECK_INT(again, status);
    if (status) {
        free(want.data), free(got.data);
        return false;
    }
    CHECK(shape_equal(&got.shape, &want.shape) && got.dtype == want.dtype);
    for (size_t i = 0; i < tensor_count(&want); i++) {
        double a = tensor_f64(&got, i), b = tensor_f64(&want, i);
        double tolerance = got.dtype == DTYPE_F32 ? 1e-5 * (fabs(b) + 1) : 1;

        compared++;
        different += a != b && got.dtype != DTYPE_F32;
        if (!(fabs(a - b) <= tolerance))
            fail_msg("%s %s: element %zu is %g, not %g", int8_kernels_of_machine()->name, what, i,
                     a, b);
    }
    free(want.data);
    check_team(name, given, in, in_count, &got);
    free(got.data);
    return true;
}

static void release(struct tensor *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(in[i].data);
}

/* --- convolutions --- */

enum { SPATIAL_MAX = 3 };

struct problem {
    int rank;
    int64_t n, channels, maps, groups;
    int64_t in[SPATIAL_MAX], kernel[SPATIAL_MAX], strides[SPATIAL_MAX], dilations[SPATIAL_MAX];
    int64_t pads[2 * SPATIAL_MAX];
    enum dtype x, w, y;
    bool nhwc, per_channel, zeros, bias, residual;
};

static struct problem problem_random(void)
{
    static const int64_t CHANNELS[] = {1, 2, 3, 4, 5, 8, 16, 17, 33, 64, 70};
    struct problem p = {
        .rank = below(4) ? 2 : (int)from(1, 3),
        .n = below(6) ? 1 : from(0, 3),
        .channels = CHANNELS[below(11)],
        .maps = CHANNELS[below(11)],
        .groups = 1,
        .x = below(2) ? DTYPE_U8 : DTYPE_I8,
        .w = below(4) ? DTYPE_I8 : DTYPE_U8,
        .y = below(2) ? DTYPE_U8 : DTYPE_I8,
        .nhwc = below(3),
        .per_channel = below(2),
        .zeros = below(2),
        .bias = below(2),
        .residual = !below(3),
    };
    uint32_t kind = below(5);
    int64_t square = from(1, 4);

    if (kind == 0) /* depthwise */
        p.groups = p.maps = p.channels;
    if (kind == 1) {
        p.groups = from(2, 3);
        p.channels = p.groups * from(1, 9);
        p.maps = p.groups * from(1, 9);
    }
    for (int i = 0; i < p.rank; i++) {
        p.in[i] = from(1, p.rank > 2 ? 5 : 12);
        p.kernel[i] = below(3) ? square : from(1, 3);
        p.strides[i] = from(1, 2);
        p.dilations[i] = below(4) ? 1 : 2;
        p.pads[i] = below(2) ? p.kernel[i] / 2 : 0;
        p.pads[i + p.rank] = below(2) ? p.kernel[i] / 2 : from(0, 2);
    }
    p.residual = p.residual && p.nhwc;
    return p;
}

static struct tensor points(enum dtype dtype, bool many, int64_t count, double value)
{
    struct tensor t = many ? tensor_of(dtype, SHAPE(count)) : number(dtype, value);

    for (size_t i = 0; many && i < tensor_count(&t); i++)
        tensor_set_f64(&t, i, dtype == DTYPE_F32 ? value * (1 + 0.1 * (double)i) : value + 1);
    return t;
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
    items[count++] = (struct attribute){.name = "low", ATTRIBUTE_INT, 1, {.i = 5}};
    items[count++] = (struct attribute){.name = "high", ATTRIBUTE_INT, 1, {.i = 120}};
    items[count++] = (struct attribute){.name = "sum_low", ATTRIBUTE_INT, 1, {.i = 1}};
    return count;
}

static bool check_conv(const struct problem *p)
{
    struct attribute items[8];
    struct attributes given = {items, attributes_of(p, items)};
    struct shape x = {.rank = p->rank + 2}, w = {.rank = p->rank + 2}, y = {.rank = p->rank + 2};
    double depth = (double)(p->channels / p->groups);
    struct tensor in[14];
    char what[256];
    size_t count = p->residual ? 14 : 9;
    bool fits = true;

    x.dims[0] = y.dims[0] = p->n;
    x.dims[p->nhwc ? p->rank + 1 : 1] = p->channels;
    y.dims[p->nhwc ? p->rank + 1 : 1] = p->maps;
    w.dims[0] = p->maps;
    w.dims[1] = p->channels / p->groups;
    for (int i = 0; i < p->rank; i++) {
        int64_t room =
            p->in[i] + p->pads[i] + p->pads[i + p->rank] - (p->kernel[i] - 1) * p->dilations[i] - 1;

        fits = fits && room >= 0;
        x.dims[i + (p->nhwc ? 1 : 2)] = p->in[i];
        y.dims[i + (p->nhwc ? 1 : 2)] = room < 0 ? 0 : room / p->strides[i] + 1;
        w.dims[i + 2] = p->kernel[i];
        depth *= (double)p->kernel[i];
    }
    in[0] = tensor_of(p->x, x);
    in[1] = number(DTYPE_F32, 0.0203);
    in[2] = number(p->x, p->x == DTYPE_I8 ? -9 : 130);
    in[3] = tensor_of(p->w, w);
    in[4] = points(DTYPE_F32, p->per_channel, p->maps, 0.01 / sqrt(depth));
    in[5] = points(p->w, p->per_channel, p->maps, p->zeros ? 3 : p->per_channel ? -1 : 0);
    in[6] = number(DTYPE_F32, 0.0301);
    in[7] = number(p->y, 11);
    in[8] = p->bias ? tensor_of(DTYPE_I32, SHAPE(p->maps)) : (struct tensor){0};
    if (p->residual) {
        in[9] = tensor_of(p->y, y);
        in[10] = number(DTYPE_F32, 0.0137);
        in[11] = number(p->y, 7);
        in[12] = number(DTYPE_F32, 0.0213);
        in[13] = number(p->y, 9);
    }
    snprintf(what, sizeof what,
             "rank %d n%lld c%lld m%lld g%lld %s%s in %lld,%lld kernel %lld,%lld", p->rank,
             (long long)p->n, (long long)p->channels, (long long)p->maps, (long long)p->groups,
             p->nhwc ? "nhwc" : "nchw", p->residual ? " residual" : "", (long long)p->in[0],
             (long long)p->in[1], (long long)p->kernel[0], (long long)p->kernel[1]);
    if (check_both(p->nhwc ? "QLinearConvNhwc" : "QLinearConv", &given, in, count, what) != fits)
        fail_msg("%s: refused", what);
    release(in, count);
    return fits;
}

static void check_product(void)
{
    bool transposed = below(2), floats = !below(3), per_column = below(2), bias = below(2);
    int64_t k = from(1, 80), n = from(1, 80), rows = from(0, 9);
    enum dtype a = below(2) ? DTYPE_U8 : DTYPE_I8, b = below(2) ? DTYPE_U8 : DTYPE_I8;
    struct attribute item = {.name = "transposed", ATTRIBUTE_INT, 1, {.i = transposed}};
    struct attributes given = {&item, 1};
    struct tensor in[10] = {
        tensor_of(a, SHAPE(2, rows, k)),
        number(DTYPE_F32, 0.0203),
        number(a, 3),
        tensor_of(b, transposed ? SHAPE(n, k) : SHAPE(k, n)),
        points(DTYPE_F32, per_column, n, 0.002),
        points(b, per_column, n, below(2) ? 0 : 5),
        floats ? (struct tensor){0} : number(DTYPE_F32, 0.0301),
        floats ? (struct tensor){0} : number(DTYPE_U8, 100),
        bias ? tensor_of(DTYPE_I32, SHAPE(n)) : (struct tensor){0},
        floats && below(2) ? tensor_of(DTYPE_F32, SHAPE(n)) : (struct tensor){0},
    };

    CHECK(check_both("QLinearProduct", &given, in, 10, "product"));
    release(in, 10);
}

static void check_add(void)
{
    enum dtype dtype = below(2) ? DTYPE_U8 : DTYPE_I8;
    struct attribute items[] = {{.name = "low", ATTRIBUTE_INT, 1, {.i = 10}},
                                {.name = "high", ATTRIBUTE_INT, 1, {.i = 100}}};
    struct attributes given = {items, below(2) ? 2 : 0};
    struct shape shape = SHAPE(from(0, 3), from(1, 70));
    struct tensor in[8] = {
        tensor_of(dtype, shape),   tensor_of(dtype, shape),   number(DTYPE_F32, 0.0203),
        number(dtype, 3),          number(DTYPE_F32, 0.0137), number(dtype, 100),
        number(DTYPE_F32, 0.0311), number(dtype, 50),
    };

    CHECK(check_both("QLinearAdd", &given, in, 8, "sum"));
    release(in, 8);
}

static void check_kernels(const char *name, int count)
{
    int fitting = 0;

    if (!int8_kernels_force(name)) {
        printf("SKIPPED integer kernels %s: not on this machine\n", name);
        return;
    }
    compared = different = 0;
    for (int i = 0; i < count; i++) {
        struct problem p = problem_random();

        fitting += check_conv(&p);
        check_product();
        check_add();
    }
    CHECK(fitting > count / 2);
    CHECK(different <= compared / 1000);
    CHECK(int8_kernels_force(NULL));
}

TEST(quantised_operators_agree_with_their_references)
{
    sharing = team_pool_new(3);
    for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++)
        check_kernels(KERNELS[i], 150);
    team_free(sharing);
}
