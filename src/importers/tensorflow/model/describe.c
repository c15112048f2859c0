// SPDX-License-Identifier: Apache-2.0
/* The contract of a stored model: all that its SignatureDefs say. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { EXECUTES_SEARCH = 64 << 20 };

/* --- contract --- */

/* An input that is a placeholder with a value of its own. */
static enum status fallback_find(const struct tf_graph *graph, const struct tf_field *stored,
                                 struct field *field, struct arena *keep, struct error *err)
{
    const struct tf_node *node = map_find(&graph->by_name, stored->tensor.node), *from = NULL;
    struct tensor *tensor;

    field->fallback = stored->fallback;
    if (!field->fallback && node && !strcmp(node->op, "PlaceholderWithDefault") &&
        node->input_count)
        from = map_find(&graph->by_name, node->inputs[0].node);
    if (from && !strcmp(from->op, "Const")) {
        tensor = arena_new(keep, struct tensor, 1);
        if (!tensor)
            return error_no_memory(err, "the contract");
        TRY(tf_tensor(from, "value", tensor, keep, err));
        field->fallback = tensor->dtype == stored->dtype ? tensor : NULL;
    }
    field->optional = field->fallback != NULL;
    return STATUS_OK;
}

static void field_describe(const struct tf_field *stored, bool of_function, struct field *field)
{
    const char *spec = of_function ? "SavedConcreteFunction" : NULL;

    *field = (struct field){
        .name = stored->name,
        .dtype = stored->dtype,
        .fed = stored->fed,
        .shape = stored->shape,
        .dim_names = stored->shape.rank >= 0 ? stored->dim_names : NULL,
        .profile = profile_default(stored->dtype),
        .evidence_name = {EVIDENCE_STORED, spec ? spec : "signature_def"},
        .evidence_dtype = {EVIDENCE_STORED, spec ? spec : "TensorInfo.dtype"},
        .evidence_shape = {stored->shape.rank < 0 ? EVIDENCE_UNKNOWN : EVIDENCE_STORED,
                           spec ? spec : "TensorInfo.tensor_shape"},
        .evidence_profile = {EVIDENCE_DERIVED, "dtype"},
    };
}

/* Of a signature that is not there to predict; or NULL. */
static const char *method_of(const struct tf_signature *stored)
{
    return *stored->method && strcmp(stored->method, "tensorflow/serving/predict") ? stored->method
                                                                                   : NULL;
}

static enum status signature_describe(const struct tf_graph *graph,
                                      const struct tf_signature *stored,
                                      struct signature *signature, struct arena *keep,
                                      struct error *err)
{
    *signature = (struct signature){
        .name = stored->name,
        .inputs = arena_new(keep, struct field, stored->input_count),
        .outputs = arena_new(keep, struct field, stored->output_count),
        .input_count = stored->input_count,
        .output_count = stored->output_count,
        .method = method_of(stored),
    };
    if (!signature->inputs || !signature->outputs)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < stored->input_count; i++) {
        field_describe(&stored->inputs[i], stored->function.size > 0, &signature->inputs[i]);
        TRY(fallback_find(graph, &stored->inputs[i], &signature->inputs[i], keep, err));
    }
    for (size_t i = 0; i < stored->output_count; i++)
        field_describe(&stored->outputs[i], stored->function.size > 0, &signature->outputs[i]);
    return STATUS_OK;
}

enum status tf_contract_describe(const struct tf_saved_model *model, struct contract *contract,
                                 struct arena *keep, struct error *err)
{
    struct signature *signatures = arena_new(keep, struct signature, model->signature_count);

    if (!signatures)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < model->signature_count; i++)
        if (signature_describe(&model->graph, &model->signatures[i], &signatures[i], keep, err))
            return error_within(err, "signature '%.64s'", model->signatures[i].name);
    *contract = (struct contract){signatures, model->signature_count};
    return STATUS_OK;
}

/* --- what else it says --- */

static bool holds(struct bytes bytes, const char *text)
{
    size_t size = strlen(text), limit = bytes.size < EXECUTES_SEARCH ? bytes.size : EXECUTES_SEARCH;
    const uint8_t *at = bytes.data, *end = bytes.data + limit;

    while ((size_t)(end - at) >= size) {
        at = memchr(at, text[0], (size_t)(end - at) - size + 1);
        if (!at)
            return false;
        if (!memcmp(at, text, size))
            return true;
        at++;
    }
    return false;
}

/* Operators that TensorFlow would run code or touch files with; firn has none of them. */
static enum status executes_find(struct bytes wire, struct description *description,
                                 struct arena *keep, struct error *err)
{
    static const struct {
        const char *op, *what; /* NodeDef.op on the wire */
    } OPS[] = {
        {"\x12\x06PyFunc", "a Python function (operator PyFunc)"},
        {"\x12\x0fPyFuncStateless", "a Python function (operator PyFuncStateless)"},
        {"\x12\x0b"
         "EagerPyFunc",
         "a Python function (operator EagerPyFunc)"},
        {"\x12\x08ReadFile", "reading of files (operator ReadFile)"},
        {"\x12\x09WriteFile", "writing of files (operator WriteFile)"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(OPS); i++)
        if (holds(wire, OPS[i].op))
            TRY(description_executes(description, OPS[i].what, keep, err));
    return STATUS_OK;
}

/* Those that are not the usual one. */
static enum status methods_tell(const struct tf_saved_model *model, struct description *description,
                                struct arena *keep, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], method[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < model->signature_count; i++)
        if (method_of(&model->signatures[i]))
            TRY(description_tell(
                description, keep, err, "method of %s: %s",
                text_quote(bytes_of(model->signatures[i].name), name, sizeof name),
                text_quote(bytes_of(model->signatures[i].method), method, sizeof method)));
    return STATUS_OK;
}

enum status tf_model_tell(const struct tf_saved_model *model, struct bytes wire,
                          struct description *description, struct arena *keep, struct error *err)
{
    if (model->tags)
        TRY(description_tell(description, keep, err, "tags: %s",
                             *model->tags ? model->tags : "none"));
    if (model->graph.producer)
        TRY(description_tell(description, keep, err, "producer: %lld",
                             (long long)model->graph.producer));
    if (holds(model->objects.input, "_tf_keras_"))
        TRY(description_tell(description, keep, err, "saved by Keras"));
    TRY(methods_tell(model, description, keep, err));
    for (size_t i = 0; i < model->other_count; i++)
        TRY(description_warn(description, keep, err,
                             "of the model's graphs the one for {%s} is served; the one for {%s} "
                             "is left alone",
                             model->tags, model->other_tags[i]));
    return executes_find(wire, description, keep, err);
}
