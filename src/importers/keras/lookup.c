// SPDX-License-Identifier: Apache-2.0
/* Vocabularies: IntegerLookup, StringLookup, TextVectorization. A vocabulary stands in the
 * configuration, or in an archive among the assets as vocabulary.txt; the weights of tf_idf in the
 * configuration or among the variables.
 *
 * Indices begin with that of the mask (only in output mode int), then those of what is not in the
 * vocabulary (oov), then the tokens. */
#include <stdlib.h>

#include "base/text.h"
#include "importers/keras/internal.h"

enum { TOKENS_MAX = 1 << 26 };

struct lookup {
    struct call *c;
    enum dtype dtype; /* of tokens: STRING or I64 */
    struct bytes mode;
    struct tensor tokens;           /* (k,), without the special ones */
    int64_t oov, mask_index, start; /* how many indices of oov; of the mask: 0 or -1; of the first
                                       token */
    bool has_mask, found_special;   /* was the vocabulary written with its special tokens? */
    struct tensor mask, oov_token;  /* scalars */
};

static bool is_int_mode(const struct lookup *l)
{
    return bytes_is(l->mode, "int");
}

/* --- the vocabulary --- */

static enum status token_set(const struct lookup *l, struct tensor *to, size_t index,
                             const struct json *value, struct error *err)
{
    int64_t number;
    double real;

    if (l->dtype == DTYPE_STRING && json_string(value, &((struct bytes *)to->data)[index]))
        return STATUS_OK;
    if (l->dtype == DTYPE_I64 && json_i64(value, &number)) {
        ((int64_t *)to->data)[index] = number;
        return STATUS_OK;
    }
    if (l->dtype == DTYPE_I64 && json_f64(value, &real) && real == (double)(int64_t)real) {
        ((int64_t *)to->data)[index] = (int64_t)real;
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT, "a token is %s", json_kind_name(value->kind));
}

static enum status tokens_new(struct lookup *l, size_t count, struct tensor *tokens,
                              struct error *err)
{
    struct shape shape = SHAPE((int64_t)count);

    if (count > TOKENS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a vocabulary of %zu tokens", count);
    return tensor_new(tokens, l->dtype, &shape, l->c->k->keep, err);
}

static enum status from_config(struct lookup *l, const struct json *list, struct error *err)
{
    const struct json *inner = json_get(json_get(list, "config"), "value"); /* of an array */

    list = inner ? inner : list;
    if (list->kind != JSON_ARRAY)
        return error_set(err, STATUS_UNSUPPORTED, "its vocabulary is %s: a file outside of it",
                         json_kind_name(list->kind));
    TRY(tokens_new(l, list->count, &l->tokens, err));
    for (size_t i = 0; i < list->count; i++)
        TRY(token_set(l, &l->tokens, i, &list->items[i], err));
    return STATUS_OK;
}

/* The next line, and its end as Python's text files have it. */
static bool line_next(struct bytes *text, struct bytes *line)
{
    size_t size = 0, end;

    if (!text->size)
        return false;
    while (size < text->size && text->data[size] != '\n' && text->data[size] != '\r')
        size++;
    end = size < text->size ? 1 : 0;
    if (size + 1 < text->size && text->data[size] == '\r' && text->data[size + 1] == '\n')
        end = 2;
    *line = (struct bytes){text->data, size};
    *text = (struct bytes){text->data + size + end, text->size - size - end};
    return true;
}

static enum status line_set(const struct lookup *l, size_t index, struct bytes line,
                            struct error *err)
{
    char number[32], *end;

    if (l->dtype == DTYPE_STRING) {
        ((struct bytes *)l->tokens.data)[index] = line;
        return STATUS_OK;
    }
    if (!line.size || line.size >= sizeof number)
        return error_set(err, STATUS_INVALID_INPUT, "a line of its vocabulary is no integer");
    memcpy(number, line.data, line.size);
    number[line.size] = 0;
    ((int64_t *)l->tokens.data)[index] = strtoll(number, &end, 10);
    return *end ? error_set(err, STATUS_INVALID_INPUT, "a line of its vocabulary is no integer")
                : STATUS_OK;
}

/* Empty lines at the end are none. */
static enum status from_lines(struct lookup *l, struct bytes text, struct error *err)
{
    struct bytes rest = text, line;
    size_t count = 0, last = 0;

