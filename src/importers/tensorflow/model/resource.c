// SPDX-License-Identifier: Apache-2.0
/* Resources and their handles. A handle is a constant whose data is the resource's own number: no
 * other constant has that address. */
#include "importers/tensorflow/internal.h"

enum { RESOURCES_MAX = 1 << 20 };
static const char *const KINDS[] = {
    "a variable",     "a tensor of the checkpoint", "a table",
    "a tensor array", "an ensemble of trees",       "the quantiles of features"};

static enum status resource_add(struct tf_lowering *l, struct tf_resource *resource,
                                struct error *err)
{
    if (l->resource_count == RESOURCES_MAX ||
        !ARENA_GROW(l->keep, l->resources, l->resource_count, l->resource_capacity))
        return error_no_memory(err, "the resources");
    resource->number = (int64_t)l->resource_count;
    l->resources[l->resource_count++] = resource;
    return STATUS_OK;
}

enum status tf_resource_get(struct tf_lowering *l, enum tf_resource_kind kind, const char *name,
                            const struct tf_node *node, struct tf_resource **resource,
                            struct error *err)
{
    char *key = arena_printf(l->keep, "%d/%s", (int)kind, name);
    struct tf_resource *made;

    if (!key)
        return error_no_memory(err, "a resource");
    if (!l->resource_names.arena)
        map_init(&l->resource_names, l->keep);
    *resource = *name ? map_find(&l->resource_names, bytes_of(key)) : NULL;
    if (*resource)
        return STATUS_OK;
    made = arena_new(l->keep, struct tf_resource, 1);
    if (!made)
        return error_no_memory(err, "a resource");
    *made = (struct tf_resource){.kind = kind, .name = name, .node = node};
    TRY(resource_add(l, made, err));
    if (*name && !map_set(&l->resource_names, bytes_of(key), made))
        return error_no_memory(err, "a resource");
    *resource = made;
    return STATUS_OK;
}

enum status tf_resource_value(struct emitter *e, struct tf_resource *resource, value_id *handle,
                              struct error *err)
{
    struct tensor tensor = {.dtype = DTYPE_I64, .shape = shape_scalar(), .data = &resource->number};

    return emit_constant(e, &tensor, handle, err);
}

enum status tf_resource_give(struct tf_call *c, struct tf_resource *resource, struct error *err)
{
    value_id value;

    TRY(tf_resource_value(c->e, resource, &value, err));
    return tf_add(c, value, err);
}

struct tf_resource *tf_resource_at(const struct tf_lowering *l, const struct graph *graph,
                                   value_id value)
{
    const struct tensor *tensor = graph->values[value].constant;
    int64_t number;

    if (!tensor || tensor->dtype != DTYPE_I64 || tensor->shape.rank != 0)
        return NULL;
    number = tensor_i64(tensor, 0);
    if (number < 0 || (size_t)number >= l->resource_count ||
        tensor->data != &l->resources[number]->number)
        return NULL;
    return l->resources[number];
}

static struct tf_resource *resource_find(const struct tf_call *c, size_t input)
{
    return input < c->in_count ? tf_resource_at(c->l, c->e->graph, c->in[input]) : NULL;
}

bool tf_is_resource(const struct tf_call *c, size_t input, enum tf_resource_kind kind)
{
    const struct tf_resource *resource = resource_find(c, input);

    return resource && resource->kind == kind;
}

enum status tf_resource_of(const struct tf_call *c, size_t input, enum tf_resource_kind kind,
                           struct tf_resource **resource, struct error *err)
{
    *resource = resource_find(c, input);
    if (!*resource)
        return error_set(err, STATUS_UNSUPPORTED, "which resource input %zu is, is not known",
                         input);
    if ((*resource)->kind != kind)
        return error_set(err, STATUS_INVALID_INPUT, "input %zu is %s, not %s", input,
                         KINDS[(*resource)->kind], KINDS[kind]);
    return STATUS_OK;
}
