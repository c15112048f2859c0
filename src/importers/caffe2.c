// SPDX-License-Identifier: Apache-2.0
/* Caffe2: a pair of nets, init_net.pb (what makes the weights) and predict_net.pb (what computes).
 * Neither says shapes and types of inputs: 0Mind's input_spec.json beside them does, else the
 * operators that read an input tell its rank and channels. */
#include "base/text.h"
#include "contract/zeromind.h"
#include "importers/caffe2/internal.h"

enum { OPERATORS_SEEN = 4 };

/* --- which files --- */

/* NetDef on the wire: an operator (2) has a type (4), a text, and nothing in 4 and 5 that Caffe's
 * layers have there. */
static bool is_net(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes), inner;
    struct protobuf_field field;
    struct error ignored;
    int seen = 0;

    while (seen < OPERATORS_SEEN) {
        bool typed = false;

        if (protobuf_next(&message, &field, &ignored))
            return false;
        if (!field.number)
            return seen > 0;
        if (field.number == 1 && field.wire != PROTOBUF_BYTES)
            return false;
        if (field.number != 2)
            continue;
        if (protobuf_message(&field, &inner, &ignored))
            return false;
        for (;;) {
            if (protobuf_next(&inner, &field, &ignored))
                return false;
            if (!field.number)
                break;
            if (field.number <= 5 && field.wire != PROTOBUF_BYTES)
                return false;
            typed = typed || (field.number == 4 && field.bytes.size && field.bytes.size < 128 &&
                              text_is_utf8(field.bytes));
        }
        if (!typed)
            return false;
        seen++;
    }
    return true;
}

static bool is_called(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    return strstr(slash ? slash + 1 : path, name) != NULL;
}

/* `filled`: a net with operators; that of a model without weights has none. */
static struct member *member_called(const struct artifact *artifact, const char *name, bool filled)
{
    struct error ignored;
    struct bytes bytes;

    for (size_t i = 0; i < artifact->count; i++)
        if (is_called(artifact->members[i].path, name) &&
            !member_bytes(&artifact->members[i], &bytes, &ignored) && (is_net(bytes) || !filled))
            return &artifact->members[i];
    return NULL;
}

static int bid(struct upload *upload)
{
    struct error ignored;
    struct bytes bytes;

    if (upload->artifact->kind == ARTIFACT_FILE)
        return upload->main && !member_bytes(upload->main, &bytes, &ignored) && is_net(bytes) ? 71
                                                                                              : 0;
    upload->main = member_called(upload->artifact, "predict_net", true);
    return upload->main ? 71 : 0;
}

/* --- importing --- */

struct importing {
    const struct upload *upload;
    struct description *description;
    struct caffe2_net init, predict;
    bool has_init;
    struct zeromind_fields said;
    struct map blobs;
    struct emitter e;
    value_id *inputs;
    const char **input_names; /* (input_count,): those that init_net does not write */
    size_t input_count;
    size_t fills_from;    /* operators of init from here on are the exporter's placeholders */
    const char *doubtful; /* a blob that may be a weight or a placeholder; or NULL */
    struct arena *keep;
};

static enum status member_net(struct member *member, struct caffe2_net *net, struct arena *keep,
                              struct error *err)
{
    struct bytes bytes;

    TRY(member_bytes(member, &bytes, err));
    if (caffe2_net_read(bytes, net, keep, err))
        return error_within(err, "%.128s", member->path);
    return STATUS_OK;
}

/* The init net lies beside, also where the other was given alone. */
static enum status nets_read(struct importing *im, struct error *err)
{
    struct artifact *artifact = im->upload->artifact;
    struct member *main = im->upload->main, *init;
    struct error ignored;

    TRY(member_net(main, &im->predict, im->keep, err));
    init = member_called(artifact, "init_net.pb", false);
    if (!init && artifact_resolve(artifact, NULL, bytes_of("init_net.pb"), &init, &ignored))
        init = NULL;
    im->has_init = init && init != main;
    return im->has_init ? member_net(init, &im->init, im->keep, err) : STATUS_OK;
}

/* The first operator that reads it before anybody writes over it, and as which input. */
static struct caffe2_operator *reader_of(const struct caffe2_net *net, const char *name,
                                         size_t *place)
{
    for (size_t i = 0; i < net->operator_count; i++)
        for (*place = 0; *place < net->operators[i].input_count; ++*place)
            if (!strcmp(net->operators[i].inputs[*place], name))
                return &net->operators[i];
    return NULL;
}

/* Exporters let the init net make a constant of one element in the place of the data, so that the
 * blob is there; it is what an operator works on, which a parameter never is. */