    while (line_next(&rest, &line))
        if (++count && line.size)
            last = count;
    TRY(tokens_new(l, last, &l->tokens, err));
    for (size_t i = 0; i < last && line_next(&text, &line); i++)
        TRY(line_set(l, i, line, err));
    return STATUS_OK;
}

static bool token_equal(const struct tensor *a, size_t i, const struct tensor *b)
{
    if (a->dtype == DTYPE_STRING)
        return bytes_equal(((struct bytes *)a->data)[i], ((struct bytes *)b->data)[0]);
    return ((int64_t *)a->data)[i] == ((int64_t *)b->data)[0];
}

/* Special tokens may stand in front. */
static void special_drop(struct lookup *l)
{
    size_t special = (size_t)l->start;

    if (tensor_count(&l->tokens) < special || (l->oov && !l->oov_token.data))
        return;
    for (size_t i = 0; i < special; i++)
        if (!token_equal(&l->tokens, i, (int64_t)i == l->mask_index ? &l->mask : &l->oov_token))
            return;
    l->found_special = true;
    l->tokens.data = (char *)l->tokens.data + special * dtype_size(l->dtype);
    l->tokens.shape.dims[0] -= (int64_t)special;
}

static enum status vocabulary_read(struct lookup *l, const char *part, struct error *err)
{
    const struct json *list = config_get(l->c, "vocabulary", NULL);
    struct weights inner, *own = l->c->weights;
    struct bytes text;
    bool found = false;

    if (list && list->kind != JSON_NULL) {
        TRY(from_config(l, list, err));
        special_drop(l);
        return STATUS_OK;
    }
    TRY(weights_asset(l->c, "vocabulary.txt", &text, &found, err));
    if (!found && part) {
        TRY(weights_part(l->c->k, own, part, &inner, err));
        l->c->weights = &inner;
        TRY(weights_asset(l->c, "vocabulary.txt", &text, &found, err));
        l->c->weights = own;
    }
    if (!found)
        return error_set(err, STATUS_UNSUPPORTED, "its vocabulary is not in the file");
    TRY(from_lines(l, text, err));
    special_drop(l);
    return STATUS_OK;
}

/* A special token of the configuration; data stays NULL where there is none. */
static enum status special_read(struct lookup *l, const char *key, struct tensor *token,
                                struct error *err)
{
    const struct json *value = config_get(l->c, key, NULL);
    struct shape shape = shape_scalar();

    *token = (struct tensor){.dtype = l->dtype};
    if (!value || value->kind == JSON_NULL)
        return STATUS_OK;
    TRY(tensor_new(token, l->dtype, &shape, l->c->k->keep, err));
    return token_set(l, token, 0, value, err);
}

static void mode_read(struct lookup *l)
{
    l->mode = config_text_or(l->c, "output_mode", NULL, "int");
    if (bytes_is(l->mode, "binary"))
        l->mode = bytes_of("multi_hot");
    if (bytes_is(l->mode, "tf-idf"))
        l->mode = bytes_of("tf_idf");
}

static void places_set(struct lookup *l)
{
    l->has_mask = l->mask.data != NULL;
    l->mask_index = l->has_mask && is_int_mode(l) ? 0 : -1;
    l->start = l->oov + (l->mask_index == 0);
}

/* --- indices --- */

/* What is not in the vocabulary: one index, or one of several by a hash. */
static enum status oov_emit(const struct lookup *l, value_id tokens, value_id *index,
                            struct error *err)
{
    const struct json *salt = config_get(l->c, "salt", NULL);
    bool farm = l->dtype == DTYPE_STRING ||
                bytes_is(config_text_or(l->c, "oov_method", NULL, "floormod"), "farmhash");
    const struct emitter *e = l->c->e;
    value_id number;

