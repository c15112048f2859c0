// SPDX-License-Identifier: Apache-2.0
/* The objects of a model that was saved without signatures: each function of the root object is
 * one. A function is called with its arguments and with what it captured, variables and constants.
 * Source: tensorflow/core/protobuf/{saved_object_graph,trackable_object_graph,struct}.proto. */
#include <stdlib.h>

#include "base/text.h"
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { OBJECTS_MAX = 1 << 20, DEPTH_MAX = 32, LEAVES_MAX = 4096 };
enum {
    OBJECT_CHILD = 1,
    OBJECT_FUNCTION = 6,
    OBJECT_VARIABLE = 7,
    OBJECT_BARE = 8,
    OBJECT_CONSTANT = 9
};
enum { SPEC = 33, COMPOSITE = 34, BOUNDED = 35, LIST = 51, TUPLE = 52, DICT = 53, NAMED = 54 };

struct objects {
    struct protobuf *nodes; /* (count,): SavedObject */
    struct bytes *keys;     /* (count,): of variables, in the checkpoint; empty: none */
    size_t count;
    struct map functions; /* concrete functions by name -> struct protobuf */
    struct arena *keep;
};

/* --- reading --- */

static const struct bytes NOTHING = {(const uint8_t *)"", 0};

/* The field `number` of a message, the last one; *found false: none. */
static enum status field_get(const struct protobuf *message, uint32_t number,
                             struct protobuf_field *field, bool *found, struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field at;

    *found = false;
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != number)
            continue;
        *field = at;
        *found = true;
    }
}

static enum status message_get(const struct protobuf *message, uint32_t number,
                               struct protobuf *inner, struct error *err)
{
    struct protobuf_field field;
    bool found;

    *inner = protobuf_over(NOTHING);
    TRY(field_get(message, number, &field, &found, err));
    return found ? protobuf_message(&field, inner, err) : STATUS_OK;
}

static enum status bytes_get(const struct protobuf *message, uint32_t number, struct bytes *bytes,
                             struct error *err)
{
    struct protobuf_field field;
    bool found;

    *bytes = NOTHING;
    TRY(field_get(message, number, &field, &found, err));
    return found ? protobuf_bytes(&field, bytes, err) : STATUS_OK;
}

static enum status number_get(const struct protobuf *message, uint32_t number, int64_t *value,
                              struct error *err)
{
    struct protobuf_field field;
    bool found;

    *value = 0;
    TRY(field_get(message, number, &field, &found, err));
    return found ? protobuf_i64(&field, value, err) : STATUS_OK;
}

static enum status has_field(const struct protobuf *message, uint32_t number, bool *has,
                             struct error *err)
{
    struct protobuf_field field;

    return field_get(message, number, &field, has, err);
}

/* The repeated messages `number` as an array. */
static enum status messages_get(const struct protobuf *message, uint32_t number,
                                struct protobuf **items, size_t *count, struct arena *keep,
                                struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    size_t filled = 0;

    TRY(protobuf_count(message, number, count, err));
    if (*count > OBJECTS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has %zu objects", *count);
    *items = arena_new(keep, struct protobuf, *count + 1);
    if (!*items)
        return error_no_memory(err, "the objects");
    while (filled < *count) {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == number)
            TRY(protobuf_message(&field, &(*items)[filled++], err));
    }
    return STATUS_OK;
}

static enum status functions_index(const struct protobuf *graph, struct objects *objects,
                                   struct error *err)
{
    struct protobuf *entries;
    size_t count;

    map_init(&objects->functions, objects->keep);
    TRY(messages_get(graph, 2, &entries, &count, objects->keep, err));
    for (size_t i = 0; i < count; i++) {
        struct protobuf *function = arena_new(objects->keep, struct protobuf, 1);
        struct bytes name;

        if (!function)
            return error_no_memory(err, "the objects");
        TRY(bytes_get(&entries[i], 1, &name, err));
        TRY(message_get(&entries[i], 2, function, err));
        if (!map_set(&objects->functions, name, function))
            return error_no_memory(err, "the objects");
    }
    return STATUS_OK;
}

/* --- variables in the checkpoint: both graphs of objects, walked side by side from their roots ---
 */

struct walk {
    struct objects *objects;
    struct protobuf *tracked; /* TrackableObject */
    size_t tracked_count;
    size_t *twins; /* (objects->count,): the tracked object + 1; 0: not met yet */
    size_t *queue;
    size_t queued;
};

static enum status child_read(const struct protobuf *child, size_t limit, struct bytes *name,
                              size_t *node, struct error *err)
{
    int64_t number;

    TRY(bytes_get(child, 2, name, err));
    TRY(number_get(child, 1, &number, err));
    if (number < 0 || (uint64_t)number >= limit)
        return error_set(err, STATUS_INVALID_INPUT, "an object has child %lld of %zu",
                         (long long)number, limit);
    *node = (size_t)number;
    return STATUS_OK;
}

