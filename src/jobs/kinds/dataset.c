// SPDX-License-Identifier: Apache-2.0
/* A virtual data set: a function stored as one, whose result is the data:
 * {"dataset": "sales", "arguments": {"kwargs": {...}}}. */
#include "jobs/internal.h"

static enum status check(struct jobs *jobs, const struct json *request, const char **name,
                         struct arena *keep, struct error *err)
{
    return script_check(jobs, "dataset", request, "dataset", name, keep, err);
}

static enum status prepare(struct attempt *attempt, const char *work, struct job_plan *plan,
                           struct error *err)
{
    return script_prepare(attempt, "dataset", work, plan, err);
}

const struct job_kind job_kind_dataset = {
    .name = "dataset",
    .summary = "a virtual data set: the result of its function",
    .check = check,
    .prepare = prepare,
};
