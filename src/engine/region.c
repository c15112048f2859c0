// SPDX-License-Identifier: Apache-2.0
/* Regions: steps whose output shapes depend on data end a plan. What needs their outputs is a
 * recipe of its own, planned by a session of its own when those shapes are known: a network behind
 * a NonZero runs at planned speed in placed memory, and a shape seen before plans nothing. */
#include "engine/internal.h"

enum { SESSIONS_MAX = 64 }; /* of regions; each keeps a few plans and their memory */

struct cutting {
    struct region *region;
    const struct recipe *recipe;
    const struct slot *slots;
    struct arena *keep;
    int32_t *renamed; /* (slot_count,): slots of the recipe -> of the region */
    int32_t *inputs;  /* (slot_count,): those that the region reads and does not make */
    value_id *input_values;
    size_t input_count;
};

static bool is_needed_input(const struct cutting *c, int32_t slot)
{
    return slot != SLOT_NONE && c->renamed[slot] == SLOT_NONE;
}

/* A slot that the region reads: of a value known to the plan it is known here too. */
static void number(struct cutting *c, int32_t slot, bool fixed)
{
    struct recipe *made = &c->region->recipe;

    if (!is_needed_input(c, slot) || c->slots[slot].place == PLACE_REGION ||
        (c->slots[slot].place == PLACE_FIXED) != fixed)
        return;
    c->renamed[slot] = (int32_t)made->slot_count;
    made->values[made->slot_count] = c->recipe->values[slot];
    if (fixed) {
        ((struct tensor *)(uintptr_t)made->known)[made->slot_count] = c->slots[slot].tensor;
    } else {
        c->input_values[c->input_count] = c->recipe->values[slot];
        c->inputs[c->input_count++] = slot;
    }
    made->slot_count++;
}

static void number_all(struct cutting *c, const uint32_t *nodes, size_t count, bool fixed)
{
    for (size_t k = 0; k < count; k++) {
        const struct recipe_node *node = &c->recipe->nodes[nodes[k]];

        for (size_t i = 0; i < node->node->input_count; i++)
            number(c, node->in[i], fixed);
    }
}

static const int32_t *renamed(const struct cutting *c, const int32_t *slots, size_t count)
{
    int32_t *made = arena_new(c->keep, int32_t, count);

    for (size_t i = 0; made && i < count; i++)
        made[i] = slots[i] == SLOT_NONE ? SLOT_NONE : c->renamed[slots[i]];
    return made;
}

static enum status nodes_fill(struct cutting *c, const uint32_t *nodes, size_t count,
                              struct error *err)
{
    struct recipe *made = &c->region->recipe;

    for (size_t k = 0; k < count; k++) {
        const struct recipe_node *from = &c->recipe->nodes[nodes[k]];

        for (size_t i = 0; i < from->node->output_count; i++) {
            c->renamed[from->out[i]] = (int32_t)made->slot_count;
            made->values[made->slot_count++] = c->recipe->values[from->out[i]];
        }
        made->nodes[k] = *from;
        made->nodes[k].in = renamed(c, from->in, from->node->input_count);
        made->nodes[k].out = renamed(c, from->out, from->node->output_count);
        if (!made->nodes[k].in || !made->nodes[k].out)
            return error_no_memory(err, "a plan");
    }
    made->node_count = count;
    return STATUS_OK;
}

/* The outputs of the signature that the region makes, in their order. */
static enum status outputs_fill(struct cutting *c, struct error *err)
{
    const struct graph_signature *around = c->recipe->signature;
    struct region *region = c->region;
    int32_t *outputs = arena_new(c->keep, int32_t, around->output_count);
    value_id *values = arena_new(c->keep, value_id, around->output_count);
    size_t count = 0;

    region->outputs = arena_new(c->keep, struct tensor, around->output_count);
    if (!outputs || !values || !region->outputs)
        return error_no_memory(err, "a plan");
    for (size_t i = 0; i < around->output_count; i++) {
        int32_t slot = c->recipe->outputs[i];

        if (c->slots[slot].place != PLACE_REGION)
            continue;
        outputs[count] = c->renamed[slot];
        values[count++] = c->recipe->values[slot];
    }
    region->recipe.outputs = outputs;
    region->signature.outputs = values;
    region->signature.output_count = count;
    return STATUS_OK;
}

