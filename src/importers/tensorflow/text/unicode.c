// SPDX-License-Identifier: Apache-2.0
/* Unicode, base64: strings in other codes. */
#include "importers/tensorflow/internal.h"

enum { CODER_ATTRIBUTES = 6 };

static enum status text_attribute(const struct tf_call *c, const char *name, const char *otherwise,
                                  const char *ours, struct attribute *attribute, struct error *err)
{
    struct bytes value;

    TRY(tf_string(c->node, name, otherwise, &value, err));
    *attribute = (struct attribute){.name = ours, .kind = ATTRIBUTE_STRING, .s = value};
    return STATUS_OK;
}

/* errors, replacement, controls, and encodings when they have a name. */
static enum status coder(const struct tf_call *c, const char *from, const char *to,
                         struct attribute *attributes, size_t *count, struct error *err)
{
    int64_t replacement;
    bool controls;

    *count = 0;
    TRY(tf_int(c->node, "replacement_char", 0xFFFD, &replacement, err));
    TRY(tf_bool(c->node, "replace_control_characters", false, &controls, err));
    TRY(text_attribute(c, "errors", "replace", "errors", &attributes[(*count)++], err));
    attributes[(*count)++] = attribute_of_int("replacement", replacement);
    attributes[(*count)++] = attribute_of_int("controls", controls);
    if (from)
        TRY(text_attribute(c, from, "UTF-8", "from", &attributes[(*count)++], err));
    if (to)
        TRY(text_attribute(c, to, "UTF-8", "to", &attributes[(*count)++], err));
    return STATUS_OK;
}

static enum status ours(struct tf_call *c, const char *op, size_t inputs, size_t outputs,
                        const struct attribute *attributes, size_t count, struct error *err)
{
    TRY(emit(c->e, "firn", op, c->in, inputs, attributes, count, c->out, outputs, err));
    c->out_count = outputs;
    return STATUS_OK;
}

static enum status decode_to(struct tf_call *c, size_t outputs, struct error *err)
{
    struct attribute attributes[CODER_ATTRIBUTES];
    enum dtype splits;
    size_t count;

    TRY(coder(c, "input_encoding", NULL, attributes, &count, err));
    TRY(tf_type(c->node, "Tsplits", &splits, err));
    attributes[count++] =
        attribute_of_int("splits", dtype_to_onnx(splits == DTYPE_NONE ? DTYPE_I64 : splits));
    return ours(c, "TextCodes", 1, outputs, attributes, count, err);
}

static enum status decode(struct tf_call *c, struct error *err)
{
    return decode_to(c, 2, err);
}

static enum status decode_with_offsets(struct tf_call *c, struct error *err)
{
    return decode_to(c, 3, err);
}

static enum status encode(struct tf_call *c, struct error *err)
{
    struct attribute attributes[CODER_ATTRIBUTES];
    size_t count;

    TRY(coder(c, NULL, "output_encoding", attributes, &count, err));
    return ours(c, "CodesText", 2, 1, attributes, count, err);
}

static enum status transcode(struct tf_call *c, struct error *err)
{
    struct attribute attributes[CODER_ATTRIBUTES];
    size_t count;

    TRY(coder(c, "input_encoding", "output_encoding", attributes, &count, err));
    return ours(c, "TextRecode", 1, 1, attributes, count, err);
}

static enum status encode_base64(struct tf_call *c, struct error *err)
{
    struct attribute attribute;
    bool pad;

    TRY(tf_bool(c->node, "pad", false, &pad, err));
    attribute = attribute_of_int("pad", pad);
    return ours(c, "TextBase64", 1, 1, &attribute, 1, err);
}

static enum status decode_base64(struct tf_call *c, struct error *err)
{
    struct attribute attribute = attribute_of_int("decode", 1);

    return ours(c, "TextBase64", 1, 1, &attribute, 1, err);
}

static enum status script(struct tf_call *c, struct error *err)
{
    return ours(c, "CodeScript", 1, 1, NULL, 0, err);
}

const struct tf_op_set tf_ops_unicode =
    TF_OP_SET({.name = "UnicodeDecode", .lower = decode, .inputs = 1},
              {.name = "UnicodeDecodeWithOffsets", .lower = decode_with_offsets, .inputs = 1},
              {.name = "UnicodeEncode", .lower = encode, .inputs = 2},
              {.name = "UnicodeTranscode", .lower = transcode, .inputs = 1},
              {.name = "UnicodeScript", .lower = script, .inputs = 1},
              {.name = "EncodeBase64", .lower = encode_base64, .inputs = 1},
              {.name = "DecodeBase64", .lower = decode_base64, .inputs = 1}, );
