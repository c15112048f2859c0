// SPDX-License-Identifier: Apache-2.0
/* Loops of TensorFlow that run a SimpleRNN, GRU or LSTM over an array of steps become the operator.
 * A loop is one when its states are counters from 0, arrays into which each round writes the
 * cell's output, and the states of one cell (graph/cell.h); all else stays a loop. */
#include "graph/cell.h"
#include "graph/emit.h"
#include "graph/match.h"

enum { STATES_MAX = 32, CONDITION_DEPTH_MAX = 8 };
enum { FIRST_STATE = 2 }; /* inputs of Loop and of its body before the states */
enum role { ROLE_NONE, ROLE_COUNTER, ROLE_CONSTANT, ROLE_ALL, ROLE_LAST, ROLE_STATE };

struct loop {
    const struct graph *graph, *body;
    const struct node *node;
    size_t states;
    const value_id *in, *out;    /* of the body: (states,) */
    enum role roles[STATES_MAX]; /* what each state is */
    struct cell cell;
    value_id x;     /* (steps, batch, inputs) */
    int64_t rounds; /* a number, or -1: */
    value_id count; /* a scalar that is the first dimension of x */
};

/* The value of the graph around that an input of the body is, if no round changes it. */
static value_id outer_of(const struct loop *loop, value_id inner)
{
    const struct graph_signature *body = &loop->body->signatures[0];

    for (size_t i = FIRST_STATE; i < body->input_count; i++)
        if (body->inputs[i] == inner)
            return i < FIRST_STATE + loop->states &&
                           loop->out[i - FIRST_STATE] != loop->in[i - FIRST_STATE]
                       ? VALUE_NONE
                       : loop->node->inputs[i];
    return VALUE_NONE;
}

static size_t state_of(const struct loop *loop, value_id inner)
{
    for (size_t s = 0; s < loop->states; s++)
        if (loop->in[s] == inner)
            return s;
    return SIZE_MAX;
}

static bool is_int(const struct tensor *constant, int64_t *number)
{
    if (!constant || !dtype_is_integer(constant->dtype) || constant->shape.rank != 0)
        return false;
    *number = tensor_i64(constant, 0);
    return true;
}

static bool is_firn(const struct node *node, const char *op)
{
    return node && !strcmp(node->domain, "firn") && !strcmp(node->op->name, op);
}

/* --- states --- */

/* From 0, and one more each round. */
static bool is_counter(const struct loop *loop, size_t s)
{
    const struct node *next = match_op(loop->body, loop->out[s], "Add");
    int64_t number;

    if (!is_int(value_constant(loop->graph, loop->node->inputs[FIRST_STATE + s]), &number) ||
        number != 0)
        return false;
    for (size_t side = 0; next && side < 2; side++)
        if (next->inputs[side] == loop->in[s] &&
            is_int(node_constant(loop->body, next, 1 - side), &number))
            return number == 1;
    return false;
}

static bool counts_rounds(const struct loop *loop, value_id inner)
{
    size_t s = state_of(loop, inner);

    return s != SIZE_MAX && loop->roles[s] == ROLE_COUNTER;
}

/* Written in this round: its item in *item. */
static enum role array_role(const struct loop *loop, size_t s, value_id *item)
{
    const struct node *set = value_producer(loop->body, loop->out[s]);
    int64_t index;

    if (!is_firn(set, "ListSet") || set->inputs[0] != loop->in[s] ||
        attribute_int(&set->attributes, "grow", 0))
        return ROLE_NONE;
    *item = set->inputs[2];
    if (counts_rounds(loop, set->inputs[1]))
        return ROLE_ALL;
    return is_int(node_constant(loop->body, set, 1), &index) && index == 0 ? ROLE_LAST : ROLE_NONE;
}

/* --- how often it runs --- */

/* `value` < limit: the limit is a number, or one value of the graph around. */
static bool take_limit(struct loop *loop, const struct graph *where, value_id limit, bool inner)
{
    value_id outer = inner ? outer_of(loop, limit) : limit;
    int64_t number;

    if (is_int(value_constant(where, limit), &number)) {
        if (loop->count != VALUE_NONE)
            return false;
        loop->rounds = loop->rounds < 0 || number < loop->rounds ? number : loop->rounds;
        return number > 0;
    }
    if (outer == VALUE_NONE || loop->rounds >= 0 ||
        (loop->count != VALUE_NONE && loop->count != outer))
        return false;
    loop->count = outer;
    return true;
}

