// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/nhwc.h"

#include <math.h>

#include "ops/fast/conv/depthwise.h"
#include "ops/fast/conv/winograd.h"

enum { X, W, BIAS, RESIDUAL };
enum {
    PHASES_MAX = 64, /* of a transposed convolution: more have the reference */
    SPATIAL_MAX = 3,
};

/* A transposed convolution is one direct convolution of stride 1 for each phase: the outputs whose
 * index plus pad has the same remainder by the stride, in each dimension, see the same taps. */
struct phase {
    union {
        struct conv_weights weights;
        struct depthwise_weights depthwise;
        struct winograd winograd;
    };
    ptrdiff_t offset[3]; /* of the first tap: input = (output + pad) / stride + offset */
};

struct conv {
    struct epilogue epilogue;
    enum { IMPLICIT, DEPTHWISE, WINOGRAD } kind;
    bool transposed;
    size_t m;              /* of WINOGRAD */
    size_t channels, maps; /* of all groups */
    size_t stride[3];
    size_t phase_count; /* 1, or the product of the strides */
    struct phase *phases;
};

static bool serves(const struct op_call *call, const struct convolution *c)
{
    const struct tensor *w = &call->in[W];

    return !op_is_reference_only() && call->in[X].dtype == DTYPE_F32 && c->window.rank >= 1 &&
           c->window.rank <= SPATIAL_MAX && w->data && shape_is_known(&w->shape) &&
           tensor_count(w) && (!op_has(call, BIAS) || call->in[BIAS].data);
}

/* Of spatial dimension i of three, in a window of fewer; -1: it has none such. */
static int dimension_of(const struct window *w, int i)
{
    return i - (SPATIAL_MAX - w->rank);
}

/* Weights of all groups as they are stored, every tap. */
static struct conv_source source_of(const struct op_call *call, const struct convolution *c)
{
    const struct tensor *w = &call->in[W];
    size_t out = c->transposed ? 1 : 0, in = 1 - out; /* dimensions of maps and channels */
    struct conv_source s = {.data = w->data, .groups = c->groups};
    int64_t strides[RANK_MAX];

    stored_strides(w, strides);
    for (int i = 0; i < SPATIAL_MAX; i++) {
        int d = dimension_of(&c->window, i);

        s.step[i] = d < 0 ? 0 : (ptrdiff_t)strides[d + 2];
        s.kernel[i] = d < 0 ? 1 : (size_t)c->window.kernel[d];
    }
    s.maps = (size_t)w->shape.dims[out] / (c->transposed ? 1 : c->groups);
    s.channels = (size_t)w->shape.dims[in] / (c->transposed ? c->groups : 1);
    s.map_step = (size_t)strides[out];
    s.channel_step = (size_t)strides[in];
    s.group_step = (c->transposed ? s.channels : s.maps) * (size_t)strides[0];
    s.factors = w->stored ? w->stored->factors : NULL;
    s.bias = op_has(call, BIAS) ? call->in[BIAS].data : NULL;
    return s;
}

/* Of the taps of one dimension those that meet outputs with remainder `r`: k with (r - k *
 * dilation) divisible by the stride, from the last to the first, so that inputs ascend. */
static void phase_taps(const struct conv_source *all, int i, ptrdiff_t r, ptrdiff_t stride,
                       size_t *dilation, struct conv_source *s, ptrdiff_t *offset)
{
    ptrdiff_t full = (ptrdiff_t)dilation[i], kernel = (ptrdiff_t)all->kernel[i], last = -1;
    size_t count = 0;
    ptrdiff_t before = -1;

    *offset = 0;
    for (ptrdiff_t k = 0; k < kernel; k++) {
        if ((r - k * full) % stride)
            continue;
        before = last;
        last = k;
        count++;
    }
    s->kernel[i] = count;
    if (!count)
        return;
    *offset = (r - last * full) / stride;
    s->first += last * all->step[i];
    s->step[i] = count > 1 ? (before - last) * all->step[i] : 0;
    dilation[i] = count > 1 ? (size_t)((last - before) * full / stride) : 1;
}

