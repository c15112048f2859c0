// SPDX-License-Identifier: Apache-2.0
/* A prediction, whatever the wire: the wire turns its body into tensors and tensors into its
 * answer; what is between is here. */
#pragma once

#include "server/access.h"

struct prediction {
    struct request *request;
    struct response *response;
    struct loaded *loaded;
    const struct signature *signature; /* set by prediction_signature */
    size_t index;                      /* of the signature */
    const struct given *given;         /* (given_count,): set by the wire */
    size_t given_count;
    int64_t timeout_us;              /* the request's own; 0: none */
    struct tensor *inputs, *outputs; /* in the signature's order */
    void *state;                     /* of the wire: what it has, or sets */
};

struct prediction_wire {
    /* Choose the signature and set `given`, and timeout_us. */
    enum status (*parse)(struct prediction *p, struct error *err);
    enum status (*answer)(struct prediction *p, struct error *err);
    void *state;
};

/* By name, NULL for the first: UNSUPPORTED when it cannot be served. */
enum status prediction_signature(struct prediction *p, const char *name, struct error *err)
    must_check;

/* Handle a request for a model: as a handler of a route returns. `version`: empty for the one that
 * serves. */
enum status prediction_handle(struct request *request, struct response *response,
                              struct bytes model, struct bytes version,
                              const struct prediction_wire *wire, struct error *err) must_check;
