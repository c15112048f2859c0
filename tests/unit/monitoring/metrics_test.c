// SPDX-License-Identifier: Apache-2.0
#include "monitoring/metrics.h"

#include "base/text.h"

#include "test.h"

TEST(metrics_as_text)
{
    struct metrics *metrics = metrics_new();
    const char *ok[] = {"iris \"x\"\\\n", "1", "ok"}, *time[] = {"iris", "1"};
    struct text text = {0};
    struct series *seconds;

    series_add(metrics_series(metrics, METRIC_predictions_total, ok), 3);
    series_change(metrics_series(metrics, METRIC_connections, NULL), 5);
    series_change(metrics_series(metrics, METRIC_connections, NULL), -7);
    seconds = metrics_series(metrics, METRIC_predict_seconds, time);
    series_observe(seconds, 10000); /* a bound belongs to its bucket */
    series_observe(seconds, 10001);
    series_observe(seconds, 90000000000);
    metrics_print(metrics, &text);
    CHECK(strstr(text.data, "# TYPE firn_predictions_total counter\n"
                            "firn_predictions_total{model=\"iris \\\"x\\\"\\\\\\n\",version=\"1\","
                            "result=\"ok\"} 3\n"));
    CHECK(strstr(text.data, "# TYPE firn_connections gauge\nfirn_connections -2\n"));
    CHECK(strstr(text.data,
                 "firn_predict_seconds_bucket{model=\"iris\",version=\"1\",le=\"1e-05\"} 1\n"));
    CHECK(strstr(text.data,
                 "firn_predict_seconds_bucket{model=\"iris\",version=\"1\",le=\"10\"} 2\n"));
    CHECK(strstr(text.data,
                 "firn_predict_seconds_bucket{model=\"iris\",version=\"1\",le=\"+Inf\"} 3\n"
                 "firn_predict_seconds_sum{model=\"iris\",version=\"1\"} 90.000020001\n"
                 "firn_predict_seconds_count{model=\"iris\",version=\"1\"} 3\n"));
    CHECK(!strstr(text.data, "firn_queue_length"));
    text_release(&text);
    metrics_free(metrics);
}

TEST(metrics_series_are_found_again_and_dropped)
{
    struct metrics *metrics = metrics_new();
    const char *a[] = {"m", "1", "ok"}, *b[] = {"m", "1", "bad"}, *c[] = {"m", "2", "ok"};
    struct text text = {0};

    series_add(metrics_series(metrics, METRIC_predictions_total, a), 1);
    series_add(metrics_series(metrics, METRIC_predictions_total, b), 1);
    series_add(metrics_series(metrics, METRIC_predictions_total, c), 1);
    series_add(metrics_series(metrics, METRIC_predictions_total, a), 1);
    CHECK_INT(series_value(metrics_series(metrics, METRIC_predictions_total, a)), 2);
    metrics_drop(metrics, METRIC_predictions_total, a, 2);
    metrics_print(metrics, &text);
    CHECK(!strstr(text.data, "version=\"1\""));
    CHECK(strstr(text.data, "version=\"2\""));
    text_release(&text);
    metrics_free(metrics);
}

/* Labels come from outside: their number has an end, and who gets no series may use it all the
 * same.
 */
TEST(metrics_do_not_grow_for_ever)
{
    struct metrics *metrics = metrics_new();
    char text[16];
    const char *label[] = {text};
    int made = 0;

    for (int i = 0; i < 10010; i++) {
        snprintf(text, sizeof text, "%d", i);
        made += metrics_series(metrics, METRIC_shed_total, label) != NULL;
    }
    CHECK_INT(made, 10000);
    series_add(NULL, 1);
    series_observe(NULL, 1);
    CHECK_INT(series_value(NULL), 0);
    metrics_free(metrics);
}
