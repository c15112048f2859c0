// SPDX-License-Identifier: Apache-2.0
/* Reading of Open Inference v2 bodies: the protocol's REST specification and Triton's "binary
 * tensor data" extension. Unknown keys are skipped, known ones may occur once. */
#include "formats/json/oip.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "formats/json/json_scan.h"

/* The next key of an object as its index in `keys`, `count` when it is none of them; each of them
 * once, as the bits of `seen` tell. *more is false behind the last one. */
static enum status next_key(struct json_reader *reader, const char *const *keys, size_t count,
                            unsigned *seen, bool *more, size_t *index, struct error *err)
{
    struct bytes key;

    TRY(json_next(reader, more, &key, err));
    *index = count;
    for (size_t i = 0; *more && i < count; i++) {
        if (!bytes_is(key, keys[i]))
            continue;
        if (*seen & 1u << i)
            return json_repeated(reader, key, err);
        *seen |= 1u << i;
        *index = i;
    }
    return STATUS_OK;
}

/* A string without NUL, as text. */
static enum status read_text(struct json_reader *reader, const char *what, const char **text,
                             struct arena *keep, struct error *err)
{
    size_t offset = json_offset(reader);
    struct bytes bytes;

    TRY(json_read_string(reader, &bytes, keep, err));
    if (bytes.size && memchr(bytes.data, 0, bytes.size))
        return error_at(err, offset, STATUS_INVALID_INPUT, "%s holds a NUL", what);
    *text = arena_text(keep, bytes);
    return *text ? STATUS_OK : error_no_memory(err, what);
}

static enum status read_size(struct json_reader *reader, const char *what, int64_t *value,
                             struct error *err)
{
    size_t offset = json_offset(reader);

    TRY(json_read_i64(reader, value, err));
    if (*value < 0)
        return error_at(err, offset, STATUS_INVALID_INPUT, "%s is negative: %lld", what,
                        (long long)*value);
    return STATUS_OK;
}

/* --- one tensor --- */

enum { BINARY_UNSAID = -1 };

/* What the object of a tensor says, as far as it was read. */
struct draft {
    const char *name;
    struct shape shape; /* of RANK_UNKNOWN until it was read */
    enum dtype dtype;
    struct tensor tensor;
    bool has_data;
    const char *data;    /* where it stands, when it stood before shape or datatype */
    int64_t binary_size; /* BINARY_UNSAID when there is none */
    int wants_binary;    /* of an output: 0, 1 or BINARY_UNSAID */
};

static enum status read_shape(struct json_reader *reader, struct shape *shape, struct error *err)
{
    struct shape read = {.rank = 0};
    bool more;

    TRY(json_enter(reader, JSON_ARRAY, err));
    for (;;) {
        TRY(json_next(reader, &more, NULL, err));
        if (!more)
            break;
        if (read.rank == RANK_MAX)
            return error_at(err, json_offset(reader), STATUS_TOO_LARGE,
                            "shape has more than %d dimensions", RANK_MAX);
        TRY(read_size(reader, "a dimension", &read.dims[read.rank++], err));
    }
    *shape = read;
    return STATUS_OK;
}

static enum status read_datatype(struct json_reader *reader, enum dtype *dtype, struct arena *keep,
                                 struct error *err)
{
    size_t offset = json_offset(reader);
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;

    TRY(json_read_string(reader, &name, keep, err));
    *dtype = dtype_from_oip(name);
    if (*dtype != DTYPE_NONE)
        return STATUS_OK;
    return error_at(err, offset, STATUS_INVALID_INPUT, "datatype \"%s\" is unknown",
                    text_quote(name, quoted, sizeof quoted));
}

static enum status read_tensor_parameters(struct json_reader *reader, struct draft *draft,
                                          struct error *err)
{
    enum { BINARY_SIZE, BINARY, CLASSIFICATION, SHARED_MEMORY, KEYS };
    static const char *const NAMES[KEYS] = {"binary_data_size", "binary_data", "classification",
                                            "shared_memory_region"};
    unsigned seen = 0;
    size_t key;
    bool more, wanted;

