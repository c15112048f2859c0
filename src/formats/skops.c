// SPDX-License-Identifier: Apache-2.0
/* skops (protocols 0 to 2): every node of schema.json is an object with
 *
 *   __class__, __module__   what it is
 *   __loader__              how it is stored: one row of LOADERS
 *   __id__                  identity, for CachedNode
 *   content, file ...       as the loader wants
 *
 * Source: skops/io/_general.py, _numpy.py, _scipy.py, _sklearn.py. */
#include "formats/skops.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "formats/json.h"
#include "formats/npy.h"
#include "formats/pickle_machine.h"

enum { DEPTH_MAX = 200, NODES_MAX = 10 << 20 };

struct reader {
    struct artifact *artifact;
    struct arena *keep;
    struct pickle *pickle;
    struct map seen;  /* "module.name" -> anything: what is in pickle->globals */
    struct map cache; /* __id__ (8 bytes) -> object */
    size_t global_capacity, nodes;
    int depth;
};

static enum status read_node(struct reader *r, const struct json *node,
                             struct pickle_object **object, struct error *err);

/* --- making objects --- */

static enum status make(struct reader *r, enum pickle_kind kind, const struct json *node,
                        struct pickle_object **object, struct error *err)
{
    *object = arena_new(r->keep, struct pickle_object, 1);
    if (!*object || ++r->nodes > NODES_MAX)
        return *object ? error_set(err, STATUS_TOO_LARGE, "more than %d nodes", NODES_MAX)
                       : error_no_memory(err, "objects");
    (*object)->kind = kind;
    (*object)->offset = node ? node->offset : 0;
    return STATUS_OK;
}

/* Room for `count` items of a container. */
static enum status make_items(struct reader *r, struct pickle_object *object, size_t count,
                              size_t per_item, struct error *err)
{
    object->items = arena_new(r->keep, struct pickle_object *, count * per_item);
    object->count = count;
    return object->items ? STATUS_OK : error_no_memory(err, "objects");
}

static enum status note_global(struct reader *r, struct pickle_object *global, struct error *err)
{
    struct pickle *pickle = r->pickle;
    char *full = arena_printf(r->keep, "%s.%s", global->module, global->name);

    if (!full)
        return error_no_memory(err, "names");
    if (map_find(&r->seen, bytes_of(full)))
        return STATUS_OK;
    if (pickle->global_count == r->global_capacity) {
        size_t capacity = r->global_capacity ? 2 * r->global_capacity : 32;
        const char **names = arena_new(r->keep, const char *, capacity);
        size_t *offsets = arena_new(r->keep, size_t, capacity);
        struct pickle_object **objects = arena_new(r->keep, struct pickle_object *, capacity);

        if (!names || !offsets || !objects)
            return error_no_memory(err, "names");
        for (size_t i = 0; i < pickle->global_count; i++) {
            names[i] = pickle->globals[i];
            offsets[i] = pickle->global_offsets[i];
            objects[i] = pickle->global_objects[i];
        }
        pickle->globals = names;
        pickle->global_objects = objects;
        pickle->global_offsets = offsets;
        r->global_capacity = capacity;
    }
    pickle->globals[pickle->global_count] = full;
    pickle->global_objects[pickle->global_count] = global;
    pickle->global_offsets[pickle->global_count++] = global->offset;
    return map_set(&r->seen, bytes_of(full), full) ? STATUS_OK : error_no_memory(err, "names");
}

static enum status make_global(struct reader *r, const struct json *node, struct bytes module,
                               struct bytes name, struct pickle_object **object, struct error *err)
{
    TRY(make(r, PICKLE_GLOBAL, node, object, err));
    pickle_fold(module, name, &(*object)->module, &(*object)->name, r->keep);
    if (!(*object)->module || !(*object)->name)
        return error_no_memory(err, "names");
    return note_global(r, *object, err);
}

static enum status node_global(struct reader *r, const struct json *node,
                               struct pickle_object **object, struct error *err)
{
    struct bytes module, name;

    if (!json_string(json_get(node, "__module__"), &module) ||
        !json_string(json_get(node, "__class__"), &name))
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a node without a class");
    return make_global(r, node, module, name, object, err);
}

/* An OBJECT of the node's class, with arguments and state that may be NULL. */
static enum status make_object(struct reader *r, const struct json *node,
                               struct pickle_object *args, struct pickle_object *state,
                               struct pickle_object **object, struct error *err)
{
    TRY(make(r, PICKLE_OBJECT, node, object, err));
    TRY(node_global(r, node, &(*object)->callable, err));
    (*object)->args = args;
    (*object)->state = state;
    return STATUS_OK;
}

