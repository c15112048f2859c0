// SPDX-License-Identifier: Apache-2.0
/* The environment that a worker of a model needs, and those that no version needs any more. */
#include <stdio.h>
#include <unistd.h>

#include "base/map.h"
#include "base/hash/sha256.h"
#include "base/text.h"
#include "loading/worker_internal.h"

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

enum status subject_environment(const struct subject *subject, const struct worker_policy *policy,
                                const char *files, struct environment *environment,
                                struct arena *keep, struct error *err)
{
    char digest[SHA256_HEX_SIZE];
    struct environment_request request = {.folder =
                                              arena_printf(keep, "%s/environments", policy->folder),
                                          .files = files,
                                          .python = python_of(subject),
                                          .install = subject->manifest->install_command,
                                          .digest = digest,
                                          .timeout_ms = policy->install_ms,
                                          .limits = {.disk_bytes = policy->install_bytes,
                                                     .memory_bytes = policy->limits.memory_bytes,
                                                     .cpu_percent = policy->limits.cpu_percent,
                                                     .sandbox = policy->sandbox},
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

/* Its row's first requirement. */
void subject_framework(const struct subject *subject, const char *environment,
                       char version[PACKAGE_VERSION_SIZE])
{
    const char *wanted = subject->adapter.requirements ? subject->adapter.requirements : "";
    struct bytes package = {(const uint8_t *)wanted, strcspn(wanted, "=<>\n")};

    version[0] = 0;
    if (package.size)
        (void)environment_package(environment, package, version);
}

static enum status framework_now(struct subject *subject, const struct worker_policy *policy,
                                 const char **framework, struct arena *keep, struct error *err)
{
    struct worker_policy quiet = *policy;
    struct environment environment = {0};
    char version[PACKAGE_VERSION_SIZE];

    quiet.log = NULL;
    subject->existing = true;
    if (subject_environment(subject, &quiet, "", &environment, keep, err))
        return err->status == STATUS_UNAVAILABLE ? STATUS_OK : err->status;
    subject_framework(subject, environment.path, version);
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
    status = subject_of_version(version, &subject, keep, err);
    if (!status && subject.adapter.name)
        status = framework_now(&subject, policy, framework, keep, err);
    artifact_close(subject.artifact);
    return status;
}

enum status worker_installs(struct loading *loading, const struct worker_policy *policy,
                            bool *installs, struct arena *scratch, struct error *err)
{
    struct subject subject = subject_of_loading(loading);
    struct worker_policy quiet = *policy;
    struct environment environment;
    enum status status;

    *installs = false;
    if (!loading->description.reason || !subject.adapter.name)
        return STATUS_OK;
    quiet.log = NULL;
    subject.existing = true;
    status = subject_environment(&subject, &quiet, "", &environment, scratch, err);
    *installs = status == STATUS_UNAVAILABLE;
    return *installs ? STATUS_OK : status;
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
    status = subject_of_version(version, &subject, scratch, err);
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

enum status worker_requirements(struct registry *registry, const struct version *version,
                                struct bytes *requirements, struct arena *keep, struct error *err)
{
    struct subject subject = {0};
    struct bytes borrowed = {NULL, 0};
    enum status status;

    TRY(registry_artifact(registry, version, &subject.artifact, err));
    status = subject_of_version(version, &subject, keep, err);
    if (!status && subject.adapter.name)
        status = requirements_of(&subject, &borrowed, keep, err);
    *requirements = (struct bytes){(const uint8_t *)arena_text(keep, borrowed), borrowed.size};
    artifact_close(subject.artifact);
    return status || requirements->data ? status : error_no_memory(err, "requirements");
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
