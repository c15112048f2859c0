// SPDX-License-Identifier: Apache-2.0
/* ONNX models: opsets 1 to newest, functions, external data. A file, or a folder with one. */
#include "importers/onnx/internal.h"

#include "base/text.h"

enum { IR_VERSION_MAX = 20, BID_FIELDS_MAX = 64, MEMBERS_ASKED_MAX = 16 };

/* A ModelProto: ir_version, and a graph whose first message field is a node, an initializer or a
 * name; every field of the outermost message must be one that ModelProto has, of its wire type. */
static int bid_bytes(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    struct error err;
    bool version = false, graph = false, opset = false;

    for (int i = 0; i < BID_FIELDS_MAX; i++) {
        if (protobuf_next(&message, &field, &err))
            return graph && version ? 60 : 0; /* cut short: ours, and import will say where */
        if (!field.number)
            break;
        if (field.number == 1 && (field.wire != PROTOBUF_VARINT || field.value > IR_VERSION_MAX))
            return 0;
        version |= field.number == 1;
        if (field.number == 7 && field.wire != PROTOBUF_BYTES)
            return 0;
        graph |= field.number == 7;
        opset |= field.number == 8 && field.wire == PROTOBUF_BYTES;
        if (field.number > 14 && field.number != 20 && field.number != 25 && field.number != 26)
            return 0;
    }
    if (graph && version)
        return opset ? 95 : 70;
    return 0;
}

/* The best bid among the members; of several only those called .onnx, when `named`. */
static int bid_members(struct upload *upload, bool named)
{
    int best = 0;

    for (size_t i = 0; i < upload->artifact->count; i++) {
        struct member *member = &upload->artifact->members[i];
        struct error err;
        struct bytes bytes;
        size_t length = strlen(member->path);
        int one;
        if (named && (length < 5 || strcmp(member->path + length - 5, ".onnx")))
            continue;
        if (member_bytes(member, &bytes, &err))
            continue;
        one = bid_bytes(bytes);
        if (one > best) {
            best = one;
            upload->main = member;
        }
    }
    return best;
}

/* A model with its data in other files may have any name; a large folder is looked at by name. */
static int bid(struct upload *upload)
{
    int best = bid_members(upload, upload->artifact->count > 1);

    if (!best && upload->artifact->count > 1 && upload->artifact->count <= MEMBERS_ASKED_MAX)
        best = bid_members(upload, false);
    return best;
}

/* --- contract --- */

static enum status field_of(const struct onnx_value_info *info, const char *place,
                            struct field *field, struct arena *keep, struct error *err)
{
    const char *source = arena_printf(keep, "%s", place);

    *field = (struct field){.name = info->name, .dtype = info->dtype, .shape = shape_unknown()};
    field->evidence_name = (struct evidence){EVIDENCE_STORED, source};
    field->evidence_dtype =
        (struct evidence){info->dtype ? EVIDENCE_STORED : EVIDENCE_UNKNOWN, source};
    field->evidence_shape =
        (struct evidence){info->rank >= 0 ? EVIDENCE_STORED : EVIDENCE_UNKNOWN, source};
    field->element = info->key ? NULL : info->holds; /* a map is refused */
    field->profile = profile_default(info->dtype);
    field->evidence_profile = (struct evidence){EVIDENCE_DERIVED, "dtype"};
    if (!source)
        return error_no_memory(err, "the contract");
    if (info->rank < 0)
        return STATUS_OK;
    field->shape.rank = info->rank;
    field->dim_names = arena_new(keep, const char *, (size_t)info->rank);
    if (!field->dim_names)
        return error_no_memory(err, "the contract");
    for (int i = 0; i < info->rank; i++) {
        field->shape.dims[i] = info->dims[i].value;
        field->dim_names[i] = info->dims[i].name;
    }
    return STATUS_OK;
}

static bool is_initializer(const struct onnx_graph *graph, const struct map *initializers,
                           const char *name)
{
    return graph->initializer_count && map_find(initializers, bytes_of(name));
}

static enum status contract_of(const struct onnx_graph *graph, struct contract *contract,
                               struct arena *keep, struct error *err)
{
    struct signature *signature = arena_new(keep, struct signature, 1);
    struct map initializers;

    map_init(&initializers, keep);
    for (size_t i = 0; i < graph->initializer_count; i++)
        if (!map_set(&initializers, bytes_of(graph->initializers[i].name), &graph->initializers[i]))
            return error_no_memory(err, "the contract");
    if (!signature)
        return error_no_memory(err, "the contract");
    signature->name = "predict";
    signature->inputs = arena_new(keep, struct field, graph->input_count);
    signature->outputs = arena_new(keep, struct field, graph->output_count);
    if (!signature->inputs || !signature->outputs)
        return error_no_memory(err, "the contract");
    for (size_t i = 0; i < graph->input_count; i++)
        if (!is_initializer(graph, &initializers, graph->inputs[i].name))
            TRY(field_of(&graph->inputs[i], "graph.input",
                         &signature->inputs[signature->input_count++], keep, err));
    for (size_t i = 0; i < graph->output_count; i++)
        TRY(field_of(&graph->outputs[i], "graph.output",
                     &signature->outputs[signature->output_count++], keep, err));
    *contract = (struct contract){signature, 1};
    return STATUS_OK;
}

/* What the file leaves open about its outputs, from shape inference; symbols are free dimensions.
 */
static void complete_outputs(const struct onnx_built *built, struct signature *signature)
{
    for (size_t i = 0; i < signature->output_count; i++) {
        const struct value *value = &built->graph->values[built->output_values[i]];
        struct field *field = &signature->outputs[i];
        field->classes = built->output_classes[i];
        if (field->dtype == DTYPE_NONE && value->dtype != DTYPE_NONE) {
            field->dtype = value->dtype;
            field->evidence_dtype = (struct evidence){EVIDENCE_DERIVED, "shape inference"};
            field->profile = profile_default(value->dtype);
        }
        if (!field->element)
            field->element = value->element;
        if (field->shape.rank == RANK_UNKNOWN && value->shape.rank != RANK_UNKNOWN) {
            field->shape = value->shape;
            shape_forget_symbols(&field->shape);
            field->evidence_shape = (struct evidence){EVIDENCE_DERIVED, "shape inference"};
        }
    }
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct onnx_place place = {upload->artifact, upload->main};
    struct onnx_model *model = arena_new(keep, struct onnx_model, 1);
    struct onnx_built built;
    struct bytes bytes;
    enum status status;

    if (!model)
        return error_no_memory(err, "the model");
    TRY(member_bytes(upload->main, &bytes, err));
    TRY(onnx_model_read(bytes, &place, model, keep, err));
    if (!model->has_graph)
        return error_set(err, STATUS_INVALID_INPUT, "the model has no graph");
    TRY(onnx_maps_split(&model->graph, keep, err));
    description->format = "onnx";
    description->framework = model->producer[0] ? model->producer : "onnx";
    description->framework_version = model->producer_version[0] ? model->producer_version : NULL;
    TRY(contract_of(&model->graph, &description->contract, keep, err));
    status = onnx_build(model, &built, keep, err);
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, keep, err);
    TRY(status);
    complete_outputs(&built, &description->contract.signatures[0]);
    *graph = built.graph;
    return STATUS_OK;
}

static const char *const SUFFIXES[] = {".onnx", NULL};

const struct importer importer_onnx = {
    .name = "onnx",
    .summary = "ONNX models, opsets 1 to newest",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
