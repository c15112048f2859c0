// SPDX-License-Identifier: Apache-2.0
#include "images/reference.h"

#include "test.h"

static const struct {
    const char *text, *host, *name, *tag, *digest, *folder;
} GOOD[] = {
    {"registry.example.com/models/iris", "registry.example.com", "models/iris", NULL, NULL, NULL},
    {"Registry.Example.com:5000/iris:3", "registry.example.com:5000", "iris", "3", NULL, NULL},
    {"localhost:5000/a_b/c-d.e:V1.0_x", "localhost:5000", "a_b/c-d.e", "V1.0_x", NULL, NULL},
    {"http://127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", NULL, NULL, NULL},
    {"[::1]:5000/a", "[::1]:5000", "a", NULL, NULL, NULL},
    {"docker.io/busybox", "registry-1.docker.io", "library/busybox", NULL, NULL, NULL},
    {"docker.io/team/x:1", "registry-1.docker.io", "team/x", "1", NULL, NULL},
    {"a.b/c@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "a.b", "c",
     NULL, "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL},
    {"a.b/c:4@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "a.b", "c",
     NULL, "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL},
    {"oci:folder/image", "", "", NULL, NULL, "folder/image"},
    {"oci:/tmp/a:latest", "", "", "latest", NULL, "/tmp/a"},
};

static void same(const char *got, const char *want)
{
    if (!want)
        CHECK(got == NULL);
    else
        CHECK(got && strcmp(got, want) == 0);
}

TEST(references_have_parts)
{
    struct image_reference reference;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++) {
        CHECK_OK(image_reference_parse(GOOD[i].text, &reference, &keep, &err), err);
        same(reference.host, GOOD[i].host);
        same(reference.name, GOOD[i].name);
        same(reference.tag, GOOD[i].tag);
        same(reference.digest, GOOD[i].digest);
        same(reference.folder, GOOD[i].folder);
    }
    arena_release(&keep);
}

TEST(what_is_no_reference_is_refused)
{
    static const struct {
        const char *text, *why;
    } BAD[] = {
        {"", "names no registry"},
        {"iris", "names no registry"},
        {"models/iris:3", "is no host"},
        {"/iris", "names no registry"},
        {"a.b/", "a name has"},
        {"a.b/Iris", "a name has"},
        {"a.b/x/../y", "a name has"},
        {"a.b//x", "a name has"},
        {"a.b/x..y", "a name has"},
        {"a.b/x:", "no tag"},
        {"a.b/x:a b", "no tag"},
        {"a.b/x:-", "no tag"},
        {"a.b/x@sha256:00", "no sha256"},
        {"a.b/x@sha512:00", "no sha256"},
        {"a.b:port/x", "is no host"},
        {"a.b:123456/x", "is no host"},
        {"user@a.b/x", "is no host"},
        {"https://user:p@a.b/x", "is no host"},
        {"ftp://a.b/x", "is no host"},
        {"a.b/x?y=1", "a name has"},
        {"a.b/x#y", "a name has"},
        {"oci:", "no path"},
        {"oci::x", "no path"},
    };
    struct image_reference reference;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
        CHECK_FAILS(image_reference_parse(BAD[i].text, &reference, &keep, &err), err,
                    STATUS_INVALID_INPUT, BAD[i].why);
    arena_release(&keep);
}
