// SPDX-License-Identifier: Apache-2.0
/* A task: checked, its file opened and imported, frozen as a version. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"
#include "contract/adapters.h"
#include "formats/archive/tar_write.h"
#include "loading/load.h"
#include "server/zeromind/pool.h"

static const struct {
    const char *name, *framework;
} TYPES[] = {
#define TYPE(name, framework) {name, framework},
#include "server/zeromind/types.def"
#undef TYPE
};

/* "framework" of TensorRT's tasks. */
static const struct {
    const char *name;
    bool deployed; /* with a prototxt */
} NETWORKS[] = {{"plan", false}, {"uff", false}, {"c1", true}, {"caffe", true}};
#define DEPLOY "deploy.prototxt"

enum { PAIR_BYTES_MAX = 1 << 30 }; /* of a file that goes into an archive */

struct adding {
    const struct zeromind_loader *loader;
    const struct json *task;
    const char *id, *path, *net;    /* net: of Caffe2 without an archive; or NULL */
    const char *framework, *deploy; /* of TensorRT: a row of NETWORKS, the prototxt; or NULL */
    int type;                       /* of TYPES; -1: whatever the file is */
    bool filtered;                  /* some tensor has a filter */
    struct text manifest;           /* with them, as serving.yaml; owned */
    struct text pair;               /* an archive that the task's files are made into; owned */
    struct loading loading;
    enum zeromind_code *code;
    struct arena *keep;
    struct error *err;
};

/* A step that fails with this code. */
#define STEP(a, name, call)                                                                        \
    do {                                                                                           \
        if (call) {                                                                                \
            *(a)->code = ZEROMIND_##name;                                                          \
            return (a)->err->status;                                                               \
        }                                                                                          \
    } while (0)

const char *zeromind_type_of(const char *framework)
{
    for (size_t i = 0; framework && i < ARRAY_COUNT(TYPES); i++)
        if (!strcasecmp(TYPES[i].framework, framework))
            return TYPES[i].name;
    return NULL;
}

/* The framework is another one where a converter wrote the file: then the format tells. */
static bool type_is(const struct adding *a, const struct description *d)
{
    const int type = a->type;

    return (a->deploy && !strcmp(d->format, "caffe")) ||
           (d->framework && !strcasecmp(TYPES[type].framework, d->framework)) ||
           !strncmp(d->format, TYPES[type].name, strlen(TYPES[type].name));
}

/* --- attributes --- */

static enum status text_attribute(const struct adding *a, const char *name, bool required,
                                  const char **text)
{
    const struct json *value = json_get(a->task, name);
    struct bytes string;

    *text = NULL;
    if (!required && (!value || value->kind == JSON_NULL))
        return STATUS_OK;
    if (!json_string(value, &string) || !string.size || memchr(string.data, 0, string.size))
        return error_set(a->err, STATUS_INVALID_INPUT, "\"%s\" of the task is %s", name,
                         value ? "no text" : "missing");
    *text = arena_text(a->keep, string);
    return *text ? STATUS_OK : error_no_memory(a->err, "a task");
}

static int type_named(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++)
        if (bytes_is(name, TYPES[i].name))
            return (int)i;
    return -1;
}

/* "model_type", or the extension where it is one of a type; else the file's content decides. */
static enum status type_choose(struct adding *a)
{
    char quoted[TEXT_QUOTE_SIZE], list[256];
    struct text_names names = text_names(list, sizeof list);
    const char *name, *dot = strrchr(a->path, '.');

    STEP(a, TASK_ATTRIBUTE, text_attribute(a, "model_type", false, &name));
    a->type = type_named(bytes_of(name ? name : dot ? dot + 1 : ""));
    if (a->type >= 0 || !name)
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++)
        text_names_add(&names, TYPES[i].name);
    *a->code = ZEROMIND_TYPE_UNKNOWN;
    if (error_set(a->err, STATUS_INVALID_INPUT, "the model type \"%s\" is unknown",
                  text_quote(bytes_of(name), quoted, sizeof quoted)))
        error_fix(a->err, "types are %s", text_names_end(&names));
    return a->err->status;
}

/* The pool may take some types only. Checked again when the file has said what it is. */
static enum status type_check(const struct adding *a, int type)
{
    const struct json *types = json_get(&a->loader->pool->config, "model_types");
    struct bytes name;

