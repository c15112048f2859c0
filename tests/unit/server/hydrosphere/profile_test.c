// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/profile.h"

#include <float.h>
#include <math.h>

#include "test.h"

static bool close_to(double got, double want)
{
    return fabs(got - want) <= 1e-12 * fmax(1, fabs(want));
}

/* Against numpy 1.26 and scipy.stats.kurtosis. */
TEST(profile_of_numbers)
{
    double values[] = {4, 1, 2, 2, 9, 3, 7};
    struct profile_numbers profile;
    size_t sum = 0;

    profile_compute(values, 7, 10, &profile);
    CHECK_INT(profile.count, 10);
    CHECK_INT(profile.missing, 3);
    CHECK_INT(profile.distinct, 6);
    CHECK(profile.min == 1 && profile.max == 9 && profile.median == 3);
    CHECK(close_to(profile.percentile5, 1.3));
    CHECK(close_to(profile.q1, 2) && close_to(profile.q3, 5.5));
    CHECK(close_to(profile.percentile95, 8.4));
    CHECK(close_to(profile.mean, 4));
    CHECK(close_to(profile.variance, 52.0 / 6));
    CHECK(close_to(profile.deviation, sqrt(52.0 / 6)));
    CHECK(close_to(profile.variation, 100 * sqrt(52.0 / 6) / 4));
    CHECK(close_to(profile.skewness, 3 / sqrt(52.0 / 6)));
    CHECK(close_to(profile.kurtosis, 7 * 820.0 / (52 * 52) - 3));
    /* 2 * 3.5 / 7^(1/3) = 3.66 wide: 3 bars, of [1, 3.67), [3.67, 6.33), [6.33, 9] */
    CHECK_INT(profile.bars, 3);
    CHECK(close_to(profile.step, 8.0 / 3));
    CHECK_INT(profile.frequencies[0], 4);
    CHECK_INT(profile.frequencies[1], 1);
    CHECK_INT(profile.frequencies[2], 2);
    for (size_t i = 0; i < profile.bars; i++)
        sum += profile.frequencies[i];
    CHECK_INT(sum, 7);
}

TEST(profile_of_few_or_equal_numbers)
{
    double one[] = {5}, equal[] = {2, 2, 2};
    struct profile_numbers profile;
    struct text text = {0};

    profile_compute(one, 1, 1, &profile);
    CHECK(profile.median == 5 && profile.mean == 5 && isnan(profile.variance));
    CHECK_INT(profile.bars, 1);
    CHECK_INT(profile.frequencies[0], 1);
    profile_compute(equal, 3, 3, &profile);
    CHECK(profile.variance == 0 && profile.variation == 0);
    CHECK(isnan(profile.skewness) && isnan(profile.kurtosis));
    CHECK_INT(profile.distinct, 1);
    CHECK_INT(profile.frequencies[0], 3);
    profile_compute(NULL, 0, 4, &profile);
    CHECK_INT(profile.missing, 4);
    CHECK_INT(profile.bars, 0);
    profile_print(&profile, "x_0", 7, &text);
    CHECK_TEXT(
        text.data,
        "{\"name\":\"x_0\",\"modelVersionId\":7,\"commonStatistics\":{\"count\":4,"
        "\"distinctCount\":0,\"missing\":4},\"quantileStatistics\":{\"min\":null,"
        "\"max\":null,\"median\":null,\"percentile5\":null,\"percentile95\":null,\"q1\":null,"
        "\"q3\":null,\"range\":null,\"interquartileRange\":null},\"descriptiveStatistics\":{"
        "\"standardDeviation\":null,\"variationCoef\":null,\"kurtosis\":null,\"mean\":null,"
        "\"skewness\":null,\"variance\":null},\"histogram\":{\"min\":null,\"max\":null,"
        "\"step\":null,\"bars\":0,\"frequencies\":[],\"bins\":[]},"
        "\"kind\":\"NumericalProfile\"}");
    text_release(&text);
}

/* What is too large for a number is null, and every value is in a bar. */
TEST(profile_of_extremes)
{
    double far[] = {-DBL_MAX, DBL_MAX, 0}, near[] = {0, 5e-324}, zero[] = {-0.0, 0.0};
    struct profile_numbers profile;
    struct text text = {0};
    size_t sum = 0;

    profile_compute(far, 3, 3, &profile);
    CHECK(profile.min == -DBL_MAX && profile.max == DBL_MAX && profile.median == 0);
    CHECK(isinf(profile.variance));
    for (size_t i = 0; i < profile.bars; i++)
        sum += profile.frequencies[i];
    CHECK_INT(sum, 3);
    profile_print(&profile, "x", 1, &text);
    CHECK(strstr(text.data, "\"range\":null") && !strstr(text.data, "Infinity"));
    text_release(&text);
    profile_compute(near, 2, 2, &profile);
    for (size_t i = sum = 0; i < profile.bars; i++)
        sum += profile.frequencies[i];
    CHECK_INT(sum, 2);
    profile_compute(zero, 2, 2, &profile);
    CHECK_INT(profile.distinct, 1);
}
