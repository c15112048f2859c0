// SPDX-License-Identifier: Apache-2.0
/* Data sets: named bytes with revisions. docs/datasets.md says what the formats are that clients
 * put. */
#include "server/datasets/check.h"
#include "server/objects.h"

#define KIND "dataset"

static enum status list(struct request *request, struct response *response, struct error *err)
{
    return objects_list(request, response, KIND, err);
}

static enum status get(struct request *request, struct response *response, struct error *err)
{
    return objects_get(request, response, KIND, err);
}

static enum status put(struct request *request, struct response *response, struct error *err)
{
    return objects_put_checked(request, response, KIND, dataset_check, err);
}

static enum status drop(struct request *request, struct response *response, struct error *err)
{
    return objects_drop(request, response, KIND, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/datasets", list,
     "the newest revision of every data set; ?pattern=: of those whose name matches",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/datasets/{name...}", get,
     "its bytes; ?metadata: what is known of it; ?revisions: all, newest first; name@3 and name^ "
     "are revisions",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/datasets/{name...}", put,
     "the body is its next revision; ?format=, ?append, ?expect= (a revision, 0: none), header "
     "Firn-Metadata (JSON, percent-encoded)",
     ROUTE_STREAM},
    {HTTP_DELETE, "/api/datasets/{name...}", drop, "drop it, or the revision that is named",
     ROUTE_CONTROL},
};

const struct route_set routes_datasets = {
    .name = "datasets",
    .summary = "data sets",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
