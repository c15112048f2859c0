// SPDX-License-Identifier: Apache-2.0
/* multipart/form-data: up to the first line feed the type, then the body. In one piece and in
 * small ones it must say the same. */
#include <stdlib.h>

#include "base/text.h"
#include "formats/multipart.h"

struct source {
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

static enum status read_all(struct bytes type, struct bytes body, size_t step, struct text *out)
{
    static struct multipart reader;
    struct source source = {body, step};
    struct multipart_part part;
    struct error err;
    uint8_t piece[61];
    bool more;
    size_t got;

    TRY(multipart_open(&reader, type, give, &source, &err));
    for (;;) {
        TRY(multipart_next(&reader, &part, &more, &err));
        if (!more)
            return STATUS_OK;
        text_printf(out, "\n%s\n%s\n%s\n", part.name, part.file_name, part.type);
        do {
            TRY(multipart_read(&reader, piece, sizeof piece, &got, &err));
            text_append_bytes(out, (struct bytes){piece, got});
        } while (got);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    struct bytes type = {data, line ? (size_t)(line - data) : size};
    struct bytes body = {data + type.size, size - type.size};
    struct text whole = {0}, parts = {0};
    enum status first, second;

    if (line)
        body = (struct bytes){line + 1, body.size - 1};
    first = read_all(type, body, SIZE_MAX, &whole);
    second = read_all(type, body, 1 + size % 7, &parts);
    /* limits may be met earlier or later; what is read may not differ */
    if (first == STATUS_OK && second == STATUS_OK &&
        !bytes_equal(text_bytes(&whole), text_bytes(&parts)))
        abort();
    if ((first == STATUS_OK) != (second == STATUS_OK))
        abort();
    text_release(&whole);
    text_release(&parts);
    return 0;
}
