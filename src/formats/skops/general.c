// SPDX-License-Identifier: Apache-2.0
/* skops nodes of plain Python: values, containers, objects. */
#include "base/number.h"
#include "base/text.h"
#include "formats/skops/skops_internal.h"

#define LOADER(name)                                                                               \
    enum status name(struct skops *s, const struct json *node, struct pickle_object *object,       \
                     struct error *err)

static enum status broken(const struct json *node, struct error *err)
{
    return error_at(err, node->offset, STATUS_INVALID_INPUT,
                    "a node of schema.json has the wrong content");
}

/* --- values --- */

static void become(struct pickle_object *object, enum pickle_kind kind, struct bytes bytes)
{
    *object = (struct pickle_object){.kind = kind, .offset = object->offset, .bytes = bytes};
}

static bool has_digits_only(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((text.data[i] < '0' || text.data[i] > '9') && text.data[i] != '-')
            return false;
    return true;
}

/* JSON's numbers are Python's: an integer of any size stays one. */
static enum status number_value(struct skops *s, const struct json *value, struct bytes text,
                                struct pickle_object *object, struct error *err)
{
    struct pickle_object *integer;

    if (value->kind == JSON_INT) {
        object->kind = PICKLE_INT;
        object->integer = value->integer;
    } else if (value->kind == JSON_FLOAT && !has_digits_only(text)) {
        object->kind = PICKLE_FLOAT;
        object->number = value->number;
    } else {
        size_t offset = object->offset;
        TRY(literal_integer(&s->m, text, &integer, err));
        *object = *integer;
        object->offset = offset;
    }
    return STATUS_OK;
}

LOADER(skops_json)
{
    struct json *value = arena_new(s->m.keep, struct json, 1);
    struct bytes text;

    if (!value)
        return error_no_memory(err, "a value of schema.json");
    TRY(skops_text(node, "content", &text, err));
    if (json_parse(text, JSON_ALLOW_NAN, value, s->m.keep, err))
        return error_within(err, "schema.json, in the text at byte %zu", node->offset);
    switch (value->kind) {
    case JSON_NULL:
        return STATUS_OK;
    case JSON_BOOL:
        object->kind = PICKLE_BOOL;
        object->boolean = value->boolean;
        return STATUS_OK;
    case JSON_INT:
    case JSON_UINT:
    case JSON_FLOAT:
        return number_value(s, value, text, object, err);
    case JSON_STRING:
        become(object, PICKLE_TEXT, value->string);
        return STATUS_OK;
    default:
        return broken(node, err);
    }
}

static enum status file_bytes(struct skops *s, const struct json *node, enum pickle_kind kind,
                              struct pickle_object *object, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct member *member;
    struct bytes name, bytes;
    char *path;

    TRY(skops_text(node, "file", &name, err));
    path = arena_text(s->m.keep, name);
    if (!path)
        return error_no_memory(err, "a name in schema.json");
    member = artifact_find(s->artifact, path);
    if (!member)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "the file \"%s\" is missing",
                        text_quote(name, quoted, sizeof quoted));
    TRY(member_bytes(member, &bytes, err));
    become(object, kind, bytes);
    return STATUS_OK;
}

LOADER(skops_bytes)
{
    return file_bytes(s, node, PICKLE_BYTES, object, err);
}

LOADER(skops_bytearray)
{
    return file_bytes(s, node, PICKLE_BYTEARRAY, object, err);
}

/* --- sequences --- */

static enum status read_items(struct skops *s, const struct json *node,
                              struct pickle_object ***items, size_t *count, struct error *err)
{
    const struct json *content = json_get(node, "content");
    struct pickle_object *item;

    *items = NULL;
    *count = 0;
    if (!content || content->kind != JSON_ARRAY)
        return broken(node, err);
    for (size_t i = 0; i < content->count; i++) {
        TRY(skops_node(s, &content->items[i], &item, err));
        TRY(machine_append(&s->m, items, count, item, err));
    }
    return STATUS_OK;
}

/* Is the node's class this builtin itself, and no class derived of it? */
static bool is_builtin(const struct json *node, const char *name)
{
    struct bytes module, class;

    return json_string(json_get(node, "__module__"), &module) && bytes_is(module, "builtins") &&
           json_string(json_get(node, "__class__"), &class) && bytes_is(class, name);
}

static enum status become_object(struct skops *s, const struct json *node,
                                 struct pickle_object *object, struct error *err)
{
    struct pickle_object *global, *args;

