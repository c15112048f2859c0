// SPDX-License-Identifier: Apache-2.0
/* Images to and from registries, by the server: only those that whoever started it named. One at a
 * time, so that other work on the registry goes on. */
#include <stdatomic.h>
#include <stdio.h>

#include "formats/json/json.h"
#include "images/push.h"
#include "images/standalone.h"
#include "loading/image.h"
#include "registry/version_json.h"
#include "server/internal.h"
#include "server/stored.h"

static _Atomic bool busy; /* a push or pull is under way */

static bool is_named(const struct image_hosts *hosts, const char *host, struct arena *arena)
{
    struct image_reference whole;
    struct error ignored;
    const char *text;

    if (image_hosts_find(hosts, host))
        return true;
    text = hosts->registry ? arena_printf(arena, "%s/x", hosts->registry) : NULL;
    return text && image_reference_parse(text, &whole, arena, &ignored) == STATUS_OK &&
           !whole.folder && strcmp(whole.host, host) == 0;
}

static enum status reference_read(struct request *request, const char *text,
                                  struct image_reference *reference, struct error *err)
{
    const struct image_hosts *hosts = request->server->hosts;
    enum status status;

    TRY(image_reference_parse(text, reference, request_arena(request), err));
    if (hosts && !reference->folder && is_named(hosts, reference->host, request_arena(request)))
        return STATUS_OK;
    status = error_set(err, STATUS_UNSUPPORTED, "%s is not one of the registries of this server",
                       reference->folder ? "a folder" : reference->host);
    error_fix(err, "start it with --registry, or name the host in its registries.yaml");
    return status;
}

static enum status query_needed(struct request *request, const char *name, const char **value,
                                struct error *err)
{
    TRY(request_query(request, name, value, err));
    return *value ? STATUS_OK
                  : error_set(err, STATUS_INVALID_INPUT, "query parameter %s names an image", name);
}

static enum status begin(struct error *err)
{
    if (!atomic_exchange(&busy, true))
        return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "another push or pull is under way");
}

static enum status push_target(struct request *request, const struct version *version,
                               struct image_reference *reference, struct error *err)
{
    const struct image_hosts *hosts = request->server->hosts;
    const char *to;

    TRY(request_query(request, "to", &to, err));
    if (to)
        return reference_read(request, to, reference, err);
    if (hosts && hosts->registry)
        return image_push_reference(hosts->registry, version, reference, request_arena(request),
                                    err);
    return error_set(err, STATUS_INVALID_INPUT, "query parameter to names an image");
}

static enum status push(struct request *request, struct response *response, struct error *err)
{
    struct arena *arena = request_arena(request);
    struct image_reference reference;
    struct image_push to = {.reference = &reference, .hosts = request->server->hosts};
    struct image_pushed pushed;
    struct registry *registry;
    struct version version;
    enum status status;

    TRY(stored_version(request, &registry, &version, err));
    TRY(push_target(request, &version, &reference, err));
    if (request_query_flag(request, "standalone"))
        TRY(standalone_find(&to.server, arena, err));
    TRY(begin(err));
    status = load_push(registry, &version, &to, &pushed, arena, err);
    atomic_store(&busy, false);
    TRY(status);
    text_append(&response->body, "{\"reference\":");
    json_write_text(&response->body, pushed.reference);
    text_append(&response->body, ",\"digest\":");
    json_write_text(&response->body, pushed.digest);
    text_printf(&response->body, ",\"bytes\":%lld,\"blobs\":%zu,\"existed\":%zu}",
                (long long)pushed.bytes, pushed.blobs, pushed.existed);
    return STATUS_OK;
}

static enum status pull(struct request *request, struct response *response, struct error *err)
{
    struct image_reference reference;
    struct load_pull from = {.hosts = request->server->hosts};
    struct registry *registry;
    struct version version;
    bool unchanged = false;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    TRY(query_needed(request, "from", &from.reference, err));
    TRY(request_query(request, "name", &from.name, err));
    TRY(request_query(request, "path", &from.path, err));
    TRY(reference_read(request, from.reference, &reference, err));
    TRY(begin(err));
    status = load_pull(registry, &from, &version, &unchanged, request_arena(request), err);
    atomic_store(&busy, false);
    TRY(status);
    response->status = unchanged ? 200 : 201;
    text_append_char(&response->body, '{');
    version_print_members(&version, false, &response->body);
    text_printf(&response->body, ",\"unchanged\":%s}", unchanged ? "true" : "false");
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/api/models/{model}/versions/{version}/push", push,
     "push it to the image ?to=, or to the server's registry; ?standalone=1: with the server in it",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/pull", pull,
     "pull the image ?from= as the next version; ?name= of the model, ?path= inside the image",
     ROUTE_CONTROL},
};

const struct route_set routes_images = {
    .name = "images",
    .summary = "images to and from registries",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
