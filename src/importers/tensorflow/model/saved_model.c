// SPDX-License-Identifier: Apache-2.0
/* SavedModel: meta graphs, their signatures, and which checkpoint tensor each variable is restored
 * from. Source: tensorflow/core/protobuf/{saved_model,meta_graph}.proto. */
#include <stdlib.h>

#include "base/text.h"
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { SIGNATURES_MAX = 1024 };
enum {
    META_INFO = 1,
    META_GRAPH = 2,
    META_SAVER = 3,
    META_COLLECTION = 4,
    META_SIGNATURE = 5,
    META_ASSET = 6,
    META_OBJECTS = 7
};
enum { SAVED_META_GRAPH = 2, INFO_VERSION = 5, INFO_TAG = 4, META_GRAPHS_MAX = 64 };

/* --- meta graphs --- */

static bool is_default(const struct tf_signature *signature)
{
    return !strcmp(signature->name, "serving_default");
}

static int by_signature_name(const void *a, const void *b)
{
    const struct tf_signature *x = a, *y = b;

    if (is_default(x) != is_default(y))
        return is_default(x) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static enum status info_of_meta(struct protobuf info, struct tf_saved_model *model,
                                struct arena *keep, struct error *err)
{
    struct protobuf_field at;

    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == INFO_VERSION)
            TRY(protobuf_text(&at, &model->version, keep, err));
    }
}

static enum status edge_field(const struct protobuf_field *at, struct tf_edge *edge,
                              struct error *err)
{
    struct bytes text;
    bool control;

    TRY(protobuf_bytes(at, &text, err));
    return tf_edge_read(text, edge, &control, err);
}

static enum status saver_read(struct protobuf saver, struct tf_saved_model *model,
                              struct error *err)
{
    struct protobuf_field at;

    for (;;) {
        TRY(protobuf_next(&saver, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 1)
            TRY(edge_field(&at, &model->filename, err));
        if (at.number == 3)
            TRY(edge_field(&at, &model->restore, err));
    }
}

/* AssetFileDef: the tensor of its name (TensorInfo), and the name. */
static enum status asset_read(struct protobuf asset, struct tf_saved_model *model,
                              struct arena *keep, struct error *err)
{
    struct tf_asset *read = &model->assets[model->asset_count];
    struct tf_field field = {.name = ""};
    struct protobuf_field at;
    struct protobuf info;

    for (;;) {
        TRY(protobuf_next(&asset, &at, err));
        if (!at.number)
            break;
        if (at.number == 1) {
            TRY(protobuf_message(&at, &info, err));
            TRY(tf_info_read(info, &field, keep, err));
        }
        if (at.number == 2)
            TRY(protobuf_bytes(&at, &read->filename, err));
    }
    read->tensor = field.tensor;
    model->asset_count++;
    return STATUS_OK;
}

/* Assets as TensorFlow 1 keeps them: an any_list (5) of Any (1) with the message in its value (2).
 */
static enum status assets_read(struct protobuf collection, struct tf_saved_model *model,
                               struct arena *keep, struct error *err)
{
    struct protobuf_field at;
    struct protobuf list, any, asset;
    size_t count;

    TRY(protobuf_next(&collection, &at, err));
    if (at.number != 5)
        return STATUS_OK;
    TRY(protobuf_message(&at, &list, err));
    TRY(protobuf_count(&list, 1, &count, err));
    if (model->assets) /* they are stored both ways */
        return STATUS_OK;
    model->assets = arena_new(keep, struct tf_asset, count);
    if (!model->assets)
        return error_no_memory(err, "the assets");
    for (;;) {
        TRY(protobuf_next(&list, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != 1)
            continue;
        TRY(protobuf_message(&at, &any, err));
        for (;;) {
            TRY(protobuf_next(&any, &at, err));
            if (!at.number)
                break;
            if (at.number != 2 || model->asset_count == count)
                continue;
            TRY(protobuf_message(&at, &asset, err));
            TRY(asset_read(asset, model, keep, err));
        }
    }
}

/* One of the collections that name nodes to run after restoring: key (1), CollectionDef (2) with a
 * node_list (1) of values (1). */
static enum status collection_read(struct protobuf entry, struct tf_saved_model *model,
                                   struct arena *keep, struct error *err)
{
    static const char *const NAMES[] = {"saved_model_main_op", "legacy_init_op"};
    struct protobuf value;
    struct bytes key;
    struct protobuf_field name, at;
    bool wanted = false;

