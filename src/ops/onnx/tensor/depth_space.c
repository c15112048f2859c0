// SPDX-License-Identifier: Apache-2.0
/* DepthToSpace and SpaceToDepth: blocks of pixels to channels and back, of (N, C, H, W). */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

static enum status block_size(const struct op_call *call, int64_t *block, struct error *err)
{
    *block = attribute_int(call->attributes, "blocksize", 0);
    if (*block < 1 || *block > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "blocksize is %lld", (long long)*block);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, bool to_space, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    int64_t block;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 0, 4, 4, err));
    TRY(block_size(call, &block, err));
    for (int i = 1; i < in->rank; i++) {
        int64_t factor = i == 1 ? block * block : block;

        if ((i == 1) != to_space) {
            TRY(dim_multiply(call, in->dims[i], factor, &out.dims[i], err));
        } else if (!dim_is_known(in->dims[i])) {
            out.dims[i] = DIM_UNKNOWN;
        } else if (in->dims[i] % factor) {
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d, %lld, does not divide by %lld", i,
                            (long long)in->dims[i], (long long)factor);
        } else {
            out.dims[i] = in->dims[i] / factor;
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status check_mode(const struct op_call *call, struct error *err)
{
    struct bytes mode = attribute_string(call->attributes, "mode", "DCR");

    if (bytes_is(mode, "DCR") || bytes_is(mode, "CRD"))
        return STATUS_OK;
    return op_error(call, err, STATUS_UNSUPPORTED, "mode is neither DCR nor CRD");
}

static enum status infer_to_space(struct op_call *call, struct error *err)
{
    TRY(check_mode(call, err));
    return infer(call, true, err);
}

static enum status infer_to_depth(struct op_call *call, struct error *err)
{
    TRY(check_mode(call, err));
    return infer(call, false, err);
}

/* Both are transposes of (N, C, H, W) seen as six dimensions: in the layout with few channels,
 * (n, c, h, block y, w, block x); in the other one (n, by, bx, c, h, w) or, CRD, (n, c, by, bx, h,
 * w).
 */
static enum status run(const struct op_call *call, bool to_space, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    const struct shape *wide = to_space ? &y->shape : &x->shape; /* few channels, many pixels */
    int64_t block, c = wide->dims[1], h, w, *of_wide, *of_deep, plane;
    bool crd = attribute_is(call->attributes, "mode", "CRD");
    struct strided copy = {.rank = 6};

    TRY(block_size(call, &block, err));
    if (tensor_count(x) == 0)
        return STATUS_OK;
    h = wide->dims[2] / block;
    w = wide->dims[3] / block;
    plane = h * w;
    of_wide = to_space ? copy.to : copy.from;
    of_deep = to_space ? copy.from : copy.to;
    /* n, c, h, by, w, bx */
    memcpy(copy.dims, (int64_t[]){wide->dims[0], c, h, block, w, block}, 6 * sizeof(int64_t));
    memcpy(of_wide,
           (int64_t[]){c * plane * block * block, plane * block * block, block * w * block,
                       w * block, block, 1},
           6 * sizeof(int64_t));
    memcpy(of_deep,
           (int64_t[]){c * plane * block * block, crd ? block * block * plane : plane, w,
                       crd ? block * plane : block * c * plane, 1, crd ? plane : c * plane},
           6 * sizeof(int64_t));
    strided_copy(&copy, x->data, y->data, dtype_size(x->dtype));
    return STATUS_OK;
}

static enum status run_to_space(const struct op_call *call, struct error *err)
{
    return run(call, true, err);
}

static enum status run_to_depth(const struct op_call *call, struct error *err)
{
    return run(call, false, err);
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS, .in_min = 1, .in_max = 1, .out_min = 1,     \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

const struct op_set ops_onnx_depth_space =
    OP_SET(ROW("DepthToSpace", "channels to blocks of pixels", infer_to_space, run_to_space),
           ROW("SpaceToDepth", "blocks of pixels to channels", infer_to_depth, run_to_depth));
