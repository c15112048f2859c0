// SPDX-License-Identifier: Apache-2.0
#include "graph/cell.h"

#include "graph/match.h"

enum { SUM_DEPTH_MAX = 16 };

struct matching {
    const struct graph *body;
    struct cell *cell;
    value_id h;        /* the state, as the body gets it */
    value_id reset;    /* the reset gate of a GRU, once known; or VALUE_NONE */
    bool reset_before; /* the candidate has seen reset * h */
};

/* The last dimension of a (batch, columns) value; 0: it is none, or not known. */
static size_t columns_of(const struct graph *body, value_id value)
{
    const struct shape *shape = &body->values[value].shape;

    return shape->rank == 2 && shape->dims[1] > 0 ? (size_t)shape->dims[1] : 0;
}

/* A constant of one row of floats; its columns, 1 for all alike. */
static size_t bias_columns(const struct tensor *constant)
{
    const struct shape *shape = &constant->shape;

    if (constant->dtype != DTYPE_F32 || shape->rank > 2)
        return 0;
    if (shape->rank == 2 && shape->dims[0] != 1)
        return 0;
    return shape->rank == 0 ? 1 : (size_t)shape->dims[shape->rank - 1];
}

static bool take_bias(struct cell_sum *sum, const struct tensor *constant, size_t columns,
                      size_t from)
{
    size_t own = bias_columns(constant);

    if ((own != 1 && own != columns) || sum->bias_count == CELL_BIASES_MAX)
        return false;
    sum->biases[sum->bias_count++] = (struct cell_weights){constant, 0, own == 1 ? SIZE_MAX : from};
    return true;
}

static bool take_weights(struct cell_weights *weights, const struct tensor *stored, size_t row,
                         size_t column)
{
    if (weights->stored) /* a second product: not one row of weights */
        return false;
    *weights = (struct cell_weights){stored, row, column};
    return true;
}

/* x of the cell: what a ListGet makes, the same everywhere. */
static bool is_x(struct matching *m, value_id value)
{
    const struct node *node = value_producer(m->body, value);
    size_t columns = columns_of(m->body, value);

    if (m->cell->x != VALUE_NONE)
        return m->cell->x == value;
    if (!node || strcmp(node->domain, "firn") != 0 || strcmp(node->op->name, "ListGet") != 0 ||
        !columns)
        return false;
    m->cell->x = value;
    m->cell->inputs = columns;
    return true;
}

/* reset * h, of a GRU that resets before the product. */
static bool is_reset_state(struct matching *m, value_id value)
{
    const struct node *node = match_op(m->body, value, "Mul");

    if (!node || m->reset == VALUE_NONE)
        return false;
    if (!(node->inputs[0] == m->h && node->inputs[1] == m->reset) &&
        !(node->inputs[1] == m->h && node->inputs[0] == m->reset))
        return false;
    m->reset_before = true;
    return true;
}

static bool is_state(struct matching *m, value_id value)
{
    return m->reset == VALUE_NONE ? value == m->h : is_reset_state(m, value);
}

/* a times columns of a constant, a being x, h or both side by side. */
static bool product(struct matching *m, const struct node *node, size_t from, struct cell_sum *sum)
{
    const struct tensor *stored = node_constant(m->body, node, 1);
    value_id a = node->inputs[0];
    const struct node *both = match_op(m->body, a, "Concat");
    size_t rows, hidden = m->cell->hidden;
    int64_t axis;

    if (!stored || stored->dtype != DTYPE_F32 || stored->shape.rank != 2)
        return false;
    rows = (size_t)stored->shape.dims[0];
    if (is_x(m, a))
        return rows == m->cell->inputs && take_weights(&sum->x, stored, 0, from);
    if (is_state(m, a))
        return rows == hidden && take_weights(&sum->h, stored, 0, from);
    axis = both ? attribute_int(&both->attributes, "axis", 0) : 0;
    return both && both->input_count == 2 && (axis == 1 || axis == -1) &&
           is_x(m, both->inputs[0]) && is_state(m, both->inputs[1]) &&
           rows == m->cell->inputs + hidden && take_weights(&sum->x, stored, 0, from) &&
           take_weights(&sum->h, stored, m->cell->inputs, from);
}

/* Column `from` of the Split's input at which this output begins. */
static bool split_start(const struct graph *body, const struct node *node, value_id output,
                        size_t *start)
{
    int64_t axis = attribute_int(&node->attributes, "axis", 0);

    *start = 0;
    for (size_t i = 0; (axis == 1 || axis == -1) && i < node->output_count; i++) {
        size_t columns = columns_of(body, node->outputs[i]);

        if (node->outputs[i] == output)
            return columns > 0;
        if (!columns)
            return false;
        *start += columns;
    }
    return false;
}

