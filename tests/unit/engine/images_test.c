// SPDX-License-Identifier: Apache-2.0
/* Random networks of images, optimised and with the fast kernels, beside the same ones as they were
 * written, by the reference kernels. */
#include <math.h>

#include "engine/native.h"
#include "model.h"
#include "test.h"

enum { GRAPHS = 400, NODES = 14, POOL_MAX = 64, OUTPUTS_MAX = 3 };
static const double TOLERANCE = 2e-4; /* of the largest value */

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

struct network {
    struct model *m;
    value_id values[POOL_MAX]; /* float, (n, c, ...) */
    size_t count;
};

static value_id any(const struct network *net)
{
    size_t back = random_below(2) ? random_below(3) : random_below((unsigned)net->count);

    return net->values[net->count - 1 - (back < net->count ? back : 0)];
}

static const struct shape *shape_of_value(const struct network *net, value_id value)
{
    return &net->m->graph->values[value].shape;
}

static value_id constant(struct network *net, struct shape shape)
{
    float *data = arena_new(&net->m->keep, float, shape_count(&shape) + 1);

    for (size_t i = 0; i < shape_count(&shape); i++)
        data[i] = (float)((int)random_below(13) - 6) / 8;
    return model_constant(net->m, DTYPE_F32, shape, data);
}

/* A node of up to four inputs, ended by VALUE_NONE twice. */
static enum status node(struct network *net, const char *op, const value_id *inputs, size_t count,
                        const struct attribute *attributes, size_t attribute_count, value_id *out)
{
    return graph_node(net->m->graph,
                      &(struct node_description){
                          .op = op,
                          .inputs = inputs,
                          .input_count = count,
                          .output_count = 1,
                          .attributes = attributes,
                          .attribute_count = attribute_count,
                      },
                      out, &net->m->err);
}

static enum status one(struct network *net, const char *op, value_id a, value_id *out)
{
    return node(net, op, &a, 1, NULL, 0, out);
}

static enum status two(struct network *net, const char *op, value_id a, value_id b, value_id *out)
{
    return node(net, op, (value_id[]){a, b}, 2, NULL, 0, out);
}

static struct attribute ints(const char *name, const int64_t *values, size_t count)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_INTS, .count = count, .ints = values};
}

static struct attribute number(const char *name, int64_t value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_INT, .i = value};
}

static enum status random_conv(struct network *net, value_id x, bool transposed, value_id *out)
{
    const struct shape *in = shape_of_value(net, x);
    size_t spatial = (size_t)in->rank - 2;
    int64_t channels = in->dims[1], groups = random_below(3) ? 1 : channels;
    int64_t maps = groups == 1 ? 1 + random_below(20) : channels, kernel[3], strides[3], pads[6];
    struct shape w = SHAPE(maps, channels / groups);
    struct attribute attributes[4];
    value_id inputs[3];

    if (transposed)
        w = SHAPE(channels, maps / groups);
    for (size_t i = 0; i < spatial; i++) {
        kernel[i] = 1 + random_below(3);
        strides[i] = 1 + random_below(2);
        pads[i] = pads[i + spatial] = random_below(2) && kernel[i] > 1;
        w.dims[w.rank++] = kernel[i];
    }
    inputs[0] = x;
    inputs[1] = constant(net, w);
    inputs[2] = constant(net, SHAPE(maps));
    attributes[0] = ints("strides", strides, spatial);
    attributes[1] = ints("pads", pads, 2 * spatial);
    attributes[2] = number("group", groups);
    return node(net, transposed ? "ConvTranspose" : "Conv", inputs, 2 + random_below(2), attributes,
                3, out);
}

static enum status random_pool(struct network *net, value_id x, value_id *out)
{
    int64_t kernel[3], strides[3], pads[6];
    size_t spatial = (size_t)shape_of_value(net, x)->rank - 2;
    bool mean = random_below(2);
    struct attribute attributes[5];

