// SPDX-License-Identifier: Apache-2.0
/* BlockLstm: TensorFlow's LSTM over a sequence, with all that its gates were.
 *
 * length () int64: steps that are computed, the others are zero; x (time, batch, inputs), cell and
 * hidden state (batch, units), w (inputs + units, 4 units), peepholes wci, wcf, wco (units,),
 * b (4 units,) -> i, cs, f, o, ci, co, h, each (time, batch, units). Attributes: peephole, clip
 * (of the cell when positive), forget_bias, gates (the order in w: "icfo" or "ifco").
 * Source: tensorflow/core/kernels/rnn/lstm_ops.h. */
#include <math.h>

#include "ops/kernels/call.h"

enum { LENGTH, X, CELL, HIDDEN, W, WCI, WCF, WCO, B };
enum { OUT_I, OUT_CS, OUT_F, OUT_O, OUT_CI, OUT_CO, OUT_H, OUTS };
#define DTYPES_LSTM (DTYPE_BIT(DTYPE_F16) | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64))

struct lstm {
    size_t time, batch, inputs, units;
    bool peephole;
    double clip, forget;
    size_t at_f, at_c; /* gates of w: i is 0, o is 3 */
};

static enum status check_shape(const struct op_call *call, size_t input, int rank,
                               const int64_t *dims, struct error *err)
{
    const struct shape *shape = &call->in[input].shape;

    TRY(op_wants_same(call, X, input, err));
    TRY(op_wants_rank(call, input, rank, rank, err));
    for (int i = 0; shape->rank == rank && i < rank; i++)
        if (dim_is_known(shape->dims[i]) && dim_is_known(dims[i]) && shape->dims[i] != dims[i])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of input %zu is %lld, not %lld", i, input,
                            (long long)shape->dims[i], (long long)dims[i]);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[X].shape, *b = &call->in[B].shape;
    int64_t time = x->rank == 3 ? x->dims[0] : DIM_UNKNOWN;
    int64_t batch = x->rank == 3 ? x->dims[1] : DIM_UNKNOWN;
    int64_t inputs = x->rank == 3 ? x->dims[2] : DIM_UNKNOWN;
    int64_t width = b->rank == 1 ? b->dims[0] : DIM_UNKNOWN;
    int64_t units = dim_is_known(width) ? width / 4 : DIM_UNKNOWN, rows;
    struct shape out;

    TRY(op_wants(call, LENGTH, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, LENGTH, 0, 0, err));
    TRY(op_wants(call, X, DTYPES_LSTM, err));
    TRY(op_wants_rank(call, X, 3, 3, err));
    TRY(dim_add(call, inputs, units, &rows, err));
    if (dim_is_known(width) && width % 4)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld biases for four gates",
                        (long long)width);
    for (size_t i = CELL; i <= HIDDEN; i++)
        TRY(check_shape(call, i, 2, (const int64_t[]){batch, units}, err));
    TRY(check_shape(call, W, 2, (const int64_t[]){rows, width}, err));
    for (size_t i = WCI; i <= WCO; i++)
        TRY(check_shape(call, i, 1, (const int64_t[]){units}, err));
    TRY(check_shape(call, B, 1, (const int64_t[]){width}, err));
    out = SHAPE(time, batch, units);
    for (size_t i = 0; i < OUTS; i++)
        op_give(call, i, call->in[X].dtype, &out);
    return STATUS_OK;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* A number as the type of x would hold it. */
static double held(const struct op_call *call, double value)
{
    uint64_t room = 0;
    struct tensor one = {call->in[X].dtype, shape_scalar(), &room, NULL};

    tensor_set_f64(&one, 0, value);
    return tensor_f64(&one, 0);
}

/* Scratch: sums (4 units,), cell and hidden state of one item. */
static size_t scratch_size(const struct op_call *call)
{
    return 6 * (size_t)(call->in[B].shape.dims[0] / 4) * sizeof(double);
}

/* [x, h] w + b for one item. */
static void sums_of(const struct op_call *call, const struct lstm *l, size_t at, const double *h,
                    double *sums)
{
    size_t width = 4 * l->units;

    for (size_t k = 0; k < width; k++)
        sums[k] = 0;
    for (size_t r = 0; r < l->inputs + l->units; r++) {
        double value =
            r < l->inputs ? tensor_f64(&call->in[X], at * l->inputs + r) : h[r - l->inputs];

        for (size_t k = 0; k < width; k++)
            sums[k] += value * tensor_f64(&call->in[W], r * width + k);
    }
    for (size_t k = 0; k < width; k++)
        sums[k] += tensor_f64(&call->in[B], k);
}

static void step(const struct op_call *call, const struct lstm *l, size_t at, double *sums,
                 double *cell, double *h)
{
    sums_of(call, l, at, h, sums);
    for (size_t u = 0; u < l->units; u++) {
        double before = cell[u], i = sums[u], f = sums[l->at_f * l->units + u] + l->forget;
        double ci = tanh(sums[l->at_c * l->units + u]), o = sums[3 * l->units + u], out[OUTS];

        i = sigmoid(i + (l->peephole ? before * tensor_f64(&call->in[WCI], u) : 0));
        f = sigmoid(f + (l->peephole ? before * tensor_f64(&call->in[WCF], u) : 0));
        cell[u] = ci * i + before * f;
        if (l->clip > 0)
            cell[u] = fmin(fmax(cell[u], -l->clip), l->clip);
        cell[u] = held(call, cell[u]);
        o = sigmoid(o + (l->peephole ? cell[u] * tensor_f64(&call->in[WCO], u) : 0));
        h[u] = held(call, tanh(cell[u]) * o);
        memcpy(out, (double[]){i, cell[u], f, o, ci, tanh(cell[u]), h[u]}, sizeof out);
        for (size_t k = 0; k < call->out_count; k++)
            tensor_set_f64(&call->out[k], at * l->units + u, out[k]);
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    int64_t length = tensor_i64(&call->in[LENGTH], 0);
    const struct shape *x = &call->in[X].shape;
    bool second = attribute_is(call->attributes, "gates", "ifco");
    struct lstm l = {
        .time = (size_t)x->dims[0],
        .batch = (size_t)x->dims[1],
        .inputs = (size_t)x->dims[2],
        .units = (size_t)call->in[B].shape.dims[0] / 4,
        .peephole = attribute_int(call->attributes, "peephole", 0),
        .clip = attribute_float(call->attributes, "clip", 0),
        .forget = attribute_float(call->attributes, "forget_bias", 0),
        .at_f = second ? 1 : 2,
        .at_c = second ? 2 : 1,
    };
    double *sums = call->scratch, *cell = sums + 4 * l.units, *h = cell + l.units;

    if (length < 0 || length > x->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld steps of a sequence of %lld",
                        (long long)length, (long long)x->dims[0]);
    for (size_t k = 0; k < call->out_count; k++)
        if (tensor_count(&call->out[k]))
            memset(call->out[k].data, 0, tensor_bytes(&call->out[k]));
    for (size_t n = 0; n < l.batch; n++) {
        for (size_t u = 0; u < l.units; u++) {
            cell[u] = tensor_f64(&call->in[CELL], n * l.units + u);
            h[u] = tensor_f64(&call->in[HIDDEN], n * l.units + u);
        }
        for (size_t t = 0; t < (size_t)length; t++)
            step(call, &l, t * l.batch + n, sums, cell, h);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_block_lstm =
    OP_SET({.name = "BlockLstm",
            .summary = "LSTM over a sequence, with all gates, as TensorFlow",
            .in_min = 9,
            .in_max = 9,
            .out_min = 1,
            .out_max = 7,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
