// SPDX-License-Identifier: Apache-2.0
#include "server/omegaml/words.h"

#include "formats/json/json.h"

void omegaml_write_error(const struct error *err, struct text *text)
{
    text_append(text, "{\"message\":");
    json_write_text(text, err->text);
    text_append_char(text, '}');
}

/* Up to `stop`, which is taken off too. */
static struct bytes cut(struct bytes *text, char stop)
{
    const uint8_t *at = text->size ? memchr(text->data, stop, text->size) : NULL;
    struct bytes part = {text->data, at ? (size_t)(at - text->data) : text->size};

    text->data += part.size + (at != NULL);
    text->size -= part.size + (at != NULL);
    return part;
}

enum status omegaml_each_query(struct request *request,
                               enum status (*each)(void *context, const char *key,
                                                   const char *value, struct error *err),
                               void *context, struct error *err)
{
    struct bytes query = http1_bytes(request->data, request->head->query);
    struct arena *arena = request_arena(request);

    while (query.size) {
        struct bytes value = cut(&query, '&'), key = cut(&value, '=');
        const char *k, *v;

        if (!key.size)
            continue;
        TRY(percent_decode(key, &key, arena, err));
        TRY(percent_decode(value, &value, arena, err));
        k = arena_text(arena, key);
        v = arena_text(arena, value);
        if (!k || !v)
            return error_no_memory(err, "a request target");
        TRY(each(context, k, v, err));
    }
    return STATUS_OK;
}
