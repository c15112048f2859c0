// SPDX-License-Identifier: Apache-2.0
/* Reshape, Transpose, Reshape that move channels: a shuffle of groups of channels is a Gather along
 * them, blocks of channels to blocks of pixels are DepthToSpace, and back. */
#include "graph/internal.h"
#include "graph/permute.h"

struct shuffle {
    value_id x;
    const struct shape *in, *middle, *out; /* of x, between the Reshapes, of the output */
    struct order order;
};

/* Does the Reshape keep dimension 0? By its target, or because all others do not change count. */
static bool keeps_first(const struct shape *a, const struct shape *b)
{
    double counts[2] = {1, 1};

    for (int i = 1; i < a->rank; i++) {
        if (!dim_is_known(a->dims[i]) || a->dims[i] < 1)
            return false;
        counts[0] *= (double)a->dims[i];
    }
    for (int i = 1; i < b->rank; i++) {
        if (!dim_is_known(b->dims[i]) || b->dims[i] < 1)
            return false;
        counts[1] *= (double)b->dims[i];
    }
    return a->rank > 0 && b->rank > 0 && counts[0] == counts[1];
}

static bool find(const struct graph *graph, const struct uses *uses, const struct node *after,
                 struct shuffle *s)
{
    const struct node *transpose, *before;

    if (!node_is(after, "Reshape") || graph->values[after->outputs[0]].declared)
        return false;
    transpose = value_producer(graph, after->inputs[0]);
    if (!order_of(graph, transpose, &s->order) || !uses_is_private(uses, after->inputs[0]))
        return false;
    before = value_producer(graph, transpose->inputs[0]);
    if (!before || !node_is(before, "Reshape"))
        return false;
    s->x = before->inputs[0];
    s->in = &graph->values[s->x].shape;
    s->middle = &graph->values[before->outputs[0]].shape;
    s->out = &graph->values[after->outputs[0]].shape;
    return s->in->rank >= 3 && s->out->rank == s->in->rank && keeps_first(s->in, s->middle) &&
           keeps_first(s->in, s->out);
}

static bool is_perm(const struct order *order, const int64_t *perm, int rank)
{
    return order->rank == rank && !memcmp(order->perm, perm, (size_t)rank * sizeof *perm);
}

/* (n, groups, each, ...) with the two exchanged: channel k of the output is channel
 * (k mod groups) each + k / groups of the input. */
static bool is_channel_shuffle(const struct shuffle *s)
{
    const struct shape *m = s->middle;

    if (m->rank != s->in->rank + 1 || s->order.perm[0] != 0 || s->order.perm[1] != 2 ||
        s->order.perm[2] != 1 || m->dims[1] * m->dims[2] != s->in->dims[1] ||
        s->out->dims[1] != s->in->dims[1])
        return false;
    for (int i = 2; i < s->in->rank; i++)
        if (s->order.perm[i + 1] != i + 1 || m->dims[i + 1] != s->in->dims[i] ||
            s->out->dims[i] != s->in->dims[i])
            return false;
    return true;
}

static enum status put_shuffle(struct graph *graph, size_t index, const struct shuffle *s,
                               struct error *err)
{
    int64_t groups = s->middle->dims[1], each = s->middle->dims[2];
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = 1};
    struct shape shape = SHAPE(groups * each);
    struct tensor from;
    value_id list;

    TRY(tensor_new(&from, DTYPE_I64, &shape, graph->keep, err));
    for (int64_t k = 0; k < groups * each; k++)
        ((int64_t *)from.data)[k] = k % groups * each + k / groups;
    TRY(graph_constant(graph, "", &from, &list, err));
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .op = "Gather",
                                  .inputs = (value_id[]){s->x, list},
                                  .input_count = 2,
                                  .attributes = &axis,
                                  .attribute_count = 1,
                              },
                              err);
}

/* Six dimensions that are (n, c, h, w) with blocks of pixels. */
static const struct block_rule {
    const char *op, *mode;
    int64_t perm[6];
    int c, h, w, by, bx; /* dimensions of the middle */
} BLOCKS[] = {
    {"DepthToSpace", "DCR", {0, 3, 4, 1, 5, 2}, 3, 4, 5, 1, 2},
    {"DepthToSpace", "CRD", {0, 1, 4, 2, 5, 3}, 1, 4, 5, 2, 3},
    {"SpaceToDepth", "DCR", {0, 3, 5, 1, 2, 4}, 1, 2, 4, 3, 5},
};

static const struct block_rule *block_rule_of(const struct shuffle *s)
{
    const int64_t *m = s->middle->dims;

    for (size_t i = 0; s->in->rank == 4 && i < ARRAY_COUNT(BLOCKS); i++) {
        const struct block_rule *r = &BLOCKS[i];
        const struct shape *wide = i < 2 ? s->out : s->in, *deep = i < 2 ? s->in : s->out;
        int64_t b;

        if (!is_perm(&s->order, r->perm, 6) || s->middle->rank != 6)
            continue;
        b = m[r->by];
        if (m[r->bx] == b && wide->dims[1] == m[r->c] && wide->dims[2] == m[r->h] * b &&
            wide->dims[3] == m[r->w] * b && deep->dims[1] == m[r->c] * b * b &&
            deep->dims[2] == m[r->h] && deep->dims[3] == m[r->w])
            return r;
    }
    return NULL;
}

static enum status put_blocks(struct graph *graph, size_t index, const struct shuffle *s,
                              const struct block_rule *rule, struct error *err)
{
    bool to_space = !strcmp(rule->op, "DepthToSpace");

    return graph_node_rewrite(
        graph, index,
        &(struct node_description){
            .op = rule->op,
            .inputs = &s->x,
            .input_count = 1,
            .attributes =
                (struct attribute[]){
                    {.name = "blocksize", .kind = ATTRIBUTE_INT, .i = s->middle->dims[rule->by]},
                    {.name = "mode", .kind = ATTRIBUTE_STRING, .s = bytes_of(rule->mode)}},
            .attribute_count = to_space ? 2 : 1,
        },
        err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct block_rule *rule;
        struct shuffle shuffle;

        if (!find(graph, &uses, &graph->nodes[n], &shuffle))
            continue;
        rule = block_rule_of(&shuffle);
        if (rule)
            TRY(put_blocks(graph, n, &shuffle, rule, err));
        else if (is_channel_shuffle(&shuffle))
            TRY(put_shuffle(graph, n, &shuffle, err));
    }
    return STATUS_OK;
}

const struct pass pass_shuffles = {
    .name = "shuffles",
    .summary = "shuffles of channels and blocks of pixels",
    .order = 135,
    .run = run,
};
