// SPDX-License-Identifier: Apache-2.0
/* RNN, GRU and LSTM in float with constant weights: the inputs of many steps are one product, each
 * step is one product with the packed recurrent weights and one pass over the gates.
 *
 * Items of a batch are worked on in groups; groups and directions are independent, so they may go
 * to several threads. Everything has the order of ONNX: gates z r h of GRU, i o f c of LSTM. */
#pragma once

#include "ops/fast/gemm/gemm.h"
#include "ops/op.h"

enum recurrent_cell { RECURRENT_RNN = 1, RECURRENT_GRU = 3, RECURRENT_LSTM = 4 }; /* gates of it */
enum recurrent_activation { RECURRENT_TANH, RECURRENT_RELU, RECURRENT_SIGMOID };  /* of RNN */

/* A matrix (hidden, columns) in parts of RECURRENT_PART columns: every other step takes them
 * backwards, so that of weights a little larger than the cache most are still there. */
enum { RECURRENT_PART = 256 };
struct recurrent_matrix {
    size_t columns, count;
    struct packed_matrix *parts; /* (count,) */
};

struct recurrent_direction {
    struct packed_matrix w;            /* (inputs, gates * hidden) */
    struct recurrent_matrix r;         /* (hidden, gates * hidden) */
    struct recurrent_matrix candidate; /* GRU that resets before: (hidden, hidden); r has 2 gates */
    const float *bias;       /* (gates * hidden,): both, but of the candidate of a GRU that resets
                              * after, which has its second one in bias_after */
    const float *bias_after; /* (hidden,) */
    const float *peepholes;  /* (3 * hidden,) or NULL */
    bool backwards;
};

struct recurrent_layer {
    enum recurrent_cell cell;
    size_t hidden, inputs, directions;
    bool reset_after; /* linear_before_reset */
    bool couple;      /* input_forget */
    bool batch_first; /* layout 1 */
    float clip;       /* INFINITY: none */
    enum recurrent_activation activation;
    struct recurrent_direction direction[2];
};

/* The constant inputs as ONNX stores them; NULL where omitted. */
struct recurrent_weights {
    const float *w, *r, *bias, *peepholes;
};

/* Pack the weights into a layer whose other members are filled in. */
enum status recurrent_pack(struct recurrent_layer *layer, const struct recurrent_weights *weights,
                           bool backwards, struct arena *keep, struct error *err) must_check;

struct recurrent_run {
    const struct recurrent_layer *layer;
    size_t steps, batch;
    const float *x;
    const int32_t *lengths; /* (batch,), each at most `steps`; NULL: all are */
    const float *h0, *c0;   /* NULL: 0 */
    float *y, *y_h, *y_c;   /* y_h and y_c may be NULL */
    char *scratch;          /* recurrent_scratch() bytes */
};

size_t recurrent_scratch(const struct recurrent_layer *layer, size_t batch);
void recurrent_run(const struct recurrent_run *run, struct team *team);
