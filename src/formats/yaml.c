// SPDX-License-Identifier: Apache-2.0
/* Over libyaml's events: its parser keeps its state on the heap, the depth is bounded here. */
#include "formats/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/map.h"
#include "base/number.h"
#include "base/text.h"

struct reader {
    yaml_parser_t parser;
    const char *name;
    struct arena *keep;
    int depth;
};

static enum status next(struct reader *reader, yaml_event_t *event, struct error *err)
{
    const yaml_parser_t *parser = &reader->parser;

    if (yaml_parser_parse(&reader->parser, event))
        return STATUS_OK;
    if (parser->error == YAML_MEMORY_ERROR)
        return error_no_memory(err, "YAML");
    if (error_set(err, STATUS_INVALID_INPUT, "%s:%zu: %s%s%s", reader->name,
                  parser->problem_mark.line + 1, parser->problem ? parser->problem : "no YAML",
                  parser->context ? " " : "", parser->context ? parser->context : "") &&
        parser->buffer.pointer < parser->buffer.last && *parser->buffer.pointer == '\t')
        error_fix(err, "indent with blanks: a tab cannot");
    return err->status;
}

static enum status refuse(const struct reader *reader, size_t line, const char *what,
                          struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "%s:%zu: %s", reader->name, line, what);
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(text, *words))
            return true;
    return false;
}

/* [-+]?[0-9]+, 0o[0-7]+ or 0x[0-9a-fA-F]+, when it fits. */
static bool is_integer(const char *text, int64_t *value)
{
    const char *digits = text;
    int base = 10;
    char *end;

    if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
        base = text[1] == 'o' ? 8 : 16;
        digits = text + 2;
    } else {
        digits += *text == '-' || *text == '+';
    }
    if (!*digits || strspn(digits, base == 16  ? "0123456789abcdefABCDEF"
                                   : base == 8 ? "01234567"
                                               : "0123456789") != strlen(digits))
        return false;
    errno = 0;
    *value = strtoll(base == 10 ? text : digits, &end, base);
    return errno == 0;
}

