// SPDX-License-Identifier: Apache-2.0
/* ResizeImage and ScaleTranslate: images (N, H, W, C) to another size, in the places and with the
 * weights that TensorFlow computes in single precision.
 *
 * ResizeImage: x, size (2,) int. Attributes: method ("nearest", "bilinear", "bicubic", "area"),
 * corners, half. Nearest takes any type; the others take float.
 * ScaleTranslate: x float, size (2,) int, scale (2,), translation (2,) float. Attributes: kernel,
 * antialias.
 * Sources: tensorflow/core/util/image_resizer_state.h, core/kernels/image/. */
#include <float.h>
#include <math.h>

#include "ops/fast/image/resize.h"
#include "ops/kernels/call.h"

enum { X, SIZE, SCALE, TRANSLATION, SIZE_MAX_OUT = 1 << 28, CUBIC_STEPS = 1 << 10 };

enum method { NEAREST, BILINEAR, BICUBIC, AREA };
static const char *const METHODS[] = {"nearest", "bilinear", "bicubic", "area"};

struct sampler { /* of ScaleTranslate */
    const char *name;
    float radius;
    float (*weight)(float x, float radius); /* x >= 0 */
};

struct resize {
    bool is_translate, corners, half, antialias;
    enum method method;
    const struct sampler *sampler;
    int64_t in[2], out[2];
    float scale[2], translation[2];
};

/* --- kernels of ScaleTranslate --- */

static float lanczos(float x, float radius)
{
    const float pi = 3.14159265359f;

    if (x > radius)
        return 0;
    if (x <= 1e-3f)
        return 1;
    return radius * sinf(pi * x) * sinf(pi * x / radius) / (pi * pi * x * x);
}

static float gaussian(float x, float radius)
{
    float sigma = radius / 3;

    return x >= radius ? 0 : (float)exp((double)(-x * x) / (2.0 * (double)sigma * (double)sigma));
}

static float box(float x, float radius)
{
    (void)radius;
    return x < 0.5f ? 1 : x == 0.5f ? 0.5f : 0;
}

static float triangle(float x, float radius)
{
    (void)radius;
    return x < 1 ? 1 - x : 0;
}

static float keys_cubic(float x, float radius)
{
    if (x >= radius)
        return 0;
    if (x >= 1)
        return ((-0.5f * x + 2.5f) * x - 4) * x + 2;
    return ((1.5f * x - 2.5f) * x) * x + 1;
}

static float mitchell_cubic(float x, float radius)
{
    if (x >= radius)
        return 0;
    if (x >= 1)
        return (((-7.0f / 18) * x + 2) * x - 10.0f / 3) * x + 16.0f / 9;
    return (((7.0f / 6) * x - 2) * x) * x + 8.0f / 9;
}

static const struct sampler SAMPLERS[] = {
    {"lanczos1", 1, lanczos},
    {"lanczos3", 3, lanczos},
    {"lanczos5", 5, lanczos},
    {"gaussian", 1.5f, gaussian},
    {"box", 1, box},
    {"triangle", 1, triangle},
    {"keyscubic", 2, keys_cubic},
    {"mitchellcubic", 2, mitchell_cubic},
};

/* --- reading a call --- */

static enum status read_kind(const struct op_call *call, struct resize *r, struct error *err)
{
    struct bytes name;
    size_t i = 0;

    *r = (struct resize){.is_translate = call->in_count > 2};
    name = attribute_string(call->attributes, r->is_translate ? "kernel" : "method", "");
    r->corners = attribute_int(call->attributes, "corners", 0);
    r->half = attribute_int(call->attributes, "half", 0);
    r->antialias = attribute_int(call->attributes, "antialias", 1);
    if (r->is_translate) {
        while (i < sizeof SAMPLERS / sizeof *SAMPLERS && !bytes_is(name, SAMPLERS[i].name))
            i++;
        if (i == sizeof SAMPLERS / sizeof *SAMPLERS)
            return op_error(call, err, STATUS_UNSUPPORTED, "this kernel");
        r->sampler = &SAMPLERS[i];
        return STATUS_OK;
    }
    while (i < sizeof METHODS / sizeof *METHODS && !bytes_is(name, METHODS[i]))
        i++;
    if (i == sizeof METHODS / sizeof *METHODS)
        return op_error(call, err, STATUS_UNSUPPORTED, "this method");
    r->method = (enum method)i;
    if (r->corners && r->half)
        return op_error(call, err, STATUS_INVALID_INPUT, "corners and half pixels");
    return STATUS_OK;
}