    for (size_t i = 0; i < spatial; i++) {
        kernel[i] = 1 + random_below(3);
        strides[i] = 1 + random_below(3);
        pads[i] = random_below((unsigned)kernel[i]);
        pads[i + spatial] = random_below((unsigned)kernel[i]);
    }
    attributes[0] = ints("kernel_shape", kernel, spatial);
    attributes[1] = ints("strides", strides, spatial);
    attributes[2] = ints("pads", pads, 2 * spatial);
    attributes[3] = number("ceil_mode", random_below(2));
    attributes[4] = number("count_include_pad", random_below(2));
    return node(net, mean ? "AveragePool" : "MaxPool", &x, 1, attributes, mean ? 5 : 4, out);
}

static enum status random_norm(struct network *net, value_id x, value_id *out)
{
    int64_t channels = shape_of_value(net, x)->dims[1];
    struct attribute groups = number("num_groups", random_below(2) ? 1 : channels);
    value_id inputs[5] = {x};
    float *variance = arena_new(&net->m->keep, float, (size_t)channels + 1);

    for (int i = 1; i < 4; i++)
        inputs[i] = constant(net, SHAPE(channels));
    for (int64_t i = 0; i < channels; i++)
        variance[i] = 0.5f + (float)random_below(8) / 4;
    inputs[4] = model_constant(net->m, DTYPE_F32, SHAPE(channels), variance);
    switch (random_below(3)) {
    case 0:
        return node(net, "InstanceNormalization", inputs, 3, NULL, 0, out);
    case 1:
        return node(net, "GroupNormalization", inputs, 3, &groups, 1, out);
    default:
        return node(net, "BatchNormalization", inputs, 5, NULL, 0, out);
    }
}

static enum status random_activation(struct network *net, value_id x, value_id *out)
{
    static const char *const OPS[] = {"Relu", "LeakyRelu", "Sigmoid", "Tanh",       "HardSwish",
                                      "Elu",  "Gelu",      "Abs",     "HardSigmoid"};
    static const float BOUNDS[] = {-0.5, 1, 0, 6, 3};
    value_id low = model_constant(net->m, DTYPE_F32, shape_scalar(), BOUNDS), gate;

    switch (random_below(4)) {
    case 0:
        return node(
            net, "Clip",
            (value_id[]){x, low, model_constant(net->m, DTYPE_F32, shape_scalar(), BOUNDS + 1)}, 3,
            NULL, 0, out);
    case 1:
        TRY(one(net, random_below(2) ? "Sigmoid" : "HardSigmoid", x, &gate));
        return two(net, "Mul", gate, x, out);
    default:
        return one(net, OPS[random_below(ARRAY_COUNT(OPS))], x, out);
    }
}

/* By a constant: one value, per channel, per column, all. */
static enum status random_shift(struct network *net, value_id x, value_id *out)
{
    static const char *const OPS[] = {"Add", "Mul", "Sub", "Max"};
    struct shape shape = *shape_of_value(net, x);
    const char *op = OPS[random_below(ARRAY_COUNT(OPS))];
    unsigned kind = random_below(5);
    value_id by;

    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0 || kind == 0 || (kind <= 2 && i != 1) ||
            (kind == 3 && i != shape.rank - 1))
            shape.dims[i] = 1;
    if (kind == 1 && shape.dims[0] == 1) {
        shape.rank--;
        memmove(shape.dims, shape.dims + 1, (size_t)shape.rank * sizeof *shape.dims);
    }
    by = constant(net, shape);
    return random_below(4) ? two(net, op, x, by, out) : two(net, op, by, x, out);
}

static enum status random_move(struct network *net, value_id x, value_id *out)
{
    int rank = shape_of_value(net, x)->rank;
    int64_t pads[10] = {0}, axes[1] = {random_below((unsigned)rank)}, perm[5], from[1] = {0};
    int64_t to[1] = {1 + random_below(4)};
    float *scales = arena_new(&net->m->keep, float, 5);
    struct attribute attributes[2];
    value_id list;