    TRY(json_enter(reader, JSON_OBJECT, err));
    for (;;) {
        TRY(next_key(reader, NAMES, KEYS, &seen, &more, &key, err));
        if (!more)
            return STATUS_OK;
        switch (key) {
        case BINARY_SIZE:
            TRY(read_size(reader, NAMES[key], &draft->binary_size, err));
            break;
        case BINARY:
            TRY(json_read_bool(reader, &wanted, err));
            draft->wants_binary = wanted;
            break;
        case KEYS:
            TRY(json_skip(reader, err));
            break;
        default:
            return error_at(err, json_offset(reader), STATUS_UNSUPPORTED,
                            "parameter \"%s\" is not supported", NAMES[key]);
        }
    }
}

/* `data`, at once when the shape and datatype are known, else later. */
static enum status read_data(struct json_reader *reader, struct draft *draft, struct arena *keep,
                             struct error *err)
{
    draft->has_data = true;
    if (draft->shape.rank != RANK_UNKNOWN && draft->dtype != DTYPE_NONE)
        return json_read_tensor(reader, draft->dtype, &draft->shape, &draft->tensor, keep, err);
    draft->data = reader->at;
    return json_skip(reader, err);
}

static enum status read_tensor_object(struct json_reader *reader, struct draft *draft,
                                      struct arena *keep, struct error *err)
{
    enum { NAME, SHAPE_, DATATYPE, PARAMETERS, DATA, KEYS };
    static const char *const NAMES[KEYS] = {"name", "shape", "datatype", "parameters", "data"};
    unsigned seen = 0;
    size_t key;
    bool more;

    TRY(json_enter(reader, JSON_OBJECT, err));
    for (;;) {
        TRY(next_key(reader, NAMES, KEYS, &seen, &more, &key, err));
        if (!more)
            return STATUS_OK;
        switch (key) {
        case NAME:
            TRY(read_text(reader, "name", &draft->name, keep, err));
            break;
        case SHAPE_:
            TRY(read_shape(reader, &draft->shape, err));
            break;
        case DATATYPE:
            TRY(read_datatype(reader, &draft->dtype, keep, err));
            break;
        case PARAMETERS:
            if (!json_word(reader, "null"))
                TRY(read_tensor_parameters(reader, draft, err));
            break;
        case DATA:
            TRY(read_data(reader, draft, keep, err));
            break;
        default:
            TRY(json_skip(reader, err));
        }
    }
}

/* --- lists of tensors --- */

struct parser {
    struct json_reader reader;
    struct cursor binary; /* what follows the JSON */
    struct arena *keep;
};

/* The elements of an input, or of an answer's output. */
static enum status finish_tensor(struct parser *parser, struct draft *draft, struct error *err)
{
    struct json_reader again;

    if (draft->shape.rank == RANK_UNKNOWN)
        return error_set(err, STATUS_INVALID_INPUT, "\"shape\" is missing");
    if (draft->dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "\"datatype\" is missing");
    if (draft->has_data && draft->binary_size >= 0)
        return error_set(err, STATUS_INVALID_INPUT, "has both \"data\" and \"binary_data_size\"");
    if (draft->binary_size >= 0) {
        size_t left = cursor_left(&parser->binary);
        struct bytes bytes = cursor_take(&parser->binary, (uint64_t)draft->binary_size);
        if (parser->binary.failed) {
            enum status status =
                error_set(err, STATUS_INVALID_INPUT,
                          "binary_data_size is %lld, but %zu bytes are left of the body",
                          (long long)draft->binary_size, left);
            error_fix(err, "say where the JSON ends in the header Inference-Header-Content-Length, "
                           "and send all tensors behind it");
            return status;
        }
        return oip_binary_read(bytes, draft->dtype, &draft->shape, &draft->tensor, parser->keep,
                               err);
    }
    if (!draft->has_data)
        return error_set(err, STATUS_INVALID_INPUT, "\"data\" is missing");
    if (!draft->data)
        return STATUS_OK;
    again = parser->reader;
    again.at = draft->data;
    return json_read_tensor(&again, draft->dtype, &draft->shape, &draft->tensor, parser->keep, err);
}

static enum status read_tensor(struct parser *parser, bool with_data, struct draft *draft,
                               struct error *err)
{
    *draft = (struct draft){
        .shape = shape_unknown(), .binary_size = BINARY_UNSAID, .wants_binary = BINARY_UNSAID};
    TRY(read_tensor_object(&parser->reader, draft, parser->keep, err));
    if (!draft->name)
        return error_set(err, STATUS_INVALID_INPUT, "\"name\" is missing");
    return with_data ? finish_tensor(parser, draft, err) : STATUS_OK;
}