/* The condition after a round: counters that are below limits. */
static bool goes_on(struct loop *loop, value_id condition, int depth)
{
    const struct node *node = value_producer(loop->body, condition);

    if (!node || depth == CONDITION_DEPTH_MAX)
        return false;
    if (node_is(node, "And"))
        return goes_on(loop, node->inputs[0], depth + 1) &&
               goes_on(loop, node->inputs[1], depth + 1);
    if (!node_is(node, "Less"))
        return false;
    for (size_t s = 0; s < loop->states; s++)
        if (loop->roles[s] == ROLE_COUNTER && loop->out[s] == node->inputs[0])
            return take_limit(loop, loop->body, node->inputs[1], true);
    return false;
}

/* The condition before the first round: true, or 0 below the same limit. */
static bool begins(struct loop *loop, value_id condition, int depth)
{
    const struct tensor *constant = value_constant(loop->graph, condition);
    const struct node *node = value_producer(loop->graph, condition);
    int64_t number;

    if (constant)
        return constant->dtype == DTYPE_BOOL && tensor_count(constant) == 1 &&
               *(const bool *)constant->data && loop->rounds > 0;
    if (!node || depth == CONDITION_DEPTH_MAX)
        return false;
    if (node_is(node, "And"))
        return begins(loop, node->inputs[0], depth + 1) && begins(loop, node->inputs[1], depth + 1);
    return node_is(node, "Less") && is_int(node_constant(loop->graph, node, 0), &number) &&
           number == 0 && take_limit(loop, loop->graph, node->inputs[1], false);
}

/* What a dimension of a value is the same as: through transpositions and reversals. */
static value_id dimension_source(const struct graph *graph, value_id value, int64_t *axis)
{
    for (;;) {
        const struct node *node = value_producer(graph, value);
        const struct tensor *from, *to, *step;
        const int64_t *perm;
        size_t rank;

        if (!node)
            return value;
        if (node_is(node, "Transpose")) {
            perm = attribute_ints(&node->attributes, "perm", &rank);
            if (!perm || *axis < 0 || (size_t)*axis >= rank)
                return value;
            *axis = perm[*axis];
        } else if (node_is(node, "Slice") && node->input_count == 5) {
            from = node_constant(graph, node, 1);
            to = node_constant(graph, node, 2);
            step = node_constant(graph, node, 4);
            if (!from || !to || !step || tensor_count(from) != 1 ||
                tensor_i64(from, 0) < INT32_MAX || tensor_i64(to, 0) > INT32_MIN ||
                tensor_i64(step, 0) != -1)
                return value;
        } else {
            return value;
        }
        value = node->inputs[0];
    }
}

/* Is the scalar the first dimension of x? */
static bool is_length(const struct graph *graph, value_id scalar, value_id x)
{
    const struct node *node = value_producer(graph, scalar);
    int64_t axis = -1, own = 0, from, to;
    value_id source;

    for (int i = 0; i < CONDITION_DEPTH_MAX && node; i++) {
        if (node_is(node, "Shape")) {
            if (axis < 0 || node->attributes.count)
                return false;
            source = dimension_source(graph, node->inputs[0], &axis);
            return source == dimension_source(graph, x, &own) && axis == own;
        }
        if (node_is(node, "Slice")) {
            const struct tensor *start = node_constant(graph, node, 1),
                                *end = node_constant(graph, node, 2);

            if (axis >= 0 || !start || !end || tensor_count(start) != 1 || tensor_count(end) != 1)
                return false;
            from = tensor_i64(start, 0);
            to = tensor_i64(end, 0);
            if (from < 0 || to != from + 1) /* one element: its step is of no matter */
                return false;
            axis = from;
        } else if (node_is(node, "Cast")) {
            if (attribute_int(&node->attributes, "to", 0) != dtype_to_onnx(DTYPE_I32) &&
                attribute_int(&node->attributes, "to", 0) != dtype_to_onnx(DTYPE_I64))
                return false;
        } else if (!node_is(node, "Squeeze")) {
            return false;
        }
        node = value_producer(graph, node->inputs[0]);
    }
    return false;
}

