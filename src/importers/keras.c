// SPDX-License-Identifier: Apache-2.0
/* Keras models: HDF5 files of Keras 1, 2 and tf.keras, and .keras archives. */
#include "base/text.h"
#include "importers/keras/internal.h"

/* --- bids --- */

static const char *const PARTS[] = {"config.json", "model.weights.h5"};

static bool is_archive(const struct artifact *artifact)
{
    for (size_t i = 0; i < ARRAY_COUNT(PARTS); i++)
        if (!artifact_find(artifact, PARTS[i]))
            return false;
    return true;
}

/* An HDF5 file whose root has the configuration of a model. */
static bool is_model(struct bytes bytes)
{
    struct arena scratch;
    struct hdf5 *file;
    struct tensor value;
    struct error ignored;
    bool found = false;

    if (!hdf5_is(bytes))
        return false;
    arena_init(&scratch, 64 << 20);
    if (hdf5_open(bytes, &scratch, &file, &ignored) ||
        hdf5_attribute(file, hdf5_root(file), "model_config", &found, &value, &ignored))
        found = false;
    arena_release(&scratch);
    return found;
}

static int bid(struct upload *upload)
{
    struct error ignored;
    struct bytes bytes;

    if (is_archive(upload->artifact)) {
        upload->main = artifact_find(upload->artifact, PARTS[0]);
        return 92;
    }
    for (size_t i = 0; i < upload->artifact->count && i < 16; i++) {
        if (member_bytes(&upload->artifact->members[i], &bytes, &ignored) || !is_model(bytes))
            continue;
        upload->main = &upload->artifact->members[i];
        return upload->artifact->count == 1 ? 92 : 60;
    }
    return 0;
}

/* --- reading --- */

static void generation_of(struct keras *k, struct bytes version, struct description *description)
{
    description->framework = "keras";
    description->framework_version = version.size ? arena_text(k->keep, version) : NULL;
    k->generation = 2;
    if (!version.size || version.data[0] == '1' || version.data[0] == '0')
        k->generation = 1;
    if (version.size && version.data[0] >= '3' && version.data[0] <= '9')
        k->generation = 3;
    k->tensorflow = version.size > 3 && !memcmp(version.data + version.size - 3, "-tf", 3);
    for (size_t i = 2; i < version.size && i < 5 && version.data[1] == '.'; i++) {
        if (version.data[i] < '0' || version.data[i] > '9')
            break;
        k->minor = 10 * k->minor + version.data[i] - '0';
    }
}

static enum status text_attribute(struct keras *k, hdf5_object object, const char *name,
                                  struct bytes *text, struct error *err)
{
    struct tensor value;
    bool found;

    *text = (struct bytes){NULL, 0};
    TRY(hdf5_attribute(k->file, object, name, &found, &value, err));
    if (found && value.dtype == DTYPE_STRING && tensor_count(&value) == 1)
        *text = *(const struct bytes *)value.data;
    return STATUS_OK;
}

/* keras_version stands at the root, or at the weights. */
static enum status stated(struct keras *k, const char *name, struct bytes *text, struct error *err)
{
    hdf5_object weights;

    TRY(text_attribute(k, hdf5_root(k->file), name, text, err));
    if (text->size ||
        hdf5_find(k->file, hdf5_root(k->file), bytes_of("model_weights"), &weights, err))
        return STATUS_OK;
    return text_attribute(k, weights, name, text, err);
}

static enum status h5_read(struct keras *k, struct bytes bytes, struct network **network,
                           struct error *err)
{
    struct bytes config, version;
    struct json *model = arena_new(k->keep, struct json, 1);

    if (!model)
        return error_no_memory(err, "the model");
    k->description->format = "keras-h5";
    TRY(hdf5_open(bytes, k->keep, &k->file, err));
    TRY(text_attribute(k, hdf5_root(k->file), "model_config", &config, err));
    TRY(stated(k, "keras_version", &version, err));
    TRY(stated(k, "backend", &k->backend, err));
    generation_of(k, version, k->description);
    k->theano = bytes_is(k->backend, "theano");
    k->backend_stated = k->backend.size > 0;
    if (json_parse(config, JSON_ALLOW_NAN, model, k->keep, err))
        return error_within(err, "attribute 'model_config'");
    TRY(network_read(k, model, network, 0, err));
    return weights_find_h5(k, *network, err);
}

