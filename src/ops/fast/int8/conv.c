// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/int8/conv.h"

#include "ops/fast/int8/depthwise.h"

#include <string.h>

#include "base/checked.h"
#include "ops/fast/spread.h"

enum { TAPS_MAX = 1 << 10, SLACK = 8 };
static const double BYTES_PER_NS = 20; /* of an image that is copied */

/* --- packing --- */

static size_t kernel_count(const struct shape *w)
{
    return shape_span(w, 2, w->rank);
}

static enum status pack_groups(struct int8_conv *conv, struct team *team, struct arena *keep,
                               struct error *err)
{
    const struct tensor *w = conv->request.w;
    size_t kernel = kernel_count(&w->shape), channels = conv->per_group;
    size_t maps = conv->maps / conv->groups;
    struct int8_layout layout = {
        .tap_count = kernel / conv->row,
        .run = conv->row * channels,
        .columns = maps,
        .column_step = channels * kernel,
        .tap_step = conv->row,
        .outer_step = 1,
        .inner_step = kernel,
        .inner = channels,
        .has_slack = true,
    };

    conv->weights = arena_new(keep, struct int8_weights, conv->groups);
    if (!conv->weights)
        return error_no_memory(err, "packed weights");
    for (size_t g = 0; g < conv->groups; g++)
        TRY(int8_pack(&conv->weights[g], w->dtype,
                      (const char *)w->data + g * maps * channels * kernel, &layout, team, keep,
                      err));
    return STATUS_OK;
}

enum status int8_conv_prepare(const struct int8_conv_request *request, struct int8_conv **made,
                              struct team *team, struct arena *keep, struct error *err)
{
    const struct shape *w = &request->w->shape;
    int rank = w->rank - 2;
    struct int8_conv *conv;

    *made = NULL;
    if (rank < 1 || rank > INT8_CONV_RANK_MAX || kernel_count(w) > TAPS_MAX || !kernel_count(w) ||
        !w->dims[0] || !w->dims[1])
        return STATUS_OK;
    conv = arena_new(keep, struct int8_conv, 1);
    if (!conv)
        return error_no_memory(err, "packed weights");
    *conv = (struct int8_conv){
        .kernels = int8_kernels_of_machine(),
        .groups = request->groups,
        .maps = (size_t)w->dims[0],
        .per_group = (size_t)w->dims[1],
        .row = request->groups == 1 && request->dilation == 1 ? (size_t)w->dims[w->rank - 1] : 1,
        .request = *request,
    };
    if (conv->per_group == 1 && conv->maps == conv->groups && conv->groups > 1 &&
        kernel_count(w) <= INT8_DEPTHWISE_TAPS_MAX)
        TRY(int8_depthwise_pack(conv, keep, err));
    else
        TRY(pack_groups(conv, team, keep, err));
    *made = conv;
    return STATUS_OK;
}

/* --- the image as the kernels read it: padded, channels last --- */

struct image {
    bool is_copy;
    size_t element; /* bytes */
    int rank;
    size_t dims[INT8_CONV_RANK_MAX], begin[INT8_CONV_RANK_MAX];
    size_t channels;
    size_t bytes; /* of one */
};

static size_t element_of(const struct int8_conv *conv)
{
    return conv->depthwise ? 1 : conv->weights->kernels->element;
}

/* false when it overflows */
static bool image_of(const struct int8_conv *conv, const struct convolution *c, bool channels_first,
                     struct image *image)
{
    bool fits = true;

    *image = (struct image){.is_copy = channels_first || element_of(conv) != 1 ||
                                       (conv->weights && conv->weights->read != conv->weights->run),
                            .element = element_of(conv),
                            .rank = c->window.rank,
                            .channels = c->channels};
    image->bytes = image->element * c->channels;
    for (int d = 0; d < image->rank; d++) {
        const struct window *w = &c->window;

        image->begin[d] = (size_t)w->begin[d];
        image->dims[d] = (size_t)(w->in[d] + w->begin[d] + w->end[d]);
        /* a last window that is only partly inside: ceil_mode */
        if ((int64_t)image->dims[d] <
            (w->out[d] - 1) * w->stride[d] + (w->kernel[d] - 1) * w->dilation[d] + 1)
            image->dims[d] =
                (size_t)((w->out[d] - 1) * w->stride[d] + (w->kernel[d] - 1) * w->dilation[d] + 1);
        image->is_copy = image->is_copy || image->dims[d] != (size_t)w->in[d];
        fits = fits && checked_multiply(image->bytes, image->dims[d], &image->bytes);
    }
    return fits;
}