    TRY(skops_class(s, node, &global, err));
    TRY(machine_new(&s->m, PICKLE_TUPLE, &args, err));
    *object = (struct pickle_object){
        .kind = PICKLE_OBJECT, .offset = object->offset, .callable = global, .args = args};
    return STATUS_OK;
}

static enum status read_container(struct skops *s, const struct json *node, enum pickle_kind kind,
                                  struct pickle_object *object, struct error *err)
{
    struct pickle_object **items;
    size_t count;

    TRY(read_items(s, node, &items, &count, err));
    *object = (struct pickle_object){
        .kind = kind, .offset = object->offset, .items = items, .count = count};
    return STATUS_OK;
}

LOADER(skops_list)
{
    if (is_builtin(node, "list"))
        return read_container(s, node, PICKLE_LIST, object, err);
    TRY(become_object(s, node, object, err));
    return read_items(s, node, &object->list_items, &object->list_count, err);
}

LOADER(skops_set)
{
    if (is_builtin(node, "frozenset"))
        return read_container(s, node, PICKLE_FROZENSET, object, err);
    return read_container(s, node, PICKLE_SET, object, err);
}

/* A named tuple is called with its items. */
LOADER(skops_tuple)
{
    if (is_builtin(node, "tuple"))
        return read_container(s, node, PICKLE_TUPLE, object, err);
    TRY(become_object(s, node, object, err));
    return read_items(s, node, &object->args->items, &object->args->count, err);
}

/* --- dicts --- */

/* The text of a key and the name of its type make the key. */
static enum status make_key(struct skops *s, struct bytes text, struct bytes type,
                            const struct json *node, struct pickle_object **key, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    s->m.at = node->offset;
    if (bytes_starts(type, bytes_of("int")) || bytes_starts(type, bytes_of("uint")))
        return literal_integer(&s->m, text, key, err);
    TRY(machine_new(&s->m, PICKLE_TEXT, key, err));
    if (bytes_is(type, "str") || bytes_is(type, "str_")) {
        (*key)->bytes = text;
    } else if (bytes_starts(type, bytes_of("float"))) {
        (*key)->kind = PICKLE_FLOAT;
        if (!number_from_text(text, &(*key)->number))
            return broken(node, err);
    } else if (bytes_is(type, "bool") || bytes_is(type, "bool_")) {
        (*key)->kind = PICKLE_BOOL;
        (*key)->boolean = bytes_is(text, "true") || bytes_is(text, "True");
    } else if (bytes_is(type, "NoneType")) {
        (*key)->kind = PICKLE_NONE;
    } else {
        return error_at(err, node->offset, STATUS_UNSUPPORTED, "a dict with keys of type \"%s\"",
                        text_quote(type, quoted, sizeof quoted));
    }
    return STATUS_OK;
}

static enum status read_pairs(struct skops *s, const struct json *node,
                              struct pickle_object ***items, size_t *count, struct error *err)
{
    const struct json *content = json_get(node, "content");
    const struct json *types = json_get(json_get(node, "key_types"), "content");
    struct pickle_object *key, *value;
    size_t used = 0;

    *items = NULL;
    *count = 0;
    if (!content || content->kind != JSON_OBJECT || !types || types->kind != JSON_ARRAY ||
        types->count != content->count)
        return broken(node, err);
    for (size_t i = 0; i < content->count; i++) {
        const struct json *entry = &content->items[i];
        struct bytes type;
        TRY(skops_text(&types->items[i], "__class__", &type, err));
        TRY(make_key(s, entry->key, type, entry, &key, err));
        TRY(skops_node(s, entry, &value, err));
        TRY(machine_append(&s->m, items, &used, key, err));
        TRY(machine_append(&s->m, items, &used, value, err));
    }
    *count = content->count;
    return STATUS_OK;
}

LOADER(skops_dict)
{
    struct pickle_object **items;
    size_t count;

    if (!is_builtin(node, "dict")) {
        TRY(become_object(s, node, object, err));
        return read_pairs(s, node, &object->dict_items, &object->dict_count, err);
    }
    TRY(read_pairs(s, node, &items, &count, err));
    *object = (struct pickle_object){
        .kind = PICKLE_DICT, .offset = object->offset, .items = items, .count = count};
    return STATUS_OK;
}

