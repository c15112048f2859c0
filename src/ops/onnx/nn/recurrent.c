// SPDX-License-Identifier: Apache-2.0
/* RNN, GRU, LSTM: one or both directions, layouts 0 and 1, all activations; states in double. Of
 * floats with constant weights and the usual activations: ops/fast/recurrent/. */
#include <math.h>

#include "ops/fast/recurrent/recurrent.h"
#include "ops/kernels/call.h"
#include "ops/kernels/math/activation.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/nn/recurrent.inc"
#define EACH_FLOAT
#include "ops/kernels/each.h"

typedef double (*dot_kernel)(const void *w, size_t row, const double *x, size_t n);
static const dot_kernel DOT[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, dot)};

enum { X, W, R, BIAS, LENGTHS, START_H, START_C, PEEPHOLES };
enum cell { CELL_RNN = 1, CELL_GRU = 3, CELL_LSTM = 4 }; /* gates of it */

struct recurrent {
    enum cell cell;
    size_t directions, hidden, inputs, steps, batch;
    bool reverse;     /* the first direction runs backwards */
    bool batch_first; /* layout 1 */
    bool reset_after; /* linear_before_reset */
    bool couple;      /* input_forget */
    double clip;      /* 0: none */
    struct activation activations[2][3];
};

static enum status read_direction(const struct op_call *call, struct recurrent *r,
                                  struct error *err)
{
    struct bytes direction = attribute_string(call->attributes, "direction", "forward");

    r->directions = bytes_is(direction, "bidirectional") ? 2 : 1;
    r->reverse = bytes_is(direction, "reverse");
    if (r->directions == 1 && !r->reverse && !bytes_is(direction, "forward"))
        return op_error(call, err, STATUS_INVALID_INPUT, "direction is no direction");
    return STATUS_OK;
}

static enum status read_activations(const struct op_call *call, struct recurrent *r,
                                    struct error *err)
{
    size_t each = r->cell == CELL_RNN ? 1 : r->cell == CELL_GRU ? 2 : 3;

    for (size_t d = 0; d < r->directions; d++)
        for (size_t i = 0; i < each; i++)
            TRY(activation_read(call, d * each + i, r->directions * each,
                                i == 0 && r->cell != CELL_RNN ? "Sigmoid" : "Tanh",
                                &r->activations[d][i], err));
    return STATUS_OK;
}

/* The dimension of an input must be `want`; a free one takes it. */
static enum status check_dim(const struct op_call *call, size_t input, int dim, int64_t *want,
                             struct error *err)
{
    const struct shape *shape = &call->in[input].shape;

    if (shape->rank <= dim || !dim_is_known(shape->dims[dim]))
        return STATUS_OK;
    if (!dim_is_known(*want))
        *want = shape->dims[dim];
    if (*want != shape->dims[dim])
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "dimension %d of input %zu is %lld, not %lld", dim, input,
                        (long long)shape->dims[dim], (long long)*want);
    return STATUS_OK;
}

/* Inputs behind W, R and the bias's dimensions. */
static enum status check_optional(const struct op_call *call, const struct recurrent *r,
                                  int64_t directions, int64_t batch, int64_t *hidden,
                                  struct error *err)
{
    int64_t tripled = *hidden > 0 ? *hidden * 3 : DIM_UNKNOWN;

    if (op_has(call, BIAS)) {
        TRY(op_wants_same(call, X, BIAS, err));
        TRY(op_wants_rank(call, BIAS, 2, 2, err));
    }
    if (op_has(call, LENGTHS)) {
        int64_t items = batch;

        TRY(op_wants(call, LENGTHS, DTYPE_BIT(DTYPE_I32), err));
        TRY(op_wants_rank(call, LENGTHS, 1, 1, err));
        TRY(check_dim(call, LENGTHS, 0, &items, err));
    }
    for (size_t i = START_H; i <= START_C; i++) {
        int64_t items = batch;

        if (!op_has(call, i))
            continue;
        TRY(op_wants_same(call, X, i, err));
        TRY(op_wants_rank(call, i, 3, 3, err));
        TRY(check_dim(call, i, r->batch_first, &directions, err));
        TRY(check_dim(call, i, !r->batch_first, &items, err));
        TRY(check_dim(call, i, 2, hidden, err));
    }
    if (op_has(call, PEEPHOLES)) {
        TRY(op_wants_same(call, X, PEEPHOLES, err));
        TRY(op_wants_rank(call, PEEPHOLES, 2, 2, err));
        TRY(check_dim(call, PEEPHOLES, 0, &directions, err));
        TRY(check_dim(call, PEEPHOLES, 1, &tripled, err));
    }
    return STATUS_OK;
}