/* --- values --- */

/* A plain JSON value as Python's json would load it. */
static enum status from_json(struct reader *r, const struct json *value,
                             struct pickle_object **object, struct error *err)
{
    static const enum pickle_kind KINDS[] = {
        [JSON_NULL] = PICKLE_NONE,  [JSON_BOOL] = PICKLE_BOOL,   [JSON_INT] = PICKLE_INT,
        [JSON_UINT] = PICKLE_FLOAT, [JSON_FLOAT] = PICKLE_FLOAT, [JSON_STRING] = PICKLE_TEXT,
        [JSON_ARRAY] = PICKLE_LIST, [JSON_OBJECT] = PICKLE_DICT};

    TRY(make(r, KINDS[value->kind], value, object, err));
    switch (value->kind) {
    case JSON_BOOL:
        (*object)->boolean = value->boolean;
        break;
    case JSON_INT:
        (*object)->integer = value->integer;
        break;
    case JSON_UINT:
        return error_set(err, STATUS_UNSUPPORTED, "an integer above 2^63");
    case JSON_FLOAT:
        (*object)->number = value->number;
        break;
    case JSON_STRING:
        (*object)->bytes = value->string;
        break;
    case JSON_ARRAY:
        TRY(make_items(r, *object, value->count, 1, err));
        for (size_t i = 0; i < value->count; i++)
            TRY(from_json(r, &value->items[i], &(*object)->items[i], err));
        break;
    case JSON_OBJECT:
        TRY(make_items(r, *object, value->count, 2, err));
        for (size_t i = 0; i < value->count; i++) {
            TRY(make(r, PICKLE_TEXT, value, &(*object)->items[2 * i], err));
            (*object)->items[2 * i]->bytes = value->items[i].key;
            TRY(from_json(r, &value->items[i], &(*object)->items[2 * i + 1], err));
        }
        break;
    case JSON_NULL:
        break;
    }
    return STATUS_OK;
}

static enum status load_json(struct reader *r, const struct json *node,
                             struct pickle_object **object, struct error *err)
{
    struct bytes text;
    struct json value;

    if (!json_string(json_get(node, "content"), &text))
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a JsonNode without content");
    if (json_parse(text, JSON_ALLOW_NAN, &value, r->keep, err))
        return error_within(err, "JsonNode at byte %zu", node->offset);
    return from_json(r, &value, object, err);
}

static enum status load_items(struct reader *r, const struct json *node, enum pickle_kind kind,
                              struct pickle_object **object, struct error *err)
{
    const struct json *content = json_get(node, "content");

    if (!content || content->kind != JSON_ARRAY)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a list without content");
    TRY(make(r, kind, node, object, err));
    TRY(make_items(r, *object, content->count, 1, err));
    for (size_t i = 0; i < content->count; i++)
        TRY(read_node(r, &content->items[i], &(*object)->items[i], err));
    return STATUS_OK;
}

static enum status load_list(struct reader *r, const struct json *node,
                             struct pickle_object **object, struct error *err)
{
    return load_items(r, node, PICKLE_LIST, object, err);
}

static enum status load_tuple(struct reader *r, const struct json *node,
                              struct pickle_object **object, struct error *err)
{
    return load_items(r, node, PICKLE_TUPLE, object, err);
}

static enum status load_set(struct reader *r, const struct json *node,
                            struct pickle_object **object, struct error *err)
{
    return load_items(r, node, PICKLE_SET, object, err);
}

/* Keys are text in JSON; key_types says what they were. */
static enum status load_key(struct reader *r, const struct json *node, struct bytes key,
                            const struct json *type, struct pickle_object **object,
                            struct error *err)
{
    struct json value;
    struct bytes name;

    if (!json_string(json_get(type, "__class__"), &name) || bytes_is(name, "str")) {
        TRY(make(r, PICKLE_TEXT, node, object, err));
        (*object)->bytes = key;
        return STATUS_OK;
    }
    if (bytes_is(name, "bool")) {
        TRY(make(r, PICKLE_BOOL, node, object, err));
        (*object)->boolean = bytes_is(key, "true") || bytes_is(key, "True");
        return STATUS_OK;
    }
    if (bytes_is(name, "NoneType"))
        return make(r, PICKLE_NONE, node, object, err);
    if (json_parse(key, JSON_ALLOW_NAN, &value, r->keep, err))
        return error_within(err, "a key of a dict at byte %zu", node->offset);
    return from_json(r, &value, object, err);
}

