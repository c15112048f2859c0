// SPDX-License-Identifier: Apache-2.0
#include "formats/multipart.h"

#include <strings.h>

#include "base/text.h"

/* --- header values --- */

static bool is_token(uint8_t c)
{
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static void skip_blanks(struct bytes *text)
{
    while (text->size && (*text->data == ' ' || *text->data == '\t'))
        *text = (struct bytes){text->data + 1, text->size - 1};
}

static bool name_is(struct bytes name, const char *want)
{
    return name.size == strlen(want) && strncasecmp((const char *)name.data, want, name.size) == 0;
}

static struct bytes token_take(struct bytes *text)
{
    struct bytes token = {text->data, 0};

    while (token.size < text->size && is_token(token.data[token.size]))
        token.size++;
    *text = (struct bytes){text->data + token.size, text->size - token.size};
    return token;
}

/* A token or a quoted string into `value`; false when it is neither, or too long. A backslash
 * stands before a quote or a backslash, else for itself: browsers send paths. */
static bool value_take(struct bytes *text, char value[MULTIPART_NAME_MAX + 1])
{
    size_t size = 0, i = 1;
    struct bytes token;

    if (text->size == 0 || *text->data != '"') {
        token = token_take(text);
        if (token.size == 0 || token.size > MULTIPART_NAME_MAX)
            return false;
        memcpy(value, token.data, token.size);
        value[token.size] = 0;
        return true;
    }
    for (; i < text->size && text->data[i] != '"'; i++) {
        if (text->data[i] == '\\' && i + 1 < text->size &&
            (text->data[i + 1] == '"' || text->data[i + 1] == '\\'))
            i++;
        if (size == MULTIPART_NAME_MAX || text->data[i] == 0)
            return false;
        value[size++] = (char)text->data[i];
    }
    if (i >= text->size)
        return false;
    value[size] = 0;
    *text = (struct bytes){text->data + i + 1, text->size - i - 1};
    return true;
}

/* The next "; name=value"; false at the end, *broken when it is no such thing. */
static bool parameter_take(struct bytes *text, struct bytes *name,
                           char value[MULTIPART_NAME_MAX + 1], bool *broken)
{
    skip_blanks(text);
    *broken = false;
    while (text->size && *text->data == ';') {
        *text = (struct bytes){text->data + 1, text->size - 1};
        skip_blanks(text);
        if (text->size == 0)
            return false;
        if (*text->data == ';')
            continue;
        *name = token_take(text);
        skip_blanks(text);
        *broken = name->size == 0 || text->size == 0 || *text->data != '=';
        if (*broken)
            return false;
        *text = (struct bytes){text->data + 1, text->size - 1};
        skip_blanks(text);
        *broken = !value_take(text, value);
        return !*broken;
    }
    *broken = text->size > 0;
    return false;
}

/* --- opening --- */

static enum status boundary_set(struct multipart *reader, const char *boundary, struct error *err)
{
    size_t size = strlen(boundary);

    if (size == 0 || size > MULTIPART_BOUNDARY_MAX || boundary[size - 1] == ' ')
        return error_set(err, STATUS_INVALID_INPUT,
                         "the boundary of a multipart body has 1 to %d characters",
                         MULTIPART_BOUNDARY_MAX);
    for (size_t i = 0; i < size; i++)
        if (boundary[i] < ' ' || boundary[i] > '~')
            return error_set(err, STATUS_INVALID_INPUT,
                             "the boundary of a multipart body is printable ASCII");
    memcpy(reader->delimiter, "\r\n--", 4);
    memcpy(reader->delimiter + 4, boundary, size + 1);
    reader->delimiter_size = size + 4;
    return STATUS_OK;
}

enum status multipart_open(struct multipart *reader, struct bytes content_type,
                           multipart_source *source, void *context, struct error *err)
{
    static const char TYPE[] = "multipart/form-data";
    char value[MULTIPART_NAME_MAX + 1], quoted[TEXT_QUOTE_SIZE];
    struct bytes rest = content_type, name;
    bool broken = false, found = false;

    reader->source = source;
    reader->context = context;
    reader->at = reader->parts = 0;
    reader->source_ended = reader->in_part = reader->ended = false;
    /* the first delimiter may have no CR LF before it */
    memcpy(reader->buffer, "\r\n", 2);
    reader->size = 2;
    skip_blanks(&rest);
    if (rest.size < sizeof TYPE - 1 ||
        strncasecmp((const char *)rest.data, TYPE, sizeof TYPE - 1) != 0)
        return error_set(err, STATUS_INVALID_INPUT, "the body is '%s', not %s",
                         text_quote(content_type, quoted, sizeof quoted), TYPE);
    rest = (struct bytes){rest.data + sizeof TYPE - 1, rest.size - (sizeof TYPE - 1)};
    while (!found && parameter_take(&rest, &name, value, &broken))
        found = name_is(name, "boundary");
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "Content-Type '%s' %s",
                         text_quote(content_type, quoted, sizeof quoted),
                         broken ? "is malformed" : "has no boundary");
    return boundary_set(reader, value, err);
}

