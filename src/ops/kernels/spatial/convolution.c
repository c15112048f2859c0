// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/spatial/convolution.h"

#include "ops/kernels/types.h"

static size_t dims_count(const int64_t *dims, int rank)
{
    size_t count = 1;

    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    return count;
}

#define TEMPLATE "ops/kernels/spatial/convolution_float.inc"
#define EACH_FLOAT
#include "ops/kernels/each.h"

/* sums wrap */
#define S uint32_t
#define SUMS u
#define XVALUE(v) (v)
#define WVALUE(v) (v)
#define D U8U8
#define T uint8_t
#define V uint8_t
#include "ops/kernels/spatial/convolution.inc"
#undef D
#undef V
#define D U8I8
#define V int8_t
#include "ops/kernels/spatial/convolution.inc"
#undef D
#undef T
#define D I8I8
#define T int8_t
#include "ops/kernels/spatial/convolution.inc"
#undef D
#undef V
#define D I8U8
#define V uint8_t
#include "ops/kernels/spatial/convolution.inc"
#undef D
#undef T
#undef V
#undef S
#undef SUMS
#undef XVALUE
#undef WVALUE

typedef void (*direct_kernel)(const struct convolution *c, size_t n, size_t m, const int64_t *at,
                              int64_t first, int64_t count, union convolution_sums *sums);
static const direct_kernel DIRECT[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, direct)};
static const direct_kernel TRANSPOSED[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, transposed)};

void convolution_run(const struct convolution *c, size_t n, size_t m, const int64_t *at,
                     int64_t first, int64_t count, union convolution_sums *sums)
{
    direct_kernel kernel;

    if (c->dtype == DTYPE_U8)
        kernel = c->w_dtype == DTYPE_U8 ? direct_U8U8 : direct_U8I8;
    else if (c->dtype == DTYPE_I8)
        kernel = c->w_dtype == DTYPE_U8 ? direct_I8U8 : direct_I8I8;
    else
        kernel = c->transposed ? TRANSPOSED[c->dtype] : DIRECT[c->dtype];
    kernel(c, n, m, at, first, count, sums);
}

void convolution_each(const struct convolution *c, convolution_put *put, void *context)
{
    const struct window *w = &c->window;
    int last = w->rank - 1;
    size_t done = 0;

    if (c->n * c->maps * dims_count(w->out, w->rank) == 0)
        return;
    for (size_t n = 0; n < c->n; n++)
        for (size_t m = 0; m < c->maps; m++) {
            int64_t at[WINDOW_RANK_MAX] = {0};

            do {
                for (int64_t first = 0; first < w->out[last]; first += CONVOLUTION_RUN) {
                    int64_t left = w->out[last] - first;
                    int64_t count = left < CONVOLUTION_RUN ? left : CONVOLUTION_RUN;
                    union convolution_sums sums;

                    convolution_run(c, n, m, at, first, count, &sums);
                    put(context, m, done, (size_t)count, &sums);
                    done += (size_t)count;
                }
            } while (index_next(at, w->out, last));
        }
}

/* Pads and outputs of a transposed convolution. */
static enum status transposed_window(const struct op_call *call, struct window *w,
                                     struct error *err)
{
    struct bytes mode = attribute_string(call->attributes, "auto_pad", "NOTSET");
    bool upper = bytes_is(mode, "SAME_UPPER"), same = upper || bytes_is(mode, "SAME_LOWER");
    size_t pad_count, shape_count_, extra_count;
    const int64_t *pads = attribute_ints(call->attributes, "pads", &pad_count);
    const int64_t *shape = attribute_ints(call->attributes, "output_shape", &shape_count_);
    const int64_t *extra = attribute_ints(call->attributes, "output_padding", &extra_count);

