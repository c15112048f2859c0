// SPDX-License-Identifier: Apache-2.0
#include "loading/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/sha256.h"
#include "base/text.h"
#include "contract/adapters.h"
#include "formats/json/json.h"

enum { MEMORY_SHIFT = 30 };

/* What is to be served, wherever it comes from. */
struct subject {
    struct artifact *artifact;
    struct adapter adapter;          /* name NULL: none */
    const struct manifest *manifest; /* all zeros when there is none */
    const char *framework_version;   /* or NULL */
    const char *python;              /* version that it is tied to, "3.11"; or NULL */
    bool existing;                   /* no environment is made for it */
    const char *name;                /* for messages */
    const struct contract *contract;
    const char *more; /* requirements behind its own; or NULL */
};

/* --- the code of workers --- */

static bool holds_code(const char *folder)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/firn_worker/main.py", folder);

    return size > 0 && (size_t)size < sizeof path && access(path, R_OK) == 0;
}

enum status worker_code(const char **folder, struct arena *keep, struct error *err)
{
    static const char *const PLACES[] = {"../share/firn/python", "../python", "../../python"};
    const char *given = getenv("FIRN_PYTHON");
    char program[4096];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (given && *given) {
        *folder = arena_printf(keep, "%s", given);
        if (!*folder)
            return error_no_memory(err, "a path");
        return holds_code(*folder) ? STATUS_OK
                                   : error_set(err, STATUS_NOT_FOUND,
                                               "FIRN_PYTHON is \"%.200s\", which holds no "
                                               "firn_worker",
                                               given);
    }
    program[size > 0 ? size : 0] = 0;
    slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < ARRAY_COUNT(PLACES); i++) {
        *folder = arena_printf(keep, "%.*s/%s", (int)(slash - program), program, PLACES[i]);
        if (!*folder)
            return error_no_memory(err, "a path");
        if (holds_code(*folder))
            return STATUS_OK;
    }
    if (error_set(err, STATUS_NOT_FOUND, "firn_worker is not beside \"%.200s\"", program))
        error_fix(err, "set FIRN_PYTHON to the folder that holds firn_worker");
    return err->status;
}

/* --- a folder with the files --- */

struct unpacked { /* FOLDER/tmp/worker-XXXXXX, locked while it is used */
    char path[4096];
    int lock;
};

static void unpacked_remove(struct unpacked *unpacked)
{
    struct error ignored;

    if (unpacked->lock < 0)
        return;
    (void)!file_remove_tree(unpacked->path, &ignored);
    close(unpacked->lock);
    unpacked->lock = -1;
}

static enum status unpacked_open(const char *folder, struct unpacked *unpacked, struct error *err)
{
    int size = snprintf(unpacked->path, sizeof unpacked->path, "%s/tmp", folder);

    unpacked->lock = -1;
    if (size < 0 || (size_t)size + 32 > sizeof unpacked->path)
        return error_set(err, STATUS_INVALID_INPUT, "the path \"%.200s\" is too long", folder);
    TRY(file_make_folders(unpacked->path, err));
    strcat(unpacked->path, "/worker-XXXXXX");
    if (!mkdtemp(unpacked->path) || chmod(unpacked->path, 0755))
        return error_set(err, STATUS_INTERNAL, "cannot make a folder in \"%.200s\": %s", folder,
                         strerror(errno));
    unpacked->lock = open(unpacked->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (unpacked->lock < 0 || flock(unpacked->lock, LOCK_EX | LOCK_NB))
        return error_set(err, STATUS_INTERNAL, "cannot lock \"%s\": %s", unpacked->path,
                         strerror(errno));
    return STATUS_OK;
}

/* As the worker, which may be another user, can read it. */
static enum status file_write(const char *root, const char *path, struct bytes bytes,
                              struct error *err)
{
    char whole[8192];
    int size = snprintf(whole, sizeof whole, "%s/%s", root, path);