struct tensor_list {
    struct oip_tensor *items;
    size_t count, capacity;
    bool *wants_unsaid; /* (capacity,): binary was not said of it */
};

static enum status list_grow(struct tensor_list *list, struct arena *keep, struct error *err)
{
    size_t capacity = list->capacity ? 2 * list->capacity : 4;
    struct oip_tensor *items = arena_new(keep, struct oip_tensor, capacity);
    bool *unsaid = arena_new(keep, bool, capacity);

    if (!items || !unsaid)
        return error_no_memory(err, "the tensors of a request");
    if (list->count) {
        memcpy(items, list->items, list->count * sizeof *items);
        memcpy(unsaid, list->wants_unsaid, list->count * sizeof *unsaid);
    }
    *list = (struct tensor_list){items, list->count, capacity, unsaid};
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct oip_tensor *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static enum status check_names(const struct tensor_list *list, const char *what, struct arena *keep,
                               struct error *err)
{
    const struct oip_tensor **sorted = arena_alloc(keep, list->count, sizeof *sorted);
    char quoted[TEXT_QUOTE_SIZE];

    if (!sorted)
        return error_no_memory(err, "names");
    for (size_t i = 0; i < list->count; i++)
        sorted[i] = &list->items[i];
    qsort(sorted, list->count, sizeof *sorted, compare_names);
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            return error_set(err, STATUS_INVALID_INPUT, "%s \"%s\" occurs twice", what,
                             text_quote(bytes_of(sorted[i]->name), quoted, sizeof quoted));
    return STATUS_OK;
}

/* `what`: "input" or "output". */
static enum status read_tensors(struct parser *parser, const char *what, bool with_data,
                                struct tensor_list *list, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct draft draft;
    bool more;

    TRY(json_enter(&parser->reader, JSON_ARRAY, err));
    for (;;) {
        TRY(json_next(&parser->reader, &more, NULL, err));
        if (!more)
            break;
        if (list->count == list->capacity)
            TRY(list_grow(list, parser->keep, err));
        if (read_tensor(parser, with_data, &draft, err) != STATUS_OK)
            return draft.name
                       ? error_within(err, "%s \"%s\"", what,
                                      text_quote(bytes_of(draft.name), quoted, sizeof quoted))
                       : error_within(err, "%ss[%zu]", what, list->count);
        list->wants_unsaid[list->count] = draft.wants_binary == BINARY_UNSAID;
        list->items[list->count++] = (struct oip_tensor){
            draft.name, draft.tensor, with_data ? draft.binary_size >= 0 : draft.wants_binary == 1};
    }
    return check_names(list, what, parser->keep, err);
}

/* --- bodies --- */

static enum status parser_init(struct parser *parser, struct bytes body, size_t json_size,
                               struct arena *keep, struct error *err)
{
    if (json_size > body.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "Inference-Header-Content-Length is %zu, but the body has %zu bytes",
                         json_size, body.size);
    if (json_size == 0 && body.size)
        return error_set(err, STATUS_UNSUPPORTED,
                         "a raw body, without JSON that describes it, is not supported");
    json_reader_init(&parser->reader, (struct bytes){body.data, json_size}, 0);
    parser->binary = cursor_over(body);
    cursor_skip(&parser->binary, json_size);
    parser->keep = keep;
    return STATUS_OK;
}

static enum status parser_end(struct parser *parser, struct error *err)
{
    TRY(json_end(&parser->reader, err));
    if (cursor_left(&parser->binary))
        return error_set(err, STATUS_INVALID_INPUT,
                         "%zu bytes are left behind the last binary tensor",
                         cursor_left(&parser->binary));
    return STATUS_OK;
}

static enum status read_request_parameters(struct parser *parser, struct oip_request *request,
                                           struct error *err)
{
    enum { BINARY_OUTPUT, SIGNATURE, TIMEOUT, KEYS };
    static const char *const NAMES[KEYS] = {"binary_data_output", "signature", "timeout"};
    struct json_reader *reader = &parser->reader;
    unsigned seen = 0;
    size_t key;
    bool more;