    if (bytes_is(mode, "VALID") || same)
        pads = NULL;
    if ((pads && pad_count != 2 * (size_t)w->rank) || (extra && extra_count != (size_t)w->rank))
        return op_error(call, err, STATUS_INVALID_INPUT, "pads or output_padding for %d dimensions",
                        w->rank);
    if (shape && shape_count_ == (size_t)w->rank + 2)
        shape += 2;
    else if (shape && shape_count_ != (size_t)w->rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "output_shape has %zu dimensions",
                        shape_count_);
    for (int i = 0; i < w->rank; i++) {
        int64_t more = extra ? extra[i] : 0, full, wanted, total;

        w->begin[i] = pads ? pads[i] : 0;
        w->end[i] = pads ? pads[i + w->rank] : 0;
        if (more < 0 || more > WINDOW_MAX || w->begin[i] < -WINDOW_MAX ||
            w->begin[i] > WINDOW_MAX || w->end[i] < -WINDOW_MAX || w->end[i] > WINDOW_MAX ||
            (shape && (shape[i] < 0 || shape[i] > WINDOW_MAX)))
            return op_error(call, err, STATUS_INVALID_INPUT, "pads of dimension %d", i);
        if (!dim_is_known(w->in[i]) || !dim_is_known(w->kernel[i]))
            continue;
        full = (w->in[i] - 1) * w->stride[i] + more + (w->kernel[i] - 1) * w->dilation[i] + 1;
        if (shape || same) {
            wanted = shape ? shape[i] : w->in[i] * w->stride[i];
            total = full - wanted < 0 ? 0 : full - wanted;
            w->begin[i] = upper ? total / 2 : total - total / 2;
            w->end[i] = total - w->begin[i];
            w->out[i] = wanted;
        } else {
            w->out[i] = full - w->begin[i] - w->end[i];
        }
        if (w->in[i] == 0 || w->out[i] < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d of the result is %lld",
                            i + 2, (long long)w->out[i]);
    }
    return STATUS_OK;
}

enum status convolution_of(const struct op_call *call, size_t x, size_t w, bool transposed,
                           struct convolution *c, struct shape *out, struct error *err)
{
    const struct shape *in = &call->in[x].shape, *weights = &call->in[w].shape;
    int64_t groups = attribute_int(call->attributes, "group", 1), channels, per_group, maps;

    *c = (struct convolution){
        .transposed = transposed, .dtype = call->in[x].dtype, .w_dtype = call->in[w].dtype};
    TRY(op_wants_rank(call, x, 3, RANK_MAX, err));
    TRY(op_wants_rank(call, w, 3, RANK_MAX, err));
    if (in->rank < 0 || weights->rank < 0) {
        *out = shape_unknown();
        if (in->rank >= 0 || weights->rank >= 0) {
            out->rank = in->rank >= 0 ? in->rank : weights->rank;
            for (int i = 0; i < out->rank; i++)
                out->dims[i] = DIM_UNKNOWN;
        }
        return STATUS_OK;
    }
    TRY(op_wants_rank(call, w, in->rank, in->rank, err));
    channels = in->dims[1];
    maps = weights->dims[transposed];
    per_group = weights->dims[!transposed];
    if (groups < 1 || groups > WINDOW_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "group is %lld", (long long)groups);
    if (transposed) { /* w: (channels, maps / groups, ...) */
        if (dim_is_known(channels) && dim_is_known(weights->dims[0]) &&
            channels != weights->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels, but weights for %lld",
                            (long long)channels, (long long)weights->dims[0]);
        TRY(dim_multiply(call, maps, groups, &maps, err));
        per_group = dim_is_known(channels) ? channels / groups : DIM_UNKNOWN;
    }
    if ((dim_is_known(maps) && maps % groups) ||
        (dim_is_known(channels) && dim_is_known(per_group) &&
         (per_group > WINDOW_MAX || channels != per_group * groups)))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%lld channels and %lld maps in %lld groups, weights for %lld each",
                        (long long)channels, (long long)maps, (long long)groups,
                        (long long)per_group);
    if (transposed) {
        TRY(window_read(call, in, weights->dims + 2, &c->window, err));
        TRY(transposed_window(call, &c->window, err));
    } else {
        TRY(window_of(call, in, weights->dims + 2, &c->window, err));
    }
    *out = *in;
    out->dims[1] = maps;
    memcpy(out->dims + 2, c->window.out, (size_t)c->window.rank * sizeof *out->dims);
    c->n = (size_t)in->dims[0];
    c->channels = (size_t)channels;
    c->maps = (size_t)maps;
    c->groups = (size_t)groups;
    return STATUS_OK;
}