static enum status inputs_fill(struct cutting *c, struct error *err)
{
    struct region *region = c->region;
    int32_t *slots = arena_new(c->keep, int32_t, c->input_count);
    int32_t *dynamic = arena_new(c->keep, int32_t, c->input_count);
    value_id *values = arena_new(c->keep, value_id, c->input_count);

    region->inputs = arena_new(c->keep, struct tensor, c->input_count);
    if (!slots || !dynamic || !values || !region->inputs)
        return error_no_memory(err, "a plan");
    for (size_t i = 0; i < c->input_count; i++) {
        const struct slot *slot = &c->slots[c->inputs[i]];

        slots[i] = c->inputs[i];
        values[i] = c->input_values[i];
        dynamic[i] = slot->place == PLACE_DYNAMIC ? slot->index : -1;
        region->inputs[i] = slot->tensor;
    }
    region->slots = slots;
    region->dynamic = dynamic;
    region->signature.inputs = values;
    region->signature.input_count = c->input_count;
    return STATUS_OK;
}

static enum status recipe_fill(struct cutting *c, const uint32_t *nodes, size_t count,
                               struct arena *scratch, struct error *err)
{
    struct recipe *made = &c->region->recipe;
    size_t slots = c->recipe->slot_count;

    c->renamed = arena_new(scratch, int32_t, slots);
    c->inputs = arena_new(scratch, int32_t, slots);
    c->input_values = arena_new(scratch, value_id, slots);
    made->values = arena_new(c->keep, value_id, slots);
    made->known = arena_new(c->keep, struct tensor, slots);
    made->nodes = arena_new(c->keep, struct recipe_node, count);
    if (!c->renamed || !c->inputs || !c->input_values || !made->values || !made->known ||
        !made->nodes)
        return error_no_memory(err, "a plan");
    for (size_t s = 0; s < slots; s++)
        c->renamed[s] = SLOT_NONE;
    number_all(c, nodes, count, false); /* inputs have the first slots */
    number_all(c, nodes, count, true);
    TRY(nodes_fill(c, nodes, count, err));
    TRY(inputs_fill(c, err));
    return outputs_fill(c, err);
}

enum status region_make(struct plan *plan, const struct recipe *recipe, const struct slot *slots,
                        const uint32_t *nodes, size_t count, struct arena *scratch,
                        struct error *err)
{
    struct cutting cutting = {.recipe = recipe, .slots = slots, .keep = &plan->keep};
    struct region *region = arena_new(&plan->keep, struct region, 1);

    if (!region)
        return error_no_memory(err, "a plan");
    cutting.region = region;
    region->recipe = (struct recipe){
        .signature = &region->signature,
        .graph = recipe->graph,
        .depth = recipe->depth + 1,
        .inner = true,
    };
    TRY(recipe_fill(&cutting, nodes, count, scratch, err));
    plan->region = region;
    return STATUS_OK;
}

enum status region_run(struct native_session *session, struct plan *plan, struct error *err)
{
    struct region *region = plan->region;
    struct plan *next;

    if (!region->session) {
        region->session = session_inner(session->root, &region->recipe, 1);
        if (!region->session)
            return error_no_memory(err, "a region");
        session->root->regions++;
    }
    region->session->base.team = session->base.team;
    for (size_t i = 0; i < region->signature.input_count; i++)
        if (region->dynamic[i] >= 0)
            region->inputs[i] = plan->dynamic[region->dynamic[i]];
    region->session->last = NULL;
    TRY(session_plan(region->session, 0, region->inputs, &next, err));
    region->session->last = next;
    return plan_execute(region->session, next, region->inputs, region->outputs, err);
}

static void regions_drop(struct native_session *session)
{
    for (size_t i = 0; i < session->plan_count; i++) {
        struct region *region = session->plans[i]->region;

        if (!region || !region->session)
            continue;
        native_session_free(&region->session->base);
        region->session = NULL;
    }
}

void regions_bound(struct native_session *root)
{
    if (root->regions <= SESSIONS_MAX)
        return;
    regions_drop(root);
    for (size_t i = 0; i < root->recipe_count; i++)
        if (root->children[i])
            regions_drop(root->children[i]);
    root->regions = 0;
}
