// SPDX-License-Identifier: Apache-2.0
/* saved.json: what the client's saver knew of an object when it wrote the files beside it. The
 * names of its keys are those of python/firn/savers/saved.py. It counts where firn itself does not
 * run the model; what firn reads from the model's own files goes before it. */
#pragma once

#include "contract/contract.h"
#include "formats/archive/artifact.h"

#define SAVED_NAME "saved.json"

struct saved { /* NULL and 0: not told */
    const char *adapter;
    const char *framework, *framework_version;
    const char *python; /* "3.11": pickles of code are tied to it */
    struct contract contract;
};

/* All zeros when there is no such file. INVALID_INPUT: it is none of ours. */
enum status saved_read(const struct artifact *artifact, struct saved *saved, struct arena *keep,
                       struct error *err) must_check;

/* An adapter's contract in JSON: every fact of it comes from `source`. `list`: the array of
 * signatures; `reason`: why firn itself does not run them. */
enum status saved_contract(struct bytes list, const char *source, const char *reason,
                           struct contract *contract, struct arena *keep, struct error *err)
    must_check;
