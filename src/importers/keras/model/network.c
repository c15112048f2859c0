// SPDX-License-Identifier: Apache-2.0
/* The configuration of a model: Sequential (a list of layers in Keras 1 and early 2, an object
 * later) and Functional (layers with the nodes in which they are called). */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { LAYERS_MAX = 100000, CALLS_MAX = 10000 };

static const char *text_of(struct keras *k, const struct json *value)
{
    struct bytes text;

    return json_string(value, &text) ? arena_text(k->keep, text) : NULL;
}

static bool is_own_module(struct bytes module)
{
    static const char *const NAMES[] = {"keras", "tf_keras", "keras_core"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (bytes_starts(module, bytes_of(NAMES[i])) &&
            (module.size == strlen(NAMES[i]) || module.data[strlen(NAMES[i])] == '.'))
            return true;
    return false;
}

const char *class_name_of(struct keras *k, const struct json *item)
{
    const struct json *module = json_get(item, "module");
    const char *name = text_of(k, json_get(item, "class_name")), *registered;
    struct bytes text = bytes_of("custom");

    if (!name || !module || (json_string(module, &text) && is_own_module(text)))
        return name;
    registered = text_of(k, json_get(item, "registered_name"));
    return registered && strchr(registered, '>')
               ? registered
               : arena_printf(k->keep, "%.*s>%s", (int)text.size, (const char *)text.data, name);
}

static bool is_network(const char *class_name)
{
    return !strcmp(class_name, "Sequential") || !strcmp(class_name, "Functional") ||
           !strcmp(class_name, "Model");
}

/* --- layers --- */

/* HDF5 files of Keras 3 leave the module out; but every layer of such a name states whether it can
 * be trained. */
static bool is_operation(const struct keras *k, const struct json *item, const char *class_name,
                         const struct json *config)
{
    struct bytes module;

    if (json_string(json_get(item, "module"), &module))
        return bytes_starts(module, bytes_of("keras.src.ops")) ||
               bytes_starts(module, bytes_of("keras.ops"));
    return k->generation >= 3 && config && config->kind == JSON_OBJECT &&
           !json_get(config, "trainable") && class_name && operation_exists(class_name);
}

static enum status layer_read(struct keras *k, const struct json *item, struct layer *layer,
                              int depth, struct error *err)
{
    struct bytes order;

    layer->class_name = class_name_of(k, item);
    layer->config = json_get(item, "config");
    layer->inbound = json_get(item, "inbound_nodes");
    layer->name = text_of(k, json_get(item, "name"));
    if (!layer->name)
        layer->name = text_of(k, json_get(layer->config, "name"));
    if (k->order == ORDER_UNKNOWN && json_string(json_get(layer->config, "dim_ordering"), &order))
        k->order = bytes_is(order, "th") ? ORDER_TH : bytes_is(order, "tf") ? ORDER_TF : k->order;
    layer->operation = is_operation(k, item, layer->class_name, layer->config);
    if (!layer->class_name || !layer->config)
        return error_at(err, item->offset, STATUS_INVALID_INPUT,
                        "a layer without class_name or config");
    if (!layer->name)
        layer->name = layer->class_name;
    if (is_network(layer->class_name) && network_read(k, item, &layer->network, depth + 1, err))
        return error_within(err, "layer '%.64s'", layer->name);
    layer->call_count =
        layer->inbound && layer->inbound->kind == JSON_ARRAY ? layer->inbound->count : 0;
    if (!layer->call_count)
        layer->call_count = 1;
    if (layer->call_count > CALLS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "layer '%.64s' is called %zu times", layer->name,
                         layer->call_count);
    layer->calls = arena_new(k->keep, struct layer_call, layer->call_count);
    return layer->calls ? STATUS_OK : error_no_memory(err, "the layers");
}

static enum status layers_read(struct keras *k, const struct json *layers, struct network *network,
                               int depth, struct error *err)
{
    if (!layers || layers->kind != JSON_ARRAY || layers->count > LAYERS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "the model has no list of layers");
    network->layers = arena_new(k->keep, struct layer, layers->count);
    if (!network->layers)
        return error_no_memory(err, "the layers");
    map_init(&network->by_name, k->keep);
    for (size_t i = 0; i < layers->count; i++) {
        struct layer *layer = &network->layers[network->count++];

        TRY(layer_read(k, &layers->items[i], layer, depth, err));
        if (!map_set(&network->by_name, bytes_of(layer->name), layer))
            return error_no_memory(err, "the layers");
    }
    return STATUS_OK;
}

/* --- the ends of a Functional model: [[name, node, tensor], ...], or one such triple; in Keras 3 a
 * dictionary or nested lists too --- */

static bool is_triple(const struct json *value)
{
    return value->kind == JSON_ARRAY && value->count >= 3 && value->items[0].kind == JSON_STRING &&
           value->items[1].kind == JSON_INT;
}

/* Keras 1 and 2 number the calls of a model in a model from 1 on, mostly: then one of the nodes has
 * the number of all. */
static void numbering_find(struct network *network, const struct json *value, int depth)
{
    struct layer *layer;
    struct bytes name;
    int64_t call;

    if ((value->kind != JSON_ARRAY && value->kind != JSON_OBJECT) || depth == 0)
        return;
    if (value->kind == JSON_ARRAY && value->count >= 3 && json_string(&value->items[0], &name) &&
        json_i64(&value->items[1], &call)) {
        layer = map_find(&network->by_name, name);
        if (layer && layer->network && call >= 0 && (size_t)call == layer->call_count)
            layer->from_one = true;
        return;
    }
    for (size_t i = 0; i < value->count; i++)
        numbering_find(network, &value->items[i], depth - 1);
}

/* Keras 3 does so for the outputs of the model alone, and but for a Sequential. */
static void numbering_read(const struct keras *k, struct network *network,
                           const struct json *outputs)
{
    enum { DEPTH = 5 };

    for (size_t l = 0; k->generation < 3 && l < network->count; l++)
        if (network->layers[l].inbound)
            numbering_find(network, network->layers[l].inbound, DEPTH);
    if (k->generation < 3 && outputs)
        numbering_find(network, outputs, DEPTH);
    for (size_t l = 0; k->generation > 2 && l < network->count; l++)
        network->layers[l].from_one =
            network->layers[l].network && strcmp(network->layers[l].class_name, "Sequential") != 0;
}

static void numbering_end(const struct keras *k, struct network *network)
{
    for (size_t l = 0; k->generation > 2 && l < network->count; l++)
        network->layers[l].from_one = false;
}

static enum status end_read(struct network *network, const struct json *triple,
                            struct reference *reference, struct error *err)
{
    if (triple->kind != JSON_ARRAY || triple->count < 3)
        return error_set(err, STATUS_INVALID_INPUT,
                         "an input or output of the model is no [layer, node, tensor]");
    return reference_read(network, &triple->items[0], &triple->items[1], &triple->items[2],
                          reference, err);
}

/* A list or dictionary may hold others: the states of stacked cells are lists of their own. */
static bool holds_ends(const struct json *list)
{
    return (list->kind == JSON_ARRAY && !is_triple(list)) || list->kind == JSON_OBJECT;
}

static size_t ends_count(const struct json *list, int depth)
{
    size_t count = 0;

    if (!list || !holds_ends(list) || depth == 0)
        return 1;
    for (size_t i = 0; i < list->count; i++)
        count += ends_count(&list->items[i], depth - 1);
    return count;
}

static enum status ends_collect(struct keras *k, struct network *network, const struct json *list,
                                struct reference *ends, size_t *count, int depth, struct error *err)
{
    const struct json **sorted;

    if (!holds_ends(list) || depth == 0)
        return end_read(network, list, &ends[(*count)++], err);
    sorted = json_sorted(list, k->keep);
    if (!sorted)
        return error_no_memory(err, "the model");
    for (size_t i = 0; i < list->count; i++)
        TRY(ends_collect(k, network, sorted[i], ends, count, depth - 1, err));
    return STATUS_OK;
}

static enum status ends_read(struct keras *k, struct network *network, const struct json *list,
                             struct reference **ends, size_t *count, struct error *err)
{
    size_t room = ends_count(list, NESTING_MAX);

    if (!list || (list->kind != JSON_ARRAY && list->kind != JSON_OBJECT))
        return error_set(err, STATUS_INVALID_INPUT, "the model has no list of inputs or outputs");
    *count = 0;
    *ends = arena_new(k->keep, struct reference, room);
    if (!*ends)
        return error_no_memory(err, "the model");
    return ends_collect(k, network, list, *ends, count, NESTING_MAX, err);
}

/* --- models --- */

static enum status sequential_read(struct keras *k, const struct json *config,
                                   struct network *network, int depth, struct error *err)
{
    const struct json *layers = config;

    network->sequential = true;
    if (config->kind == JSON_OBJECT) {
        layers = json_get(config, "layers");
        network->batch_shape = json_get(config, "build_input_shape");
    }
    return layers_read(k, layers, network, depth, err);
}

enum status network_read(struct keras *k, const struct json *model, struct network **made,
                         int depth, struct error *err)
{
    struct network *network = arena_new(k->keep, struct network, 1);
    const struct json *config = json_get(model, "config"), *built;
    const char *name = class_name_of(k, model);
    struct bytes class_name = bytes_of(name ? name : "");
    char quoted[TEXT_QUOTE_SIZE];

    if (!network)
        return error_no_memory(err, "the model");
    if (depth > NESTING_MAX)
        return error_set(err, STATUS_TOO_LARGE, "models in models, more than %d deep", NESTING_MAX);
    if (!name || !config)
        return error_set(err, STATUS_INVALID_INPUT, "the model has no class_name or config");
    network->name = text_of(k, json_get(config, "name"));
    if (!network->name)
        network->name = text_of(k, json_get(model, "name"));
    *made = network;
    if (bytes_is(class_name, "Sequential")) {
        TRY(sequential_read(k, config, network, depth, err));
        built = json_get(json_get(model, "build_config"), "input_shape");
        if (!network->batch_shape)
            network->batch_shape = built;
        return STATUS_OK;
    }
    if (!bytes_is(class_name, "Functional") && !bytes_is(class_name, "Model"))
        return error_set(err, STATUS_UNSUPPORTED,
                         "the model is of the class '%s', which holds code",
                         text_quote(class_name, quoted, sizeof quoted));
    if (!json_get(config, "layers"))
        return error_set(err, STATUS_UNSUPPORTED,
                         "the model is subclassed: its layers are in code, not in the file");
    TRY(layers_read(k, json_get(config, "layers"), network, depth, err));
    network->keyed =
        json_get(config, "input_layers") && json_get(config, "input_layers")->kind == JSON_OBJECT;
    TRY(ends_read(k, network, json_get(config, "input_layers"), &network->inputs,
                  &network->input_count, err));
    numbering_read(k, network, json_get(config, "output_layers"));
    TRY(ends_read(k, network, json_get(config, "output_layers"), &network->outputs,
                  &network->output_count, err));
    numbering_end(k, network);
    return STATUS_OK;
}

/* --- what the contract says --- */

static enum status shape_read(struct keras *k, const struct json *list, struct keras_input *input,
                              struct error *err)
{
    if (!list || list->kind != JSON_ARRAY)
        return STATUS_OK;
    if (list->count && list->items[0].kind == JSON_ARRAY) /* Keras 3 may nest one shape */
        list = &list->items[0];
    if (list->count > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "an input of %zu dimensions", list->count);
    input->shape = (struct shape){.rank = (int)list->count};
    for (size_t i = 0; i < list->count; i++) {
        int64_t dim = DIM_UNKNOWN;

        if (list->items[i].kind != JSON_NULL && (!json_i64(&list->items[i], &dim) || dim < 0))
            return error_set(err, STATUS_INVALID_INPUT, "dimension %zu of an input is no size", i);
        input->shape.dims[i] = dim;
    }
    if (input->shape.rank && input->shape.dims[0] == DIM_UNKNOWN)
        input->shape.dims[0] = k->batch;
    input->shape_known = true;
    return STATUS_OK;
}

static const char *const SHAPES[] = {"batch_input_shape", "batch_shape"};

/* Keras 1 and 2 call the input of a Sequential after its first layer. */
static const char *input_name(struct keras *k, const struct layer *first)
{
    char *name;

    if (!strcmp(first->class_name, "InputLayer"))
        return first->name;
    if (k->generation > 1)
        return arena_printf(k->keep, "%s_input", first->name);
    name = arena_printf(k->keep, "%s_input_1", first->class_name);
    for (char *c = name; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return name;
}

/* The last dimension is what the first weight takes. */
static enum status shape_from_weights(struct keras *k, const struct layer *first,
                                      struct keras_input *input, struct error *err)
{
    const struct weights *weights = &first->weights;

    if (weights->by_path || !weights->count || weights->items[0].shape.rank != 2 ||
        strcmp(first->class_name, "Dense"))
        return error_set(err, STATUS_UNSUPPORTED,
                         "the model was saved before it knew the shape of its input");
    input->shape = SHAPE(k->batch, weights->items[0].shape.dims[0]);
    input->shape_known = true;
    input->place = "the kernel of the first layer";
    return STATUS_OK;
}

enum status network_input(struct keras *k, const struct network *network, size_t index,
                          struct keras_input *input, struct error *err)
{
    const struct layer *layer;
    struct bytes dtype;

    if (network->sequential && !network->count)
        return error_set(err, STATUS_INVALID_INPUT, "the model has no layers");
    layer =
        network->sequential ? &network->layers[0] : &network->layers[network->inputs[index].layer];
    if (network->sequential && layer->network) {
        TRY(network_input(k, layer->network, index, input, err));
        input->name =
            k->generation > 1 ? arena_printf(k->keep, "%s_input", layer->name) : input->name;
        return input->name ? STATUS_OK : error_no_memory(err, "the contract");
    }
    *input = (struct keras_input){.name = network->sequential ? input_name(k, layer) : layer->name,
                                  .dtype = DTYPE_F32,
                                  .place = "the configuration of the input layer"};
    if (!input->name)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < ARRAY_COUNT(SHAPES) && !input->shape_known; i++)
        TRY(shape_read(k, json_get(layer->config, SHAPES[i]), input, err));
    if (!input->shape_known && network->sequential) {
        input->place = "build_input_shape";
        TRY(shape_read(k, network->batch_shape, input, err));
    }
    if (!input->shape_known)
        TRY(shape_from_weights(k, layer, input, err));
    if (json_string(json_get(layer->config, "input_dtype"), &dtype) ||
        (!strcmp(layer->class_name, "InputLayer") &&
         json_string(json_get(layer->config, "dtype"), &dtype))) {
        const char *name = arena_text(k->keep, dtype);

        input->dtype = name ? dtype_parse(name) : DTYPE_NONE;
        if (input->dtype == DTYPE_NONE)
            return error_set(err, STATUS_UNSUPPORTED, "an input of an unknown dtype");
    }
    return STATUS_OK;
}

const char *network_output_name(const struct network *network, size_t index)
{
    return network->sequential ? network->layers[network->count - 1].name
                               : network->layers[network->outputs[index].layer].name;
}
