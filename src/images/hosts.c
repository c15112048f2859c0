// SPDX-License-Identifier: Apache-2.0
#include "images/hosts.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/json/json.h"
#include "formats/yaml.h"

enum {
    FILE_BYTES_MAX = 1 << 20,
    PASSWORD_BYTES_MAX = 64 << 10, /* tokens of clouds have some thousand */
    STALL_SECONDS = 30,
    ATTEMPTS = 4,
    ATTEMPTS_MAX = 20,
    STALL_SECONDS_MAX = 3600,
};

struct hosts_reader {
    struct image_hosts *hosts;
    const char *path; /* of the file at hand */
    struct arena *keep;
    struct error *err;
};

/* --- our own file --- */

static enum status wrong(const struct hosts_reader *reader, const struct yaml *at, const char *why)
{
    return error_set(reader->err, STATUS_INVALID_INPUT, "%s:%zu: \"%s\" %s", reader->path,
                     at->key_line ? at->key_line : at->line, at->key ? at->key : "", why);
}

static enum status password_read(const struct hosts_reader *reader, const char *path,
                                 const char **password)
{
    struct file_map map = {{NULL, 0}};
    struct bytes bytes;

    TRY(file_map_open(&map, AT_FDCWD, path, true, reader->err));
    bytes = map.bytes;
    while (bytes.size && (bytes.data[bytes.size - 1] == '\n' || bytes.data[bytes.size - 1] == '\r'))
        bytes.size--;
    *password = bytes.size <= PASSWORD_BYTES_MAX ? arena_text(reader->keep, bytes) : NULL;
    file_map_close(&map);
    return *password
               ? STATUS_OK
               : error_set(reader->err, STATUS_INVALID_INPUT, "\"%s\" is no password file", path);
}

static enum status host_key(const struct hosts_reader *reader, const struct yaml *value,
                            struct image_host *host)
{
    const struct {
        const char *key, **text;
    } texts[] = {{"username", &host->username},
                 {"password", &host->password},
                 {"token", &host->token},
                 {"ca", &host->ca},
                 {"token-host", &host->token_host}};

    if (value->kind == YAML_LIST || value->kind == YAML_MAP || value->kind == YAML_NULL)
        return wrong(reader, value, "wants a text");
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (strcmp(value->key, texts[i].key) == 0) {
            *texts[i].text = value->text;
            return STATUS_OK;
        }
    if (strcmp(value->key, "password-file") == 0)
        return password_read(reader, value->text, &host->password);
    if (strcmp(value->key, "plain-http") != 0)
        return wrong(reader, value,
                     "is not known: username, password, password-file, token, ca, plain-http or "
                     "token-host");
    if (value->kind != YAML_BOOL)
        return wrong(reader, value, "is true or false");
    host->plain_http = value->boolean;
    return STATUS_OK;
}

/* What an earlier file said counts; credentials may come from a later one. */
static enum status host_add(const struct hosts_reader *reader, const struct image_host *host)
{
    struct image_hosts *hosts = reader->hosts;

    for (size_t i = 0; i < hosts->count; i++) {
        struct image_host *known = &hosts->items[i];
        if (strcmp(known->host, host->host) != 0)
            continue;
        if (!known->username && !known->token) {
            known->username = host->username;
            known->password = host->password;
            known->helper = host->helper;
        }
        return STATUS_OK;
    }
    if (!ARENA_GROW(reader->keep, hosts->items, hosts->count, hosts->capacity))
        return error_no_memory(reader->err, "registries");
    hosts->items[hosts->count++] = *host;
    return STATUS_OK;
}

static enum status hosts_key(const struct hosts_reader *reader, const struct yaml *map)
{
    if (map->kind != YAML_MAP)
        return wrong(reader, map, "wants hosts and what belongs to them");
    for (size_t i = 0; i < map->count; i++) {
        struct image_host host = {.host = map->items[i].key};
        if (map->items[i].kind != YAML_MAP && map->items[i].kind != YAML_NULL)
            return wrong(reader, &map->items[i], "wants username, password and so on");
        for (size_t k = 0; map->items[i].kind == YAML_MAP && k < map->items[i].count; k++)
            TRY(host_key(reader, &map->items[i].items[k], &host));
        if (host.password && !host.username)
            return wrong(reader, &map->items[i], "has a password, but no username");
        TRY(host_add(reader, &host));
    }
    return STATUS_OK;
}