/* Checks shapes; *steps and *batch as in X, perhaps unknown. */
static enum status recurrent_of(const struct op_call *call, enum cell cell, struct recurrent *r,
                                int64_t *steps, int64_t *batch, struct error *err)
{
    int64_t hidden = attribute_int(call->attributes, "hidden_size", -1), inputs = -1;
    int64_t directions, gated, doubled;
    const struct shape *x = &call->in[X].shape;

    *r = (struct recurrent){
        .cell = cell,
        .batch_first = attribute_int(call->attributes, "layout", 0) == 1,
        .reset_after = attribute_int(call->attributes, "linear_before_reset", 0),
        .couple = attribute_int(call->attributes, "input_forget", 0),
        .clip = attribute_float(call->attributes, "clip", 0),
    };
    if (attribute_find(call->attributes, "hidden_size") && hidden < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "hidden_size is %lld", (long long)hidden);
    TRY(read_direction(call, r, err));
    TRY(read_activations(call, r, err));
    directions = (int64_t)r->directions;
    for (size_t i = X; i <= R; i++) {
        TRY(op_wants(call, i, DTYPES_FLOAT, err));
        TRY(op_wants_same(call, X, i, err));
        TRY(op_wants_rank(call, i, 3, 3, err));
    }
    TRY(check_dim(call, R, 2, &hidden, err));
    if (hidden == 0 || hidden > (1 << 24))
        return op_error(call, err, STATUS_INVALID_INPUT, "hidden_size is %lld", (long long)hidden);
    gated = hidden > 0 ? hidden * cell : DIM_UNKNOWN;
    doubled = hidden > 0 ? gated * 2 : DIM_UNKNOWN;
    *steps = x->rank == 3 ? x->dims[r->batch_first] : DIM_UNKNOWN;
    *batch = x->rank == 3 ? x->dims[!r->batch_first] : DIM_UNKNOWN;
    TRY(check_dim(call, X, 2, &inputs, err));
    TRY(check_dim(call, W, 2, &inputs, err));
    for (size_t i = W; i <= BIAS; i++) {
        if (!op_has(call, i))
            continue;
        TRY(check_dim(call, i, 0, &directions, err));
        TRY(check_dim(call, i, 1, i == BIAS ? &doubled : &gated, err));
    }
    TRY(check_optional(call, r, directions, *batch, &hidden, err));
    r->hidden = hidden > 0 ? (size_t)hidden : 0;
    r->inputs = inputs > 0 ? (size_t)inputs : 0;
    r->steps = (size_t)*steps;
    r->batch = (size_t)*batch;
    return STATUS_OK;
}

static enum status infer(struct op_call *call, enum cell cell, struct error *err)
{
    struct shape all = {.rank = 4}, last = {.rank = 3};
    int64_t steps, batch, hidden;
    struct recurrent r;

    TRY(recurrent_of(call, cell, &r, &steps, &batch, err));
    hidden = r.hidden ? (int64_t)r.hidden : DIM_UNKNOWN;
    if (r.batch_first) {
        memcpy(all.dims, (int64_t[]){batch, steps, (int64_t)r.directions, hidden}, 32);
        memcpy(last.dims, (int64_t[]){batch, (int64_t)r.directions, hidden}, 24);
    } else {
        memcpy(all.dims, (int64_t[]){steps, (int64_t)r.directions, batch, hidden}, 32);
        memcpy(last.dims, (int64_t[]){(int64_t)r.directions, batch, hidden}, 24);
    }
    op_give(call, 0, call->in[X].dtype, &all);
    op_give(call, 1, call->in[X].dtype, &last);
    op_give(call, 2, call->in[X].dtype, &last);
    return STATUS_OK;
}

/* What one direction of one item works on, doubles in scratch. */
struct lane {
    const struct op_call *call;
    const struct recurrent *r;
    size_t direction;
    double *x;           /* (inputs,) */
    double *h, *c, *old; /* (hidden,) */
    double *gates;       /* (gates, hidden) */
};