/* The checkpoint key (3) of attribute (2) VARIABLE_VALUE. */
static enum status key_find(struct walk *walk, size_t object, struct error *err)
{
    struct protobuf *attributes;
    struct bytes name;
    size_t count;

    TRY(messages_get(&walk->tracked[walk->twins[object] - 1], 2, &attributes, &count,
                     walk->objects->keep, err));
    for (size_t i = 0; i < count; i++) {
        TRY(bytes_get(&attributes[i], 1, &name, err));
        if (bytes_is(name, "VARIABLE_VALUE"))
            TRY(bytes_get(&attributes[i], 3, &walk->objects->keys[object], err));
    }
    return STATUS_OK;
}

static enum status children_walk(struct walk *walk, size_t object, struct error *err)
{
    struct arena *keep = walk->objects->keep;
    struct protobuf *saved, *tracked;
    size_t saved_count, tracked_count, node;
    struct bytes name;
    struct map by_name;

    map_init(&by_name, keep);
    TRY(messages_get(&walk->tracked[walk->twins[object] - 1], 1, &tracked, &tracked_count, keep,
                     err));
    TRY(messages_get(&walk->objects->nodes[object], OBJECT_CHILD, &saved, &saved_count, keep, err));
    for (size_t i = 0; i < tracked_count; i++) {
        TRY(child_read(&tracked[i], walk->tracked_count, &name, &node, err));
        if (!map_set(&by_name, name, &walk->tracked[node]))
            return error_no_memory(err, "the objects");
    }
    for (size_t i = 0; i < saved_count; i++) {
        const struct protobuf *twin;

        TRY(child_read(&saved[i], walk->objects->count, &name, &node, err));
        twin = map_find(&by_name, name);
        if (!twin || walk->twins[node])
            continue;
        walk->twins[node] = (size_t)(twin - walk->tracked) + 1;
        walk->queue[walk->queued++] = node;
    }
    return STATUS_OK;
}

static enum status keys_find(struct objects *objects, const struct bundle *bundle,
                             struct error *err)
{
    struct walk walk = {.objects = objects};
    struct protobuf graph;
    struct tensor stored;

    if (!bundle || !objects->count ||
        !leveldb_find(&bundle->index, bytes_of("_CHECKPOINTABLE_OBJECT_GRAPH")))
        return STATUS_OK;
    TRY(bundle_tensor(bundle, bytes_of("_CHECKPOINTABLE_OBJECT_GRAPH"), &stored, err));
    if (stored.dtype != DTYPE_STRING || tensor_count(&stored) != 1)
        return error_set(err, STATUS_INVALID_INPUT, "the checkpoint's graph of objects is no text");
    graph = protobuf_over(*(const struct bytes *)stored.data);
    TRY(messages_get(&graph, 1, &walk.tracked, &walk.tracked_count, objects->keep, err));
    walk.twins = arena_new(objects->keep, size_t, objects->count);
    walk.queue = arena_new(objects->keep, size_t, objects->count + 1);
    if (!walk.twins || !walk.queue)
        return error_no_memory(err, "the objects");
    if (!walk.tracked_count)
        return STATUS_OK;
    walk.twins[0] = 1;
    walk.queued = 1;
    for (size_t at = 0; at < walk.queued; at++) {
        TRY(key_find(&walk, walk.queue[at], err));
        TRY(children_walk(&walk, walk.queue[at], err));
    }
    return STATUS_OK;
}

/* --- what a function takes and gives: a structure, taken apart as tf.nest does --- */

struct leaves {
    struct tf_field *fields;
    size_t count, capacity;
    struct arena *keep;
};

/* TensorSpecProto: name (1), shape (2), dtype (3). */
static enum status leaf_add(struct leaves *leaves, struct protobuf spec, const char *path,
                            bool named, struct error *err)
{
    struct tf_field field = {.dim_names = arena_new(leaves->keep, const char *, RANK_MAX)};
    struct protobuf shape;
    struct bytes name;
    int64_t code;

    if (!field.dim_names ||
        !ARENA_GROW(leaves->keep, leaves->fields, leaves->count, leaves->capacity))
        return error_no_memory(err, "a signature");
    if (leaves->count == LEAVES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d fields", LEAVES_MAX);
    TRY(bytes_get(&spec, 1, &name, err));
    TRY(message_get(&spec, 2, &shape, err));
    TRY(number_get(&spec, 3, &code, err));
    TRY(tf_shape_read(&shape, &field.shape, field.dim_names, leaves->keep, err));
    field.dtype = dtype_from_tf(code);
    field.name = named && name.size ? arena_text(leaves->keep, name) : path;
    for (size_t i = 0; field.name && i < leaves->count; i++)
        if (!strcmp(leaves->fields[i].name, field.name))
            field.name = arena_printf(leaves->keep, "%s_%zu", field.name, leaves->count);
    if (!field.name)
        return error_no_memory(err, "a signature");
    leaves->fields[leaves->count++] = field;
    return STATUS_OK;
}

struct pair {
    struct bytes key;
    struct protobuf value;
};

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    size_t size = x->key.size < y->key.size ? x->key.size : y->key.size;
    int order = size ? memcmp(x->key.data, y->key.data, size) : 0;

    return order ? order : (x->key.size > y->key.size) - (x->key.size < y->key.size);
}