    switch (random_below(4)) {
    case 0:
        for (int i = 0; i < 2 * rank; i++)
            pads[i] = i % rank && random_below(2);
        return two(net, "Pad", x, model_constant_i64(net->m, pads, (size_t)(2 * rank)), out);
    case 1:
        if (axes[0] == 0)
            axes[0] = 1;
        return node(net, "Slice",
                    (value_id[]){x, model_constant_i64(net->m, from, 1),
                                 model_constant_i64(net->m, to, 1),
                                 model_constant_i64(net->m, axes, 1)},
                    4, NULL, 0, out);
    case 2:
        for (int i = 0; i < rank; i++)
            scales[i] = i < 2 ? 1 : (float)(1 + random_below(4)) / 2;
        list = model_constant(net->m, DTYPE_F32, SHAPE(rank), scales);
        attributes[0] = (struct attribute){.name = "mode",
                                           .kind = ATTRIBUTE_STRING,
                                           .s = bytes_of(random_below(2)   ? "nearest"
                                                         : random_below(3) ? "linear"
                                                                           : "cubic")};
        attributes[1] = (struct attribute){.name = "coordinate_transformation_mode",
                                           .kind = ATTRIBUTE_STRING,
                                           .s = bytes_of(random_below(2)   ? "half_pixel"
                                                         : random_below(2) ? "align_corners"
                                                                           : "asymmetric")};
        return node(net, "Resize", (value_id[]){x, VALUE_NONE, list}, 3, attributes, 2, out);
    default: /* there and back with something between that does not care */
        for (int i = 0; i < rank; i++)
            perm[i] = i ? (i + 1 < rank ? i + 1 : 1) : 0;
        attributes[0] = ints("perm", perm, (size_t)rank);
        TRY(node(net, "Transpose", &x, 1, attributes, 1, out));
        TRY(random_activation(net, *out, out));
        if (random_below(2))
            TRY(two(net, "Add", *out,
                    constant(net, SHAPE(shape_of_value(net, *out)->dims[rank - 1])), out));
        for (int i = 0; i < rank; i++)
            perm[i] = i ? (i == 1 ? rank - 1 : i - 1) : 0;
        return node(net, "Transpose", (value_id[]){*out}, 1, attributes, 1, out);
    }
}

static enum status random_reduction(struct network *net, value_id x, value_id *out)
{
    struct attribute axis = number("axis", 1);
    int64_t spatial[] = {2, 3, 4};
    value_id axes, mean;

    switch (random_below(4)) {
    case 0:
        return node(net, "Softmax", &x, 1, &axis, 1, out);
    case 1:
        TRY(one(net, random_below(2) ? "GlobalAveragePool" : "GlobalMaxPool", x, &mean));
        TRY(random_activation(net, mean, &mean));
        return two(net, "Mul", x, mean, out);
    case 2:
        axes = model_constant_i64(net->m, spatial, (size_t)shape_of_value(net, x)->rank - 2);
        TRY(two(net, "ReduceMean", x, axes, &mean));
        return two(net, "Sub", x, mean, out);
    default:
        axes = model_constant_i64(net->m, &axis.i, 1);
        TRY(two(net, "ReduceMax", x, axes, &mean));
        return two(net, "Sub", x, mean, out);
    }
}

/* Channels to pixels and back, shuffled, and beside their neighbours. */
static enum status random_blocks(struct network *net, value_id x, value_id *out)
{
    static const int64_t PERM[] = {0, 2, 1, 3, 4}, DEPTH[] = {0, 1, 4, 2, 5, 3};
    const struct shape in = *shape_of_value(net, x);
    struct attribute attributes[2] = {number("blocksize", 2), number("size", 1)};
    struct attribute perm = ints("perm", PERM, 5);
    int64_t groups = 2 + random_below(2), c = in.dims[1];