/* --- the buffer --- */

/* More bytes behind those that are there; the buffer is not full. */
static enum status fill(struct multipart *reader, struct error *err)
{
    size_t got;

    if (reader->source_ended && reader->parts == 0)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the multipart body ends before its first part");
    if (reader->source_ended)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the multipart body ends in the middle of part %zu", reader->parts);
    if (reader->at) {
        memmove(reader->buffer, reader->buffer + reader->at, reader->size - reader->at);
        reader->size -= reader->at;
        reader->at = 0;
    }
    TRY(reader->source(reader->context, reader->buffer + reader->size,
                       sizeof reader->buffer - reader->size, &got, err));
    reader->size += got;
    reader->source_ended = got == 0;
    return STATUS_OK;
}

/* At least `size` bytes, or all that there are. */
static enum status want(struct multipart *reader, size_t size, struct error *err)
{
    while (reader->size - reader->at < size && !reader->source_ended)
        TRY(fill(reader, err));
    return STATUS_OK;
}

static struct bytes ready(const struct multipart *reader)
{
    return (struct bytes){reader->buffer + reader->at, reader->size - reader->at};
}

/* How many of the bytes at hand belong to the part for sure; *found: what follows is its end. */
static size_t part_bytes(const struct multipart *reader, bool *found)
{
    struct bytes bytes = ready(reader);
    const uint8_t *end = memmem(bytes.data, bytes.size, reader->delimiter, reader->delimiter_size);

    *found = end != NULL;
    if (end)
        return (size_t)(end - bytes.data);
    return bytes.size < reader->delimiter_size ? 0 : bytes.size - (reader->delimiter_size - 1);
}

enum status multipart_read(struct multipart *reader, uint8_t *data, size_t size, size_t *got,
                           struct error *err)
{
    bool found;

    *got = 0;
    while (reader->in_part && size) {
        *got = part_bytes(reader, &found);
        if (*got > size)
            *got = size;
        memcpy(data, reader->buffer + reader->at, *got);
        reader->at += *got;
        if (*got)
            return STATUS_OK;
        if (found)
            reader->in_part = false;
        else
            TRY(fill(reader, err));
    }
    return STATUS_OK;
}

/* --- parts --- */

/* What stands before the first delimiter is passed over. */
static enum status preamble_skip(struct multipart *reader, struct error *err)
{
    size_t skipped = 0;
    bool found;

    for (;;) {
        size_t bytes = part_bytes(reader, &found);

        reader->at += bytes;
        skipped += bytes;
        if (skipped > MULTIPART_PREAMBLE_MAX)
            return error_set(err, STATUS_INVALID_INPUT,
                             "the multipart body does not begin with its boundary");
        if (found)
            return STATUS_OK;
        TRY(fill(reader, err));
    }
}

static enum status part_skip(struct multipart *reader, struct error *err)
{
    bool found;

    while (reader->in_part) {
        reader->at += part_bytes(reader, &found);
        if (found)
            reader->in_part = false;
        else
            TRY(fill(reader, err));
    }
    return STATUS_OK;
}

/* The bytes up to a line's end at `from`; its end is taken too. */
static enum status line_take(struct multipart *reader, size_t limit, struct bytes *line,
                             struct error *err)
{
    size_t from = 0;

    for (;;) {
        struct bytes bytes = ready(reader);
        const uint8_t *end =
            bytes.size > from ? memmem(bytes.data + from, bytes.size - from, "\r\n", 2) : NULL;

        if (end) {
            *line = (struct bytes){bytes.data, (size_t)(end - bytes.data)};
            reader->at += line->size + 2;
            return STATUS_OK;
        }
        if (bytes.size > limit)
            return error_set(err, STATUS_TOO_LARGE,
                             "a header of part %zu of the multipart body is longer than %d bytes",
                             reader->parts, MULTIPART_HEAD_MAX);
        from = bytes.size ? bytes.size - 1 : 0;
        TRY(fill(reader, err));
    }
}

