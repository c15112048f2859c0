// SPDX-License-Identifier: Apache-2.0
/* TensorFlow checkpoints: PREFIX.index and PREFIX.data-*, or (version 1) PREFIX, or its shards;
 * and PREFIX.meta, the graph (MetaGraphDef) of TensorFlow 1. With the graph they are served; alone
 * they are explained. A file that is given alone finds the others beside it. */
#include <stdio.h>

#include "base/cursor.h"
#include "base/number.h"
#include "base/text.h"
#include "formats/tensorflow/schema.h"
#include "importers/tensorflow/internal.h"

enum { SCRATCH_MAX = 1 << 30, MEMBERS_MAX = 100000, SHARDS_MAX = 1 << 10 };
static const uint64_t TABLE_MAGIC = UINT64_C(0xdb4775248b80fb57);

/* --- what is there --- */

static bool is_table(struct bytes bytes)
{
    struct cursor cursor;

    if (bytes.size < 48)
        return false;
    cursor = cursor_over((struct bytes){bytes.data + bytes.size - 8, 8});
    return cursor_u64le(&cursor) == TABLE_MAGIC;
}

/* MetaGraphDef: a MetaInfoDef (1), and a GraphDef (2) that begins with a node (1). */
static bool is_meta_graph(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes), inner;
    struct protobuf_field field;
    struct error ignored;

    for (int i = 0; i < 2; i++) {
        if (protobuf_next(&message, &field, &ignored) || field.wire != PROTOBUF_BYTES ||
            field.number > 2 || !field.number)
            return false;
        if (field.number == 1)
            continue;
        inner = protobuf_over(field.bytes);
        return !protobuf_next(&inner, &field, &ignored) && field.number == 1 &&
               field.wire == PROTOBUF_BYTES && field.bytes.size > 2 && field.bytes.data[0] == 0x0A;
    }
    return false;
}

static bool is_graph(struct bytes bytes)
{
    return is_meta_graph(bytes) || tf_message_is_text(bytes, TF_MESSAGE_META_GRAPH);
}

/* The path without this ending; 0: it has another. */
static size_t stem_of(const char *path, const char *ending)
{
    size_t size = strlen(path), tail = strlen(ending);

    return size > tail && !strcmp(path + size - tail, ending) ? size - tail : 0;
}

/* The number behind the last dash: the step of "model.ckpt-1000"; -1: none. */
static int64_t step_of(const char *path, size_t size)
{
    size_t begin = size;
    int64_t step;

    while (begin && path[begin - 1] >= '0' && path[begin - 1] <= '9')
        begin--;
    if (!begin || path[begin - 1] != '-' ||
        !number_i64_from_text((struct bytes){(const uint8_t *)path + begin, size - begin}, &step))
        return -1;
    return step;
}

/* The size of PREFIX in "PREFIX.index", "PREFIX", "PREFIX-00000-of-00002". */
static size_t prefix_of(const char *path)
{
    size_t size = strlen(path), stem = stem_of(path, ".index");
    unsigned shard, count;

    stem = stem ? stem : stem_of(path, ".meta");
    if (!stem && size > 15 && sscanf(path + size - 15, "-%5u-of-%5u", &shard, &count) == 2)
        stem = size - 15;
    return stem ? stem : size;
}

/* Of several checkpoints the one of the last step. */
static struct member *index_find(const struct artifact *artifact)
{
    struct member *best = NULL;
    int64_t best_step = -2;
    struct error ignored;
    struct bytes bytes;

    for (size_t i = 0; i < artifact->count && i < MEMBERS_MAX; i++) {
        struct member *member = &artifact->members[i];
        int64_t step = step_of(member->path, prefix_of(member->path));

        if (step <= best_step || member_bytes(member, &bytes, &ignored) || !is_table(bytes))
            continue;
        best = member;
        best_step = step;
    }
    return best;
}

static int bid(struct upload *upload)
{
    struct artifact *artifact = upload->artifact;
    struct error ignored;
    struct bytes bytes;

    if (artifact->kind == ARTIFACT_FILE)
        return upload->main && !member_bytes(upload->main, &bytes, &ignored) &&
                       (is_table(bytes) || is_graph(bytes))
                   ? 62
                   : 0;
    upload->main = index_find(artifact);
    return upload->main ? 62 : 0;
}