    attributes[1].i = 1 + random_below(5);
    if (random_below(4) == 0)
        return node(net, "LRN", &x, 1, attributes + 1, 1, out);
    if (in.rank != 4)
        return STATUS_INVALID_INPUT;
    switch (random_below(4)) {
    case 0:
        attributes[1] = (struct attribute){.name = "mode",
                                           .kind = ATTRIBUTE_STRING,
                                           .s = bytes_of(random_below(2) ? "DCR" : "CRD")};
        return node(net, "DepthToSpace", &x, 1, attributes, 2, out);
    case 1:
        return node(net, "SpaceToDepth", &x, 1, attributes, 1, out);
    case 2:
        if (c % groups)
            return STATUS_INVALID_INPUT;
        TRY(two(net, "Reshape", x,
                MODEL_I64(net->m, -1, groups, c / groups, in.dims[2], in.dims[3]), out));
        TRY(node(net, "Transpose", (value_id[]){*out}, 1, &perm, 1, out));
        return two(net, "Reshape", *out, MODEL_I64(net->m, -1, c, in.dims[2], in.dims[3]), out);
    default:
        if (c % 4)
            return STATUS_INVALID_INPUT;
        perm = ints("perm", DEPTH, 6);
        TRY(two(net, "Reshape", x, MODEL_I64(net->m, -1, c / 4, 2, 2, in.dims[2], in.dims[3]),
                out));
        TRY(node(net, "Transpose", (value_id[]){*out}, 1, &perm, 1, out));
        return two(net, "Reshape", *out,
                   MODEL_I64(net->m, -1, c / 4, in.dims[2] * 2, in.dims[3] * 2), out);
    }
}

/* As exporters write GroupNormalization. */
static enum status random_groups(struct network *net, value_id x, value_id *out)
{
    const struct shape in = *shape_of_value(net, x);
    int64_t c = in.dims[1], groups = c % 2 ? c : 2;
    value_id shape;

    TRY(two(net, "Reshape", x, MODEL_I64(net->m, 0, groups, -1), out));
    TRY(node(net, "InstanceNormalization",
             (value_id[]){*out, constant(net, SHAPE(groups)), constant(net, SHAPE(groups))}, 3,
             NULL, 0, out));
    TRY(one(net, "Shape", x, &shape));
    TRY(two(net, "Reshape", *out, shape, out));
    MODEL_OK(net->m, graph_declare(net->m->graph, *out, DTYPE_F32, &in, &net->m->err));
    return random_shift(net, *out, out);
}

static enum status random_node(struct network *net, value_id *out)
{
    value_id a = any(net), b = any(net);
    struct attribute axis = number("axis", 1);

    switch (random_below(16)) {
    case 14:
        return random_blocks(net, a, out);
    case 15:
        return random_groups(net, a, out);
    case 0:
    case 1:
    case 2:
        return random_conv(net, a, false, out);
    case 3:
        return random_conv(net, a, true, out);
    case 4:
        return random_pool(net, a, out);
    case 5:
        return random_norm(net, a, out);
    case 6:
    case 7:
        return random_activation(net, a, out);
    case 8:
        return random_shift(net, a, out);
    case 9:
        return random_move(net, a, out);
    case 10:
        return random_reduction(net, a, out);
    case 11: /* a residual, behind a convolution of the same shape more often than not */
        TRY(random_conv(net, a, false, &b));
        return two(net, "Add", b, any(net), out);
    case 12:
        return node(net, "Concat", (value_id[]){a, b}, 2, &axis, 1, out);
    default:
        return two(net, random_below(2) ? "Add" : random_below(2) ? "Mul" : "Sum", a, b, out);
    }
}

static bool is_good(const struct network *net, value_id value)
{
    const struct shape *shape = shape_of_value(net, value);
    int64_t count = 1;

    for (int d = 0; d < shape->rank; d++) {
        if (shape->dims[d] == 0 || shape->dims[d] == DIM_UNKNOWN)
            return false;
        count *= shape->dims[d] > 0 ? shape->dims[d] : 1;
    }
    return count < 8000 && shape->rank == shape_of_value(net, net->values[0])->rank;
}

