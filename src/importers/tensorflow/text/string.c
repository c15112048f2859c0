// SPDX-License-Identifier: Apache-2.0
/* Strings: cases, parts, joining, splitting, expressions, hashes. */
#include "importers/tensorflow/internal.h"

/* One of our operators on the first `count` inputs, its outputs given. */
static enum status ours(struct tf_call *c, const char *op, size_t count, size_t outputs,
                        struct emit_attributes attributes, struct error *err)
{
    TRY(emit(c->e, "firn", op, c->in, count, attributes.items, attributes.count, c->out, outputs,
             err));
    c->out_count = outputs;
    return STATUS_OK;
}

static struct attribute attribute_of_bytes(const char *name, struct bytes value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_STRING, .s = value};
}

static enum status string_attribute(const struct tf_call *c, const char *name, const char *ours,
                                    struct attribute *attribute, struct error *err)
{
    struct bytes value;

    TRY(tf_string(c->node, name, "", &value, err));
    *attribute = attribute_of_bytes(ours, value);
    return STATUS_OK;
}

/* The one string that an input must be. */
static enum status known_string(const struct tf_call *c, size_t input, const char *what,
                                struct bytes *value, struct error *err)
{
    const struct tensor *tensor = tf_constant(c, input);

    if (!tensor)
        return error_set(err, STATUS_UNSUPPORTED, "its %s is no constant", what);
    if (tensor->dtype != DTYPE_STRING || tensor_count(tensor) != 1)
        return error_set(err, STATUS_INVALID_INPUT, "its %s is no string", what);
    *value = *(const struct bytes *)tensor->data;
    return STATUS_OK;
}

/* --- cases, lengths, parts --- */

static enum status change(struct tf_call *c, const char *to, struct error *err)
{
    struct bytes encoding;

    TRY(tf_string(c->node, "encoding", "", &encoding, err));
    if (encoding.size && !bytes_is(encoding, "utf-8"))
        return error_set(err, STATUS_UNSUPPORTED, "its encoding is '%.*s'", (int)encoding.size,
                         (const char *)encoding.data);
    return ours(
        c, "TextCase", 1, 1,
        EMIT_ATTRIBUTES(attribute_of_text("to", to), attribute_of_int("utf8", encoding.size != 0)),
        err);
}

static enum status lower(struct tf_call *c, struct error *err)
{
    return change(c, "lower", err);
}

static enum status upper(struct tf_call *c, struct error *err)
{
    return change(c, "upper", err);
}

static enum status strip(struct tf_call *c, struct error *err)
{
    return change(c, "strip", err);
}

static enum status unit_of(const struct tf_call *c, struct attribute *attribute, struct error *err)
{
    struct bytes unit;

    TRY(tf_string(c->node, "unit", "BYTE", &unit, err));
    if (!bytes_is(unit, "BYTE") && !bytes_is(unit, "UTF8_CHAR"))
        return error_set(err, STATUS_INVALID_INPUT, "its unit is '%.*s'", (int)unit.size,
                         (const char *)unit.data);
    *attribute = attribute_of_int("utf8", bytes_is(unit, "UTF8_CHAR"));
    return STATUS_OK;
}

static enum status length(struct tf_call *c, struct error *err)
{
    struct attribute unit;

    TRY(unit_of(c, &unit, err));
    return ours(c, "TextLength", 1, 1, (struct emit_attributes){&unit, 1}, err);
}

static enum status part(struct tf_call *c, struct error *err)
{
    struct attribute unit;

    TRY(unit_of(c, &unit, err));
    return ours(c, "TextPart", 3, 1, (struct emit_attributes){&unit, 1}, err);
}

/* --- joining --- */

static enum status join(struct tf_call *c, struct error *err)
{
    struct attribute separator;

    TRY(string_attribute(c, "separator", "separator", &separator, err));
    return ours(c, "TextJoin", c->in_count, 1, (struct emit_attributes){&separator, 1}, err);
}

/* The dimensions that are left, then those that are joined: the first named one varies fastest. */
static enum status joined_last(struct tf_call *c, const int64_t *axes, size_t count, int rank,
                               value_id *x, struct error *err)
{
    int64_t perm[RANK_MAX];
    size_t left = 0;

    for (int d = 0; d < rank; d++) {
        bool joined = false;

        for (size_t k = 0; k < count; k++)
            joined = joined || axes[k] == d;
        if (!joined)
            perm[left++] = d;
    }
    if (left + count != (size_t)rank)
        return error_set(err, STATUS_INVALID_INPUT, "a dimension is joined twice");
    for (size_t k = 0; k < count; k++)
        perm[left + k] = axes[count - 1 - k];
    return emit_transpose(c->e, c->in[0], perm, (size_t)rank, x, err);
}