/* The m of Winograd's algorithm, or 0 where sums are as good. */
static size_t pays(const struct convolution *c, const struct conv_source *source)
{
    const struct window *w = &c->window;
    size_t out[2];

    if (c->transposed || w->rank != 2)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (w->stride[i] != 1 || w->dilation[i] != 1 || !dim_is_known(w->out[i]))
            return 0;
        out[i] = (size_t)w->out[i];
    }
    return winograd_pays(source, out);
}

static bool phase_is_finite(const struct conv *conv, const struct phase *phase)
{
    return conv->kind == DEPTHWISE  ? phase->depthwise.finite
           : conv->kind == WINOGRAD ? phase->winograd.finite
                                    : phase->weights.finite;
}

static enum status pack_phases(const struct op_call *call, const struct convolution *c,
                               struct conv *conv, bool *finite, struct arena *keep,
                               struct error *err)
{
    struct conv_source all = source_of(call, c);

    conv->channels = all.channels * all.groups;
    conv->maps = all.maps * all.groups;
    conv->m = pays(c, &all);
    conv->kind = all.channels == 1 && all.groups > 1 ? DEPTHWISE : conv->m ? WINOGRAD : IMPLICIT;
    for (size_t i = 0; i < conv->phase_count; i++) {
        struct phase *phase = &conv->phases[i];
        struct conv_source s = all;
        size_t dilation[3], rest = i;

        for (int j = SPATIAL_MAX - 1; j >= 0; j--) {
            int d = dimension_of(&c->window, j);

            dilation[j] = d < 0 ? 1 : (size_t)c->window.dilation[d];
            if (conv->transposed)
                phase_taps(&all, j, (ptrdiff_t)(rest % conv->stride[j]), (ptrdiff_t)conv->stride[j],
                           dilation, &s, &phase->offset[j]);
            rest /= conv->stride[j];
        }
        if (conv->kind == DEPTHWISE)
            TRY(depthwise_pack(&s, dilation, &phase->depthwise, keep, err));
        else if (conv->kind == WINOGRAD)
            TRY(winograd_pack(&s, conv->m, &phase->winograd, call->team, keep, err));
        else
            TRY(conv_pack(&s, dilation, &phase->weights, call->team, keep, err));
        *finite = *finite && phase_is_finite(conv, phase);
    }
    return STATUS_OK;
}

enum status conv_prepare(const struct op_call *call, const struct convolution *c,
                         struct conv **made, struct arena *keep, struct error *err)
{
    struct conv *conv;
    bool finite = true;

    *made = NULL;
    if (!serves(call, c))
        return STATUS_OK;
    conv = arena_new(keep, struct conv, 1);
    if (!conv)
        return error_no_memory(err, "a convolution");
    TRY(epilogue_read(call, &conv->epilogue, err));
    conv->transposed = c->transposed;
    conv->phase_count = 1;
    for (int i = 0; i < SPATIAL_MAX; i++) {
        int d = dimension_of(&c->window, i);

        conv->stride[i] = d < 0 ? 1 : (size_t)c->window.stride[d];
        if (c->transposed && conv->stride[i] > PHASES_MAX / conv->phase_count)
            return STATUS_OK;
        if (c->transposed)
            conv->phase_count *= conv->stride[i];
    }
    conv->phases = arena_new(keep, struct phase, conv->phase_count);
    if (!conv->phases)
        return error_no_memory(err, "a convolution");
    TRY(pack_phases(call, c, conv, &finite, keep, err));
    *made = finite ? conv : NULL;
    return STATUS_OK;
}

/* Where y and x lie, all of y. */
static void geometry_of(const struct conv *conv, const struct convolution *c,
                        struct conv_geometry *g, size_t *y_at)
{
    size_t step = conv->maps;

