// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/hydrosphere.h"

#include <stdio.h>

#include "base/number.h"
#include "base/version.h"
#include "formats/json/json.h"
#include "server/internal.h"

enum { BODY_BYTES_MAX = 256 << 10 };

enum status hydrosphere_body(struct request *request, enum json_kind kind, struct json *body,
                             struct error *err)
{
    if (request->body.size > BODY_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the body has more than %d bytes", BODY_BYTES_MAX);
    TRY(json_parse(request->body, 0, body, request_arena(request), err));
    if (body->kind != kind)
        return error_set(err, STATUS_INVALID_INPUT, "the body is %s, not %s",
                         json_kind_name(body->kind), json_kind_name(kind));
    return STATUS_OK;
}

/* --- versions --- */

bool hydrosphere_is_application(const struct version *row)
{
    return strcmp(row->format, APPLICATION_FORMAT) == 0;
}

/* "image:tag@sha256:HEX"; the port of a registry is no tag. */
static enum status image_split(const char *text, struct hydrosphere_image *image,
                               struct arena *arena, struct error *err)
{
    const char *at = strchr(text, '@'), *slash, *colon;

    image->sha = at && at[1] ? at + 1 : NULL;
    text =
        at ? arena_text(arena, (struct bytes){(const uint8_t *)text, (size_t)(at - text)}) : text;
    if (!text)
        return error_no_memory(err, "an image");
    slash = strrchr(text, '/');
    colon = strrchr(text, ':');
    if (colon && slash && colon < slash)
        colon = NULL;
    image->tag = colon ? colon + 1 : "latest";
    image->name =
        colon ? arena_text(arena, (struct bytes){(const uint8_t *)text, (size_t)(colon - text)})
              : text;
    return image->name ? STATUS_OK : error_no_memory(err, "an image");
}

/* What the manifest declares; one that does not read any more says nothing. */
static enum status manifest_read(struct hydrosphere_version *version, struct arena *arena,
                                 struct error *err)
{
    struct manifest *manifest = arena_new(arena, struct manifest, 1);
    struct error ignored;

    if (!manifest)
        return error_no_memory(err, "a manifest");
    if (!version->row->manifest || !*version->row->manifest ||
        manifest_parse(bytes_of(version->row->manifest), "serving.yaml", manifest, arena, &ignored))
        return STATUS_OK;
    version->manifest = manifest;
    version->install_command = manifest->install_command;
    version->metadata = manifest->metadata;
    version->metadata_count = manifest->metadata_count;
    version->monitoring_batch = manifest->monitoring_batch;
    if (manifest->runtime)
        return image_split(manifest->runtime, &version->runtime, arena, err);
    if (manifest->model_type)
        return image_split(manifest->model_type, &version->runtime, arena, err);
    return STATUS_OK;
}

enum status hydrosphere_version(const struct version *row, struct hydrosphere_version *version,
                                struct arena *arena, struct error *err)
{
    *version = (struct hydrosphere_version){.row = row, .runtime = {"firn", FIRN_VERSION, NULL}};
    version->image.sha = row->digest;
    version->image.name = row->model;
    version->image.tag = arena_printf(arena, "%lld", (long long)row->number);
    if (!version->image.tag)
        return error_no_memory(err, "a version");
    if (row->contract && *row->contract)
        TRY(contract_parse_json(bytes_of(row->contract), &version->contract, arena, err));
    if (version->contract.count)
        version->predict = &version->contract.signatures[0];
    return manifest_read(version, arena, err);
}
