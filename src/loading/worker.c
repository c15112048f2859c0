// SPDX-License-Identifier: Apache-2.0
#include "loading/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "formats/json/json.h"
#include "loading/worker_internal.h"

/* Hydrosphere's runtimes called functions with messages before 2.3, with values from then on. */
static const char *calling_of(const struct manifest *manifest)
{
    const char *runtime = manifest->runtime ? strstr(manifest->runtime, "runtime-python") : NULL;
    const char *tag = runtime ? strchr(runtime, ':') : NULL;
    int major = 0, minor = 0;

    if (!tag || sscanf(tag, ":%d.%d", &major, &minor) != 2)
        return "";
    return major > 2 || (major == 2 && minor >= 3) ? "values" : "messages";
}

/* The adapter's options, with what the manifest says under `metadata`. */
static const char *settings_of(const struct manifest *manifest, struct arena *keep)
{
    struct text text = {0};
    char *settings;

    text_append(&text, "{\"calling\":");
    json_write_text(&text, calling_of(manifest));
    text_append(&text, ",\"metadata\":{");
    for (size_t i = 0; i < manifest->metadata_count; i++) {
        text_append(&text, i ? "," : "");
        json_write_text(&text, manifest->metadata[i].key);
        text_append(&text, ":");
        json_write_text(&text, manifest->metadata[i].value);
    }
    text_append(&text, "}}");
    settings = text.failed ? NULL : arena_text(keep, text_bytes(&text));
    text_release(&text);
    return settings;
}

struct held { /* a servable of workers with what it needs */
    struct servable base;
    struct servable *inner;
    struct unpacked files;
    struct artifact *artifact;
    struct arena memory; /* the contract */
    char framework[PACKAGE_VERSION_SIZE];
};

static void held_free(struct servable *servable)
{
    struct held *held = (struct held *)servable;

    if (held->inner)
        servable_free(held->inner);
    unpacked_remove(&held->files);
    artifact_close(held->artifact);
    arena_release(&held->memory);
    free(held);
}

static struct session *held_session_new(struct servable *servable)
{
    return servable_session(((struct held *)servable)->inner);
}

static struct servable_account held_account(const struct servable *servable)
{
    return servable_account(((const struct held *)servable)->inner);
}

/* Its sessions are the inner ones. */
static const struct servable_class HELD = {
    .name = "worker",
    .free = held_free,
    .session_new = held_session_new,
    .account = held_account,
};

static enum status start(const struct subject *subject, const struct worker_policy *policy,
                         struct held *held, struct error *err)
{
    struct environment environment = {0};
    struct worker_options options = {
        .adapter = subject->adapter.name,
        .name = subject->name,
        .files = held->files.path,
        .code = policy->code,
        .settings = settings_of(subject->manifest, &held->memory),
        .limits = policy->limits,
        .java = subject->adapter.java,
        .sandbox = policy->sandbox,
        .log = policy->log,
        .context = policy->context,
    };

    if (!options.settings)
        return error_no_memory(err, "settings");
    TRY(unpacked_open(policy, &held->files, err));
    TRY(subject_write_files(subject, held->files.path, err));
    TRY(subject_environment(subject, policy, held->files.path, &environment, &held->memory, err));
    options.environment = environment.path;
    subject_framework(subject, environment.path, held->framework);
    TRY(worker_servable(&options, subject->contract, &held->inner, err));
    held->base = (struct servable){&HELD, subject->contract, held->inner->waits};
    return STATUS_OK;
}

/* The contract without the reasons why firn itself cannot run it, as a worker can. */
static enum status contract_served(const struct contract *from, struct contract **to,
                                   struct arena *keep, struct error *err)
{
    *to = arena_new(keep, struct contract, 1);
    if (!*to || !((*to)->signatures = arena_new(keep, struct signature, from->count)))
        return error_no_memory(err, "a contract");
    (*to)->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        (*to)->signatures[i] = from->signatures[i];
        (*to)->signatures[i].reason = NULL;
    }
    return STATUS_OK;
}

/* Takes over the artifact and the memory, also when it fails. */
static enum status serve(struct subject *subject, const struct worker_policy *policy,
                         struct arena *memory, struct servable **servable, struct error *err)
{
    struct held *held = calloc(1, sizeof *held);
    struct contract *contract;

