// SPDX-License-Identifier: Apache-2.0
/* Application: stages of weighted variants behind one name. It is a version like any other: what
 * is stored is a manifest that names versions of models; its contract is computed, and checked
 * stage by stage, when it is made. */
#pragma once

#include "contract/manifest.h"
#include "engine/servable.h"
#include "registry/registry.h"

#define APPLICATION_FORMAT "firn-application" /* version.format of such a version */

enum { APPLICATION_STAGES_MAX = 100, APPLICATION_VARIANTS_MAX = 100, APPLICATION_WEIGHTS = 100 };

struct application_variant {
    const char *model;
    int64_t number;
    const char *digest;
    int64_t weight; /* of APPLICATION_WEIGHTS in its stage */
    bool shadow;    /* is given a copy of every request and never answers */
    size_t part;    /* index into parts */
};

struct application_stage {
    const char *signature; /* NULL: see application_link */
    struct application_variant *variants;
    size_t variant_count;
};

/* A version that the application uses, once however many variants name it. */
struct application_part {
    struct version version;
    struct contract contract;
};

struct application {
    const char *name;
    struct application_stage *stages;
    size_t stage_count;
    struct application_part *parts;
    size_t part_count;
    /* Requests of one key are answered by one variant. The key is the value of a header (NULL:
     * Firn-Sticky), of a request without it that of an input (NULL: of none). */
    const char *sticky_header, *sticky_field;
    const struct manifest_pair *metadata;
    size_t metadata_count;

    struct contract contract;       /* of the whole */
    struct application_path *paths; /* (contract.count,): how each signature is computed */
};

/* Where an input of a stage comes from. */
enum { WIRE_REQUEST = -1 };
struct wire {
    int32_t stage; /* WIRE_REQUEST: the request */
    uint32_t field;
};

struct application_call { /* of a variant in a path */
    size_t signature;     /* of its contract */
    uint32_t *inputs;     /* (input_count,): field of the stage for each of the variant's inputs */
    uint32_t *outputs;    /* (output_count,): the variant's output for each field of the stage */
};

struct application_step {
    struct field *inputs, *outputs; /* of the stage: what its variants agree on */
    size_t input_count, output_count;
    struct wire *wires;             /* (input_count,) */
    struct application_call *calls; /* (variant_count,) */
};

struct application_path {
    struct application_step *steps; /* (stage_count,) */
    size_t sticky;                  /* the input that sticky_field names; SIZE_MAX: none */
};

/* From what a manifest says, with every model resolved to a version that is there. */
enum status application_resolve(struct registry *registry, const struct manifest_application *from,
                                struct application *application, struct arena *keep,
                                struct error *err) must_check;

/* What was stored, read back: a version that is no longer the same is CONFLICT. */
enum status application_parse(struct registry *registry, struct bytes manifest,
                              struct application *application, struct arena *keep,
                              struct error *err) must_check;
struct text;
/* A manifest, as JSON, of an application that was resolved. */
void application_print(const struct application *application, struct text *json);

/* The one document of a manifest, which must be of kind Application. */
enum status application_manifest(struct bytes manifest, const char *file_name,
                                 const struct manifest_application **application,
                                 struct arena *keep, struct error *err) must_check;

/* Compute paths and contract. One stage that names no signature has those that all its variants
 * have; else there is one, called as the stage's or, of a pipeline, as the application. Variants
 * of a stage must have the same fields; every input of a later stage is an output of an earlier
 * one, of the nearest. INVALID_INPUT names stage, field and reason. */
enum status application_link(struct application *application, struct arena *keep, struct error *err)
    must_check;

/* Freeze it as the next version under its name: one transaction; the versions it uses cannot be
 * deleted while it is there. CONFLICT when a model has that name. */
enum status application_add(struct registry *registry, const struct manifest_application *from,
                            struct version *version, bool *unchanged, struct arena *keep,
                            struct error *err) must_check;

/* The most inputs and outputs that a step has. */
void application_widths(const struct application *application, size_t *inputs, size_t *outputs);

/* One that answers. `parts`: (application->part_count,), taken over, also when this fails; so is
 * `memory`, where the application lives. */
enum status application_servable(const struct application *application, struct servable **parts,
                                 struct arena *memory, struct servable **servable,
                                 struct error *err) must_check;
