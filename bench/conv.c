// SPDX-License-Identifier: Apache-2.0
/* conv: the convolutions of ResNet-50 and MobileNetV2 (batch 1, 224x224), one after another as in
 * the network, against the peak of this core measured in the same run.
 * Prints the least time of each layer, GFLOP/s and percent of the peak.
 *
 *     conv [resnet50|mobilenetv2|unet] [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/cpu.h"
#include "ops/fast/conv/tile.h"
#include "ops/op.h"

struct layer {
    int64_t size, channels, maps, kernel, stride, group;
    int residual, count; /* as many such layers, one after another */
};

static const struct layer RESNET50[] = {
    {224, 3, 64, 7, 2, 1, 0, 1},

    {56, 64, 64, 1, 1, 1, 0, 1},    {56, 64, 64, 3, 1, 1, 0, 3},    {56, 64, 256, 1, 1, 1, 1, 4},
    {56, 256, 64, 1, 1, 1, 0, 2},

    {56, 256, 128, 1, 1, 1, 0, 1},  {56, 128, 128, 3, 2, 1, 0, 1},  {56, 256, 512, 1, 2, 1, 0, 1},
    {28, 128, 128, 3, 1, 1, 0, 3},  {28, 128, 512, 1, 1, 1, 1, 4},  {28, 512, 128, 1, 1, 1, 0, 3},

    {28, 512, 256, 1, 1, 1, 0, 1},  {28, 256, 256, 3, 2, 1, 0, 1},  {28, 512, 1024, 1, 2, 1, 0, 1},
    {14, 256, 256, 3, 1, 1, 0, 5},  {14, 256, 1024, 1, 1, 1, 1, 6}, {14, 1024, 256, 1, 1, 1, 0, 5},

    {14, 1024, 512, 1, 1, 1, 0, 1}, {14, 512, 512, 3, 2, 1, 0, 1},  {14, 1024, 2048, 1, 2, 1, 0, 1},
    {7, 512, 512, 3, 1, 1, 0, 2},   {7, 512, 2048, 1, 1, 1, 1, 3},  {7, 2048, 512, 1, 1, 1, 0, 2},
};

static const struct layer MOBILENETV2[] = {
    {224, 3, 32, 3, 2, 1, 0, 1},     {112, 32, 32, 3, 1, 32, 0, 1},
    {112, 32, 16, 1, 1, 1, 0, 1},    {112, 16, 96, 1, 1, 1, 0, 1},
    {112, 96, 96, 3, 2, 96, 0, 1},   {56, 96, 24, 1, 1, 1, 0, 1},
    {56, 24, 144, 1, 1, 1, 0, 2},    {56, 144, 144, 3, 1, 144, 0, 1},
    {56, 144, 24, 1, 1, 1, 1, 1},    {56, 144, 144, 3, 2, 144, 0, 1},
    {28, 144, 32, 1, 1, 1, 0, 1},    {28, 32, 192, 1, 1, 1, 0, 3},
    {28, 192, 192, 3, 1, 192, 0, 2}, {28, 192, 32, 1, 1, 1, 1, 2},
    {28, 192, 192, 3, 2, 192, 0, 1}, {14, 192, 64, 1, 1, 1, 0, 1},
    {14, 64, 384, 1, 1, 1, 0, 4},    {14, 384, 384, 3, 1, 384, 0, 4},
    {14, 384, 64, 1, 1, 1, 1, 3},    {14, 384, 96, 1, 1, 1, 0, 1},
    {14, 96, 576, 1, 1, 1, 0, 3},    {14, 576, 576, 3, 1, 576, 0, 2},
    {14, 576, 96, 1, 1, 1, 1, 2},    {14, 576, 576, 3, 2, 576, 0, 1},
    {7, 576, 160, 1, 1, 1, 0, 1},    {7, 160, 960, 1, 1, 1, 0, 3},
    {7, 960, 960, 3, 1, 960, 0, 3},  {7, 960, 160, 1, 1, 1, 1, 2},
    {7, 960, 320, 1, 1, 1, 0, 1},    {7, 320, 1280, 1, 1, 1, 0, 1},
};

