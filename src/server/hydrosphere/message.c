// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/message.h"

#include <stdio.h>

#include "contract/hydrosphere.h"
#include "contract/maps.h"
#include "formats/json/json.h"
#include "server/hydrosphere/view.h"

/* --- signatures --- */

/* TensorShape {dims 1}; TensorShapeProto {dim 2 {size 1}, unknown_rank 3}. */
static void write_shape(struct text *text, const struct shape *given, int generation)
{
    struct shape shape = *given;
    size_t begin = protobuf_write_begin(text), dim;

    if (shape.rank < 0 && generation >= GENERATION_3)
        return; /* any */
    shape_forget_symbols(&shape);
    if (generation >= GENERATION_3 && shape.rank > 0)
        protobuf_write_packed_i64(text, 1, shape.dims, (size_t)shape.rank);
    for (int d = 0; generation < GENERATION_3 && d < shape.rank; d++) {
        dim = protobuf_write_begin(text);
        protobuf_write_i64(text, 1, shape.dims[d]);
        protobuf_write_end(text, 2, dim);
    }
    if (shape.rank < 0)
        protobuf_write_i64(text, 3, 1);
    protobuf_write_end(text, 2, begin);
}

/* ModelField {name 1, shape 2, subfields 3 {data 1} or dtype 4, profile} */
static void write_group(struct text *text, uint32_t number, const struct map_group *group,
                        int generation)
{
    struct map_group child;
    size_t at = 0;

    while (map_group_next(group, &at, &child)) {
        const struct field *field = &group->fields[child.begin];
        size_t begin = protobuf_write_begin(text), holds;
        struct shape shape;

        protobuf_write_text(text, 1, map_child_name(group, &child));
        if (map_child_is_leaf(group, &child)) {
            shape = field_own_shape(field);
            write_shape(text, &shape, generation);
            protobuf_write_i64(text, 4, dtype_to_tf(field->dtype));
            protobuf_write_i64(text, generation < GENERATION_3 ? 10 : 5,
                               hydrosphere_profile_number(field->profile));
        } else {
            shape = (struct shape){.rank = map_of(&child)->is_list, .dims = {map_of(&child)->size}};
            write_shape(text, &shape, generation);
            holds = protobuf_write_begin(text);
            write_group(text, 1, &child, generation);
            protobuf_write_end(text, 3, holds);
        }
        protobuf_write_end(text, number, begin);
    }
}

static void write_fields(struct text *text, uint32_t number, const struct field *fields,
                         size_t count, int generation)
{
    const struct map_group all = map_group_of(fields, count);

    write_group(text, number, &all, generation);
}

void message_write_signature(struct text *text, const struct signature *signature, int generation)
{
    protobuf_write_text(text, 1, signature->name);
    write_fields(text, 2, signature->inputs, signature->input_count, generation);
    write_fields(text, 3, signature->outputs, signature->output_count, generation);
}

static void write_signature(struct text *text, uint32_t number, const struct signature *signature,
                            int generation)
{
    size_t begin = protobuf_write_begin(text);

    message_write_signature(text, signature, generation);
    protobuf_write_end(text, number, begin);
}

/* ModelContract {model_name 1, predict 2}, of generation 2. */
static void write_contract(struct text *text, uint32_t number, const char *model,
                           const struct signature *signature)
{
    size_t begin = protobuf_write_begin(text);

    protobuf_write_text(text, 1, model);
    if (signature)
        write_signature(text, 2, signature, GENERATION_2);
    protobuf_write_end(text, number, begin);
}

/* --- versions --- */

static void write_image(struct text *text, uint32_t number, const struct hydrosphere_image *image)
{
    size_t begin = protobuf_write_begin(text);

    protobuf_write_text(text, 1, image->name);
    protobuf_write_text(text, 2, image->tag);
    protobuf_write_end(text, number, begin);
}