/* `count` pixels in a row. */
static void copy_row(const struct convolution *c, bool channels_first, const struct image *image,
                     const uint8_t *from, size_t count, char *to)
{
    size_t channels = c->channels, plane = 1;
    bool is_signed = c->dtype == DTYPE_I8;

    if (!channels_first) {
        if (image->element == 1)
            memcpy(to, from, count * channels);
        else
            int8_widen(from, is_signed, count * channels, (int16_t *)(void *)to);
        return;
    }
    for (int d = 0; d < image->rank; d++)
        plane *= (size_t)c->window.in[d];
    for (size_t k = 0; k < channels; k++, from += plane)
        for (size_t i = 0; i < count; i++) {
            if (image->element == 1)
                ((uint8_t *)to)[i * channels + k] = from[i];
            else
                ((int16_t *)(void *)to)[i * channels + k] =
                    is_signed ? (int8_t)from[i] : (int16_t)from[i];
        }
}

static char *fill(const struct image *image, int32_t zero, size_t pixels, char *to)
{
    size_t count = pixels * image->channels;

    if (image->element == 1)
        memset(to, zero, count);
    else
        for (size_t i = 0; i < count; i++)
            ((int16_t *)(void *)to)[i] = (int16_t)zero;
    return to + count * image->element;
}

/* An item with its halo, row by row. */
struct copying {
    const struct convolution *c;
    const struct image *image;
    bool channels_first;
    int32_t zero;
    const uint8_t *x;
    char *to;
};

/* The row of x that a row of the image is a copy of; NULL: it is all halo. */
static const uint8_t *row_of(const struct copying *copying, size_t row)
{
    const struct window *w = &copying->c->window;
    const struct image *image = copying->image;
    int last = image->rank - 1;
    size_t offset = 0, step = (size_t)w->in[last];

    for (int d = last - 1; d >= 0; d--) {
        size_t at = row % image->dims[d] - image->begin[d];

        if (at >= (size_t)w->in[d])
            return NULL;
        offset += at * step;
        step *= (size_t)w->in[d];
        row /= image->dims[d];
    }
    return copying->x + offset * (copying->channels_first ? 1 : image->channels);
}

static void copy_rows(void *context, size_t first, size_t end)
{
    const struct copying *copying = context;
    const struct image *image = copying->image;
    size_t last = (size_t)image->rank - 1, width = image->dims[last], begin = image->begin[last];
    size_t count = (size_t)copying->c->window.in[last];

    for (size_t row = first; row < end; row++) {
        const uint8_t *from = row_of(copying, row);
        char *to = copying->to + row * width * image->channels * image->element;

        if (!from) {
            fill(image, copying->zero, width, to);
            continue;
        }
        to = fill(image, copying->zero, begin, to);
        copy_row(copying->c, copying->channels_first, image, from, count, to);
        to += count * image->channels * image->element;
        fill(image, copying->zero, width - begin - count, to);
    }
}

/* Item n of x into `to`. */
static void copy_image(const struct convolution *c, bool channels_first, const struct image *image,
                       int32_t zero, size_t n, char *to, struct team *team)
{
    size_t plane = 1, rows = 1, bytes = image->channels * image->element;
    struct copying copying = {c, image, channels_first, zero, NULL, to};

    for (int d = 0; d < image->rank; d++)
        plane *= (size_t)c->window.in[d];
    for (int d = 0; d < image->rank - 1; d++)
        rows *= image->dims[d];
    bytes *= image->dims[image->rank - 1];
    copying.x = (const uint8_t *)c->x + n * plane * c->channels;
    spread_run(team, rows, (double)bytes / BYTES_PER_NS, 1, copy_rows, &copying);
}

/* --- running --- */

/* Bytes from a kernel element to the next, in each dimension. */
static void steps_of(const struct image *image, ptrdiff_t steps[INT8_CONV_RANK_MAX])
{
    size_t step = image->element * image->channels;

    for (int d = image->rank - 1; d >= 0; d--) {
        steps[d] = (ptrdiff_t)step;
        step *= image->dims[d];
    }
}