    if (!held) {
        artifact_close(subject->artifact);
        arena_release(memory);
        return error_no_memory(err, "a model");
    }
    *held = (struct held){.files = {.lock = -1}, .artifact = subject->artifact, .memory = *memory};
    *memory = (struct arena){0};
    if (!contract_served(subject->contract, &contract, &held->memory, err)) {
        subject->contract = contract;
        if (!start(subject, policy, held, err)) {
            *servable = &held->base;
            return STATUS_OK;
        }
    }
    held_free(&held->base);
    return err->status;
}

struct worker_beside {
    struct held held;
    const char *path, *adapter;
};

enum status worker_beside_open(const struct loading *loading, const struct worker_policy *policy,
                               bool existing, struct worker_beside **beside, struct error *err)
{
    struct subject subject = subject_of_loading(loading);
    struct worker_beside *made = calloc(1, sizeof *made);
    struct contract *contract;
    struct held *held;

    *beside = made;
    if (!made)
        return error_no_memory(err, "a model");
    held = &made->held;
    held->files.lock = -1;
    subject.existing = existing;
    arena_init(&held->memory, (size_t)1 << MEMORY_SHIFT);
    TRY(contract_served(subject.contract, &contract, &held->memory, err));
    contract->count = contract_is_complete(contract) ? contract->count : 0; /* then it tells */
    subject.contract = contract;
    made->adapter = subject.adapter.name;
    TRY(start(&subject, policy, held, err));
    made->path = subject_is_file(&subject) ? arena_printf(&held->memory, "%s/%s", held->files.path,
                                                          subject_file_name(subject.artifact))
                                           : held->files.path;
    return made->path ? STATUS_OK : error_no_memory(err, "a path");
}

struct servable *worker_beside_servable(const struct worker_beside *beside)
{
    return beside->held.inner;
}

const char *worker_beside_path(const struct worker_beside *beside)
{
    return beside->path;
}

const char *worker_beside_framework(const struct worker_beside *beside)
{
    return beside->held.framework;
}

void worker_beside_close(struct worker_beside *beside)
{
    if (!beside)
        return;
    if (beside->held.inner)
        servable_free(beside->held.inner);
    unpacked_remove(&beside->held.files);
    arena_release(&beside->held.memory);
    free(beside);
}

/* Nothing says what the model takes and gives: a worker opens it and tells. */
static enum status learn(struct loading *loading, const struct worker_policy *policy,
                         struct arena *keep, struct error *err)
{
    struct subject subject = subject_of_loading(loading);
    struct worker_beside *beside;
    enum status status = worker_beside_open(loading, policy, false, &beside, err);

    if (!status)
        status =
            subject_learn(&subject, worker_ready_text(beside->held.inner),
                          loading->description.reason, &loading->description.contract, keep, err);
    worker_beside_close(beside);
    return status;
}

enum status worker_load(struct loading *loading, const struct worker_policy *policy,
                        struct servable **servable, struct error *err)
{
    struct subject subject = subject_of_loading(loading);

    if (!contract_is_complete(subject.contract) && !loading->filters.graph)
        TRY(learn(loading, policy, &loading->model, err));
    TRY(subject_check_contract(subject.contract, loading->description.reason, err));
    loading->artifact = NULL;
    return serve(&subject, policy, &loading->model, servable, err);
}

enum status worker_load_version(struct registry *registry, const struct version *version,
                                const struct worker_policy *policy, struct servable **servable,
                                struct error *err)
{
    struct subject subject = {0};
    struct arena memory;

    TRY(registry_artifact(registry, version, &subject.artifact, err));
    arena_init(&memory, (size_t)1 << MEMORY_SHIFT);
    if (!subject_of_version(version, &subject, &memory, err) &&
        !subject_check_contract(subject.contract, version->reason, err))
        return serve(&subject, policy, &memory, servable, err);
    artifact_close(subject.artifact);
    arena_release(&memory);
    return err->status;
}

enum status worker_prepare(struct loading *loading, const struct worker_policy *policy,
                           const char **log, struct arena *keep, struct error *err)
{
    struct subject subject = subject_of_loading(loading);
    struct environment environment = {.log = ""};
    struct unpacked files;
    enum status status;

    *log = "";
    if (!loading->description.reason || !subject.adapter.name)
        return STATUS_OK;
    status = unpacked_open(policy, &files, err);
    if (!status)
        status = subject_write_files(&subject, files.path, err);
    if (!status)
        status = subject_environment(&subject, policy, files.path, &environment, keep, err);
    unpacked_remove(&files);
    *log = environment.log;
    if (status || contract_is_complete(subject.contract) || loading->filters.graph)
        return status;
    return learn(loading, policy, keep, err);
}
