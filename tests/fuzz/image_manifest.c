// SPDX-License-Identifier: Apache-2.0
/* Images from a registry: the first byte says whether the rest is a manifest, a configuration, a
 * reference, a layer or an archive, whose headers get right checksums, or a frozen store's index.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/archive/tar_header.h"
#include "formats/archive/tar_stream.h"
#include "images/layers.h"
#include "images/manifest.h"
#include "images/place.h"
#include "images/reference.h"
#include "registry/frozen.h"

static void mend_checksums(uint8_t *tar, size_t size)
{
    for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
        uint8_t *header = tar + at;
        unsigned sum = 0;
        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < TAR_BLOCK; i++)
            sum += header[i];
        snprintf((char *)header + 148, 8, "%06o", sum);
    }
}

/* What was accepted must be what later steps take for granted. */
static void manifest_fuzz(struct bytes bytes)
{
    struct image_manifest manifest;
    struct arena keep;
    struct error err;

    arena_init(&keep, 64 << 20);
    if (image_manifest_parse(bytes, &manifest, &keep, &err) == STATUS_OK)
        for (size_t i = 0; i < manifest.layer_count; i++)
            if (!image_digest_is(bytes_of(manifest.layers[i].digest)) ||
                manifest.layers[i].size < 0 || manifest.layers[i].size > IMAGE_LAYER_BYTES_MAX)
                __builtin_trap();
    arena_release(&keep);
}

static void config_fuzz(struct bytes bytes)
{
    struct image_config config;
    struct arena keep;
    struct error err;

    arena_init(&keep, 64 << 20);
    if (image_config_parse(bytes, &config, &keep, &err) == STATUS_OK)
        for (size_t i = 0; i < config.diff_id_count; i++)
            if (!image_digest_is(bytes_of(config.diff_ids[i])))
                __builtin_trap();
    arena_release(&keep);
}

static void reference_fuzz(struct bytes bytes)
{
    struct image_reference reference, again;
    struct arena keep;
    struct error err;
    char *text;

    arena_init(&keep, 1 << 20);
    text = arena_text(&keep, bytes);
    if (text && image_reference_parse(text, &reference, &keep, &err) == STATUS_OK) {
        const char *printed = image_reference_text(&reference, &keep);
        if (!printed ||
            (image_reference_parse(printed, &again, &keep, &err) && strchr(reference.host, '.')))
            __builtin_trap();
    }
    arena_release(&keep);
}

/* Two layers, the bytes and their second half, merged into a tar that opens or is refused. */
static void layers_fuzz(uint8_t *data, size_t size)
{
    static char lower[64], upper[64], merged[64];
    const char *const files[] = {lower, upper};
    struct image_layers layers = {.files = files, .count = 2, .path = "model/files"};
    struct artifact *artifact;
    struct image_merged facts;
    struct error err;
    int fds[2] = {memfd_create("lower", 0), memfd_create("upper", 0)};

    mend_checksums(data, size);
    layers.extra = "model/serving.yaml";
    layers.limits = artifact_limits_default();
    layers.limits.members = 1000;
    layers.limits.bytes = 4 << 20;
    snprintf(lower, sizeof lower, "/proc/self/fd/%d", fds[0]);
    snprintf(upper, sizeof upper, "/proc/self/fd/%d", fds[1]);
    snprintf(merged, sizeof merged, "/dev/shm/fuzz-merged-%d", (int)getpid());
    unlink(merged);
    if (write(fds[0], data, size) == (ssize_t)size &&
        write(fds[1], data + size / 2 / TAR_BLOCK * TAR_BLOCK,
              size - size / 2 / TAR_BLOCK * TAR_BLOCK) >= 0 &&
        image_layers_merge(&layers, merged, &facts, &err) == STATUS_OK) {
        if (artifact_open_layer(merged, MERGED_FILES, false, NULL, &artifact, &err) == STATUS_OK) {
            if (artifact->count != facts.files)
                __builtin_trap();
            artifact_close(artifact);
        }
    }
    close(fds[0]);
    close(fds[1]);
    unlink(merged);
}

/* What was accepted is printed and read again as the same. */
static void frozen_fuzz(struct bytes bytes)
{
    struct text first = {0}, second = {0};
    struct frozen *versions;
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 64 << 20);
    if (frozen_parse(bytes, &versions, &count, &keep, &err) == STATUS_OK) {
        frozen_print(versions, count, &first);
        if (frozen_parse(text_bytes(&first), &versions, &count, &keep, &err))
            __builtin_trap();
        frozen_print(versions, count, &second);
        if (!bytes_equal(text_bytes(&first), text_bytes(&second)))
            __builtin_trap();
    }
    text_release(&first);
    text_release(&second);
    arena_release(&keep);
}

static enum status sink_count(void *context, struct bytes bytes, struct error *err)
{
    (void)err;
    *(int64_t *)context += (int64_t)bytes.size;
    return STATUS_OK;
}

/* Its only image, blob by blob. */
static void archive_read(struct image_place *place, struct arena *keep)
{
    struct image_manifest manifest;
    struct bytes bytes;
    struct error err;

    if (place->class->manifest_read(place, NULL, &bytes, keep, &err) ||
        image_manifest_parse(bytes, &manifest, keep, &err))
        return;
    for (size_t i = 0; i < manifest.layer_count && i < 8; i++) {
        int64_t size = 0;
        const struct image_sink sink = {sink_count, &size};
        if (place->class->blob_read(place, &manifest.layers[i], &sink, &err))
            continue;
    }
}

static void archive_fuzz(uint8_t *data, size_t size)
{
    static char path[64];
    const struct image_reference reference = {.folder = path, .archive = true};
    const struct image_access access = {.write = false};
    struct image_place *place = NULL;
    struct arena keep;
    struct error err;
    int fd = memfd_create("archive", 0);

    mend_checksums(data, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    arena_init(&keep, 64 << 20);
    if (write(fd, data, size) == (ssize_t)size &&
        image_place_open(&reference, &access, &place, &err) == STATUS_OK)
        archive_read(place, &keep);
    image_place_close(place);
    arena_release(&keep);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t kind = size ? data[0] & 7 : 0, *copy;
    size_t rest = size ? size - 1 : 0;

    copy = malloc(rest + 1);
    if (rest)
        memcpy(copy, data + 1, rest);
    if (kind == 0)
        manifest_fuzz((struct bytes){copy, rest});
    else if (kind == 1)
        config_fuzz((struct bytes){copy, rest});
    else if (kind == 2)
        reference_fuzz((struct bytes){copy, rest});
    else if (kind == 3)
        layers_fuzz(copy, rest);
    else if (kind == 4)
        frozen_fuzz((struct bytes){copy, rest});
    else
        archive_fuzz(copy, rest);
    free(copy);
    return 0;
}