static void write_pairs(struct text *text, uint32_t number, const struct manifest_pair *pairs,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t begin = protobuf_write_begin(text);

        protobuf_write_text(text, 1, pairs[i].key);
        protobuf_write_text(text, 2, pairs[i].value);
        protobuf_write_end(text, number, begin);
    }
}

/* ModelVersionStatus of generation 3. */
static int64_t status_number(const char *status)
{
    return strcmp(status, "Released") == 0 ? 1 : strcmp(status, "Assembling") == 0 ? 2 : 0;
}

/* The fields that both generations have elsewhere or otherwise. */
static void write_names(struct text *text, const struct hydrosphere_version *version,
                        const char *status, int generation)
{
    const struct version *row = version->row;
    size_t begin;

    if (generation >= GENERATION_3) {
        protobuf_write_i64(text, 4, status_number(status));
        protobuf_write_text(text, 6, row->model);
        if (version->predict)
            write_signature(text, 7, version->predict, generation);
        return;
    }
    protobuf_write_text(text, 3, row->format);
    protobuf_write_text(text, 4, status);
    begin = protobuf_write_begin(text);
    protobuf_write_i64(text, 1, row->model_id);
    protobuf_write_text(text, 2, row->model);
    protobuf_write_end(text, 6, begin);
    write_contract(text, 7, row->model, version->predict);
}

static void write_version(struct text *text, const struct hydrosphere_version *version,
                          const char *status, int generation)
{
    size_t begin;

    protobuf_write_i64(text, 1, version->row->id);
    protobuf_write_i64(text, 2, version->row->number);
    write_names(text, version, status, generation);
    write_image(text, 31, &version->image);
    protobuf_write_text(text, 32, version->image.sha);
    write_image(text, 33, &version->runtime);
    write_pairs(text, 34, version->metadata, version->metadata_count);
    if (version->monitoring_batch) {
        begin = protobuf_write_begin(text);
        protobuf_write_i64(text, 1, version->monitoring_batch);
        protobuf_write_end(text, 35, begin);
    }
}

enum status message_write_version(struct text *text, const struct loaded *loaded, int generation,
                                  struct arena *arena, struct error *err)
{
    struct hydrosphere_version version;

    TRY(hydrosphere_version(loaded_row(loaded), &version, arena, err));
    write_version(text, &version, view_version_status(loaded), generation);
    return STATUS_OK;
}

/* --- what is being built, or failed: its view says all --- */

static const char *text_of(const struct json *value, const char *otherwise, struct arena *arena)
{
    struct bytes bytes;
    const char *text = json_string(value, &bytes) ? arena_text(arena, bytes) : NULL;

    return text ? text : otherwise;
}

static void metadata_read(const struct json *metadata, struct hydrosphere_version *version,
                          struct arena *arena)
{
    size_t count = metadata && metadata->kind == JSON_OBJECT ? metadata->count : 0;
    struct manifest_pair *pairs = arena_new(arena, struct manifest_pair, count);

    for (size_t i = 0; pairs && i < count; i++)
        pairs[i] =
            (struct manifest_pair){arena_printf(arena, "%.*s", (int)metadata->items[i].key.size,
                                                (const char *)metadata->items[i].key.data),
                                   text_of(&metadata->items[i], "", arena)};
    version->metadata = pairs;
    version->metadata_count = pairs ? count : 0;
    for (size_t i = 0; i < version->metadata_count; i++)
        if (!pairs[i].key)
            version->metadata_count = i;
}

static void built_read(const struct json *view, struct hydrosphere_version *version,
                       struct arena *arena)
{
    const struct json *runtime = json_get(view, "runtime");
    struct error ignored;

    version->runtime.name = text_of(json_get(runtime, "name"), "", arena);
    version->runtime.tag = text_of(json_get(runtime, "tag"), "", arena);
    metadata_read(json_get(view, "metadata"), version, arena);
    (void)json_i64(json_get(json_get(view, "monitoringConfiguration"), "batchSize"),
                   &version->monitoring_batch);
    if (!hydrosphere_contract_json(json_get(view, "modelSignature"), "a build", &version->contract,
                                   arena, &ignored) &&
        version->contract.count) /* one whose contract is not known yet has none */
        version->predict = &version->contract.signatures[0];
}

