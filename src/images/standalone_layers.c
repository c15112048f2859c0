// SPDX-License-Identifier: Apache-2.0
/* The layers of a standalone image. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hash/sha256.h"
#include "formats/archive/artifact.h"
#include "formats/archive/tar_write.h"
#include "images/base.h"
#include "images/standalone.h"

#define SERVER_NAME "firn"
#define CODE "share/firn/python"
#define BLOBS STANDALONE_STORE "/blobs/sha256/"

enum { SERVER_BYTES_MAX = 256 << 20 };

enum status standalone_digest(const struct text *text, char digest[72], struct error *err)
{
    TRY(text_check(text, err));
    memcpy(digest, "sha256:", 7);
    return sha256_of(text_bytes(text), digest + 7) ? STATUS_OK : error_no_memory(err, "a digest");
}

static struct standalone_layer *layer_add(struct standalone *standalone)
{
    return &standalone->layers[standalone->layer_count++];
}

static enum status layer_of_text(struct standalone *standalone, const struct text *text,
                                 struct error *err)
{
    struct standalone_layer *layer = layer_add(standalone);

    layer->size = (int64_t)text->size;
    layer->bytes = text_bytes(text);
    return standalone_digest(text, layer->digest, err);
}

/* --- the server --- */

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

static void zeros(struct text *text, size_t size)
{
    static const uint8_t ZEROS[TAR_BLOCK + TAR_END_SIZE]; /* padding and end */

    text_append_bytes(text, (struct bytes){ZEROS, size});
}

/* The folders of `path` that the file before it, `last`, is not in. */
static void folders_append(struct text *text, const char *path, const char *last)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path) + 1;
        if (strncmp(last, path, size) != 0)
            tar_write_head(text, (struct bytes){(const uint8_t *)path, size}, 0, TAR_FOLDER);
    }
}

/* firn_worker, without what Python left there. */
static enum status code_append(const char *code, struct text *text, struct error *err)
{
    char folder[4096], path[4096], last[4096] = "";
    struct artifact *artifact;
    enum status status = STATUS_OK;
    struct bytes bytes;

    snprintf(folder, sizeof folder, "%s/firn_worker", code);
    TRY(artifact_open(folder, NULL, &artifact, err));
    for (size_t i = 0; !status && i < artifact->count; i++) {
        struct member *member = &artifact->members[i];
        size_t size = strlen(member->path);
        if (size < 3 || strcmp(member->path + size - 3, ".py") != 0)
            continue;
        status = member_bytes(member, &bytes, err);
        if (status)
            break;
        snprintf(path, sizeof path, CODE "/firn_worker/%.3000s", member->path);
        folders_append(text, path, last);
        tar_write_head(text, bytes_of(path), bytes.size, TAR_FILE);
        text_append_bytes(text, bytes);
        zeros(text, tar_padding(bytes.size));
        memcpy(last, path, sizeof last);
    }
    artifact_close(artifact);
    return status;
}

static enum status server_layer(const char *server, const char *code, struct standalone *standalone,
                                struct error *err)
{
    struct file_map map = {{NULL, 0}};
    struct text *text = &standalone->server;

    TRY(file_map_open(&map, AT_FDCWD, server, true, err));
    if (map.bytes.size > SERVER_BYTES_MAX || !is_static(map.bytes)) {
        file_map_close(&map);
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no statically linked program",
                         server);
    }
    tar_write_head(text, bytes_of(SERVER_NAME), map.bytes.size, TAR_PROGRAM);
    text_append_bytes(text, map.bytes);
    zeros(text, tar_padding(map.bytes.size));
    file_map_close(&map);
    if (code)
        TRY(code_append(code, text, err));
    zeros(text, TAR_END_SIZE);
    return layer_of_text(standalone, text, err);
}

/* --- the store of an application --- */

static enum status drain(struct incoming *incoming, struct text *text, struct error *err)
{
    TRY(text_check(text, err));
    TRY(incoming_write(incoming, text_bytes(text), err));
    text_clear(text);
    return STATUS_OK;
}

static enum status blob_append(struct incoming *incoming, const struct stored_blob *blob,
                               struct text *text, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    enum status status;
    char path[160];

    snprintf(path, sizeof path, BLOBS "%s", blob->digest + strlen("sha256:"));
    tar_write_head(text, bytes_of(path), (uint64_t)blob->size, TAR_FILE);
    TRY(file_map_open(&map, AT_FDCWD, blob->path, false, err));
    status = map.bytes.size == (uint64_t)blob->size
                 ? drain(incoming, text, err)
                 : error_set(err, STATUS_INVALID_INPUT, "blob %s has %zu bytes, not %lld",
                             blob->digest, map.bytes.size, (long long)blob->size);
    if (!status)
        status = incoming_write_mapped(incoming, NULL, map.bytes, err);
    file_map_close(&map);
    zeros(text, tar_padding((uint64_t)blob->size));
    return status;
}