static enum status reduce_join(struct tf_call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    struct attribute attributes[2];
    value_id y, list;
    size_t count;
    bool keep;
    int rank;

    TRY(tf_rank(c, 0, &rank, err));
    TRY(tf_known_ints(c, 1, axes, RANK_MAX, &count, err));
    TRY(tf_bool(c->node, "keep_dims", false, &keep, err));
    TRY(string_attribute(c, "separator", "separator", &attributes[0], err));
    attributes[1] = attribute_of_int("dims", (int64_t)count);
    if (!count)
        return tf_give(c, c->in[0]);
    for (size_t k = 0; k < count; k++) {
        if (axes[k] < -rank || axes[k] >= rank)
            return error_set(err, STATUS_INVALID_INPUT, "dimension %lld of %d", (long long)axes[k],
                             rank);
        axes[k] += axes[k] < 0 ? rank : 0;
    }
    TRY(joined_last(c, axes, count, rank, &y, err));
    TRY(emit_node(c->e, "firn", "TextJoinRows", EMIT(y), (struct emit_attributes){attributes, 2},
                  &y, err));
    if (keep) {
        TRY(emit_ints(c->e, axes, count, &list, err));
        TRY(emit_2(c->e, "Unsqueeze", y, list, &y, err));
    }
    return tf_give(c, y);
}

static enum status join_segments(struct tf_call *c, struct error *err)
{
    struct attribute separator;

    TRY(string_attribute(c, "separator", "separator", &separator, err));
    return ours(c, "TextJoinSegments", 3, 1, (struct emit_attributes){&separator, 1}, err);
}

/* --- splitting --- */

static enum status split_set(struct tf_call *c, struct error *err)
{
    struct bytes separator;
    bool skip;

    TRY(tf_bool(c->node, "skip_empty", true, &skip, err));
    TRY(known_string(c, 1, "delimiter", &separator, err));
    return ours(c, "TextSplit", 1, 3,
                EMIT_ATTRIBUTES(attribute_of_text("way", "set"),
                                attribute_of_bytes("separator", separator),
                                attribute_of_int("skip", skip)),
                err);
}

static enum status split_text(struct tf_call *c, struct error *err)
{
    struct bytes separator;
    int64_t most;

    TRY(tf_int(c->node, "maxsplit", -1, &most, err));
    TRY(known_string(c, 1, "separator", &separator, err));
    return ours(c, "TextSplit", 1, 3,
                EMIT_ATTRIBUTES(attribute_of_text("way", "text"),
                                attribute_of_bytes("separator", separator),
                                attribute_of_int("most", most)),
                err);
}

enum { WIDTHS_MAX = 64 };

static enum status grams(struct tf_call *c, struct error *err)
{
    struct attribute attributes[6];
    int64_t widths[WIDTHS_MAX], pad;
    size_t count;
    bool keep;

    TRY(tf_ints(c->node, "ngram_widths", widths, WIDTHS_MAX, &count, c->l->keep, err));
    TRY(tf_int(c->node, "pad_width", 0, &pad, err));
    TRY(tf_bool(c->node, "preserve_short_sequences", false, &keep, err));
    TRY(string_attribute(c, "separator", "separator", &attributes[0], err));
    TRY(string_attribute(c, "left_pad", "left", &attributes[1], err));
    TRY(string_attribute(c, "right_pad", "right", &attributes[2], err));
    attributes[3] = attribute_of_ints("widths", widths, count);
    attributes[4] = attribute_of_int("pad", pad);
    attributes[5] = attribute_of_int("keep_short", keep);
    return ours(c, "TextGrams", 2, 2, (struct emit_attributes){attributes, 6}, err);
}

/* --- expressions --- */

static enum status match(struct tf_call *c, struct bytes pattern, struct error *err)
{
    return ours(c, "Re2Match", 1, 1, EMIT_ATTRIBUTES(attribute_of_bytes("pattern", pattern)), err);
}

static enum status full_match(struct tf_call *c, struct error *err)
{
    struct bytes pattern;

    TRY(known_string(c, 1, "pattern", &pattern, err));
    return match(c, pattern, err);
}

static enum status static_full_match(struct tf_call *c, struct error *err)
{
    struct bytes pattern;

    TRY(tf_string(c->node, "pattern", "", &pattern, err));
    return match(c, pattern, err);
}

static enum status replace(struct tf_call *c, struct bytes pattern, struct bytes rewrite,
                           struct error *err)
{
    bool global;

    TRY(tf_bool(c->node, "replace_global", true, &global, err));
    return ours(c, "Re2Replace", 1, 1,
                EMIT_ATTRIBUTES(attribute_of_bytes("pattern", pattern),
                                attribute_of_bytes("rewrite", rewrite),
                                attribute_of_int("global", global)),
                err);
}

static enum status regex_replace(struct tf_call *c, struct error *err)
{
    struct bytes pattern, rewrite;

    TRY(known_string(c, 1, "pattern", &pattern, err));
    TRY(known_string(c, 2, "rewrite", &rewrite, err));
    return replace(c, pattern, rewrite, err);
}

static enum status static_regex_replace(struct tf_call *c, struct error *err)
{
    struct bytes pattern, rewrite;

    TRY(tf_string(c->node, "pattern", "", &pattern, err));
    TRY(tf_string(c->node, "rewrite", "", &rewrite, err));
    return replace(c, pattern, rewrite, err);
}

/* --- hashes --- */