static bool is_placeholder(const struct importing *im, struct caffe2_operator *op)
{
    struct caffe2_call call = {.op = op, .keep = im->keep};
    struct error ignored;
    int64_t *shape;
    size_t rank, place;

    return !strcmp(op->type, "ConstantFill") && op->output_count == 1 &&
           !caffe2_ints(&call, "shape", &shape, &rank, &ignored) && rank == 1 && shape[0] == 1 &&
           reader_of(&im->predict, op->outputs[0], &place) && place == 0;
}

/* What mobile_exporter.Export (caffe2/python/predictor) stores for each blob that is no parameter:
 * float32 (1, 1) of 0. A weight may look like that, too. */
static bool is_zero_fill(const struct importing *im, struct caffe2_operator *op)
{
    struct caffe2_call call = {.op = op, .keep = im->keep};
    const struct caffe2_argument *values;
    struct error ignored;
    int64_t *shape;
    float *floats;
    size_t count;

    if (strcmp(op->type, "GivenTensorFill") != 0 || op->input_count || op->output_count != 1 ||
        caffe2_has(&call, "dtype"))
        return false;
    if (caffe2_ints(&call, "shape", &shape, &count, &ignored) || count != 2 || shape[0] != 1 ||
        shape[1] != 1)
        return false;
    values = caffe2_argument(&call, "values");
    return values && !protobuf_all_f32(&values->message, 5, &floats, &count, im->keep, &ignored) &&
           count == 1 && floats[0] == 0;
}

/* That exporter fills them last, and they are the first of external_input, in the same order: in a
 * net of its, where every external_input is filled. */
static enum status exporter_find(struct importing *im, struct error *err)
{
    const struct caffe2_net *init = &im->init, *predict = &im->predict;
    size_t from = init->operator_count, count;
    struct map filled;

    im->fills_from = init->operator_count;
    map_init(&filled, im->keep);
    for (size_t i = 0; i < init->operator_count; i++)
        for (size_t o = 0; o < init->operators[i].output_count; o++)
            if (!map_set(&filled, bytes_of(init->operators[i].outputs[o]), &filled))
                return error_no_memory(err, "a net");
    for (size_t i = 0; i < predict->input_count; i++)
        if (!map_find(&filled, bytes_of(predict->inputs[i])))
            return STATUS_OK;
    do {
        if (!from || !predict->input_count || !is_zero_fill(im, &init->operators[from - 1]))
            return STATUS_OK;
        from--;
    } while (strcmp(init->operators[from].outputs[0], predict->inputs[0]) != 0);
    count = init->operator_count - from;
    for (size_t i = 0; i < count; i++)
        if (i >= predict->input_count ||
            strcmp(init->operators[from + i].outputs[0], predict->inputs[i]) != 0)
            return STATUS_OK;
    im->fills_from = from;
    return STATUS_OK;
}

static bool is_said(const struct importing *im, const char *name)
{
    for (size_t i = 0; i < im->said.count; i++)
        if (!strcmp(im->said.fields[i].name, name))
            return true;
    return false;
}

/* Does this operator of the init net make what stands in the place of data? */
static bool stands_for_data(struct importing *im, size_t i)
{
    struct caffe2_operator *op = &im->init.operators[i];
    size_t place;

    if (i >= im->fills_from || is_placeholder(im, op))
        return true;
    if (im->said.count || !is_zero_fill(im, op) ||
        !reader_of(&im->predict, op->outputs[0], &place) || place)
        return false;
    im->doubtful = op->outputs[0];
    return true;
}

/* The data that input_spec.json names is data, whatever fills it. */
static enum status written_map(struct importing *im, struct map *map, struct error *err)
{
    TRY(exporter_find(im, err));
    for (size_t i = 0; i < im->init.operator_count; i++) {
        struct caffe2_operator *op = &im->init.operators[i];

        if (stands_for_data(im, i))
            continue;
        for (size_t o = 0; o < op->output_count; o++)
            if (!is_said(im, op->outputs[o]) && !map_set(map, bytes_of(op->outputs[o]), map))
                return error_no_memory(err, "a net");
    }
    return STATUS_OK;
}

/* Names that the nets store; without the init net the first is the data, as exporters write it. */
static enum status inputs_find(struct importing *im, struct error *err)
{
    struct map written;

