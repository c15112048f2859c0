// SPDX-License-Identifier: Apache-2.0
#include "server/tensorflow_serving/example_json.h"

#include "formats/protobuf.h"
#include "server/tensorflow_serving/signature_json.h"

/* Example {features 1}, Features {map feature 1}, entry {key 1, Feature value 2}, Feature {one
 * list}; each list has its values in field 1. */
enum list { LIST_NONE, LIST_BYTES = 1, LIST_FLOAT = 2, LIST_INT64 = 3 };

struct writing {
    struct json_reader reader;
    struct text text; /* of all messages; owned */
    struct arena *keep;
};

static const char *list_name(enum list kind)
{
    return kind == LIST_BYTES ? "bytes" : kind == LIST_FLOAT ? "float" : "int64";
}

/* --- features --- */

/* What the number at the reader's place is: RapidJSON's sense of an integer, which TensorFlow
 * Serving goes by. */
static enum list number_list(const struct json_reader *reader)
{
    const char *at = reader->at + (reader->at < reader->end && *reader->at == '-');

    if (at < reader->end && (*at == 'N' || *at == 'I'))
        return LIST_FLOAT;
    while (at < reader->end && *at >= '0' && *at <= '9')
        at++;
    return at < reader->end && (*at == '.' || *at == 'e' || *at == 'E') ? LIST_FLOAT : LIST_INT64;
}

static enum list value_list(struct json_reader *reader)
{
    switch (json_peek(reader)) {
    case JSON_FLOAT:
        return number_list(reader);
    case JSON_BOOL:
        return LIST_INT64;
    case JSON_STRING:
        return LIST_BYTES;
    case JSON_OBJECT:
        return json_is_base64(reader) ? LIST_BYTES : LIST_NONE;
    default:
        return LIST_NONE;
    }
}

static enum status bytes_write(struct writing *w, struct error *err)
{
    struct bytes value;

    if (json_peek(&w->reader) == JSON_STRING)
        TRY(json_read_string(&w->reader, &value, w->keep, err));
    else
        TRY(json_read_base64(&w->reader, &value, w->keep, err));
    protobuf_write_bytes(&w->text, 1, value);
    return STATUS_OK;
}

static enum status float_write(struct writing *w, struct error *err)
{
    double value;
    float single;
    char *to;

    TRY(json_read_f64(&w->reader, &value, err));
    single = (float)value;
    if (__builtin_isinf(single) && !__builtin_isinf(value))
        return error_set(err, STATUS_INVALID_INPUT, "%g does not fit a float", value);
    to = text_reserve(&w->text, sizeof single);
    if (!to)
        return error_no_memory(err, "examples");
    memcpy(to, &single, sizeof single); /* as all of firn, on little-endian machines */
    w->text.size += sizeof single;
    return STATUS_OK;
}

static enum status int64_write(struct writing *w, struct error *err)
{
    int64_t value;
    bool flag;

    if (json_peek(&w->reader) == JSON_BOOL) {
        TRY(json_read_bool(&w->reader, &flag, err));
        value = flag;
    } else {
        TRY(json_read_i64(&w->reader, &value, err));
    }
    protobuf_write_varint(&w->text, (uint64_t)value);
    return STATUS_OK;
}

/* One value of a list that holds `*kind`, which the first value says. */
static enum status value_write(struct writing *w, enum list *kind, struct error *err)
{
    enum list found = value_list(&w->reader);

    if (found == LIST_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "has element with unexpected JSON type: %s",
                         json_kind_name(json_peek(&w->reader)));
    if (*kind != LIST_NONE && *kind != found)
        return error_set(err, STATUS_INVALID_INPUT,
                         "Unexpected element type in feature: %s, expecting type: %s",
                         list_name(found), list_name(*kind));
    *kind = found;
    return found == LIST_BYTES   ? bytes_write(w, err)
           : found == LIST_FLOAT ? float_write(w, err)
                                 : int64_write(w, err);
}

/* The content of a list, which is written before it is known what it holds. */
static enum status list_write(struct writing *w, enum list *kind, struct error *err)
{
    bool more;

    *kind = LIST_NONE;
    if (json_peek(&w->reader) != JSON_ARRAY)
        return value_write(w, kind, err);
    TRY(json_enter(&w->reader, JSON_ARRAY, err));
    for (;;) {
        TRY(json_next(&w->reader, &more, NULL, err));
        if (!more)
            return STATUS_OK;
        TRY(value_write(w, kind, err));
    }
}

/* Feature {kind: {1: values}}; one without values has no kind. */
static enum status feature_write(struct writing *w, struct error *err)
{
    size_t list = protobuf_write_begin(&w->text), values = protobuf_write_begin(&w->text);
    enum list kind;

    TRY(list_write(w, &kind, err));
    if (kind == LIST_FLOAT || kind == LIST_INT64) /* packed */
        protobuf_write_end(&w->text, 1, values);
    if (kind != LIST_NONE)
        protobuf_write_end(&w->text, (uint32_t)kind, list);
    return STATUS_OK;
}