static enum status archive_read(struct keras *k, const struct artifact *artifact,
                                struct network **network, struct error *err)
{
    struct member *metadata = artifact_find(artifact, "metadata.json");
    struct json *model = arena_new(k->keep, struct json, 1), stated_by;
    struct bytes bytes, version = bytes_of("3");

    if (!model)
        return error_no_memory(err, "the model");
    k->description->format = "keras-v3";
    if (metadata) {
        TRY(member_bytes(metadata, &bytes, err));
        if (json_parse(bytes, JSON_ALLOW_NAN, &stated_by, k->keep, err))
            return error_within(err, "'metadata.json'");
        json_string(json_get(&stated_by, "keras_version"), &version);
    }
    generation_of(k, version, k->description);
    TRY(member_bytes(artifact_find(artifact, PARTS[0]), &bytes, err));
    if (json_parse(bytes, JSON_ALLOW_NAN, model, k->keep, err))
        return error_within(err, "'config.json'");
    TRY(network_read(k, model, network, 0, err));
    TRY(member_bytes(artifact_find(artifact, PARTS[1]), &bytes, err));
    if (hdf5_open(bytes, k->keep, &k->file, err) ||
        weights_find_archive(k, *network, hdf5_root(k->file), "", err))
        return error_within(err, "'model.weights.h5'");
    return STATUS_OK;
}

/* --- contract --- */

static enum status input_field(struct keras *k, const struct network *network, size_t index,
                               struct field *field, struct error *err)
{
    struct keras_input input;

    TRY(network_input(k, network, index, &input, err));
    *field = (struct field){
        .name = input.name,
        .dtype = input.dtype,
        .shape = input.shape,
        .profile = profile_default(input.dtype),
        .evidence_name = {EVIDENCE_STORED, input.place},
        .evidence_dtype = {EVIDENCE_STORED, input.place},
        .evidence_shape = {EVIDENCE_STORED, input.place},
        .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
    };
    shape_forget_symbols(&field->shape);
    return STATUS_OK;
}

/* The layer's name; with a number behind it where an output has that name already, as tf.keras
 * does.
 */
static const char *output_name(struct keras *k, const struct field *outputs, size_t index,
                               const char *layer)
{
    const char *name = layer;
    size_t number = 0;

    for (size_t i = 0; name && i < index; i++)
        if (!strcmp(outputs[i].name, name)) {
            name = arena_printf(k->keep, "%s_%zu", layer, ++number);
            i = SIZE_MAX; /* again from the first */
        }
    return name;
}

static enum status contract_begin(struct keras *k, const struct network *network,
                                  struct signature *signature, struct error *err)
{
    signature->name = "predict";
    signature->input_count = network->sequential ? 1 : network->input_count;
    signature->output_count = network->sequential ? 1 : network->output_count;
    signature->inputs = arena_new(k->keep, struct field, signature->input_count);
    signature->outputs = arena_new(k->keep, struct field, signature->output_count);
    if (!signature->inputs || !signature->outputs)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < signature->input_count; i++)
        TRY(input_field(k, network, i, &signature->inputs[i], err));
    for (size_t i = 0; i < signature->output_count; i++) {
        signature->outputs[i] = (struct field){
            .name = output_name(k, signature->outputs, i, network_output_name(network, i)),
            .dtype = DTYPE_F32,
            .shape = shape_unknown(),
            .profile = PROFILE_NUMERICAL,
            .evidence_name = {EVIDENCE_STORED, "the name of the output layer"},
            .evidence_dtype = {EVIDENCE_DERIVED, "Keras computes in float32"},
            .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
        };
        if (!signature->outputs[i].name)
            return error_no_memory(err, "the contract");
    }
    return STATUS_OK;
}