/* --- the whole loop --- */

static bool take_x(struct loop *loop)
{
    const struct node *get = value_producer(loop->body, loop->cell.x);
    const struct shape *shape;

    if (!is_firn(get, "ListGet") || !counts_rounds(loop, get->inputs[1]))
        return false;
    loop->x = outer_of(loop, get->inputs[0]);
    if (loop->x == VALUE_NONE)
        return false;
    shape = &loop->graph->values[loop->x].shape;
    return shape->rank == 3 && shape->dims[2] == (int64_t)loop->cell.inputs &&
           loop->graph->values[loop->x].dtype == DTYPE_F32 &&
           (loop->rounds >= 0 ? shape->dims[0] == loop->rounds
                              : is_length(loop->graph, loop->count, loop->x));
}

/* Is the array as long as it must be, and nothing in it before? */
static bool array_fits(const struct loop *loop, size_t s)
{
    value_id array = loop->node->inputs[FIRST_STATE + s];
    const struct shape *shape = &loop->graph->values[array].shape;
    const struct node *reserve = value_producer(loop->graph, array);

    if (shape->rank < 1)
        return false;
    if (loop->roles[s] == ROLE_LAST)
        return shape->dims[0] == 1;
    if (loop->rounds >= 0)
        return shape->dims[0] == loop->rounds;
    return is_firn(reserve, "ListReserve") && reserve->inputs[0] == loop->count;
}

static bool roles_find(struct loop *loop)
{
    value_id in[STATES_MAX], out[STATES_MAX], items[STATES_MAX];
    size_t places[STATES_MAX], count = 0;

    for (size_t s = 0; s < loop->states; s++)
        loop->roles[s] = loop->in[s] == loop->out[s] ? ROLE_CONSTANT
                         : is_counter(loop, s)       ? ROLE_COUNTER
                                                     : ROLE_NONE;
    for (size_t s = 0; s < loop->states; s++) {
        if (loop->roles[s] == ROLE_NONE)
            loop->roles[s] = array_role(loop, s, &items[s]);
        if (loop->roles[s] != ROLE_NONE)
            continue;
        in[count] = loop->in[s];
        out[count] = loop->out[s];
        places[count++] = s;
    }
    if (!count || !cell_match(loop->body, in, out, count, &loop->cell) ||
        count != (loop->cell.kind == CELL_LSTM ? 2 : 1))
        return false;
    loop->cell.h = places[loop->cell.h];
    loop->cell.c = loop->cell.kind == CELL_LSTM ? places[loop->cell.c] : SIZE_MAX;
    loop->roles[loop->cell.h] = ROLE_STATE;
    if (loop->cell.kind == CELL_LSTM)
        loop->roles[loop->cell.c] = ROLE_STATE;
    for (size_t s = 0; s < loop->states; s++)
        if ((loop->roles[s] == ROLE_ALL || loop->roles[s] == ROLE_LAST) &&
            items[s] != loop->out[loop->cell.h])
            return false;
    return true;
}

static bool loop_read(const struct graph *graph, const struct node *node, struct loop *loop)
{
    const struct attribute *body = attribute_find(&node->attributes, "body");
    const struct graph_signature *signature;

    if (!node_is(node, "Loop") || !body || body->kind != ATTRIBUTE_GRAPH)
        return false;
    signature = &body->g->signatures[0];
    *loop = (struct loop){
        .graph = graph,
        .body = body->g,
        .node = node,
        .states = signature->input_count - signature->capture_count - FIRST_STATE,
        .in = signature->inputs + FIRST_STATE,
        .out = signature->outputs + 1,
        .rounds = -1,
        .count = VALUE_NONE,
    };
    /* without a trip count, and nothing stacked */
    if (loop->states < 1 || loop->states > STATES_MAX || node->inputs[0] != VALUE_NONE ||
        node->inputs[1] == VALUE_NONE || node->output_count != loop->states ||
        signature->output_count != loop->states + 1)
        return false;
    if (!roles_find(loop) || !goes_on(loop, signature->outputs[0], 0) ||
        !begins(loop, node->inputs[1], 0) || !take_x(loop))
        return false;
    for (size_t s = 0; s < loop->states; s++)
        if ((loop->roles[s] == ROLE_ALL || loop->roles[s] == ROLE_LAST) && !array_fits(loop, s))
            return false;
    return true;
}

