// SPDX-License-Identifier: Apache-2.0
/* Probabilities of classes from the scores of all pairs of them, as libsvm has them. */
#pragma once

#include <stddef.h>

/* Scores of the pairs (0,1) (0,2) .. (1,2) .. -> p (classes,). A pair's probability is
 * 1 / (1 + exp(a score + b)); `room` holds coupling_room(classes) doubles. */
void coupling_probabilities(size_t classes, const double *scores, const double *a, const double *b,
                            double *p, double *room);
size_t coupling_room(size_t classes);