    if (size < 0 || (size_t)size >= sizeof whole)
        return error_set(err, STATUS_TOO_LARGE, "a path of a member is too long");
    TRY(file_make_public_folders(whole, strlen(root) + 1, err));
    return file_write_public(whole, &bytes, 1, false, err);
}

static bool is_whole(const struct subject *subject)
{
    return subject->artifact->kind == ARTIFACT_FILE ||
           (subject->adapter.whole && subject->artifact->kind != ARTIFACT_FOLDER);
}

static const char *file_name(const struct artifact *artifact)
{
    return strchr(artifact->name, '/') ? "model" : artifact->name;
}

/* The members, or the file itself where that is the model: a single file, a skops archive. */
static enum status files_write(const struct subject *subject, const char *root, struct error *err)
{
    struct artifact *artifact = subject->artifact;
    if (is_whole(subject))
        return file_write(root, file_name(artifact), artifact_container(artifact), err);
    for (size_t i = 0; i < artifact->count; i++) {
        struct bytes bytes;

        TRY(member_bytes(&artifact->members[i], &bytes, err));
        TRY(file_write(root, artifact->members[i].path, bytes, err));
        artifact_forget(artifact, bytes);
    }
    return STATUS_OK;
}

/* --- what it needs --- */

/* sha256 over the members' paths and hashes. */
static enum status files_digest(struct artifact *artifact, char hex[SHA256_HEX_SIZE],
                                struct error *err)
{
    struct text text = {0};
    enum status status = STATUS_OK;
    char member[65];

    for (size_t i = 0; i < artifact->count && !status; i++) {
        status = member_sha256(&artifact->members[i], member, err);
        text_printf(&text, "%s %s\n", status ? "" : member, artifact->members[i].path);
    }
    if (!status)
        status = text_check(&text, err);
    if (!status && !sha256_of(text_bytes(&text), hex))
        status = error_no_memory(err, "a hash");
    text_release(&text);
    return status;
}

/* requirements.txt of the files, or what the adapter wants. */
static enum status requirements_of(const struct subject *subject, struct bytes *requirements,
                                   struct arena *keep, struct error *err)
{
    struct member *member = artifact_find(subject->artifact, "requirements.txt");
    const char *version = subject->framework_version, *wanted = subject->adapter.requirements;
    const char *equals = wanted ? strstr(wanted, "==%s") : NULL;
    char *text;

    *requirements = (struct bytes){0};
    if (member) {
        TRY(member_bytes(member, requirements, err));
        text = subject->more ? arena_printf(keep, "%.*s\n%s", (int)requirements->size,
                                            (const char *)requirements->data, subject->more)
                             : NULL;
        if (subject->more && !text)
            return error_no_memory(err, "a list of requirements");
        if (text)
            *requirements = bytes_of(text);
        return STATUS_OK;
    }
    if (!wanted)
        return STATUS_OK;
    text = !equals   ? arena_printf(keep, "%s", wanted)
           : version ? arena_printf(keep, "%.*s==%s%s", (int)(equals - wanted), wanted, version,
                                    equals + 4)
                     : arena_printf(keep, "%.*s%s", (int)(equals - wanted), wanted, equals + 4);
    if (!text)
        return error_no_memory(err, "a list of requirements");
    *requirements = bytes_of(text);
    return STATUS_OK;
}

/* A function's version of Python is its framework's, as the importer says. */
static const char *python_of(const struct subject *subject)
{
    return strcmp(subject->adapter.name, "function") ? subject->python : subject->framework_version;
}

static enum status environment_of(const struct subject *subject, const struct worker_policy *policy,
                                  const char *files, struct environment *environment,
                                  struct arena *keep, struct error *err)
{
    char digest[SHA256_HEX_SIZE];
    struct environment_request request = {
        .folder = arena_printf(keep, "%s/environments", policy->folder),
        .files = files,
        .python = python_of(subject),
        .install = subject->manifest->install_command,
        .digest = digest,
        .timeout_ms = policy->install_ms,
        .limits = {policy->install_bytes, policy->limits.memory_bytes, policy->sandbox},
        .cancelled = policy->cancelled,
        .existing = subject->existing,
        .log = policy->log,
        .context = policy->context};

