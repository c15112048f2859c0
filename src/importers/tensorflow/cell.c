// SPDX-License-Identifier: Apache-2.0
/* Recurrent cells of one step, and the LSTM over a whole sequence. */
#include "importers/tensorflow/internal.h"

/* [a, b] weights + bias */
static enum status affine_of(struct tf_call *c, value_id a, value_id b, value_id weights,
                             value_id bias, value_id *y, struct error *err)
{
    TRY(emit_concat(c->e, EMIT(a, b), 1, y, err));
    TRY(emit_2(c->e, "MatMul", *y, weights, y, err));
    return emit_2(c->e, "Add", *y, bias, y, err);
}

static enum status split_columns(struct tf_call *c, value_id x, size_t count, value_id *parts,
                                 struct error *err)
{
    return emit(c->e, "", "Split", &x, 1,
                (struct attribute[]){attribute_of_int("axis", 1),
                                     attribute_of_int("num_outputs", (int64_t)count)},
                2, parts, count, err);
}

/* x, h, weights and biases of reset and update, of the candidate -> r, u, c, h */
static enum status gru(struct tf_call *c, struct error *err)
{
    value_id x = c->in[0], h = c->in[1], gates[2], candidate, rest, y;

    TRY(affine_of(c, x, h, c->in[2], c->in[4], &y, err));
    TRY(emit_1(c->e, "Sigmoid", y, &y, err));
    TRY(split_columns(c, y, 2, gates, err));
    TRY(emit_2(c->e, "Mul", h, gates[0], &y, err));
    TRY(affine_of(c, x, y, c->in[3], c->in[5], &candidate, err));
    TRY(emit_1(c->e, "Tanh", candidate, &candidate, err));
    TRY(emit_one_minus(c->e, gates[1], &rest, err));
    TRY(emit_2(c->e, "Mul", rest, candidate, &rest, err));
    TRY(emit_2(c->e, "Mul", gates[1], h, &y, err));
    TRY(emit_2(c->e, "Add", y, rest, &y, err));
    TRY(tf_add(c, gates[0], err));
    TRY(tf_add(c, gates[1], err));
    TRY(tf_add(c, candidate, err));
    return tf_add(c, y, err);
}

/* --- LSTMBlockCell: x, cs, h, w, wci, wcf, wco, b -> i, cs, f, o, ci, co, h --- */

struct lstm {
    bool peephole;
    double clip, forget;
    value_id i, ci, f, o, cs, co, h;
};

/* sigmoid(gate + state * peephole) */
static enum status gate_of(struct tf_call *c, const struct lstm *l, value_id state,
                           value_id peephole, value_id *gate, struct error *err)
{
    value_id product;

    if (l->peephole) {
        TRY(emit_2(c->e, "Mul", state, peephole, &product, err));
        TRY(emit_2(c->e, "Add", *gate, product, gate, err));
    }
    return emit_1(c->e, "Sigmoid", *gate, gate, err);
}

static enum status lstm_step(struct tf_call *c, struct lstm *l, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    value_id gates[4], before = c->in[1], number, y;

    TRY(affine_of(c, c->in[0], c->in[2], c->in[3], c->in[7], &y, err));
    TRY(split_columns(c, y, 4, gates, err));
    l->i = gates[0];
    l->f = gates[2];
    l->o = gates[3];
    TRY(gate_of(c, l, before, c->in[4], &l->i, err));
    TRY(emit_1(c->e, "Tanh", gates[1], &l->ci, err));
    TRY(emit_number(c->e, dtype, l->forget, &number, err));
    TRY(emit_2(c->e, "Add", l->f, number, &l->f, err));
    TRY(gate_of(c, l, before, c->in[5], &l->f, err));
    TRY(emit_2(c->e, "Mul", l->ci, l->i, &l->cs, err));
    TRY(emit_2(c->e, "Mul", before, l->f, &y, err));
    TRY(emit_2(c->e, "Add", l->cs, y, &l->cs, err));
    if (l->clip > 0)
        TRY(emit_clip(c->e, l->cs, -l->clip, l->clip, &l->cs, err));
    TRY(gate_of(c, l, l->cs, c->in[6], &l->o, err));
    TRY(emit_1(c->e, "Tanh", l->cs, &l->co, err));
    return emit_2(c->e, "Mul", l->co, l->o, &l->h, err);
}

static enum status lstm(struct tf_call *c, struct error *err)
{
    struct lstm l;

    TRY(tf_bool(c->node, "use_peephole", false, &l.peephole, err));
    TRY(tf_float(c->node, "cell_clip", 3, &l.clip, err));
    TRY(tf_float(c->node, "forget_bias", 1, &l.forget, err));
    TRY(lstm_step(c, &l, err));
    for (size_t i = 0; i < 7; i++)
        TRY(tf_add(c, (value_id[]){l.i, l.cs, l.f, l.o, l.ci, l.co, l.h}[i], err));
    return STATUS_OK;
}

/* --- the whole sequence --- */

static enum status block_lstm(struct tf_call *c, bool second, struct error *err)
{
    double clip, forget;
    bool peephole;
    value_id y[7];

    TRY(tf_bool(c->node, "use_peephole", false, &peephole, err));
    TRY(tf_float(c->node, "cell_clip", second ? 0 : 3, &clip, err));
    TRY(tf_float(c->node, "forget_bias", 1, &forget, err));
    TRY(emit(c->e, "firn", "BlockLstm", c->in, 9,
             (struct attribute[]){attribute_of_int("peephole", peephole),
                                  attribute_of_float("clip", clip),
                                  attribute_of_float("forget_bias", second ? 0 : forget),
                                  attribute_of_text("gates", second ? "ifco" : "icfo")},
             4, y, 7, err));
    for (size_t i = 0; i < 7; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

static enum status block_lstm_1(struct tf_call *c, struct error *err)
{
    return block_lstm(c, false, err);
}

static enum status block_lstm_2(struct tf_call *c, struct error *err)
{
    return block_lstm(c, true, err);
}

const struct tf_op_set tf_ops_cell =
    TF_OP_SET({.name = "GRUBlockCell", .lower = gru, .inputs = 6},
              {.name = "LSTMBlockCell", .lower = lstm, .inputs = 8},
              {.name = "BlockLSTM", .lower = block_lstm_1, .inputs = 9},
              {.name = "BlockLSTMV2", .lower = block_lstm_2, .inputs = 9}, );
