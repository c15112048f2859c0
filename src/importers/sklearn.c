// SPDX-License-Identifier: Apache-2.0
/* scikit-learn models: pickle and joblib of all ages, compressed or not, and skops. The estimators
 * are in sklearn/, one family a file; this file finds the pickle, lowers each method into one graph
 * and writes the contract. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "formats/compression/compression.h"
#include "formats/skops/skops.h"
#include "importers/sklearn/internal.h"

enum { EXECUTES_MAX = 256, ATTEMPTS_MAX = 3 * METHOD_COUNT + 8 };

/* --- reading --- */

static int bid_bytes(struct bytes bytes)
{
    enum compression compression = compression_of(bytes);

    /* Compressed: what is inside shows only after unpacking; a pickle is likely. */
    if (compression != COMPRESSION_NONE)
        return 40;
    return pickle_bid(bytes);
}

static bool has_suffix(const char *path)
{
    static const char *const SUFFIXES[] = {".pkl", ".pickle", ".joblib",
                                           ".jbl", ".pkl.z",  ".pkl.gz"};
    size_t size = strlen(path);

    for (size_t i = 0; i < ARRAY_COUNT(SUFFIXES); i++)
        if (size >= strlen(SUFFIXES[i]) &&
            strcmp(path + size - strlen(SUFFIXES[i]), SUFFIXES[i]) == 0)
            return true;
    return false;
}

static int bid(struct upload *upload)
{
    struct artifact *artifact = upload->artifact;
    struct member *found = NULL;
    struct bytes bytes;
    struct error ignored;

    if (artifact->kind == ARTIFACT_FILE && artifact->count == 1) {
        upload->main = &artifact->members[0];
        return member_bytes(upload->main, &bytes, &ignored) ? 0 : bid_bytes(bytes);
    }
    if (skops_is(artifact))
        return 95;
    /* A folder or archive with one pickle in it, and joblib's side files beside it. */
    for (size_t i = 0; i < artifact->count; i++)
        if (has_suffix(artifact->members[i].path)) {
            if (found)
                return 0;
            found = &artifact->members[i];
        }
    if (!found || member_bytes(found, &bytes, &ignored) || bid_bytes(bytes) == 0)
        return 0;
    upload->main = found;
    return 30;
}

static enum status read_pickle(const struct upload *upload, struct pickle *pickle,
                               const char **format, struct arena *keep, struct error *err)
{
    struct artifact_limits limits = artifact_limits_default();
    struct member *member = upload->main ? upload->main : &upload->artifact->members[0];
    const char *slash = strrchr(member->path, '/');
    char *folder = arena_text(keep, (struct bytes){(const uint8_t *)member->path,
                                                   slash ? (size_t)(slash - member->path) : 0});
    enum compression compression;
    struct bytes bytes;

    if (!folder)
        return error_no_memory(err, "a path");
    if (skops_is(upload->artifact)) {
        *format = "skops";
        return skops_read(upload->artifact, NULL, pickle, keep, err);
    }
    TRY(member_bytes(member, &bytes, err));
    compression = compression_of(bytes);
    if (compression != COMPRESSION_NONE) {
        TRY(decompress(compression, bytes, limits.unpacked, limits.ratio, &bytes, keep, err));
        if (pickle_bid(bytes) == 0)
            return error_set(err, STATUS_UNSUPPORTED, "the %s stream holds no pickle",
                             compression_name(compression));
    }
    TRY(pickle_read(bytes, upload->artifact, folder, NULL, pickle, keep, err));
    *format = pickle->joblib || compression != COMPRESSION_NONE ? "joblib" : "pickle";
    return STATUS_OK;
}

/* The version of scikit-learn: on the root, or on the estimators below it. */
static const char *version_find(const struct pickle_object *object, struct arena *keep, int depth)
{
    const struct pickle_object *stored = pickle_get(object, "_sklearn_version");
    const struct pickle_object *steps = pickle_get(object, "steps");
    const char *found;

    if (stored && stored->kind == PICKLE_TEXT)
        return arena_text(keep, stored->bytes);
    if (!steps)
        steps = pickle_get(object, "transformer_list");
    for (size_t i = pickle_length(steps); i > 0 && depth < 8; i--) {
        found = version_find(pickle_item(pickle_item(steps, i - 1), 1), keep, depth + 1);
        if (found)
            return found;
    }
    return NULL;
}