static size_t taps_of(const struct int8_conv *conv, const struct convolution *c,
                      const ptrdiff_t *steps, ptrdiff_t *taps)
{
    const struct window *w = &c->window;
    int64_t at[INT8_CONV_RANK_MAX] = {0}, kernel[INT8_CONV_RANK_MAX];
    size_t count = 0;

    memcpy(kernel, w->kernel, sizeof kernel);
    kernel[w->rank - 1] /= (int64_t)conv->row;
    do {
        taps[count] = 0;
        for (int d = 0; d < w->rank; d++)
            taps[count] += (ptrdiff_t)(at[d] * w->dilation[d]) * steps[d];
        count++;
    } while (index_next(at, kernel, w->rank));
    return count;
}

static struct int8_output group_output(const struct int8_conv *conv,
                                       const struct int8_output *output, size_t g)
{
    const struct int8_conv_request *request = &conv->request;
    size_t maps = conv->maps / conv->groups, first = g * maps;
    size_t size = int8_target_size(output->target);
    struct int8_output part = *output;

    part.y = (char *)output->y + first * size;
    part.w_zero = request->w_zero ? request->w_zero + first : NULL;
    part.bias = request->bias ? request->bias + first : NULL;
    part.scale = request->scale ? request->scale + first : NULL;
    part.shift = output->shift ? output->shift + first : NULL;
    if (part.residual.data)
        part.residual.data = (const char *)part.residual.data + first * size;
    return part;
}

/* One image, or all of them when they lie side by side. */
static void run_images(const struct int8_conv *conv, const struct convolution *c,
                       const struct image *image, const char *base, size_t count,
                       const struct int8_output *output, struct team *team)
{
    const struct window *w = &c->window;
    ptrdiff_t steps[INT8_CONV_RANK_MAX], taps[TAPS_MAX];
    struct int8_rows rows = {
        .base = base,
        .rank = 1 + w->rank,
        .dims = {count},
        .steps = {(ptrdiff_t)image->bytes},
        .taps = taps,
        .is_signed = c->dtype == DTYPE_I8 && image->element == 1,
    };
    size_t tap_count;

    steps_of(image, steps);
    tap_count = taps_of(conv, c, steps, taps);
    if (conv->depthwise) {
        int8_depthwise_run(
            &(struct int8_depthwise_job){conv, c, output, base, steps, taps, tap_count}, team);
        return;
    }
    for (int d = 0; d < w->rank; d++) {
        rows.dims[1 + d] = (size_t)w->out[d];
        rows.steps[1 + d] = (ptrdiff_t)w->stride[d] * steps[d];
    }
    for (size_t g = 0; g < conv->groups; g++) {
        struct int8_output part = group_output(conv, output, g);

        rows.base = base + g * conv->per_group * image->element;
        int8_run(&conv->weights[g], &rows, &part, team);
    }
}

static size_t aligned(size_t size)
{
    return (size + 63) / 64 * 64;
}

size_t int8_conv_scratch(const struct int8_conv *conv, const struct convolution *c,
                         bool channels_first)
{
    struct image image;

    if (!image_of(conv, c, channels_first, &image) || image.bytes > SIZE_MAX / 2)
        return SIZE_MAX;
    return image.is_copy ? aligned(image.bytes + SLACK) : 0;
}

void int8_conv_run(const struct int8_conv *conv, const struct convolution *c, bool channels_first,
                   const struct int8_output *output, void *scratch, struct team *team)
{
    size_t outputs = 1;
    struct image image;

    image_of(conv, c, channels_first, &image);
    for (int d = 0; d < c->window.rank; d++)
        outputs *= (size_t)c->window.out[d];
    if (!outputs || !c->n)
        return;
    if (!image.is_copy && !conv->depthwise) {
        run_images(conv, c, &image, c->x, c->n, output, team);
        return;
    }
    for (size_t n = 0; n < c->n; n++) {
        struct int8_output part = *output;
        const char *base = (const char *)c->x + n * image.bytes;

        if (image.is_copy) {
            copy_image(c, channels_first, &image, output->x_zero, n, scratch, team);
            base = scratch;
        }
        part.y = (char *)output->y + n * outputs * output->stride;
        if (part.residual.data)
            part.residual.data =
                (const char *)part.residual.data + n * outputs * part.residual.stride;
        run_images(conv, c, &image, base, 1, &part, team);
    }
}
