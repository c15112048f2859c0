// SPDX-License-Identifier: Apache-2.0
/* What a layer has read of its configuration and of the arguments of its call. What it has not read
 * and what is not known to leave results alone is refused by its name: a key that a later Keras
 * adds is never passed over. */
#include "base/text.h"
#include "importers/keras/internal.h"

/* Of training, of how weights were made, of how fast the work goes; what weights tell; what else a
 * layer reads where it stands. */
static const char *const HARMLESS[] = {
    "name trainable dtype registered_name batch_input_shape batch_shape input_dtype input_shape "
    "input_length input_dim input_spec build_config build_input_shape module",
    "init inner_init forget_bias_init unit_forget_bias consume_less dropout dropout_W dropout_U "
    "recurrent_dropout rate p sigma seed noise_shape momentum renorm renorm_clipping "
    "renorm_momentum fused synchronized gamma_init beta_init virtual_batch_size power_iterations",
    "implementation unroll flash_attention stateful zero_output_for_mask return_runs cpu_merge "
    "bidirectional",
    "units filters depth_multiplier output_dim nb_filter nb_feature nb_kernel rank groups "
    "query_shape key_shape value_shape output_shape num_heads shared_axes lora_alpha lora_rank "
    "n_buckets vocabulary_size max_tokens "
    "num_bins "
    "gptq_unpacked_column_size awq_unpacked_column_size encoding oov_token idf_weights output_mode "
    "arguments fill_value fill_mode clip_limit T",
    "function constants node_def input_tensors quantization_config autocast",
};
static const char *const ENDS[] = {"_initializer", "_regularizer", "_constraint", "_config",
                                   "_init"};

/* Of an operation: nearly nothing. */
static const char HARMLESS_OPERATION[] =
    "name trainable function constants node_def flash_attention sorted T validate_indices";

static bool is_harmless(const struct call *c, struct bytes key)
{
    if (c->operation)
        return is_word_of(key, HARMLESS_OPERATION) ||
               (c->k->generation < 3 && key.size && (key.data[0] == '_' || key.data[0] == 'T'));
    for (size_t i = 0; i < ARRAY_COUNT(HARMLESS); i++)
        if (is_word_of(key, HARMLESS[i]))
            return true;
    for (size_t i = 0; i < ARRAY_COUNT(ENDS); i++) {
        size_t size = strlen(ENDS[i]);

        if (key.size > size && !memcmp(key.data + key.size - size, ENDS[i], size))
            return true;
    }
    return key.size && key.data[0] == '_';
}

bool json_is_off(const struct json *value)
{
    double number;

    if (value->kind == JSON_ARRAY || value->kind == JSON_OBJECT) {
        for (size_t i = 0; i < value->count; i++)
            if (value->items[i].kind != JSON_NULL)
                return false;
        return true;
    }
    return value->kind == JSON_NULL || (value->kind == JSON_BOOL && !value->boolean) ||
           (value->kind == JSON_STRING && !value->string.size) ||
           (json_f64(value, &number) && number == 0);
}

/* Where a layer that has no other order says it. */
static bool is_channels_last(const struct json *item)
{
    return bytes_is(item->key, "data_format") && item->kind == JSON_STRING &&
           bytes_is(item->string, "channels_last");
}

void seen_key(const struct call *c, const struct json *value)
{
    struct seen *seen = c->seen;
    size_t index;

    if (!seen || !value || seen->config != c->config || c->config->kind != JSON_OBJECT)
        return;
    index = (size_t)(value - c->config->items);
    if (index < c->config->count && index < KEYS_MAX)
        seen->keys[index] = true;
}

void seen_part(const struct call *c, const struct argument *part)
{
    if (c->seen && c->arguments && part)
        c->seen->parts[part - c->arguments->parts] = true;
}

void seen_positional(const struct call *c)
{
    for (size_t i = 0; c->arguments && i < c->arguments->part_count; i++)
        if (!c->arguments->parts[i].name.size)
            seen_part(c, &c->arguments->parts[i]);
}

void seen_all(const struct call *c)
{
    if (c->seen)
        memset(c->seen->keys, true, sizeof c->seen->keys);
}

void seen_keys(const struct call *c, const char *words)
{
    for (size_t i = 0; c->config->kind == JSON_OBJECT && i < c->config->count; i++)
        if (is_word_of(c->config->items[i].key, words))
            seen_key(c, &c->config->items[i]);
}

void seen_misread(const struct call *c, const char *key, const struct json *value)
{
    if (c->seen && !c->seen->misread && value && value->kind != JSON_NULL) {
        c->seen->misread = key;
        c->seen->misread_kind = value->kind;
    }
}

enum status seen_check_config(const struct call *c, struct error *err)
{
    const struct seen *seen = c->seen;
    char quoted[TEXT_QUOTE_SIZE];

    if (seen->misread)
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' is %s", seen->misread,
                         json_kind_name(seen->misread_kind));
    if (seen->config->kind != JSON_OBJECT)
        return STATUS_OK;
    for (size_t i = 0; i < seen->config->count; i++) {
        const struct json *item = &seen->config->items[i];

        if ((i < KEYS_MAX && seen->keys[i]) || json_is_off(item) || is_harmless(c, item->key) ||
            is_channels_last(item))
            continue;
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' is not supported",
                         text_quote(item->key, quoted, sizeof quoted));
    }
    return STATUS_OK;
}

/* The first positional one is the input, or the list of them. */
enum status seen_check_arguments(const struct call *c, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; c->arguments && i < c->arguments->part_count; i++) {
        const struct argument *part = &c->arguments->parts[i];

        if (c->seen->parts[i] || (!i && !part->name.size) ||
            (!part->count && json_is_off(part->value)))
            continue;
        if (!part->name.size)
            return error_set(err, STATUS_UNSUPPORTED, "argument %zu of its call is not supported",
                             i + 1);
        if (!bytes_is(part->name, "training") && !is_harmless(c, part->name))
            return error_set(err, STATUS_UNSUPPORTED, "keyword '%s' of its call is not supported",
                             text_quote(part->name, quoted, sizeof quoted));
    }
    return STATUS_OK;
}
