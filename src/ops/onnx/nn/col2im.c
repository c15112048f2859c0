// SPDX-License-Identifier: Apache-2.0
/* Col2Im: (N, C * block, positions) blocks added up to images (N, C, ...). */
#include "ops/kernels/spatial/window.h"

/* in: image, kernel: block, out: positions */
static enum status window_of_call(const struct op_call *call, struct window *w, struct error *err)
{
    int64_t image[RANK_MAX], block[RANK_MAX];
    size_t rank, block_rank, count;
    const int64_t *ints;

    TRY(op_input_ints(call, 1, image, WINDOW_RANK_MAX, &rank, err));
    TRY(op_input_ints(call, 2, block, WINDOW_RANK_MAX, &block_rank, err));
    if (rank != block_rank || rank == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "an image of %zu axes, blocks of %zu",
                        rank, block_rank);
    *w = (struct window){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++) {
        int64_t span;

        w->in[i] = image[i];
        w->kernel[i] = block[i];
        ints = attribute_ints(call->attributes, "strides", &count);
        w->stride[i] = i < count ? ints[i] : 1;
        ints = attribute_ints(call->attributes, "dilations", &count);
        w->dilation[i] = i < count ? ints[i] : 1;
        ints = attribute_ints(call->attributes, "pads", &count);
        w->begin[i] = count == 2 * rank ? ints[i] : 0;
        w->end[i] = count == 2 * rank ? ints[i + rank] : 0;
        if (image[i] < 1 || image[i] > WINDOW_MAX || block[i] < 1 || block[i] > WINDOW_MAX ||
            w->stride[i] < 1 || w->stride[i] > WINDOW_MAX || w->dilation[i] < 1 ||
            w->dilation[i] > WINDOW_MAX || w->begin[i] < 0 || w->begin[i] > WINDOW_MAX ||
            w->end[i] < 0 || w->end[i] > WINDOW_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "the geometry of axis %zu", i);
        span = (block[i] - 1) * w->dilation[i] + 1;
        w->out[i] = (image[i] + w->begin[i] + w->end[i] - span) / w->stride[i] + 1;
        if (image[i] + w->begin[i] + w->end[i] < span)
            return op_error(call, err, STATUS_INVALID_INPUT, "blocks of %lld in an image of %lld",
                            (long long)span, (long long)image[i]);
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = shape_unknown();
    int64_t block = 1, positions = 1;
    struct window w;

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128), err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 3, 3, err));
    if (op_is_known(call, 1) && op_is_known(call, 2)) {
        TRY(window_of_call(call, &w, err));
        out = (struct shape){.rank = w.rank + 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}};
        for (int i = 0; i < w.rank; i++) {
            TRY(dim_multiply(call, block, w.kernel[i], &block, err));
            TRY(dim_multiply(call, positions, w.out[i], &positions, err));
            out.dims[i + 2] = w.in[i];
        }
        if (in->rank == 3) {
            out.dims[0] = in->dims[0];
            if ((dim_is_known(in->dims[1]) && in->dims[1] % block) ||
                (dim_is_known(in->dims[2]) && in->dims[2] != positions))
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "%lld x %lld columns for blocks of %lld at %lld positions",
                                (long long)in->dims[1], (long long)in->dims[2], (long long)block,
                                (long long)positions);
            if (dim_is_known(in->dims[1]))
                out.dims[1] = in->dims[1] / block;
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* Image offset of an element of a block at a position; -1: in the pads. */
static int64_t image_offset(const struct window *w, const int64_t *tap, const int64_t *position)
{
    int64_t at = 0;

    for (int i = 0; i < w->rank; i++) {
        int64_t k = position[i] * w->stride[i] + tap[i] * w->dilation[i] - w->begin[i];

        if (k < 0 || k >= w->in[i])
            return -1;
        at = at * w->in[i] + k;
    }
    return at;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct tensor *y = &call->out[0];
    size_t planes = shape_span(&y->shape, 0, 2), plane = shape_span(&y->shape, 2, y->shape.rank);
    size_t from = 0;
    bool is_complex = x->dtype == DTYPE_C64 || x->dtype == DTYPE_C128;
    size_t parts = is_complex ? 2 : 1; /* of an element */
    struct tensor blocks = *x, sums = *y;
    struct window w;

    if (is_complex)
        blocks.dtype = sums.dtype = x->dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64;
    TRY(window_of_call(call, &w, err));
    if (tensor_count(y))
        memset(y->data, 0, tensor_bytes(y));
    for (size_t p = 0; p < planes; p++) {
        int64_t tap[WINDOW_RANK_MAX] = {0};

        do {
            int64_t position[WINDOW_RANK_MAX] = {0};

            do {
                int64_t at = image_offset(&w, tap, position);
                size_t to = p * plane + (size_t)at;

                for (size_t i = 0; i < parts && at >= 0; i++)
                    tensor_set_f64(&sums, parts * to + i,
                                   tensor_f64(&sums, parts * to + i) +
                                       tensor_f64(&blocks, parts * from + i));
                from++;
            } while (index_next(position, w.out, w.rank));
        } while (index_next(tap, w.kernel, w.rank));
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_col2im = OP_SET({.name = "Col2Im",
                                              .summary = "blocks added up to images",
                                              .flags = OP_ROWS,
                                              .in_min = 3,
                                              .in_max = 3,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run});
