// SPDX-License-Identifier: Apache-2.0
/* A node of schema.json: {"__class__", "__module__", "__loader__", "__id__", "content", ...}. The
 * loader says how to read it; an id that was seen before is the same object. See
 * skops/io/_general.py, _numpy.py, _scipy.py, _sklearn.py. */
#include "formats/skops/skops.h"

#include "base/text.h"
#include "formats/json/json.h"
#include "formats/numpy/npy.h"
#include "formats/skops/skops_internal.h"

static const struct skops_loader {
    const char *name;
    enum status (*run)(struct skops *s, const struct json *node, struct pickle_object *object,
                       struct error *err);
} LOADERS[] = {
    {"JsonNode", skops_json},
    {"DictNode", skops_dict},
    {"DefaultDictNode", skops_default_dict},
    {"_DictWithDeprecatedKeysNode", skops_default_dict},
    {"ListNode", skops_list},
    {"SetNode", skops_set},
    {"TupleNode", skops_tuple},
    {"BytesNode", skops_bytes},
    {"BytearrayNode", skops_bytearray},
    {"SliceNode", skops_slice},
    {"MethodNode", skops_method},
    {"PartialNode", skops_partial},
    {"OperatorFuncNode", skops_operator},
    {"ConstructorFromReduceNode", skops_constructor},
    {"ObjectNode", skops_object},
    {"RandomStateNode", skops_opaque},
    {"RandomGeneratorNode", skops_opaque},
    {"TreeNode", skops_reduce},
    {"LossNode", skops_reduce},
    {"SGDNode", skops_reduce},
    {"ReduceNode", skops_reduce},
    {"QuantileForestNode", skops_reduce},
    {"NdArrayNode", skops_array},
    {"MaskedArrayNode", skops_masked},
    {"DTypeNode", skops_dtype},
    {"SparseMatrixNode", skops_sparse},
};

static enum status broken(const struct json *node, struct error *err)
{
    return error_at(err, node->offset, STATUS_INVALID_INPUT, "schema.json has a broken node");
}

enum status skops_text(const struct json *node, const char *key, struct bytes *text,
                       struct error *err)
{
    if (json_string(json_get(node, key), text))
        return STATUS_OK;
    return error_at(err, node->offset, STATUS_INVALID_INPUT, "a node of schema.json has no \"%s\"",
                    key);
}

enum status skops_class(struct skops *s, const struct json *node, struct pickle_object **global,
                        struct error *err)
{
    struct bytes module, name;

    TRY(skops_text(node, "__module__", &module, err));
    TRY(skops_text(node, "__class__", &name, err));
    s->m.at = node->offset;
    return machine_global(&s->m, module, name, global, err);
}

/* Functions and types are names. Protocol 0 put a function's name into the content. */
static enum status read_global(struct skops *s, const struct json *node,
                               struct pickle_object **global, struct error *err)
{
    const struct json *content = json_get(node, "content");
    struct bytes module, name;

    if (!json_get(content, "module_path"))
        return skops_class(s, node, global, err);
    TRY(skops_text(content, "module_path", &module, err));
    TRY(skops_text(content, "function", &name, err));
    return machine_global(&s->m, module, name, global, err);
}

/* What is not known stays opaque, as in a pickle: perhaps nobody asks for it. */
static enum status read_new(struct skops *s, const struct json *node, struct bytes loader,
                            struct pickle_object *object, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(LOADERS); i++)
        if (bytes_is(loader, LOADERS[i].name))
            return LOADERS[i].run(s, node, object, err);
    if (bytes_is(loader, "CachedNode"))
        return error_at(err, node->offset, STATUS_INVALID_INPUT,
                        "a node refers to one that did not come before it");
    return skops_opaque(s, node, object, err);
}

enum status skops_node(struct skops *s, const struct json *node, struct pickle_object **object,
                       struct error *err)
{
    const struct json *id = json_get(node, "__id__");
    struct bytes loader, key = {NULL, 0};

    TRY(machine_charge(&s->m, 1, err));
    if (!node || node->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "schema.json lacks a node");
    if (id && id->kind == JSON_INT) {
        key = (struct bytes){(const uint8_t *)&id->integer, sizeof id->integer};
        *object = map_find(&s->memo, key);
        if (*object)
            return STATUS_OK;
    }
    TRY(skops_text(node, "__loader__", &loader, err));
    s->m.at = node->offset;
    if (bytes_is(loader, "FunctionNode") || bytes_is(loader, "TypeNode"))
        TRY(read_global(s, node, object, err));
    else
        TRY(machine_new(&s->m, PICKLE_NONE, object, err));
    if (key.size && !map_set(&s->memo, key, *object))
        return error_no_memory(err, "objects of schema.json");
    if ((*object)->kind == PICKLE_GLOBAL)
        return STATUS_OK;
    return read_new(s, node, loader, *object, err);
}

/* --- the file --- */

bool skops_is(const struct artifact *artifact)
{
    struct member *member = artifact_find(artifact, "schema.json");
    struct bytes bytes;
    struct error err;

    return artifact->kind == ARTIFACT_ZIP && member &&
           member_bytes(member, &bytes, &err) == STATUS_OK && bytes.size > 0 &&
           memmem(bytes.data, bytes.size, "\"__loader__\"", 12);
}

static enum status read_schema(struct skops *s, struct bytes bytes, struct error *err)
{
    struct json *schema = arena_new(s->m.keep, struct json, 1);
    int64_t protocol;

    if (!schema)
        return error_no_memory(err, "schema.json");
    if (json_parse(bytes, JSON_ALLOW_NAN, schema, s->m.keep, err))
        return error_within(err, "schema.json");
    if (schema->kind != JSON_OBJECT)
        return broken(schema, err);
    if (!json_i64(json_get(schema, "protocol"), &protocol) || protocol < 0)
        return error_set(err, STATUS_INVALID_INPUT, "schema.json has no protocol");
    if (protocol > SKOPS_PROTOCOL_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "skops protocol %lld (%d is the last known)",
                         (long long)protocol, SKOPS_PROTOCOL_MAX);
    s->m.pickle->protocol = (int)protocol;
    return skops_node(s, schema, &s->m.pickle->root, err);
}

enum status skops_read(const struct artifact *artifact, const struct pickle_limits *limits,
                       struct pickle *pickle, struct arena *keep, struct error *err)
{
    struct member *member = artifact_find(artifact, "schema.json");
    struct skops skops = {.artifact = artifact};
    struct bytes bytes;
    enum status status;

    if (!member)
        return error_set(err, STATUS_INVALID_INPUT, "a skops file without schema.json");
    TRY(member_bytes(member, &bytes, err));
    machine_init(&skops.m, bytes, limits, pickle, keep);
    map_init(&skops.memo, &skops.m.scratch);
    status = read_schema(&skops, bytes, err);
    pickle->end = bytes.size;
    arena_release(&skops.m.scratch);
    return status;
}
