// SPDX-License-Identifier: Apache-2.0
/* SavedModel: meta graphs, their signatures, and which checkpoint tensor each variable is restored
 * from. Source: tensorflow/core/protobuf/{saved_model,meta_graph}.proto. */
#include <stdlib.h>

#include "base/text.h"
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { FIELDS_MAX = 4096, SIGNATURES_MAX = 1024, HOPS_MAX = 8 };
enum { REFERENCES = 100 }; /* DT_FLOAT_REF is DT_FLOAT + 100 */
enum {
    META_INFO = 1,
    META_GRAPH = 2,
    META_SAVER = 3,
    META_COLLECTION = 4,
    META_SIGNATURE = 5,
    META_ASSET = 6
};

/* --- signatures --- */

/* "node:0" -> node and output. */
static enum status tensor_name(struct bytes text, struct tf_edge *edge, struct error *err)
{
    *edge = (struct tf_edge){.node = text};
    for (size_t i = text.size; i-- > 0;) {
        if (text.data[i] != ':')
            continue;
        edge->node.size = i;
        for (size_t k = i + 1; k < text.size; k++) {
            if (text.data[k] < '0' || text.data[k] > '9' || edge->output > TF_OUTPUTS_MAX)
                return error_set(err, STATUS_INVALID_INPUT, "a tensor has no valid output number");
            edge->output = edge->output * 10 + (size_t)(text.data[k] - '0');
        }
        break;
    }
    return STATUS_OK;
}

static enum status info_read(struct protobuf info, struct tf_field *field, struct arena *keep,
                             struct error *err)
{
    struct protobuf_field at;
    struct protobuf shape;
    struct bytes name = {NULL, 0};
    int64_t code = 0;

    field->shape = shape_unknown();
    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            break;
        if (at.number == 1)
            TRY(protobuf_bytes(&at, &name, err));
        if (at.number == 2)
            TRY(protobuf_i64(&at, &code, err));
        if (at.number == 3) {
            field->dim_names = arena_new(keep, const char *, RANK_MAX);
            if (!field->dim_names)
                return error_no_memory(err, "a signature");
            TRY(protobuf_message(&at, &shape, err));
            TRY(tf_shape_read(&shape, &field->shape, field->dim_names, keep, err));
        }
        if (at.number > 3)
            field->composite = true;
    }
    field->dtype = dtype_from_tf(code > REFERENCES ? code - REFERENCES : code);
    return tensor_name(name, &field->tensor, err);
}

static enum status field_read(struct protobuf entry, struct tf_field *field, struct arena *keep,
                              struct error *err)
{
    struct protobuf_field at;
    struct protobuf info;

    *field = (struct tf_field){.name = ""};
    for (;;) {
        TRY(protobuf_next(&entry, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 1)
            TRY(protobuf_text(&at, &field->name, keep, err));
        if (at.number != 2)
            continue;
        TRY(protobuf_message(&at, &info, err));
        TRY(info_read(info, field, keep, err));
    }
}

static int by_field_name(const void *a, const void *b)
{
    return strcmp(((const struct tf_field *)a)->name, ((const struct tf_field *)b)->name);
}

/* A map has no order: by name. */
static enum status fields_read(const struct protobuf *signature, uint32_t number,
                               struct tf_field **fields, size_t *count, struct arena *keep,
                               struct error *err)
{
    struct protobuf reader = *signature, entry;
    struct protobuf_field at;
    size_t all;

    *count = 0;
    TRY(protobuf_count(signature, number, &all, err));
    if (all > FIELDS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a signature of %zu fields", all);
    *fields = arena_new(keep, struct tf_field, all);
    if (!*fields)
        return error_no_memory(err, "a signature");
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number != number || *count == all)
            continue;
        TRY(protobuf_message(&at, &entry, err));
        TRY(field_read(entry, &(*fields)[(*count)++], keep, err));
    }
    qsort(*fields, *count, sizeof **fields, by_field_name);
    return STATUS_OK;
}