    if (!request.folder)
        return error_no_memory(err, "a path");
    if (policy->environment) {
        *environment = (struct environment){.path = policy->environment, .log = ""};
        return STATUS_OK;
    }
    TRY(requirements_of(subject, &request.requirements, keep, err));
    TRY(files_digest(subject->artifact, digest, err));
    TRY(environment_get(&request, environment, keep, err));
    if (environment->remark && policy->log)
        policy->log(policy->context, environment->remark);
    return STATUS_OK;
}

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

/* --- the servable --- */

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

/* Which version of the adapter's framework an environment has: its row's first requirement. */
static void framework_of(const struct subject *subject, const char *environment,
                         char version[PACKAGE_VERSION_SIZE])
{
    const char *wanted = subject->adapter.requirements ? subject->adapter.requirements : "";
    struct bytes package = {(const uint8_t *)wanted, strcspn(wanted, "=<>\n")};

    version[0] = 0;
    if (package.size)
        (void)environment_package(environment, package, version);
}

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
    TRY(unpacked_open(policy->folder, &held->files, err));
    TRY(files_write(subject, held->files.path, err));
    TRY(environment_of(subject, policy, held->files.path, &environment, &held->memory, err));
    options.environment = environment.path;
    framework_of(subject, environment.path, held->framework);
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

/* As the manifest says, else the saver, else as the format has it. */
static void adapter_of(struct subject *subject, const char *format, const struct saved *saved)
{
    const char *declared = adapter_declared(subject->manifest);

    (void)adapter_choose(format, declared ? declared : saved->adapter, &subject->adapter);
    subject->python = saved->python;
}

static struct subject subject_of(const struct loading *loading)
{
    struct subject subject = {
        .artifact = loading->artifact,
        .manifest = &loading->manifest,
        .framework_version = loading->description.framework_version,
        .name = loading->manifest.name ? loading->manifest.name : loading->artifact->name,
        .contract = loading->filters.graph ? &loading->inner : &loading->description.contract};

    adapter_of(&subject, loading->description.format, &loading->saved);
    return subject;
}

/* Without a contract there is nothing to call. */
static enum status check_contract(const struct contract *contract, const char *reason,
                                  struct error *err)
{
    enum status status = STATUS_OK;

    if (contract->count)
        return STATUS_OK;
    status = error_set(err, STATUS_UNSUPPORTED, "%s; and there is no contract", reason);
    error_fix(err, "declare the contract in a " MANIFEST_NAME " beside the files");
    return status;
}

/* --- a contract that only the framework can tell --- */

static enum status learned_parse(const struct subject *subject, const char *ready,
                                 const char *reason, struct contract *contract, struct arena *keep,
                                 struct error *err)
{
    char *source = arena_printf(keep, "the adapter \"%s\"", subject->adapter.name);
    char *text = arena_printf(keep, "%s", ready);
    const struct json *signatures;
    struct bytes list;
    struct json json;

    if (!source || !text)
        return error_no_memory(err, "a contract");
    TRY(json_parse(bytes_of(text), 0, &json, keep, err));
    signatures = json_get(&json, "signatures");
    if (!signatures || !signatures->count)
        return STATUS_OK;
    list = bytes_of(text + signatures->offset); /* the last key of the object */
    list.size -= list.size > 0;
    if (saved_contract(list, source, reason, contract, keep, err))
        return error_within(err, "what the adapter \"%s\" tells", subject->adapter.name);
    return STATUS_OK;
}

/* A worker must be told the type of everything it takes and gives. */
static bool has_types(const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!fields[i].dtype)
            return false;
    return true;
}

static bool is_complete(const struct contract *contract)
{
    for (size_t i = 0; i < contract->count; i++)
        if (!has_types(contract->signatures[i].inputs, contract->signatures[i].input_count) ||
            !has_types(contract->signatures[i].outputs, contract->signatures[i].output_count))
            return false;
    return contract->count > 0;
}

struct worker_beside {
    struct held held;
    const char *path, *adapter;
};