static enum status number_key(const struct hosts_reader *reader, const struct yaml *value,
                              int64_t most, int64_t *number)
{
    if (value->kind != YAML_INT || value->integer < 1 || value->integer > most)
        return wrong(reader, value, "is no number that makes sense here");
    *number = value->integer;
    return STATUS_OK;
}

static enum status own_read(const struct hosts_reader *reader, struct bytes bytes)
{
    struct image_hosts *hosts = reader->hosts;
    struct yaml root;

    TRY(yaml_parse(bytes, reader->path, &root, reader->keep, reader->err));
    if (root.kind != YAML_MAP && root.kind != YAML_NULL)
        return wrong(reader, &root, "wants keys: registry, hosts, stall-seconds, attempts");
    for (size_t i = 0; root.kind == YAML_MAP && i < root.count; i++) {
        const struct yaml *value = &root.items[i];
        if (strcmp(value->key, "hosts") == 0)
            TRY(hosts_key(reader, value));
        else if (strcmp(value->key, "registry") == 0 && value->kind == YAML_TEXT)
            hosts->registry = hosts->registry ? hosts->registry : value->text;
        else if (strcmp(value->key, "stall-seconds") == 0)
            TRY(number_key(reader, value, STALL_SECONDS_MAX, &hosts->stall_seconds));
        else if (strcmp(value->key, "attempts") == 0)
            TRY(number_key(reader, value, ATTEMPTS_MAX, &hosts->attempts));
        else
            return wrong(reader, value, "is not known: registry, hosts, stall-seconds or attempts");
    }
    return STATUS_OK;
}

/* --- docker's config.json, podman's auth.json --- */

/* "https://index.docker.io/v1/" is Docker Hub; a scheme and a path do not count. */
static const char *docker_host(struct bytes key, struct arena *keep)
{
    char *host = arena_text(keep, key), *slash;

    if (!host)
        return NULL;
    if (strstr(host, "://"))
        host = strstr(host, "://") + 3;
    slash = strchr(host, '/');
    if (slash)
        *slash = 0;
    if (strcmp(host, "index.docker.io") == 0 || strcmp(host, "docker.io") == 0)
        return "registry-1.docker.io";
    return host;
}

/* Base64 of "user:password". */
static enum status auth_read(const struct hosts_reader *reader, struct bytes auth,
                             struct image_host *host)
{
    unsigned char *plain = arena_new(reader->keep, unsigned char, auth.size + 4);
    char *colon;
    int size;

    if (!plain)
        return error_no_memory(reader->err, "credentials");
    size = auth.size <= PASSWORD_BYTES_MAX && auth.size % 4 == 0
               ? EVP_DecodeBlock(plain, auth.data, (int)auth.size)
               : -1;
    colon = size > 0 ? strchr((char *)plain, ':') : NULL;
    if (!colon)
        return error_set(reader->err, STATUS_INVALID_INPUT,
                         "%s: \"auth\" of %s is not user:password in base64", reader->path,
                         host->host);
    *colon = 0;
    host->username = (char *)plain;
    host->password = colon + 1;
    return STATUS_OK;
}

static enum status docker_auth(const struct hosts_reader *reader, const struct json *entry,
                               const char *helper)
{
    struct image_host host = {.host = docker_host(entry->key, reader->keep), .helper = helper};
    struct bytes auth;

    if (!host.host)
        return error_no_memory(reader->err, "credentials");
    if (json_string(json_get(entry, "auth"), &auth) && auth.size)
        TRY(auth_read(reader, auth, &host));
    return host_add(reader, &host);
}

static enum status docker_read(const struct hosts_reader *reader, struct bytes bytes)
{
    const struct json *auths, *helpers;
    struct bytes store = {NULL, 0};
    const char *helper = NULL;
    struct json root;

