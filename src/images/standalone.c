// SPDX-License-Identifier: Apache-2.0
#include "images/standalone.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "formats/archive/tar_write.h"
#include "formats/json/json.h"
#include "images/manifest.h"

#define SERVER_NAME "firn"
#define SERVER_BESIDE "firn-standalone"
#define FORMAT_OF_APPLICATIONS "firn-application" /* applications/application.h */
#define TIME "1970-01-01T00:00:00Z"

#if defined(__aarch64__)
#define ARCHITECTURE "arm64"
#else
#define ARCHITECTURE "amd64"
#endif

enum { SERVER_BYTES_MAX = 256 << 20 };

void standalone_release(struct standalone *standalone)
{
    text_release(&standalone->layer);
    text_release(&standalone->config);
    text_release(&standalone->manifest);
}

/* A program of this machine that needs no other file. */
static bool is_static(struct bytes program)
{
    const Elf64_Ehdr *head = (const void *)program.data;
    const Elf64_Phdr *parts;

    if (program.size < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_phentsize != sizeof *parts ||
        head->e_phoff % 8 || head->e_phoff > program.size ||
        (program.size - head->e_phoff) / sizeof *parts < head->e_phnum)
        return false;
    parts = (const void *)(program.data + head->e_phoff);
    for (size_t i = 0; i < head->e_phnum; i++)
        if (parts[i].p_type == PT_INTERP)
            return false;
    return true;
}

static enum status digest_of(const struct text *text, char digest[72], struct error *err)
{
    TRY(text_check(text, err));
    memcpy(digest, "sha256:", 7);
    return sha256_of(text_bytes(text), digest + 7) ? STATUS_OK : error_no_memory(err, "a digest");
}

static enum status layer_make(const char *server, struct standalone *standalone, struct error *err)
{
    static const uint8_t ZEROS[TAR_END_SIZE];
    struct file_map map = {{NULL, 0}};
    struct text *text = &standalone->layer;

    TRY(file_map_open(&map, AT_FDCWD, server, true, err));
    if (map.bytes.size > SERVER_BYTES_MAX || !is_static(map.bytes)) {
        file_map_close(&map);
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no statically linked program",
                         server);
    }
    tar_write_head(text, bytes_of(SERVER_NAME), map.bytes.size, TAR_PROGRAM);
    text_append_bytes(text, map.bytes);
    text_append_bytes(text, (struct bytes){ZEROS, tar_padding(map.bytes.size)});
    text_append_bytes(text, (struct bytes){ZEROS, TAR_END_SIZE});
    file_map_close(&map);
    return digest_of(text, standalone->layer_digest, err);
}

static void label(struct text *text, const char *key, const char *value, const char *end)
{
    json_write_key(text, key);
    json_write_text(text, value);
    text_append(text, end);
}

static void variable(struct text *text, const char *name, const char *value)
{
    struct text line = {0};

    text_printf(&line, "%s=%s", name, value);
    text_append_char(text, ',');
    json_write_string(text, text_bytes(&line));
    text->failed = text->failed || line.failed;
    text_release(&line);
}

/* What the server inside knows of the version: server/image_root.h. */
static void environment(struct text *text, const struct version *version)
{
    struct text name = {0};

    text_printf(&name, "%s:%lld", version->model, (long long)version->number);
    variable(text, STANDALONE_VARIABLE, name.failed ? "" : name.data);
    variable(text, STANDALONE_VARIABLE "_FORMAT", version->format);
    variable(text, STANDALONE_VARIABLE "_FRAMEWORK", version->framework);
    variable(text, STANDALONE_VARIABLE "_FRAMEWORK_VERSION", version->framework_version);
    variable(text, STANDALONE_VARIABLE "_DIGEST", version->digest);
    text->failed = text->failed || name.failed;
    text_release(&name);
}

static enum status config_make(const struct version *version, const char *contract,
                               const struct stored_image *image, struct standalone *standalone,
                               struct error *err)
{
    struct text *text = &standalone->config;

