// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/nearest.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct nearest nearest_of(const struct attributes *attributes, const struct shape *data)
{
    return (struct nearest){
        .width = data->rank == 2 ? (size_t)data->dims[0] : 0,
        .rows = data->rank == 2 ? (size_t)data->dims[1] : 0,
        .metric = attribute_int(attributes, "metric", 0),
        .power = attribute_float(attributes, "power", 2),
        .rounded = attribute_int(attributes, "rounded", 0) != 0,
    };
}

bool nearest_is_valid(const struct nearest *search)
{
    return search->metric >= 0 && search->metric < METRIC_COUNT && search->power >= 1 &&
           isfinite(search->power);
}

void nearest_measure(struct nearest *search, const double *data)
{
    search->data = data;
    search->largest = 0;
    for (size_t j = 0; search->rounded && j < search->rows; j++) {
        double norm = 0;

        for (size_t f = 0; f < search->width; f++)
            norm += data[f * search->rows + j] * data[f * search->rows + j];
        search->largest = fmax(search->largest, norm);
    }
}

void nearest_distances(const struct nearest *search, const double *restrict x, double *restrict out)
{
    size_t rows = search->rows;

    memset(out, 0, rows * sizeof *out);
    for (size_t f = 0; f < search->width; f++) {
        const double *restrict column = search->data + f * rows;
        double value = x[f];

        if (search->metric == METRIC_EUCLIDEAN)
            for (size_t j = 0; j < rows; j++)
                out[j] += (value - column[j]) * (value - column[j]);
        else if (search->metric == METRIC_MANHATTAN)
            for (size_t j = 0; j < rows; j++)
                out[j] += fabs(value - column[j]);
        else if (search->metric == METRIC_CHEBYSHEV)
            for (size_t j = 0; j < rows; j++)
                out[j] = fmax(out[j], fabs(value - column[j]));
        else
            for (size_t j = 0; j < rows; j++)
                out[j] += pow(fabs(value - column[j]), search->power);
    }
}

double nearest_true(const struct nearest *search, double reduced)
{
    if (search->metric == METRIC_EUCLIDEAN)
        return sqrt(reduced);
    return search->metric == METRIC_MINKOWSKI ? pow(reduced, 1 / search->power) : reduced;
}

double nearest_reduced(const struct nearest *search, double distance)
{
    if (search->metric == METRIC_EUCLIDEAN)
        return distance * distance;
    return search->metric == METRIC_MINKOWSKI ? pow(distance, search->power) : distance;
}

/* A heap of the k smallest so far, the largest on top. */
double nearest_kth(const double *values, size_t count, size_t k, double *heap)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at;
        double value = values[i];

        if (size < k) {
            for (at = size++; at && heap[(at - 1) / 2] < value; at = (at - 1) / 2)
                heap[at] = heap[(at - 1) / 2];
            heap[at] = value;
            continue;
        }
        if (!(value < heap[0]))
            continue;
        for (at = 0;;) {
            size_t child = 2 * at + 1;
            if (child + 1 < k && heap[child + 1] > heap[child])
                child++;
            if (child >= k || heap[child] <= value)
                break;
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = value;
    }
    return heap[0];
}

double nearest_slack(const struct nearest *search, const double *x, double border)
{
    double terms = 4.0 * (double)(search->width + 8) * DBL_EPSILON, norm = search->largest;

    for (size_t f = 0; search->rounded && f < search->width; f++)
        norm += x[f] * x[f];
    return terms * (search->rounded ? fmax(border, norm) : border);
}
