// SPDX-License-Identifier: Apache-2.0
/* A folder with the files of a model, as a worker, which may be another user, can read them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "loading/worker_internal.h"

void unpacked_remove(struct unpacked *unpacked)
{
    struct error ignored;

    if (unpacked->lock < 0)
        return;
    (void)!file_remove_tree(unpacked->path, &ignored);
    close(unpacked->lock);
    unpacked->lock = -1;
}

/* In a container without namespaces and landlock nothing but its user id keeps a worker from files:
 * those of the store are for ours alone then. */
static enum status store_close(const struct worker_policy *policy, struct error *err)
{
    static const struct {
        const char *name;
        mode_t mode;
    } parts[] = {{"blobs", 0700},        {"index.json", 0600},   {"store.db", 0600},
                 {"store.db-wal", 0600}, {"store.db-shm", 0600}, {"jobs.db", 0600},
                 {"jobs.db-wal", 0600},  {"jobs.db-shm", 0600},  {"tmp", 0711}};
    char path[4096];

    if (!policy->sandbox || worker_sandbox_hides_files())
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        int size = snprintf(path, sizeof path, "%s/%s", policy->folder, parts[i].name);

        if (size > 0 && (size_t)size < sizeof path && chmod(path, parts[i].mode) && errno != ENOENT)
            return error_set(err, STATUS_UNAVAILABLE,
                             "\"%.300s\" cannot be closed to other users, as workers are: %s", path,
                             strerror(errno));
    }
    return STATUS_OK;
}

enum status unpacked_open(const struct worker_policy *policy, struct unpacked *unpacked,
                          struct error *err)
{
    const char *folder = policy->folder;
    int size = snprintf(unpacked->path, sizeof unpacked->path, "%s/tmp", folder);

    unpacked->lock = -1;
    if (size < 0 || (size_t)size + 32 > sizeof unpacked->path)
        return error_set(err, STATUS_INVALID_INPUT, "the path \"%.200s\" is too long", folder);
    TRY(file_make_folders(unpacked->path, err));
    TRY(store_close(policy, err));
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

bool subject_is_file(const struct subject *subject)
{
    return subject->artifact->kind == ARTIFACT_FILE ||
           (subject->adapter.whole && subject->artifact->kind != ARTIFACT_FOLDER);
}

const char *subject_file_name(const struct artifact *artifact)
{
    return strchr(artifact->name, '/') ? "model" : artifact->name;
}

enum status subject_write_files(const struct subject *subject, const char *root, struct error *err)
{
    struct artifact *artifact = subject->artifact;
    if (subject_is_file(subject))
        return file_write(root, subject_file_name(artifact), artifact_container(artifact), err);
    for (size_t i = 0; i < artifact->count; i++) {
        struct bytes bytes;

        TRY(member_bytes(&artifact->members[i], &bytes, err));
        TRY(file_write(root, artifact->members[i].path, bytes, err));
        artifact_forget(artifact, bytes);
    }
    return STATUS_OK;
}

static enum status lay_out(struct subject *subject, const struct worker_policy *policy,
                           const char *folder, struct worker_place *place, struct arena *keep,
                           struct error *err)
{
    struct environment environment = {0};

    TRY(store_close(policy, err));
    TRY(file_make_folders(folder, err));
    if (chmod(folder, 0755))
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", folder, strerror(errno));
    TRY(subject_write_files(subject, folder, err));
    TRY(subject_environment(subject, policy, folder, &environment, keep, err));
    *place = (struct worker_place){.adapter = subject->adapter.name,
                                   .environment = environment.path,
                                   .java = subject->adapter.java,
                                   .single = subject_is_file(subject)};
    return STATUS_OK;
}

enum status worker_lay_out(struct registry *registry, const struct version *version,
                           const struct worker_policy *policy, const char *folder,
                           struct worker_place *place, struct arena *keep, struct error *err)
{
    struct subject subject = {0};
    enum status status;

    TRY(registry_artifact(registry, version, &subject.artifact, err));
    status = subject_of_version(version, &subject, keep, err);
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
