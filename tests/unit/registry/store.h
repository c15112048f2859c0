// SPDX-License-Identifier: Apache-2.0
/* What tests of the registry share: stores in the test's folder, and versions in them. */
#pragma once

#include "base/file.h"
#include "base/text.h"
#include "registry/registry.h"
#include "test.h"

static inline struct registry *open_store(const char *folder)
{
    struct registry *registry;
    struct error err;

    CHECK_OK(registry_open(folder, &registry, &err), err);
    return registry;
}

static inline void check_whole(struct registry *registry)
{
    struct text report = {0};
    struct error err;
    size_t faults;

    CHECK_OK(registry_verify(registry, &report, &faults, &err), err);
    if (faults)
        fail_msg("%zu faults: %s", faults, report.data);
    text_release(&report);
}

static inline enum status add_artifact(struct registry *registry, const char *model,
                                       struct artifact *artifact, struct version *version,
                                       bool *unchanged, struct arena *keep, struct error *err)
{
    struct version_upload upload = {.model = model,
                                    .artifact = artifact,
                                    .format = "test",
                                    .framework = "none",
                                    .framework_version = "1",
                                    .contract = "{\"signatures\":[]}",
                                    .manifest = "kind: Model\n"};

    return registry_add(registry, &upload, version, unchanged, keep, err);
}

static inline enum status add_bytes(struct registry *registry, const char *model, const char *text,
                                    const char *name, struct version *version, bool *unchanged,
                                    struct arena *keep, struct error *err)
{
    struct artifact *artifact;
    enum status status;

    TRY(artifact_open_bytes(bytes_of(text), name, NULL, &artifact, err));
    status = add_artifact(registry, model, artifact, version, unchanged, keep, err);
    artifact_close(artifact);
    return status;
}

/* Add and give the number; negative when it was unchanged. */
static inline long long add_text(struct registry *registry, const char *model, const char *text)
{
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_OK(add_bytes(registry, model, text, "model.txt", &version, &unchanged, &keep, &err), err);
    CHECK(version.created[10] == 'T' && version.digest[70]);
    CHECK_INT(version.bytes, strlen(text));
    arena_release(&keep);
    return unchanged ? -version.number : version.number;
}

static inline void write_file(const char *path, const char *text)
{
    struct error err;

    CHECK_OK(file_replace(path, bytes_of(text), &err), err);
}