static void contract_end(struct keras *k, struct signature *signature,
                         const struct keras_tensor *outputs)
{
    for (size_t i = 0; i < signature->output_count; i++) {
        const struct value *value = &k->e.graph->values[outputs[i].value];
        struct field *field = &signature->outputs[i];

        field->dtype = value->dtype;
        field->shape = value->shape;
        shape_forget_symbols(&field->shape);
        field->evidence_dtype = (struct evidence){EVIDENCE_DERIVED, "shape inference"};
        if (value->shape.rank != RANK_UNKNOWN)
            field->evidence_shape = (struct evidence){EVIDENCE_DERIVED, "shape inference"};
        field->profile = profile_default(value->dtype);
    }
}

/* --- building --- */

static enum status build(struct keras *k, struct network *network, struct signature *signature,
                         struct error *err)
{
    struct keras_tensor *in = arena_new(k->keep, struct keras_tensor, signature->input_count);
    struct keras_tensor outputs[LAYER_OUTPUTS_MAX];
    value_id *inputs = arena_new(k->keep, value_id, signature->input_count);
    value_id results[LAYER_OUTPUTS_MAX];

    if (!in || !inputs)
        return error_no_memory(err, "the model");
    for (size_t i = 0; i < signature->input_count; i++) {
        struct keras_input input;

        TRY(network_input(k, network, i, &input, err));
        TRY(graph_input(k->e.graph, input.name, input.dtype, &input.shape, &inputs[i], err));
        in[i] = (struct keras_tensor){inputs[i], VALUE_NONE};
    }
    TRY(network_lower(k, network, in, signature->input_count, outputs, 0, err));
    for (size_t i = 0; i < signature->output_count; i++)
        results[i] = outputs[i].value;
    TRY(graph_signature_add(k->e.graph, signature->name, inputs, signature->input_count, results,
                            signature->output_count, err));
    contract_end(k, signature, outputs);
    return graph_finish(k->e.graph, err);
}

/* Layers that hold code: what Keras would run. */
static enum status code_find(struct keras *k, const struct network *network, size_t *count,
                             struct error *err)
{
    for (size_t l = 0; l < network->count; l++) {
        const struct layer *layer = &network->layers[l];
        const char **grown;

        if (layer->network) {
            TRY(code_find(k, layer->network, count, err));
            continue;
        }
        if (strcmp(layer->class_name, "Lambda"))
            continue;
        grown = arena_new(k->keep, const char *, *count + 1);
        if (!grown)
            return error_no_memory(err, "the description");
        if (*count)
            memcpy(grown, k->description->executes, *count * sizeof *grown);
        grown[*count] = arena_printf(k->keep, "Lambda layer '%s': Python code", layer->name);
        if (!grown[*count])
            return error_no_memory(err, "the description");
        k->description->executes = grown;
        k->description->executes_count = ++*count;
    }
    return STATUS_OK;
}

static enum status model_import(struct keras *k, struct network *network, struct graph **graph,
                                struct error *err)
{
    struct description *description = k->description;
    struct signature *signature = arena_new(k->keep, struct signature, 1);
    enum status status;
    size_t executes = 0;

    if (!signature)
        return error_no_memory(err, "the contract");
    TRY(graph_new(&k->e.graph, k->keep, err));
    TRY(graph_symbol(k->e.graph, "batch", &k->batch, err));
    TRY(code_find(k, network, &executes, err));
    TRY(contract_begin(k, network, signature, err));
    description->contract = (struct contract){signature, 1};
    status = build(k, network, signature, err);
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, k->keep, err);
    TRY(status);
    *graph = k->e.graph;
    return STATUS_OK;
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct keras k = {
        .keep = keep, .artifact = upload->artifact, .description = description, .e.where = ""};
    struct network *network;
    enum status status;
    struct bytes bytes;

    if (is_archive(upload->artifact)) {
        status = archive_read(&k, upload->artifact, &network, err);
    } else {
        TRY(member_bytes(upload->main, &bytes, err));
        status = h5_read(&k, bytes, &network, err);
    }
    if (!status)
        status = model_import(&k, network, graph, err);
    if (status == STATUS_UNSUPPORTED)
        return description_refuse(description, graph, keep, err);
    return status;
}

static const char *const SUFFIXES[] = {".keras", ".h5", ".hdf5", NULL};

const struct importer importer_keras = {
    .name = "keras",
    .summary = "Keras models: HDF5 files of Keras 1, 2 and tf.keras, and .keras archives",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
