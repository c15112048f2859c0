// SPDX-License-Identifier: Apache-2.0
#include "server/form.h"

#include <stdio.h>

#include "base/text.h"
#include "server/internal.h"

static enum status read_stream(void *context, uint8_t *data, size_t size, size_t *got,
                               struct error *err)
{
    return body_stream_read(context, data, size, got, err);
}

static enum status read_part(void *context, uint8_t *data, size_t size, size_t *got,
                             struct error *err)
{
    return multipart_read(context, data, size, got, err);
}

static enum status file_take(struct request *request, struct multipart *reader,
                             struct form_part *part, struct error *err)
{
    char what[MULTIPART_NAME_MAX + 16];

    snprintf(what, sizeof what, "part \"%s\"", part->name);
    TRY(received_open(request->server, part->file, err));
    return received_from(request, part->file, read_part, reader, true, what, err);
}

static enum status text_take(struct request *request, struct multipart *reader,
                             struct form_part *part, struct error *err)
{
    uint8_t *text = arena_new(request_arena(request), uint8_t, FORM_TEXT_MAX + 1);
    size_t size = 0, got = 1;

    if (!text)
        return error_no_memory(err, "an upload");
    while (got && size <= FORM_TEXT_MAX) {
        TRY(multipart_read(reader, text + size, FORM_TEXT_MAX + 1 - size, &got, err));
        size += got;
    }
    if (size > FORM_TEXT_MAX)
        return error_set(err, STATUS_TOO_LARGE, "part \"%s\" has more than %d bytes", part->name,
                         FORM_TEXT_MAX);
    part->text = (struct bytes){text, size};
    return STATUS_OK;
}

static enum status unknown_part(const char *name, const struct form_part *parts, size_t count,
                                struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], list[200];
    struct text_names names = text_names(list, sizeof list);

    for (size_t i = 0; i < count; i++)
        text_names_add(&names, parts[i].name);
    return error_set(err, STATUS_INVALID_INPUT, "part \"%s\" is none of %s",
                     text_quote(bytes_of(name), quoted, sizeof quoted), text_names_end(&names));
}

static enum status part_take(struct request *request, struct multipart *reader,
                             const struct multipart_part *head, struct form_part *parts,
                             size_t count, struct error *err)
{
    struct form_part *part = parts;

    while (part < parts + count && strcmp(part->name, head->name) != 0)
        part++;
    if (part == parts + count)
        return unknown_part(head->name, parts, count, err);
    if (part->given)
        return error_set(err, STATUS_INVALID_INPUT, "part \"%s\" is there twice", part->name);
    part->given = true;
    memcpy(part->file_name, head->file_name, sizeof part->file_name);
    return part->file ? file_take(request, reader, part, err)
                      : text_take(request, reader, part, err);
}

enum status form_receive(struct request *request, struct form_part *parts, size_t count,
                         struct error *err)
{
    struct multipart *reader = arena_new(request_arena(request), struct multipart, 1);
    struct multipart_part head;
    struct bytes type;
    bool more;

    if (!reader)
        return error_no_memory(err, "an upload");
    if (!request_header(request, "content-type", &type))
        return error_set(err, STATUS_INVALID_INPUT, "the body is no multipart/form-data");
    TRY(multipart_open(reader, type, read_stream, request->stream, err));
    for (;;) {
        TRY(multipart_next(reader, &head, &more, err));
        if (!more)
            break;
        TRY(part_take(request, reader, &head, parts, count, err));
    }
    for (size_t i = 0; i < count; i++)
        if (parts[i].required && !parts[i].given)
            return error_set(err, STATUS_INVALID_INPUT, "there is no part \"%s\"", parts[i].name);
    return STATUS_OK;
}