static void folders(struct text *text, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tar_write_head(text, bytes_of(paths[i]), 0, TAR_FOLDER);
}

static enum status part_write(struct incoming *incoming, const struct standalone_part *part,
                              struct text *text, struct error *err)
{
    static const char *const FOLDERS[] = {"model/", STANDALONE_STORE "/",
                                          STANDALONE_STORE "/blobs/", BLOBS};

    folders(text, FOLDERS, ARRAY_COUNT(FOLDERS));
    TRY(blob_append(incoming, &part->image.manifest, text, err));
    TRY(blob_append(incoming, &part->image.config, text, err));
    TRY(blob_append(incoming, &part->image.layer, text, err));
    zeros(text, TAR_END_SIZE);
    return drain(incoming, text, err);
}

static enum status part_layer(const struct standalone_wish *wish,
                              const struct standalone_part *part, struct standalone *standalone,
                              struct arena *keep, struct error *err)
{
    struct standalone_layer *layer;
    struct text text = {0};
    enum status status;
    char path[4096];

    TRY(incoming_make(wish->incoming, err));
    status = part_write(wish->incoming, part, &text, err);
    text_release(&text);
    if (status) {
        incoming_abandon(wish->incoming);
        return status;
    }
    layer = layer_add(standalone);
    incoming_made(wish->incoming, layer->digest, &layer->size, path);
    layer->path = arena_text(keep, bytes_of(path));
    for (size_t i = standalone->base_count; i + 1 < standalone->layer_count; i++)
        if (!strcmp(standalone->layers[i].digest, layer->digest)) {
            standalone->layer_count--; /* the same version under two numbers */
            break;
        }
    return layer->path ? STATUS_OK : error_no_memory(err, "a layer");
}

static enum status index_layer(const struct standalone_wish *wish, struct standalone *standalone,
                               struct arena *keep, struct error *err)
{
    static const char *const FOLDERS[] = {"model/", STANDALONE_STORE "/"};
    struct frozen *rows = arena_new(keep, struct frozen, wish->part_count);
    struct text *text = &standalone->index, json = {0};
    struct bytes layout = bytes_of(FROZEN_LAYOUT);

    if (!rows)
        return error_no_memory(err, "an index");
    for (size_t i = 0; i < wish->part_count; i++)
        rows[i] = wish->parts[i].row;
    frozen_print(rows, wish->part_count, &json);
    folders(text, FOLDERS, ARRAY_COUNT(FOLDERS));
    tar_write_head(text, bytes_of(STANDALONE_STORE "/index.json"), json.size, TAR_FILE);
    text_append_bytes(text, text_bytes(&json));
    zeros(text, tar_padding(json.size));
    tar_write_head(text, bytes_of(STANDALONE_STORE "/oci-layout"), layout.size, TAR_FILE);
    text_append_bytes(text, layout);
    zeros(text, tar_padding(layout.size) + TAR_END_SIZE);
    text->failed = text->failed || json.failed;
    text_release(&json);
    return layer_of_text(standalone, text, err);
}

static void base_layer(const struct image_base *base, size_t i, struct standalone_layer *layer)
{
    const struct image_descriptor *descriptor = &base->image.manifest.layers[i];

    snprintf(layer->digest, sizeof layer->digest, "%s", descriptor->digest);
    layer->type = descriptor->type;
    layer->unpacked = base->image.config.diff_ids[i];
    layer->size = descriptor->size;
    layer->path = base->image.layers[i];
}

enum status standalone_layers(const struct standalone_wish *wish, struct standalone *standalone,
                              struct arena *keep, struct error *err)
{
    size_t base_count = wish->base ? wish->base->image.manifest.layer_count : 0;
    size_t most = base_count + wish->part_count + 2;
    struct standalone_layer *layer;

    if (most > IMAGE_LAYERS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the image would have %zu layers, more than %d",
                         most, IMAGE_LAYERS_MAX);
    standalone->layers = arena_new(keep, struct standalone_layer, most);
    if (!standalone->layers)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < base_count; i++)
        base_layer(wish->base, i, layer_add(standalone));
    standalone->base_count = base_count;
    TRY(server_layer(wish->server, wish->base ? wish->code : NULL, standalone, err));
    for (size_t i = 0; i < wish->part_count; i++) {
        const struct frozen *row = &wish->parts[i].row;
        if (part_layer(wish, &wish->parts[i], standalone, keep, err))
            return error_within(err, "%s:%lld", row->image.model, (long long)row->number);
    }
    if (wish->part_count)
        return index_layer(wish, standalone, keep, err);
    layer = layer_add(standalone);
    layer->size = wish->image->layer.size;
    layer->path = wish->image->layer.path;
    snprintf(layer->digest, sizeof layer->digest, "%s", wish->image->layer.digest);
    return STATUS_OK;
}
