// SPDX-License-Identifier: Apache-2.0
/* TensorFlow SavedModels: a folder with saved_model.pb (or .pbtxt) and variables/, or a folder of
 * numbered ones. Every signature of the meta graph for serving is one of the contract, as stored.
 */
#include "base/number.h"
#include "base/text.h"
#include "formats/tensorflow/schema.h"
#include "importers/tensorflow/internal.h"

enum { SCRATCH_MAX = 1 << 30, MEMBERS_MAX = 100000 };

/* --- which one --- */

/* By how well each is liked where a folder has several. */
static const char *const FILE_NAMES[] = {"saved_model.cpb", "saved_model.pbtxt", "saved_model.pb"};
enum { CHUNKED = 0 };

struct place {
    struct member *member;
    size_t folder, depth; /* characters before the file's name; folders above it */
    size_t name;          /* in FILE_NAMES */
    int64_t version;      /* the number that its folder is called; -1: none */
};

static bool name_find(const char *path, size_t size, struct place *place)
{
    for (size_t i = 0; i < ARRAY_COUNT(FILE_NAMES); i++) {
        size_t name = strlen(FILE_NAMES[i]);

        if (size < name || strcmp(path + size - name, FILE_NAMES[i]) ||
            (size > name && path[size - name - 1] != '/'))
            continue;
        place->name = i;
        place->folder = size - name;
        return true;
    }
    return false;
}

/* "1/saved_model.pb" */
static bool place_of(struct member *member, struct place *place)
{
    size_t size = strlen(member->path), begin;

    *place = (struct place){.member = member, .version = -1};
    if (!name_find(member->path, size, place))
        return false;
    for (size_t i = 0; i < size; i++)
        place->depth += member->path[i] == '/';
    if (!place->folder)
        return true;
    begin = place->folder - 1;
    while (begin && member->path[begin - 1] != '/')
        begin--;
    if (!number_i64_from_text(
            (struct bytes){(const uint8_t *)member->path + begin, place->folder - 1 - begin},
            &place->version))
        place->version = -1;
    return true;
}

/* The shallowest; of several numbered ones the newest; of several files the best. */
static bool is_better(const struct place *a, const struct place *b)
{
    if (a->depth != b->depth)
        return a->depth < b->depth;
    return a->version != b->version ? a->version > b->version : a->name > b->name;
}

static bool place_find(const struct artifact *artifact, struct place *best)
{
    struct place place;
    bool found = false;

    for (size_t i = 0; i < artifact->count && i < MEMBERS_MAX; i++) {
        if (!place_of(&artifact->members[i], &place))
            continue;
        if (!found || is_better(&place, best))
            *best = place;
        found = true;
    }
    return found;
}

/* SavedModel on the wire, alone: saved_model_schema_version (1) is 1, then meta graphs (2). */
static bool is_model(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    struct error ignored;

    if (protobuf_next(&message, &field, &ignored) || field.number != 1 ||
        field.wire != PROTOBUF_VARINT || field.value != 1)
        return false;
    return !protobuf_next(&message, &field, &ignored) && field.number == 2 &&
           field.wire == PROTOBUF_BYTES;
}

static int bid(struct upload *upload)
{
    struct place place = {0};
    struct error ignored;
    struct bytes bytes;

    if (place_find(upload->artifact, &place)) {
        upload->main = place.member;
        return 90;
    }
    if (upload->artifact->kind != ARTIFACT_FILE || !upload->main ||
        member_bytes(upload->main, &bytes, &ignored))
        return 0;
    return is_model(bytes) || tf_message_is_text(bytes, TF_MESSAGE_SAVED_MODEL) ? 80 : 0;
}

/* The other versions of a folder of numbered ones. */
static enum status versions_tell(const struct upload *upload, const struct place *served,
                                 struct description *description, struct arena *keep,
                                 struct error *err)
{
    const struct artifact *artifact = upload->artifact;
    struct place place;

    for (size_t i = 0; i < artifact->count && i < MEMBERS_MAX; i++) {
        if (!place_of(&artifact->members[i], &place) || place.folder == served->folder ||
            place.version == served->version)
            continue;
        TRY(description_warn(description, keep, err,
                             "version %lld is served; '%.128s' is left alone",
                             (long long)served->version, artifact->members[i].path));
    }
    return STATUS_OK;
}