    map_init(&written, im->keep);
    TRY(written_map(im, &written, err));
    im->input_names = arena_new(im->keep, const char *, im->predict.input_count);
    im->inputs = arena_new(im->keep, value_id, im->predict.input_count);
    if (!im->input_names || !im->inputs)
        return error_no_memory(err, "a net");
    for (size_t i = 0; i < im->predict.input_count; i++)
        if (!map_find(&written, bytes_of(im->predict.inputs[i])) &&
            (im->has_init || !im->input_count))
            im->input_names[im->input_count++] = im->predict.inputs[i];
    return STATUS_OK;
}

/* --- what an input is --- */

static const char *const IMAGES[] = {"Conv",     "MaxPool",      "AveragePool",   "ConvTranspose",
                                     "PadImage", "InstanceNorm", "ResizeNearest", "SpatialBN"};

/* Rank and channels from the weights that the first operator brings. */
static void shape_derive(struct importing *im, const char *name, struct field *field)
{
    size_t place;
    struct caffe2_operator *reader = reader_of(&im->predict, name, &place);
    struct caffe2_call call = {.op = reader, .keep = im->keep};
    const struct shape *weights = NULL;
    value_id blob;

    if (!reader || place)
        return;
    blob = reader->input_count > 1 ? caffe2_blob(&im->blobs, reader->inputs[1]) : VALUE_NONE;
    if (blob != VALUE_NONE)
        weights = emit_shape(&im->e, blob);
    for (size_t i = 0; i < ARRAY_COUNT(IMAGES); i++)
        if (!strcmp(reader->type, IMAGES[i]))
            field->shape = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN);
    if (!strcmp(reader->type, "FC") && weights && weights->rank == 2 &&
        caffe2_int(&call, "axis", 1) == 1)
        field->shape = SHAPE(DIM_UNKNOWN, weights->dims[1]);
    if (!strcmp(reader->type, "Conv") && weights && weights->rank == 4) {
        int channels = caffe2_channels_last(&call) ? 3 : 1;
        int64_t groups = channels == 1 ? caffe2_int(&call, "group", 1) : 1, count;

        if (weights->dims[channels] >= 0 && groups > 0 &&
            !__builtin_mul_overflow(weights->dims[channels], groups, &count))
            field->shape.dims[channels] = count;
    }
    if (field->shape.rank >= 0)
        field->evidence_shape = (struct evidence){
            EVIDENCE_DERIVED, arena_printf(im->keep, "%.64s reads it", reader->type)};
}

/* Nets compute in float32, whatever was written of the data; the batch is as large as it is. */
static enum status field_describe(struct importing *im, const char *name, struct field *field,
                                  struct error *err)
{
    size_t place;
    const struct caffe2_operator *reader = reader_of(&im->predict, name, &place);

    *field = (struct field){.name = name,
                            .dtype = DTYPE_F32,
                            .shape = shape_unknown(),
                            .evidence_name = {EVIDENCE_STORED, "external_input"},
                            .evidence_dtype = {EVIDENCE_DERIVED, "Caffe2 computes in float32"}};
    for (size_t i = 0; i < im->said.count; i++) {
        if (strcmp(im->said.fields[i].name, name) != 0)
            continue;
        field->shape = im->said.fields[i].shape;
        field->evidence_shape = im->said.fields[i].evidence_shape;
        if (field->shape.rank > 0)
            field->shape.dims[0] = DIM_UNKNOWN;
        if (reader && !strcmp(reader->type, "Cast")) {
            field->dtype = im->said.fields[i].dtype;
            field->evidence_dtype = im->said.fields[i].evidence_dtype;
        }
    }
    if (field->shape.rank < 0)
        shape_derive(im, name, field);
    if (reader && !strcmp(reader->type, "Cast") && field->evidence_dtype.kind == EVIDENCE_DERIVED)
        return error_set(err, STATUS_UNSUPPORTED,
                         "the type of input \"%.64s\" is cast, and no input_spec.json says it",
                         name);
    return STATUS_OK;
}

/* A free batch has one name, so that answers are known to have it. */
static enum status input_add(struct importing *im, size_t i, struct field *field, struct error *err)
{
    struct shape shape;

    TRY(field_describe(im, im->input_names[i], field, err));
    shape = field->shape;
    if (shape.rank > 0 && shape.dims[0] < 0)
        TRY(graph_symbol(im->e.graph, "batch", &shape.dims[0], err));
    TRY(graph_input(im->e.graph, field->name, field->dtype, &shape, &im->inputs[i], err));
    return caffe2_blob_set(&im->blobs, field->name, im->inputs[i], err);
}

/* --- the contract --- */

static enum status contract_begin(struct importing *im, struct error *err)
{
    struct signature *signature = arena_new(im->keep, struct signature, 1);
    struct contract *contract = &im->description->contract;

