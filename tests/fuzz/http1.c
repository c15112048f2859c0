// SPDX-License-Identifier: Apache-2.0
/* HTTP/1: whatever the bytes, all at once and in pieces must say the same. */
#include <stdlib.h>

#include "server/http/http1.h"

static const struct http1_limits LIMITS = {.head_bytes = 2048, .target_bytes = 512};

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_body(struct bytes body)
{
    struct http1_chunks whole = {0}, parts = {0};
    size_t used = 0, made = 0, used_parts = 0, made_parts = 0;
    const char *why;
    uint8_t *out = malloc(body.size + 1), *same = malloc(body.size + 1);
    int result, result_parts = HTTP1_MORE;

    memcpy(same, body.data, body.size);
    result = http1_decode_chunks(&whole, body, &used, out, &made, &why);
    while (result_parts == HTTP1_MORE && used_parts < body.size) {
        size_t piece = 1 + used_parts % 7, left = body.size - used_parts;

        result_parts = http1_decode_chunks(
            &parts, (struct bytes){same + used_parts, piece < left ? piece : left}, &used_parts,
            same, &made_parts, &why);
    }
    require(result == result_parts && made == made_parts && made <= used);
    require(result >= 400 || (used == used_parts && memcmp(out, same, made) == 0));
    free(out);
    free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_head head, parts_head;
    size_t scanned = 0;
    const char *why = NULL;
    int result = http1_parse_head((struct bytes){data, size}, &scanned, &LIMITS, &head, &why);
    int parts = HTTP1_MORE;
    size_t end = 0;

    require(result < 400 || (why && result < 600));
    scanned = 0;
    while (parts == HTTP1_MORE && end < size) {
        end += 1 + end % 5;
        end = end < size ? end : size;
        parts = http1_parse_head((struct bytes){data, end}, &scanned, &LIMITS, &parts_head, &why);
    }
    /* Which complaint comes first may depend on what was there; that there is one may not. */
    require(size == 0 || result == parts || (result >= 400 && parts >= 400));
    if (result != HTTP1_DONE)
        return 0;
    require(head.size <= size && head.size == parts_head.size);
    require((size_t)head.path.at + head.path.size <= head.size);
    require(!(head.chunked && head.content_length >= 0));
    check_body((struct bytes){data + head.size, size - head.size});
    return 0;
}
