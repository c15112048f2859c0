// SPDX-License-Identifier: Apache-2.0
/* serving.yaml: what the user declares. `kind: Model`, `name`, `model-type`, `payload` with globs,
 * `contract` with several signatures. */
#pragma once

#include "contract/contract.h"

struct manifest {
    const char *name;       /* NULL when not given */
    const char *model_type; /* "python:3.6"; NULL when not given */
    const char **payload;   /* globs, relative */
    size_t payload_count;
    struct contract
        contract; /* count 0 when not declared; evidence DECLARED "serving.yaml:LINE".
                   * Facts not given: dtype DTYPE_NONE, rank RANK_UNKNOWN, PROFILE_NONE */
    const char **warnings;
    size_t warning_count;
};

/* INVALID_INPUT with the line: an unknown key, type or profile with a suggestion, a duplicate key,
 * an alias, too deep, not UTF-8. */
enum status manifest_parse(struct bytes yaml, const char *file_name, struct manifest *manifest,
                           struct arena *keep, struct error *err) must_check;

/* Merge field by field what was declared into what was inferred. Declared fills in what is
 * unknown or derived; a contradiction of a stored fact is CONFLICT and shows both. Signatures that
 * the artifact does not have are an error unless `inferred` is empty. What `declared` holds is
 * borrowed by `inferred`. */
enum status contract_merge(struct contract *inferred, const struct contract *declared,
                           struct arena *keep, struct error *err) must_check;
