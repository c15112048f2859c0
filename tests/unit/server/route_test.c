// SPDX-License-Identifier: Apache-2.0
#include "server/route.h"

#include "test.h"

static enum status nothing(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)response;
    (void)err;
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/", nothing, "root", 0},           {HTTP_GET, "/a", nothing, "a", 0},
    {HTTP_POST, "/a", nothing, "a posted", 0},     {HTTP_GET, "/a/{x}", nothing, "x", 0},
    {HTTP_GET, "/a/stats", nothing, "stats", 0},   {HTTP_GET, "/a/{x}/b/{y}", nothing, "y", 0},
    {HTTP_GET, "/a/stats/c", nothing, "c", 0},     {HTTP_GET, "/f/{x...}/", nothing, "folder", 0},
    {HTTP_PUT, "/f/{x...}/{y}", nothing, "in", 0},
};
static const struct route_set SET = {.name = "test", .routes = ROWS, .count = ARRAY_COUNT(ROWS)};
static const struct route_set *const SETS[] = {&SET, NULL};

static const struct {
    enum http_method method;
    const char *path, *want; /* the summary; NULL: none */
    bool known;              /* with another method */
    const char *parameters[2];
} CASES[] = {
    {HTTP_GET, "/", "root", true, {0}},
    {HTTP_HEAD, "/", "root", true, {0}},
    {HTTP_GET, "/a", "a", true, {0}},
    {HTTP_POST, "/a", "a posted", true, {0}},
    {HTTP_PUT, "/a", NULL, true, {0}},
    {HTTP_GET, "/a/z", "x", true, {"z"}},
    {HTTP_GET, "/a/stats", "stats", true, {0}},
    {HTTP_GET, "/a/stats/c", "c", true, {0}},
    {HTTP_GET, "/a/stats/b/1", "y", true, {"stats", "1"}}, /* the literal leads nowhere */
    {HTTP_GET, "/a/%2F/b/1", "y", true, {"%2F", "1"}},
    {HTTP_GET, "/a/z/b", NULL, false, {0}},
    {HTTP_GET, "/a/", NULL, false, {0}},
    {HTTP_GET, "/a//b/1", NULL, false, {0}},
    {HTTP_GET, "//a", NULL, false, {0}},
    {HTTP_GET, "/b", NULL, false, {0}},
    {HTTP_GET, "/A", NULL, false, {0}},
    {HTTP_GET, "/a/z/b/1/2", NULL, false, {0}},
    {HTTP_PUT, "/f/a/b", "in", true, {"a", "b"}},
    {HTTP_PUT, "/f/a/b/c/d", "in", true, {"a/b/c", "d"}},
    {HTTP_GET, "/f/a/", "folder", true, {"a"}},
    {HTTP_GET, "/f/a/b/c/", "folder", true, {"a/b/c"}},
    {HTTP_GET, "/f/a", NULL, false, {0}},
    {HTTP_GET, "*", NULL, false, {0}},
    {HTTP_GET, "", NULL, false, {0}},
};

TEST(routes_are_found)
{
    struct router *router;
    struct error err = {0};

    CHECK_OK(router_new(SETS, &router, &err), err);
    CHECK_INT(router_count(router), ARRAY_COUNT(ROWS));
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct route_match match;

        router_find(router, CASES[i].method, bytes_of(CASES[i].path), &match);
        if ((match.route != NULL) != (CASES[i].want != NULL) ||
            (match.route && strcmp(match.route->summary, CASES[i].want) != 0))
            fail_msg("%s is %s", CASES[i].path, match.route ? match.route->summary : "nothing");
        CHECK_INT(match.allowed != 0, CASES[i].known);
        for (size_t p = 0; match.route && p < 2; p++) {
            CHECK_INT(p < match.parameter_count, CASES[i].parameters[p] != NULL);
            if (CASES[i].parameters[p])
                CHECK(bytes_is(match.parameters[p], CASES[i].parameters[p]));
        }
        if (match.route)
            CHECK(match.route == &ROWS[match.index]);
    }
    router_free(router);
}

TEST(routes_twice_or_malformed)
{
    static const struct route twice[] = {{HTTP_GET, "/a/{x}", nothing, "", 0},
                                         {HTTP_GET, "/a/{y}", nothing, "", 0}},
                              bare[] = {{HTTP_GET, "a", nothing, "", 0}};
    static const struct route_set sets[] = {{.routes = twice, .count = 2},
                                            {.routes = bare, .count = 1}};
    struct router *router;
    struct error err = {0};

    for (size_t i = 0; i < 2; i++) {
        const struct route_set *const list[] = {&sets[i], NULL};
        CHECK_INT(router_new(list, &router, &err), STATUS_INTERNAL);
    }
}

/* What is unknown is answered in the words of the deepest set that claims a path above it. */
TEST(routes_below)
{
    static const struct route_set outer = {.below = {"/a", "/c/d"}}, inner = {.below = {"/a/b"}};
    static const struct route_set *const list[] = {&SET, &outer, &inner, NULL};
    static const struct {
        const char *path;
        const struct route_set *want;
    } cases[] = {
        {"/a/x/y", &outer}, {"/a/", &outer},      {"/a/b/c/d", &inner}, {"/a/bc/d", &outer},
        {"/c/d", &outer},   {"/c/d/e/f", &outer}, {"/c", NULL},         {"/c/dd", NULL},
        {"/b", NULL},       {"", NULL},           {"*", NULL},          {"//a/x/y", NULL},
    };
    static const struct route_set *const twice[] = {&outer, &outer, NULL};
    struct router *router;
    struct route_match match;
    struct error err = {0};

    CHECK_OK(router_new(list, &router, &err), err);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        router_find(router, HTTP_GET, bytes_of(cases[i].path), &match);
        CHECK(!match.route && !match.allowed);
        if (match.set != cases[i].want)
            fail_msg("%s is answered by another set", cases[i].path);
    }
    router_find(router, HTTP_PUT, bytes_of("/a"), &match); /* another method: the path's own */
    CHECK(match.set == &SET && match.allowed);
    router_free(router);
    CHECK_INT(router_new(twice, &router, &err), STATUS_INTERNAL);
}

/* What the program itself has: no two alike, all explained. */
TEST(routes_of_the_server)
{
    struct router *router;
    struct error err = {0};

    CHECK_OK(router_new(routes_all(), &router, &err), err);
    CHECK(router_count(router) > 20);
    router_free(router);
    for (const struct route_set *const *set = routes_all(); *set; set++) {
        CHECK((*set)->name && *(*set)->summary);
        for (size_t i = 0; i < (*set)->count; i++)
            CHECK(*(*set)->routes[i].summary);
    }
}