    if (!types || !types->count || (type < 0 && !a->loading.artifact))
        return STATUS_OK;
    for (size_t i = 0; i < types->count && type >= 0; i++)
        if (json_string(&types->items[i], &name) && bytes_is(name, TYPES[type].name))
            return STATUS_OK;
    *a->code = ZEROMIND_TYPE_NOT_ALLOWED;
    return error_set(a->err, STATUS_INVALID_INPUT, "this pool takes no models of type \"%s\"",
                     type < 0 ? a->loading.description.format : TYPES[type].name);
}

/* "module.Class", or one of firn's; {"name": {option: value}} gives options. */
static enum status filter_check(const struct adding *a, const char *key, const struct json *item,
                                unsigned side)
{
    const bool named = item->kind == JSON_OBJECT && item->count == 1;
    char quoted[TEXT_QUOTE_SIZE];
    const struct filter *filter;
    struct bytes name = {0};
    const char *text;

    if (!json_string(item, &name) && named)
        name = item->items[0].key;
    text = arena_text(a->keep, name);
    if (!text)
        return error_no_memory(a->err, "a task");
    filter = filter_find(text);
    *a->code = ZEROMIND_FILTER_NOT_FOUND;
    if (!filter)
        return error_set(a->err, STATUS_UNSUPPORTED, "\"%s\": there is no filter \"%s\"", key,
                         text_quote(name, quoted, sizeof quoted));
    *a->code = ZEROMIND_FILTER_SIDE;
    if (!(filter->sides & side))
        return error_set(a->err, STATUS_INVALID_INPUT, "\"%s\": filter \"%s\" is for %s", key,
                         text_quote(name, quoted, sizeof quoted),
                         side == FILTER_INPUT ? "outputs" : "inputs");
    return STATUS_OK;
}

/* {tensor: [filters]} */
static enum status filters_check(struct adding *a, const char *key, unsigned side)
{
    const struct json *filters = json_get(a->task, key);

    if (!filters || filters->kind == JSON_NULL)
        return STATUS_OK;
    *a->code = ZEROMIND_TASK_ATTRIBUTE;
    if (filters->kind != JSON_OBJECT)
        return error_set(a->err, STATUS_INVALID_INPUT, "\"%s\" is no {tensor: [filters]}", key);
    for (size_t i = 0; i < filters->count; i++) {
        const struct json *list = &filters->items[i];

        *a->code = ZEROMIND_TASK_ATTRIBUTE;
        if (list->kind != JSON_ARRAY)
            return error_set(a->err, STATUS_INVALID_INPUT, "\"%s\" is no {tensor: [filters]}", key);
        for (size_t f = 0; f < list->count; f++)
            TRY(filter_check(a, key, &list->items[f], side));
        a->filtered = a->filtered || list->count;
    }
    return STATUS_OK;
}

/* As a manifest, which is JSON here: that is YAML too. */
static void chains_write(struct text *yaml, const char *side, const struct json *filters)
{
    bool any = false;

    text_printf(yaml, "%s: {", side);
    for (size_t i = 0; filters && filters->kind == JSON_OBJECT && i < filters->count; i++) {
        if (!filters->items[i].count)
            continue;
        text_append(yaml, any ? ", " : "");
        json_write_string(yaml, filters->items[i].key);
        text_append(yaml, ": ");
        json_write_value(yaml, &filters->items[i]);
        any = true;
    }
    text_append(yaml, "}");
}

/* What TensorRT shall take the file for goes to its adapter as metadata. */
static enum status manifest_write(struct adding *a)
{
    if (!a->filtered && !a->framework)
        return STATUS_OK;
    text_append(&a->manifest, "kind: Model\n");
    if (a->filtered) {
        text_append(&a->manifest, "filters: {");
        chains_write(&a->manifest, "inputs", json_get(a->task, "input_filters"));
        text_append(&a->manifest, ", ");
        chains_write(&a->manifest, "outputs", json_get(a->task, "output_filters"));
        text_append(&a->manifest, "}\n");
    }
    if (a->framework)
        text_printf(&a->manifest, "metadata: {framework: %s%s}\n", a->framework,
                    a->deploy ? ", deployfile: " DEPLOY : "");
    return text_check(&a->manifest, a->err);
}

