// SPDX-License-Identifier: Apache-2.0
#include "importers/sklearn/internal.h"

#include <math.h>

/* Gauss and Jordan, with the largest of a column as pivot. */
enum status invert_matrix(struct lowering *l, size_t n, const double *matrix, double *inverse,
                          double *log_determinant, struct error *err)
{
    double *a;

    if (n > SOLVE_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "a matrix of %zu rows, more than %d", n,
                         SOLVE_MAX);
    a = arena_new(l->keep, double, n *n);
    if (!a)
        return error_no_memory(err, "a matrix");
    *log_determinant = 0;
    for (size_t i = 0; i < n * n; i++) {
        a[i] = matrix[i];
        inverse[i] = i / n == i % n;
    }
    for (size_t c = 0; c < n; c++) {
        size_t best = c;
        double pivot;

        for (size_t r = c; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[best * n + c]))
                best = r;
        pivot = a[best * n + c];
        if (!(fabs(pivot) > 0) || !isfinite(pivot))
            return error_set(err, STATUS_UNSUPPORTED, "a matrix that has no inverse");
        *log_determinant += log(fabs(pivot));
        for (size_t k = 0; k < n; k++) {
            double own = a[best * n + k], other = inverse[best * n + k];

            a[best * n + k] = a[c * n + k];
            inverse[best * n + k] = inverse[c * n + k];
            a[c * n + k] = own / pivot;
            inverse[c * n + k] = other / pivot;
        }
        for (size_t r = 0; r < n; r++) {
            double factor = a[r * n + c];

            if (r == c || factor == 0)
                continue;
            for (size_t k = 0; k < n; k++) {
                a[r * n + k] -= factor * a[c * n + k];
                inverse[r * n + k] -= factor * inverse[c * n + k];
            }
        }
    }
    return STATUS_OK;
}