/* One input of 3 to 5 dimensions, whose first is named. */
static size_t random_network(struct model *m, uint64_t seed)
{
    struct network net = {.m = m};
    struct shape shape = {.rank = 3 + (int)(seed % 3 ? 1 : seed / 3 % 3)};
    value_id input, outputs[OUTPUTS_MAX];
    size_t output_count;

    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    model_init(m);
    MODEL_OK(m, graph_symbol(m->graph, "N", &shape.dims[0], &m->err));
    shape.dims[1] = 1 + random_below(20);
    for (int i = 2; i < shape.rank; i++)
        shape.dims[i] = 3 + random_below(5);
    input = net.values[net.count++] = model_input(m, "x", DTYPE_F32, shape);
    for (int i = 0; i < 4 * NODES && net.count < NODES; i++) {
        value_id out;

        if (!random_node(&net, &out) && is_good(&net, out))
            net.values[net.count++] = out;
    }
    output_count = 1 + random_below(OUTPUTS_MAX);
    for (size_t i = 0; i < output_count; i++)
        outputs[i] = i ? any(&net) : net.values[net.count - 1];
    model_signature(m, "main", &input, 1, outputs, output_count);
    return output_count;
}

static void load(struct model *m, uint64_t seed, const char *passes_off, bool reference)
{
    struct native_options options = {
        .poison = true, .passes_off = passes_off, .reference = reference};

    random_network(m, seed);
    model_contract(m);
    if (native_servable(m->graph, &m->contract, &options, &m->keep, NULL, &m->servable, &m->err))
        fail_msg("seed %llu: %s", (unsigned long long)seed, m->err.text);
    m->session = servable_session(m->servable);
}

static void input_make(const struct model *m, int64_t n, struct tensor *x, struct arena *arena)
{
    struct shape shape = m->contract.signatures[0].inputs[0].shape;
    struct error err;

    shape.dims[0] = n;
    CHECK_OK(tensor_new(x, DTYPE_F32, &shape, arena, &err), err);
    for (size_t i = 0; i < tensor_count(x); i++)
        ((float *)x->data)[i] = (float)((int)random_below(33) - 16) / 16;
}

static double distance(const struct tensor *a, const struct tensor *b)
{
    const float *x = a->data, *y = b->data;
    double most = 1, far = 0;

    CHECK(shape_equal(&a->shape, &b->shape));
    for (size_t i = 0; i < tensor_count(a); i++) {
        if (isnan(x[i]) || isnan(y[i]) || isinf(x[i]) || isinf(y[i])) {
            if (!(isnan(x[i]) && isnan(y[i])) && x[i] != y[i])
                return INFINITY;
            continue;
        }
        most = fmax(most, fabs(y[i]));
        far = fmax(far, fabs((double)x[i] - (double)y[i]));
    }
    return far / most;
}

static void check_network(uint64_t seed, const char *passes_off)
{
    struct tensor x, want[OUTPUTS_MAX], got[OUTPUTS_MAX];
    struct model plain, fast;
    struct arena arena;

    arena_init(&arena, 64 << 20);
    load(&plain, seed, "all", true);
    load(&fast, seed, passes_off, false);
    for (int64_t n = 1; n <= 2; n++) {
        enum status status;

        input_make(&plain, n, &x, &arena);
        status = session_run(plain.session, 0, &x, want, &plain.err);
        if (status != session_run(fast.session, 0, &x, got, &fast.err))
            fail_msg("seed %llu: %s", (unsigned long long)seed,
                     status ? plain.err.text : fast.err.text);
        for (size_t i = 0; !status && i < plain.contract.signatures[0].output_count; i++)
            if (!(distance(&got[i], &want[i]) <= TOLERANCE))
                fail_msg("seed %llu, passes off \"%s\", n %d, output %zu is %g off",
                         (unsigned long long)seed, passes_off ? passes_off : "", (int)n, i,
                         distance(&got[i], &want[i]));
    }
    model_release(&plain);
    model_release(&fast);
    arena_release(&arena);
}

TEST(random_networks_agree)
{
    for (uint64_t seed = 1; seed <= GRAPHS; seed++)
        check_network(seed, NULL);
}

TEST(random_networks_agree_without_some_passes)
{
    static const char *const PASSES_OFF[] = {"epilogues", "weights,batch_norm,fold", "transposes",
                                             "nhwc", "identity,common,dead"};

    for (uint64_t seed = 1; seed <= GRAPHS / 4; seed++)
        check_network(seed, PASSES_OFF[seed % ARRAY_COUNT(PASSES_OFF)]);
}
