// SPDX-License-Identifier: Apache-2.0
/* Metrics: a version that watches another. A client left it with the manager (kept.h), or the
 * manifest of the version that is watched declares it under `monitoring`: then its id is negative,
 * and it goes with that version. */
#pragma once

#include "server/hydrosphere/view.h"

struct hydrosphere_metric {
    int64_t id;
    const char *name;
    int64_t version; /* that is watched */
    int64_t by;      /* that watches; 0: it is not there */
    double threshold;
    int comparison; /* as messages have it: Eq, NotEq, Greater, Less, GreaterEq, LessEq */
};

/* "LessEq" of itself or of "<=", which hs 3.0 sends untranslated. */
bool metric_comparison(struct bytes text, int *comparison);

/* Those that the manifest of a version declares. */
enum status metrics_declared(const struct model_table *table, const struct version *row,
                             struct hydrosphere_metric **metrics, size_t *count,
                             struct arena *arena, struct error *err) must_check;
/* Is it the id of a declared one? Then of that version. */
bool metric_is_declared(int64_t id, int64_t *version);

/* What a client left: a record's body. */
enum status metric_of_record(int64_t id, const char *body, struct hydrosphere_metric *metric,
                             struct arena *arena, struct error *err) must_check;
/* The body of such a record: members without braces, since a view puts the id before them. */
void metric_record(const struct hydrosphere_metric *metric, struct text *text);

/* {"id", "name", "modelVersionId", "config": {"modelVersionId", "threshold",
 * "thresholdCmpOperator": {"kind"}, "servable"}}. The servable is that of the version that watches,
 * or null while none runs. */
enum status metric_view(const struct view *view, const struct hydrosphere_metric *metric,
                        struct error *err) must_check;
