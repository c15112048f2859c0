// SPDX-License-Identifier: Apache-2.0
#include "images/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "test.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void clean(void)
{
    static const char *const NAMES[] = {"HOME",           "DOCKER_CONFIG",   "XDG_CONFIG_HOME",
                                        "FIRN_REGISTRY",  "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE",
                                        "FIRN_REGISTRIES"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        unsetenv(NAMES[i]);
}

TEST(credentials_come_from_our_file_and_from_dockers)
{
    const struct image_host *host;
    struct image_hosts hosts;
    struct arena keep;
    struct error err;

    clean();
    write_file("password", "s3cret\n");
    write_file("registries.yaml", "registry: r.example.com/models\n"
                                  "stall-seconds: 5\n"
                                  "hosts:\n"
                                  "  r.example.com:\n"
                                  "    username: ci\n"
                                  "    password-file: password\n"
                                  "  other:5000:\n"
                                  "    ca: own.pem\n"
                                  "    plain-http: true\n");
    write_file("config.json",
               "{\"auths\":{\"https://r.example.com/v2/\":{\"auth\":\"eDp5\"},"
               "\"other:5000\":{\"auth\":\"dTpwOnc=\"},\"https://index.docker.io/v1/\":{}},"
               "\"credsStore\":\"pass\"}");
    setenv("DOCKER_CONFIG", ".", 1);
    arena_init(&keep, 1 << 20);
    CHECK_OK(image_hosts_read("registries.yaml", NULL, &hosts, &keep, &err), err);
    assert_string_equal(hosts.registry, "r.example.com/models");
    CHECK_INT(hosts.stall_seconds, 5);
    host = image_hosts_find(&hosts, "r.example.com");
    assert_string_equal(host->username, "ci"); /* our file says more */
    assert_string_equal(host->password, "s3cret");
    host = image_hosts_find(&hosts, "other:5000");
    assert_string_equal(host->username, "u");
    assert_string_equal(host->password, "p:w");
    assert_string_equal(host->ca, "own.pem");
    CHECK(host->plain_http);
    host = image_hosts_find(&hosts, "registry-1.docker.io");
    assert_string_equal(host->helper, "pass");
    CHECK(image_hosts_find(&hosts, "example.com") == NULL);
    CHECK_OK(image_hosts_read("registries.yaml", "local", &hosts, &keep, &err), err);
    CHECK(hosts.registry == NULL);
    arena_release(&keep);
    clean();
}

TEST(mistakes_in_the_file_are_told_with_their_line)
{
    static const struct {
        const char *text, *why;
    } BAD[] = {
        {"host: x\n", "registries.yaml:1: \"host\" is not known"},
        {"hosts:\n  a.b:\n    user: x\n", ":3: \"user\" is not known"},
        {"hosts:\n  a.b:\n    password: x\n", ":2: \"a.b\" has a password, but no username"},
        {"hosts:\n  a.b:\n    plain-http: maybe\n", ":3: \"plain-http\" is true or false"},
        {"hosts: [a]\n", "wants hosts"},
        {"attempts: 0\n", "no number that makes sense"},
        {"- a\n", "wants keys"},
        {"hosts:\n  a.b:\n    password-file: nowhere\n    username: x\n", "nowhere"},
    };
    struct image_hosts hosts;
    struct arena keep;
    struct error err;

    clean();
    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
        write_file("registries.yaml", BAD[i].text);
        CHECK(image_hosts_read("registries.yaml", NULL, &hosts, &keep, &err) != STATUS_OK);
        if (!strstr(err.text, BAD[i].why))
            fail_msg("\"%s\" is not in \"%s\"", BAD[i].why, err.text);
    }
    write_file("config.json", "{\"auths\":{\"a.b\":{\"auth\":\"!!!\"}}}");
    setenv("DOCKER_CONFIG", ".", 1);
    CHECK_FAILS(image_hosts_read(NULL, NULL, &hosts, &keep, &err), err, STATUS_INVALID_INPUT,
                "not user:password");
    arena_release(&keep);
    clean();
}