    TRY(json_enter(reader, JSON_OBJECT, err));
    for (;;) {
        TRY(next_key(reader, NAMES, KEYS, &seen, &more, &key, err));
        if (!more)
            return STATUS_OK;
        switch (key) {
        case BINARY_OUTPUT:
            TRY(json_read_bool(reader, &request->binary_output, err));
            break;
        case SIGNATURE:
            TRY(read_text(reader, NAMES[key], &request->signature, parser->keep, err));
            break;
        case TIMEOUT:
            TRY(read_size(reader, NAMES[key], &request->timeout_us, err));
            break;
        default:
            TRY(json_skip(reader, err));
        }
    }
}

static enum status read_request(struct parser *parser, struct oip_request *request,
                                struct error *err)
{
    enum { ID, PARAMETERS, INPUTS, OUTPUTS, KEYS };
    static const char *const NAMES[KEYS] = {"id", "parameters", "inputs", "outputs"};
    struct tensor_list inputs = {NULL, 0, 0, NULL}, outputs = {NULL, 0, 0, NULL};
    struct json_reader *reader = &parser->reader;
    unsigned seen = 0;
    size_t key;
    bool more;

    TRY(json_enter(reader, JSON_OBJECT, err));
    for (;;) {
        TRY(next_key(reader, NAMES, KEYS, &seen, &more, &key, err));
        if (!more)
            break;
        if (key != INPUTS && json_word(reader, "null"))
            continue; /* as if it were not there */
        switch (key) {
        case ID:
            TRY(read_text(reader, NAMES[key], &request->id, parser->keep, err));
            break;
        case PARAMETERS:
            if (read_request_parameters(parser, request, err) != STATUS_OK)
                return error_within(err, "parameters");
            break;
        case INPUTS:
            TRY(read_tensors(parser, "input", true, &inputs, err));
            break;
        case OUTPUTS:
            TRY(read_tensors(parser, "output", false, &outputs, err));
            break;
        default:
            TRY(json_skip(reader, err));
        }
    }
    if (!(seen & 1u << INPUTS))
        return error_set(err, STATUS_INVALID_INPUT, "the request has no \"inputs\"");
    for (size_t i = 0; i < outputs.count; i++)
        if (outputs.wants_unsaid[i])
            outputs.items[i].binary = request->binary_output;
    request->inputs = inputs.items;
    request->input_count = inputs.count;
    request->outputs = outputs.items;
    request->output_count = outputs.count;
    return STATUS_OK;
}

enum status oip_parse_request(struct bytes body, size_t json_size, struct oip_request *request,
                              struct arena *request_arena, struct error *err)
{
    struct parser parser;

    *request = (struct oip_request){0};
    TRY(parser_init(&parser, body, json_size, request_arena, err));
    TRY(read_request(&parser, request, err));
    return parser_end(&parser, err);
}

enum status oip_parse_response(struct bytes body, size_t json_size, struct oip_response *response,
                               struct arena *keep, struct error *err)
{
    enum { MODEL_NAME, MODEL_VERSION, ID, OUTPUTS, KEYS };
    static const char *const NAMES[KEYS] = {"model_name", "model_version", "id", "outputs"};
    struct tensor_list outputs = {NULL, 0, 0, NULL};
    const char **const texts[] = {&response->model_name, &response->model_version, &response->id};
    struct parser parser;
    unsigned seen = 0;
    size_t key;
    bool more;

    *response = (struct oip_response){0};
    TRY(parser_init(&parser, body, json_size, keep, err));
    TRY(json_enter(&parser.reader, JSON_OBJECT, err));
    for (;;) {
        TRY(next_key(&parser.reader, NAMES, KEYS, &seen, &more, &key, err));
        if (!more)
            break;
        if (key == OUTPUTS)
            TRY(read_tensors(&parser, "output", true, &outputs, err));
        else if (key == KEYS)
            TRY(json_skip(&parser.reader, err));
        else if (!json_word(&parser.reader, "null"))
            TRY(read_text(&parser.reader, NAMES[key], texts[key], keep, err));
    }
    if (!(seen & 1u << OUTPUTS))
        return error_set(err, STATUS_INVALID_INPUT, "the answer has no \"outputs\"");
    response->outputs = outputs.items;
    response->output_count = outputs.count;
    return parser_end(&parser, err);
}
