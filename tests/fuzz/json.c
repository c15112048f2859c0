// SPDX-License-Identifier: Apache-2.0
/* JSON: what the tree takes, the pull reader takes; written again it is the same. */
#include "formats/json/json.h"

/* Write, read, write: both texts must be the same. */
static void check_again(const struct json *value, struct arena *keep)
{
    struct text first = {0}, second = {0};
    struct json again;
    struct error err;

    json_write_value(&first, value);
    if (json_parse(text_bytes(&first), 0, &again, keep, &err) != STATUS_OK)
        __builtin_trap();
    json_write_value(&second, &again);
    if (!bytes_equal(text_bytes(&first), text_bytes(&second)))
        __builtin_trap();
    text_release(&first);
    text_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct json_reader reader;
    struct json value;
    struct arena keep;
    struct error err;
    bool tree, pull;

    arena_init(&keep, 64 << 20);
    tree = json_parse(input, 0, &value, &keep, &err) == STATUS_OK;
    json_reader_init(&reader, input, 0);
    pull = json_skip(&reader, &err) == STATUS_OK && json_end(&reader, &err) == STATUS_OK;
    if (tree && !pull && err.status != STATUS_TOO_LARGE)
        __builtin_trap();
    if (tree)
        check_again(&value, &keep);
    (void)!json_parse(input, JSON_ALLOW_NAN, &value, &keep, &err);
    arena_release(&keep);
    return 0;
}