static size_t scratch_of(const struct op_call *call, enum cell cell)
{
    struct recurrent r;
    struct error ignored;
    int64_t steps, batch;

    if (recurrent_of(call, cell, &r, &steps, &batch, &ignored))
        return 0;
    if (call->state)
        return recurrent_scratch(call->state, r.batch);
    return (r.inputs + 3 * r.hidden + cell * r.hidden) * sizeof(double);
}

static double weight_at(const struct op_call *call, size_t input, size_t i)
{
    return op_has(call, input) ? tensor_f64(&call->in[input], i) : 0;
}

static double clipped(const struct recurrent *r, double value)
{
    if (!(r->clip > 0))
        return value;
    return value > r->clip ? r->clip : value < -r->clip ? -r->clip : value;
}

/* Row g * hidden + k of W x, of R h, and their biases. */
static double of_x(const struct lane *lane, size_t row)
{
    const struct recurrent *r = lane->r;
    size_t rows = r->cell * r->hidden;

    return DOT[lane->call->in[W].dtype](lane->call->in[W].data, lane->direction * rows + row,
                                        lane->x, r->inputs) +
           weight_at(lane->call, BIAS, lane->direction * 2 * rows + row);
}

static double of_h(const struct lane *lane, size_t row, const double *h)
{
    const struct recurrent *r = lane->r;
    size_t rows = r->cell * r->hidden;

    return DOT[lane->call->in[R].dtype](lane->call->in[R].data, lane->direction * rows + row, h,
                                        r->hidden) +
           weight_at(lane->call, BIAS, lane->direction * 2 * rows + rows + row);
}

static void step_rnn(struct lane *lane)
{
    const struct recurrent *r = lane->r;
    const struct activation *f = r->activations[lane->direction];

    for (size_t k = 0; k < r->hidden; k++)
        lane->gates[k] = of_x(lane, k) + of_h(lane, k, lane->h);
    for (size_t k = 0; k < r->hidden; k++)
        lane->h[k] = activation_apply(&f[0], clipped(r, lane->gates[k]));
}

static void step_gru(struct lane *lane)
{
    const struct recurrent *r = lane->r;
    const struct activation *f = r->activations[lane->direction];
    double *z = lane->gates, *reset = z + r->hidden, *candidate = reset + r->hidden;
    size_t n = r->hidden;

    for (size_t k = 0; k < 2 * n; k++)
        z[k] = activation_apply(&f[0], clipped(r, of_x(lane, k) + of_h(lane, k, lane->h)));
    for (size_t k = 0; k < n; k++)
        lane->old[k] = reset[k] * lane->h[k];
    for (size_t k = 0; k < n; k++) {
        double of_state = r->reset_after ? reset[k] * of_h(lane, 2 * n + k, lane->h)
                                         : of_h(lane, 2 * n + k, lane->old);
        candidate[k] = activation_apply(&f[1], clipped(r, of_x(lane, 2 * n + k) + of_state));
    }
    for (size_t k = 0; k < n; k++)
        lane->h[k] = (1 - z[k]) * candidate[k] + z[k] * lane->h[k];
}

/* Gates in the order input, output, forget, cell. */
static void step_lstm(struct lane *lane)
{
    const struct recurrent *r = lane->r;
    const struct activation *f = r->activations[lane->direction];
    size_t n = r->hidden, peep = lane->direction * 3 * n;
    double *in = lane->gates, *out = in + n, *forget = out + n, *cell = forget + n;

    for (size_t k = 0; k < 4 * n; k++)
        in[k] = of_x(lane, k) + of_h(lane, k, lane->h);
    for (size_t k = 0; k < n; k++) {
        double i = in[k] + weight_at(lane->call, PEEPHOLES, peep + k) * lane->c[k];
        double g = forget[k] + weight_at(lane->call, PEEPHOLES, peep + 2 * n + k) * lane->c[k];
        double o;

        i = activation_apply(&f[0], clipped(r, i));
        g = r->couple ? 1 - i : activation_apply(&f[0], clipped(r, g));
        lane->c[k] = g * lane->c[k] + i * activation_apply(&f[1], clipped(r, cell[k]));
        o = out[k] + weight_at(lane->call, PEEPHOLES, peep + n + k) * lane->c[k];
        o = activation_apply(&f[0], clipped(r, o));
        lane->h[k] = o * activation_apply(&f[2], lane->c[k]);
    }
}

