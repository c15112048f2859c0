// SPDX-License-Identifier: Apache-2.0
/* Einsum: sums of products over labelled dimensions: "bij,bjk->bik". One loop per label, the
 * output's first. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"
#include "ops/kernels/types.h"

enum { LABELS_MAX = 64, INPUTS_MAX = 16 };

struct einsum {
    size_t inputs, out_count, summed; /* summed: elements that make one of the output */
    int labels, out_rank;             /* the last label is one of 1 element when all are put out */
    int64_t dims[LABELS_MAX];
    int64_t strides[INPUTS_MAX][LABELS_MAX];
};

static size_t offset(const int64_t *index, const struct einsum *e, size_t input)
{
    size_t at = 0;

    for (int i = 0; i < e->labels; i++)
        at += (size_t)(index[i] * e->strides[input][i]);
    return at;
}

/* Step the labels from..to of the index; false when they are back at 0. */
static bool step(int64_t *index, const struct einsum *e, int from, int to)
{
    return index_next(index + from, e->dims + from, to - from);
}

#define TEMPLATE "ops/onnx/math/einsum.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*einsum_kernel)(const struct einsum *e, const struct tensor *in, void *y);
static const einsum_kernel KERNELS[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, einsum)};

/* A term of the equation: labels as characters, an ellipsis as one '.'. */
struct term {
    int count;
    char labels[RANK_MAX + 1];
};

/* The next term, up to a comma, an arrow or the end. */
static enum status read_term(const struct op_call *call, struct bytes equation, size_t *at,
                             struct term *term, struct error *err)
{
    *term = (struct term){0};
    for (; *at < equation.size; ++*at) {
        char c = (char)equation.data[*at];

        if (c == ',' || c == '-')
            return STATUS_OK;
        if (c == ' ')
            continue;
        if (c == '.') {
            if (equation.size - *at < 3 || memcmp(equation.data + *at, "...", 3) ||
                memchr(term->labels, '.', (size_t)term->count))
                return op_error(call, err, STATUS_INVALID_INPUT, "dots at %zu of the equation",
                                *at);
            *at += 2;
        } else if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
            return op_error(call, err, STATUS_INVALID_INPUT, "byte %zu of the equation", *at);
        }
        if (term->count > RANK_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "more than %d labels", RANK_MAX);
        term->labels[term->count++] = c;
    }
    return STATUS_OK;
}

struct equation {
    struct term inputs[INPUTS_MAX], output;
    int ellipsis; /* dimensions that the longest ellipsis stands for */
};

/* Without an arrow: the ellipsis, then labels that appear once, in alphabetical order. */
static void implied_output(struct equation *eq, size_t inputs)
{
    int seen[128] = {0};

    for (size_t k = 0; k < inputs; k++)
        for (int i = 0; i < eq->inputs[k].count; i++)
            seen[(int)eq->inputs[k].labels[i]]++;
    if (seen['.'])
        eq->output.labels[eq->output.count++] = '.';
    for (int c = 'A'; c <= 'z'; c++)
        if (seen[c] == 1 && eq->output.count <= RANK_MAX)
            eq->output.labels[eq->output.count++] = (char)c;
}

static enum status read_equation(const struct op_call *call, struct equation *eq, struct error *err)
{
    struct bytes text = attribute_string(call->attributes, "equation", "");
    size_t at = 0;

    *eq = (struct equation){.ellipsis = 0};
    if (call->in_count > INPUTS_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "%zu inputs", call->in_count);
    for (size_t k = 0; k < call->in_count; k++) {
        TRY(read_term(call, text, &at, &eq->inputs[k], err));
        if (k + 1 < call->in_count && (at >= text.size || text.data[at++] != ','))
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs, but %zu terms",
                            call->in_count, k + 1);
    }
    if (at == text.size) {
        implied_output(eq, call->in_count);
        return STATUS_OK;
    }
    if (text.size - at < 2 || text.data[at] != '-' || text.data[at + 1] != '>')
        return op_error(call, err, STATUS_INVALID_INPUT, "byte %zu of the equation", at);
    at += 2;
    TRY(read_term(call, text, &at, &eq->output, err));
    if (at != text.size)
        return op_error(call, err, STATUS_INVALID_INPUT, "byte %zu of the equation", at);
    return STATUS_OK;
}

/* Ellipsis dimensions of input k. */
static enum status ellipsis_of(const struct op_call *call, const struct equation *eq, size_t k,
                               int *dims, struct error *err)
{
    const struct term *term = &eq->inputs[k];
    bool has = memchr(term->labels, '.', (size_t)term->count) != NULL;

    *dims = call->in[k].shape.rank - (term->count - has);
    if (*dims < 0 || (!has && *dims))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "input %zu has %d dimensions for %d labels", k, call->in[k].shape.rank,
                        term->count - has);
    return STATUS_OK;
}