static const struct layer UNET[] = {
    {256, 3, 32, 3, 1, 1, 0, 1},   {256, 32, 32, 3, 1, 1, 0, 1},  {128, 32, 64, 3, 1, 1, 0, 1},
    {128, 64, 64, 3, 1, 1, 0, 1},  {64, 64, 128, 3, 1, 1, 0, 1},  {64, 128, 128, 3, 1, 1, 0, 1},
    {32, 128, 256, 3, 1, 1, 0, 1}, {32, 256, 256, 3, 1, 1, 0, 1}, {64, 256, 128, 3, 1, 1, 0, 1},
    {64, 128, 128, 3, 1, 1, 0, 1}, {128, 128, 64, 3, 1, 1, 0, 1}, {128, 64, 64, 3, 1, 1, 0, 1},
    {256, 64, 32, 3, 1, 1, 0, 1},  {256, 32, 32, 3, 1, 1, 0, 1},
};

static const struct {
    const char *name;
    const struct layer *layers;
    size_t count;
} NETWORKS[] = {
    {"resnet50", RESNET50, sizeof RESNET50 / sizeof *RESNET50},
    {"mobilenetv2", MOBILENETV2, sizeof MOBILENETV2 / sizeof *MOBILENETV2},
    {"unet", UNET, sizeof UNET / sizeof *UNET},
};

enum { STEPS_MAX = 128, BUFFERS = 3, DEPTH = 1000 };

struct step {
    const struct layer *layer;
    struct op_call call;
    struct tensor in[4], out[1];
    double least; /* seconds */
};

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The largest tile over and over, with a sum so long that its ends do not count: GFLOP/s. */
static double peak_of_machine(void)
{
    const struct conv_tiles *tiles = conv_tiles_of_machine();
    size_t vectors = tiles->vectors_max, rows = tiles->rows_max[vectors - 1];
    static float a[16 * DEPTH], panel[DEPTH * 64], bias[64], c[16 * 64];
    static const ptrdiff_t RUNS[] = {0};
    struct conv_tile tile = {.a = a,
                             .a_step = DEPTH,
                             .runs = RUNS,
                             .run_count = 1,
                             .run_length = DEPTH,
                             .panel = panel,
                             .bias = bias,
                             .c = c,
                             .c_step = vectors * tiles->lanes,
                             .columns = vectors * tiles->lanes,
                             .next = panel};
    double least = 1;

    for (int round = 0; round < 60; round++) {
        double start = seconds();

        for (int i = 0; i < 50; i++)
            tiles->rows[vectors - 1][rows - 1](&tile);
        start = seconds() - start;
        least = start < least ? start : least;
    }
    return 50 * 2e-9 * (double)(rows * vectors * tiles->lanes * DEPTH) / least;
}

static void *filled(struct arena *keep, size_t count, float scale)
{
    float *data = arena_alloc(keep, count + 1024, sizeof *data);

    for (size_t i = 0; i < count; i++)
        data[i] = scale * ((float)(i * 2654435761u % 1009) / 1009 - 0.5f);
    return data;
}

static void step_make(struct step *step, const struct layer *l, struct arena *keep)
{
    static int64_t strides[STEPS_MAX][2], pads[STEPS_MAX][4];
    static size_t made;
    struct attribute *items = arena_new(keep, struct attribute, 5);
    struct attributes *attributes = arena_new(keep, struct attributes, 1);
    int64_t size = (l->size + l->stride - 1) / l->stride;
    size_t weights = (size_t)(l->maps * l->channels / l->group * l->kernel * l->kernel);
    struct error err;

    for (int i = 0; i < 4; i++)
        pads[made][i] = l->kernel / 2, strides[made][i % 2] = l->stride;
    items[0] = (struct attribute){.name = "pads", ATTRIBUTE_INTS, 4, {.ints = pads[made]}};
    items[1] = (struct attribute){.name = "strides", ATTRIBUTE_INTS, 2, {.ints = strides[made]}};
    items[2] = (struct attribute){.name = "group", ATTRIBUTE_INT, 1, {.i = l->group}};
    items[3] =
        (struct attribute){.name = "activation", ATTRIBUTE_STRING, 1, {.s = bytes_of("Relu")}};
    *attributes = (struct attributes){items, 4};
    made++;
    step->layer = l;
    step->least = 1;
    step->in[0] = (struct tensor){DTYPE_F32, SHAPE(1, l->size, l->size, l->channels), NULL};
    step->in[1] =
        (struct tensor){DTYPE_F32, SHAPE(l->maps, l->channels / l->group, l->kernel, l->kernel),
                        filled(keep, weights, 0.1f)};
    step->in[2] = (struct tensor){DTYPE_F32, SHAPE(l->maps), filled(keep, (size_t)l->maps, 0.1f)};
    step->in[3] = (struct tensor){.dtype = DTYPE_NONE};
    if (l->residual)
        step->in[3] = (struct tensor){DTYPE_F32, SHAPE(1, size, size, l->maps), NULL};
    step->call = (struct op_call){.op = op_find(bytes_of("firn"), bytes_of("ConvNhwc")),
                                  .opset = OPSET_NEWEST,
                                  .attributes = attributes,
                                  .in_count = 4,
                                  .out_count = 1,
                                  .in = step->in,
                                  .out = step->out};
    if (step->call.op->infer(&step->call, &err) ||
        step->call.op->prepare(&step->call, keep, &err)) {
        printf("%s\n", err.text);
        exit(1);
    }
}