static enum status disposition_read(struct multipart *reader, struct bytes value,
                                    struct multipart_part *part, struct error *err)
{
    char text[MULTIPART_NAME_MAX + 1];
    struct bytes name = token_take(&value);
    bool broken;

    if (!name_is(name, "form-data"))
        return error_set(err, STATUS_INVALID_INPUT,
                         "part %zu of the multipart body is no form-data", reader->parts);
    while (parameter_take(&value, &name, text, &broken)) {
        if (name_is(name, "name"))
            memcpy(part->name, text, sizeof text);
        else if (name_is(name, "filename"))
            memcpy(part->file_name, text, sizeof text);
    }
    if (broken)
        return error_set(err, STATUS_INVALID_INPUT,
                         "Content-Disposition of part %zu of the multipart body is malformed, or a "
                         "name in it is longer than %d bytes",
                         reader->parts, MULTIPART_NAME_MAX);
    return STATUS_OK;
}

static enum status header_read(struct multipart *reader, struct bytes line,
                               struct multipart_part *part, struct error *err)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    struct bytes name, value;

    if (!colon || colon == line.data)
        return error_set(err, STATUS_INVALID_INPUT,
                         "part %zu of the multipart body has a malformed header", reader->parts);
    name = (struct bytes){line.data, (size_t)(colon - line.data)};
    value = (struct bytes){colon + 1, line.size - name.size - 1};
    skip_blanks(&value);
    if (name_is(name, "content-disposition"))
        return disposition_read(reader, value, part, err);
    if (name_is(name, "content-type") && value.size <= MULTIPART_NAME_MAX) {
        memcpy(part->type, value.data, value.size);
        part->type[value.size] = 0;
    }
    if (name_is(name, "content-transfer-encoding") && !name_is(value, "binary") &&
        !name_is(value, "8bit") && !name_is(value, "7bit"))
        return error_set(err, STATUS_UNSUPPORTED,
                         "part %zu of the multipart body has another transfer encoding than binary",
                         reader->parts);
    return STATUS_OK;
}

static enum status head_read(struct multipart *reader, struct multipart_part *part,
                             struct error *err)
{
    size_t left = MULTIPART_HEAD_MAX;
    struct bytes line;

    for (;;) {
        TRY(line_take(reader, left, &line, err));
        if (line.size == 0)
            break;
        if (line.size + 2 > left)
            return error_set(err, STATUS_TOO_LARGE,
                             "part %zu of the multipart body has more than %d bytes of headers",
                             reader->parts, MULTIPART_HEAD_MAX);
        left -= line.size + 2;
        TRY(header_read(reader, line, part, err));
    }
    if (!part->name[0])
        return error_set(err, STATUS_INVALID_INPUT, "part %zu of the multipart body has no name",
                         reader->parts);
    return STATUS_OK;
}

/* Behind a delimiter: blanks and a line's end, or "--" for the last. */
static enum status delimiter_take(struct multipart *reader, bool *last, struct error *err)
{
    struct bytes line;

    reader->at += reader->delimiter_size;
    TRY(want(reader, 2, err));
    *last = ready(reader).size >= 2 && memcmp(ready(reader).data, "--", 2) == 0;
    if (*last)
        return STATUS_OK;
    TRY(line_take(reader, MULTIPART_HEAD_MAX, &line, err));
    skip_blanks(&line);
    if (line.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "something stands behind the boundary of part %zu of the multipart body",
                         reader->parts + 1);
    return STATUS_OK;
}

/* What stands behind the last delimiter is passed over. */
static enum status epilogue_skip(struct multipart *reader, struct error *err)
{
    reader->ended = true;
    do
        reader->at = reader->size;
    while (!reader->source_ended && fill(reader, err) == STATUS_OK);
    return reader->source_ended ? STATUS_OK : err->status;
}

enum status multipart_next(struct multipart *reader, struct multipart_part *part, bool *more,
                           struct error *err)
{
    bool last;

    *more = false;
    if (reader->ended)
        return STATUS_OK;
    if (reader->parts == 0)
        TRY(preamble_skip(reader, err));
    else
        TRY(part_skip(reader, err));
    TRY(delimiter_take(reader, &last, err));
    if (last)
        return epilogue_skip(reader, err);
    if (reader->parts == MULTIPART_PARTS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the multipart body has more than %d parts",
                         MULTIPART_PARTS_MAX);
    reader->parts++;
    memset(part, 0, sizeof *part);
    TRY(head_read(reader, part, err));
    *more = reader->in_part = true;
    return STATUS_OK;
}