static enum status load_dict(struct reader *r, const struct json *node,
                             struct pickle_object **object, struct error *err)
{
    const struct json *content = json_get(node, "content");
    const struct json *types = json_get(json_get(node, "key_types"), "content");

    if (!content || content->kind != JSON_OBJECT)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a dict without content");
    TRY(make(r, PICKLE_DICT, node, object, err));
    TRY(make_items(r, *object, content->count, 2, err));
    for (size_t i = 0; i < content->count; i++) {
        const struct json *type =
            types && types->kind == JSON_ARRAY && i < types->count ? &types->items[i] : NULL;

        TRY(load_key(r, node, content->items[i].key, type, &(*object)->items[2 * i], err));
        TRY(read_node(r, &content->items[i], &(*object)->items[2 * i + 1], err));
    }
    return STATUS_OK;
}

/* defaultdict and the like: content.main is the dict. */
static enum status load_main(struct reader *r, const struct json *node,
                             struct pickle_object **object, struct error *err)
{
    const struct json *main = json_get(json_get(node, "content"), "main");

    if (!main)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a dict without content");
    return read_node(r, main, object, err);
}

static enum status load_class(struct reader *r, const struct json *node,
                              struct pickle_object **object, struct error *err)
{
    const struct json *content = json_get(node, "content"); /* a FunctionNode of protocol 0 */
    struct bytes module, name;

    if (json_string(json_get(content, "module_path"), &module) &&
        json_string(json_get(content, "function"), &name))
        return make_global(r, node, module, name, object, err);
    return node_global(r, node, object, err);
}

/* content: the state; __reduce__.args (TreeNode, LossNode): arguments of the class. */
static enum status load_object(struct reader *r, const struct json *node,
                               struct pickle_object **object, struct error *err)
{
    const struct json *content = json_get(node, "content");
    const struct json *arguments = json_get(json_get(node, "__reduce__"), "args");
    struct pickle_object *args = NULL, *state = NULL;

    if (arguments)
        TRY(read_node(r, arguments, &args, err));
    if (content && content->kind == JSON_OBJECT)
        TRY(read_node(r, content, &state, err));
    return make_object(r, node, args, state, object, err);
}

static enum status load_constructor(struct reader *r, const struct json *node,
                                    struct pickle_object **object, struct error *err)
{
    const struct json *content = json_get(node, "content");
    struct pickle_object *args = NULL;

    if (content && content->kind == JSON_OBJECT)
        TRY(read_node(r, content, &args, err));
    return make_object(r, node, args, NULL, object, err);
}

/* Something that is only named: random generators, methods, partial functions. */
static enum status load_opaque(struct reader *r, const struct json *node,
                               struct pickle_object **object, struct error *err)
{
    return make_object(r, node, NULL, NULL, object, err);
}

static enum status load_slice(struct reader *r, const struct json *node,
                              struct pickle_object **object, struct error *err)
{
    static const char *const ENDS[] = {"start", "stop", "step"};
    const struct json *content = json_get(node, "content");
    static const struct json none;
    struct pickle_object *args;

    TRY(make(r, PICKLE_TUPLE, node, &args, err));
    TRY(make_items(r, args, 3, 1, err));
    for (int i = 0; i < 3; i++) {
        const struct json *end = json_get(content, ENDS[i]);

        TRY(from_json(r, end ? end : &none, &args->items[i], err));
    }
    return make_object(r, node, args, NULL, object, err);
}

/* --- members --- */

static enum status member_of(struct reader *r, const struct json *node, struct bytes *bytes,
                             struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct member *member;
    struct bytes name;
    char *path;

    if (!json_string(json_get(node, "file"), &name))
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a node without a file");
    path = arena_text(r->keep, name);
    if (!path)
        return error_no_memory(err, "a path");
    member = artifact_find(r->artifact, path);
    if (!member)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "member '%s' is missing",
                        text_quote(name, quoted, sizeof quoted));
    return member_bytes(member, bytes, err);
}

static enum status load_bytes(struct reader *r, const struct json *node,
                              struct pickle_object **object, struct error *err)
{
    TRY(make(r, PICKLE_BYTES, node, object, err));
    return member_of(r, node, &(*object)->bytes, err);
}

