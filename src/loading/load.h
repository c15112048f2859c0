// SPDX-License-Identifier: Apache-2.0
/* Loading: from a path or a stored version to a servable. The one way that the program and the
 * server share: open the artifact, import it, put the manifest over it, make it servable. */
#pragma once

#include "contract/adapters.h"
#include "contract/manifest.h"
#include "engine/native.h"
#include "engine/servable.h"
#include "filters/filter.h"
#include "importers/importer.h"
#include "loading/saved.h"
#include "registry/registry.h"

/* Name of the manifest inside a model's folder. */
#define MANIFEST_NAME "serving.yaml"

struct loading { /* stays where it is between load_open and load_close */
    struct artifact *artifact;
    struct description description; /* with what the manifest declares */
    struct contract imported;       /* without: what the graph computes */
    struct contract inner;          /* behind the filters, where the manifest has some */
    struct filter_chains filters;   /* its graph is NULL when there are none */
    struct graph *graph;            /* NULL when description.reason says why not */
    struct saved saved;             /* what the saver told; all zeros when there was none */
    struct manifest manifest;
    struct bytes manifest_text; /* as it was given; empty when there is none */
    struct arena model;         /* where all of it lives */
};

/* Open, import and merge. `manifest_path`: a manifest file; NULL: the serving.yaml of a folder,
 * when it holds one. Ends with load_close in any case. */
enum status load_open(const char *path, const char *manifest_path, struct loading *loading,
                      struct error *err) must_check;
/* The same with the manifest as text; `name` of it is for messages. */
enum status load_open_text(const char *path, struct bytes manifest, const char *name,
                           struct loading *loading, struct error *err) must_check;
/* The same for an artifact that is already open, which is taken over. `manifest`: its text, empty
 * for none; `name` of it is for messages. */
enum status load_artifact(struct artifact *artifact, struct bytes manifest, const char *name,
                          struct loading *loading, struct error *err) must_check;

/* As load_artifact, but what manifest and specifications declare of the contract is not merged. */
enum status load_import(struct artifact *artifact, struct bytes manifest, const char *name,
                        struct loading *loading, struct error *err) must_check;

/* Put what 0Mind's task or archive says over the contract of what was imported; load_artifact does
 * it with what an archive holds. */
struct zeromind_specification;
enum status load_specify(struct loading *loading,
                         const struct zeromind_specification *specification, struct error *err)
    must_check;

/* Put the chains of the manifest (its name is for messages) in front of the contract as it is now;
 * without chains nothing is done. Part of load_artifact and the like; behind load_import and
 * load_specify callers do it. What is loaded again later knows the manifest alone: a contract that
 * comes from elsewhere has to stand in it. */
enum status load_filter(struct loading *loading, const char *name, struct error *err) must_check;

struct worker_policy;
struct loading_add {
    const char *name; /* of the model; NULL: the manifest's, or from the artifact's name */
    /* Not NULL: what a worker of it needs is installed first, which must succeed. */
    const struct worker_policy *workers;
    enum parity_wish verify; /* with workers */
    struct bytes facts;      /* JSON of strings, kept with the version as LOAD_FACTS; empty: none */
    const struct version_place *place; /* see registry_add */
    const struct record *record;       /* one more that comes with the version; NULL: none */
    void (*progress)(void *context, uint64_t done, uint64_t total); /* may be NULL */
    void *context;
    struct bytes log; /* what happened before, lines; empty: nothing to tell */
    /* Not NULL: appends the lines that were told so far, those of workers->log with them, which are
     * kept instead of `log` and the log of what was installed. */
    void (*told)(void *context, struct text *log);
};

struct worker_policy;
/* Kind of the record that keeps what happened when a version was made; its name is LOAD_LOG. */
#define LOAD_LOG "build-log"
#define LOAD_LOG_FACT "fact " /* what a line of it about a fact begins with */
/* Kind and name of the record of what else is known of an upload: {"git.branch": "main", ...}. */
#define LOAD_FACTS "facts"
/* The same of its training data: a CSV file. */
#define LOAD_TRAINING "training-data"
/* What there is to tell about an upload: its files, what they are, the contract and where each fact
 * of it comes from, warnings, whether firn serves it. Lines. */
void load_log(const struct loading *loading, bool workers, struct text *log); /* allowed? */
/* The log that is kept with a version, with its digest and number; "" when there is none. `workers`
 * (NULL: not asked) say whether what was compared is what is installed now. */
enum status load_log_read(struct registry *registry, const struct version *version,
                          const struct worker_policy *workers, struct text *log, struct arena *keep,
                          struct error *err) must_check;

/* Its lines about facts, below one head that is `width` wide. */
void load_log_facts(const struct text *log, int width, struct text *text);

/* Freeze what was opened as the next version in the registry; see registry_add. */
enum status load_add(struct loading *loading, struct registry *registry,
                     const struct loading_add *add, struct version *version, bool *unchanged,
                     struct arena *keep, struct error *err) must_check;

struct sharing;
struct load_options {                    /* all may be NULL */
    const struct native_options *native; /* NULL: the defaults */
    struct sharing *sharing;             /* with what else is loaded; NULL: with nothing */
    const struct worker_policy *workers; /* for what is not native; NULL: not allowed */
};

/* Make a servable of what was opened; artifact, arena and description move into it (the description
 * stays readable for as long as the servable). UNSUPPORTED with the reason when it is not native.
 */
enum status load_servable(struct loading *loading, const struct load_options *options,
                          struct servable **servable, struct error *err) must_check;
void load_close(struct loading *loading); /* safe on a zeroed one and after load_servable */

/* A frozen version whose files are these, from wherever; the artifact is taken over. */
enum status load_frozen(struct artifact *artifact, const struct version *version,
                        const struct native_options *options, struct servable **servable,
                        struct error *err) must_check;

/* A stored version, with the contract that was frozen with it. `options` may be NULL. */
enum status load_version(struct registry *registry, const struct version *version,
                         const struct load_options *options, struct servable **servable,
                         struct error *err) must_check;