/* --- lowering --- */

struct attempt {
    struct lowering l;
    struct table answers[METHOD_COUNT];
    const char *reasons[METHOD_COUNT]; /* why not; NULL: it can */
    bool has[METHOD_COUNT];
    const struct inputs *inputs;
};

/* The columns of an answer as one value, of the dtype that scikit-learn gives. */
static enum status signature_value(struct lowering *l, const struct table *answer, value_id *value,
                                   struct error *err)
{
    bool text = answer->count > 0, flags = answer->count > 0, integral = answer->count > 0;

    for (size_t i = 0; i < answer->count; i++) {
        text = text && answer->columns[i].dtype == DTYPE_STRING;
        flags = flags && answer->columns[i].dtype == DTYPE_BOOL;
        integral =
            integral && (answer->columns[i].integral || answer->columns[i].dtype == DTYPE_I64);
    }
    if (answer->flat)
        TRY(table_vector(l, answer, 0, DTYPE_NONE, value, err));
    else if (text)
        return table_text(l, answer, value, err);
    else
        TRY(table_matrix(l, answer, CHECK_NONE, value, err));
    if (flags)
        return emit_cast(&l->e, *value, DTYPE_BOOL, value, err);
    return integral ? emit_cast(&l->e, *value, DTYPE_I64, value, err) : STATUS_OK;
}

/* All methods that are not refused, into a new graph. On failure *failed is the method at fault. */
static enum status lower_methods(struct attempt *attempt, const struct pickle_object *root,
                                 value_id *values, enum method *failed, struct error *err)
{
    struct lowering *l = &attempt->l;
    struct table table;

    *failed = METHOD_COUNT;
    TRY(graph_new(&l->e.graph, l->keep, err));
    TRY(graph_symbol(l->e.graph, "batch", &l->batch, err));
    map_init(l->memo, l->keep);
    l->memories = NULL;
    l->e.where = "";
    l->source_count = l->source_capacity = l->steps = 0;
    l->depth = 0;
    l->needs = l->mode;
    TRY(inputs_table(l, attempt->inputs, &table, err));
    for (int m = 0; m < METHOD_COUNT; m++) {
        if (!attempt->has[m] || attempt->reasons[m])
            continue;
        *failed = (enum method)m;
        TRY(estimator_lower(l, NULL, root, (enum method)m, &table, &attempt->answers[m], err));
        TRY(signature_value(l, &attempt->answers[m], &values[m], err));
    }
    *failed = METHOD_COUNT;
    return STATUS_OK;
}

static bool all_text(const struct lowering *l)
{
    for (size_t i = 0; i < l->source_count; i++)
        if (l->sources[i].dtype != DTYPE_STRING)
            return false;
    return l->source_count > 0;
}

/* Try until what is left can be lowered: other forms of input, fewer methods. */
static enum status lower_root(struct attempt *attempt, const struct pickle_object *root,
                              value_id *values, struct error *err)
{
    struct lowering *l = &attempt->l;
    enum method failed;

    for (int n = 0; n < ATTEMPTS_MAX; n++) {
        enum status status = lower_methods(attempt, root, values, &failed, err);

        if (status == STATUS_OK && l->mode == INPUT_NUMBERED && all_text(l)) {
            l->mode = INPUT_MATRIX;
            l->matrix_dtype = DTYPE_STRING;
        } else if (status == STATUS_OK) {
            return STATUS_OK;
        } else if (l->needs != l->mode && l->matrix_dtype != DTYPE_STRING) {
            l->mode = l->needs;
        } else if (status == STATUS_UNSUPPORTED && failed != METHOD_COUNT) {
            attempt->reasons[failed] = arena_text(l->keep, bytes_of(err->text));
            if (!attempt->reasons[failed])
                return error_no_memory(err, "a reason");
        } else {
            return status;
        }
    }
    return error_set(err, STATUS_INTERNAL, "importing did not come to an end");
}

/* --- the contract --- */