static enum status structure_read(struct leaves *leaves, struct protobuf value, const char *path,
                                  bool named, int depth, struct error *err) must_check;

/* The values of a list, or the pairs of key (1) and value (2) of a dictionary, sorted. */
static enum status items_read(struct leaves *leaves, struct protobuf container, uint32_t kind,
                              const char *path, bool named, int depth, struct error *err)
{
    struct protobuf *items;
    struct pair *pairs;
    size_t count;

    TRY(messages_get(&container, kind == NAMED ? 2 : 1, &items, &count, leaves->keep, err));
    pairs = arena_new(leaves->keep, struct pair, count + 1);
    if (!pairs)
        return error_no_memory(err, "a signature");
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (struct pair){NOTHING, items[i]};
        if (kind != DICT && kind != NAMED)
            continue;
        TRY(bytes_get(&items[i], 1, &pairs[i].key, err));
        TRY(message_get(&items[i], 2, &pairs[i].value, err));
    }
    if (kind == DICT)
        qsort(pairs, count, sizeof *pairs, by_key);
    for (size_t i = 0; i < count; i++) {
        bool keyed = kind == DICT || kind == NAMED;
        char *inner = keyed ? arena_printf(leaves->keep, "%s%s%.*s", depth > 1 && *path ? path : "",
                                           depth > 1 && *path ? "_" : "", (int)pairs[i].key.size,
                                           (const char *)pairs[i].key.data)
                            : arena_printf(leaves->keep, "%s_%zu", *path ? path : "output", i);

        if (!inner)
            return error_no_memory(err, "a signature");
        TRY(structure_read(leaves, pairs[i].value, inner, named, depth + 1, err));
    }
    return STATUS_OK;
}

