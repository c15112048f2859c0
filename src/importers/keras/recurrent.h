// SPDX-License-Identifier: Apache-2.0
/* One recurrent network of Keras as one operator (model/recurrent.c). */
#pragma once

#include "importers/keras/internal.h"

enum { STATES_MAX = 2 };

struct recurrent_kind {
    const char *op;
    int gates, order[4]; /* ONNX's gate i is Keras's order[i] */
    int states;
    const char *recurrent; /* the default of recurrent_activation; NULL: there is none */
    bool cudnn;            /* separate biases for input and state */
};

struct recurrent {
    struct call *c; /* whose config and weights are the cell's */
    const struct recurrent_kind *kind;
    int64_t units;
    bool backwards, sequences, reset_after;
    bool zeros;                   /* where a step does not count, rather than the last output */
    value_id x, mask;             /* (batch, steps, in), (batch, steps) or VALUE_NONE */
    value_id initial[STATES_MAX]; /* (batch, units) or VALUE_NONE */
    struct tensor w, r, b;        /* as ONNX has them */
};

/* y: (batch, steps, units) in the order in which it was computed, or (batch, units); `mask` is
 * turned too where the steps are. */
enum status recurrent_emit(struct recurrent *n, value_id *y, value_id *states, struct error *err)
    must_check;

/* Of a layer ("LSTM") or its cell ("LSTMCell"); or NULL. */
const struct recurrent_kind *recurrent_kind_find(struct bytes class_name);
