// SPDX-License-Identifier: Apache-2.0
#include "server/route.h"

#include "base/arena.h"
#include "gen/routes.h"

struct branch { /* one segment of paths */
    struct bytes segment;
    struct branch *children; /* literal segments */
    struct branch *sibling;
    struct branch *parameter; /* the child for {anything} */
    struct branch *folders;   /* the child for {anything...}: one segment or more */
    const struct route *routes[HTTP_METHOD_COUNT];
    const struct route_set *sets[HTTP_METHOD_COUNT];
    size_t indices[HTTP_METHOD_COUNT];
    unsigned allowed;
    const struct route_set *below; /* answers what is unknown here and below; NULL: who is above */
};

struct router {
    struct arena arena;
    struct branch *root;
    size_t count;
};

enum { ROUTER_BYTES_MAX = 4 << 20, SEGMENTS_MAX = 12 };

const struct route_set *const *routes_all(void)
{
    return ROUTES;
}

/* Cut the next segment off the front of a path that begins with '/'. */
static struct bytes segment_cut(struct bytes *path)
{
    struct bytes segment = {path->data + 1, path->size - 1};
    const uint8_t *slash = segment.size ? memchr(segment.data, '/', segment.size) : NULL;

    if (slash)
        segment.size = (size_t)(slash - segment.data);
    path->data = segment.data + segment.size;
    path->size -= segment.size + 1;
    return segment;
}

static struct branch *branch_under(struct router *router, struct branch *parent,
                                   struct bytes segment)
{
    struct branch **link = &parent->children, *branch;

    if (segment.size && segment.data[0] == '{') {
        bool folders = segment.size > 4 && segment.data[segment.size - 2] == '.';
        struct branch **child = folders ? &parent->folders : &parent->parameter;
        if (!*child)
            *child = arena_new(&router->arena, struct branch, 1);
        return *child;
    }
    for (; *link; link = &(*link)->sibling)
        if (bytes_equal((*link)->segment, segment))
            return *link;
    branch = arena_new(&router->arena, struct branch, 1);
    if (branch)
        branch->segment = segment;
    *link = branch;
    return branch;
}

static enum status route_add(struct router *router, const struct route_set *set,
                             const struct route *route, struct error *err)
{
    struct bytes path = bytes_of(route->path);
    struct branch *branch = router->root;
    size_t parameters = 0, segments = 0;

    if (path.size == 0 || path.data[0] != '/')
        return error_set(err, STATUS_INTERNAL, "route %s does not begin with /", route->path);
    while (path.size) {
        struct bytes segment = segment_cut(&path);

        parameters += segment.size && segment.data[0] == '{';
        if (++segments > SEGMENTS_MAX || parameters > ROUTE_PARAMETERS_MAX)
            return error_set(err, STATUS_INTERNAL, "route %s is too long", route->path);
        branch = branch_under(router, branch, segment);
        if (!branch)
            return error_no_memory(err, "routes");
    }
    if (branch->routes[route->method])
        return error_set(err, STATUS_INTERNAL, "route %s %s is there twice",
                         http_method_name(route->method), route->path);
    branch->routes[route->method] = route;
    branch->sets[route->method] = set;
    branch->indices[route->method] = router->count++;
    branch->allowed |= 1u << route->method | 1u << HTTP_OPTIONS;
    if (route->method == HTTP_GET)
        branch->allowed |= 1u << HTTP_HEAD;
    return STATUS_OK;
}

static enum status below_add(struct router *router, const struct route_set *set, const char *text,
                             struct error *err)
{
    struct branch *branch = router->root;
    struct bytes path = bytes_of(text);

    while (path.size && branch)
        branch = branch_under(router, branch, segment_cut(&path));
    if (!branch)
        return error_no_memory(err, "routes");
    if (branch->below)
        return error_set(err, STATUS_INTERNAL, "routes below %s are answered twice", text);
    branch->below = set;
    return STATUS_OK;
}

static enum status set_add(struct router *router, const struct route_set *set, struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        TRY(route_add(router, set, &set->routes[i], err));
    for (size_t i = 0; i < ARRAY_COUNT(set->below) && set->below[i]; i++)
        TRY(below_add(router, set, set->below[i], err));
    return STATUS_OK;
}

enum status router_new(const struct route_set *const *sets, struct router **result,
                       struct error *err)
{
    struct arena arena;
    struct router *router;
    enum status status = STATUS_OK;