/* Sizes, where they are known: *known. */
static enum status read_sizes(const struct op_call *call, struct resize *r, bool *known,
                              struct error *err)
{
    const struct shape *x = &call->in[X].shape;
    size_t count;

    *known = op_is_known(call, SIZE);
    if (!*known)
        return STATUS_OK;
    TRY(op_input_ints(call, SIZE, r->out, 2, &count, err));
    if (count != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "a size of %zu numbers", count);
    for (int i = 0; i < 2; i++) {
        r->in[i] = x->dims[i + 1];
        if (r->out[i] < 1 || r->out[i] > SIZE_MAX_OUT || r->in[i] > SIZE_MAX_OUT)
            return op_error(call, err, STATUS_INVALID_INPUT, "from size %lld to %lld",
                            (long long)r->in[i], (long long)r->out[i]);
        if (r->in[i] == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "an image without pixels");
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[X].shape;
    struct resize r;
    bool known;

    TRY(read_kind(call, &r, err));
    TRY(op_wants(call, X,
                 !r.is_translate && r.method == NEAREST ? DTYPES_NUMBER : DTYPE_BIT(DTYPE_F32),
                 err));
    TRY(op_wants(call, SIZE, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, X, 4, 4, err));
    TRY(op_wants_rank(call, SIZE, 1, 1, err));
    for (size_t i = SCALE; i < call->in_count; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
        TRY(op_wants_rank(call, i, 1, 1, err));
        if (shape_is_known(&call->in[i].shape) && call->in[i].shape.dims[0] != 2)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %lld numbers", i,
                            (long long)call->in[i].shape.dims[0]);
    }
    if (out.rank == 4) {
        TRY(read_sizes(call, &r, &known, err));
        out.dims[1] = known ? r.out[0] : DIM_UNKNOWN;
        out.dims[2] = known ? r.out[1] : DIM_UNKNOWN;
    }
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

/* --- one axis: which inputs make an output --- */

static float scale_of(const struct resize *r, int axis)
{
    if (r->corners && r->out[axis] > 1)
        return (float)(r->in[axis] - 1) / (float)(r->out[axis] - 1);
    return (float)r->in[axis] / (float)r->out[axis];
}

/* Where output o lies in the input. */
static float place_of(const struct resize *r, int64_t o, float scale)
{
    return r->half ? ((float)o + 0.5f) * scale - 0.5f : (float)o * scale;
}

static int64_t span_of(const struct resize *r, int axis)
{
    float inverse = 1 / r->scale[axis];
    float wide = r->antialias && inverse > 1 ? inverse : 1;
    double span = 2 * ceil((double)(r->sampler->radius * wide)) + 1;

    return span < (double)r->in[axis] ? (int64_t)span : r->in[axis];
}

static int64_t taps_of(const struct resize *r, int axis)
{
    if (r->is_translate)
        return span_of(r, axis);
    switch (r->method) {
    case NEAREST:
        return 1;
    case BILINEAR:
        return 2;
    case BICUBIC:
        return 4;
    default:
        return (int64_t)ceilf(scale_of(r, axis)) + 1;
    }
}

static void fill_nearest(const struct resize *r, float scale, struct resize_table *table,
                         int64_t out)
{
    for (int64_t o = 0; o < out; o++) {
        float at = r->half ? ((float)o + 0.5f) * scale : (float)o * scale;

        table->first[o] = (int64_t)(r->corners ? roundf(at) : floorf(at));
        table->weights[o] = 1;
    }
}

static void fill_bilinear(const struct resize *r, float scale, struct resize_table *table,
                          int64_t out)
{
    for (int64_t o = 0; o < out; o++) {
        float at = place_of(r, o, scale), low = floorf(at), part = at - low;

        table->first[o] = (int64_t)low;
        table->weights[2 * o] = (double)(1 - part);
        table->weights[2 * o + 1] = (double)part;
    }
}

/* TensorFlow's table: the weights of the two inputs at distances x and x + 1. */
static void cubic_weights(double a, int64_t step, float *near, float *far)
{
    float x = (float)((double)step / CUBIC_STEPS);
    double at = (double)x;

    *near = (float)(((a + 2) * at - (a + 3)) * at * at + 1);
    at = (double)(float)(at + 1);
    *far = (float)(((a * at - 5 * a) * at + 8 * a) * at - 4 * a);
}

static void fill_bicubic(const struct resize *r, float scale, struct resize_table *table,
                         int64_t out)
{
    double a = r->half ? -0.5 : -0.75;

    for (int64_t o = 0; o < out; o++) {
        float at = place_of(r, o, scale), low = floorf(at), w[4], sum = 0;
        int64_t step = lrintf((at - low) * CUBIC_STEPS);

        cubic_weights(a, step, &w[1], &w[0]);
        cubic_weights(a, CUBIC_STEPS - step, &w[2], &w[3]);
        table->first[o] = (int64_t)low - 1;
        for (int k = 0; r->half && k < 4; k++) {
            int64_t index = table->first[o] + k;

            if (index < 0 || index >= table->in)
                w[k] = 0;
            sum += w[k];
        }
        for (int k = 0; k < 4; k++) {
            if (r->half && fabsf(sum) >= 1000 * FLT_MIN)
                w[k] *= 1 / sum;
            table->weights[4 * o + k] = (double)w[k];
        }
    }
}

/* The part of each input that output o covers. */
static void fill_area(float scale, struct resize_table *table, int64_t out)
{
    for (int64_t o = 0; o < out; o++) {
        float from = (float)o * scale, to = (float)(o + 1) * scale;
        int64_t first = (int64_t)floorf(from), end = (int64_t)ceilf(to);

        table->first[o] = first;
        for (int64_t k = 0; k < table->taps; k++) {
            float i = (float)(first + k), part;

            if (i < from)
                part = i + 1 > to ? scale : i + 1 - from;
            else
                part = i + 1 > to ? to - i : 1;
            table->weights[o * table->taps + k] =
                first + k < end ? (double)part / (double)scale : 0;
        }
    }
}

static void fill_span(const struct resize *r, int axis, struct resize_table *table, int64_t out)
{
    float inverse = (float)(1.0 / (double)r->scale[axis]);
    float shift = -inverse * r->translation[axis];
    float wide = r->antialias && inverse > 1 ? inverse : 1, radius = r->sampler->radius * wide;
    int64_t last = table->in - 1;

    for (int64_t o = 0; o < out; o++) {
        float at = ((float)o + 0.5f) * inverse + shift, sum = 0;
        double *weights = table->weights + o * table->taps;
        int64_t from, to;

        for (int64_t k = 0; k < table->taps; k++)
            weights[k] = 0;
        table->first[o] = 0;
        if (!(at >= 0 && at <= (float)table->in))
            continue;
        from = (int64_t)ceilf(at - radius - 0.5f);
        to = (int64_t)floorf(at + radius - 0.5f);
        from = from < 0 ? 0 : from > last ? last : from;
        to = to < 0 ? 0 : to > last ? last : to;
        for (int64_t i = from; i <= to && i - from < table->taps; i++) {
            float weight =
                r->sampler->weight(fabsf(((float)i + 0.5f - at) * (1 / wide)), r->sampler->radius);

            weights[i - from] = (double)weight;
            sum += weight;
        }
        for (int64_t k = 0; k < table->taps; k++)
            weights[k] = fabsf(sum) >= 1000 * FLT_MIN ? (double)((float)weights[k] * (1 / sum)) : 0;
        table->first[o] = from;
    }
}

/* --- the whole --- */

static size_t table_size(const struct resize *r, int axis)
{
    return (size_t)r->out[axis] * ((size_t)taps_of(r, axis) + 1) * 8;
}

static char *table_fill(const struct resize *r, int axis, char *memory, struct resize_table *table)
{
    int64_t out = r->out[axis];
    float scale = scale_of(r, axis);

    table->taps = taps_of(r, axis);
    table->in = r->in[axis];
    table->first = (int64_t *)memory;
    table->weights = (double *)(table->first + out);
    if (r->is_translate)
        fill_span(r, axis, table, out);
    else if (r->method == NEAREST)
        fill_nearest(r, scale, table, out);
    else if (r->method == BILINEAR)
        fill_bilinear(r, scale, table, out);
    else if (r->method == BICUBIC)
        fill_bicubic(r, scale, table, out);
    else
        fill_area(r->in[axis] == 1 ? 1 / (float)out : scale, table, out); /* never without area */
    return memory + table_size(r, axis);
}

static enum status read_call(const struct op_call *call, struct resize *r, struct error *err)
{
    bool known;