/* --- finding the parts --- */

struct parts {
    const char *prefix; /* "folder/model.ckpt-10" */
    struct bytes graph; /* empty: none */
    bool has_bundle;
    struct bundle bundle;
};

/* A file of this name, also beside one that was given alone. */
static struct member *part_find(struct artifact *artifact, const char *path)
{
    struct member *member = artifact_find(artifact, path);
    struct error ignored;

    if (!member && artifact_resolve(artifact, NULL, bytes_of(path), &member, &ignored))
        return NULL;
    return member;
}

static enum status bundle_find_parts(struct artifact *artifact, struct parts *parts,
                                     struct arena *keep, struct error *err)
{
    enum status status = bundle_open(artifact, parts->prefix, &parts->bundle, keep, err);

    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    TRY(status);
    for (size_t i = 0; i < parts->bundle.shard_count && i < SHARDS_MAX; i++) {
        char *path = arena_printf(keep, "%s.data-%05zu-of-%05zu", parts->prefix, i,
                                  parts->bundle.shard_count);

        if (!path)
            return error_no_memory(err, "a checkpoint");
        (void)part_find(artifact, path);
    }
    parts->has_bundle = true;
    return bundle_open(artifact, parts->prefix, &parts->bundle, keep, err);
}

/* The files beside one that was given alone, that hold what is stored. */
static enum status tables_find(struct artifact *artifact, const char *path, const char *prefix,
                               struct arena *keep, struct error *err)
{
    unsigned shard, count;
    char *name = arena_printf(keep, "%s.index", prefix);

    if (!name)
        return error_no_memory(err, "a checkpoint");
    (void)part_find(artifact, name);
    (void)part_find(artifact, prefix);
    if (sscanf(path + strlen(prefix), "-%5u-of-%5u", &shard, &count) != 2)
        return STATUS_OK;
    for (unsigned i = 0; i < count && i < SHARDS_MAX; i++) {
        name = arena_printf(keep, "%s-%05u-of-%05u", prefix, i, count);
        if (!name)
            return error_no_memory(err, "a checkpoint");
        (void)part_find(artifact, name);
    }
    return STATUS_OK;
}

static enum status parts_find(const struct upload *upload, struct parts *parts, struct arena *keep,
                              struct error *err)
{
    struct artifact *artifact = upload->artifact;
    const char *path = *upload->main->path ? upload->main->path : artifact->name;
    struct bytes bytes;
    struct member *meta;
    char *meta_path;

    *parts = (struct parts){.graph = {(const uint8_t *)"", 0}};
    TRY(member_bytes(upload->main, &bytes, err));
    if (!is_table(bytes))
        parts->graph = bytes;
    parts->prefix = arena_printf(keep, "%.*s", (int)prefix_of(path), path);
    meta_path = parts->prefix ? arena_printf(keep, "%s.meta", parts->prefix) : NULL;
    if (!meta_path)
        return error_no_memory(err, "a checkpoint");
    TRY(tables_find(artifact, path, parts->prefix, keep, err));
    meta = parts->graph.size ? NULL : part_find(artifact, meta_path);
    if (meta) {
        TRY(member_bytes(meta, &bytes, err));
        parts->graph = is_graph(bytes) ? bytes : parts->graph;
    }
    return bundle_find_parts(artifact, parts, keep, err);
}

/* --- explaining --- */

static enum status tensors_tell(const struct bundle *bundle, struct description *description,
                                struct arena *keep, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], shape[SHAPE_PRINT_SIZE];
    struct bundle_entry entry;

    for (size_t i = 0; i < bundle->index.count; i++) {
        const struct leveldb_entry *stored = &bundle->index.entries[i];

        if (!stored->key.size || !stored->key.data[0]) /* the header, and slices */
            continue;
        if (i && bytes_equal(stored->key, stored[-1].key)) /* stated by another shard too */
            continue;
        TRY(bundle_find(bundle, stored->key, &entry, err));
        TRY(description_tell(description, keep, err, "tensor %s: %s%s",
                             text_quote(stored->key, name, sizeof name), dtype_name(entry.dtype),
                             shape_print(&entry.shape, shape, sizeof shape)));
    }
    return STATUS_OK;
}

