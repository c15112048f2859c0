// SPDX-License-Identifier: Apache-2.0
/* Normalisation of rows of floats, in vectors: LayerNormalization, RMSNormalization, Softmax,
 * LogSoftmax. A row lies in one piece; rows are shared among the team's threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct team;

struct normalization {
    const float *x; /* (rows, n) */
    float *y;       /* may be x */
    size_t rows, n;
    const float *scale, *bias; /* (n,); NULL: 1 and 0 */
    float epsilon;
    bool is_centred;       /* to mean 0 (layer); or not (RMS) */
    float *mean, *inverse; /* (rows,): the mean, 1 / deviation; NULL: not wanted */
};
void normalize_rows(const struct normalization *normalization, struct team *team);

/* y = softmax of x; y may be x. */
void softmax_rows(const float *x, float *y, size_t rows, size_t n, struct team *team);
void log_softmax_rows(const float *x, float *y, size_t rows, size_t n, struct team *team);

/* Lines of n elements that lie `inner` apart, `inner` of them beside each other, `outer` times. */
void softmax_lines(const float *x, float *y, size_t outer, size_t n, size_t inner,
                   struct team *team);

/* The largest of a row; NaNs do not count. -infinity for none. */
float row_max(const float *x, size_t n);
/* y = x times factor. */
void row_scale(const float *x, float factor, float *y, size_t n);