    TRY(read_kind(call, r, err));
    TRY(read_sizes(call, r, &known, err));
    for (int i = 0; r->is_translate && i < 2; i++) {
        r->scale[i] = call->in[SCALE].data ? ((const float *)call->in[SCALE].data)[i] : 1;
        r->translation[i] =
            call->in[TRANSLATION].data ? ((const float *)call->in[TRANSLATION].data)[i] : 0;
        if (!(r->scale[i] > 0) || !isfinite(r->translation[i]) || !isfinite(r->scale[i]))
            return op_error(call, err, STATUS_INVALID_INPUT, "a scale of %g, a translation of %g",
                            (double)r->scale[i], (double)r->translation[i]);
    }
    return STATUS_OK;
}

/* A scale that a request brings has no bound on its taps but the size of the image. */
static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct resize r;
    size_t size = 0;

    if (read_kind(call, &r, &ignored) || read_call(call, &r, &ignored))
        return 0;
    for (int i = 0; i < 2; i++) {
        if (r.is_translate)
            size += (size_t)r.out[i] * ((size_t)r.in[i] + 1) * 8;
        else
            size += table_size(&r, i);
    }
    return size + ((size_t)call->in[X].shape.dims[0] + (size_t)call->in[X].shape.dims[3]) * 16;
}

