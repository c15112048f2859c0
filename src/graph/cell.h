// SPDX-License-Identifier: Apache-2.0
/* The cell of a recurrent network in the body of a loop: SimpleRNN, GRU or LSTM with constant
 * weights and the usual activations, recognised by what it computes, however its products are cut.
 */
#pragma once

#include "graph/internal.h"

enum cell_kind { CELL_RNN, CELL_GRU, CELL_LSTM };
enum { CELL_GATES_MAX = 4, CELL_BIASES_MAX = 4 };

/* Columns of a constant (rows, columns) from row `row` and column `column` on; of a bias the row
 * is 0. */
struct cell_weights {
    const struct tensor *stored; /* NULL: none */
    size_t row, column;
};

/* x W + h R + b, (batch, hidden). */
struct cell_sum {
    struct cell_weights x, h;
    struct cell_weights biases[CELL_BIASES_MAX];
    size_t bias_count;
};

struct cell {
    enum cell_kind kind;
    const char *activation; /* of a CELL_RNN: an operator's name */
    size_t inputs, hidden;
    value_id x;                            /* (batch, inputs), what a node of the body makes */
    size_t h, c;                           /* which of the states; c of an LSTM alone */
    struct cell_sum gates[CELL_GATES_MAX]; /* in ONNX's order: i o f c; z r h */
    bool reset_after;                      /* of a GRU: */
    struct cell_sum candidate;             /* what the reset gate multiplies, h R + b */
};

/* Is what the body makes of its states such a cell? `in` are inputs of the body, `out` what they
 * become, (count,) both. States that the cell does not know are not looked at. */
bool cell_match(const struct graph *body, const value_id *in, const value_id *out, size_t count,
                struct cell *cell);
