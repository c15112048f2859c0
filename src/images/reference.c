// SPDX-License-Identifier: Apache-2.0
/* From the distribution specification 1.0: names, tags, digests. */
#include "images/reference.h"

#include <string.h>

#include "base/text.h"

enum { NAME_BYTES_MAX = 255, TAG_BYTES_MAX = 128, HOST_BYTES_MAX = 255, DIGEST_BYTES = 7 + 64 };

#define DOCKER_HUB "docker.io"

/* What begins a path: a folder, then tar files, by the names that skopeo has for them. */
static const char *const PLACES[] = {"oci:", "oci-archive:", "docker-archive:"};

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* Parts of lower-case letters and digits, between them one of . _ - (or __, or several -). */
bool image_name_is(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > NAME_BYTES_MAX || !is_lower(name[0]) || !is_lower(name[size - 1]))
        return false;
    for (size_t i = 1; i < size; i++) {
        char c = name[i], before = name[i - 1];
        if (is_lower(c))
            continue;
        if (!strchr("._-/", c))
            return false;
        if (!is_lower(before) && !(c == '-' && before == '-') &&
            !(c == '_' && before == '_' && is_lower(name[i - 2])))
            return false;
    }
    return true;
}

bool image_tag_is(const char *tag)
{
    size_t size = strlen(tag);

    for (size_t i = 0; i < size; i++)
        if (!is_letter(tag[i]) && tag[i] != '_' && (i == 0 || (tag[i] != '.' && tag[i] != '-')))
            return false;
    return size > 0 && size <= TAG_BYTES_MAX;
}

bool image_digest_is(struct bytes digest)
{
    if (digest.size != DIGEST_BYTES || !bytes_starts(digest, bytes_of("sha256:")))
        return false;
    for (size_t i = 7; i < digest.size; i++) {
        char c = (char)digest.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

/* A name, a number or a number of version 6 in brackets, then a port. */
static bool is_host(const char *host)
{
    size_t size = strlen(host), i = 0, port;

    if (size == 0 || size > HOST_BYTES_MAX)
        return false;
    if (host[0] == '[') {
        i = 1 + strspn(host + 1, "0123456789abcdef:.");
        if (i == 1 || host[i++] != ']')
            return false;
    } else {
        while (is_lower(host[i]) || ((host[i] == '.' || host[i] == '-') && i))
            i++;
        if (i == 0)
            return false;
    }
    if (host[i] == 0)
        return true;
    port = strspn(host + i + 1, "0123456789");
    return host[i] == ':' && port >= 1 && port <= 5 && host[i + 1 + port] == 0;
}

static enum status wrong(struct error *err, const char *text, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];
    enum status status = error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no image: %s",
                                   text_quote(bytes_of(text), quoted, sizeof quoted), why);

    error_fix(
        err,
        "HOST[:PORT]/NAME[:TAG | @sha256:DIGEST], oci:FOLDER[:TAG] or docker-archive:FILE[:TAG]");
    return status;
}

/* Cut ":tag" off the last part of `path`. */
static const char *cut_tag(char *path)
{
    char *slash = strrchr(path, '/');
    char *colon = strchr(slash ? slash : path, ':');

    if (!colon)
        return NULL;
    *colon = 0;
    return colon + 1;
}

static enum status layout_parse(const char *whole, char *path, struct image_reference *reference,
                                struct error *err)
{
    reference->tag = cut_tag(path);
    reference->folder = path;
    reference->host = reference->name = "";
    if (!path[0])
        return wrong(err, whole, "it names no path");
    if (reference->tag && !image_tag_is(reference->tag))
        return wrong(err, whole, "what follows the colon is no tag");
    return STATUS_OK;
}

/* Docker Hub has another host for its images, and "library" for what has no owner. */
static enum status hub_apply(struct image_reference *reference, struct arena *keep,
                             struct error *err)
{
    if (strcmp(reference->host, DOCKER_HUB) != 0)
        return STATUS_OK;
    reference->host = "registry-1." DOCKER_HUB;
    if (!strchr(reference->name, '/'))
        reference->name = arena_printf(keep, "library/%s", reference->name);
    return reference->name ? STATUS_OK : error_no_memory(err, "a reference");
}

static enum status remote_parse(const char *whole, char *text, struct image_reference *reference,
                                struct arena *keep, struct error *err)
{
    char *slash, *at;

    for (size_t i = 0; i < 2; i++) {
        const char *scheme = i ? "https" : "http";
        size_t size = strlen(scheme);
        if (strncmp(text, scheme, size) == 0 && strncmp(text + size, "://", 3) == 0) {
            reference->scheme = scheme;
            text += size + 3;
            break;
        }
    }
    slash = strchr(text, '/');
    if (!slash || slash == text)
        return wrong(err, whole, "it names no registry");
    *slash = 0;
    for (char *c = text; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    reference->host = text;
    if (!is_host(text) ||
        (!strpbrk(text, ".:") && strcmp(text, "localhost") != 0 && !reference->scheme))
        return wrong(err, whole, "what stands before the first slash is no host");
    text = slash + 1;
    at = strchr(text, '@');
    if (at) {
        *at = 0;
        reference->digest = at + 1;
        if (!image_digest_is(bytes_of(at + 1)))
            return wrong(err, whole, "what follows the @ is no sha256 digest");
        cut_tag(text); /* the digest says more */
    } else {
        reference->tag = cut_tag(text);
    }
    reference->name = text;
    if (reference->tag && !image_tag_is(reference->tag))
        return wrong(err, whole, "what follows the last colon is no tag");
    if (!image_name_is(text))
        return wrong(err, whole, "a name has lower-case letters, digits and . _ - /");
    return hub_apply(reference, keep, err);
}

enum status image_reference_parse(const char *text, struct image_reference *reference,
                                  struct arena *keep, struct error *err)
{
    char *copy = arena_text(keep, bytes_of(text));

    *reference = (struct image_reference){0};
    if (!copy)
        return error_no_memory(err, "a reference");
    for (size_t i = 0; i < ARRAY_COUNT(PLACES); i++)
        if (strncmp(copy, PLACES[i], strlen(PLACES[i])) == 0) {
            reference->archive = i > 0;
            return layout_parse(text, copy + strlen(PLACES[i]), reference, err);
        }
    return remote_parse(text, copy, reference, keep, err);
}

const char *image_reference_text(const struct image_reference *reference, struct arena *keep)
{
    const char *mark = reference->digest ? "@" : reference->tag ? ":" : "";
    const char *which = reference->digest ? reference->digest : reference->tag;

    if (reference->folder)
        return arena_printf(keep, "%s%s%s%s", PLACES[reference->archive], reference->folder, mark,
                            which ? which : "");
    return arena_printf(keep, "%s/%s%s%s", reference->host, reference->name, mark,
                        which ? which : "");
}
