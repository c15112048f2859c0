// SPDX-License-Identifier: Apache-2.0
/* Registry: models, their immutable numbered versions, aliases. Rows in SQLite, bytes as
 * content-addressed blobs in an OCI image layout; every change is one transaction after its bytes
 * are durable, so that a kill at any instant leaves the old state or the new one.
 *
 * Layout of a store folder: store.db, oci-layout, index.json, blobs/sha256/HEX, tmp/. The rows are
 * what counts: in a large store that changes fast, index.json follows a moment later.
 * Several processes may open one store at once. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "formats/archive/artifact.h"

struct registry;

struct version {
    const char *model; /* kept by the arena of the call */
    int64_t number;
    const char *digest; /* "sha256:HEX" of the OCI manifest */
    const char *format, *framework, *framework_version;
    const char *contract; /* JSON, as contract_print_json */
    const char *manifest; /* serving.yaml as given; "" when there was none */
    const char *reason;   /* why not native; NULL when native */
    const char *created;  /* RFC 3339, UTC */
    int64_t bytes;        /* of the payload */
    const char **aliases;
    size_t alias_count;
    int64_t id, model_id; /* numbers among all versions and among all models: never given again */
    const char **pushed;  /* references of registries that have it */
    size_t pushed_count;
};

/* NULL store path parts are created. */
enum status registry_open(const char *folder, struct registry **registry, struct error *err)
    must_check;
void registry_close(struct registry *registry);

struct version_use { /* another version that this one needs */
    const char *model;
    int64_t number;
};

/* What is kept beside versions: a log, what a client wants to be remembered, data of training. */
struct record {
    int64_t id;       /* given by the store; never given again */
    const char *kind; /* "build-log": whoever writes it chooses */
    const char *name; /* of its kind and version there is one with this name; "": any number */
    int64_t version;  /* id of the version it belongs to; 0: none */
    bool needs;       /* the version cannot be deleted before; else the record goes with it */
    const char *body; /* text */
    const char *blob; /* digest of the bytes that belong to it; NULL: none */
    int64_t blob_bytes;
    const char *created; /* RFC 3339, UTC */
};

/* What a version that is being built will be called; nobody sees it before registry_add. */
struct version_place {
    int64_t id, model_id, number;
};

struct version_upload {
    const struct version_place *place; /* CONFLICT when its number is gone; NULL: the next one */
    const char *model;
    struct artifact *artifact; /* its members become /model/files in the image */
    const char *format, *framework, *framework_version, *contract, *manifest, *reason;
    const struct version_use *uses; /* (use_count,): they cannot be deleted while this is there */
    size_t use_count;
    const struct record *records; /* (record_count,) kind, name, body: come with the version */
    size_t record_count;
    void (*progress)(void *context, uint64_t done, uint64_t total); /* may be NULL */
    void *context;
};

void registry_now(char when[32]); /* RFC 3339, UTC, seconds: as rows have it */

/* Keep a place for the next version of a model: its id is never given again. A version without a
 * place may still take the number. */
enum status registry_reserve(struct registry *registry, const char *model,
                             struct version_place *place, struct error *err) must_check;

/* Freeze the next version. When the newest version has the same digest nothing is stored:
 * *unchanged is true and `version` is that one; not with a place. INVALID_INPUT for a bad name
 * ([A-Za-z0-9][A-Za-z0-9._-]*, in parts between '/', at most 128
 * bytes). */
enum status registry_add(struct registry *registry, const struct version_upload *upload,
                         struct version *version, bool *unchanged, struct arena *keep,
                         struct error *err) must_check;

/* "name", "name:3", "name@alias", "name^" (one before the newest; ^^ two ...); plain name: the
 * newest. NOT_FOUND with a suggestion. */
enum status registry_resolve(struct registry *registry, const char *reference,
                             struct version *version, struct arena *keep, struct error *err)
    must_check;

/* The version of that id. NOT_FOUND. */
enum status registry_resolve_id(struct registry *registry, int64_t id, struct version *version,
                                struct arena *keep, struct error *err) must_check;

/* All models' newest versions (model NULL), or all versions of one, newest first. */
enum status registry_list(struct registry *registry, const char *model, struct version **versions,
                          size_t *count, struct arena *keep, struct error *err) must_check;

/* Rows that a caller has kept: a version never changes, so they need not be read again. */
struct version_known {
    const struct version *(*find)(void *context, int64_t id); /* or NULL */
    void *context;
};
/* All versions of all models, by name, newest first, with their aliases, without `pushed`. Texts of
 * those that are known are the caller's. */
enum status registry_list_all(struct registry *registry, const struct version_known *known,
                              struct version **versions, size_t *count, struct arena *keep,
                              struct error *err) must_check;

/* Open the stored artifact of a version, members mapped straight out of the layer blob. */
enum status registry_artifact(struct registry *registry, const struct version *version,
                              struct artifact **artifact, struct error *err) must_check;

/* Move, create or (number 0) remove an alias. `expected` >= 0: only if it stands there now (0: does
 * not exist), else CONFLICT. Every move is kept in the history. */
enum status registry_alias(struct registry *registry, const char *model, const char *alias,
                           int64_t number, int64_t expected, struct error *err) must_check;

/* Delete a version (number > 0) or a model with all versions (0). CONFLICT names the aliases that
 * stand on it, and the applications that use it. Numbers are never given again. Blobs go with
 * registry_gc. */
enum status registry_delete(struct registry *registry, const char *model, int64_t number,
                            struct error *err) must_check;

/* Remove blobs and temporary files that nothing refers to and that no running upload is writing. */
enum status registry_gc(struct registry *registry, uint64_t *files, uint64_t *bytes,
                        struct error *err) must_check;

/* Keep a record: kind, name, version and body of `record`, with a copy of `blob` ({NULL, 0}: none);
 * fills in its id. One that has the name is replaced, or CONFLICT. NOT_FOUND: no such version. */
enum status registry_record_put(struct registry *registry, struct record *record, struct bytes blob,
                                bool replace, struct error *err) must_check;

struct record_filter { /* what is 0 or NULL is not asked for */
    const char *kind, *name;
    int64_t id, version;
};
/* By id. */
enum status registry_record_list(struct registry *registry, const struct record_filter *filter,
                                 struct record **records, size_t *count, struct arena *keep,
                                 struct error *err) must_check;
/* The first one, or *found is false. */
enum status registry_record_find(struct registry *registry, const struct record_filter *filter,
                                 bool *found, struct record *record, struct arena *keep,
                                 struct error *err) must_check;
enum status registry_record_remove(struct registry *registry, int64_t id, struct error *err)
    must_check;
/* The file that holds the bytes of a record, kept. NOT_FOUND when it has none. */
enum status registry_record_path(struct registry *registry, const struct record *record,
                                 const char **path, struct arena *keep, struct error *err)
    must_check;

struct text;
/* Read everything back: rows, blobs, digests, layout. `report` gets one line per fault; *faults
 * their number. */
enum status registry_verify(struct registry *registry, struct text *report, size_t *faults,
                            struct error *err) must_check;

/* A number that grows with each change of any row by any process: cheap, for servers that watch. */
enum status registry_generation(struct registry *registry, int64_t *generation, struct error *err)
    must_check;