/* An object of features as an Example. */
static enum status example_write(struct writing *w, struct error *err)
{
    size_t features = protobuf_write_begin(&w->text), entry, name, value;
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes key;
    bool more;

    if (json_peek(&w->reader) != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "Example must be JSON object but got JSON %s",
                         json_kind_name(json_peek(&w->reader)));
    TRY(json_enter(&w->reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(&w->reader, &more, &key, err));
        if (!more)
            break;
        entry = protobuf_write_begin(&w->text);
        protobuf_write_bytes(&w->text, 1, key);
        TRY(text_check(&w->text, err));
        name = w->text.size - key.size;
        value = protobuf_write_begin(&w->text);
        if (feature_write(w, err))
            return error_within(
                err, "Feature: %s",
                text_quote((struct bytes){(const uint8_t *)w->text.data + name, key.size}, quoted,
                           sizeof quoted));
        protobuf_write_end(&w->text, 2, value);
        protobuf_write_end(&w->text, 1, entry);
    }
    protobuf_write_end(&w->text, 1, features);
    return STATUS_OK;
}

/* --- bodies --- */

/* Messages lie in w->text, which may move: as offsets until all are written. */
struct spans {
    size_t *ends; /* (count,) */
    size_t count, capacity, start;
};

static enum status list_read(struct writing *w, struct spans *spans, size_t examples_max,
                             struct error *err)
{
    bool more;

    if (json_peek(&w->reader) != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT,
                         "Expecting 'examples' value to be an list/array");
    spans->start = w->text.size;
    TRY(json_enter(&w->reader, JSON_ARRAY, err));
    for (;; spans->count++) {
        TRY(json_next(&w->reader, &more, NULL, err));
        if (!more)
            break;
        if (spans->count == examples_max)
            return error_set(err, STATUS_TOO_LARGE, "more than %zu examples", examples_max);
        if (!ARENA_GROW(w->keep, spans->ends, spans->count, spans->capacity))
            return error_no_memory(err, "examples");
        if (example_write(w, err))
            return error_within(err, "example %zu", spans->count);
        spans->ends[spans->count] = w->text.size;
    }
    return spans->count
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "'examples' value is an empty array");
}

static enum status body_read(struct writing *w, size_t examples_max, struct examples_json *read,
                             struct spans *spans, struct spans *context, struct error *err)
{
    struct bytes key;
    bool more;

    TRY(json_enter(&w->reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(&w->reader, &more, &key, err));
        if (!more)
            break;
        if ((bytes_is(key, "examples") && spans->count) ||
            (bytes_is(key, "context") && context->count))
            return json_repeated(&w->reader, key, err);
        if (bytes_is(key, SIGNATURE_KEY)) {
            TRY(signature_json_read(&w->reader, &read->signature, w->keep, err));
        } else if (bytes_is(key, "examples")) {
            TRY(list_read(w, spans, examples_max, err));
        } else if (bytes_is(key, "context")) {
            context->start = w->text.size;
            if (example_write(w, err))
                return error_within(err, "context");
            context->count = w->text.size;
        } else {
            TRY(json_skip(&w->reader, err));
        }
    }
    TRY(json_end(&w->reader, err));
    return spans->count ? text_check(&w->text, err)
                        : error_set(err, STATUS_INVALID_INPUT,
                                    "key 'examples' is expected and was not found");
}

/* The messages, copied into `keep`. */
static enum status messages_keep(const struct writing *w, const struct spans *spans,
                                 const struct spans *context, struct examples_json *read,
                                 struct error *err)
{
    uint8_t *data = arena_alloc(w->keep, w->text.size + 1, 1);
    size_t start = spans->start;

    read->examples = arena_new(w->keep, struct bytes, spans->count);
    if (!data || !read->examples)
        return error_no_memory(err, "examples");
    memcpy(data, w->text.data, w->text.size);
    for (size_t i = 0; i < spans->count; i++) {
        read->examples[i] = (struct bytes){data + start, spans->ends[i] - start};
        start = spans->ends[i];
    }
    read->count = spans->count;
    read->context = (struct bytes){data + context->start, context->count - context->start};
    return STATUS_OK;
}

enum status examples_json_read(struct bytes body, size_t examples_max, struct examples_json *read,
                               struct arena *keep, struct error *err)
{
    struct writing w = {.keep = keep};
    struct spans spans = {0}, context = {0};
    enum status status;

    *read = (struct examples_json){0};
    json_reader_init(&w.reader, body, JSON_ALLOW_NAN | JSON_BASE64);
    status = body_read(&w, examples_max, read, &spans, &context, err);
    if (status == STATUS_OK)
        status = messages_keep(&w, &spans, &context, read, err);
    text_release(&w.text);
    return status;
}
