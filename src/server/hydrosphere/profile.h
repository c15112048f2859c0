// SPDX-License-Identifier: Apache-2.0
/* Profile of a column of training data: what Hydrosphere's Sonar says of numbers, computed exactly
 * where it estimated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { PROFILE_BARS_MAX = 40 };

/* What is not defined (of no values, of one, of equal ones, too large) is NaN or infinite. */
struct profile_numbers {
    size_t count, missing, distinct; /* count: with those missing */
    double min, max, mean;
    double percentile5, q1, median, q3, percentile95; /* between values: linear */
    double variance, deviation;                       /* of a sample: n - 1 */
    double variation;                                 /* deviation / mean, in percent */
    double skewness;                                  /* Pearson's second: 3 (mean - median) / s */
    double kurtosis;                                  /* m4 / m2^2 - 3 of central moments */
    size_t bars;                                      /* 0 without values */
    double step;                                      /* width of each; 0: all values are equal */
    size_t frequencies[PROFILE_BARS_MAX];
};

/* Of `count` rows whose `present` numbers, all finite, are `values`; they are sorted in place. Bars
 * are as wide as Freedman and Diaconis say (Sturges, where the middle half is one value). */
void profile_compute(double *values, size_t present, size_t count, struct profile_numbers *profile);

/* {"name", "modelVersionId", "commonStatistics", "quantileStatistics", "descriptiveStatistics",
 * "histogram", "kind": "NumericalProfile"}; what is not defined is null. */
void profile_print(const struct profile_numbers *profile, const char *name, long long version,
                   struct text *text);
