// SPDX-License-Identifier: Apache-2.0
/* What a call of a layer is given: an inbound node, as Keras 1 and 2 ([layer, node, tensor,
 * keywords] for each tensor) and Keras 3 ({args, kwargs}) write it. */
#include "base/map.h"
#include "base/text.h"
#include "importers/keras/internal.h"

enum { NESTED_MAX = 4 };

struct reader {
    const struct network *network;
    struct arguments *made;
    struct arena *arena; /* of *made */
    size_t references, references_room, parts_room;
};

/* --- growing --- */

static void *grown(struct arena *arena, const void *old, size_t count, size_t *room, size_t size)
{
    size_t wanted = *room ? *room * 2 : 4;
    void *new = arena_alloc(arena, wanted, size);

    if (new &&count)
        memcpy(new, old, count * size);
    *room = wanted;
    return new;
}

static enum status part_add(struct reader *r, struct bytes name, const struct json *value,
                            struct error *err)
{
    struct arguments *a = r->made;

    if (a->part_count == ARGUMENTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d arguments", ARGUMENTS_MAX);
    if (a->part_count == r->parts_room)
        a->parts = grown(r->arena, a->parts, a->part_count, &r->parts_room, sizeof *a->parts);
    if (!a->parts)
        return error_no_memory(err, "a call");
    a->parts[a->part_count++] =
        (struct argument){.name = name, .value = value, .first = a->reference_count};
    return STATUS_OK;
}

/* To the last part. */
static enum status reference_add(struct reader *r, struct reference reference, struct error *err)
{
    struct arguments *a = r->made;

    if (a->reference_count == LAYER_INPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d inputs", LAYER_INPUTS_MAX);
    if (a->reference_count == r->references_room)
        a->references = grown(r->arena, a->references, a->reference_count, &r->references_room,
                              sizeof *a->references);
    if (!a->references)
        return error_no_memory(err, "a call");
    a->references[a->reference_count++] = reference;
    a->parts[a->part_count - 1].count++;
    return STATUS_OK;
}

/* --- tensors --- */

enum status reference_read(const struct network *network, const struct json *name,
                           const struct json *call, const struct json *tensor,
                           struct reference *reference, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes text = {NULL, 0};
    int64_t call_index, tensor_index;
    const struct layer *layer;

    if (!json_string(name, &text) || !json_i64(call, &call_index) || call_index < 0 ||
        !json_i64(tensor, &tensor_index) || tensor_index < 0 || tensor_index >= LAYER_OUTPUTS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "a node is no [layer, node, tensor]");
    layer = map_find(&network->by_name, text);
    if (layer && layer->from_one && call_index)
        call_index--;
    if (!layer || (size_t)call_index >= layer->call_count)
        return error_set(err, STATUS_INVALID_INPUT, "there is no layer '%s', or no such call of it",
                         text_quote(text, quoted, sizeof quoted));
    *reference = (struct reference){(size_t)(layer - network->layers), (size_t)call_index,
                                    (size_t)tensor_index};
    return STATUS_OK;
}

/* A tensor of Keras 3: {class_name: __keras_tensor__, config: {keras_history: [layer, node,
 * tensor]}}.
 */
static const struct json *history_of(const struct json *value)
{
    const struct json *history = json_get(json_get(value, "config"), "keras_history");

    return history && history->kind == JSON_ARRAY && history->count == 3 ? history : NULL;
}

static enum status items_read_3(struct reader *r, const struct json *value, int depth,
                                struct error *err);

/* The tensors in a value of Keras 3, in lists and in dictionaries of them. */
static enum status tensors_read_3(struct reader *r, const struct json *value, int depth,
                                  struct error *err)
{
    const struct json *history = history_of(value);
    struct reference reference;

    if (history) {
        TRY(reference_read(r->network, &history->items[0], &history->items[1], &history->items[2],
                           &reference, err));
        return reference_add(r, reference, err);
    }
    if (depth == NESTED_MAX)
        return STATUS_OK;
    if (value->kind == JSON_ARRAY || (value->kind == JSON_OBJECT && !json_get(value, "class_name")))
        return items_read_3(r, value, depth + 1, err);
    return STATUS_OK;
}

static enum status items_read_3(struct reader *r, const struct json *value, int depth,
                                struct error *err)
{
    const struct json **sorted = json_sorted(value, r->arena);

    if (!sorted)
        return error_no_memory(err, "a call");
    for (size_t i = 0; i < value->count; i++)
        TRY(tensors_read_3(r, sorted[i], depth, err));
    return STATUS_OK;
}

static bool is_tensor_2(const struct json *value)
{
    return value->kind == JSON_ARRAY && value->count >= 3 && value->items[0].kind == JSON_STRING &&
           value->items[1].kind == JSON_INT && value->items[1].integer >= 0;
}

static enum status tensor_read_2(struct reader *r, const struct json *value, struct error *err)
{
    struct reference reference;

