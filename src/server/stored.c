// SPDX-License-Identifier: Apache-2.0
#include "server/stored.h"

#include <string.h>

#include "server/internal.h"

enum status stored_registry(const struct request *request, struct registry **registry,
                            struct error *err)
{
    *registry = request->server->registry;
    return *registry ? STATUS_OK
                     : error_set(err, STATUS_UNAVAILABLE, "this server has no registry");
}

enum status stored_parameter(struct request *request, size_t index, const char **text,
                             struct error *err)
{
    *text = arena_text(request_arena(request), request->parameters[index]);
    return *text ? STATUS_OK : error_no_memory(err, "a request");
}

enum status stored_version(struct request *request, struct registry **registry,
                           struct version *version, struct error *err)
{
    struct arena *arena = request_arena(request);
    const char *model, *which, *reference;

    TRY(stored_registry(request, registry, err));
    TRY(stored_parameter(request, 0, &model, err));
    TRY(stored_parameter(request, 1, &which, err));
    if (strcmp(which, "newest") == 0)
        reference = model;
    else
        reference = arena_printf(arena, *which == '@' ? "%s%s" : "%s:%s", model, which);
    if (!reference)
        return error_no_memory(err, "a request");
    return registry_resolve(*registry, reference, version, arena, err);
}
