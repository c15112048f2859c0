// SPDX-License-Identifier: Apache-2.0
#include "server/tensorflow_serving/signature_json.h"

enum status signature_json_read(struct json_reader *reader, const char **signature,
                                struct arena *keep, struct error *err)
{
    struct bytes name;

    if (*signature)
        return json_repeated(reader, bytes_of(SIGNATURE_KEY), err);
    if (json_peek(reader) != JSON_STRING)
        return error_set(err, STATUS_INVALID_INPUT,
                         "'" SIGNATURE_KEY "' key must be a string value, not %s",
                         json_kind_name(json_peek(reader)));
    TRY(json_read_string(reader, &name, keep, err));
    if (memchr(name.data, 0, name.size))
        return error_set(err, STATUS_INVALID_INPUT, "'" SIGNATURE_KEY "' holds a zero byte");
    *signature = arena_text(keep, name);
    return *signature ? STATUS_OK : error_no_memory(err, "a request");
}
