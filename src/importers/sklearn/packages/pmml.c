// SPDX-License-Identifier: Apache-2.0
/* Transformers of sklearn2pmml that are plain arithmetic or pass their input on. */
#include "importers/sklearn/internal.h"

#include <string.h>

/* Rows to one number: Aggregator, AggregateTransformer. */
static enum status aggregate(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    static const char *const FUNCTIONS[] = {"mean", "sum", "min",     "max",
                                            "prod", "avg", "product", NULL};
    static const char *const OPS[] = {"ReduceMean", "ReduceSum",  "ReduceMin", "ReduceMax",
                                      "ReduceProd", "ReduceMean", "ReduceProd"};
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id x, axes;
    size_t which;

    if (!pickle_get(self, "function"))
        return state_error(err, "function", "is missing");
    TRY(state_choice(self, "function", FUNCTIONS, 0, &which, err));
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_2(&l->e, OPS[which], x, axes, &x, err));
    return table_of_matrix(l, x, 1, out, err);
}

static enum status power(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    value_id x, exponent;
    double number;

    if (!pickle_to_f64(pickle_get(self, "power"), &number))
        return state_error(err, "power", "is no number");
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    TRY(emit_scalar(l, number, &exponent, err));
    TRY(emit_2(&l->e, "Pow", x, exponent, &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

/* DataFrameConstructor: names for the columns. */
static enum status name(struct lowering *l, const struct pickle_object *self,
                        const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *dtype = pickle_get(self, "dtype");
    struct pickle_object **names;
    struct column *columns;
    struct bytes text;
    size_t count;
    value_id x;

    if (!pickle_is_none(dtype) && strcmp(pickle_name(dtype), "float64") != 0 &&
        strcmp(pickle_name(dtype), "float") != 0)
        return state_error(err, "dtype", "other than float64");
    TRY(state_list(l, self, "columns", &names, &count, err));
    TRY(table_expect(in, count, err));
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    TRY(table_of_matrix(l, x, in->count, out, err));
    columns = (struct column *)out->columns;
    for (size_t i = 0; i < count; i++)
        if (pickle_to_text(names[i], &text, l->keep)) {
            columns[i].name = arena_text(l->keep, text);
            if (!columns[i].name)
                return error_no_memory(err, "a name");
        }
    return STATUS_OK;
}

static enum status slice(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    static const char *const ENDS[] = {"start", "stop", "step"};

    (void)l;
    for (int i = 0; i < 3; i++)
        if (!pickle_is_none(pickle_get(self, ENDS[i])))
            return state_error(err, ENDS[i], "is not None");
    *out = *in;
    return STATUS_OK;
}

#define PMML(class_name, function)                                                                 \
    {                                                                                              \
        .name = class_name, .package = "sklearn2pmml", .transform = function                       \
    }

const struct estimator_set estimators_pmml =
    ESTIMATOR_SET(PMML("Aggregator", aggregate), PMML("AggregateTransformer", aggregate),
                  PMML("PowerFunctionTransformer", power), PMML("DataFrameConstructor", name),
                  PMML("Slicer", slice), PMML("IdentityTransformer", estimator_identity));