static void bench(const char *name, const struct layer *layers, size_t count, int rounds)
{
    static struct step steps[STEPS_MAX];
    size_t made = 0, scratch = 0, largest = 0;
    double peak = peak_of_machine(), time = 0, flops = 0;
    float *buffers[BUFFERS];
    struct arena keep;

    arena_init(&keep, (size_t)4 << 30);
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < layers[i].count; j++) {
            struct step *step = &steps[made++];
            size_t size;

            step_make(step, &layers[i], &keep);
            size = step->call.op->scratch_size(&step->call);
            scratch = size > scratch ? size : scratch;
            for (int k = 0; k < 2; k++) {
                size = tensor_count(k ? step->out : step->in);
                largest = size > largest ? size : largest;
            }
        }
    for (int i = 0; i < BUFFERS; i++)
        buffers[i] = filled(&keep, largest, 1);
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < made; i++) {
            struct step *step = &steps[i];
            struct error err;
            double start;

            step->in[0].data = buffers[i % BUFFERS];
            step->out[0].data = buffers[(i + 1) % BUFFERS];
            step->in[3].data = buffers[(i + 2) % BUFFERS];
            if (!round && !step->call.scratch)
                step->call.scratch = arena_alloc(&keep, scratch + 4096, 1);
            start = seconds();
            if (step->call.op->run(&step->call, &err))
                exit(1);
            start = seconds() - start;
            step->least = start < step->least ? start : step->least;
        }
    printf("%s: peak %.0f GFLOP/s\n", name, peak);
    for (size_t i = 0; i < made; i++) {
        const struct layer *l = steps[i].layer;
        double size = (double)((l->size + l->stride - 1) / l->stride);
        double work =
            2e-9 * size * size * (double)(l->maps * l->channels / l->group * l->kernel * l->kernel);

        time += steps[i].least;
        flops += work;
        if (i && l == steps[i - 1].layer)
            continue;
        printf("  %3dx%-3d %4d -> %4d  %dx%d/%d %-9s x%d %8.1f us  %6.1f GFLOP/s %4.0f %%\n",
               (int)l->size, (int)l->size, (int)l->channels, (int)l->maps, (int)l->kernel,
               (int)l->kernel, (int)l->stride, l->group > 1 ? "depthwise" : "", l->count,
               steps[i].least * 1e6, work / steps[i].least, 100 * work / steps[i].least / peak);
    }
    printf("  all: %.2f ms, %.1f GFLOP/s, %.0f %%\n", time * 1e3, flops / time,
           100 * flops / time / peak);
    arena_release(&keep);
}

int main(int argc, char **argv)
{
    printf("isa %s\n", isa_name(cpu_isa()));
    for (size_t i = 0; i < sizeof NETWORKS / sizeof *NETWORKS; i++)
        if (argc < 2 || !strcmp(argv[1], NETWORKS[i].name))
            bench(NETWORKS[i].name, NETWORKS[i].layers, NETWORKS[i].count,
                  argc > 2 ? atoi(argv[2]) : 15);
    return 0;
}