    *g = (struct conv_geometry){.n = c->n, .x_step = conv->channels};
    *y_at = 0;
    for (int i = SPATIAL_MAX - 1; i >= 0; i--) {
        int d = dimension_of(&c->window, i);

        g->in[i] = d < 0 ? 1 : (size_t)c->window.in[d];
        g->out[i] = d < 0 ? 1 : (size_t)c->window.out[d];
        g->begin[i] = d < 0 ? 0 : (ptrdiff_t)c->window.begin[d];
        g->stride[i] = conv->stride[i];
        g->y_step[i] = step;
        step *= g->out[i];
    }
    g->y_image = step;
}

/* The geometry of phase `number`: outputs number, number + stride ... Its weights in *weights;
 * false when it has no outputs. */
static bool phase_geometry(const struct conv *conv, size_t number, struct conv_geometry *g,
                           size_t *y_at, const struct phase **phase)
{
    size_t index = 0, place[3], rest = number;
    ptrdiff_t begin[3];

    *phase = conv->phases;
    if (!conv->transposed)
        return true;
    for (int i = SPATIAL_MAX - 1; i >= 0; i--) {
        place[i] = rest % conv->stride[i];
        rest /= conv->stride[i];
        if (place[i] >= g->out[i])
            return false;
    }
    for (int i = 0; i < SPATIAL_MAX; i++) {
        ptrdiff_t stride = (ptrdiff_t)conv->stride[i], at = (ptrdiff_t)place[i] + g->begin[i];
        ptrdiff_t r = at % stride < 0 ? at % stride + stride : at % stride;

        begin[i] = (r - at) / stride;
        index = index * conv->stride[i] + (size_t)r;
        *y_at += place[i] * g->y_step[i];
        g->y_step[i] *= conv->stride[i];
        g->out[i] = (g->out[i] - place[i] + conv->stride[i] - 1) / conv->stride[i];
        g->stride[i] = 1;
    }
    *phase += index;
    for (int i = 0; i < SPATIAL_MAX; i++)
        g->begin[i] = begin[i] - (*phase)->offset[i];
    return true;
}

static size_t phase_scratch(const struct conv *conv, const struct phase *phase,
                            const struct conv_geometry *g, struct team *team)
{
    switch (conv->kind) {
    case DEPTHWISE:
        return depthwise_scratch(&phase->depthwise, g, team);
    case WINOGRAD:
        return winograd_scratch(&phase->winograd, g, team);
    default:
        return conv_implicit_scratch(&phase->weights, g, team);
    }
}

static void phase_run(const struct conv *conv, const struct phase *phase,
                      const struct conv_geometry *g, const struct conv_operands *operands)
{
    switch (conv->kind) {
    case DEPTHWISE:
        depthwise_run(&phase->depthwise, g, &conv->epilogue, operands);
        break;
    case WINOGRAD:
        winograd_run(&phase->winograd, g, &conv->epilogue, operands);
        break;
    default:
        conv_implicit_run(&phase->weights, g, &conv->epilogue, operands);
    }
}

size_t conv_scratch_size(const struct conv *conv, const struct convolution *c, struct team *team)
{
    size_t most = 0;

    for (size_t i = 0; i < conv->phase_count; i++) {
        const struct phase *phase;
        struct conv_geometry g;
        size_t y_at, size;

        geometry_of(conv, c, &g, &y_at);
        if (!phase_geometry(conv, i, &g, &y_at, &phase))
            continue;
        size = phase_scratch(conv, phase, &g, team);
        most = size > most ? size : most;
    }
    return most;
}

void conv_run(const struct conv *conv, const struct convolution *c, const struct op_call *call)
{
    for (size_t i = 0; i < conv->phase_count; i++) {
        const struct phase *phase;
        struct conv_geometry g;
        struct conv_operands operands = {.x = call->in[X].data,
                                         .y = call->out[0].data,
                                         .scratch = call->scratch,
                                         .team = call->team};
        size_t y_at;

        geometry_of(conv, c, &g, &y_at);
        if (!phase_geometry(conv, i, &g, &y_at, &phase))
            continue;
        operands.y += y_at;
        if (op_has(call, RESIDUAL))
            operands.residual = (const float *)call->in[RESIDUAL].data + y_at;
        phase_run(conv, phase, &g, &operands);
    }
}
