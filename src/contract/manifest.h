// SPDX-License-Identifier: Apache-2.0
/* serving.yaml: what the user declares. All generations of the file that Hydrosphere had are read:
 * several documents, each of a kind (kinds/, one a file). What is wrong is said with its line and
 * with what was probably meant; what is read otherwise than written is a note. */
#pragma once

#include "contract/contract.h"

struct remark {
    enum remark_kind { REMARK_ERROR, REMARK_NOTE } kind;
    size_t line;
    const char *text, *fix; /* fix: NULL, or what to do */
};

struct manifest_pair {
    const char *key, *value;
};

/* Another model watches this one: its output is compared with a threshold. */
struct manifest_monitor {
    const char *name, *model; /* "name:version" */
    const char *comparison;   /* == != > < >= <= */
    double threshold;
};

/* A filter of a chain; filters/filter.h says what there is. */
struct yaml;
struct manifest_filter {
    const char *name;
    const struct yaml *options; /* a map, or a lone value; NULL: none given */
    size_t line;
};

/* What stands between clients and one field of the model; in the order in which values pass. */
struct manifest_chain {
    const char *signature; /* NULL: all that have the field */
    const char *field;
    enum manifest_side { SIDE_ANY, SIDE_INPUT, SIDE_OUTPUT } side; /* ANY: where the field is */
    struct manifest_filter *filters;
    size_t count, line;
};

struct manifest {           /* kind: Model */
    const char *name;       /* NULL when not given */
    const char *model_type; /* "python:3.6"; NULL when not given */
    const char *runtime;    /* "image:tag", of later generations; NULL when not given */
    int generation;         /* 0, 1, or 2 for all later ones */
    const char *description, *install_command, *training_data; /* NULL when not given */
    const char **payload;                                      /* globs, relative */
    size_t payload_count;
    struct contract
        contract;              /* count 0 when not declared; evidence DECLARED "serving.yaml:LINE".
                                * Facts not given: dtype DTYPE_NONE, rank RANK_UNKNOWN, PROFILE_NONE */
    const char *contract_file; /* of the oldest form: a ModelContract, relative; or NULL */
    size_t contract_line;      /* where it is named */
    struct manifest_pair *metadata;
    size_t metadata_count;
    struct manifest_monitor *monitors;
    size_t monitor_count;
    int64_t monitoring_batch; /* 0 when not given */
    struct manifest_chain *chains;
    size_t chain_count;
    const char **warnings; /* the notes, with their lines */
    size_t warning_count;
};

struct manifest_variant {
    const char *model;   /* "name", "name:version" or "name@alias" */
    int64_t weight;      /* of 100 in its stage */
    const char *runtime; /* of the first generation; or NULL */
    bool shadow;         /* gets a copy of requests, never answers; weight 0 */
    const char *digest;  /* of the version, when it was resolved; or NULL */
};

struct manifest_stage {
    const char *signature; /* NULL: the model's first */
    struct manifest_variant *variants;
    size_t variant_count;
};

struct manifest_application { /* kind: Application */
    const char *name;
    struct manifest_stage *stages;
    size_t stage_count;
    /* What keeps requests with one variant: a header in small letters, and an input. NULL: see
     * struct application. */
    const char *sticky_header, *sticky_field;
    struct manifest_pair *metadata;
    size_t metadata_count;
};

struct manifest_document {
    const char *kind, *name; /* name: NULL when not given */
    size_t line;
    struct bytes text;                        /* of this document alone, borrowed */
    struct manifest *model;                   /* of kind Model */
    struct manifest_application *application; /* of kind Application; other kinds have neither */
};

struct manifests {
    struct manifest_document *documents;
    size_t count;
    struct remark *remarks; /* by line */
    size_t remark_count, error_count;
};

/* Every document, with all remarks. INVALID_INPUT only for what is no YAML, or too deep or large:
 * an alias, an anchor, a doubled key, not UTF-8. */
enum status manifests_parse(struct bytes yaml, const char *file_name, struct manifests *manifests,
                            struct arena *keep, struct error *err) must_check;

/* INVALID_INPUT with the line and the fix of the first error. */
enum status manifests_check(const struct manifests *manifests, const char *file_name,
                            struct error *err) must_check;

/* The one document of kind Model. INVALID_INPUT with the line: the first error among the remarks
 * of the file, or no such document, or several. */
enum status manifest_parse(struct bytes yaml, const char *file_name, struct manifest *manifest,
                           struct arena *keep, struct error *err) must_check;

/* Merge field by field what was declared into what was inferred. Declared fills in what is
 * unknown or derived; a contradiction of a stored fact is CONFLICT and shows both. Signatures that
 * the artifact does not have are an error unless `inferred` is empty. What `declared` holds is
 * borrowed by `inferred`. */
enum status contract_merge(struct contract *inferred, const struct contract *declared,
                           struct arena *keep, struct error *err) must_check;