/* "framework" and "deployfile" of TensorRT's tasks. */
static enum status tensorrt_read(struct adding *a)
{
    const char *said;

    if (a->type < 0 || strcmp(TYPES[a->type].name, "tensorrt") != 0)
        return STATUS_OK;
    TRY(text_attribute(a, "framework", false, &said));
    TRY(text_attribute(a, "deployfile", false, &a->deploy));
    if (!said && a->deploy)
        said = "c1";
    for (size_t i = 0; said && i < ARRAY_COUNT(NETWORKS); i++)
        if (!strcasecmp(said, NETWORKS[i].name)) {
            a->framework = NETWORKS[i].name;
            if (NETWORKS[i].deployed == (a->deploy != NULL))
                return STATUS_OK;
            return error_set(a->err, STATUS_INVALID_INPUT,
                             "\"deployfile\" of the task is %s: networks of Caffe have one",
                             a->deploy ? "for another framework" : "missing");
        }
    if (said && error_set(a->err, STATUS_UNSUPPORTED,
                          "\"framework\" of the task is none that TensorRT is asked to read"))
        error_fix(a->err, "frameworks are PLAN, uff and c1; firn serves those of TensorFlow as "
                          "model type tensorflow");
    return said ? a->err->status : STATUS_OK;
}

static enum status attributes_read(struct adding *a)
{
    const struct json *id = json_get(a->task, "id");

    if (a->task->kind != JSON_OBJECT || !id) {
        *a->code = ZEROMIND_TASK_ATTRIBUTE;
        return error_set(a->err, STATUS_INVALID_INPUT, "\"id\" of the task is missing");
    }
    a->id = zeromind_id(id, a->keep, a->err);
    STEP(a, TASK_ATTRIBUTE, a->id ? STATUS_OK : a->err->status);
    STEP(a, TASK_ATTRIBUTE, text_attribute(a, "model_file", true, &a->path));
    STEP(a, TASK_ATTRIBUTE, text_attribute(a, "predict_net.pb", false, &a->net));
    TRY(type_choose(a));
    TRY(type_check(a, a->type));
    STEP(a, TENSORRT_ATTRIBUTE, tensorrt_read(a));
    TRY(filters_check(a, "input_filters", FILTER_INPUT));
    TRY(filters_check(a, "output_filters", FILTER_OUTPUT));
    STEP(a, LOAD_FAILED, manifest_write(a));
    return STATUS_OK;
}

/* --- files --- */

/* Links are followed first: what counts is where the file is. */
static enum status path_check(const struct adding *a, const char *path)
{
    const char *folder = a->loader->pool->folder;
    char quoted[TEXT_QUOTE_SIZE];
    char *real, *root;
    bool below = false;

    text_quote(bytes_of(path), quoted, sizeof quoted);
    real = realpath(path, NULL);
    root = folder ? realpath(folder, NULL) : NULL;
    if (real && root) {
        size_t size = strlen(root);

        below = !strncmp(real, root, size) && (real[size] == '/' || !real[size] || size == 1);
    }
    free(root);
    if (below || (real && a->loader->anywhere)) {
        free(real);
        return STATUS_OK;
    }
    *a->code = ZEROMIND_FILE_UNREACHABLE;
    free(real);
    if (a->loader->anywhere)
        return error_set(a->err, STATUS_NOT_FOUND, "there is no file \"%s\"", quoted);
    /* the same words whether it is there or not: who asks learns nothing of other folders */
    if (error_set(a->err, STATUS_INVALID_INPUT, "\"%s\" is no file below the pool's folder",
                  quoted))
        error_fix(a->err, "\"model_folder\" of the pool's configuration says which that is");
    return a->err->status;
}

static enum status pair_append(struct adding *a, const char *name, struct bytes bytes)
{
    static const char ZEROS[TAR_BLOCK] = {0};

    if (bytes.size > PAIR_BYTES_MAX)
        return error_set(a->err, STATUS_TOO_LARGE, "%s has more than %d bytes", name,
                         PAIR_BYTES_MAX);
    tar_write_head(&a->pair, bytes_of(name), bytes.size, TAR_FILE);
    text_append_bytes(&a->pair, bytes);
    text_append_bytes(&a->pair, (struct bytes){(const uint8_t *)ZEROS, tar_padding(bytes.size)});
    return text_check(&a->pair, a->err);
}