/* --- weights: (rows, gates * hidden) by parts -> (1, gates * hidden, rows) --- */

static size_t gates_of(const struct cell *cell)
{
    return cell->kind == CELL_RNN ? 1 : cell->kind == CELL_GRU ? 3 : 4;
}

/* What the state is multiplied by at gate g, and the biases that go with it. */
static const struct cell_sum *of_state(const struct cell *cell, size_t g)
{
    return cell->kind == CELL_GRU && g == 2 && cell->reset_after ? &cell->candidate
                                                                 : &cell->gates[g];
}

static enum status weights_emit(const struct emitter *e, const struct cell *cell, bool state,
                                value_id *value, struct error *err)
{
    size_t gates = gates_of(cell), rows = state ? cell->hidden : cell->inputs;
    struct shape shape = SHAPE(1, (int64_t)(gates * cell->hidden), (int64_t)rows);
    struct tensor made;
    float *to;

    TRY(tensor_new(&made, DTYPE_F32, &shape, e->graph->keep, err));
    to = made.data;
    for (size_t g = 0; g < gates; g++) {
        const struct cell_weights *part = state ? &of_state(cell, g)->h : &cell->gates[g].x;
        const float *from = part->stored->data;
        size_t columns = (size_t)part->stored->shape.dims[1];

        for (size_t k = 0; k < cell->hidden; k++)
            for (size_t i = 0; i < rows; i++)
                *to++ = from[(part->row + i) * columns + part->column + k];
    }
    return emit_constant(e, &made, value, err);
}

static void biases_add(const struct cell_sum *sum, size_t hidden, float *to)
{
    for (size_t b = 0; b < sum->bias_count; b++) {
        const float *from = sum->biases[b].stored->data;

        for (size_t k = 0; k < hidden; k++)
            to[k] += sum->biases[b].column == SIZE_MAX ? from[0] : from[sum->biases[b].column + k];
    }
}

static enum status biases_emit(const struct emitter *e, const struct cell *cell, value_id *value,
                               struct error *err)
{
    size_t gates = gates_of(cell);
    struct shape shape = SHAPE(1, (int64_t)(2 * gates * cell->hidden));
    struct tensor made;
    float *to;

    TRY(tensor_new(&made, DTYPE_F32, &shape, e->graph->keep, err));
    to = made.data;
    for (size_t g = 0; g < gates; g++) {
        biases_add(&cell->gates[g], cell->hidden, to + g * cell->hidden);
        if (of_state(cell, g) != &cell->gates[g])
            biases_add(of_state(cell, g), cell->hidden, to + (gates + g) * cell->hidden);
    }
    return emit_constant(e, &made, value, err);
}

/* --- states --- */

/* Zeros of whatever shape: what the operator begins with anyway. */
static bool is_zeros(const struct graph *graph, value_id value)
{
    const struct node *node = value_producer(graph, value);
    const struct tensor *constant = node && node_is(node, "Expand") ? node_constant(graph, node, 0)
                                                                    : value_constant(graph, value);

    if (!constant || constant->dtype != DTYPE_F32)
        return false;
    for (size_t i = 0; i < tensor_count(constant); i++)
        if (((const float *)constant->data)[i] != 0)
            return false;
    return true;
}

