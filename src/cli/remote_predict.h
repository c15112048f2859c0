// SPDX-License-Identifier: Apache-2.0
/* Predicting with a served version: Open Inference over HTTP. */
#pragma once

#include "cli/input.h"
#include "registry/registry.h"

struct remote_answer {
    struct version version;
    struct contract contract;
    const struct signature *signature;
    struct tensor *outputs; /* in the order of the signature */
};

/* Resolve `reference` on the server, bind the inputs to its contract, ask, read the answer. */
enum status remote_predict(const char *server, const char *reference, const char *signature,
                           const struct inputs *inputs, struct remote_answer *answer,
                           struct arena *keep, struct error *err) must_check;
