// SPDX-License-Identifier: Apache-2.0
/* SpaceToBatch and BatchToSpace, as TensorFlow's SpaceToBatchND and BatchToSpaceND: blocks of
 * pixels to items of the batch, and back.
 *
 * x (batch, space..., rest...), block (m,) int64, pads or crops (m, 2) int64, before and behind
 * each of the m dimensions of space. With pads, space is a whole number of blocks:
 *
 *     y[block index * batch + item, o..., rest] = padded x[item, o * block + offset ..., rest] */
#include "ops/kernels/call.h"
#include "ops/kernels/spatial/window.h"

enum { X, BLOCK, PADS, BLOCK_MAX = 1 << 20 };

struct blocks {
    int rank;   /* of space; -1: not known */
    bool known; /* block and pads have values */
    int64_t block[RANK_MAX];
    int64_t before[RANK_MAX], behind[RANK_MAX];
    int64_t count; /* product of block */
};

static enum status blocks_of(const struct op_call *call, struct blocks *b, struct error *err)
{
    const struct shape *x = &call->in[X].shape, *block = &call->in[BLOCK].shape;
    const struct tensor *pads = &call->in[PADS];
    size_t count;

    *b = (struct blocks){.rank = -1, .count = 1};
    TRY(op_wants(call, X, DTYPES_ANY, err));
    TRY(op_wants(call, BLOCK, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants(call, PADS, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, BLOCK, 1, 1, err));
    TRY(op_wants_rank(call, PADS, 2, 2, err));
    if (x->rank < 0 || block->rank < 0 || !dim_is_known(block->dims[0]))
        return STATUS_OK;
    if (block->dims[0] < 1 || block->dims[0] >= x->rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld blocks for a tensor of rank %d",
                        (long long)block->dims[0], x->rank);
    b->rank = (int)block->dims[0];
    if (!op_is_known(call, BLOCK) || !op_is_known(call, PADS))
        return STATUS_OK;
    TRY(op_input_ints(call, BLOCK, b->block, RANK_MAX, &count, err));
    if (pads->shape.dims[0] != b->rank || pads->shape.dims[1] != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu pads for %d dimensions",
                        tensor_count(pads), b->rank);
    for (int i = 0; i < b->rank; i++) {
        b->before[i] = tensor_i64(pads, 2 * (size_t)i);
        b->behind[i] = tensor_i64(pads, 2 * (size_t)i + 1);
        if (b->block[i] < 1 || b->block[i] > BLOCK_MAX || b->before[i] < 0 || b->behind[i] < 0 ||
            b->before[i] > WINDOW_MAX || b->behind[i] > WINDOW_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "block %lld with pads %lld and %lld in dimension %d",
                            (long long)b->block[i], (long long)b->before[i],
                            (long long)b->behind[i], i);
        TRY(dim_multiply(call, b->count, b->block[i], &b->count, err));
    }
    b->known = true;
    return STATUS_OK;
}

static enum status infer_to_batch(struct op_call *call, struct error *err)
{
    struct shape out = call->in[X].shape;
    struct blocks b;

    TRY(blocks_of(call, &b, err));
    if (b.rank < 0)
        out = out.rank < 0 ? shape_unknown() : out;
    for (int i = 0; out.rank >= 0 && i < out.rank; i++) {
        int64_t padded;

        if (b.rank < 0 || (!b.known && i <= b.rank)) {
            out.dims[i] = DIM_UNKNOWN;
        } else if (i == 0) {
            TRY(dim_multiply(call, out.dims[0], b.count, &out.dims[0], err));
        } else if (i <= b.rank && dim_is_known(out.dims[i])) {
            TRY(dim_add(call, out.dims[i], b.before[i - 1] + b.behind[i - 1], &padded, err));
            if (padded % b.block[i - 1])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d, padded to %lld, is no multiple of %lld", i,
                                (long long)padded, (long long)b.block[i - 1]);
            out.dims[i] = padded / b.block[i - 1];
        } else if (i <= b.rank) {
            out.dims[i] = DIM_UNKNOWN;
        }
    }
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

static enum status infer_to_space(struct op_call *call, struct error *err)
{
    struct shape out = call->in[X].shape;
    struct blocks b;

    TRY(blocks_of(call, &b, err));
    for (int i = 0; out.rank >= 0 && i < out.rank; i++) {
        if (b.rank < 0 || (!b.known && i <= b.rank)) {
            out.dims[i] = DIM_UNKNOWN;
        } else if (i == 0) {
            if (dim_is_known(out.dims[0]) && out.dims[0] % b.count)
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "a batch of %lld is no multiple of %lld", (long long)out.dims[0],
                                (long long)b.count);
            out.dims[0] = dim_is_known(out.dims[0]) ? out.dims[0] / b.count : DIM_UNKNOWN;
        } else if (i <= b.rank && dim_is_known(out.dims[i])) {
            TRY(dim_multiply(call, out.dims[i], b.block[i - 1], &out.dims[i], err));
            out.dims[i] -= b.before[i - 1] + b.behind[i - 1];
            if (out.dims[i] < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is cropped away", i);
        } else if (i <= b.rank) {
            out.dims[i] = DIM_UNKNOWN;
        }
    }
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

/* A walk over the rows of the batched tensor; each is one of the spacious tensor, or padding. */
static enum status run(const struct op_call *call, bool to_batch, struct error *err)
{
    const struct tensor *batched = to_batch ? &call->out[0] : &call->in[X];
    const struct tensor *spacious = to_batch ? &call->in[X] : &call->out[0];
    int64_t at[RANK_MAX] = {0}, items;
    struct blocks b;
    size_t row;
    char *inner;

    TRY(blocks_of(call, &b, err));
    row = shape_span(&batched->shape, b.rank + 1, batched->shape.rank) * dtype_size(batched->dtype);
    inner = batched->data;
    items = spacious->shape.dims[0];
    if (tensor_count(batched) == 0 || row == 0 || items == 0)
        return STATUS_OK;
    do {
        int64_t offset = at[0] / items, place = 0;
        int64_t offsets[RANK_MAX];
        bool inside = true;
        char *outer;

        for (int i = b.rank; i--; offset /= b.block[i])
            offsets[i] = offset % b.block[i];
        place = at[0] % items;
        for (int i = 0; i < b.rank; i++) {
            int64_t pixel = at[i + 1] * b.block[i] + offsets[i] - b.before[i];

            inside = inside && pixel >= 0 && pixel < spacious->shape.dims[i + 1];
            place = place * spacious->shape.dims[i + 1] + pixel;
        }
        outer = inside ? (char *)spacious->data + (size_t)place * row : NULL;
        if (to_batch && inside)
            memcpy(inner, outer, row);
        else if (to_batch)
            memset(inner, 0, row);
        else if (inside)
            memcpy(outer, inner, row);
        inner += row;
    } while (index_next(at, batched->shape.dims, b.rank + 1));
    return STATUS_OK;
}

static enum status run_to_batch(const struct op_call *call, struct error *err)
{
    return run(call, true, err);
}

static enum status run_to_space(const struct op_call *call, struct error *err)
{
    return run(call, false, err);
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,         \
        .infer = infer_it, .run = run_it                                                           \
    }

const struct op_set ops_firn_space_to_batch = OP_SET(
    ROW("SpaceToBatch", "blocks of pixels to items of the batch", infer_to_batch, run_to_batch),
    ROW("BatchToSpace", "items of the batch to blocks of pixels", infer_to_space, run_to_space));