    if (l->oov <= 1)
        return emit_number(e, DTYPE_I64, l->oov ? (double)(l->mask_index + 1) : -1, index, err);
    if (farm) {
        TRY(emit_cast(e, tokens, DTYPE_STRING, &tokens, err));
        TRY(hash_emit(l->c, tokens, l->oov, salt, index, err));
    } else {
        TRY(emit_number(e, DTYPE_I64, (double)l->oov, &number, err));
        TRY(emit_2(e, "Mod", tokens, number, index, err));
    }
    TRY(emit_number(e, DTYPE_I64, (double)(l->mask_index + 1), &number, err));
    return emit_2(e, "Add", *index, number, index, err);
}

static enum status range_new(struct lookup *l, struct tensor *indices, struct error *err)
{
    TRY(tensor_new(indices, DTYPE_I64, &l->tokens.shape, l->c->k->keep, err));
    for (size_t i = 0; i < tensor_count(indices); i++)
        ((int64_t *)indices->data)[i] = l->start + (int64_t)i;
    return STATUS_OK;
}

static enum status table_emit(const struct lookup *l, value_id x, const struct tensor *keys,
                              const struct tensor *values, value_id otherwise, value_id *y,
                              struct error *err)
{
    return emit_node(
        l->c->e, "firn", "TableFind", EMIT(x, otherwise),
        EMIT_ATTRIBUTES(attribute_of_tensor("keys", keys), attribute_of_tensor("values", values)),
        y, err);
}

/* Where x is the mask token: the mask's value. */
static enum status mask_emit(const struct lookup *l, value_id x, const struct tensor *key,
                             value_id value, value_id *y, struct error *err)
{
    value_id token, is;

    TRY(emit_constant(l->c->e, key, &token, err));
    TRY(emit_2(l->c->e, "Equal", x, token, &is, err));
    return emit_where(l->c->e, is, value, *y, y, err);
}

/* Tokens to indices; -1 of what has none in modes other than int. */
static enum status indices_emit(struct lookup *l, value_id x, value_id *y, struct error *err)
{
    const struct emitter *e = l->c->e;
    value_id otherwise, mask, zero, is;
    struct tensor indices;

    TRY(range_new(l, &indices, err));
    TRY(oov_emit(l, x, &otherwise, err));
    TRY(table_emit(l, x, &l->tokens, &indices, otherwise, y, err));
    if (l->has_mask) {
        TRY(emit_number(e, DTYPE_I64, is_int_mode(l) ? 0 : (double)((int64_t)1 << 40), &mask, err));
        TRY(mask_emit(l, x, &l->mask, mask, y, err));
    }
    if (l->oov)
        return STATUS_OK;
    TRY(emit_number(e, DTYPE_I64, 0, &zero, err));
    TRY(emit_2(e, "GreaterOrEqual", *y, zero, &is, err));
    return emit_require(e, is, "a value is not in the vocabulary", y, err);
}

/* Indices to tokens: those in front of the first token are oov, but for the mask. */
static enum status invert_emit(struct lookup *l, value_id x, value_id *y, struct error *err)
{
    struct tensor indices, zero;
    struct shape shape = shape_scalar();
    value_id otherwise, mask;

    if (!l->oov_token.data)
        return error_set(err, STATUS_UNSUPPORTED, "has no oov_token");
    TRY(range_new(l, &indices, err));
    TRY(emit_cast(l->c->e, x, DTYPE_I64, &x, err));
    TRY(emit_constant(l->c->e, &l->oov_token, &otherwise, err));
    TRY(table_emit(l, x, &indices, &l->tokens, otherwise, y, err));
    if (!l->has_mask)
        return STATUS_OK;
    TRY(tensor_new(&zero, DTYPE_I64, &shape, l->c->k->keep, err));
    TRY(emit_constant(l->c->e, &l->mask, &mask, err));
    return mask_emit(l, x, &zero, mask, y, err);
}

/* --- output modes --- */

/* (depth,): of the configuration without the special tokens, which get the mean; or stored whole.
 */
static enum status idf_read(struct lookup *l, int64_t depth, struct tensor *idf, struct error *err)
{
    const struct json *list = config_get(l->c, "idf_weights", NULL);
    struct shape shape = SHAPE(depth);
    struct tensor stored;
    size_t front, count;
    double sum = 0;
    bool found;