static size_t tensor_count_of(const struct bundle *bundle)
{
    size_t count = 0;

    for (size_t i = 0; i < bundle->index.count; i++) {
        struct bytes key = bundle->index.entries[i].key;

        count +=
            key.size && key.data[0] && !(i && bytes_equal(key, bundle->index.entries[i - 1].key));
    }
    return count;
}

static enum status alone_refuse(const struct parts *parts, struct description *description,
                                struct arena *keep, struct error *err)
{
    bool objects =
        leveldb_find(&parts->bundle.index, bytes_of("_CHECKPOINTABLE_OBJECT_GRAPH")) != NULL;

    description->reason = arena_printf(
        keep, "a TensorFlow checkpoint: %zu tensors without the graph that computes with them; %s",
        tensor_count_of(&parts->bundle),
        objects ? "export the model as a SavedModel (model.export, tf.saved_model.save)"
                : "put the .meta file of the same name beside it, or export a SavedModel");
    return description->reason ? STATUS_OK : error_no_memory(err, "the description");
}

/* --- serving --- */

static enum status model_read(struct parts *parts, struct tf_saved_model *model, struct arena *keep,
                              struct error *err)
{
    struct protobuf message;

    if (tf_message_is_text(parts->graph, TF_MESSAGE_META_GRAPH))
        TRY(tf_message_from_text(parts->graph, TF_MESSAGE_META_GRAPH, &parts->graph, keep, err));
    message = protobuf_over(parts->graph);
    return tf_meta_graph_read(&message, model, keep, err);
}

static enum status model_build(struct tf_lowering *l, struct parts *parts,
                               const struct tf_saved_model *model, struct description *description,
                               struct graph **graph, struct error *err)
{
    struct contract *contract = &description->contract;

    if (parts->has_bundle) {
        l->bundle = &parts->bundle;
        if (tf_saved_model_restore(l, model, err))
            return error_within(err, "restoring the variables");
    }
    TRY(tf_saved_model_initialise(l, model, err));
    if (!model->signature_count)
        return tf_ends_build(l, description, graph, err);
    TRY(tf_contract_describe(model, contract, l->keep, err));
    TRY(tf_signatures_build(l, model->signatures, contract->signatures, contract->count, graph,
                            err));
    if (!*graph)
        description->reason = contract->signatures[0].reason;
    return STATUS_OK;
}

static enum status model_import(const struct upload *upload, struct parts *parts,
                                struct tf_saved_model *model, struct description *description,
                                struct graph **graph, struct arena *keep, struct error *err)
{
    struct arena scratch;
    struct tf_lowering l;
    enum status status;

    description->framework_version = model->version;
    TRY(tf_model_tell(model, parts->graph, description, keep, err));
    arena_init(&scratch, SCRATCH_MAX);
    tf_lowering_init(&l, &model->graph, keep, &scratch);
    l.artifact = upload->artifact;
    l.trained = true;
    status = model_build(&l, parts, model, description, graph, err);
    arena_release(&scratch);
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, keep, err);
    return status;
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct tf_saved_model *model = arena_new(keep, struct tf_saved_model, 1);
    struct parts *parts = arena_new(keep, struct parts, 1);

    if (!model || !parts)
        return error_no_memory(err, "the model");
    description->format = "tf-checkpoint";
    description->framework = "tensorflow";
    TRY(parts_find(upload, parts, keep, err));
    if (parts->has_bundle)
        TRY(tensors_tell(&parts->bundle, description, keep, err));
    if (!parts->graph.size)
        return alone_refuse(parts, description, keep, err);
    TRY(model_read(parts, model, keep, err));
    return model_import(upload, parts, model, description, graph, keep, err);
}

static const char *const SUFFIXES[] = {".index", ".meta", NULL};

const struct importer importer_checkpoint = {
    .name = "checkpoint",
    .summary = "TensorFlow checkpoints with their graph (.meta)",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
