// SPDX-License-Identifier: Apache-2.0
/* Image files in strings. */
#include "importers/tensorflow/internal.h"

static enum status decode(struct tf_call *c, struct error *err)
{
    bool fancy, recover, animated;
    int64_t channels, ratio, code;
    struct bytes method;
    double fraction;
    enum dtype dtype;
    value_id y;

    TRY(tf_int(c->node, "channels", 0, &channels, err));
    TRY(tf_int(c->node, "ratio", 1, &ratio, err));
    TRY(tf_bool(c->node, "fancy_upscaling", true, &fancy, err));
    TRY(tf_bool(c->node, "try_recover_truncated", false, &recover, err));
    TRY(tf_bool(c->node, "expand_animations", true, &animated, err));
    TRY(tf_float(c->node, "acceptable_fraction", 1, &fraction, err));
    TRY(tf_string(c->node, "dct_method", "", &method, err));
    TRY(tf_type(c->node, "dtype", &dtype, err));
    if (fraction != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its acceptable_fraction is %g", fraction);
    code = dtype == DTYPE_U16 ? 17 : dtype == DTYPE_F32 ? 1 : 4;
    TRY(emit(c->e, "firn", "DecodeImage", c->in, c->in_count,
             (struct attribute[]){
                 attribute_of_text("op", c->node->op), attribute_of_int("channels", channels),
                 attribute_of_int("ratio", ratio), attribute_of_int("fancy", fancy),
                 attribute_of_int("accurate", bytes_is(method, "INTEGER_ACCURATE")),
                 attribute_of_int("recover", recover), attribute_of_int("animated", animated),
                 attribute_of_int("to", code)},
             8, &y, 1, err));
    return tf_give(c, y);
}

static enum status jpeg_shape(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "output_type", &dtype, err));
    TRY(emit(c->e, "firn", "ImageShape", c->in, 1, NULL, 0, &y, 1, err));
    TRY(emit_cast(c->e, y, dtype == DTYPE_NONE ? DTYPE_I32 : dtype, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_decode =
    TF_OP_SET({.name = "DecodeJpeg", .lower = decode, .inputs = 1},
              {.name = "DecodePng", .lower = decode, .inputs = 1},
              {.name = "DecodeGif", .lower = decode, .inputs = 1},
              {.name = "DecodeBmp", .lower = decode, .inputs = 1},
              {.name = "DecodeWebP", .lower = decode, .inputs = 1},
              {.name = "DecodeImage", .lower = decode, .inputs = 1},
              {.name = "DecodeAndCropJpeg", .lower = decode, .inputs = 2},
              {.name = "ExtractJpegShape", .lower = jpeg_shape, .inputs = 1}, );