static bool one_int(const struct graph *body, const struct node *node, size_t input, int64_t *out)
{
    const struct tensor *constant = node_constant(body, node, input);

    if (!constant || !dtype_is_integer(constant->dtype) || tensor_count(constant) != 1)
        return false;
    *out = tensor_i64(constant, 0);
    return true;
}

static bool slice_start(const struct graph *body, const struct node *node, size_t *start)
{
    int64_t from, axis, step = 1, columns = (int64_t)columns_of(body, node->inputs[0]);

    if (node->input_count < 4 || !columns || !one_int(body, node, 1, &from) ||
        !one_int(body, node, 3, &axis) || (node->input_count > 4 && !one_int(body, node, 4, &step)))
        return false;
    from = from < 0 ? from + columns : from;
    *start = (size_t)from;
    return (axis == 1 || axis == -1) && step == 1 && from >= 0 && from < columns;
}

/* Columns of `value` from `from` on, as products with x and h and constants. */
static bool sum_of(struct matching *m, value_id value, size_t from, struct cell_sum *sum, int depth)
{
    const struct node *node = value_producer(m->body, value);
    size_t columns = columns_of(m->body, value), start;

    if (!node || !columns || *node->domain || depth == SUM_DEPTH_MAX)
        return false;
    if (node_is(node, "Add") && node->input_count == 2) {
        for (size_t side = 0; side < 2; side++) {
            const struct tensor *constant = node_constant(m->body, node, side);

            if (constant ? !take_bias(sum, constant, columns, from)
                         : columns_of(m->body, node->inputs[side]) != columns ||
                               !sum_of(m, node->inputs[side], from, sum, depth + 1))
                return false;
        }
        return true;
    }
    if (node_is(node, "MatMul"))
        return product(m, node, from, sum);
    if (node_is(node, "Split"))
        return split_start(m->body, node, value, &start) &&
               sum_of(m, node->inputs[0], from + start, sum, depth + 1);
    if (node_is(node, "Slice"))
        return slice_start(m->body, node, &start) &&
               sum_of(m, node->inputs[0], from + start, sum, depth + 1);
    return false;
}

/* Both products, and as wide as the state. */
static bool whole_sum(struct matching *m, value_id value, struct cell_sum *sum)
{
    *sum = (struct cell_sum){0};
    return columns_of(m->body, value) == m->cell->hidden && sum_of(m, value, 0, sum, 0) &&
           sum->x.stored && sum->h.stored;
}

static bool gate(struct matching *m, value_id value, const char *activation, struct cell_sum *sum)
{
    const struct node *node = match_op(m->body, value, activation);

    return node && whole_sum(m, node->inputs[0], sum);
}

/* The two inputs of a node that has two; `one` is made by an operator of this name. */
static bool pair(const struct graph *body, const struct node *node, const char *op, size_t turn,
                 value_id *one, value_id *other)
{
    if (!node || node->input_count != 2)
        return false;
    *one = node->inputs[turn];
    *other = node->inputs[!turn];
    return match_op(body, *one, op) != NULL;
}

/* --- LSTM: c' = f c + i g, h' = o tanh(c') --- */

static bool lstm_memory(struct matching *m, value_id next, value_id c)
{
    const struct node *sum = match_op(m->body, next, "Add");
    struct cell *cell = m->cell;

    for (size_t turn = 0; sum && turn < 2; turn++) {
        const struct node *kept = match_op(m->body, sum->inputs[turn], "Mul");
        const struct node *new = match_op(m->body, sum->inputs[!turn], "Mul");
        value_id forget, state, in, candidate;

        for (size_t k = 0; kept && new &&k < 4; k++) {
            if (!pair(m->body, kept, "Sigmoid", k & 1, &forget, &state) || state != c ||
                !pair(m->body, new, "Sigmoid", k >> 1, &in, &candidate))
                continue;
            if (gate(m, in, "Sigmoid", &cell->gates[0]) &&
                gate(m, forget, "Sigmoid", &cell->gates[2]) &&
                gate(m, candidate, "Tanh", &cell->gates[3]))
                return true;
        }
    }
    return false;
}

static bool lstm(struct matching *m, const value_id *in, const value_id *out, size_t count,
                 size_t h)
{
    const struct node *node = match_op(m->body, out[h], "Mul");

    for (size_t turn = 0; turn < 2; turn++) {
        value_id squashed, open, next;

        if (!pair(m->body, node, "Tanh", turn, &squashed, &open))
            continue;
        next = value_producer(m->body, squashed)->inputs[0];
        for (size_t c = 0; c < count; c++)
            if (c != h && out[c] == next && gate(m, open, "Sigmoid", &m->cell->gates[1]) &&
                lstm_memory(m, next, in[c])) {
                m->cell->c = c;
                return true;
            }
    }
    return false;
}

