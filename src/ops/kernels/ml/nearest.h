// SPDX-License-Identifier: Apache-2.0
/* Distances of one row to all rows of a training set, and which of them count as the nearest.
 * Distances are reduced ones: sums of squares or powers, roots not taken. */
#pragma once

#include "ops/op.h"

enum { METRIC_EUCLIDEAN, METRIC_MANHATTAN, METRIC_CHEBYSHEV, METRIC_MINKOWSKI, METRIC_COUNT };

struct nearest {
    size_t width, rows;
    int64_t metric;
    double power;       /* of METRIC_MINKOWSKI */
    bool rounded;       /* the framework took distances from products (|x|^2 - 2 x y + |y|^2) */
    const double *data; /* (width, rows) */
    double largest;     /* |y|^2 of the training rows, where `rounded` */
};

/* The attributes metric, power and rounded; data (width, rows). */
struct nearest nearest_of(const struct attributes *attributes, const struct shape *data);
bool nearest_is_valid(const struct nearest *search);
void nearest_measure(struct nearest *search, const double *data); /* before the first row */

void nearest_distances(const struct nearest *search, const double *x, double *out);
double nearest_true(const struct nearest *search, double reduced);
double nearest_reduced(const struct nearest *search, double distance);

/* The k-th smallest of `count` >= k values; `heap` has room for k. */
double nearest_kth(const double *values, size_t count, size_t k, double *heap);

/* How far rounding may move a distance near `border`, in the framework or here: distances this near
 * each other may be ordered otherwise. */
double nearest_slack(const struct nearest *search, const double *x, double border);