    arena_init(&arena, ROUTER_BYTES_MAX);
    router = arena_new(&arena, struct router, 1);
    if (router)
        router->root = arena_new(&arena, struct branch, 1);
    if (!router || !router->root) {
        arena_release(&arena);
        return error_no_memory(err, "routes");
    }
    router->arena = arena;
    for (; *sets && status == STATUS_OK; sets++)
        status = set_add(router, *sets, err);
    if (status != STATUS_OK) {
        router_free(router);
        return status;
    }
    *result = router;
    return STATUS_OK;
}

void router_free(struct router *router)
{
    struct arena arena;

    if (!router)
        return;
    arena = router->arena; /* the router itself lies in it */
    arena_release(&arena);
}

size_t router_count(const struct router *router)
{
    return router->count;
}

/* Is there a method of gRPC right below? */
static bool is_service(const struct branch *branch)
{
    for (const struct branch *child = branch->children; child; child = child->sibling)
        if (child->routes[HTTP_POST] &&
            (child->routes[HTTP_POST]->flags & (ROUTE_GRPC | ROUTE_UNLISTED)) == ROUTE_GRPC)
            return true;
    return false;
}

void router_services(const struct router *router, void (*each)(struct bytes name, void *context),
                     void *context)
{
    for (const struct branch *branch = router->root->children; branch; branch = branch->sibling)
        if (is_service(branch))
            each(branch->segment, context);
}

bool router_has_service(const struct router *router, struct bytes name)
{
    for (const struct branch *branch = router->root->children; branch; branch = branch->sibling)
        if (bytes_equal(branch->segment, name))
            return is_service(branch);
    return false;
}

static const struct branch *find(const struct branch *branch, struct bytes path,
                                 struct route_match *match);

/* One segment more each time, until the rest leads somewhere. `path`: behind the first segment. */
static const struct branch *find_folders(const struct branch *branch, struct bytes segment,
                                         struct bytes path, struct route_match *match)
{
    size_t at = match->parameter_count++;
    const struct branch *found;

    for (;;) {
        match->parameters[at] = segment;
        found = find(branch, path, match);
        if (found || path.size < 2)
            break;
        segment.size += 1 + segment_cut(&path).size;
    }
    if (!found)
        match->parameter_count = at;
    return found;
}

/* A literal segment goes before a parameter, and that before one with folders; when one leads
 * nowhere the next is tried. The depth of the tree bounds the recursion. */
static const struct branch *find(const struct branch *branch, struct bytes path,
                                 struct route_match *match)
{
    struct bytes segment;
    const struct branch *found;

    if (path.size == 0)
        return branch->allowed ? branch : NULL;
    segment = segment_cut(&path);
    for (const struct branch *child = branch->children; child; child = child->sibling)
        if (bytes_equal(child->segment, segment)) {
            found = find(child, path, match);
            if (found)
                return found;
            break;
        }
    if (segment.size == 0)
        return NULL;
    if (branch->parameter) {
        match->parameters[match->parameter_count++] = segment;
        found = find(branch->parameter, path, match);
        if (found)
            return found;
        match->parameter_count--;
    }
    return branch->folders ? find_folders(branch->folders, segment, path, match) : NULL;
}

/* Who answers for an unknown path: the deepest that is there. */
static const struct route_set *find_below(const struct branch *branch, struct bytes path)
{
    const struct route_set *set = NULL;

    while (branch) {
        const struct branch *child = branch->children;
        struct bytes segment;

        set = branch->below ? branch->below : set;
        if (!path.size)
            break;
        segment = segment_cut(&path);
        while (child && !bytes_equal(child->segment, segment))
            child = child->sibling;
        branch = child;
    }
    return set;
}

void router_find(const struct router *router, enum http_method method, struct bytes path,
                 struct route_match *match)
{
    const struct branch *branch = NULL;

    *match = (struct route_match){0};
    if (path.size && path.data[0] == '/')
        branch = find(router->root, path, match);
    if (!branch) {
        if (path.size && path.data[0] == '/')
            match->set = find_below(router->root, path);
        return;
    }
    match->allowed = branch->allowed;
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        match->set = branch->sets[m] ? branch->sets[m] : match->set;
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    if (method >= HTTP_METHOD_COUNT || !branch->routes[method])
        return;
    match->route = branch->routes[method];
    match->set = branch->sets[method];
    match->index = branch->indices[method];
}