/* An axis that stays as it is. */
static char *table_keep(int64_t size, char *memory, struct resize_table *table)
{
    table->taps = 1;
    table->in = size;
    table->first = (int64_t *)memory;
    table->weights = (double *)(table->first + size);
    for (int64_t i = 0; i < size; i++) {
        table->first[i] = i;
        table->weights[i] = 1;
    }
    return (char *)(table->weights + size);
}

/* One output pixel, all channels. What has no weight takes no part, unless TensorFlow multiplies it
 * too, which shows when it is not finite. */
static void mix(const struct tensor *x, const struct resize_table *rows,
                const struct resize_table *columns, bool all, const int64_t at_pixel[2],
                size_t base, float *y)
{
    int64_t row = at_pixel[0], column = at_pixel[1];
    size_t channels = (size_t)x->shape.dims[3];
    const float *data = x->data;

    for (size_t c = 0; c < channels; c++) {
        double sum = 0;

        for (int64_t i = 0; i < rows->taps; i++) {
            double outer = rows->weights[row * rows->taps + i], line = 0;
            size_t at = base + (size_t)(resize_index(rows, row, i) * columns->in) * channels;

            if (outer == 0 && !all)
                continue;
            for (int64_t j = 0; j < columns->taps; j++) {
                double inner = columns->weights[column * columns->taps + j];

                if (inner != 0 || all)
                    line +=
                        inner *
                        (double)data[at + (size_t)resize_index(columns, column, j) * channels + c];
            }
            sum += outer * line;
        }
        y[c] = (float)sum;
    }
}

