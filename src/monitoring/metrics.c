// SPDX-License-Identifier: Apache-2.0
#include "monitoring/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

const struct metric_row METRICS[METRIC_COUNT] = {
#define METRIC(name, kind, unit, labels, help) {#name, #unit, labels, help, METRIC_##kind},
#include "monitoring/metrics.def"
#undef METRIC
};

enum { SERIES_MAX = 10000 };

/* Upper bounds of the buckets; the last is +Inf. */
static const uint64_t BOUNDS_NS[METRIC_BUCKETS - 1] = {
    10000,     25000,      50000,      100000,     250000,      500000,    1000000,
    2500000,   5000000,    10000000,   25000000,   50000000,    100000000, 250000000,
    500000000, 1000000000, 2500000000, 5000000000, 10000000000,
};

struct series {
    struct series *next;
    char *labels[METRIC_LABELS_MAX]; /* owned */
    _Atomic uint64_t value;          /* counter, gauge; histogram: sum in ns */
    _Atomic uint64_t *buckets;       /* (METRIC_BUCKETS,), histograms only; not cumulative */
};

struct metrics {
    pthread_mutex_t lock; /* of the lists; values need none */
    struct series *series[METRIC_COUNT];
    size_t counts[METRIC_COUNT];
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics)
        pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

static void series_free(struct series *series)
{
    if (!series)
        return;
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
        free(series->labels[i]);
    free(series->buckets);
    free(series);
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t id = 0; id < METRIC_COUNT; id++)
        while (metrics->series[id]) {
            struct series *next = metrics->series[id]->next;
            series_free(metrics->series[id]);
            metrics->series[id] = next;
        }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static size_t label_count(enum metric_id id)
{
    const char *p = METRICS[id].labels;
    size_t count = *p != 0;

    for (; *p; p++)
        count += *p == ',';
    return count;
}

static bool series_matches(const struct series *series, const char *const *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(series->labels[i], labels[i]) != 0)
            return false;
    return true;
}

static struct series *series_new(enum metric_id id, const char *const *labels, size_t count)
{
    struct series *series = calloc(1, sizeof *series);

    if (!series)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        series->labels[i] = strdup(labels[i]);
        if (!series->labels[i])
            goto failed;
    }
    if (METRICS[id].kind == METRIC_HISTOGRAM) {
        series->buckets = calloc(METRIC_BUCKETS, sizeof *series->buckets);
        if (!series->buckets)
            goto failed;
    }
    return series;
failed:
    series_free(series);
    return NULL;
}

struct series *metrics_series(struct metrics *metrics, enum metric_id id, const char *const *labels)
{
    size_t count = label_count(id);
    struct series *series, **end;

    if (!metrics)
        return NULL;
    pthread_mutex_lock(&metrics->lock);
    end = &metrics->series[id];
    for (series = *end; series && !series_matches(series, labels, count); series = *end)
        end = &series->next;
    if (!series && metrics->counts[id] < SERIES_MAX) {
        series = series_new(id, labels, count);
        if (series) {
            *end = series;
            metrics->counts[id]++;
        }
    }
    pthread_mutex_unlock(&metrics->lock);
    return series;
}

void metrics_drop(struct metrics *metrics, enum metric_id id, const char *const *labels,
                  size_t count)
{
    struct series **link;

    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->lock);
    for (link = &metrics->series[id]; *link;) {
        struct series *series = *link;

        if (!series_matches(series, labels, count)) {
            link = &series->next;
            continue;
        }
        *link = series->next;
        metrics->counts[id]--;
        series_free(series);
    }
    pthread_mutex_unlock(&metrics->lock);
}

void series_add(struct series *series, uint64_t count)
{
    if (series)
        atomic_fetch_add_explicit(&series->value, count, memory_order_relaxed);
}

void series_change(struct series *series, int64_t by)
{
    series_add(series, (uint64_t)by);
}

void series_set(struct series *series, int64_t value)
{
    if (series)
        atomic_store_explicit(&series->value, (uint64_t)value, memory_order_relaxed);
}

void series_observe(struct series *series, uint64_t nanoseconds)
{
    size_t bucket = 0;

    if (!series)
        return;
    while (bucket < METRIC_BUCKETS - 1 && nanoseconds > BOUNDS_NS[bucket])
        bucket++;
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->value, nanoseconds, memory_order_relaxed);
}

uint64_t series_value(const struct series *series)
{
    return series ? atomic_load_explicit(&series->value, memory_order_relaxed) : 0;
}

/* --- Prometheus text --- */

static void print_label_value(struct text *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            text_append_char(text, '\\');
        if (*value == '\n')
            text_append(text, "\\n");
        else
            text_append_char(text, *value);
    }
}

/* {model="iris",version="1",le="0.1"}; nothing when there is no label. `bound` may be NULL. */
static void print_labels(struct text *text, const struct series *series, const char *names,
                         const char *bound)
{
    size_t index = 0;

    if (!*names && !bound)
        return;
    text_append_char(text, '{');
    while (*names) {
        size_t size = strcspn(names, ",");

        text_append_bytes(text, (struct bytes){(const uint8_t *)names, size});
        text_append(text, "=\"");
        print_label_value(text, series->labels[index++]);
        text_append_char(text, '"');
        names += size;
        if (*names)
            names++;
        if (*names || bound)
            text_append_char(text, ',');
    }
    if (bound)
        text_printf(text, "le=\"%s\"", bound);
    text_append_char(text, '}');
}

static void print_histogram(struct text *text, const struct metric_row *row,
                            const struct series *series)
{
    uint64_t count = 0, sum = series_value(series);

    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        char bound[32] = "+Inf";

        if (i < METRIC_BUCKETS - 1)
            snprintf(bound, sizeof bound, "%g", (double)BOUNDS_NS[i] / 1e9);
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        text_printf(text, "firn_%s_bucket", row->name);
        print_labels(text, series, row->labels, bound);
        text_printf(text, " %llu\n", (unsigned long long)count);
    }
    text_printf(text, "firn_%s_sum", row->name);
    print_labels(text, series, row->labels, NULL);
    text_printf(text, " %llu.%09llu\n", (unsigned long long)(sum / 1000000000),
                (unsigned long long)(sum % 1000000000));
    text_printf(text, "firn_%s_count", row->name);
    print_labels(text, series, row->labels, NULL);
    text_printf(text, " %llu\n", (unsigned long long)count);
}

static void print_series(struct text *text, const struct metric_row *row,
                         const struct series *series)
{
    if (row->kind == METRIC_HISTOGRAM) {
        print_histogram(text, row, series);
        return;
    }
    text_printf(text, "firn_%s", row->name);
    print_labels(text, series, row->labels, NULL);
    if (row->kind == METRIC_GAUGE)
        text_printf(text, " %lld\n", (long long)series_value(series));
    else
        text_printf(text, " %llu\n", (unsigned long long)series_value(series));
}

void metrics_print(struct metrics *metrics, struct text *text)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    pthread_mutex_lock(&metrics->lock);
    for (size_t id = 0; id < METRIC_COUNT; id++) {
        const struct metric_row *row = &METRICS[id];

        if (!metrics->series[id])
            continue;
        text_printf(text, "# HELP firn_%s %s\n# TYPE firn_%s %s\n", row->name, row->help, row->name,
                    kinds[row->kind]);
        for (const struct series *series = metrics->series[id]; series; series = series->next)
            print_series(text, row, series);
    }
    pthread_mutex_unlock(&metrics->lock);
}