    text_append(text, "{\"created\":\"" TIME "\",\"architecture\":\"" ARCHITECTURE "\","
                      "\"os\":\"linux\",\"config\":{\"User\":\"65532:65532\",\"ExposedPorts\":{"
                      "\"" STANDALONE_PORT "/tcp\":{}},\"Env\":[\"PATH=/\"");
    environment(text, version);
    text_append(text, "],\"Entrypoint\":[\"/" SERVER_NAME "\",\"serve\",\"--image-root\","
                      "\"" STANDALONE_ROOT "\",\"--http\",\"0.0.0.0:" STANDALONE_PORT "\"],"
                      "\"WorkingDir\":\"/\",\"Labels\":{");
    label(text, LABEL_CONTRACT, contract, ",");
    label(text, LABEL_FORMAT, version->format, ",");
    label(text, LABEL_FRAMEWORK, version->framework, ",");
    label(text, LABEL_FRAMEWORK_VERSION, version->framework_version, ",");
    label(text, "io.firn.healthcheck", "/v2/health/ready", ",");
    label(text, "io.firn.version.digest", version->digest, ",");
    text_printf(text, "\"io.firn.version\":\"%lld\",", (long long)version->number);
    label(text, LABEL_TITLE, version->model, "}},");
    text_printf(text,
                "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]},\"history\":["
                "{\"created\":\"" TIME "\",\"created_by\":\"firn server\"},"
                "{\"created\":\"" TIME "\",\"created_by\":\"firn\"}]}",
                standalone->layer_digest, image->layer.digest);
    return digest_of(text, standalone->config_digest, err);
}

static void descriptor(struct text *text, const char *type, const char *digest, long long size,
                       const char *end)
{
    text_printf(text, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%lld}%s", type, digest,
                size, end);
}

static enum status manifest_make(const struct version *version, const char *contract,
                                 const struct stored_image *image, struct standalone *standalone,
                                 struct error *err)
{
    struct text *text = &standalone->manifest;

    text_append(text, "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_MANIFEST "\",\"config\":");
    descriptor(text, IMAGE_TYPE_CONFIG, standalone->config_digest,
               (long long)standalone->config.size, ",\"layers\":[");
    descriptor(text, IMAGE_TYPE_LAYER, standalone->layer_digest, (long long)standalone->layer.size,
               ",");
    descriptor(text, IMAGE_TYPE_LAYER, image->layer.digest, (long long)image->layer.size,
               "],\"annotations\":{");
    label(text, LABEL_CONTRACT, contract, ",");
    label(text, "io.firn.version.digest", version->digest, ",");
    label(text, LABEL_TITLE, version->model, "}}");
    return digest_of(text, standalone->manifest_digest, err);
}

enum status standalone_make(const char *server, const struct version *version,
                            const struct stored_image *image, struct standalone *standalone,
                            struct error *err)
{
    char contract[72] = "sha256:";

    *standalone = (struct standalone){0};
    if (version->reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s:%lld cannot be served by a server alone: %s",
                         version->model, (long long)version->number, version->reason);
    if (!strcmp(version->format, FORMAT_OF_APPLICATIONS))
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s:%lld is an application: a standalone image holds one model, and not "
                         "the versions that an application uses",
                         version->model, (long long)version->number);
    if (!sha256_of(bytes_of(version->contract), contract + 7))
        return error_no_memory(err, "a digest");
    TRY(layer_make(server, standalone, err));
    TRY(config_make(version, contract, image, standalone, err));
    return manifest_make(version, contract, image, standalone, err);
}

enum status standalone_find(const char **server, struct arena *keep, struct error *err)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    enum status status;
    char *slash;

    path[size > 0 ? size : 0] = 0;
    slash = strrchr(path, '/');
    if (slash)
        slash[1] = 0;
    *server = arena_printf(keep, "%s" SERVER_BESIDE, path);
    if (!*server)
        return error_no_memory(err, "a path");
    if (access(*server, R_OK) == 0)
        return STATUS_OK;
    status = error_set(err, STATUS_NOT_FOUND, "there is no \"%s\", the static server", *server);
    error_fix(err, "`make standalone` builds it beside firn");
    return status;
}