/* defaultdict: the pairs, and what makes a missing value, as the argument. */
LOADER(skops_default_dict)
{
    const struct json *content = json_get(node, "content");
    const struct json *factory = json_get(content, "default_factory");
    struct pickle_object *argument;

    TRY(become_object(s, node, object, err));
    if (factory) {
        TRY(skops_node(s, factory, &argument, err));
        TRY(machine_append(&s->m, &object->args->items, &object->args->count, argument, err));
    }
    if (!json_get(content, "main"))
        return broken(node, err);
    return read_pairs(s, json_get(content, "main"), &object->dict_items, &object->dict_count, err);
}

/* --- objects --- */

/* The state of an object, as BUILD would give it. */
static enum status read_state(struct skops *s, const struct json *node,
                              struct pickle_object *object, struct error *err)
{
    struct pickle_object *state;

    if (!node || node->kind == JSON_NULL)
        return STATUS_OK;
    TRY(skops_node(s, node, &state, err));
    if (object->kind != PICKLE_OBJECT || state->kind == PICKLE_NONE)
        return STATUS_OK;
    return pickle_build(&s->m, object, state, err);
}

LOADER(skops_object)
{
    TRY(become_object(s, node, object, err));
    return read_state(s, json_get(node, "content"), object, err);
}

LOADER(skops_opaque)
{
    return become_object(s, node, object, err);
}

static enum status read_arguments(struct skops *s, const struct json *node,
                                  struct pickle_object *object, struct error *err)
{
    struct pickle_object *args;

    TRY(skops_node(s, node, &args, err));
    if (args->kind != PICKLE_TUPLE)
        return broken(node, err);
    object->args = args;
    return STATUS_OK;
}

LOADER(skops_constructor)
{
    TRY(become_object(s, node, object, err));
    return read_arguments(s, json_get(node, "content"), object, err);
}

LOADER(skops_operator)
{
    TRY(become_object(s, node, object, err));
    return read_arguments(s, json_get(node, "attrs"), object, err);
}

LOADER(skops_reduce)
{
    TRY(become_object(s, node, object, err));
    TRY(read_arguments(s, json_get(json_get(node, "__reduce__"), "args"), object, err));
    return read_state(s, json_get(node, "content"), object, err);
}

/* slice(start, stop, step); the three are plain JSON. */
LOADER(skops_slice)
{
    static const char *const PARTS[] = {"start", "stop", "step"};
    struct pickle_object *part;

    TRY(become_object(s, node, object, err));
    for (size_t i = 0; i < ARRAY_COUNT(PARTS); i++) {
        const struct json *value = json_get(json_get(node, "content"), PARTS[i]);
        if (!value || (value->kind != JSON_INT && value->kind != JSON_NULL))
            return error_at(err, node->offset, STATUS_UNSUPPORTED,
                            "a slice that is not of integers");
        TRY(machine_new(&s->m, value->kind == JSON_INT ? PICKLE_INT : PICKLE_NONE, &part, err));
        if (value->kind == JSON_INT)
            part->integer = value->integer;
        TRY(machine_append(&s->m, &object->args->items, &object->args->count, part, err));
    }
    return STATUS_OK;
}

/* A bound method, as pickle states it: getattr(owner, name). */
LOADER(skops_method)
{
    const struct json *content = json_get(node, "content");
    struct pickle_object *owner, *name, *args;

    TRY(machine_new(&s->m, PICKLE_TEXT, &name, err));
    TRY(skops_text(content ? content : node, "func", &name->bytes, err));
    TRY(skops_node(s, json_get(content, "obj"), &owner, err));
    TRY(machine_new(&s->m, PICKLE_TUPLE, &args, err));
    TRY(machine_append(&s->m, &args->items, &args->count, owner, err));
    TRY(machine_append(&s->m, &args->items, &args->count, name, err));
    *object = (struct pickle_object){.kind = PICKLE_OBJECT, .offset = object->offset, .args = args};
    return machine_global(&s->m, bytes_of("builtins"), bytes_of("getattr"), &object->callable, err);
}

/* partial(func) with the state (func, args, keywords, namespace), as pickle has it. */
LOADER(skops_partial)
{
    static const char *const PARTS[] = {"func", "args", "kwds", "namespace"};
    struct pickle_object *part, *state;

    TRY(become_object(s, node, object, err));
    TRY(machine_new(&s->m, PICKLE_TUPLE, &state, err));
    for (size_t i = 0; i < ARRAY_COUNT(PARTS); i++) {
        TRY(skops_node(s, json_get(json_get(node, "content"), PARTS[i]), &part, err));
        TRY(machine_append(&s->m, &state->items, &state->count, part, err));
    }
    TRY(machine_append(&s->m, &object->args->items, &object->args->count, state->items[0], err));
    object->state = state;
    return STATUS_OK;
}
