// SPDX-License-Identifier: Apache-2.0
/* Pipelines: steps one after the other, the last one decides which methods there are. */
#include "importers/sklearn/internal.h"

#include <string.h>

#include "base/text.h"

static const struct pickle_object *steps_of(const struct pickle_object *self)
{
    return pickle_get(self, "steps");
}

static const struct pickle_object *step_of(const struct pickle_object *self, size_t index)
{
    return pickle_item(pickle_item(steps_of(self), index), 1);
}

static bool is_passthrough(const struct pickle_object *step)
{
    return step && (pickle_is_none(step) || pickle_text_is(step, "passthrough"));
}

static const char *step_role(struct lowering *l, const struct pickle_object *self, size_t index)
{
    const struct pickle_object *name = pickle_item(pickle_item(steps_of(self), index), 0);
    char quoted[TEXT_QUOTE_SIZE];

    if (!name || name->kind != PICKLE_TEXT)
        return arena_printf(l->keep, "step %zu", index);
    return arena_printf(l->keep, "step '%s'", text_quote(name->bytes, quoted, sizeof quoted));
}

static enum status run_steps(struct lowering *l, const struct pickle_object *self,
                             enum method method, const struct table *in, struct table *out,
                             struct error *err)
{
    size_t count = pickle_length(steps_of(self));
    struct table table = *in;

    if (count == 0)
        return state_error(err, "steps", "is empty or no list");
    for (size_t i = 0; i < count; i++) {
        const struct pickle_object *step = step_of(self, i);
        const char *role = step_role(l, self, i);
        struct table next;

        if (!role)
            return error_no_memory(err, "the model's steps");
        if (is_passthrough(step) && (i + 1 < count || method == METHOD_TRANSFORM))
            continue;
        TRY(estimator_lower(l, role, step, i + 1 < count ? METHOD_TRANSFORM : method, &table, &next,
                            err));
        table = next;
    }
    *out = table;
    return STATUS_OK;
}

#define METHOD(name, method)                                                                       \
    static enum status name(struct lowering *l, const struct pickle_object *self,                  \
                            const struct table *in, struct table *out, struct error *err)          \
    {                                                                                              \
        return run_steps(l, self, method, in, out, err);                                           \
    }
METHOD(predict, METHOD_PREDICT)
METHOD(predict_proba, METHOD_PREDICT_PROBA)
METHOD(decision_function, METHOD_DECISION_FUNCTION)
METHOD(transform, METHOD_TRANSFORM)
METHOD(score_samples, METHOD_SCORE_SAMPLES)
#undef METHOD

/* What the last step has. Of a class that firn does not know, transform is supposed: lowering then
 * says which class it is. */
static bool has(const struct pickle_object *self, enum method method)
{
    size_t count = pickle_length(steps_of(self));
    const struct pickle_object *last = count ? step_of(self, count - 1) : NULL;

    if (method == METHOD_TRANSFORM && last &&
        (is_passthrough(last) || (!estimator_find(last) && !estimator_has(last, METHOD_PREDICT))))
        return true;
    return estimator_has(last, method);
}

static const struct pickle_object *first(const struct pickle_object *self)
{
    size_t count = pickle_length(steps_of(self));

    for (size_t i = 0; i < count; i++)
        if (!is_passthrough(step_of(self, i)))
            return step_of(self, i);
    return NULL;
}

#define PIPELINE                                                                                   \
    .predict = predict, .predict_proba = predict_proba, .decision_function = decision_function,    \
    .transform = transform, .score_samples = score_samples, .has = has, .first = first

const struct estimator_set estimators_pipeline = ESTIMATOR_SET(
    {.name = "Pipeline", PIPELINE}, {.name = "PMMLPipeline", .package = "sklearn2pmml", PIPELINE},
    {.name = "Pipeline", .package = "imblearn", PIPELINE},
    {.name = "DebugPipeline", .package = "sklego", PIPELINE},
    {.name = "TransformerPipeline", .package = "sklearn_pandas", PIPELINE});