static enum status structure_read(struct leaves *leaves, struct protobuf value, const char *path,
                                  bool named, int depth, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    if (depth > DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a structure of more than %d levels", DEPTH_MAX);
    TRY(protobuf_next(&value, &field, err));
    if (!field.number)
        return STATUS_OK;
    if (field.number == COMPOSITE)
        return error_set(err, STATUS_UNSUPPORTED, "takes or gives a sparse or ragged tensor");
    if (field.wire != PROTOBUF_BYTES)
        return STATUS_OK; /* a number: no tensor */
    switch (field.number) {
    case SPEC:
    case BOUNDED:
        TRY(protobuf_message(&field, &inner, err));
        return leaf_add(leaves, inner, *path ? path : "output_0", named, err);
    case LIST:
    case TUPLE:
    case DICT:
    case NAMED:
        TRY(protobuf_message(&field, &inner, err));
        return items_read(leaves, inner, field.number, path, named, depth, err);
    }
    return STATUS_OK;
}

/* --- signatures --- */

/* Node `number` as the value that a function captured. */
static enum status capture_read(const struct objects *objects, int64_t number,
                                struct tf_captured *captured, struct error *err)
{
    const struct protobuf *node;
    struct protobuf constant;
    bool is_variable, is_constant;

    if (number < 0 || (uint64_t)number >= objects->count)
        return error_set(err, STATUS_INVALID_INPUT, "captures object %lld of %zu",
                         (long long)number, objects->count);
    node = &objects->nodes[number];
    TRY(has_field(node, OBJECT_VARIABLE, &is_variable, err));
    TRY(has_field(node, OBJECT_CONSTANT, &is_constant, err));
    if (is_variable) {
        *captured = (struct tf_captured){.key = objects->keys[number]};
        return captured->key.size ? STATUS_OK
                                  : error_set(err, STATUS_UNSUPPORTED,
                                              "captures a variable that the checkpoint lacks");
    }
    if (!is_constant)
        return error_set(err, STATUS_UNSUPPORTED,
                         "captures an object that is no variable or constant");
    TRY(message_get(node, OBJECT_CONSTANT, &constant, err));
    return bytes_get(&constant, 1, &captured->constant, err);
}

static enum status concrete_read(const struct objects *objects, const struct protobuf *function,
                                 struct tf_signature *signature, struct error *err)
{
    struct leaves inputs = {.keep = objects->keep}, outputs = {.keep = objects->keep};
    struct protobuf structure;
    int64_t *bound;

    TRY(message_get(function, 3, &structure, err));
    TRY(structure_read(&inputs, structure, "input", true, 0, err));
    TRY(message_get(function, 4, &structure, err));
    TRY(structure_read(&outputs, structure, "", false, 1, err));
    TRY(protobuf_all_i64(function, 2, &bound, &signature->captured_count, objects->keep, err));
    signature->captured =
        arena_new(objects->keep, struct tf_captured, signature->captured_count + 1);
    if (!signature->captured)
        return error_no_memory(err, "a signature");
    for (size_t i = 0; i < signature->captured_count; i++)
        TRY(capture_read(objects, bound[i], &signature->captured[i], err));
    signature->inputs = inputs.fields;
    signature->input_count = inputs.count;
    signature->outputs = outputs.fields;
    signature->output_count = outputs.count;
    return STATUS_OK;
}

/* One function of an object: "f", and where it was traced several times "f", "f_1" ... */
static enum status signature_add(const struct objects *objects, struct bytes object,
                                 struct bytes function, size_t number, struct tf_saved_model *model,
                                 struct error *err)
{
    struct tf_signature *signature = &model->signatures[model->signature_count];
    const struct protobuf *concrete = map_find(&objects->functions, function);
    char *name = number ? arena_printf(objects->keep, "%.*s_%zu", (int)object.size,
                                       (const char *)object.data, number)
                        : arena_text(objects->keep, object);

    if (!name)
        return error_no_memory(err, "a signature");
    if (!concrete)
        return STATUS_OK;
    *signature = (struct tf_signature){.name = name, .method = "", .function = function};
    if (concrete_read(objects, concrete, signature, err)) {
        if (err->status != STATUS_UNSUPPORTED)
            return error_within(err, "function '%.64s'", name);
        signature->reason = arena_printf(objects->keep, "%s", err->text);
        if (!signature->reason)
            return error_no_memory(err, "a signature");
    }
    model->signature_count++;
    return STATUS_OK;
}

/* The functions of a child of the root: SavedFunction.concrete_functions (1), or one bare. */
static enum status functions_of(const struct objects *objects, const struct protobuf *node,
                                struct bytes **functions, size_t *count, struct error *err)
{
    struct protobuf inner;

    TRY(message_get(node, OBJECT_FUNCTION, &inner, err));
    TRY(protobuf_all_bytes(&inner, 1, functions, count, objects->keep, err));
    if (*count)
        return STATUS_OK;
    TRY(message_get(node, OBJECT_BARE, &inner, err));
    return protobuf_all_bytes(&inner, 1, functions, count, objects->keep, err);
}

static enum status root_read(const struct objects *objects, struct tf_saved_model *model,
                             struct error *err)
{
    struct protobuf *children;
    struct bytes name, *functions;
    size_t count, node, function_count, most = 0;

    TRY(messages_get(&objects->nodes[0], OBJECT_CHILD, &children, &count, objects->keep, err));
    for (size_t i = 0; i < count; i++) {
        TRY(child_read(&children[i], objects->count, &name, &node, err));
        TRY(functions_of(objects, &objects->nodes[node], &functions, &function_count, err));
        most += function_count;
    }
    if (most > LEAVES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has %zu functions", most);
    model->signatures = arena_new(objects->keep, struct tf_signature, most + 1);
    if (!model->signatures)
        return error_no_memory(err, "the signatures");
    for (size_t i = 0; i < count; i++) {
        TRY(child_read(&children[i], objects->count, &name, &node, err));
        TRY(functions_of(objects, &objects->nodes[node], &functions, &function_count, err));
        for (size_t f = 0; f < function_count; f++)
            TRY(signature_add(objects, name, functions[f], f, model, err));
    }
    return STATUS_OK;
}

/* "__call__" first, then by name. */
static int by_name(const void *a, const void *b)
{
    const struct tf_signature *x = a, *y = b;
    bool first = !strcmp(x->name, "__call__"), second = !strcmp(y->name, "__call__");

    return first != second ? (first ? -1 : 1) : strcmp(x->name, y->name);
}

enum status tf_objects_read(struct tf_saved_model *model, const struct bundle *bundle,
                            struct arena *keep, struct error *err)
{
    struct objects objects = {.keep = keep};

    TRY(messages_get(&model->objects, 1, &objects.nodes, &objects.count, keep, err));
    if (!objects.count)
        return STATUS_OK;
    objects.keys = arena_new(keep, struct bytes, objects.count);
    if (!objects.keys)
        return error_no_memory(err, "the objects");
    TRY(functions_index(&model->objects, &objects, err));
    TRY(keys_find(&objects, bundle, err));
    TRY(root_read(&objects, model, err));
    qsort(model->signatures, model->signature_count, sizeof *model->signatures, by_name);
    return STATUS_OK;
}
