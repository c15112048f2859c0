// SPDX-License-Identifier: Apache-2.0
/* TensorFlow SavedModels: a folder with saved_model.pb and variables/, or a folder of numbered
 * ones. Every signature of the meta graph for serving is one of the contract, as it is stored. */
#include "base/number.h"
#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { SCRATCH_MAX = 1 << 30, MEMBERS_MAX = 100000 };
static const char FILE_NAME[] = "saved_model.pb";

/* --- which one --- */

struct place {
    struct member *member;
    size_t depth;    /* folders above it */
    int64_t version; /* the number that its folder is called; -1: none */
};

/* "1/saved_model.pb" */
static bool place_of(struct member *member, struct place *place)
{
    size_t size = strlen(member->path), name = sizeof FILE_NAME - 1, begin;

    *place = (struct place){.member = member, .version = -1};
    if (size < name || strcmp(member->path + size - name, FILE_NAME) ||
        (size > name && member->path[size - name - 1] != '/'))
        return false;
    for (size_t i = 0; i < size; i++)
        place->depth += member->path[i] == '/';
    if (size == name)
        return true;
    begin = size - name - 1;
    while (begin && member->path[begin - 1] != '/')
        begin--;
    if (!number_i64_from_text(
            (struct bytes){(const uint8_t *)member->path + begin, size - name - 1 - begin},
            &place->version))
        place->version = -1;
    return true;
}

/* The shallowest; of several numbered ones the newest. */
static bool place_find(const struct artifact *artifact, struct place *best)
{
    struct place place;
    bool found = false;

    for (size_t i = 0; i < artifact->count && i < MEMBERS_MAX; i++) {
        if (!place_of(&artifact->members[i], &place))
            continue;
        if (!found || place.depth < best->depth ||
            (place.depth == best->depth && place.version > best->version))
            *best = place;
        found = true;
    }
    return found;
}

static int bid(struct upload *upload)
{
    struct place place = {0};

    if (!place_find(upload->artifact, &place))
        return 0;
    upload->main = place.member;
    return 90;
}

/* --- contract --- */

static enum status field_describe(const struct tf_field *stored, struct field *field,
                                  struct error *err)
{
    if (stored->composite)
        return error_set(err, STATUS_UNSUPPORTED, "'%.64s' is a sparse or ragged tensor",
                         stored->name);
    *field = (struct field){
        .name = stored->name,
        .dtype = stored->dtype,
        .shape = stored->shape,
        .dim_names = stored->shape.rank >= 0 ? stored->dim_names : NULL,
        .profile = profile_default(stored->dtype),
        .evidence_name = {EVIDENCE_STORED, "signature_def"},
        .evidence_dtype = {EVIDENCE_STORED, "TensorInfo.dtype"},
        .evidence_shape = {stored->shape.rank < 0 ? EVIDENCE_UNKNOWN : EVIDENCE_STORED,
                           "TensorInfo.tensor_shape"},
        .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
    };
    return STATUS_OK;
}

static enum status fields_describe(const struct tf_field *stored, size_t count,
                                   struct field **fields, struct arena *keep, struct error *err)
{
    *fields = arena_new(keep, struct field, count);
    if (!*fields)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < count; i++)
        TRY(field_describe(&stored[i], &(*fields)[i], err));
    return STATUS_OK;
}

static enum status contract_of(const struct tf_saved_model *model, struct contract *contract,
                               struct arena *keep, struct error *err)
{
    struct signature *signatures = arena_new(keep, struct signature, model->signature_count);

    if (!signatures)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < model->signature_count; i++) {
        const struct tf_signature *stored = &model->signatures[i];
        struct signature *signature = &signatures[i];

        signature->name = stored->name;
        signature->input_count = stored->input_count;
        signature->output_count = stored->output_count;
        if (fields_describe(stored->inputs, stored->input_count, &signature->inputs, keep, err) ||
            fields_describe(stored->outputs, stored->output_count, &signature->outputs, keep, err))
            return error_within(err, "signature '%.64s'", stored->name);
    }
    *contract = (struct contract){signatures, model->signature_count};
    return STATUS_OK;
}

/* --- import --- */

static enum status checkpoint_open(struct tf_lowering *l, const struct upload *upload,
                                   const struct tf_saved_model *model, struct bundle *bundle,
                                   struct error *err)
{
    size_t folder = strlen(upload->main->path) - (sizeof FILE_NAME - 1);
    char *prefix =
        arena_printf(l->keep, "%.*svariables/variables", (int)folder, upload->main->path);
    enum status status;

    if (!prefix)
        return error_no_memory(err, "the variables");
    status = bundle_open(upload->artifact, prefix, bundle, l->keep, err);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK; /* a model without variables */
    TRY(status);
    l->bundle = bundle;
    if (tf_saved_model_restore(l, model, err))
        return error_within(err, "restoring the variables");
    return STATUS_OK;
}

static enum status model_import(struct tf_lowering *l, const struct upload *upload,
                                const struct tf_saved_model *model, struct description *description,
                                struct graph **graph, struct error *err)
{
    struct bundle *bundle = arena_new(l->keep, struct bundle, 1);
    struct contract *contract = &description->contract;

    if (!bundle)
        return error_no_memory(err, "the model");
    TRY(checkpoint_open(l, upload, model, bundle, err));
    if (tf_saved_model_initialise(l, model, err))
        return error_within(err, "initialising");
    TRY(tf_signatures_build(l, model->signatures, contract->signatures, contract->count, graph,
                            err));
    if (!*graph)
        description->reason = contract->signatures[0].reason;
    return STATUS_OK;
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct tf_saved_model *model = arena_new(keep, struct tf_saved_model, 1);
    struct arena scratch;
    struct tf_lowering l;
    struct protobuf message;
    struct bytes bytes;
    enum status status;

    if (!model)
        return error_no_memory(err, "the model");
    TRY(member_bytes(upload->main, &bytes, err));
    message = protobuf_over(bytes);
    description->format = "tf-savedmodel";
    description->framework = "tensorflow";
    TRY(tf_saved_model_read(&message, model, keep, err));
    description->framework_version = model->version;
    status = contract_of(model, &description->contract, keep, err);
    if (!status && !model->signature_count)
        status = error_set(err, STATUS_UNSUPPORTED, "the SavedModel has no signatures");
    if (!status) {
        arena_init(&scratch, SCRATCH_MAX);
        tf_lowering_init(&l, &model->graph, keep, &scratch);
        l.artifact = upload->artifact;
        l.file = upload->main;
        status = model_import(&l, upload, model, description, graph, err);
        arena_release(&scratch);
    }
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, keep, err);
    return status;
}

static const char *const SUFFIXES[] = {"saved_model.pb", NULL};

const struct importer importer_savedmodel = {
    .name = "savedmodel",
    .summary = "TensorFlow SavedModels: every signature",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
