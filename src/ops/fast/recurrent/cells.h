// SPDX-License-Identifier: Apache-2.0
/* One step of one item after the products, in one instruction set: what recurrent.c asks of
 * cells_ISA.c. `x` and `h` are the products with the inputs (and biases) and with the state, (gates
 * * n,) each. */
#pragma once

#include "ops/fast/recurrent/recurrent.h"

struct recurrent_kernels {
    void (*rnn)(const float *x, const float *h, enum recurrent_activation activation, float clip,
                float *state, size_t n);
    void (*lstm)(const float *x, const float *h, const float *peepholes, bool couple, float clip,
                 float *cell, float *state, size_t n);
    /* z and r over x, and r times the state, for a GRU that resets before its product */
    void (*gru_gates)(float *x, const float *h, float clip, const float *state, float *reset,
                      size_t n);
    /* `after`: z and r are not yet through their sigmoid, and the bias of h's candidate */
    void (*gru)(const float *x, const float *h, const float *after, float clip, float *state,
                size_t n);
    void (*gru_before)(const float *x, const float *candidate, float clip, float *state, size_t n);
};

extern const struct recurrent_kernels recurrent_portable, recurrent_avx2, recurrent_avx512;
