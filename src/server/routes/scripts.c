// SPDX-License-Identifier: Apache-2.0
/* Scripts: functions that jobs run. */
#include "server/objects.h"

#define KIND "script"

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
    return objects_put(request, response, KIND, err);
}

static enum status drop(struct request *request, struct response *response, struct error *err)
{
    return objects_drop(request, response, KIND, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/scripts", list,
     "the newest revision of every script; ?pattern=: of those whose name matches", ROUTE_CONTROL},
    {HTTP_GET, "/api/scripts/{name...}", get,
     "its files, a tar; ?metadata: what is known of it; ?revisions: all, newest first",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/scripts/{name...}", put,
     "the body is its next revision: a tar of src/func_main.py, function.json, requirements.txt",
     ROUTE_STREAM},
    {HTTP_DELETE, "/api/scripts/{name...}", drop, "drop it, or the revision that is named",
     ROUTE_CONTROL},
};

const struct route_set routes_scripts = {
    .name = "scripts",
    .summary = "functions that jobs run",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
