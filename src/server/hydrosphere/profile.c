// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/profile.h"

#include <math.h>
#include <stdlib.h>

#include "formats/json/json.h"

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of sorted values. */
static double quantile(const double *values, size_t count, double part)
{
    const double at = part * (double)(count - 1);
    const size_t below = (size_t)at, above = below + 1 < count ? below + 1 : below;
    const double weight = at - (double)below;

    return values[below] * (1 - weight) + values[above] * weight;
}

static void moments_compute(const double *values, size_t count, struct profile_numbers *profile)
{
    const long double n = (long double)count;
    long double sum = 0, second = 0, fourth = 0, mean;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    mean = sum / n;
    for (size_t i = 0; i < count; i++) {
        const long double square = (values[i] - mean) * (values[i] - mean);

        second += square;
        fourth += square * square;
    }
    profile->mean = (double)mean;
    profile->variance = count > 1 ? (double)(second / (n - 1)) : NAN;
    profile->deviation = count > 1 ? (double)sqrtl(second / (n - 1)) : NAN;
    profile->variation = mean != 0 ? profile->deviation / profile->mean * 100 : NAN;
    profile->kurtosis = second > 0 ? (double)(fourth * n / (second * second) - 3) : NAN;
    profile->skewness =
        profile->deviation > 0 ? 3 * (profile->mean - profile->median) / profile->deviation : NAN;
}

static size_t bars_choose(size_t count, const struct profile_numbers *profile)
{
    const double middle = profile->q3 - profile->q1;
    const double width = 2 * middle / cbrt((double)count);
    double bars;

    if (!(profile->max > profile->min))
        return 1;
    bars = width > 0 ? ceil((profile->max - profile->min) / width) : ceil(log2((double)count)) + 1;
    return bars < PROFILE_BARS_MAX ? (size_t)fmax(bars, 1) : PROFILE_BARS_MAX;
}

static double bar_begin(const struct profile_numbers *profile, size_t bar)
{
    const double part = (double)bar / (double)profile->bars;

    return isfinite(profile->max - profile->min)
               ? profile->min + (double)bar * profile->step
               : profile->min * (1 - part) + profile->max * part; /* nothing is too large */
}

static void histogram_compute(const double *values, size_t count, struct profile_numbers *profile)
{
    const double bars = (double)bars_choose(count, profile);
    size_t bar = 0;

    /* divided first: their difference may be more than there are numbers for */
    profile->step = profile->max / bars - profile->min / bars;
    profile->bars = profile->step > 0 ? (size_t)bars : 1;
    for (size_t i = 0; i < count; i++) {
        while (bar + 1 < profile->bars && values[i] >= bar_begin(profile, bar + 1))
            bar++;
        profile->frequencies[bar]++;
    }
}

void profile_compute(double *values, size_t present, size_t count, struct profile_numbers *profile)
{
    *profile = (struct profile_numbers){.count = count, .missing = count - present};
    if (!present) {
        profile->min = profile->max = profile->mean = profile->percentile5 = profile->q1 =
            profile->median = profile->q3 = profile->percentile95 = profile->variance =
                profile->deviation = profile->variation = profile->skewness = profile->kurtosis =
                    profile->step = NAN;
        return;
    }
    qsort(values, present, sizeof *values, by_value);
    for (size_t i = 0; i < present; i++)
        profile->distinct += i == 0 || values[i] != values[i - 1];
    profile->min = values[0];
    profile->max = values[present - 1];
    profile->percentile5 = quantile(values, present, 0.05);
    profile->q1 = quantile(values, present, 0.25);
    profile->median = quantile(values, present, 0.5);
    profile->q3 = quantile(values, present, 0.75);
    profile->percentile95 = quantile(values, present, 0.95);
    moments_compute(values, present, profile);
    histogram_compute(values, present, profile);
}

/* --- as JSON --- */

static void print_number(struct text *text, const char *key, double value, const char *after)
{
    json_write_key(text, key);
    if (isfinite(value))
        json_write_f64(text, value);
    else
        text_append(text, "null");
    text_append(text, after);
}

static void print_histogram(const struct profile_numbers *profile, struct text *text)
{
    text_append(text, "\"histogram\":{");
    print_number(text, "min", profile->min, ",");
    print_number(text, "max", profile->max, ",");
    print_number(text, "step", profile->step, ",");
    text_printf(text, "\"bars\":%zu,\"frequencies\":[", profile->bars);
    for (size_t i = 0; i < profile->bars; i++)
        text_printf(text, "%s%zu", i ? "," : "", profile->frequencies[i]);
    text_append(text, "],\"bins\":[");
    for (size_t i = 0; i < profile->bars; i++) {
        text_append(text, i ? "," : "");
        json_write_f64(text, bar_begin(profile, i));
    }
    text_append(text, "]}");
}

void profile_print(const struct profile_numbers *profile, const char *name, long long version,
                   struct text *text)
{
    text_append(text, "{\"name\":");
    json_write_text(text, name);
    text_printf(text,
                ",\"modelVersionId\":%lld,\"commonStatistics\":{\"count\":%zu,"
                "\"distinctCount\":%zu,\"missing\":%zu},\"quantileStatistics\":{",
                version, profile->count, profile->distinct, profile->missing);
    print_number(text, "min", profile->min, ",");
    print_number(text, "max", profile->max, ",");
    print_number(text, "median", profile->median, ",");
    print_number(text, "percentile5", profile->percentile5, ",");
    print_number(text, "percentile95", profile->percentile95, ",");
    print_number(text, "q1", profile->q1, ",");
    print_number(text, "q3", profile->q3, ",");
    print_number(text, "range", profile->max - profile->min, ",");
    print_number(text, "interquartileRange", profile->q3 - profile->q1,
                 "},\"descriptiveStatistics\":{");
    print_number(text, "standardDeviation", profile->deviation, ",");
    print_number(text, "variationCoef", profile->variation, ",");
    print_number(text, "kurtosis", profile->kurtosis, ",");
    print_number(text, "mean", profile->mean, ",");
    print_number(text, "skewness", profile->skewness, ",");
    print_number(text, "variance", profile->variance, "},");
    print_histogram(profile, text);
    text_append(text, ",\"kind\":\"NumericalProfile\"}");
}