    if (json_parse(bytes, 0, &root, reader->keep, reader->err))
        return error_within(reader->err, "%s", reader->path);
    if (json_string(json_get(&root, "credsStore"), &store))
        helper = arena_text(reader->keep, store);
    auths = json_get(&root, "auths");
    for (size_t i = 0; auths && auths->kind == JSON_OBJECT && i < auths->count; i++)
        TRY(docker_auth(reader, &auths->items[i], helper));
    helpers = json_get(&root, "credHelpers");
    for (size_t i = 0; helpers && helpers->kind == JSON_OBJECT && i < helpers->count; i++) {
        struct image_host host = {.host = docker_host(helpers->items[i].key, reader->keep)};
        if (!json_string(&helpers->items[i], &store) || !host.host)
            continue;
        host.helper = arena_text(reader->keep, store);
        TRY(host_add(reader, &host));
    }
    return STATUS_OK;
}

/* --- finding the files --- */

static enum status file_read(struct hosts_reader *reader, const char *path, bool optional,
                             enum status (*read)(const struct hosts_reader *reader,
                                                 struct bytes bytes))
{
    struct file_map map = {{NULL, 0}};
    struct error missing;
    enum status status;

    if (!path)
        return error_no_memory(reader->err, "registries");
    if (optional && access(path, R_OK) != 0)
        return STATUS_OK;
    if (file_map_open(&map, AT_FDCWD, path, true, &missing)) {
        *reader->err = missing;
        return missing.status;
    }
    reader->path = path;
    status = map.bytes.size > FILE_BYTES_MAX
                 ? error_set(reader->err, STATUS_TOO_LARGE, "%s has more than %d bytes", path,
                             FILE_BYTES_MAX)
                 : read(reader, map.bytes);
    file_map_close(&map);
    return status;
}

static enum status own_find(struct hosts_reader *reader, const char *path)
{
    const char *configuration = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (!path)
        path = getenv("FIRN_REGISTRIES");
    if (path && *path)
        return file_read(reader, path, false, own_read);
    if (configuration && *configuration)
        return file_read(reader,
                         arena_printf(reader->keep, "%s/firn/registries.yaml", configuration), true,
                         own_read);
    if (home && *home)
        return file_read(reader,
                         arena_printf(reader->keep, "%s/.config/firn/registries.yaml", home), true,
                         own_read);
    return STATUS_OK;
}

static enum status docker_find(struct hosts_reader *reader)
{
    const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *auth = getenv("REGISTRY_AUTH_FILE");

    if (auth && *auth)
        TRY(file_read(reader, auth, true, docker_read));
    if (docker && *docker)
        TRY(file_read(reader, arena_printf(reader->keep, "%s/config.json", docker), true,
                      docker_read));
    else if (home && *home)
        TRY(file_read(reader, arena_printf(reader->keep, "%s/.docker/config.json", home), true,
                      docker_read));
    if (runtime && *runtime)
        TRY(file_read(reader, arena_printf(reader->keep, "%s/containers/auth.json", runtime), true,
                      docker_read));
    return STATUS_OK;
}

enum status image_hosts_read(const char *path, const char *registry, struct image_hosts *hosts,
                             struct arena *keep, struct error *err)
{
    struct hosts_reader reader = {.hosts = hosts, .keep = keep, .err = err};

    if (!registry)
        registry = getenv("FIRN_REGISTRY");
    *hosts = (struct image_hosts){.registry = registry && *registry ? registry : NULL,
                                  .stall_seconds = STALL_SECONDS,
                                  .attempts = ATTEMPTS};
    TRY(own_find(&reader, path));
    TRY(docker_find(&reader));
    if (hosts->registry && strcmp(hosts->registry, "local") == 0)
        hosts->registry = NULL;
    return STATUS_OK;
}

const struct image_host *image_hosts_find(const struct image_hosts *hosts, const char *host)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (strcmp(hosts->items[i].host, host) == 0)
            return &hosts->items[i];
    return NULL;
}
