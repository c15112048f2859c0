// SPDX-License-Identifier: Apache-2.0
#include "server/tensorflow_serving/metadata.h"

#include "formats/json/json.h"
#include "formats/tensorflow/schema.h"
#include "server/internal.h"
#include "server/oip/oip.h"

/* --- versions --- */

enum version_state version_state(const struct loaded *loaded)
{
    static const enum version_state STATES[] = {
        [MODEL_UNLOADED] = VERSION_START,
        [MODEL_LOADING] = VERSION_LOADING,
        [MODEL_READY] = VERSION_AVAILABLE,
        [MODEL_FAILED] = VERSION_END,
    };

    return STATES[loaded_state(loaded)];
}

enum status versions_told(struct request *request, struct loaded *loaded, bool alone,
                          struct loaded ***versions, size_t *count, struct error *err)
{
    struct models *models = request->server->models;
    const struct table_model *model = model_table_find(
        models_pinned(models, request->executor->index), bytes_of(loaded_row(loaded)->model));

    if (alone && loaded_state(loaded) == MODEL_UNLOADED)
        loaded_want(models, loaded);
    *versions = arena_new(request_arena(request), struct loaded *, model ? model->count : 1);
    *count = 0;
    if (!*versions)
        return error_no_memory(err, "an answer");
    if (alone || !model) {
        (*versions)[(*count)++] = loaded;
        return STATUS_OK;
    }
    for (size_t i = 0; i < model->count; i++)
        if (loaded_state(model->versions[i]) != MODEL_UNLOADED || model->versions[i] == loaded)
            (*versions)[(*count)++] = model->versions[i];
    return STATUS_OK;
}

static const char *state_name(enum version_state state)
{
    switch (state) {
    case VERSION_START:
        return "START";
    case VERSION_LOADING:
        return "LOADING";
    case VERSION_AVAILABLE:
        return "AVAILABLE";
    default:
        return "END";
    }
}

/* Of gRPC, by number. */
static const char *code_name(int code)
{
    static const char *const NAMES[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
    };

    return code >= 0 && (size_t)code < ARRAY_COUNT(NAMES) ? NAMES[code] : "UNKNOWN";
}

static void version_write(const struct loaded *loaded, struct text *text)
{
    enum version_state state = version_state(loaded);
    const struct error *why = state == VERSION_END ? loaded_error(loaded) : NULL;

    text_printf(text, "{\"version\":\"%lld\",\"state\":\"%s\",\"status\":{\"error_code\":\"%s\",",
                (long long)loaded_row(loaded)->number, state_name(state),
                code_name(why ? status_grpc(why->status) : 0));
    json_write_key(text, "error_message");
    json_write_text(text, why ? why->text : "");
    text_append(text, "}}");
}

enum status versions_write_json(struct request *request, struct loaded *loaded, bool alone,
                                struct text *text, struct error *err)
{
    struct loaded **versions;
    size_t count;

    TRY(versions_told(request, loaded, alone, &versions, &count, err));
    text_append(text, "{\"model_version_status\":[");
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? "," : "");
        version_write(versions[i], text);
    }
    text_append(text, "]}");
    return STATUS_OK;
}

/* --- signatures --- */

const char *signature_method(const struct signature *signature)
{
    return signature->method ? signature->method : "tensorflow/serving/predict";
}

static void shape_write(const struct field *field, struct text *text)
{
    text_append(text, "{\"dim\":[");
    for (int d = 0; d < field->shape.rank; d++) {
        const char *name = field->dim_names ? field->dim_names[d] : NULL;

        text_printf(text, "%s{\"size\":\"%lld\",\"name\":", d ? "," : "",
                    (long long)(field->shape.dims[d] < 0 ? -1 : field->shape.dims[d]));
        json_write_text(text, name ? name : "");
        text_append_char(text, '}');
    }
    text_printf(text, "],\"unknown_rank\":%s}", field->shape.rank < 0 ? "true" : "false");
}

/* A map of names to TensorInfos. */
static void fields_write(const struct field *fields, size_t count, struct text *text)
{
    text_append_char(text, '{');
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? "," : "");
        json_write_key(text, fields[i].name);
        text_printf(text, "{\"dtype\":\"%s\",\"tensor_shape\":",
                    tf_type_name(dtype_to_tf(fields[i].dtype)));
        shape_write(&fields[i], text);
        text_append(text, ",\"name\":");
        json_write_text(text, fields[i].name);
        text_append_char(text, '}');
    }
    text_append_char(text, '}');
}

static void signature_write(const struct signature *signature, struct text *text)
{
    json_write_key(text, signature->name);
    text_append(text, "{\"inputs\":");
    fields_write(signature->inputs, signature->input_count, text);
    text_append(text, ",\"outputs\":");
    fields_write(signature->outputs, signature->output_count, text);
    text_append(text, ",\"method_name\":");
    json_write_text(text, signature_method(signature));
    text_append(text, ",\"defaults\":{}}");
}

enum status metadata_write_json(const struct loaded *loaded, struct text *text, struct arena *arena,
                                struct error *err)
{
    struct contract contract;

    TRY(oip_contract(loaded, &contract, arena, err));
    text_append(text, "{\"model_spec\":{\"name\":");
    json_write_text(text, loaded_row(loaded)->model);
    text_printf(text,
                ",\"signature_name\":\"\",\"version\":\"%lld\"},\"metadata\":{\"signature_def\":"
                "{\"signature_def\":{",
                (long long)loaded_row(loaded)->number);
    for (size_t i = 0; i < contract.count; i++) {
        text_append(text, i ? "," : "");
        signature_write(&contract.signatures[i], text);
    }
    text_append(text, "}}}}");
    return STATUS_OK;
}