static void resolve_plain(struct yaml *node)
{
    static const char *const NULLS[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const TRUES[] = {"true", "True", "TRUE", NULL};
    static const char *const FALSES[] = {"false", "False", "FALSE", NULL};
    static const char *const NANS[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const INFINITIES[] = {".inf", ".Inf", ".INF", NULL};
    const char *text = node->text, *digits = text + (*text == '-' || *text == '+');

    if (is_one_of(text, NULLS)) {
        node->kind = YAML_NULL;
    } else if (is_one_of(text, TRUES) || is_one_of(text, FALSES)) {
        node->kind = YAML_BOOL;
        node->boolean = is_one_of(text, TRUES);
    } else if (is_integer(text, &node->integer)) {
        node->kind = YAML_INT;
    } else if (is_one_of(text, NANS) || is_one_of(digits, INFINITIES)) {
        node->kind = YAML_FLOAT;
        node->number = is_one_of(text, NANS) ? __builtin_nan("")
                       : *text == '-'        ? -__builtin_inf()
                                             : __builtin_inf();
    } else if (*text && strspn(text, "0123456789.eE+-") == strlen(text) &&
               number_from_text(bytes_of(text), &node->number)) {
        node->kind = YAML_FLOAT;
    }
}

static enum status scalar(struct reader *reader, const yaml_event_t *event, struct yaml *node,
                          struct error *err)
{
    struct bytes text = {event->data.scalar.value, event->data.scalar.length};

    if (event->data.scalar.anchor)
        return refuse(reader, node->line, "anchors are not used here", err);
    if (event->data.scalar.tag)
        return refuse(reader, node->line, "tags are not used here", err);
    if (memchr(text.data, 0, text.size))
        return refuse(reader, node->line, "a text holds a zero byte", err);
    node->kind = YAML_TEXT;
    node->text = arena_text(reader->keep, text);
    if (!node->text)
        return error_no_memory(err, "YAML");
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        resolve_plain(node);
    return STATUS_OK;
}

static enum status value(struct reader *reader, yaml_event_t *event, struct yaml *node,
                         struct error *err);

/* One more item at the end of `node`; the array doubles inside the arena. */
static enum status item_add(struct reader *reader, struct yaml *node, struct yaml **item,
                            size_t *capacity, struct error *err)
{
    if (!ARENA_GROW(reader->keep, node->items, node->count, *capacity))
        return error_no_memory(err, "YAML");
    *item = &node->items[node->count++];
    return STATUS_OK;
}

static enum status list(struct reader *reader, struct yaml *node, struct error *err)
{
    size_t capacity = 0;
    enum status status = STATUS_OK;

    node->kind = YAML_LIST;
    node->items = NULL;
    node->count = 0;
    while (!status) {
        struct yaml *item = NULL;
        yaml_event_t event;
        TRY(next(reader, &event, err));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return STATUS_OK;
        }
        status = item_add(reader, node, &item, &capacity, err);
        if (!status)
            status = value(reader, &event, item, err);
        yaml_event_delete(&event);
    }
    return status;
}

static enum status key(struct reader *reader, const yaml_event_t *event, struct map *seen,
                       struct yaml *item, struct error *err)
{
    struct yaml text = {.line = event->start_mark.line + 1};
    char quoted[TEXT_QUOTE_SIZE];
    const struct yaml *before;

    if (event->type != YAML_SCALAR_EVENT)
        return refuse(reader, text.line, "a key must be a single word or text", err);
    TRY(scalar(reader, event, &text, err));
    if (!strcmp(text.text, "<<") && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return refuse(reader, text.line, "merge keys are not used here", err);
    for (const char *c = text.text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return refuse(reader, text.line, "a key holds a control character", err);
    item->key = text.text;
    item->key_line = text.line;
    before = map_find(seen, bytes_of(item->key));
    if (before)
        return error_set(err, STATUS_INVALID_INPUT,
                         "%s:%zu: key \"%s\" is already given in line %zu", reader->name, text.line,
                         text_quote(bytes_of(item->key), quoted, sizeof quoted),
                         (size_t)(uintptr_t)before);
    if (!map_set(seen, bytes_of(item->key), (void *)(uintptr_t)text.line))
        return error_no_memory(err, "YAML");
    return STATUS_OK;
}

static enum status map(struct reader *reader, struct yaml *node, struct error *err)
{
    size_t capacity = 0;
    enum status status = STATUS_OK;
    struct map seen;

    node->kind = YAML_MAP;
    node->items = NULL;
    node->count = 0;
    map_init(&seen, reader->keep);
    while (!status) {
        struct yaml *item = NULL;
        yaml_event_t event;
        TRY(next(reader, &event, err));
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return STATUS_OK;
        }
        status = item_add(reader, node, &item, &capacity, err);
        if (!status)
            status = key(reader, &event, &seen, item, err);
        yaml_event_delete(&event);
        if (status)
            break;
        TRY(next(reader, &event, err));
        status = value(reader, &event, item, err);
        yaml_event_delete(&event);
    }
    return status;
}

/* The value that begins with `event`; recursion is bounded by YAML_DEPTH_MAX. */
static enum status value(struct reader *reader, yaml_event_t *event, struct yaml *node,
                         struct error *err)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    enum status status;

    node->line = event->start_mark.line + 1;
    if (event->type == YAML_SCALAR_EVENT)
        return scalar(reader, event, node, err);
    if (event->type == YAML_ALIAS_EVENT)
        return refuse(reader, node->line, "aliases are not used here", err);
    if (!is_map && event->type != YAML_SEQUENCE_START_EVENT)
        return refuse(reader, node->line, "a value is missing", err);
    if (is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor)
        return refuse(reader, node->line, "anchors are not used here", err);
    if (is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag)
        return refuse(reader, node->line, "tags are not used here", err);
    if (reader->depth == YAML_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s:%zu: nested deeper than %d", reader->name,
                         node->line, YAML_DEPTH_MAX);
    reader->depth++;
    status = is_map ? map(reader, node, err) : list(reader, node, err);
    reader->depth--;
    return status;
}

static enum status document_add(struct reader *reader, struct yaml **roots, size_t *count,
                                size_t *capacity, size_t line, struct error *err)
{
    if (!ARENA_GROW(reader->keep, *roots, *count, *capacity))
        return error_no_memory(err, "YAML");
    (*roots)[(*count)++] = (struct yaml){.kind = YAML_NULL, .line = line, .text = ""};
    return STATUS_OK;
}

/* Events of documents around their values. */
static enum status documents(struct reader *reader, size_t most, struct yaml **roots, size_t *count,
                             struct error *err)
{
    enum status status = STATUS_OK;
    size_t capacity = 0;
    bool ended = false;

    while (!status && !ended) {
        yaml_event_t event;
        TRY(next(reader, &event, err));
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            ended = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (*count == most)
                status = refuse(reader, event.start_mark.line + 1,
                                most == 1 ? "a second document begins" : "too many documents", err);
            else
                status =
                    document_add(reader, roots, count, &capacity, event.start_mark.line + 1, err);
            break;
        default:
            status = value(reader, &event, &(*roots)[*count - 1], err);
        }
        yaml_event_delete(&event);
    }
    if (!status && !*count)
        return document_add(reader, roots, count, &capacity, 1, err);
    return status;
}

enum status yaml_parse_all(struct bytes text, const char *name, size_t most, struct yaml **roots,
                           size_t *count, struct arena *keep, struct error *err)
{
    struct reader reader = {.name = name, .keep = keep};
    enum status status;

    *roots = NULL;
    *count = 0;
    if (text.size > YAML_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s has %zu bytes, more than %d", name, text.size,
                         YAML_BYTES_MAX);
    if (!text_is_utf8(text))
        return error_set(err, STATUS_INVALID_INPUT, "%s is not UTF-8", name);
    if (!yaml_parser_initialize(&reader.parser))
        return error_no_memory(err, "YAML");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, text.size ? text.data : (const uint8_t *)"",
                                 text.size);
    status = documents(&reader, most, roots, count, err);
    yaml_parser_delete(&reader.parser);
    return status;
}

enum status yaml_parse(struct bytes text, const char *name, struct yaml *root, struct arena *keep,
                       struct error *err)
{
    struct yaml *roots;
    size_t count;

    *root = (struct yaml){.kind = YAML_NULL, .line = 1, .text = ""};
    TRY(yaml_parse_all(text, name, 1, &roots, &count, keep, err));
    *root = roots[0];
    return STATUS_OK;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (!strcmp(map->items[i].key, key))
            return &map->items[i];
    return NULL;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
    static const char *const NAMES[] = {"nothing", "true or false", "a whole number",   "a number",
                                        "text",    "a list",        "a map of settings"};

    return NAMES[kind];
}
