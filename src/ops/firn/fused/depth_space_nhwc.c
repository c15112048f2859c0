// SPDX-License-Identifier: Apache-2.0
/* DepthToSpace and SpaceToDepth of (N, H, W, C), with the attributes of their ONNX twins. */
#include "ops/kernels/spatial/nhwc.h"
#include "ops/kernels/strided.h"

static enum status infer_to_space(struct op_call *call, struct error *err)
{
    return nhwc_infer(call, "DepthToSpace", err);
}

static enum status infer_to_depth(struct op_call *call, struct error *err)
{
    return nhwc_infer(call, "SpaceToDepth", err);
}

/* Both are transposes of n, h, by, w, bx, c: in the layout with many pixels they lie in this order,
 * in the other one as n, h, w, by, bx, c or, CRD, as n, h, w, c, by, bx. */
static enum status run(const struct op_call *call, bool to_space)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    const struct shape *wide = to_space ? &y->shape : &x->shape;
    int64_t block = attribute_int(call->attributes, "blocksize", 1), c = wide->dims[3];
    int64_t h = wide->dims[1] / block, w = wide->dims[2] / block, pixel = c * block * block;
    bool crd = attribute_is(call->attributes, "mode", "CRD");
    struct strided copy = {.rank = 6};

    if (tensor_count(x) == 0)
        return STATUS_OK;
    memcpy(copy.dims, (int64_t[]){wide->dims[0], h, block, w, block, c}, 6 * sizeof(int64_t));
    memcpy(to_space ? copy.to : copy.from,
           (int64_t[]){h * w * pixel, w * pixel, w * block * c, block * c, c, 1},
           6 * sizeof(int64_t));
    memcpy(to_space ? copy.from : copy.to,
           (int64_t[]){h * w * pixel, w * pixel, crd ? block : block * c, pixel, crd ? 1 : c,
                       crd ? block * block : 1},
           6 * sizeof(int64_t));
    strided_copy(&copy, x->data, y->data, dtype_size(x->dtype));
    return STATUS_OK;
}

static enum status run_to_space(const struct op_call *call, struct error *err)
{
    (void)err;
    return run(call, true);
}

static enum status run_to_depth(const struct op_call *call, struct error *err)
{
    (void)err;
    return run(call, false);
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS, .in_min = 1, .in_max = 1, .out_min = 1,     \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

const struct op_set ops_firn_depth_space_nhwc =
    OP_SET(ROW("DepthToSpaceNhwc", "channels to blocks of pixels, channels last", infer_to_space,
               run_to_space),
           ROW("SpaceToDepthNhwc", "blocks of pixels to channels, channels last", infer_to_depth,
               run_to_depth));
