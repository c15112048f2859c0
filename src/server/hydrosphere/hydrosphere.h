// SPDX-License-Identifier: Apache-2.0
/* What Hydrosphere's protocols call what firn holds: the same over REST and gRPC. A version keeps
 * the number that the store gave it (version.id), an application that of its name
 * (version.model_id); servables are names of versions (struct table_servable). Everything here is
 * borrowed from the pinned table or lies in the request's memory. */
#pragma once

#include "applications/application.h"
#include "contract/manifest.h"
#include "formats/json/json.h"
#include "server/access.h"

/* The request's body: JSON of that kind, of at most 256 KiB. */
enum status hydrosphere_body(struct request *request, enum json_kind kind, struct json *body,
                             struct error *err) must_check;

/* --- versions --- */

struct hydrosphere_image {
    const char *name, *tag; /* never NULL */
    const char *sha;        /* "sha256:HEX"; NULL: not said */
};

struct hydrosphere_version {
    const struct version *row;
    struct contract contract;         /* of the row */
    const struct signature *predict;  /* the one that a client of one signature gets; NULL: none */
    struct hydrosphere_image image;   /* NAME:NUMBER */
    struct hydrosphere_image runtime; /* as declared, else firn itself */
    const char *install_command;      /* NULL: none */
    const struct manifest_pair *metadata;
    size_t metadata_count;
    int64_t monitoring_batch;
    const struct manifest *manifest; /* NULL: none was given */
};

bool hydrosphere_is_application(const struct version *row);
enum status hydrosphere_version(const struct version *row, struct hydrosphere_version *version,
                                struct arena *arena, struct error *err) must_check;

/* --- servables --- */

enum servable_state { /* numbers of the protocols */
                      SERVABLE_NOT_SERVING = 0,
                      SERVABLE_NOT_AVAILABLE = 1,
                      SERVABLE_STARTING = 2,
                      SERVABLE_SERVING = 3,
};
const char *servable_state_name(enum servable_state state); /* "NotServing" */

/* `why` (may be NULL) gets what there is to say, "" when nothing. */
enum servable_state hydrosphere_servable_state(const struct table_servable *servable,
                                               const char **why);

/* Is it an instance, and not only a name? It was deployed, or its version is loaded or failed. */
bool hydrosphere_is_running(const struct table_servable *servable);

/* What was said when it was deployed; empty when nothing was. */
struct servable_note {
    const char *deployment; /* of the deployment configuration; NULL: none */
    struct manifest_pair *metadata;
    size_t metadata_count;
};
/* Of the body of an order or of a record: {"metadata", "deploymentConfigName"}, both optional. */
enum status servable_note_read(const struct json *body, struct servable_note *note,
                               struct arena *arena, struct error *err) must_check;
enum status hydrosphere_servable_note(const struct table_servable *servable,
                                      struct servable_note *note, struct arena *arena,
                                      struct error *err) must_check;

/* Give a version a further name and load it. On a control thread, nothing pinned; the table has it
 * when this returns. *name lies in the request's memory. */
enum status hydrosphere_deploy(struct request *request, const struct version *version,
                               const struct servable_note *note, const char **name,
                               struct error *err) must_check;
/* Take a deployed name away. NOT_FOUND; CONFLICT for a version's own name. */
enum status hydrosphere_undeploy(struct request *request, struct bytes name, struct error *err)
    must_check;

/* The version behind what a client calls a servable: its name, "iris:3", "iris-3" or a model's name
 * (the version that serves). In a pinned table. NOT_FOUND. */
enum status hydrosphere_servable_find(const struct model_table *table, struct bytes name,
                                      struct loaded **loaded, struct error *err) must_check;

/* prediction_handle for what a client calls a servable. */
struct prediction_wire;
enum status hydrosphere_predict(struct request *request, struct response *response,
                                struct bytes name, const struct prediction_wire *wire,
                                struct error *err) must_check;

/* A request without a name: that of the metadata "firn-model", or the only model there is.
 * INVALID_INPUT when there are several. */
enum status hydrosphere_only_model(struct request *request, const char **name, struct error *err)
    must_check;

/* --- applications --- */

enum application_state {
    APPLICATION_FAILED = 0,
    APPLICATION_ASSEMBLING = 1,
    APPLICATION_READY = 2
};
const char *application_state_name(enum application_state state); /* "Failed" */

struct hydrosphere_variant {
    const struct table_servable *servable; /* the version's own; NULL: it is not there */
    int64_t weight;                        /* of 100 */
    bool shadow;
};

struct hydrosphere_stage {
    const char *id;                    /* "app3stage0" */
    const struct signature *signature; /* of its first variant; NULL: none */
    struct hydrosphere_variant *variants;
    size_t variant_count;
};

struct hydrosphere_application {
    const struct version *row; /* of the version that serves, or the newest */
    int64_t id;
    enum application_state state;
    const char *message; /* "" when there is nothing to say */
    struct contract contract;
    struct hydrosphere_stage *stages;
    size_t stage_count;
    const struct manifest_pair *metadata;
    size_t metadata_count;
};

/* `model`: an application, of a pinned table. */
enum status hydrosphere_application(const struct model_table *table,
                                    const struct table_model *model,
                                    struct hydrosphere_application *application,
                                    struct arena *arena, struct error *err) must_check;