    TRY(protobuf_entry(entry, &name, &at, err));
    TRY(protobuf_bytes(&name, &key, err));
    TRY(protobuf_message(&at, &value, err));
    if (bytes_is(key, "saved_model_assets"))
        return assets_read(value, model, keep, err);
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        wanted = wanted || bytes_is(key, NAMES[i]);
    if (!wanted)
        return STATUS_OK;
    TRY(protobuf_next(&value, &at, err));
    if (at.number != 1)
        return STATUS_OK;
    TRY(protobuf_message(&at, &value, err));
    for (;;) {
        TRY(protobuf_next(&value, &at, err));
        if (!at.number || model->initialise_count == TF_INITIALISERS_MAX)
            return STATUS_OK;
        if (at.number == 1)
            TRY(edge_field(&at, &model->initialise[model->initialise_count++], err));
    }
}

/* The signature that stands for the operation that initialises: its one output. */
static void initialiser_take(const struct tf_signature *signature, struct tf_saved_model *model)
{
    if (signature->output_count && model->initialise_count < TF_INITIALISERS_MAX)
        model->initialise[model->initialise_count++] = signature->outputs[0].tensor;
}

static enum status meta_field_read(const struct protobuf_field *at, struct protobuf inner,
                                   struct tf_saved_model *model, struct arena *keep,
                                   struct error *err)
{
    struct tf_signature *signature = &model->signatures[model->signature_count];

    switch (at->number) {
    case META_INFO:
        return info_of_meta(inner, model, keep, err);
    case META_GRAPH:
        return tf_graph_read(&inner, &model->graph, keep, err);
    case META_SAVER:
        return saver_read(inner, model, err);
    case META_COLLECTION:
        return collection_read(inner, model, keep, err);
    case META_ASSET:
        return asset_read(inner, model, keep, err);
    case META_OBJECTS:
        model->objects = inner;
        return STATUS_OK;
    case META_SIGNATURE:
        TRY(tf_signature_read(inner, signature, keep, err));
        if (!strcmp(signature->name, "__saved_model_init_op"))
            initialiser_take(signature, model);
        else
            model->signature_count++;
    }
    return STATUS_OK;
}

/* A SignatureDef may say another dtype than the placeholder that is fed, as those that were made
 * from session bundles say float of serialized examples. */
static void fed_find(struct tf_saved_model *model)
{
    struct error ignored;

    for (size_t s = 0; s < model->signature_count; s++) {
        struct tf_signature *signature = &model->signatures[s];

        for (size_t i = 0; i < signature->input_count && !signature->function.size; i++) {
            struct tf_field *field = &signature->inputs[i];
            const struct tf_node *node = map_find(&model->graph.by_name, field->tensor.node);
            enum dtype dtype;

            if (!node || field->tensor.output || strncmp(node->op, "Placeholder", 11) ||
                tf_type(node, "dtype", &dtype, &ignored) || dtype == DTYPE_NONE ||
                dtype == field->dtype)
                continue;
            field->fed = dtype;
        }
    }
}

enum status tf_meta_graph_read(const struct protobuf *meta, struct tf_saved_model *model,
                               struct arena *keep, struct error *err)
{
    struct protobuf reader = *meta, inner;
    struct protobuf_field at;
    size_t count, assets;

    *model =
        (struct tf_saved_model){.objects = protobuf_over((struct bytes){(const uint8_t *)"", 0})};
    TRY(protobuf_count(meta, META_SIGNATURE, &count, err));
    TRY(protobuf_count(meta, META_ASSET, &assets, err));
    if (count > SIGNATURES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has %zu signatures", count);
    model->signatures = arena_new(keep, struct tf_signature, count + 1);
    model->assets = assets ? arena_new(keep, struct tf_asset, assets) : NULL;
    if (!model->signatures || (assets && !model->assets))
        return error_no_memory(err, "the signatures");
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number > META_OBJECTS)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        TRY(meta_field_read(&at, inner, model, keep, err));
    }
    qsort(model->signatures, model->signature_count, sizeof *model->signatures, by_signature_name);
    fed_find(model);
    return STATUS_OK;
}

/* --- which of several --- */

struct tags {
    char *text; /* "serve, gpu" */
    bool serve, other, accelerator;
};

static enum status tag_add(struct tags *tags, struct bytes tag, struct arena *keep,
                           struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    tags->serve = tags->serve || bytes_is(tag, "serve");
    tags->accelerator = tags->accelerator || bytes_is(tag, "gpu") || bytes_is(tag, "tpu");
    tags->other = tags->other || !bytes_is(tag, "serve");
    tags->text = arena_printf(keep, "%s%s%s", tags->text ? tags->text : "", tags->text ? ", " : "",
                              text_quote(tag, quoted, sizeof quoted));
    return tags->text ? STATUS_OK : error_no_memory(err, "the tags");
}

static enum status tags_read(const struct protobuf *meta, struct tags *tags, struct arena *keep,
                             struct error *err)
{
    struct protobuf reader = *meta, info;
    struct protobuf_field at;
    struct bytes tag;

    *tags = (struct tags){0};
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != META_INFO)
            continue;
        TRY(protobuf_message(&at, &info, err));
        for (;;) {
            TRY(protobuf_next(&info, &at, err));
            if (!at.number)
                break;
            if (at.number != INFO_TAG)
                continue;
            TRY(protobuf_bytes(&at, &tag, err));
            TRY(tag_add(tags, tag, keep, err));
        }
    }
}

/* {serve} alone before {serve, ...}, before one for an accelerator, before any other. */
static int tags_rank(const struct tags *tags)
{
    if (!tags->serve)
        return tags->accelerator ? 0 : 1;
    return tags->accelerator ? 2 : tags->other ? 3 : 4;
}