/* The elements of nested lists, in order, as the elements of an object array. */
static enum status flatten(struct reader *r, const struct json *items, int depth, int rank,
                           struct numpy_array *array, size_t *at, size_t total, struct error *err)
{
    if (items->kind != JSON_ARRAY || (int64_t)items->count != array->shape.dims[depth])
        return error_at(err, items->offset, STATUS_INVALID_INPUT,
                        "an object array does not have its shape");
    for (size_t i = 0; i < items->count; i++) {
        const struct json *inner = json_get(&items->items[i], "content");

        if (depth + 1 < rank) {
            if (!inner)
                return error_at(err, items->offset, STATUS_INVALID_INPUT,
                                "an object array does not have its shape");
            TRY(flatten(r, inner, depth + 1, rank, array, at, total, err));
        } else if (*at < total) {
            TRY(read_node(r, &items->items[i], &array->objects[(*at)++], err));
        }
    }
    return STATUS_OK;
}

static enum status load_object_array(struct reader *r, const struct json *node,
                                     struct numpy_array *array, struct error *err)
{
    const struct json *content = json_get(node, "content");
    struct pickle_object *shape;
    size_t bytes, total, at = 0;

    TRY(json_get(node, "shape")
            ? read_node(r, json_get(node, "shape"), &shape, err)
            : error_at(err, node->offset, STATUS_INVALID_INPUT, "an array without a shape"));
    array->dtype = (struct numpy_dtype){.kind = 'O', .order = '|', .itemsize = 8};
    array->shape.rank = (int)pickle_length(shape);
    if (pickle_length(shape) < 1 || pickle_length(shape) > RANK_MAX || !content)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "an array without a shape");
    for (size_t i = 0; i < pickle_length(shape); i++)
        if (!pickle_to_i64(pickle_item(shape, i), &array->shape.dims[i]))
            return error_at(err, node->offset, STATUS_INVALID_INPUT, "an array without a shape");
    TRY(shape_check(&array->shape, DTYPE_I64, (size_t)1 << 32, &bytes, err));
    total = shape_count(&array->shape);
    if (total > NODES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d nodes", NODES_MAX);
    array->objects = arena_new(r->keep, struct pickle_object *, total);
    if (!array->objects)
        return error_no_memory(err, "objects");
    TRY(flatten(r, content, 0, array->shape.rank, array, &at, total, err));
    if (at != total)
        return error_at(err, node->offset, STATUS_INVALID_INPUT,
                        "an object array does not have its shape");
    return STATUS_OK;
}

static enum status load_array(struct reader *r, const struct json *node,
                              struct pickle_object **object, struct error *err)
{
    struct bytes type, bytes;

    TRY(make(r, PICKLE_ARRAY, node, object, err));
    (*object)->array = arena_new(r->keep, struct numpy_array, 1);
    if (!(*object)->array)
        return error_no_memory(err, "arrays");
    if (!json_string(json_get(node, "type"), &type))
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "an array without a type");
    if (bytes_is(type, "json"))
        return load_object_array(r, node, (*object)->array, err);
    TRY(member_of(r, node, &bytes, err));
    TRY(npy_read_raw(bytes, (*object)->array, NULL, r->keep, err));
    if (numpy_dtype_has_objects(&(*object)->array->dtype))
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "an array with a pickle in it");
    return STATUS_OK;
}

static enum status load_masked(struct reader *r, const struct json *node,
                               struct pickle_object **object, struct error *err)
{
    const struct json *data = json_get(json_get(node, "content"), "data");

    if (!data)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a masked array without data");
    return read_node(r, data, object, err);
}

/* A dtype is stored as an empty array of it: numpy.dtype("f8") of a pickle. */
static enum status load_dtype(struct reader *r, const struct json *node,
                              struct pickle_object **object, struct error *err)
{
    const struct json *content = json_get(node, "content");
    struct pickle_object *array, *args;
    char *name;

    if (!content)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a dtype without content");
    TRY(read_node(r, content, &array, err));
    if (array->kind != PICKLE_ARRAY)
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a dtype that is no array");
    name = arena_printf(r->keep, "%c%zu", array->array->dtype.kind, array->array->dtype.itemsize);
    TRY(make(r, PICKLE_TUPLE, node, &args, err));
    TRY(make_items(r, args, 1, 1, err));
    TRY(make(r, PICKLE_TEXT, node, &args->items[0], err));
    if (!name)
        return error_no_memory(err, "names");
    args->items[0]->bytes = bytes_of(name);
    return make_object(r, node, args, NULL, object, err);
}