    TRY(tensor_new(idf, DTYPE_F32, &shape, l->c->k->keep, err));
    TRY(weight_find(l->c, "idf_weights", &stored, &found, err));
    if (!found) {
        if (!list || list->kind == JSON_NULL)
            return error_set(err, STATUS_UNSUPPORTED, "its idf_weights are not in the file");
        TRY(constant_read(l->c, list, DTYPE_F64, &stored, err));
    }
    count = tensor_count(&stored);
    front = found || l->found_special ? 0 : (size_t)l->start;
    for (size_t i = 0; i < count; i++)
        sum += tensor_f64(&stored, i);
    for (size_t i = 0; i < (size_t)depth; i++)
        tensor_set_f64(idf, i,
                       i < front           ? sum / (double)count
                       : i - front < count ? tensor_f64(&stored, i - front)
                                           : 0);
    return STATUS_OK;
}

/* Before Keras 3 vectors are floats; there they are integers, but with tf_idf. */
static enum status encode(struct lookup *l, value_id index, value_id *y, struct error *err)
{
    bool idf = bytes_is(l->mode, "tf_idf");
    enum dtype dtype = l->c->k->generation > 2 && !idf ? DTYPE_I64 : DTYPE_F32;
    int64_t depth = l->start + (int64_t)tensor_count(&l->tokens);
    struct tensor factors;
    value_id constant;

    if (config_bool_or(l->c, "pad_to_max_tokens", NULL, false))
        TRY(config_int(l->c, "max_tokens", NULL, &depth, err));
    if (is_int_mode(l)) {
        *y = index;
        return STATUS_OK;
    }
    TRY(categories_encode(l->c, index, idf ? bytes_of("count") : l->mode, depth, VALUE_NONE, dtype,
                          y, err));
    if (!idf)
        return STATUS_OK;
    TRY(idf_read(l, depth, &factors, err));
    TRY(emit_constant(l->c->e, &factors, &constant, err));
    return emit_2(l->c->e, "Mul", *y, constant, y, err);
}

/* --- the layers --- */

/* What is read where the mode, or another option, wants it. */
static const char OF_MODES[] = "oov_method salt pad_to_max_tokens sparse vocabulary_dtype "
                               "output_sequence_length idf_weights mask_token invert";

static enum status lookup(struct call *c, enum dtype dtype, struct error *err)
{
    struct lookup l = {.c = c, .dtype = dtype};
    bool invert = config_bool_or(c, "invert", NULL, false);
    value_id x = c->in[0].value, y;

    TRY(call_wants(c, 1, err));
    mode_read(&l);
    seen_keys(c, OF_MODES);
    l.oov = config_int_or(c, "num_oov_indices", 1);
    if (l.oov < 0 || l.oov > 1 << 24)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld oov indices", (long long)l.oov);
    TRY(special_read(&l, "mask_token", &l.mask, err));
    TRY(special_read(&l, "oov_token", &l.oov_token, err));
    places_set(&l);
    TRY(vocabulary_read(&l, NULL, err));
    if (invert) {
        TRY(invert_emit(&l, x, &y, err));
        return call_give(c, y);
    }
    if (dtype == DTYPE_I64)
        TRY(emit_cast(c->e, x, DTYPE_I64, &x, err));
    TRY(indices_emit(&l, x, &y, err));
    TRY(encode(&l, y, &y, err));
    return call_give(c, y);
}

/* IntegerLookup may be of strings, as StringLookup may not. */
static enum status integer_lookup(struct call *c, struct error *err)
{
    return lookup(c,
                  bytes_is(config_text_or(c, "vocabulary_dtype", NULL, "int64"), "string")
                      ? DTYPE_STRING
                      : DTYPE_I64,
                  err);
}

static enum status string_lookup(struct call *c, struct error *err)
{
    return lookup(c, DTYPE_STRING, err);
}

/* A word of the configuration; what is an object there is code. */
static enum status word_of(struct call *c, const char *key, const char *otherwise,
                           struct bytes *word, struct error *err)
{
    const struct json *value = config_get(c, key, NULL);