/* --- GRU: h' = z h + (1 - z) candidate --- */

static bool is_one_minus(const struct graph *body, value_id value, value_id of)
{
    const struct node *node = match_op(body, value, "Sub");
    double number;

    return node && node->inputs[1] == of && match_number(body, node, 0, &number) && number == 1 &&
           node_constant(body, node, 0)->shape.rank <= 2;
}

/* The candidate's sum, of which a term may be reset * (h R + b). */
static bool candidate_after(struct matching *m, value_id value, struct cell_sum *x)
{
    const struct node *sum = match_op(m->body, value, "Add");

    for (size_t k = 0; sum && k < 4; k++) {
        const struct node *scaled = match_op(m->body, sum->inputs[k & 1], "Mul");
        value_id reset, of_state;

        if (!pair(m->body, scaled, "Sigmoid", k >> 1, &reset, &of_state))
            continue;
        *x = m->cell->candidate = (struct cell_sum){0};
        if (columns_of(m->body, value) == m->cell->hidden &&
            columns_of(m->body, of_state) == m->cell->hidden &&
            sum_of(m, sum->inputs[!(k & 1)], 0, x, 0) &&
            sum_of(m, of_state, 0, &m->cell->candidate, 0) && x->x.stored && !x->h.stored &&
            m->cell->candidate.h.stored && !m->cell->candidate.x.stored &&
            gate(m, reset, "Sigmoid", &m->cell->gates[1]))
            return m->cell->reset_after = true;
    }
    return false;
}

/* reset * h goes into the product: find the gate in front of it, then read the sum. */
static bool candidate_before(struct matching *m, value_id value, struct cell_sum *x)
{
    for (size_t n = 0; n < m->body->node_count; n++) {
        const struct node *node = &m->body->nodes[n];
        value_id reset, state;

        for (size_t turn = 0; node_is(node, "Mul") && turn < 2; turn++) {
            if (!pair(m->body, node, "Sigmoid", turn, &reset, &state) || state != m->h)
                continue;
            m->reset = reset;
            m->reset_before = false;
            if (whole_sum(m, value, x) && m->reset_before) {
                m->reset = VALUE_NONE;
                return gate(m, reset, "Sigmoid", &m->cell->gates[1]);
            }
            m->reset = VALUE_NONE;
        }
    }
    return false;
}

static bool gru(struct matching *m, value_id next)
{
    const struct node *sum = match_op(m->body, next, "Add");

    for (size_t k = 0; sum && k < 8; k++) {
        const struct node *kept = match_op(m->body, sum->inputs[k & 1], "Mul");
        const struct node *new = match_op(m->body, sum->inputs[!(k & 1)], "Mul");
        value_id update, state, candidate, rest, before;

        if (!pair(m->body, kept, "Sigmoid", k >> 1 & 1, &update, &state) || state != m->h ||
            !pair(m->body, new, "Tanh", k >> 2, &candidate, &rest) ||
            !is_one_minus(m->body, rest, update))
            continue;
        before = value_producer(m->body, candidate)->inputs[0];
        if (gate(m, update, "Sigmoid", &m->cell->gates[0]) &&
            (candidate_after(m, before, &m->cell->gates[2]) ||
             candidate_before(m, before, &m->cell->gates[2])))
            return true;
    }
    return false;
}

/* --- SimpleRNN: h' = f(x W + h R + b) --- */

static bool rnn(struct matching *m, value_id next)
{
    static const char *const ACTIVATIONS[] = {"Tanh", "Relu", "Sigmoid"};

    for (size_t i = 0; i < ARRAY_COUNT(ACTIVATIONS); i++)
        if (gate(m, next, ACTIVATIONS[i], &m->cell->gates[0])) {
            m->cell->activation = ACTIVATIONS[i];
            return true;
        }
    return false;
}

bool cell_match(const struct graph *body, const value_id *in, const value_id *out, size_t count,
                struct cell *cell)
{
    for (size_t h = 0; h < count; h++)
        for (int kind = CELL_RNN; kind <= CELL_LSTM; kind++) {
            struct matching m = {.body = body, .cell = cell, .h = in[h], .reset = VALUE_NONE};

            *cell = (struct cell){.kind = (enum cell_kind)kind,
                                  .hidden = columns_of(body, out[h]),
                                  .x = VALUE_NONE,
                                  .h = h,
                                  .c = SIZE_MAX};
            if (!cell->hidden || body->values[out[h]].dtype != DTYPE_F32)
                continue;
            if (kind == CELL_LSTM  ? lstm(&m, in, out, count, h)
                : kind == CELL_GRU ? gru(&m, out[h])
                                   : rnn(&m, out[h]))
                return true;
        }
    return false;
}