static void field_input(const struct lowering *l, const struct source *source, struct field *field)
{
    *field = (struct field){.name = source->name,
                            .dtype = source->dtype,
                            .shape = SHAPE(DIM_UNKNOWN),
                            .profile = profile_default(source->dtype),
                            .evidence_name = source->name_evidence,
                            .evidence_dtype = {EVIDENCE_DERIVED, source->asked_by},
                            .evidence_shape = {EVIDENCE_DERIVED, "one value a row"},
                            .evidence_profile = {EVIDENCE_DERIVED, "dtype"}};
    (void)l;
}

static enum status contract_inputs(const struct attempt *attempt, struct signature *signature,
                                   value_id *values, struct error *err)
{
    const struct lowering *l = &attempt->l;
    struct field *fields = arena_new(l->keep, struct field, l->source_count + 1);

    if (!fields)
        return error_no_memory(err, "fields");
    signature->inputs = fields;
    if (l->mode == INPUT_MATRIX) {
        fields[0] = (struct field){
            .name = "x",
            .dtype = l->matrix_dtype,
            .shape = SHAPE(DIM_UNKNOWN, (int64_t)attempt->inputs->width),
            .profile = profile_default(l->matrix_dtype),
            .evidence_name = {EVIDENCE_DERIVED, "no column names are stored"},
            .evidence_dtype = {EVIDENCE_DERIVED, l->matrix_dtype == DTYPE_STRING
                                                     ? "categories are strings"
                                                     : "scikit-learn computes in float64"},
            .evidence_shape = {EVIDENCE_STORED, attempt->inputs->width_from},
            .evidence_profile = {EVIDENCE_DERIVED, "dtype"}};
        values[0] = l->matrix;
        signature->input_count = 1;
        return STATUS_OK;
    }
    signature->columns = true;
    for (size_t i = 0; i < l->source_count; i++) {
        if (l->sources[i].dtype == DTYPE_NONE)
            continue;
        values[signature->input_count] = l->sources[i].value;
        field_input(l, &l->sources[i], &fields[signature->input_count++]);
    }
    return STATUS_OK;
}

static void field_output(struct field *field, enum method method, const struct table *answer,
                         enum dtype dtype)
{
    *field = (struct field){
        .name = method_name(method),
        .dtype = dtype,
        .shape = answer->flat ? SHAPE(DIM_UNKNOWN) : SHAPE(DIM_UNKNOWN, (int64_t)answer->count),
        .profile = method == METHOD_PREDICT && answer->classes ? PROFILE_CATEGORICAL
                                                               : profile_default(dtype),
        .evidence_name = {EVIDENCE_DERIVED, "name of the method"},
        .evidence_dtype = {EVIDENCE_DERIVED, answer->classes && method == METHOD_PREDICT
                                                 ? "classes_"
                                                 : "computed in float64"},
        .evidence_shape = {EVIDENCE_DERIVED, "shapes of the fitted attributes"},
        .evidence_profile = {EVIDENCE_DERIVED, "estimator"},
        .classes = answer->classes};
}

/* One signature per method, in the contract and, where it can be run, in the graph. */
static enum status contract_make(struct attempt *attempt, const value_id *values,
                                 struct contract *contract, struct error *err)
{
    struct lowering *l = &attempt->l;
    value_id *inputs = arena_new(l->keep, value_id, l->source_count + 1);

    contract->signatures = arena_new(l->keep, struct signature, METHOD_COUNT);
    if (!contract->signatures || !inputs)
        return error_no_memory(err, "the contract");
    for (int m = 0; m < METHOD_COUNT; m++) {
        struct signature *signature = &contract->signatures[contract->count];
        bool native = !attempt->reasons[m];
        enum dtype dtype = DTYPE_NONE;

        if (!attempt->has[m])
            continue;
        *signature =
            (struct signature){.name = method_name((enum method)m), .reason = attempt->reasons[m]};
        signature->outputs = arena_new(l->keep, struct field, 1);
        if (!signature->outputs)
            return error_no_memory(err, "the contract");
        TRY(contract_inputs(attempt, signature, inputs, err));
        signature->output_count = 1;
        if (native)
            dtype = l->e.graph->values[values[m]].dtype;
        field_output(signature->outputs, (enum method)m, &attempt->answers[m], dtype);
        if (native)
            TRY(graph_signature_add(l->e.graph, signature->name, inputs, signature->input_count,
                                    &values[m], 1, err));
        else
            signature->outputs->shape = shape_unknown();
        contract->count++;
    }
    return STATUS_OK;
}

