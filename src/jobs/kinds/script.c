// SPDX-License-Identifier: Apache-2.0
/* A stored function: {"script": "train", "arguments": {"args": [...], "kwargs": {...}}}. What it
 * returns is the result; models that it puts become versions. */
#include "jobs/internal.h"

static enum status check(struct jobs *jobs, const struct json *request, const char **name,
                         struct arena *keep, struct error *err)
{
    return script_check(jobs, "script", request, "script", name, keep, err);
}

static enum status prepare(struct attempt *attempt, const char *work, struct job_plan *plan,
                           struct error *err)
{
    return script_prepare(attempt, "script", work, plan, err);
}

const struct job_kind job_kind_script = {
    .name = "script",
    .summary = "a stored function, which may put models",
    .check = check,
    .prepare = prepare,
};