enum status tf_saved_model_read(const struct protobuf *message, struct tf_saved_model *model,
                                struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, meta, chosen = *message;
    struct tags *all;
    struct protobuf_field at;
    size_t count, found = 0, best = 0;

    TRY(protobuf_count(message, SAVED_META_GRAPH, &count, err));
    if (!count)
        return error_set(err, STATUS_INVALID_INPUT, "the SavedModel holds no graph");
    if (count > META_GRAPHS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the SavedModel holds %zu graphs", count);
    all = arena_new(keep, struct tags, count);
    if (!all)
        return error_no_memory(err, "the graphs");
    while (found < count) {
        TRY(protobuf_next(&reader, &at, err));
        if (at.number != SAVED_META_GRAPH)
            continue;
        TRY(protobuf_message(&at, &meta, err));
        TRY(tags_read(&meta, &all[found], keep, err));
        if (!found || tags_rank(&all[found]) > tags_rank(&all[best])) {
            best = found;
            chosen = meta;
        }
        found++;
    }
    TRY(tf_meta_graph_read(&chosen, model, keep, err));
    model->tags = all[best].text ? all[best].text : "";
    model->other_tags = arena_new(keep, const char *, count);
    if (!model->other_tags)
        return error_no_memory(err, "the graphs");
    for (size_t i = 0; i < count; i++)
        if (i != best)
            model->other_tags[model->other_count++] = all[i].text ? all[i].text : "";
    return STATUS_OK;
}

/* --- variables and tables --- */

/* Lower a node with everything that it needs, for what it does to resources. */
static enum status effects_lower(struct tf_scope *scope, const struct tf_edge *edge,
                                 struct error *err)
{
    const struct tf_node *node = map_find(&scope->stored->by_name, edge->node);
    char quoted[TEXT_QUOTE_SIZE];

    if (!node)
        return error_set(err, STATUS_INVALID_INPUT, "'%s' is no node",
                         text_quote(edge->node, quoted, sizeof quoted));
    return tf_lower(scope, &node, 1, err);
}

static enum status text_feed(struct tf_scope *scope, const struct tf_edge *edge,
                             const struct bytes *text, struct error *err)
{
    const struct tf_node *node = map_find(&scope->stored->by_name, edge->node);
    struct tensor tensor = {.dtype = DTYPE_STRING, .shape = shape_scalar(), .data = (void *)text};
    value_id value;

    if (!node)
        return STATUS_OK;
    TRY(emit_constant(scope->e, &tensor, &value, err));
    return tf_feed(scope, node, value, err);
}

/* TensorFlow 1 without a saver: Assign(variable, RestoreV2). */
static enum status assigns_lower(struct tf_scope *scope, struct error *err)
{
    for (size_t n = 0; n < scope->stored->count; n++) {
        const struct tf_node *node = &scope->stored->nodes[n];
        const struct tf_node *from;

        if ((strcmp(node->op, "Assign") && strcmp(node->op, "AssignVariableOp")) ||
            node->input_count != 2)
            continue;
        from = map_find(&scope->stored->by_name, node->inputs[1].node);
        if (from && !strcmp(from->op, "RestoreV2"))
            TRY(tf_lower(scope, &node, 1, err));
    }
    return STATUS_OK;
}

enum status tf_saved_model_restore(struct tf_lowering *l, const struct tf_saved_model *model,
                                   struct error *err)
{
    struct emitter e = {.where = ""};
    struct tf_scope scope;

    l->phase = TF_RESTORING;
    l->prefix = bytes_of("variables/variables");
    TRY(graph_new(&e.graph, l->keep, err));
    TRY(tf_scope_open(&scope, l, NULL, NULL, &e, err));
    if (model->filename.node.size)
        TRY(text_feed(&scope, &model->filename, &l->prefix, err));
    if (model->restore.node.size)
        TRY(effects_lower(&scope, &model->restore, err));
    else
        TRY(assigns_lower(&scope, err));
    l->phase = TF_SERVING;
    return STATUS_OK;
}

enum status tf_saved_model_initialise(struct tf_lowering *l, const struct tf_saved_model *model,
                                      struct error *err)
{
    struct emitter e = {.where = ""};
    struct tf_scope scope;

    l->phase = TF_INITIALISING;
    TRY(graph_new(&e.graph, l->keep, err));
    TRY(tf_scope_open(&scope, l, NULL, NULL, &e, err));
    for (size_t i = 0; i < model->asset_count; i++)
        TRY(text_feed(&scope, &model->assets[i].tensor, &model->assets[i].filename, err));
    for (size_t i = 0; i < model->initialise_count; i++) {
        if (!effects_lower(&scope, &model->initialise[i], err))
            continue;
        if (err->status != STATUS_UNSUPPORTED && err->status != STATUS_TOO_LARGE)
            return err->status;
        l->uninitialised = arena_printf(l->keep, "%s", err->text);
        if (!l->uninitialised)
            return error_no_memory(err, "the model");
    }
    l->phase = TF_SERVING;
    return STATUS_OK;
}