static enum status describe_executes(const struct pickle *pickle, struct description *description,
                                     struct arena *keep, struct error *err)
{
    description->executes = arena_new(keep, const char *, EXECUTES_MAX);
    if (!description->executes)
        return error_no_memory(err, "names");
    description->executes_count = pickle_executes(pickle, description->executes, EXECUTES_MAX);
    return STATUS_OK;
}

/* A root that is no estimator: what it is instead. */
static enum status describe_stranger(const struct pickle_object *root,
                                     struct description *description, struct arena *keep,
                                     struct error *err)
{
    char module[TEXT_QUOTE_SIZE], name[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(pickle_module(root)), module, sizeof module);
    text_quote(bytes_of(pickle_name(root)), name, sizeof name);
    description->reason =
        root && root->kind == PICKLE_OBJECT
            ? arena_printf(keep, "class %s.%s is not one that firn serves, at byte %zu", module,
                           name, root->offset)
            : "the pickle holds data, not an estimator";
    return description->reason ? STATUS_OK : error_no_memory(err, "a reason");
}

/* Why a root without a single method cannot be served: what predict would stumble over. */
static enum status describe_no_method(struct attempt *attempt, const struct pickle_object *root,
                                      struct description *description, struct error *err)
{
    struct lowering *l = &attempt->l;
    struct table table, out;
    struct error reason;

    TRY(graph_new(&l->e.graph, l->keep, err));
    TRY(graph_symbol(l->e.graph, "batch", &l->batch, err));
    TRY(inputs_table(l, attempt->inputs, &table, err));
    if (estimator_lower(l, NULL, root, METHOD_PREDICT, &table, &out, &reason) == STATUS_OK)
        return error_set(err, STATUS_INTERNAL, "%s has a method after all", pickle_name(root));
    description->reason = arena_text(l->keep, bytes_of(reason.text));
    return description->reason ? STATUS_OK : error_no_memory(err, "a reason");
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct attempt attempt = {.l = {.keep = keep, .matrix_dtype = DTYPE_F64}};
    value_id values[METHOD_COUNT] = {0};
    const struct pickle_object *root;
    struct pickle pickle;
    struct inputs inputs;
    struct map memo;
    bool any = false;

    *graph = NULL;
    TRY(read_pickle(upload, &pickle, &description->format, keep, err));
    root = pickle.root;
    TRY(describe_executes(&pickle, description, keep, err));
    description->framework_version = version_find(root, keep, 0);
    if (!estimator_find(root))
        return describe_stranger(root, description, keep, err);
    description->format = arena_printf(keep, "sklearn-%s", description->format);
    if (!description->format)
        return error_no_memory(err, "a name");
    description->framework = "scikit-learn";
    TRY(inputs_find(root, &inputs, keep, err));
    attempt.inputs = &inputs;
    attempt.l.memo = &memo;
    attempt.l.mode = inputs.names_from ? INPUT_NAMED : inputs.width ? INPUT_MATRIX : INPUT_OPEN;
    attempt.l.version = description->framework_version
                            ? version_parse(bytes_of(description->framework_version))
                            : 0;
    for (int m = 0; m < METHOD_COUNT; m++)
        attempt.has[m] = estimator_has(root, (enum method)m);
    TRY(lower_root(&attempt, root, values, err));
    TRY(contract_make(&attempt, values, &description->contract, err));
    for (int m = METHOD_COUNT; m-- > 0;) {
        any = any || (attempt.has[m] && !attempt.reasons[m]);
        if (attempt.has[m] && attempt.reasons[m])
            description->reason = attempt.reasons[m];
    }
    if (any) {
        description->reason = NULL;
        TRY(graph_finish(attempt.l.e.graph, err));
        *graph = attempt.l.e.graph;
    } else if (!description->reason) {
        return describe_no_method(&attempt, root, description, err);
    }
    return STATUS_OK;
}

static const char *const SUFFIXES[] = {".pkl", ".pickle", ".joblib", NULL};

const struct importer importer_sklearn = {
    .name = "sklearn",
    .summary = "scikit-learn estimators and pipelines: pickle, joblib",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