/* (1, batch, hidden), or VALUE_NONE for zeros. The loop would spread one row over the batch. */
static enum status initial_emit(const struct emitter *e, const struct loop *loop, size_t s,
                                value_id *value, struct error *err)
{
    value_id given = loop->node->inputs[FIRST_STATE + s], shape, batch, hidden;
    const struct shape *x = emit_shape(e, loop->x), *own = emit_shape(e, given);

    *value = VALUE_NONE;
    if (is_zeros(e->graph, given))
        return STATUS_OK;
    if (own->rank != 2 || own->dims[0] != x->dims[1] || !dim_is_known(x->dims[1]) ||
        own->dims[1] != (int64_t)loop->cell.hidden) {
        TRY(emit_1(e, "Shape", loop->x, &shape, err));
        TRY(emit_slice(e, shape, 0, 1, 2, 1, &batch, err));
        TRY(EMIT_INTS(e, &hidden, err, (int64_t)loop->cell.hidden));
        TRY(emit_concat(e, EMIT(batch, hidden), 0, &shape, err));
        TRY(emit_2(e, "Expand", given, shape, &given, err));
    }
    return emit_unsqueeze(e, given, 0, value, err);
}

static enum status operator_emit(const struct emitter *e, const struct loop *loop, value_id *out,
                                 struct error *err)
{
    static const char *const OPERATORS[] = {"RNN", "GRU", "LSTM"};
    const struct cell *cell = &loop->cell;
    value_id in[7] = {loop->x,    VALUE_NONE, VALUE_NONE, VALUE_NONE,
                      VALUE_NONE, VALUE_NONE, VALUE_NONE};
    size_t states = cell->kind == CELL_LSTM ? 2 : 1, count = 0;
    struct bytes activation = bytes_of(cell->activation ? cell->activation : "");
    struct attribute attributes[3];

    TRY(weights_emit(e, cell, false, &in[1], err));
    TRY(weights_emit(e, cell, true, &in[2], err));
    TRY(biases_emit(e, cell, &in[3], err));
    TRY(initial_emit(e, loop, cell->h, &in[5], err));
    if (states == 2)
        TRY(initial_emit(e, loop, cell->c, &in[6], err));
    attributes[count++] = attribute_of_int("hidden_size", (int64_t)cell->hidden);
    if (cell->kind == CELL_GRU)
        attributes[count++] = attribute_of_int("linear_before_reset", cell->reset_after);
    if (cell->kind == CELL_RNN)
        attributes[count++] = (struct attribute){
            .name = "activations", .kind = ATTRIBUTE_STRINGS, .count = 1, .strings = &activation};
    return emit(e, "", OPERATORS[cell->kind], in, 5 + states, attributes, count, out, 1 + states,
                err);
}

/* What stands for each output of the loop. */
static enum status loop_replace(struct edit *edit, const struct loop *loop, size_t index,
                                struct error *err)
{
    struct emitter e = {edit->graph, loop->node->name};
    const value_id *outputs = loop->node->outputs, *inputs = loop->node->inputs;
    enum dtype dtype;
    value_id made[3], by;

    TRY(operator_emit(&e, loop, made, err));
    for (size_t s = 0; s < loop->states; s++) {
        dtype = emit_dtype(&e, outputs[s]);
        if (loop->roles[s] == ROLE_CONSTANT)
            by = inputs[FIRST_STATE + s];
        else if (loop->roles[s] == ROLE_COUNTER && loop->rounds >= 0)
            TRY(emit_number(&e, dtype, (double)loop->rounds, &by, err));
        else if (loop->roles[s] == ROLE_COUNTER)
            TRY(emit_cast(&e, loop->count, dtype, &by, err));
        else if (loop->roles[s] == ROLE_ALL)
            TRY(emit_squeeze(&e, made[0], 1, &by, err));
        else if (loop->roles[s] == ROLE_LAST)
            by = made[1];
        else
            TRY(emit_squeeze(&e, made[s == loop->cell.h ? 1 : 2], 0, &by, err));
        edit_replace(edit, outputs[s], by);
    }
    edit_remove(edit, index);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        struct loop loop;
        struct node node;

        edit_visit(&edit, n);
        node = graph->nodes[n]; /* nodes are added, and move */
        if (loop_read(graph, &node, &loop) && loop_replace(&edit, &loop, n, err))
            return graph_node_error(&node, err);
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_recurrent = {
    .name = "recurrent",
    .summary = "loops over the steps of a SimpleRNN, GRU or LSTM as the operator",
    .order = 160,
    .run = run,
};