static enum status hash(struct tf_call *c, const char *function, const struct attribute *key,
                        struct error *err)
{
    struct attribute attributes[3];
    int64_t buckets;

    TRY(tf_int(c->node, "num_buckets", 0, &buckets, err));
    if (buckets < 1)
        return error_set(err, STATUS_INVALID_INPUT, "%lld buckets", (long long)buckets);
    attributes[0] = attribute_of_text("function", function);
    attributes[1] = attribute_of_int("buckets", buckets);
    if (key)
        attributes[2] = *key;
    return ours(c, "HashBucket", 1, 1, (struct emit_attributes){attributes, key ? 3 : 2}, err);
}

static enum status hash_fast(struct tf_call *c, struct error *err)
{
    return hash(c, "farm", NULL, err);
}

static enum status hash_old(struct tf_call *c, struct error *err)
{
    return hash(c, "murmur", NULL, err);
}

static enum status hash_strong(struct tf_call *c, struct error *err)
{
    struct attribute attribute;
    int64_t key[2];
    size_t count;

    TRY(tf_ints(c->node, "key", key, 2, &count, c->l->keep, err));
    if (count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "its key has %zu numbers, not 2", count);
    attribute = attribute_of_ints("key", key, 2);
    return hash(c, "sip", &attribute, err);
}

/* --- numbers --- */

static enum status as_string(struct tf_call *c, struct error *err)
{
    struct attribute attributes[5];
    int64_t precision, width;
    bool scientific, shortest;

    TRY(tf_int(c->node, "precision", -1, &precision, err));
    TRY(tf_int(c->node, "width", -1, &width, err));
    TRY(tf_bool(c->node, "scientific", false, &scientific, err));
    TRY(tf_bool(c->node, "shortest", false, &shortest, err));
    TRY(string_attribute(c, "fill", "fill", &attributes[0], err));
    attributes[1] = attribute_of_int("precision", precision);
    attributes[2] = attribute_of_int("width", width);
    attributes[3] = attribute_of_int("scientific", scientific);
    attributes[4] = attribute_of_int("shortest", shortest);
    return ours(c, "NumberText", 1, 1, (struct emit_attributes){attributes, 5}, err);
}

static enum status to_number(struct tf_call *c, struct error *err)
{
    enum dtype dtype;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    return ours(c, "TextNumber", 1, 1,
                EMIT_ATTRIBUTES(attribute_of_int(
                    "type", dtype_to_onnx(dtype == DTYPE_NONE ? DTYPE_F32 : dtype))),
                err);
}

static enum status raw(struct tf_call *c, int64_t size, struct error *err)
{
    enum dtype dtype;
    bool little;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    TRY(tf_bool(c->node, "little_endian", true, &little, err));
    return ours(c, "RawNumbers", 1, 1,
                EMIT_ATTRIBUTES(attribute_of_int("type", dtype_to_onnx(dtype)),
                                attribute_of_int("big", !little), attribute_of_int("size", size)),
                err);
}

static enum status decode_raw(struct tf_call *c, struct error *err)
{
    return raw(c, 0, err);
}

static enum status decode_padded_raw(struct tf_call *c, struct error *err)
{
    int64_t size;

    TRY(tf_known_int(c, 1, &size, err));
    if (size < 1)
        return error_set(err, STATUS_INVALID_INPUT, "a fixed length of %lld", (long long)size);
    return raw(c, size, err);
}

const struct tf_op_set tf_ops_string =
    TF_OP_SET({.name = "StringLower", .lower = lower, .inputs = 1},
              {.name = "StringUpper", .lower = upper, .inputs = 1},
              {.name = "StringStrip", .lower = strip, .inputs = 1},
              {.name = "StringLength", .lower = length, .inputs = 1},
              {.name = "Substr", .lower = part, .inputs = 3}, {.name = "StringJoin", .lower = join},
              {.name = "ReduceJoin", .lower = reduce_join, .inputs = 2},
              {.name = "UnsortedSegmentJoin", .lower = join_segments, .inputs = 3},
              {.name = "StringSplit", .lower = split_set, .inputs = 2},
              {.name = "StringSplitV2", .lower = split_text, .inputs = 2},
              {.name = "StringNGrams", .lower = grams, .inputs = 2},
              {.name = "RegexFullMatch", .lower = full_match, .inputs = 2},
              {.name = "StaticRegexFullMatch", .lower = static_full_match, .inputs = 1},
              {.name = "RegexReplace", .lower = regex_replace, .inputs = 3},
              {.name = "StaticRegexReplace", .lower = static_regex_replace, .inputs = 1},
              {.name = "StringToHashBucketFast", .lower = hash_fast, .inputs = 1},
              {.name = "StringToHashBucket", .lower = hash_old, .inputs = 1},
              {.name = "StringToHashBucketStrong", .lower = hash_strong, .inputs = 1},
              {.name = "AsString", .lower = as_string, .inputs = 1},
              {.name = "StringToNumber", .lower = to_number, .inputs = 1},
              {.name = "DecodeRaw", .lower = decode_raw, .inputs = 1},
              {.name = "DecodePaddedRaw", .lower = decode_padded_raw, .inputs = 2}, );