static void run_reference(const struct op_call *call, const struct resize *r,
                          const struct resize_table *rows, const struct resize_table *columns)
{
    bool nearest = !r->is_translate && r->method == NEAREST;
    bool all = !r->is_translate && r->method == BICUBIC;
    const struct tensor *x = &call->in[X], *y = &call->out[0];
    size_t image = shape_span(&x->shape, 1, 4), channels = (size_t)x->shape.dims[3];
    size_t pixel = channels * dtype_size(x->dtype);
    char *to = y->data;

    for (size_t n = 0; n < (size_t)x->shape.dims[0]; n++)
        for (int64_t i = 0; i < y->shape.dims[1]; i++)
            for (int64_t j = 0; j < y->shape.dims[2]; j++, to += pixel) {
                size_t at =
                    (size_t)(resize_index(rows, i, 0) * columns->in + resize_index(columns, j, 0));

                if (nearest)
                    memcpy(to,
                           (const char *)x->data + n * image * dtype_size(x->dtype) + at * pixel,
                           pixel);
                else
                    mix(x, rows, columns, all, (const int64_t[2]){i, j}, n * image, (float *)to);
            }
}

/* Between two rows and two columns, each step rounded as TensorFlow rounds it: what is cut to whole
 * pixels afterwards shows the last bit. */
static void run_bilinear(const struct op_call *call, const struct resize_table *rows,
                         const struct resize_table *columns)
{
    const struct tensor *x = &call->in[X];
    const struct shape *out = &call->out[0].shape;
    size_t channels = (size_t)x->shape.dims[3], line = (size_t)columns->in * channels;
    float *y = call->out[0].data;

    for (size_t n = 0; n < (size_t)x->shape.dims[0]; n++)
        for (int64_t i = 0; i < out->dims[1]; i++) {
            const float *image = (const float *)x->data + n * (size_t)rows->in * line;
            float down = (float)rows->weights[2 * i + 1];
            const float *top = image + (size_t)resize_index(rows, i, 0) * line;
            const float *bottom = image + (size_t)resize_index(rows, i, down > 0) * line;

            for (int64_t j = 0; j < out->dims[2]; j++, y += channels) {
                float right = (float)columns->weights[2 * j + 1];
                size_t a = (size_t)resize_index(columns, j, 0) * channels;
                size_t b = (size_t)resize_index(columns, j, right > 0) * channels;

                for (size_t c = 0; c < channels; c++) {
                    float above = top[a + c] + (top[b + c] - top[a + c]) * right;
                    float below = bottom[a + c] + (bottom[b + c] - bottom[a + c]) * right;

                    y[c] = above + (below - above) * down;
                }
            }
        }
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct image_resize fast = {.x = &call->in[X], .y = &call->out[0]};
    struct resize_table tables[4];
    char *memory = call->scratch;
    struct resize r;

    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    TRY(read_call(call, &r, err));
    memory = table_keep(fast.x->shape.dims[0], memory, &tables[0]);
    memory = table_keep(fast.x->shape.dims[3], memory, &tables[3]);
    for (int i = 0; i < 2; i++)
        memory = table_fill(&r, i, memory, &tables[i + 1]);
    fast.tables = tables;
    fast.nearest = !r.is_translate && r.method == NEAREST;
    if (!r.is_translate && r.method == BILINEAR)
        run_bilinear(call, &tables[1], &tables[2]);
    else if (r.is_translate || r.method == AREA || op_wants_reference(call) ||
             !image_resize_fits(&fast))
        run_reference(call, &r, &tables[1], &tables[2]);
    else
        image_resize_run(&fast, call->team);
    return STATUS_OK;
}

#define ROW(op, text, inputs)                                                                      \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS, .in_min = inputs, .in_max = inputs,         \
        .out_min = 1, .out_max = 1, .infer = infer, .prepare = op_prepare_reference,               \
        .scratch_size = scratch_size, .run = run                                                   \
    }

const struct op_set ops_firn_resize_image =
    OP_SET(ROW("ResizeImage", "images to another size, as TensorFlow", 2),
           ROW("ScaleTranslate", "images to another size and place, as TensorFlow", 4));