    if (!signature)
        return error_no_memory(err, "a contract");
    contract->signatures = signature;
    contract->count = 1;
    signature->name = "predict";
    signature->input_count = im->input_count;
    signature->output_count = im->predict.output_count;
    signature->inputs = arena_new(im->keep, struct field, im->input_count);
    signature->outputs = arena_new(im->keep, struct field, im->predict.output_count);
    if (!signature->inputs || !signature->outputs)
        return error_no_memory(err, "a contract");
    for (size_t i = 0; i < im->input_count; i++)
        signature->inputs[i] = (struct field){.name = im->input_names[i],
                                              .shape = shape_unknown(),
                                              .evidence_name = {EVIDENCE_STORED, "external_input"}};
    for (size_t i = 0; i < im->predict.output_count; i++)
        signature->outputs[i] =
            (struct field){.name = im->predict.outputs[i],
                           .shape = shape_unknown(),
                           .evidence_name = {EVIDENCE_STORED, "external_output"}};
    return STATUS_OK;
}

static enum status outputs_describe(struct importing *im, struct error *err)
{
    struct signature *signature = &im->description->contract.signatures[0];
    value_id *outputs = arena_new(im->keep, value_id, signature->output_count);
    char quoted[TEXT_QUOTE_SIZE];

    if (!outputs)
        return error_no_memory(err, "a contract");
    if (!signature->output_count)
        return error_set(err, STATUS_UNSUPPORTED, "the net has no external_output");
    for (size_t i = 0; i < signature->output_count; i++) {
        struct field *field = &signature->outputs[i];

        outputs[i] = caffe2_blob(&im->blobs, field->name);
        if (outputs[i] == VALUE_NONE)
            return error_set(err, STATUS_UNSUPPORTED, "nothing writes the output \"%s\"",
                             text_quote(bytes_of(field->name), quoted, sizeof quoted));
        field->dtype = emit_dtype(&im->e, outputs[i]);
        field->shape = *emit_shape(&im->e, outputs[i]);
        shape_forget_symbols(&field->shape);
        field->evidence_dtype = (struct evidence){EVIDENCE_DERIVED, "computed from the inputs"};
        field->evidence_shape = field->evidence_dtype;
    }
    return graph_signature_add(im->e.graph, signature->name, im->inputs, im->input_count, outputs,
                               signature->output_count, err);
}

/* --- all of it --- */

static enum status build(struct importing *im, struct graph **graph, struct error *err)
{
    struct signature *signature = &im->description->contract.signatures[0];

    TRY(graph_new(&im->e.graph, im->keep, err));
    if (!im->has_init)
        return error_set(err, STATUS_UNSUPPORTED,
                         "there is no init_net.pb beside it, which makes the weights");
    if (im->doubtful)
        return error_set(err, STATUS_UNSUPPORTED,
                         "init_net fills \"%.64s\" with one 0, which may be a weight or stand in "
                         "the place of data: an input_spec.json beside it has to name the inputs",
                         im->doubtful);
    TRY(caffe2_net_check(&im->predict, err));
    if (caffe2_net_check(&im->init, err) ||
        caffe2_net_lower(&im->e, &im->init, &im->blobs, im->keep, err))
        return error_within(err, "init_net");
    for (size_t i = 0; i < im->input_count; i++)
        TRY(input_add(im, i, &signature->inputs[i], err));
    TRY(caffe2_net_lower(&im->e, &im->predict, &im->blobs, im->keep, err));
    TRY(outputs_describe(im, err));
    TRY(graph_finish(im->e.graph, err));
    *graph = im->e.graph;
    return STATUS_OK;
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct importing im = {.upload = upload, .description = description, .keep = keep};
    enum status status;

    *graph = NULL;
    description->format = "caffe2";
    description->framework = "Caffe2";
    map_init(&im.blobs, keep);
    TRY(nets_read(&im, err));
    TRY(zeromind_inputs(upload->artifact, &im.said, keep, err));
    TRY(inputs_find(&im, err));
    TRY(contract_begin(&im, err));
    if (*im.predict.name)
        TRY(description_tell(description, keep, err, "net %.128s", im.predict.name));
    status = build(&im, graph, err);
    if (status == STATUS_UNSUPPORTED)
        return description_refuse(description, graph, keep, err);
    return status;
}

static const char *const SUFFIXES[] = {"predict_net.pb", "init_net.pb", ".caffe2", NULL};

const struct importer importer_caffe2 = {
    .name = "caffe2",
    .summary = "Caffe2: init_net.pb and predict_net.pb",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