static enum status pair_append_file(struct adding *a, const char *name, const char *path)
{
    struct file_map map = {0};
    enum status status = file_map_open(&map, AT_FDCWD, path, true, a->err);

    if (!status)
        status = pair_append(a, name, map.bytes);
    file_map_close(&map);
    return status;
}

static enum status pair_end(struct adding *a, struct artifact **artifact)
{
    static const uint8_t END[TAR_END_SIZE] = {0};

    text_append_bytes(&a->pair, (struct bytes){END, sizeof END});
    STEP(a, LOAD_FAILED, text_check(&a->pair, a->err));
    STEP(a, FILE_FORMAT,
         artifact_open_bytes(text_bytes(&a->pair), "model.tar", NULL, artifact, a->err));
    return STATUS_OK;
}

/* Two files without an archive: made into the archive that they would have been. */
static enum status pair_open(struct adding *a, const char *name, const char *beside,
                             const char *path, struct artifact **artifact)
{
    TRY(path_check(a, path));
    STEP(a, FILE_UNREACHABLE, pair_append_file(a, name, a->path));
    STEP(a, FILE_UNREACHABLE, pair_append_file(a, beside, path));
    return pair_end(a, artifact);
}

static bool is_given(const struct adding *a, const char *key)
{
    const struct json *list = json_get(a->task, key);

    return list && list->kind != JSON_NULL;
}

static enum status list_append(struct adding *a, const char *key, const char *name)
{
    struct text text = {.limit = ZEROMIND_BYTES_MAX};
    enum status status;

    if (!is_given(a, key))
        return STATUS_OK;
    text_printf(&text, "{\"%s\": ", key);
    json_write_value(&text, json_get(a->task, key));
    text_append(&text, "}");
    status = text_check(&text, a->err);
    if (!status)
        status = pair_append(a, name, text_bytes(&text));
    text_release(&text);
    return status;
}

static enum status members_append(struct adding *a, struct artifact *artifact)
{
    struct bytes bytes;

    for (size_t i = 0; i < artifact->count; i++) {
        struct member *member = &artifact->members[i];

        if ((is_given(a, "inputs") && !strcmp(member->path, ZEROMIND_INPUTS)) ||
            (is_given(a, "outputs") && !strcmp(member->path, ZEROMIND_OUTPUTS)))
            continue;
        TRY(member_bytes(member, &bytes, a->err));
        TRY(pair_append(a, *member->path ? member->path : artifact->name, bytes));
    }
    TRY(list_append(a, "inputs", ZEROMIND_INPUTS));
    return list_append(a, "outputs", ZEROMIND_OUTPUTS);
}

/* Filters are put together again when the version is loaded, from what is stored: so what the task
 * says of its inputs and outputs goes into the archive. */
static enum status repack(struct adding *a, struct artifact **artifact)
{
    struct text first = a->pair; /* where the artifact lies, when it was made from two files */
    enum status status;

    if (!a->filtered || (!is_given(a, "inputs") && !is_given(a, "outputs")))
        return STATUS_OK;
    a->pair = (struct text){.limit = first.limit};
    status = members_append(a, *artifact);
    artifact_close(*artifact);
    *artifact = NULL;
    text_release(&first);
    STEP(a, LOAD_FAILED, status);
    return pair_end(a, artifact);
}

/* What a task says of its inputs or outputs stands for what the archive says. */
static enum status given(const struct adding *a, const char *key, const char *where,
                         struct zeromind_fields *fields)
{
    const struct json *list = json_get(a->task, key);

    if (!list || list->kind == JSON_NULL)
        return STATUS_OK;
    if (list->kind == JSON_OBJECT && json_get(list, key))
        list = json_get(list, key);
    return zeromind_fields(list, where, fields, a->keep, a->err);
}

