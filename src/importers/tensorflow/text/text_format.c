// SPDX-License-Identifier: Apache-2.0
/* Formats of text and bytes: CSV, templates, compression, tensors, fingerprints. */
#include "importers/tensorflow/internal.h"

enum { COLUMNS_MAX = OP_OUTPUTS_MAX };

static struct attribute attribute_of_bytes(const char *name, struct bytes value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_STRING, .s = value};
}

static enum status string_attribute(const struct tf_call *c, const char *name,
                                    const char *otherwise, const char *ours,
                                    struct attribute *attribute, struct error *err)
{
    struct bytes value;

    TRY(tf_string(c->node, name, otherwise, &value, err));
    *attribute = attribute_of_bytes(ours, value);
    return STATUS_OK;
}

/* records, defaults* */
static enum status decode_csv(struct tf_call *c, struct error *err)
{
    struct attribute attributes[4];
    int64_t columns[COLUMNS_MAX];
    size_t count;
    bool quotes;

    if (c->in_count < 2 || c->in_count > COLUMNS_MAX + 1)
        return error_set(err, STATUS_UNSUPPORTED, "%zu columns", c->in_count - 1);
    TRY(string_attribute(c, "field_delim", ",", "delimiter", &attributes[0], err));
    TRY(string_attribute(c, "na_value", "", "missing", &attributes[1], err));
    TRY(tf_bool(c->node, "use_quote_delim", true, &quotes, err));
    TRY(tf_ints(c->node, "select_cols", columns, COLUMNS_MAX, &count, c->l->keep, err));
    attributes[2] = attribute_of_int("quotes", quotes);
    attributes[3] = attribute_of_ints("columns", columns, count);
    c->out_count = c->in_count - 1;
    return emit(c->e, "firn", "CsvFields", c->in, c->in_count, attributes, count ? 4 : 3, c->out,
                c->out_count, err);
}

static enum status string_format(struct tf_call *c, struct error *err)
{
    struct attribute attributes[3];
    int64_t most;

    TRY(string_attribute(c, "template", "%s", "template", &attributes[0], err));
    TRY(string_attribute(c, "placeholder", "%s", "placeholder", &attributes[1], err));
    TRY(tf_int(c->node, "summarize", 3, &most, err));
    attributes[2] = attribute_of_int("summarize", most);
    c->out_count = 1;
    return emit(c->e, "firn", "TextFormat", c->in, c->in_count, attributes, 3, c->out, 1, err);
}

static enum status decode_compressed(struct tf_call *c, struct error *err)
{
    struct attribute attribute;

    TRY(string_attribute(c, "compression_type", "", "compression", &attribute, err));
    c->out_count = 1;
    return emit(c->e, "firn", "TextUnpack", c->in, 1, &attribute, 1, c->out, 1, err);
}

/* data, method */
static enum status fingerprint(struct tf_call *c, struct error *err)
{
    const struct tensor *method = tf_constant(c, 1);

    if (!method || method->dtype != DTYPE_STRING || tensor_count(method) != 1 ||
        !bytes_is(*(const struct bytes *)method->data, "farmhash64"))
        return error_set(err, STATUS_UNSUPPORTED, "its method is not farmhash64");
    c->out_count = 1;
    return emit(c->e, "firn", "TextFingerprint", c->in, 1, NULL, 0, c->out, 1, err);
}

static enum status parse_tensor(struct tf_call *c, struct error *err)
{
    struct attribute attribute;
    enum dtype dtype;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    attribute = attribute_of_int("type", dtype_to_onnx(dtype));
    c->out_count = 1;
    return emit(c->e, "firn", "ParseTensor", c->in, 1, &attribute, 1, c->out, 1, err);
}

const struct tf_op_set tf_ops_text_format = TF_OP_SET(
    {.name = "DecodeCSV", .lower = decode_csv}, {.name = "StringFormat", .lower = string_format},
    {.name = "DecodeCompressed", .lower = decode_compressed, .inputs = 1},
    {.name = "ParseTensor", .lower = parse_tensor, .inputs = 1},
    {.name = "Fingerprint", .lower = fingerprint, .inputs = 2}, );