static enum status load_cached(struct reader *r, const struct json *node,
                               struct pickle_object **object, struct error *err)
{
    int64_t id;

    *object = json_i64(json_get(node, "__id__"), &id)
                  ? map_find(&r->cache, (struct bytes){(const uint8_t *)&id, sizeof id})
                  : NULL;
    if (!*object)
        return error_at(err, node->offset, STATUS_INVALID_INPUT,
                        "a node refers to one that did not come before it");
    return STATUS_OK;
}

static const struct {
    const char *name;
    enum status (*load)(struct reader *r, const struct json *node, struct pickle_object **object,
                        struct error *err);
} LOADERS[] = {
    {"JsonNode", load_json},
    {"DictNode", load_dict},
    {"DefaultDictNode", load_main},
    {"_DictWithDeprecatedKeysNode", load_main},
    {"ListNode", load_list},
    {"TupleNode", load_tuple},
    {"SetNode", load_set},
    {"ObjectNode", load_object},
    {"TreeNode", load_object},
    {"LossNode", load_object},
    {"SGDNode", load_object},
    {"ReduceNode", load_object},
    {"ConstructorFromReduceNode", load_constructor},
    {"TypeNode", load_class},
    {"FunctionNode", load_class},
    {"SliceNode", load_slice},
    {"BytesNode", load_bytes},
    {"BytearrayNode", load_bytes},
    {"NdArrayNode", load_array},
    {"MaskedArrayNode", load_masked},
    {"DTypeNode", load_dtype},
    {"CachedNode", load_cached},
};

static enum status cache_node(struct reader *r, const struct json *node,
                              struct pickle_object *object, struct error *err)
{
    int64_t *id = arena_new(r->keep, int64_t, 1);

    if (!id)
        return error_no_memory(err, "objects");
    if (!json_i64(json_get(node, "__id__"), id))
        return STATUS_OK;
    return map_set(&r->cache, (struct bytes){(const uint8_t *)id, sizeof *id}, object)
               ? STATUS_OK
               : error_no_memory(err, "objects");
}

static enum status read_node(struct reader *r, const struct json *node,
                             struct pickle_object **object, struct error *err)
{
    struct bytes loader;
    enum status status;
    size_t i;

    if (!json_string(json_get(node, "__loader__"), &loader))
        return error_at(err, node->offset, STATUS_INVALID_INPUT, "a node without a loader");
    if (r->depth >= DEPTH_MAX)
        return error_at(err, node->offset, STATUS_TOO_LARGE, "nodes more than %d deep", DEPTH_MAX);
    for (i = 0; i < ARRAY_COUNT(LOADERS); i++)
        if (bytes_is(loader, LOADERS[i].name))
            break;
    r->depth++;
    status = i < ARRAY_COUNT(LOADERS) ? LOADERS[i].load(r, node, object, err)
                                      : load_opaque(r, node, object, err);
    r->depth--;
    TRY(status);
    return cache_node(r, node, *object, err);
}

bool skops_is(const struct artifact *artifact)
{
    static const char LOADER[] = "\"__loader__\"";
    struct member *schema =
        artifact->kind == ARTIFACT_ZIP ? artifact_find(artifact, "schema.json") : NULL;
    struct bytes bytes;
    struct error ignored;

    return schema && member_bytes(schema, &bytes, &ignored) == STATUS_OK && bytes.size > 0 &&
           memmem(bytes.data, bytes.size, LOADER, sizeof LOADER - 1) != NULL;
}

enum status skops_read(struct artifact *artifact, struct pickle *pickle, struct arena *keep,
                       struct error *err)
{
    struct reader r = {.artifact = artifact, .keep = keep, .pickle = pickle};
    struct member *schema = artifact_find(artifact, "schema.json");
    struct json root;
    struct bytes bytes;

    *pickle = (struct pickle){0};
    map_init(&r.seen, keep);
    map_init(&r.cache, keep);
    if (!schema)
        return error_set(err, STATUS_INVALID_INPUT, "member 'schema.json' is missing");
    TRY(member_bytes(schema, &bytes, err));
    if (json_parse(bytes, JSON_ALLOW_NAN, &root, keep, err) ||
        read_node(&r, &root, &pickle->root, err))
        return error_within(err, "schema.json");
    pickle->end = bytes.size;
    return STATUS_OK;
}
