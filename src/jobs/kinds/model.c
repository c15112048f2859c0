// SPDX-License-Identifier: Apache-2.0
/* A method of a stored model: {"model": "iris", "method": "fit", "arguments": {"x": ..., "y":
 * ...}}. fit and partial_fit make the model's next version ("into": of another model). */
#include <string.h>

#include "jobs/internal.h"

static const char *const METHODS[] = {"fit",       "partial_fit",       "score",
                                      "predict",   "predict_proba",     "predict_log_proba",
                                      "transform", "decision_function", "fit_transform"};

static enum status method_check(const struct json *request, struct error *err)
{
    struct bytes method;
    char quoted[TEXT_QUOTE_SIZE];

    if (!json_string(json_get(request, "method"), &method))
        return error_set(err, STATUS_INVALID_INPUT, "\"method\" says what the model shall do: fit");
    for (size_t i = 0; i < ARRAY_COUNT(METHODS); i++)
        if (bytes_is(method, METHODS[i]))
            return STATUS_OK;
    if (error_set(err, STATUS_INVALID_INPUT, "a job has no method \"%s\"",
                  text_quote(method, quoted, sizeof quoted)))
        error_fix(err, "fit, partial_fit, score, predict, predict_proba, predict_log_proba, "
                       "decision_function, transform or fit_transform");
    return err->status;
}

static enum status check(struct jobs *jobs, const struct json *request, const char **name,
                         struct arena *keep, struct error *err)
{
    struct version version;
    struct bytes reference;
    char *text;

    if (!json_string(json_get(request, "model"), &reference) ||
        !(text = arena_text(keep, reference)))
        return error_set(err, STATUS_INVALID_INPUT, "\"model\" is no name");
    TRY(method_check(request, err));
    TRY(registry_resolve(jobs->options.registry, text, &version, keep, err));
    *name = arena_printf(keep, "%s:%lld", version.model, (long long)version.number);
    return *name ? STATUS_OK : error_no_memory(err, "a job");
}

static enum status prepare(struct attempt *attempt, const char *work, struct job_plan *plan,
                           struct error *err)
{
    struct worker_policy policy = attempt_policy(attempt);
    const char *folder = arena_printf(&attempt->keep, "%s/model", work);
    struct worker_place place;
    struct version version;

    if (!folder)
        return error_no_memory(err, "a job");
    TRY(registry_resolve(attempt->jobs->options.registry, attempt->job.name, &version,
                         &attempt->keep, err));
    TRY(worker_lay_out(attempt->jobs->options.registry, &version, &policy, folder, &place,
                       &attempt->keep, err));
    if (!place.adapter) {
        if (error_set(err, STATUS_UNSUPPORTED, "no worker can open models of format %s",
                      version.format))
            error_fix(err, "train it with a script that makes the model and puts it");
        return err->status;
    }
    plan->environment = place.environment;
    plan->java = place.java;
    plan->target = version.model;
    plan->manifest = version.manifest;
    text_append(plan->settings, "\"adapter\":");
    json_write_text(plan->settings, place.adapter);
    text_append(plan->settings, ",\"format\":");
    json_write_text(plan->settings, version.format);
    text_printf(plan->settings, ",\"single\":%s,", place.single ? "true" : "false");
    return STATUS_OK;
}

const struct job_kind job_kind_model = {
    .name = "model",
    .summary = "a method of a stored model: fit, partial_fit, score ...",
    .check = check,
    .prepare = prepare,
};