enum status worker_beside_open(const struct loading *loading, const struct worker_policy *policy,
                               bool existing, struct worker_beside **beside, struct error *err)
{
    struct subject subject = subject_of(loading);
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
    contract->count = is_complete(contract) ? contract->count : 0; /* then it tells */
    subject.contract = contract;
    made->adapter = subject.adapter.name;
    TRY(start(&subject, policy, held, err));
    made->path = is_whole(&subject) ? arena_printf(&held->memory, "%s/%s", held->files.path,
                                                   file_name(subject.artifact))
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

const char *worker_adapter(const struct loading *loading)
{
    return subject_of(loading).adapter.name;
}

/* Nothing says what the model takes and gives: a worker opens it and tells. */
static enum status learn(struct loading *loading, const struct worker_policy *policy,
                         struct arena *keep, struct error *err)
{
    struct subject subject = subject_of(loading);
    struct worker_beside *beside;
    enum status status = worker_beside_open(loading, policy, false, &beside, err);

    if (!status)
        status =
            learned_parse(&subject, worker_ready_text(beside->held.inner),
                          loading->description.reason, &loading->description.contract, keep, err);
    worker_beside_close(beside);
    return status;
}

enum status worker_load(struct loading *loading, const struct worker_policy *policy,
                        struct servable **servable, struct error *err)
{
    struct subject subject = subject_of(loading);

    if (!is_complete(subject.contract) && !loading->filters.graph)
        TRY(learn(loading, policy, &loading->model, err));
    TRY(check_contract(subject.contract, loading->description.reason, err));
    loading->artifact = NULL;
    return serve(&subject, policy, &loading->model, servable, err);
}

static enum status version_subject(const struct version *version, struct subject *subject,
                                   struct arena *memory, struct error *err)
{
    struct manifest *manifest = arena_new(memory, struct manifest, 1);
    struct contract *contract = arena_new(memory, struct contract, 1);
    struct saved saved;

    if (!manifest || !contract)
        return error_no_memory(err, "a version");
    *subject = (struct subject){
        .artifact = subject->artifact,
        .manifest = manifest,
        .framework_version = version->framework_version
                                 ? arena_printf(memory, "%s", version->framework_version)
                                 : NULL,
        .name = arena_printf(memory, "%s:%lld", version->model, (long long)version->number),
        .contract = contract};
    if (!subject->name)
        return error_no_memory(err, "a name");
    if (version->manifest && *version->manifest) {
        char *text = arena_printf(memory, "%s", version->manifest);
        if (!text)
            return error_no_memory(err, "a manifest");
        TRY(manifest_parse(bytes_of(text), MANIFEST_NAME, manifest, memory, err));
    }
    TRY(saved_read(subject->artifact, &saved, memory, err));
    adapter_of(subject, version->format, &saved);
    return contract_parse_json(bytes_of(version->contract), contract, memory, err);
}

enum status worker_load_version(struct registry *registry, const struct version *version,
                                const struct worker_policy *policy, struct servable **servable,
                                struct error *err)
{
    struct subject subject = {0};
    struct arena memory;

    TRY(registry_artifact(registry, version, &subject.artifact, err));
    arena_init(&memory, (size_t)1 << MEMORY_SHIFT);
    if (!version_subject(version, &subject, &memory, err) &&
        !check_contract(subject.contract, version->reason, err))
        return serve(&subject, policy, &memory, servable, err);
    artifact_close(subject.artifact);
    arena_release(&memory);
    return err->status;
}

static enum status framework_now(struct subject *subject, const struct worker_policy *policy,
                                 const char **framework, struct arena *keep, struct error *err)
{
    struct worker_policy quiet = *policy;
    struct environment environment = {0};
    char version[PACKAGE_VERSION_SIZE];

    quiet.log = NULL;
    subject->existing = true;
    if (environment_of(subject, &quiet, "", &environment, keep, err))
        return err->status == STATUS_UNAVAILABLE ? STATUS_OK : err->status;
    framework_of(subject, environment.path, version);
    *framework = arena_text(keep, bytes_of(version));
    return *framework ? STATUS_OK : error_no_memory(err, "a version");
}

enum status worker_framework(struct registry *registry, const struct version *version,
                             const struct worker_policy *policy, const char **framework,
                             struct arena *keep, struct error *err)
{
    struct subject subject = {0};
    enum status status;

    *framework = "";
    TRY(registry_artifact(registry, version, &subject.artifact, err));
    status = version_subject(version, &subject, keep, err);
    if (!status && subject.adapter.name)
        status = framework_now(&subject, policy, framework, keep, err);
    artifact_close(subject.artifact);
    return status;
}

enum status worker_prepare(struct loading *loading, const struct worker_policy *policy,
                           const char **log, struct arena *keep, struct error *err)
{
    struct subject subject = subject_of(loading);
    struct environment environment = {.log = ""};
    struct unpacked files;
    enum status status;

    *log = "";
    if (!loading->description.reason || !subject.adapter.name)
        return STATUS_OK;
    status = unpacked_open(policy->folder, &files, err);
    if (!status)
        status = files_write(&subject, files.path, err);
    if (!status)
        status = environment_of(&subject, policy, files.path, &environment, keep, err);
    unpacked_remove(&files);
    *log = environment.log;
    if (status || is_complete(subject.contract) || loading->filters.graph)
        return status;
    return learn(loading, policy, keep, err);
}

enum status worker_installs(struct loading *loading, const struct worker_policy *policy,
                            bool *installs, struct arena *scratch, struct error *err)
{
    struct subject subject = subject_of(loading);
    struct worker_policy quiet = *policy;
    struct environment environment;
    enum status status;

    *installs = false;
    if (!loading->description.reason || !subject.adapter.name)
        return STATUS_OK;
    quiet.log = NULL;
    subject.existing = true;
    status = environment_of(&subject, &quiet, "", &environment, scratch, err);
    *installs = status == STATUS_UNAVAILABLE;
    return *installs ? STATUS_OK : status;
}

static enum status lay_out(struct subject *subject, const struct worker_policy *policy,
                           const char *folder, struct worker_place *place, struct arena *keep,
                           struct error *err)
{
    struct environment environment = {0};

    TRY(file_make_folders(folder, err));
    if (chmod(folder, 0755))
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", folder, strerror(errno));
    TRY(files_write(subject, folder, err));
    TRY(environment_of(subject, policy, folder, &environment, keep, err));
    *place = (struct worker_place){.adapter = subject->adapter.name,
                                   .environment = environment.path,
                                   .java = subject->adapter.java,
                                   .single = is_whole(subject)};
    return STATUS_OK;
}

enum status worker_lay_out(struct registry *registry, const struct version *version,
                           const struct worker_policy *policy, const char *folder,
                           struct worker_place *place, struct arena *keep, struct error *err)
{
    struct subject subject = {0};
    enum status status;

    TRY(registry_artifact(registry, version, &subject.artifact, err));
    status = version_subject(version, &subject, keep, err);
    *place = (struct worker_place){0};
    if (!status && subject.adapter.name)
        status = lay_out(&subject, policy, folder, place, keep, err);
    artifact_close(subject.artifact);
    return status;
}

enum status worker_lay_out_files(struct artifact *artifact, const char *python, const char *more,
                                 const struct worker_policy *policy, const char *folder,
                                 struct worker_place *place, struct arena *keep, struct error *err)
{
    static const struct manifest none = {0};
    struct subject subject = {.artifact = artifact,
                              .adapter = {.name = "function"},
                              .manifest = &none,
                              .framework_version = python,
                              .more = more};

    return lay_out(&subject, policy, folder, place, keep, err);
}

/* --- environments that nobody needs any more --- */

static enum status name_of(struct registry *registry, const struct version *version, char name[65],
                           struct arena *scratch, struct error *err)
{
    struct environment_request request = {0};
    struct subject subject = {0};
    char digest[SHA256_HEX_SIZE];
    enum status status;

    name[0] = 0;
    TRY(registry_artifact(registry, version, &subject.artifact, err));
    status = version_subject(version, &subject, scratch, err);
    if (!status && subject.adapter.name) {
        request.python = python_of(&subject);
        request.install = subject.manifest->install_command;
        request.digest = digest;
        status = requirements_of(&subject, &request.requirements, scratch, err);
        if (!status)
            status = files_digest(subject.artifact, digest, err);
        if (!status)
            status = environment_name(&request, name, scratch, err);
    }
    artifact_close(subject.artifact);
    return status;
}

static enum status names_of_model(struct registry *registry, const char *model, struct map *wanted,
                                  struct arena *scratch, struct error *err)
{
    struct version *versions;
    size_t count;

    TRY(registry_list(registry, model, &versions, &count, scratch, err));
    for (size_t i = 0; i < count; i++) {
        char *name = arena_new(scratch, char, SHA256_HEX_SIZE);

        if (!name)
            return error_no_memory(err, "names of environments");
        if (name_of(registry, &versions[i], name, scratch, err))
            return error_within(err, "%s:%lld", versions[i].model, (long long)versions[i].number);
        if (name[0] && !map_set(wanted, bytes_of(name), name))
            return error_no_memory(err, "names of environments");
    }
    return STATUS_OK;
}

static bool is_wanted(const void *context, const char *name)
{
    return map_find(context, bytes_of(name)) != NULL;
}

enum status worker_collect(struct registry *registry, const char *folder, uint64_t *files,
                           uint64_t *bytes, struct error *err)
{
    struct version *models;
    enum status status = STATUS_OK;
    struct arena scratch;
    struct map wanted;
    char *place;
    size_t count;

    arena_init(&scratch, (size_t)1 << MEMORY_SHIFT);
    map_init(&wanted, &scratch);
    place = arena_printf(&scratch, "%s/environments", folder);
    if (!place)
        status = error_no_memory(err, "a path");
    if (!status && access(place, F_OK) == 0) {
        status = registry_list(registry, NULL, &models, &count, &scratch, err);
        for (size_t i = 0; !status && i < count; i++)
            status = names_of_model(registry, models[i].model, &wanted, &scratch, err);
        if (!status)
            status = environment_collect(place, is_wanted, &wanted, files, bytes, err);
    }
    arena_release(&scratch);
    return status;
}
