// SPDX-License-Identifier: Apache-2.0
/* Image files made of pixels, and tensors as messages. */
#include "importers/tensorflow/internal.h"

static enum status encode_png(struct tf_call *c, struct error *err)
{
    int64_t compression;
    value_id y;

    TRY(tf_int(c->node, "compression", -1, &compression, err));
    if (compression < -1 || compression > 9)
        return error_set(err, STATUS_INVALID_INPUT, "a compression of %lld",
                         (long long)compression);
    TRY(emit_node(c->e, "firn", "EncodeImage", EMIT(c->in[0]),
                  EMIT_ATTRIBUTES(attribute_of_text("to", "png"),
                                  attribute_of_int("compression", compression)),
                  &y, err));
    return tf_give(c, y);
}

static enum status density_of(struct tf_call *c, const char *name, const char *as,
                              struct attribute *attribute, struct error *err)
{
    int64_t density;

    TRY(tf_int(c->node, name, 300, &density, err));
    if (density < 0 || density > UINT16_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "a density of %lld", (long long)density);
    *attribute = attribute_of_int(as, density);
    return STATUS_OK;
}

static enum status encode_jpeg(struct tf_call *c, struct error *err)
{
    struct bytes format, unit, metadata;
    bool progressive, optimised, downsampled;
    struct attribute attributes[9];
    int64_t quality;
    value_id y;

    TRY(tf_string(c->node, "format", "", &format, err));
    TRY(tf_string(c->node, "density_unit", "in", &unit, err));
    TRY(tf_string(c->node, "xmp_metadata", "", &metadata, err));
    TRY(tf_int(c->node, "quality", 95, &quality, err));
    TRY(tf_bool(c->node, "progressive", false, &progressive, err));
    TRY(tf_bool(c->node, "optimize_size", false, &optimised, err));
    TRY(tf_bool(c->node, "chroma_downsampling", true, &downsampled, err));
    if (metadata.size)
        return error_set(err, STATUS_UNSUPPORTED, "it writes XMP metadata");
    if (!bytes_is(unit, "in") && !bytes_is(unit, "cm"))
        return error_set(err, STATUS_INVALID_INPUT, "its density_unit is neither in nor cm");
    attributes[0] = attribute_of_text("to", "jpeg");
    attributes[1] = attribute_of_int("channels", bytes_is(format, "grayscale") ? 1
                                                 : bytes_is(format, "rgb")     ? 3
                                                                               : 0);
    attributes[2] = attribute_of_int("quality", quality);
    attributes[3] = attribute_of_int("progressive", progressive);
    attributes[4] = attribute_of_int("optimised", optimised);
    attributes[5] = attribute_of_int("full_chroma", !downsampled);
    attributes[6] = attribute_of_int("unit", bytes_is(unit, "cm") ? 2 : 1);
    TRY(density_of(c, "x_density", "density_x", &attributes[7], err));
    TRY(density_of(c, "y_density", "density_y", &attributes[8], err));
    TRY(emit(c->e, "firn", "EncodeImage", c->in, 1, attributes, 9, &y, 1, err));
    return tf_give(c, y);
}

static enum status encode_quality(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "EncodeImage", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_text("to", "jpeg")), &y, err));
    return tf_give(c, y);
}

/* --- tensors --- */

static enum status serialize(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "SerializeTensor", EMIT(c->in[0]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_encode =
    TF_OP_SET({.name = "EncodePng", .lower = encode_png, .inputs = 1},
              {.name = "EncodeJpeg", .lower = encode_jpeg, .inputs = 1},
              {.name = "EncodeJpegVariableQuality", .lower = encode_quality, .inputs = 2},
              {.name = "SerializeTensor", .lower = serialize, .inputs = 1}, );
