// SPDX-License-Identifier: Apache-2.0
/* Uploads as clients of Hydrosphere send them: what they say about a model becomes its manifest, so
 * that nothing of it is lost, and their archive its payload. */
#pragma once

#include "contract/manifest.h"
#include "loading/load.h"
#include "registry/registry.h"
#include "server/received.h"

#define EXTERNAL_FORMAT "external" /* version.format of a model that runs elsewhere */

struct hydrosphere_upload {
    const char *name;        /* NULL: from the manifest among the files, or the archive's name */
    const char *runtime;     /* "image:tag" */
    const char *model_type;  /* "python:3.6", of the first generation */
    const char *description; /* these are NULL when they are not given */
    const char *install_command;
    struct contract contract; /* count 0: none was given */
    struct manifest_pair *metadata;
    size_t metadata_count;
    int64_t monitoring_batch; /* 0: not given */
    struct text log;          /* what there is to tell; owned */
};

/* The part "metadata" of generations 2 and 3, or an external model. */
enum status hydrosphere_upload_json(struct bytes json, struct hydrosphere_upload *upload,
                                    struct arena *keep, struct error *err) must_check;

/* As serving.yaml. */
void hydrosphere_upload_manifest(const struct hydrosphere_upload *upload, struct text *yaml);

/* Open its files with what it says. A contract that is not given is that of contract.protobin or
 * serving.yaml among them, and else that of the model. Takes the artifact over; ends with
 * load_close in any case. */
enum status hydrosphere_upload_load(struct artifact *artifact, struct hydrosphere_upload *upload,
                                    struct loading *loading, struct arena *keep, struct error *err)
    must_check;
/* A model that runs elsewhere: its contract is kept. */
enum status hydrosphere_upload_external(struct request *request, struct hydrosphere_upload *upload,
                                        struct version *version, struct error *err) must_check;