/* --- import --- */

/* *bundle is NULL for a model without variables. */
static enum status checkpoint_open(const struct upload *upload, size_t folder,
                                   struct bundle **bundle, struct arena *keep, struct error *err)
{
    char *prefix = arena_printf(keep, "%.*svariables/variables", (int)folder, upload->main->path);
    struct bundle *opened = arena_new(keep, struct bundle, 1);
    enum status status;

    *bundle = NULL;
    if (!prefix || !opened)
        return error_no_memory(err, "the variables");
    status = bundle_open(upload->artifact, prefix, opened, keep, err);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    *bundle = opened;
    return status;
}

static enum status model_import(struct tf_lowering *l, const struct tf_saved_model *model,
                                struct description *description, struct graph **graph,
                                struct error *err)
{
    struct contract *contract = &description->contract;

    if (l->bundle && tf_saved_model_restore(l, model, err))
        return error_within(err, "restoring the variables");
    if (tf_saved_model_initialise(l, model, err))
        return error_within(err, "initialising");
    TRY(tf_signatures_build(l, model->signatures, contract->signatures, contract->count, graph,
                            err));
    if (!*graph) {
        description->reason = contract->signatures[0].reason;
        return STATUS_OK;
    }
    return tf_features_describe(*graph, description, l->keep, err);
}

static enum status message_read(const struct upload *upload, const struct place *place,
                                struct bytes *wire, struct arena *keep, struct error *err)
{
    TRY(member_bytes(upload->main, wire, err));
    if (place->name == CHUNKED)
        return error_set(err, STATUS_UNSUPPORTED,
                         "the model is larger than 2 GiB and stored in chunks (saved_model.cpb)");
    if (tf_message_is_text(*wire, TF_MESSAGE_SAVED_MODEL))
        return tf_message_from_text(*wire, TF_MESSAGE_SAVED_MODEL, wire, keep, err);
    return STATUS_OK;
}

/* What is not understood about a message, once it is read. */
static enum status read_import(const struct upload *upload, const struct place *place,
                               struct bytes wire, struct tf_saved_model *model,
                               struct description *description, struct graph **graph,
                               struct arena *keep, struct error *err)
{
    struct arena scratch;
    struct bundle *bundle;
    struct tf_lowering l;
    enum status status;

    description->framework_version = model->version;
    TRY(tf_model_tell(model, wire, description, keep, err));
    TRY(versions_tell(upload, place, description, keep, err));
    TRY(checkpoint_open(upload, place->folder, &bundle, keep, err));
    if (!model->signature_count)
        TRY(tf_objects_read(model, bundle, keep, err));
    TRY(tf_contract_describe(model, &description->contract, keep, err));
    if (!model->signature_count)
        return error_set(err, STATUS_UNSUPPORTED,
                         "the SavedModel has no signatures and no functions: what was saved had "
                         "never been called");
    arena_init(&scratch, SCRATCH_MAX);
    tf_lowering_init(&l, &model->graph, keep, &scratch);
    l.artifact = upload->artifact;
    l.file = upload->main;
    l.bundle = bundle;
    status = model_import(&l, model, description, graph, err);
    arena_release(&scratch);
    return status;
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct tf_saved_model *model = arena_new(keep, struct tf_saved_model, 1);
    struct place place;
    struct protobuf message;
    struct bytes wire;
    enum status status;

    if (!model)
        return error_no_memory(err, "the model");
    if (!place_of(upload->main, &place)) /* a file alone */
        place = (struct place){.version = -1, .name = ARRAY_COUNT(FILE_NAMES) - 1};
    description->format = "tf-savedmodel";
    description->framework = "tensorflow";
    status = message_read(upload, &place, &wire, keep, err);
    if (!status) {
        message = protobuf_over(wire);
        TRY(tf_saved_model_read(&message, model, keep, err));
        status = read_import(upload, &place, wire, model, description, graph, keep, err);
    }
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, keep, err);
    return status;
}

static const char *const SUFFIXES[] = {"saved_model.pb", "saved_model.pbtxt", NULL};

const struct importer importer_savedmodel = {
    .name = "savedmodel",
    .summary = "TensorFlow SavedModels: every signature",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
