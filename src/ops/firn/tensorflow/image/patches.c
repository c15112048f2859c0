// SPDX-License-Identifier: Apache-2.0
/* ExtractPatches: the window of each output pixel, its pixels one after another along the channels;
 * zeros where it reaches over the edge.
 *
 * x (N, space..., C) -> (N, out..., kernel * C). Attributes: kernel_shape, strides, dilations, pads
 * or auto_pad as of ONNX's pools. */
#include "ops/kernels/spatial/nhwc.h"
#include "ops/kernels/spatial/window.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    struct shape first, out = *x;
    struct window w;

    TRY(op_wants(
        call, 0,
        DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL) | DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128), err));
    TRY(op_wants_rank(call, 0, 3, RANK_MAX, err));
    if (x->rank >= 0) {
        first = shape_channels_first(x);
        TRY(window_of(call, &first, NULL, &w, err));
        for (int i = 0; i < w.rank; i++) {
            out.dims[i + 1] = w.out[i];
            TRY(dim_multiply(call, out.dims[x->rank - 1], w.kernel[i], &out.dims[x->rank - 1],
                             err));
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* One output pixel. */
static void patch(const struct window *w, const char *image, const int64_t *at, size_t row,
                  char *to)
{
    int64_t tap[WINDOW_RANK_MAX] = {0};

    do {
        bool inside = true;
        size_t place = 0;

        for (int i = 0; i < w->rank; i++) {
            int64_t pixel = at[i] * w->stride[i] - w->begin[i] + tap[i] * w->dilation[i];

            inside = inside && pixel >= 0 && pixel < w->in[i];
            place = place * (size_t)w->in[i] + (size_t)pixel;
        }
        if (inside)
            memcpy(to, image + place * row, row);
        else
            memset(to, 0, row);
        to += row;
    } while (index_next(tap, w->kernel, w->rank));
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct shape first = shape_channels_first(&x->shape);
    size_t row = (size_t)first.dims[1] * dtype_size(x->dtype), image, taps = 1;
    char *y = call->out[0].data;
    struct window w;

    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    TRY(window_of(call, &first, NULL, &w, err));
    image = shape_span(&x->shape, 1, x->shape.rank - 1) * row;
    for (int i = 0; i < w.rank; i++)
        taps *= (size_t)w.kernel[i];
    for (int64_t n = 0; n < x->shape.dims[0]; n++) {
        int64_t at[WINDOW_RANK_MAX] = {0};

        do {
            patch(&w, (const char *)x->data + (size_t)n * image, at, row, y);
            y += taps * row;
        } while (index_next(at, w.out, w.rank));
    }
    return STATUS_OK;
}

const struct op_set ops_firn_patches =
    OP_SET({.name = "ExtractPatches",
            .summary = "the pixels of each window, along the channels",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
