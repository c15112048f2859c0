// SPDX-License-Identifier: Apache-2.0
/* TensorFlow Serving over gRPC: Predict and what is known of models; also the predictions of
 * Hydrosphere's generations 1 and 2, which had the same service, and Status of generation 2. */
#include <stdio.h>

#include "server/grpc/tensor_wire.h"
#include "server/internal.h"
#include "server/oip/oip.h"
#include "server/tensorflow_serving/metadata.h"
#include "server/tensorflow_serving/model_spec.h"

/* --- Predict: {model_spec 1, map inputs 2, output_filter 3} -> {map outputs 1, model_spec 2} ---
 */

static enum status predict_parse(struct prediction *p, struct error *err)
{
    TRY(model_spec_signature(p, p->state, err));
    return tensor_wire_give(p, 2, TENSOR_TENSORFLOW, err);
}

static enum status predict_answer(struct prediction *p, struct error *err)
{
    struct protobuf message = protobuf_over(p->request->body);
    struct bytes *names;
    size_t count;

    TRY(protobuf_all_bytes(&message, 3, &names, &count, request_arena(p->request), err));
    TRY(tensor_wire_answer(p, TENSOR_TENSORFLOW, names, count, err));
    model_spec_write(&p->response->body, 2, p);
    return STATUS_OK;
}

static enum status predict_begin(struct prediction *p, struct error *err)
{
    struct model_spec *spec = arena_new(request_arena(p->request), struct model_spec, 1);

    if (!spec)
        return error_no_memory(err, "a request");
    p->state = spec;
    TRY(model_spec_read(p->request, p->request->body, 1, spec, err));
    return predict_parse(p, err);
}

static const struct prediction_wire PREDICT = {predict_begin, predict_answer};

static enum status predict(struct request *request, struct response *response, struct error *err)
{
    struct model_spec spec;

    TRY(model_spec_read(request, request->body, 1, &spec, err));
    return prediction_handle(request, response, bytes_of(spec.name), bytes_of(spec.version),
                             &PREDICT, err);
}

/* --- Status of generation 2: {} -> {status 1, message 2} --- */

static enum status status(struct request *request, struct response *response, struct error *err)
{
    bool ready = models_settled(request->server->models) && !server_draining(request->server);

    (void)err;
    protobuf_write_i64(&response->body, 1, ready ? 1 : 2);
    protobuf_write_text(&response->body, 2, ready ? "ready" : "models are being loaded");
    return STATUS_OK;
}

/* --- GetModelMetadata: {model_spec 1, metadata_field 2} -> {model_spec 1, map metadata 2} --- */

static void write_shape(struct text *text, const struct field *field)
{
    size_t shape = protobuf_write_begin(text), dim;

    for (int d = 0; d < field->shape.rank; d++) {
        dim = protobuf_write_begin(text);
        protobuf_write_i64(text, 1, field->shape.dims[d] < 0 ? -1 : field->shape.dims[d]);
        if (field->dim_names && field->dim_names[d])
            protobuf_write_text(text, 2, field->dim_names[d]);
        protobuf_write_end(text, 2, dim);
    }
    if (field->shape.rank < 0)
        protobuf_write_i64(text, 3, 1);
    protobuf_write_end(text, 3, shape);
}

/* map<string, TensorInfo> */
static void write_fields(struct text *text, uint32_t number, const struct field *fields,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t entry = protobuf_write_begin(text), info;

        protobuf_write_text(text, 1, fields[i].name);
        info = protobuf_write_begin(text);
        protobuf_write_text(text, 1, fields[i].name);
        protobuf_write_i64(text, 2, dtype_to_tf(fields[i].dtype));
        write_shape(text, &fields[i]);
        protobuf_write_end(text, 2, info);
        protobuf_write_end(text, number, entry);
    }
}

/* SignatureDefMap {map<string, SignatureDef> signature_def 1} */
static void write_signatures(struct text *text, const struct contract *contract)
{
    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *signature = &contract->signatures[i];
        size_t entry = protobuf_write_begin(text), definition;

        protobuf_write_text(text, 1, signature->name);
        definition = protobuf_write_begin(text);
        write_fields(text, 1, signature->inputs, signature->input_count);
        write_fields(text, 2, signature->outputs, signature->output_count);
        protobuf_write_text(text, 3, signature_method(signature));
        protobuf_write_end(text, 2, definition);
        protobuf_write_end(text, 1, entry);
    }
}