/* Numbers of labels: those of the output in its order (its ellipsis as several), then the rest. */
struct numbering {
    int of[128]; /* the first of an ellipsis */
    int count, out_rank;
};

static enum status number_labels(const struct op_call *call, const struct equation *eq,
                                 struct numbering *n, struct error *err)
{
    *n = (struct numbering){.count = 0};
    for (int i = 0; i < 128; i++)
        n->of[i] = -1;
    for (int i = 0; i < eq->output.count; i++) {
        int c = eq->output.labels[i];

        if (n->of[c] >= 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "the output has label %c twice", c);
        n->of[c] = n->count;
        n->count += c == '.' ? eq->ellipsis : 1;
    }
    n->out_rank = n->count;
    if (n->out_rank > RANK_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "more than %d dimensions", RANK_MAX);
    for (size_t k = 0; k < call->in_count; k++)
        for (int i = 0; i < eq->inputs[k].count; i++) {
            int c = eq->inputs[k].labels[i];

            if (n->of[c] >= 0)
                continue;
            n->of[c] = n->count;
            n->count += c == '.' ? eq->ellipsis : 1;
            if (n->count >= LABELS_MAX)
                return op_error(call, err, STATUS_TOO_LARGE, "more than %d labels", LABELS_MAX);
        }
    return STATUS_OK;
}

/* Dimensions and strides of the labels of input k. */
static enum status add_input(const struct op_call *call, const struct equation *eq,
                             const struct numbering *n, size_t k, struct einsum *e,
                             struct error *err)
{
    const struct shape *in = &call->in[k].shape;
    int64_t strides[RANK_MAX];
    int dim = 0, ellipsis;

    TRY(ellipsis_of(call, eq, k, &ellipsis, err));
    shape_strides(in, strides);
    for (int i = 0; i < eq->inputs[k].count; i++) {
        int c = eq->inputs[k].labels[i], count = c == '.' ? ellipsis : 1;
        int first = n->of[c] + (c == '.' ? eq->ellipsis - ellipsis : 0);

        for (int j = 0; j < count; j++, dim++) {
            int64_t *known = &e->dims[first + j];

            if (*known != 1 && in->dims[dim] != 1 && dim_is_known(*known) &&
                dim_is_known(in->dims[dim]) && *known != in->dims[dim])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of input %zu is %lld, of another %lld", dim, k,
                                (long long)in->dims[dim], (long long)*known);
            if (*known == 1 || (!dim_is_known(*known) && in->dims[dim] > 1))
                *known = in->dims[dim];
            if (in->dims[dim] != 1)
                __builtin_add_overflow(e->strides[k][first + j], strides[dim],
                                       &e->strides[k][first + j]);
        }
    }
    return STATUS_OK;
}

static enum status einsum_of(const struct op_call *call, struct einsum *e, struct error *err)
{
    struct equation eq;
    struct numbering n;

    TRY(read_equation(call, &eq, err));
    for (size_t k = 0; k < call->in_count; k++) {
        int ellipsis;

        TRY(ellipsis_of(call, &eq, k, &ellipsis, err));
        eq.ellipsis = ellipsis > eq.ellipsis ? ellipsis : eq.ellipsis;
    }
    TRY(number_labels(call, &eq, &n, err));
    *e = (struct einsum){.inputs = call->in_count, .labels = n.count, .out_rank = n.out_rank};
    for (int i = 0; i < LABELS_MAX; i++)
        e->dims[i] = 1;
    for (size_t k = 0; k < call->in_count; k++)
        TRY(add_input(call, &eq, &n, k, e, err));
    if (e->labels == e->out_rank) /* a label of one element to sum over */
        e->labels++;
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = shape_unknown();
    bool ranks_known = true;
    struct einsum e;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    for (size_t k = 0; k < call->in_count; k++) {
        TRY(op_wants_same(call, 0, k, err));
        ranks_known = ranks_known && call->in[k].shape.rank >= 0;
    }
    if (ranks_known) {
        TRY(einsum_of(call, &e, err));
        out = shape_of(e.out_rank, e.dims);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct einsum e;

    TRY(einsum_of(call, &e, err));
    e.out_count = tensor_count(&call->out[0]);
    e.summed = 1;
    for (int i = e.out_rank; i < e.labels; i++)
        e.summed *= (size_t)e.dims[i];
    KERNELS[call->in[0].dtype](&e, call->in, call->out[0].data);
    return STATUS_OK;
}

const struct op_set ops_onnx_einsum = OP_SET({.name = "Einsum",
                                              .summary = "sums of products by labels",
                                              .in_min = 1,
                                              .in_max = OP_INPUTS_ANY,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run});
