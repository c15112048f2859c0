// SPDX-License-Identifier: Apache-2.0
/* Routes: one group a file in server/routes/, registered by file name
 * (`const struct route_set routes_health`), found through a tree of path segments. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "server/http/http1.h"

struct request;
struct response;
struct text;

enum {
    ROUTE_CONTROL = 1, /* reads or changes the registry: always on a control thread */
    ROUTE_STREAM = 2,  /* the handler reads the body itself, in pieces, on a control thread */
    /* A method of gRPC, path "/package.Service/Method": only application/grpc over HTTP/2 leads
     * there. Body and response are one message each, without frame or compression; metadata are
     * headers; the status goes into trailers. A stream of the server is a response with a feed. */
    ROUTE_GRPC = 4,
    ROUTE_UNLISTED = 16, /* with ROUTE_GRPC: reflection does not tell of it */
    ROUTE_CHANGES = 8,   /* as ROUTE_CONTROL, refused to foreign pages, but on any thread */
};

struct route {
    enum http_method method; /* HTTP_GET answers HEAD too */
    const char *path;        /* "/v2/models/{model}/infer"; "{name...}": several segments */
    enum status (*handle)(struct request *request, struct response *response, struct error *err);
    const char *summary;
    unsigned flags;
};

struct route_set {
    const char *name, *summary;
    const struct route *routes;
    size_t count;
    /* How this group says errors; NULL: {"error", "status", "fix"}. */
    void (*write_error)(const struct error *err, struct text *text);
    /* Literal paths ("/api/v2"): what is unknown there or below is answered so too. */
    const char *below[4];
};

enum { ROUTE_PARAMETERS_MAX = 4 };

struct route_match {
    const struct route *route;                     /* NULL: no such path, or not with this method */
    const struct route_set *set;                   /* of the path, or above it; NULL: none */
    size_t index;                                  /* of the route among all */
    struct bytes parameters[ROUTE_PARAMETERS_MAX]; /* as sent */
    size_t parameter_count;
    unsigned allowed; /* bit per method of that path; 0: no such path */
};

struct router;

/* `sets` ends with NULL and is borrowed. INTERNAL when two routes are the same or one is malformed.
 */
enum status router_new(const struct route_set *const *sets, struct router **router,
                       struct error *err) must_check;
void router_free(struct router *router);
void router_find(const struct router *router, enum http_method method, struct bytes path,
                 struct route_match *match);
size_t router_count(const struct router *router);

/* The services of gRPC that routes with ROUTE_GRPC make, "package.Service", each once. */
void router_services(const struct router *router, void (*each)(struct bytes name, void *context),
                     void *context);
bool router_has_service(const struct router *router, struct bytes name);

/* The routes of server/routes/. */
const struct route_set *const *routes_all(void);