    *word = bytes_of(value && value->kind == JSON_NULL ? "none" : otherwise);
    if (value && value->kind != JSON_NULL && !json_string(value, word))
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' is Python code", key);
    return STATUS_OK;
}

/* An integer n stands for 1 ... n. */
static enum status ngrams_read(struct call *c, int64_t widths[], size_t max, size_t *count,
                               struct error *err)
{
    int64_t one;

    if (!json_i64(config_get(c, "ngrams", NULL), &one))
        return option_ints(c, SIZE_MAX, "ngrams", widths, max, count, err);
    if (one < 1 || one > (int64_t)max)
        return error_set(err, STATUS_UNSUPPORTED, "its 'ngrams' is %lld", (long long)one);
    for (*count = 0; *count < (size_t)one; ++*count)
        widths[*count] = (int64_t)*count + 1;
    return STATUS_OK;
}

enum { NGRAMS_MAX = 64 };

static enum status split_emit(struct lookup *l, value_id x, value_id *tokens, struct error *err)
{
    struct attribute attributes[5];
    int64_t widths[NGRAMS_MAX], length = 0;
    struct bytes standardise, split;
    size_t count = 0, width_count;
    struct call *c = l->c;
    bool both;

    TRY(word_of(c, "standardize", "lower_and_strip_punctuation", &standardise, err));
    TRY(word_of(c, "split", "whitespace", &split, err));
    TRY(ngrams_read(c, widths, NGRAMS_MAX, &width_count, err));
    both = bytes_is(standardise, "lower_and_strip_punctuation");
    if (!both && !bytes_is(standardise, "lower") && !bytes_is(standardise, "strip_punctuation") &&
        !bytes_is(standardise, "none"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'standardize' is not supported");
    if (!bytes_is(split, "whitespace") && !bytes_is(split, "character") && !bytes_is(split, "none"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'split' is not supported");
    if (is_int_mode(l))
        length = config_int_or(c, "output_sequence_length", 0);
    attributes[count++] = attribute_of_int("lower", both || bytes_is(standardise, "lower"));
    attributes[count++] =
        attribute_of_int("punctuation", both || bytes_is(standardise, "strip_punctuation"));
    attributes[count++] = attribute_of_text("split", bytes_is(split, "whitespace")  ? "whitespace"
                                                     : bytes_is(split, "character") ? "character"
                                                                                    : "none");
    attributes[count++] = attribute_of_int("length", length);
    if (width_count)
        attributes[count++] = attribute_of_ints("ngrams", widths, width_count);
    return emit(c->e, "firn", "SplitText", &x, 1, attributes, count, tokens, 1, err);
}

static enum status text_vectorization(struct call *c, struct error *err)
{
    struct lookup l = {.c = c, .dtype = DTYPE_STRING, .oov = 1};
    struct shape scalar = shape_scalar();
    value_id tokens, y;

    TRY(call_wants(c, 1, err));
    TRY(config_refuse(c, "ragged", err));
    mode_read(&l);
    seen_keys(c, OF_MODES);
    if (bytes_is(l.mode, "one_hot"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'output_mode' is one_hot");
    TRY(tensor_new(&l.mask, DTYPE_STRING, &scalar, c->k->keep, err));
    TRY(tensor_new(&l.oov_token, DTYPE_STRING, &scalar, c->k->keep, err));
    *(struct bytes *)l.mask.data = bytes_of("");
    *(struct bytes *)l.oov_token.data = bytes_of("[UNK]");
    places_set(&l);
    TRY(vocabulary_read(&l, "_lookup_layer", err));
    TRY(split_emit(&l, c->in[0].value, &tokens, err));
    TRY(indices_emit(&l, tokens, &y, err));
    TRY(encode(&l, y, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_lookup =
    LAYER_SET({.name = "IntegerLookup", .lower = integer_lookup, .any_dtype = true},
              {.name = "StringLookup", .lower = string_lookup, .any_dtype = true},
              {.name = "TextVectorization", .lower = text_vectorization, .any_dtype = true}, );
