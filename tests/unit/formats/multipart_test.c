// SPDX-License-Identifier: Apache-2.0
#include "formats/multipart.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "test.h"

#define TYPE "multipart/form-data; boundary=XX"

struct source { /* text in pieces of `step` bytes */
    struct bytes left;
    size_t step;
};

static enum status give(void *context, uint8_t *data, size_t size, size_t *got, struct error *err)
{
    struct source *source = context;

    (void)err;
    *got = source->left.size < size ? source->left.size : size;
    *got = *got < source->step ? *got : source->step;
    memcpy(data, source->left.data, *got);
    source->left = (struct bytes){source->left.data + *got, source->left.size - *got};
    return STATUS_OK;
}

/* Every part as "name(file)[type]=content;". */
static enum status read_all(const char *type, struct bytes body, size_t step, struct text *out,
                            struct error *err)
{
    struct multipart *reader = malloc(sizeof *reader);
    struct source source = {body, step};
    struct multipart_part part;
    enum status status = multipart_open(reader, bytes_of(type), give, &source, err);
    bool more = status == STATUS_OK;
    uint8_t piece[7];
    size_t got;

    while (more) {
        status = multipart_next(reader, &part, &more, err);
        if (status || !more)
            break;
        text_printf(out, "%s(%s)[%s]=", part.name, part.file_name, part.type);
        do {
            status = multipart_read(reader, piece, sizeof piece, &got, err);
            text_append_bytes(out, (struct bytes){piece, status ? 0 : got});
        } while (!status && got);
        text_append(out, ";");
        more = status == STATUS_OK;
    }
    free(reader);
    return status;
}

static void check_parts(const char *type, const char *body, const char *want)
{
    struct error err;

    for (size_t step = 1; step < 40; step += step < 5 ? 1 : 9) {
        struct text out = {0};

        CHECK_OK(read_all(type, bytes_of(body), step, &out, &err), err);
        CHECK_TEXT(out.data ? out.data : "", want);
        text_release(&out);
    }
}

static void check_refused(const char *type, const char *body, enum status want, const char *words)
{
    struct text out = {0};
    struct error err;

    CHECK_FAILS(read_all(type, bytes_of(body), 1000, &out, &err), err, want, words);
    text_release(&out);
}

TEST(parts_come_one_after_the_other)
{
    check_parts(TYPE,
                "--XX\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\":1}\r\n"
                "--XX\r\nContent-Disposition: form-data; name=\"payload\"; filename=\"a b.tar\"\r\n"
                "Content-Type: application/gzip\r\n\r\n\r\n--X\r\n--XY..\r\n--XX--\r\n",
                "metadata()[]={\"a\":1};payload(a b.tar)[application/gzip]=\r\n--X\r\n--XY..;");
}

TEST(odd_but_right)
{
    /* preamble, blanks behind the boundary, tokens, an empty part, an epilogue */
    check_parts(
        "Multipart/Form-Data ; charset=utf-8; Boundary=\"a b\"",
        "hello\r\n--a b \t\r\ncontent-disposition: FORM-DATA; name=x\r\n"
        "X-Other: 1\r\n\r\n\r\n--a b\r\n"
        "Content-Disposition: form-data; name=\"q\\\"\\\\\"\r\n\r\n1\r\n--a b--tail\r\n--a b",
        "x()[]=;q\"\\()[]=1;");
    check_parts(TYPE, "--XX--", "");
}

TEST(broken_types)
{
    check_refused("application/json", "", STATUS_INVALID_INPUT, "not multipart/form-data");
    check_refused("multipart/form-data", "", STATUS_INVALID_INPUT, "no boundary");
    check_refused("multipart/form-data; boundary=", "", STATUS_INVALID_INPUT, "malformed");
    check_refused("multipart/form-data; boundary=\"\"", "", STATUS_INVALID_INPUT,
                  "1 to 70 characters");
    check_refused("multipart/form-data; boundary=\"ab", "", STATUS_INVALID_INPUT, "malformed");
    check_refused("multipart/form-data; boundary=\"a\x01\"", "", STATUS_INVALID_INPUT, "printable");
    check_refused("multipart/form-data; boundary="
                  "0123456789012345678901234567890123456789012345678901234567890123456789z",
                  "", STATUS_INVALID_INPUT, "1 to 70");
}