/* Offset of (item, direction) in the states, in rows of `hidden`. */
static size_t state_row(const struct recurrent *r, size_t item, size_t direction)
{
    return r->batch_first ? item * r->directions + direction : direction * r->batch + item;
}

static void put_row(struct tensor *y, size_t row, const double *values, size_t n)
{
    for (size_t k = 0; k < n; k++)
        tensor_set_f64(y, row * n + k, values ? values[k] : 0);
}

static void run_lane(struct lane *lane, size_t item, size_t length)
{
    const struct op_call *call = lane->call;
    const struct recurrent *r = lane->r;
    size_t state = state_row(r, item, lane->direction), n = r->hidden;
    bool backwards = r->reverse || lane->direction == 1;

    for (size_t k = 0; k < n; k++) {
        lane->h[k] = weight_at(call, START_H, state * n + k);
        lane->c[k] = r->cell == CELL_LSTM ? weight_at(call, START_C, state * n + k) : 0;
    }
    for (size_t s = 0; s < r->steps; s++) {
        size_t t = backwards && s < length ? length - 1 - s : s;
        size_t from = r->batch_first ? item * r->steps + t : t * r->batch + item;
        size_t to = r->batch_first ? from * r->directions + lane->direction
                                   : (t * r->directions + lane->direction) * r->batch + item;

        if (s < length) {
            for (size_t k = 0; k < r->inputs; k++)
                lane->x[k] = tensor_f64(&call->in[X], from * r->inputs + k);
            if (r->cell == CELL_RNN)
                step_rnn(lane);
            else if (r->cell == CELL_GRU)
                step_gru(lane);
            else
                step_lstm(lane);
        }
        put_row(&call->out[0], to, s < length ? lane->h : NULL, n);
    }
    if (call->out_count > 1)
        put_row(&call->out[1], state, lane->h, n);
    if (call->out_count > 2)
        put_row(&call->out[2], state, lane->c, n);
}

/* --- the fast way --- */

/* The activations are those that the kernels have. */
static bool usual_activations(const struct op_call *call, enum cell cell,
                              enum recurrent_activation *activation)
{
    static const char *const RNN_NAMES[] = {"Tanh", "Relu", "Sigmoid"};
    size_t count, each = cell == CELL_RNN ? 1 : cell == CELL_GRU ? 2 : 3;
    const struct bytes *names = attribute_strings(call->attributes, "activations", &count);

    *activation = RECURRENT_TANH;
    for (size_t i = 0; i < count; i++) {
        if (cell != CELL_RNN && !bytes_is(names[i], i % each ? "Tanh" : "Sigmoid"))
            return false;
        if (cell == CELL_RNN && !bytes_equal(names[i], names[0]))
            return false;
    }
    for (size_t k = 0; count && cell == CELL_RNN; k++) {
        if (k == ARRAY_COUNT(RNN_NAMES))
            return false;
        if (bytes_is(names[0], RNN_NAMES[k])) {
            *activation = (enum recurrent_activation)k;
            break;
        }
    }
    return true;
}

static bool is_constant(const struct op_call *call, size_t input)
{
    return !op_has(call, input) || (call->in[input].data && shape_is_known(&call->in[input].shape));
}

static const float *floats_of(const struct op_call *call, size_t input)
{
    return op_has(call, input) ? call->in[input].data : NULL;
}

static enum status prepare(struct op_call *call, enum cell cell, struct arena *keep,
                           struct error *err)
{
    struct recurrent_layer *layer;
    struct recurrent_weights weights;
    enum recurrent_activation activation;
    struct recurrent r;
    int64_t steps, batch;