enum status message_write_build(struct text *text, const struct build_entry *entry, int generation,
                                struct arena *arena, struct error *err)
{
    struct version row = {.id = entry->id, .number = entry->number, .format = ""};
    struct hydrosphere_version version = {.row = &row, .image.sha = ""};
    struct json view;

    row.model = arena_text(arena, entry->name);
    version.image.name = row.model;
    version.image.tag = arena_printf(arena, "%lld", (long long)entry->number);
    if (!row.model || !version.image.tag)
        return error_no_memory(err, "a version");
    TRY(json_parse(entry->view, 0, &view, arena, err));
    (void)json_i64(json_get(json_get(&view, "model"), "id"), &row.model_id);
    built_read(&view, &version, arena);
    write_version(text, &version, entry->state == BUILD_RUNNING ? "Assembling" : "Failed",
                  generation);
    return STATUS_OK;
}

/* --- servables --- */

enum status message_write_servable(struct text *text, const struct table_servable *servable,
                                   int64_t weight, int generation, struct arena *arena,
                                   struct error *err)
{
    enum servable_state state;
    struct servable_note note;
    const char *why;
    size_t begin;

    TRY(hydrosphere_servable_note(servable, &note, arena, err));
    state = hydrosphere_servable_state(servable, &why);
    if (weight)
        protobuf_write_i64(text, 3, weight);
    begin = protobuf_write_begin(text);
    TRY(message_write_version(text, servable->loaded, generation, arena, err));
    protobuf_write_end(text, 4, begin);
    protobuf_write_text(text, 5, servable->name);
    protobuf_write_i64(text, 6, state);
    protobuf_write_text(text, 7, why);
    write_pairs(text, 8, note.metadata, note.metadata_count);
    return STATUS_OK;
}

/* --- applications --- */

static enum status write_stage(struct text *text, const struct hydrosphere_stage *stage,
                               int generation, struct arena *arena, struct error *err)
{
    size_t begin = protobuf_write_begin(text), inner;

    protobuf_write_text(text, 1, stage->id);
    if (stage->signature)
        write_signature(text, 2, stage->signature, generation);
    for (size_t v = 0; v < stage->variant_count; v++) {
        const struct hydrosphere_variant *variant = &stage->variants[v];

        if (!variant->servable)
            continue;
        inner = protobuf_write_begin(text);
        TRY(message_write_servable(text, variant->servable, variant->weight, generation, arena,
                                   err));
        protobuf_write_end(text, 3, inner);
    }
    protobuf_write_end(text, 4, begin);
    return STATUS_OK;
}

enum status message_write_application(struct text *text, const struct model_table *table,
                                      const struct table_model *model, int generation,
                                      struct arena *arena, struct error *err)
{
    struct hydrosphere_application application;
    const struct signature *signature;
    char id[24];

    TRY(hydrosphere_application(table, model, &application, arena, err));
    signature = application.contract.count ? &application.contract.signatures[0] : NULL;
    snprintf(id, sizeof id, "%lld", (long long)application.id);
    protobuf_write_text(text, 1, id);
    protobuf_write_text(text, 2, model->name);
    if (signature && generation >= GENERATION_3)
        write_signature(text, 3, signature, generation);
    else if (signature)
        write_contract(text, 3, model->name, signature);
    for (size_t s = 0; s < application.stage_count; s++)
        TRY(write_stage(text, &application.stages[s], generation, arena, err));
    protobuf_write_i64(text, 5, application.state);
    protobuf_write_text(text, 6, application.message);
    write_pairs(text, 7, application.metadata, application.metadata_count);
    return STATUS_OK;
}
