// SPDX-License-Identifier: Apache-2.0
/* Activations named by strings: those of the recurrent operators. */
#pragma once

#include "ops/kernels/call.h"

struct activation {
    int kind; /* private */
    double alpha, beta;
};

/* Number `index` of the attribute `activations`, which has none or `total`, with its share of
 * activation_alpha and activation_beta. */
enum status activation_read(const struct op_call *call, size_t index, size_t total,
                            const char *otherwise, struct activation *activation, struct error *err)
    must_check;
double activation_apply(const struct activation *activation, double x);