static enum status specification_read(struct adding *a, struct zeromind_specification *s)
{
    *s = (struct zeromind_specification){0};
    STEP(a, IO_ATTRIBUTE, given(a, "inputs", "\"inputs\" of the task", &s->inputs));
    STEP(a, IO_ATTRIBUTE, given(a, "outputs", "\"outputs\" of the task", &s->outputs));
    if (!s->inputs.where)
        STEP(a, INPUT_SPEC, zeromind_inputs(a->loading.artifact, &s->inputs, a->keep, a->err));
    if (!s->outputs.where)
        STEP(a, OUTPUT_SPEC, zeromind_outputs(a->loading.artifact, &s->outputs, a->keep, a->err));
    return STATUS_OK;
}

/* Does the file hold what the task calls it, and can anybody serve it? */
static enum status import_check(const struct adding *a)
{
    const struct description *d = &a->loading.description;
    const char *type = zeromind_type_of(d->framework);

    if (a->type >= 0 && !type_is(a, d)) {
        *a->code = ZEROMIND_LOAD_FAILED;
        return error_set(a->err, STATUS_CONFLICT, "the task says \"%s\", but the file is %s%s%s",
                         TYPES[a->type].name, d->format, d->framework ? " of " : "",
                         d->framework ? d->framework : "");
    }
    TRY(type_check(a, a->type >= 0 ? a->type : type_named(bytes_of(type ? type : ""))));
    if (d->reason && !(a->loader->workers && adapter_serves(d->format, d->reason))) {
        *a->code = ZEROMIND_LOAD_FAILED;
        return error_set(a->err, STATUS_UNSUPPORTED, "%s: %s", d->format, d->reason);
    }
    return STATUS_OK;
}

static enum status import(struct adding *a)
{
    struct zeromind_specification specification;
    struct artifact *artifact;

    TRY(path_check(a, a->path));
    if (a->net)
        TRY(pair_open(a, "init_net.pb", "predict_net.pb", a->net, &artifact));
    else if (a->deploy)
        TRY(pair_open(a, "model.caffemodel", DEPLOY, a->deploy, &artifact));
    else
        STEP(a, FILE_FORMAT, artifact_open(a->path, NULL, &artifact, a->err));
    TRY(repack(a, &artifact));
    STEP(a, LOAD_FAILED,
         load_import(artifact, text_bytes(&a->manifest), MANIFEST_NAME, &a->loading, a->err));
    TRY(specification_read(a, &specification));
    STEP(a, LOAD_FAILED, load_specify(&a->loading, &specification, a->err));
    TRY(import_check(a));
    STEP(a, FILTER_INTERFACE, load_filter(&a->loading, MANIFEST_NAME, a->err));
    return STATUS_OK;
}

/* --- storing --- */

static enum status task_keep(struct adding *a, const struct version *version)
{
    struct record record = {.kind = ZEROMIND_TASK, .name = a->id, .version = version->id};
    struct text body = {.limit = ZEROMIND_BYTES_MAX};
    enum status status;

    json_write_value(&body, a->task);
    status = text_check(&body, a->err);
    record.body = body.data;
    if (!status)
        status = zeromind_task_remove(a->loader->registry, a->id, a->keep, a->err);
    if (!status)
        status = registry_record_put(a->loader->registry, &record, (struct bytes){NULL, 0}, true,
                                     a->err);
    text_release(&body);
    return status;
}

static enum status add(struct adding *a, struct version *version, bool *unchanged)
{
    struct loading_add adding = {.workers = a->loader->workers};

    TRY(attributes_read(a));
    adding.name = a->id;
    TRY(import(a));
    STEP(a, LOAD_FAILED,
         load_add(&a->loading, a->loader->registry, &adding, version, unchanged, a->keep, a->err));
    STEP(a, LOAD_UNKNOWN, task_keep(a, version));
    return STATUS_OK;
}

enum status zeromind_task_add(const struct zeromind_loader *loader, const struct json *task,
                              struct version *version, bool *unchanged, enum zeromind_code *code,
                              struct arena *keep, struct error *err)
{
    struct adding a = {.loader = loader,
                       .task = task,
                       .pair.limit = (size_t)3 * PAIR_BYTES_MAX,
                       .code = code,
                       .keep = keep,
                       .err = err};
    enum status status;

    *code = ZEROMIND_UNKNOWN;
    status = add(&a, version, unchanged);
    load_close(&a.loading);
    text_release(&a.pair);
    text_release(&a.manifest);
    return status;
}