    TRY(recurrent_of(call, cell, &r, &steps, &batch, err));
    if (op_is_reference_only() || call->in[X].dtype != DTYPE_F32 || !call->in[W].data ||
        !call->in[R].data || !is_constant(call, W) || !is_constant(call, R) ||
        !is_constant(call, BIAS) || !is_constant(call, PEEPHOLES) ||
        !usual_activations(call, cell, &activation) || r.inputs == 0 || r.hidden == 0)
        return STATUS_OK;
    layer = arena_new(keep, struct recurrent_layer, 1);
    if (!layer)
        return error_no_memory(err, "a recurrent layer");
    *layer = (struct recurrent_layer){
        .cell = (enum recurrent_cell)cell,
        .hidden = r.hidden,
        .inputs = r.inputs,
        .directions = r.directions,
        .reset_after = r.reset_after,
        .couple = r.couple,
        .batch_first = r.batch_first,
        .clip = r.clip > 0 ? (float)r.clip : INFINITY,
        .activation = activation,
    };
    weights = (struct recurrent_weights){floats_of(call, W), floats_of(call, R),
                                         floats_of(call, BIAS), floats_of(call, PEEPHOLES)};
    TRY(recurrent_pack(layer, &weights, r.reverse, keep, err));
    call->state = layer;
    for (size_t i = W; i < call->in_count; i++)
        if ((i <= BIAS || i == PEEPHOLES) && op_has(call, i))
            call->packed |= UINT64_C(1) << i;
    return STATUS_OK;
}

static void run_fast(const struct op_call *call, const struct recurrent *r)
{
    struct recurrent_run run = {
        .layer = call->state,
        .steps = r->steps,
        .batch = r->batch,
        .x = call->in[X].data,
        .lengths = op_has(call, LENGTHS) ? call->in[LENGTHS].data : NULL,
        .h0 = floats_of(call, START_H),
        .c0 = r->cell == CELL_LSTM ? floats_of(call, START_C) : NULL,
        .y = call->out[0].data,
        .y_h = call->out_count > 1 ? call->out[1].data : NULL,
        .y_c = call->out_count > 2 ? call->out[2].data : NULL,
        .scratch = call->scratch,
    };

    recurrent_run(&run, call->team);
}

static enum status check_lengths(const struct op_call *call, const struct recurrent *r,
                                 struct error *err)
{
    for (size_t item = 0; item < r->batch && op_has(call, LENGTHS); item++) {
        int64_t length = tensor_i64(&call->in[LENGTHS], item);

        if (length < 0 || length > (int64_t)r->steps)
            return op_error(call, err, STATUS_INVALID_INPUT, "sequence %zu has length %lld of %zu",
                            item, (long long)length, r->steps);
    }
    return STATUS_OK;
}

static enum status run(const struct op_call *call, enum cell cell, struct error *err)
{
    struct recurrent r;
    struct lane lane = {.call = call, .r = &r};
    int64_t steps, batch;

    TRY(recurrent_of(call, cell, &r, &steps, &batch, err));
    TRY(check_lengths(call, &r, err));
    if (call->state) {
        run_fast(call, &r);
        return STATUS_OK;
    }
    lane.x = call->scratch;
    lane.h = lane.x + r.inputs;
    lane.c = lane.h + r.hidden;
    lane.old = lane.c + r.hidden;
    lane.gates = lane.old + r.hidden;
    for (size_t item = 0; item < r.batch; item++) {
        int64_t length = op_has(call, LENGTHS) ? tensor_i64(&call->in[LENGTHS], item) : steps;

        for (lane.direction = 0; lane.direction < r.directions; lane.direction++)
            run_lane(&lane, item, (size_t)length);
    }
    return STATUS_OK;
}

#define OPERATOR(op, cell)                                                                         \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return infer(call, cell, err);                                                             \
    }                                                                                              \
    static enum status prepare_##op(struct op_call *call, struct arena *keep, struct error *err)   \
    {                                                                                              \
        return prepare(call, cell, keep, err);                                                     \
    }                                                                                              \
    static size_t scratch_##op(const struct op_call *call)                                         \
    {                                                                                              \
        return scratch_of(call, cell);                                                             \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        return run(call, cell, err);                                                               \
    }

OPERATOR(RNN, CELL_RNN)
OPERATOR(GRU, CELL_GRU)
OPERATOR(LSTM, CELL_LSTM)

#define ROW(op, ins, outs, text)                                                                   \
    {                                                                                              \
        .name = #op, .summary = text, .flags = OP_OPTIONAL_GAPS, .in_min = 3, .in_max = ins,       \
        .out_min = 1, .out_max = outs, .infer = infer_##op, .prepare = prepare_##op,               \
        .scratch_size = scratch_##op, .run = run_##op                                              \
    }

const struct op_set ops_onnx_recurrent =
    OP_SET(ROW(RNN, 6, 2, "simple recurrent network"), ROW(GRU, 6, 2, "gated recurrent unit"),
           ROW(LSTM, 8, 3, "long short-term memory"));
