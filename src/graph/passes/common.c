// SPDX-License-Identifier: Apache-2.0
/* Common subexpressions: of two nodes, or two constants, that are the same, one remains. Before
 * folding, which makes new constants of the same ones. */
#include "base/map.h"
#include "graph/internal.h"

enum { CONSTANT_BYTES_MAX = 4096 };
enum { LIST_MAX = 1024 }; /* of an attribute of nodes that are compared */

/* One entry of the table: a node or a constant. */
struct entry {
    uint64_t hash;
    size_t index; /* of the node or value, plus 1; 0: free */
};

struct table {
    struct entry *entries;
    size_t mask;
};

static uint64_t mix(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

static uint64_t mix_data(uint64_t hash, const void *data, size_t size)
{
    return mix(hash, bytes_hash((struct bytes){data, size}));
}

static uint64_t attribute_hash(const struct attribute *attribute)
{
    uint64_t hash = mix((uint64_t)attribute->kind, attribute->count);

    hash = mix_data(hash, attribute->name, strlen(attribute->name));
    if (attribute->kind == ATTRIBUTE_INT || attribute->kind == ATTRIBUTE_FLOAT)
        return mix_data(hash, &attribute->i, sizeof attribute->i);
    if (attribute->kind == ATTRIBUTE_STRING)
        return mix_data(hash, attribute->s.data, attribute->s.size);
    if (attribute->kind == ATTRIBUTE_INTS || attribute->kind == ATTRIBUTE_FLOATS)
        return mix_data(hash, attribute->ints, attribute->count * sizeof(int64_t));
    return hash;
}

static bool same_data(const void *a, const void *b, size_t size)
{
    return size == 0 || a == b || memcmp(a, b, size) == 0;
}

static bool same_tensor(const struct tensor *a, const struct tensor *b)
{
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) && a->stored == b->stored &&
           (a->data == b->data ||
            (a->dtype != DTYPE_STRING && same_data(a->data, b->data, tensor_bytes(a))));
}

/* Large ones are compared by where they lie: two readers of one variable. */
static bool same_constant(const struct tensor *a, const struct tensor *b, bool large)
{
    return large ? a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) &&
                       a->data == b->data && a->stored == b->stored
                 : same_tensor(a, b);
}

static bool same_attribute(const struct attribute *a, const struct attribute *b)
{
    if (a->kind != b->kind || a->count != b->count || strcmp(a->name, b->name))
        return false;
    switch (a->kind) {
    case ATTRIBUTE_NONE:
        return true;
    case ATTRIBUTE_INT:
        return a->i == b->i;
    case ATTRIBUTE_FLOAT: /* bits, so that -0 is not 0 and NaN is NaN */
        return same_data(&a->f, &b->f, sizeof a->f);
    case ATTRIBUTE_STRING:
        return bytes_equal(a->s, b->s);
    case ATTRIBUTE_TENSOR:
        return same_tensor(a->t, b->t);
    case ATTRIBUTE_TYPE:
        return a->t == b->t;
    case ATTRIBUTE_INTS:
    case ATTRIBUTE_FLOATS:
        return same_data(a->ints, b->ints, a->count * sizeof(int64_t));
    case ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < a->count; i++)
            if (!bytes_equal(a->strings[i], b->strings[i]))
                return false;
        return true;
    case ATTRIBUTE_GRAPH:
        return a->g == b->g;
    }
    return false;
}

/* Nobody writes a forest twice, and to find that out takes as long as to read it. */
static bool has_long_list(const struct node *node)
{
    for (size_t i = 0; i < node->attributes.count; i++)
        if (node->attributes.items[i].count > LIST_MAX)
            return true;
    return false;
}

static uint64_t node_hash(const struct node *node)
{
    uint64_t hash = mix((uint64_t)(uintptr_t)node->op, (uint64_t)node->opset);

    hash = mix_data(hash, node->inputs, node->input_count * sizeof *node->inputs);
    for (size_t i = 0; i < node->attributes.count; i++)
        hash = mix(hash, attribute_hash(&node->attributes.items[i]));
    return hash;
}

static bool same_node(const struct node *a, const struct node *b)
{
    if (a->op != b->op || a->opset != b->opset || a->input_count != b->input_count ||
        a->output_count != b->output_count || a->attributes.count != b->attributes.count ||
        !same_data(a->inputs, b->inputs, a->input_count * sizeof *a->inputs))
        return false;
    for (size_t i = 0; i < a->attributes.count; i++)
        if (!same_attribute(&a->attributes.items[i], &b->attributes.items[i]))
            return false;
    return true;
}

static enum status table_new(struct table *table, size_t count, struct arena *scratch,
                             struct error *err)
{
    size_t capacity = 16;

    while (capacity < count * 2)
        capacity *= 2;
    *table = (struct table){arena_new(scratch, struct entry, capacity), capacity - 1};
    return table->entries ? STATUS_OK : error_no_memory(err, "a pass");
}

/* The next entry of this hash from *slot on, or NULL, then *slot is free. */
static const struct entry *table_next(const struct table *table, uint64_t hash, size_t *slot)
{
    for (; table->entries[*slot].index; *slot = (*slot + 1) & table->mask)
        if (table->entries[*slot].hash == hash)
            return &table->entries[*slot];
    return NULL;
}

static void merge_constant(struct edit *edit, struct table *table, size_t v)
{
    struct value *values = edit->graph->values;
    const struct tensor *constant = values[v].constant;
    const struct entry *entry;
    uint64_t hash;
    size_t slot;
    bool large;

    if (!constant || !constant->data || constant->dtype == DTYPE_STRING || constant->element)
        return;
    large = tensor_bytes(constant) > CONSTANT_BYTES_MAX;
    hash = large ? mix((uint64_t)constant->dtype, (uint64_t)(uintptr_t)constant->data)
                 : mix_data((uint64_t)constant->dtype, constant->data, tensor_bytes(constant));
    slot = (size_t)hash & table->mask;
    for (; (entry = table_next(table, hash, &slot)); slot = (slot + 1) & table->mask)
        if (same_constant(values[entry->index - 1].constant, constant, large)) {
            edit->instead[v] = (value_id)(entry->index - 1);
            return;
        }
    table->entries[slot] = (struct entry){hash, v + 1};
}

static void merge_node(struct edit *edit, struct table *table, size_t n)
{
    const struct node *nodes = edit->graph->nodes, *node = &nodes[n];
    const struct entry *entry;
    uint64_t hash;
    size_t slot;

    if (node->op->flags & OP_RANDOM || has_long_list(node))
        return;
    hash = node_hash(node);
    slot = (size_t)hash & table->mask;
    for (; (entry = table_next(table, hash, &slot)); slot = (slot + 1) & table->mask)
        if (same_node(&nodes[entry->index - 1], node)) {
            for (size_t i = 0; i < node->output_count; i++)
                edit_replace(edit, node->outputs[i], nodes[entry->index - 1].outputs[i]);
            edit_remove(edit, n);
            return;
        }
    table->entries[slot] = (struct entry){hash, n + 1};
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct table constants, nodes;
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    TRY(table_new(&constants, graph->value_count, scratch, err));
    TRY(table_new(&nodes, graph->node_count, scratch, err));
    for (size_t v = 0; v < graph->value_count; v++)
        merge_constant(&edit, &constants, v);
    for (size_t n = 0; n < graph->node_count; n++) {
        edit_visit(&edit, n);
        merge_node(&edit, &nodes, n);
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_common = {
    .name = "common",
    .summary = "compute equal things once",
    .order = 15,
    .run = run,
};