    TRY(reference_read(r->network, &value->items[0], &value->items[1], &value->items[2], &reference,
                       err));
    return reference_add(r, reference, err);
}

/* The tensors in a keyword of Keras 2: [layer, node, tensor], or lists of such. */
static enum status tensors_read_2(struct reader *r, const struct json *value, int depth,
                                  struct error *err)
{
    if (is_tensor_2(value))
        return tensor_read_2(r, value, err);
    if (value->kind != JSON_ARRAY || depth == NESTED_MAX)
        return STATUS_OK;
    for (size_t i = 0; i < value->count; i++)
        TRY(tensors_read_2(r, &value->items[i], depth + 1, err));
    return STATUS_OK;
}

/* --- nodes --- */

static enum status keywords_read(struct reader *r, const struct json *keywords, bool generation_3,
                                 struct error *err)
{
    static const char INPUT_NAMES[] = "inputs sequences sequence";
    const struct json *input = NULL;

    if (!keywords || keywords->kind == JSON_NULL)
        return STATUS_OK;
    if (keywords->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "the keywords of its call are %s",
                         json_kind_name(keywords->kind));
    r->made->keywords = keywords;
    /* the input by its name is as good as in its place */
    for (size_t i = 0; generation_3 && !r->made->part_count && i < keywords->count; i++) {
        if (!is_word_of(keywords->items[i].key, INPUT_NAMES))
            continue;
        TRY(part_add(r, (struct bytes){NULL, 0}, &keywords->items[i], err));
        TRY(tensors_read_3(r, &keywords->items[i], 0, err));
        input = &keywords->items[i];
    }
    for (size_t i = 0; i < keywords->count; i++) {
        const struct json *value = &keywords->items[i];

        if (value == input)
            continue;
        TRY(part_add(r, value->key, value, err));
        TRY((generation_3 ? tensors_read_3 : tensors_read_2)(r, value, 0, err));
    }
    return STATUS_OK;
}

static enum status node_read_3(struct reader *r, const struct json *node, struct error *err)
{
    const struct json *args = json_get(node, "args");

    for (size_t i = 0; args && args->kind == JSON_ARRAY && i < args->count; i++) {
        TRY(part_add(r, (struct bytes){NULL, 0}, &args->items[i], err));
        TRY(tensors_read_3(r, &args->items[i], 0, err));
    }
    return keywords_read(r, json_get(node, "kwargs"), true, err);
}

/* ["_CONSTANT_VALUE", -1, value, keywords]: an argument that is no tensor. */
static bool is_constant_2(const struct json *value)
{
    struct bytes name;

    return value->kind == JSON_ARRAY && value->count >= 3 && json_string(&value->items[0], &name) &&
           bytes_is(name, "_CONSTANT_VALUE");
}

/* The first argument: a tensor, or a list of tensors, each with the keywords of the call. */
static enum status node_read_2(struct reader *r, const struct json *node, struct error *err)
{
    const struct json *first = node;

    if (node->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "an inbound node is %s",
                         json_kind_name(node->kind));
    /* One call with one tensor may stand without its list. */
    if (!is_tensor_2(node) && !is_constant_2(node)) {
        if (!node->count)
            return STATUS_OK;
        first = &node->items[0];
    }
    TRY(part_add(r, (struct bytes){NULL, 0}, is_constant_2(first) ? &first->items[2] : node, err));
    if (first == node && is_tensor_2(node))
        TRY(tensor_read_2(r, node, err));
    for (size_t i = 0; first != node && i < node->count; i++) {
        const struct json *tensor = &node->items[i];

        if (is_constant_2(tensor))
            continue;
        if (!is_tensor_2(tensor))
            return error_set(err, STATUS_INVALID_INPUT, "an inbound node has no tensors");
        TRY(tensor_read_2(r, tensor, err));
    }
    return keywords_read(r, first->kind == JSON_ARRAY && first->count > 3 ? &first->items[3] : NULL,
                         false, err);
}

/* A dictionary of tensors, which TensorFlow flattens in the order of its keys. */
static enum status dictionary_read_2(struct reader *r, const struct json *node, struct error *err)
{
    const struct json **sorted = json_sorted(node, r->arena), *keywords = NULL;

    if (!sorted)
        return error_no_memory(err, "a call");
    TRY(part_add(r, (struct bytes){NULL, 0}, node, err));
    for (size_t i = 0; i < node->count; i++) {
        if (!is_tensor_2(sorted[i]))
            return error_set(err, STATUS_UNSUPPORTED,
                             "an inbound node that holds other than tensors");
        TRY(tensor_read_2(r, sorted[i], err));
        keywords = i == 0 && sorted[i]->count > 3 ? &sorted[i]->items[3] : keywords;
    }
    return keywords_read(r, keywords, false, err);
}

enum status arguments_read(const struct network *network, const struct json *node,
                           struct arena *arena, struct arguments **made, struct error *err)
{
    struct reader r = {.network = network, .arena = arena};

    *made = r.made = arena_new(arena, struct arguments, 1);
    if (!r.made)
        return error_no_memory(err, "a call");
    if (node->kind == JSON_OBJECT && (json_get(node, "args") || json_get(node, "kwargs")))
        return node_read_3(&r, node, err);
    if (node->kind == JSON_OBJECT)
        return dictionary_read_2(&r, node, err);
    return node_read_2(&r, node, err);
}