static void write_metadata(struct text *text, const struct version *row,
                           const struct contract *contract)
{
    size_t spec = protobuf_write_begin(text), begin, entry, any;

    protobuf_write_text(text, 1, row->model);
    begin = protobuf_write_begin(text);
    protobuf_write_i64(text, 1, row->number);
    protobuf_write_end(text, 2, begin);
    protobuf_write_end(text, 1, spec);
    entry = protobuf_write_begin(text);
    protobuf_write_text(text, 1, "signature_def");
    any = protobuf_write_begin(text);
    protobuf_write_text(text, 1, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
    begin = protobuf_write_begin(text);
    write_signatures(text, contract);
    protobuf_write_end(text, 2, begin);
    protobuf_write_end(text, 2, any);
    protobuf_write_end(text, 2, entry);
}

static enum status check_fields(const struct request *request, struct error *err)
{
    struct protobuf message = protobuf_over(request->body);
    struct protobuf_field field;
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;
    bool any = false;

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number != 2)
            continue;
        TRY(protobuf_bytes(&field, &name, err));
        if (!bytes_is(name, "signature_def"))
            return error_set(err, STATUS_INVALID_INPUT,
                             "there is no metadata_field '%s', only signature_def",
                             text_quote(name, quoted, sizeof quoted));
        any = true;
    }
    return any ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT,
                           "metadata_field is empty; it may be signature_def");
}

static enum status metadata(struct request *request, struct response *response, struct error *err)
{
    struct contract contract;
    struct model_spec spec;
    struct loaded *loaded;
    enum status result;

    TRY(model_spec_read(request, request->body, 1, &spec, err));
    TRY(check_fields(request, err));
    TRY(model_access_named(request, bytes_of(spec.name), bytes_of(spec.version), false, &loaded,
                           err));
    if (!loaded)
        return STATUS_OK;
    result = oip_contract(loaded, &contract, request_arena(request), err);
    if (result == STATUS_OK)
        write_metadata(&response->body, loaded_row(loaded), &contract);
    model_release(request);
    return result;
}

/* --- GetModelStatus: {model_spec 1} -> {repeated {version 1, state 2, status 3}} --- */

static void write_state(struct text *text, const struct loaded *loaded)
{
    size_t begin = protobuf_write_begin(text), inner;

    protobuf_write_i64(text, 1, loaded_row(loaded)->number);
    protobuf_write_i64(text, 2, version_state(loaded));
    inner = protobuf_write_begin(text);
    if (version_state(loaded) == VERSION_END) {
        protobuf_write_i64(text, 1, status_grpc(loaded_error(loaded)->status));
        protobuf_write_text(text, 2, loaded_error(loaded)->text);
    }
    protobuf_write_end(text, 3, inner);
    protobuf_write_end(text, 1, begin);
}

static enum status model_status(struct request *request, struct response *response,
                                struct error *err)
{
    struct loaded *loaded, **versions;
    struct model_spec spec;
    enum status result;
    size_t count;

    TRY(model_spec_read(request, request->body, 1, &spec, err));
    TRY(model_access_named(request, bytes_of(spec.name), bytes_of(spec.version), false, &loaded,
                           err));
    if (!loaded)
        return STATUS_OK;
    result = versions_told(request, loaded, *spec.version, &versions, &count, err);
    for (size_t i = 0; result == STATUS_OK && i < count; i++)
        write_state(&response->body, versions[i]);
    model_release(request);
    return result;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/tensorflow.serving.PredictionService/Predict", predict, "predict", ROUTE_GRPC},
    {HTTP_POST, "/tensorflow.serving.PredictionService/GetModelMetadata", metadata,
     "signatures of a version", ROUTE_GRPC},
    {HTTP_POST, "/tensorflow.serving.PredictionService/Status", status,
     "is the server ready? (Hydrosphere, generation 2)", ROUTE_GRPC},
    {HTTP_POST, "/tensorflow.serving.ModelService/GetModelStatus", model_status,
     "states of a model's versions", ROUTE_GRPC},
};

const struct route_set routes_grpc_tensorflow = {
    .name = "grpc_tensorflow",
    .summary = "gRPC: TensorFlow Serving, and Hydrosphere's generations 1 and 2",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