static enum status signature_read(struct protobuf entry, struct tf_signature *signature,
                                  struct arena *keep, struct error *err)
{
    struct protobuf_field at;
    struct protobuf value = protobuf_over((struct bytes){(const uint8_t *)"", 0});

    *signature = (struct tf_signature){.name = ""};
    for (;;) {
        TRY(protobuf_next(&entry, &at, err));
        if (!at.number)
            break;
        if (at.number == 1)
            TRY(protobuf_text(&at, &signature->name, keep, err));
        if (at.number == 2)
            TRY(protobuf_message(&at, &value, err));
    }
    TRY(fields_read(&value, 1, &signature->inputs, &signature->input_count, keep, err));
    return fields_read(&value, 2, &signature->outputs, &signature->output_count, keep, err);
}

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

/* --- meta graphs --- */

static enum status info_of_meta(struct protobuf info, struct tf_saved_model *model, bool *serve,
                                struct arena *keep, struct error *err)
{
    struct protobuf_field at;
    struct bytes tag;

    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 4) {
            TRY(protobuf_bytes(&at, &tag, err));
            *serve = *serve || bytes_is(tag, "serve");
        }
        if (at.number == 5)
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
            TRY(info_read(info, &field, keep, err));
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
    struct protobuf value = protobuf_over((struct bytes){(const uint8_t *)"", 0});
    struct bytes key = {(const uint8_t *)"", 0};
    struct protobuf_field at;
    bool wanted = false;

    for (;;) {
        TRY(protobuf_next(&entry, &at, err));
        if (!at.number)
            break;
        if (at.number == 1)
            TRY(protobuf_bytes(&at, &key, err));
        if (at.number == 2)
            TRY(protobuf_message(&at, &value, err));
    }
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
                                   struct tf_saved_model *model, bool *serve, struct arena *keep,
                                   struct error *err)
{
    struct tf_signature *signature = &model->signatures[model->signature_count];

    switch (at->number) {
    case META_INFO:
        return info_of_meta(inner, model, serve, keep, err);
    case META_GRAPH:
        return tf_graph_read(&inner, &model->graph, keep, err);
    case META_SAVER:
        return saver_read(inner, model, err);
    case META_COLLECTION:
        return collection_read(inner, model, keep, err);
    case META_ASSET:
        return asset_read(inner, model, keep, err);
    case META_SIGNATURE:
        TRY(signature_read(inner, signature, keep, err));
        if (!strcmp(signature->name, "__saved_model_init_op"))
            initialiser_take(signature, model);
        else
            model->signature_count++;
    }
    return STATUS_OK;
}

static enum status meta_read(const struct protobuf *meta, struct tf_saved_model *model, bool *serve,
                             struct arena *keep, struct error *err)
{
    struct protobuf reader = *meta, inner;
    struct protobuf_field at;
    size_t count, assets;

    *model = (struct tf_saved_model){0};
    TRY(protobuf_count(meta, META_SIGNATURE, &count, err));
    TRY(protobuf_count(meta, META_ASSET, &assets, err));
    if (count > SIGNATURES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has %zu signatures", count);
    model->signatures = arena_new(keep, struct tf_signature, count);
    model->assets = assets ? arena_new(keep, struct tf_asset, assets) : NULL;
    if (!model->signatures || (assets && !model->assets))
        return error_no_memory(err, "the signatures");
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number > META_ASSET)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        TRY(meta_field_read(&at, inner, model, serve, keep, err));
    }
    qsort(model->signatures, model->signature_count, sizeof *model->signatures, by_signature_name);
    return STATUS_OK;
}

/* The meta graph for serving; the first one when none is. */
enum status tf_saved_model_read(const struct protobuf *message, struct tf_saved_model *model,
                                struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, meta;
    struct protobuf_field at;
    bool found = false;

    for (;;) {
        struct tf_saved_model next;
        bool serve = false;

        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number != 2)
            continue;
        TRY(protobuf_message(&at, &meta, err));
        TRY(meta_read(&meta, &next, &serve, keep, err));
        if (!found || serve)
            *model = next;
        found = true;
        if (serve)
            break;
    }
    return found ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT, "the SavedModel holds no graph");
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
