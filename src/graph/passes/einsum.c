// SPDX-License-Identifier: Apache-2.0
/* Einsum of two operands that is a product of matrices becomes Transposes and a MatMul: labels in
 * both operands and in the output are batches, one label is summed over, and each operand has one
 * of its own: "abcd,aecd->acbe". */
#include "graph/emit.h"
#include "graph/internal.h"

enum { LABELS_MAX = RANK_MAX, NAMES = 128 };

struct operand {
    value_id value;
    const char *labels;
    int rank;
    char own; /* the label that only this one has */
};

struct product {
    struct operand operands[2]; /* the first has the rows */
    char batches[LABELS_MAX];   /* in the order of the output */
    int batch_count;
    char summed;
    char out[LABELS_MAX];
    int out_rank;
};

/* Letters from `text` on; false when there are other characters, too many, or one is repeated. */
static bool letters_read(const char **text, char *labels, int *count)
{
    *count = 0;
    for (; **text && **text != ',' && **text != '-'; (*text)++) {
        if (**text == ' ')
            continue;
        if (!((**text >= 'a' && **text <= 'z') || (**text >= 'A' && **text <= 'Z')) ||
            *count == LABELS_MAX || memchr(labels, **text, (size_t)*count))
            return false;
        labels[(*count)++] = **text;
    }
    return true;
}

static int place_of(const char *labels, int count, char label)
{
    for (int i = 0; i < count; i++)
        if (labels[i] == label)
            return i;
    return -1;
}

/* Sort the labels into batches, summed and own ones; false: not one of each. */
static bool sort_labels(struct product *p)
{
    const struct operand *a = &p->operands[0], *b = &p->operands[1];

    for (int i = 0; i < p->out_rank; i++) {
        char label = p->out[i];
        bool in_a = place_of(a->labels, a->rank, label) >= 0,
             in_b = place_of(b->labels, b->rank, label) >= 0;
        char *own = in_a ? &p->operands[0].own : &p->operands[1].own;

        if (in_a && in_b) {
            p->batches[p->batch_count++] = label;
        } else if ((in_a || in_b) && !*own) {
            *own = label;
        } else {
            return false;
        }
    }
    for (int i = 0; i < a->rank; i++) {
        if (place_of(p->out, p->out_rank, a->labels[i]) >= 0)
            continue;
        if (p->summed || place_of(b->labels, b->rank, a->labels[i]) < 0)
            return false;
        p->summed = a->labels[i];
    }
    return p->summed && a->own && b->own && a->rank == p->batch_count + 2 && b->rank == a->rank;
}

static int64_t dim_of(const struct graph *graph, const struct operand *o, char label)
{
    return graph->values[o->value].shape.dims[place_of(o->labels, o->rank, label)];
}

/* One element that stands for many is not what MatMul does with what it sums over. */
static bool sums_alike(const struct graph *graph, const struct product *p)
{
    int64_t a = dim_of(graph, &p->operands[0], p->summed),
            b = dim_of(graph, &p->operands[1], p->summed);

    return a != 1 && b != 1 && (a == b || a == DIM_UNKNOWN || b == DIM_UNKNOWN);
}

/* `labels` has room for both operands. */
static bool find(const struct graph *graph, const struct node *node, char labels[2][LABELS_MAX],
                 struct product *p)
{
    const struct attribute *equation = attribute_find(&node->attributes, "equation");
    enum dtype dtype = graph->values[node->outputs[0]].dtype;
    char text[4 * LABELS_MAX];
    const char *at = text;

    if (!node_is(node, "Einsum") || node->input_count != 2 || !equation ||
        equation->kind != ATTRIBUTE_STRING || equation->s.size >= sizeof text ||
        (dtype != DTYPE_F32 && dtype != DTYPE_F64))
        return false;
    memcpy(text, equation->s.data, equation->s.size);
    text[equation->s.size] = '\0';
    *p = (struct product){0};
    for (int i = 0; i < 2; i++) {
        struct operand *o = &p->operands[i];

        if (!letters_read(&at, labels[i], &o->rank) || *at++ != (i ? '-' : ','))
            return false;
        o->labels = labels[i];
        o->value = node->inputs[i];
        if (graph->values[o->value].shape.rank != o->rank)
            return false;
    }
    if (*at++ != '>' || !letters_read(&at, p->out, &p->out_rank) || *at || !sort_labels(p) ||
        !sums_alike(graph, p))
        return false;
    if (place_of(p->out, p->out_rank, p->operands[0].own) >
        place_of(p->out, p->out_rank, p->operands[1].own)) {
        struct operand first = p->operands[0];

        p->operands[0] = p->operands[1];
        p->operands[1] = first;
    }
    return true;
}

static enum status reorder(const struct emitter *e, const int64_t *perm, int rank, value_id *value,
                           struct error *err)
{
    bool same = true;

    for (int i = 0; i < rank; i++)
        same &= perm[i] == i;
    return same ? STATUS_OK : emit_transpose(e, *value, perm, (size_t)rank, value, err);
}

/* Batches first, then these two. */
static enum status turned(const struct emitter *e, const struct product *p, struct operand *o,
                          char row, char column, struct error *err)
{
    int64_t perm[LABELS_MAX];
    int n = 0;

    for (; n < p->batch_count; n++)
        perm[n] = place_of(o->labels, o->rank, p->batches[n]);
    perm[n++] = place_of(o->labels, o->rank, row);
    perm[n++] = place_of(o->labels, o->rank, column);
    return reorder(e, perm, n, &o->value, err);
}

static enum status replace(struct edit *edit, size_t index, struct product *p, struct error *err)
{
    struct graph *graph = edit->graph;
    const struct node node = graph->nodes[index];
    struct emitter e = {graph, node.name};
    struct operand *a = &p->operands[0], *b = &p->operands[1];
    char made[LABELS_MAX];
    int64_t perm[LABELS_MAX];
    value_id y;

    TRY(turned(&e, p, a, a->own, p->summed, err));
    TRY(turned(&e, p, b, p->summed, b->own, err));
    TRY(emit_2(&e, "MatMul", a->value, b->value, &y, err));
    memcpy(made, p->batches, sizeof made);
    made[p->out_rank - 2] = a->own;
    made[p->out_rank - 1] = b->own;
    for (int i = 0; i < p->out_rank; i++)
        perm[i] = place_of(made, p->out_rank, p->out[i]);
    TRY(reorder(&e, perm, p->out_rank, &y, err));
    TRY(value_inherit(graph, node.outputs[0], y, err));
    edit_replace(edit, node.outputs[0], y);
    edit_remove(edit, index);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    char labels[2][LABELS_MAX];
    struct product product;
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        edit_visit(&edit, n);
        if (find(graph, &graph->nodes[n], labels, &product))
            TRY(replace(&edit, n, &product, err));
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_einsum = {
    .name = "einsum",
    .summary = "Einsum that is a product of matrices as MatMul",
    .order = 100,
    .run = run,
};