TEST(broken_bodies)
{
    check_refused(TYPE, "", STATUS_INVALID_INPUT, "before its first part");
    check_refused(TYPE, "--X", STATUS_INVALID_INPUT, "before its first part");
    check_refused(TYPE, "--XX", STATUS_INVALID_INPUT, "before its first part");
    check_refused(TYPE, "--XXY\r\n", STATUS_INVALID_INPUT, "behind the boundary of part 1");
    check_refused(TYPE, "--XX\r\nContent-Disposition: form-data; name=a", STATUS_INVALID_INPUT,
                  "middle of part 1");
    check_refused(TYPE, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nabc\r\n--X",
                  STATUS_INVALID_INPUT, "middle of part 1");
    check_refused(TYPE, "--XX\r\n\r\nabc\r\n--XX--", STATUS_INVALID_INPUT, "no name");
    check_refused(TYPE, "--XX\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--XX--",
                  STATUS_INVALID_INPUT, "no name");
    check_refused(TYPE, "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--XX--",
                  STATUS_INVALID_INPUT, "no form-data");
    check_refused(TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--XX--",
                  STATUS_INVALID_INPUT, "malformed");
    check_refused(TYPE, "--XX\r\nno colon\r\n\r\n\r\n--XX--", STATUS_INVALID_INPUT,
                  "malformed header");
    check_refused(TYPE,
                  "--XX\r\nContent-Disposition: form-data; name=a\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n\r\n--XX--",
                  STATUS_UNSUPPORTED, "transfer encoding");
}

TEST(limits)
{
    struct text body = {0};

    for (int i = 0; i < MULTIPART_PREAMBLE_MAX; i++)
        text_append(&body, "ab");
    check_refused(TYPE, body.data, STATUS_INVALID_INPUT, "does not begin with its boundary");
    text_clear(&body);
    text_append(&body, "--XX\r\nContent-Disposition: form-data; name=\"");
    for (int i = 0; i <= MULTIPART_NAME_MAX; i++)
        text_append(&body, "n");
    text_append(&body, "\"\r\n\r\n\r\n--XX--");
    check_refused(TYPE, body.data, STATUS_INVALID_INPUT, "longer than 255");
    text_clear(&body);
    text_append(&body, "--XX\r\nX: ");
    for (int i = 0; i <= MULTIPART_HEAD_MAX; i++)
        text_append(&body, "n");
    check_refused(TYPE, body.data, STATUS_TOO_LARGE, "longer than 8192");
    text_clear(&body);
    text_append(&body, "--XX\r\n");
    for (int i = 0; i < 3000; i++)
        text_append(&body, "X: 1\r\n");
    check_refused(TYPE, body.data, STATUS_TOO_LARGE, "more than 8192");
    text_clear(&body);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
        text_append(&body, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n");
    check_refused(TYPE, body.data, STATUS_TOO_LARGE, "more than 64 parts");
    text_release(&body);
}

TEST(a_large_part_in_pieces)
{
    struct text body = {0}, out = {0}, want = {0};
    struct error err;

    text_append(&body, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n");
    text_append(&want, "a()[]=");
    for (int i = 0; i < 50000; i++) {
        text_printf(&body, "%d\r\n--X\r", i);
        text_printf(&want, "%d\r\n--X\r", i);
    }
    text_append(&body, "\r\n--XX--\r\n");
    text_append(&want, ";");
    CHECK_OK(read_all(TYPE, text_bytes(&body), 1 << 20, &out, &err), err);
    CHECK(bytes_equal(text_bytes(&out), text_bytes(&want)));
    text_release(&body);
    text_release(&out);
    text_release(&want);
}
