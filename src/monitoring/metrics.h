// SPDX-License-Identifier: Apache-2.0
/* Metrics: counters, gauges and histograms, one row each in metrics.def, printed as Prometheus text
 * (exposition format 0.0.4).
 *
 * A series (a metric with values for its labels) is made once and then updated by any thread
 * without a lock. */
#pragma once

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/error.h"

enum metric_id {
#define METRIC(name, kind, unit, labels, help) METRIC_##name,
#include "monitoring/metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS_MAX = 3, METRIC_BUCKETS = 20 };

struct metrics;
struct series;

struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *metrics);

/* The series for these label values (NULL when it has no labels), made when it is new; lives until
 * it is dropped. NULL: no memory, or too many series (10,000 a metric). All functions below accept
 * NULL and then do nothing. */
struct series *metrics_series(struct metrics *metrics, enum metric_id id,
                              const char *const *labels);

/* Forget all series of `id` whose first labels have these `count` values. Nobody may hold them. */
void metrics_drop(struct metrics *metrics, enum metric_id id, const char *const *labels,
                  size_t count);

void series_add(struct series *series, uint64_t count); /* counter */
void series_change(struct series *series, int64_t by);  /* gauge */
void series_set(struct series *series, int64_t value);
void series_observe(struct series *series, uint64_t nanoseconds); /* histogram */
uint64_t series_value(const struct series *series);               /* counter or gauge */

struct text;
void metrics_print(struct metrics *metrics, struct text *text);

/* The rows, for documents. */
struct metric_row {
    const char *name, *unit, *labels, *help;
    enum metric_kind kind;
};
extern const struct metric_row METRICS[METRIC_COUNT];
