// SPDX-License-Identifier: Apache-2.0
/* Side by side: FeatureUnion, ColumnTransformer, and sklearn_pandas' DataFrameMapper. */
#include "importers/sklearn/internal.h"

#include "base/text.h"

static bool is_text(const struct pickle_object *object, const char *text)
{
    return object && pickle_text_is(object, text);
}

static const char *role_of(struct lowering *l, const struct pickle_object *name, size_t index)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (!name || name->kind != PICKLE_TEXT)
        return arena_printf(l->keep, "transformer %zu", index);
    return arena_printf(l->keep, "transformer '%s'",
                        text_quote(name->bytes, quoted, sizeof quoted));
}

/* Times the weight that `weights`, a dict or None, has for `name`. */
static enum status apply_weight(struct lowering *l, const struct pickle_object *weights,
                                const struct pickle_object *name, struct table *table,
                                struct error *err)
{
    const struct pickle_object *weight = NULL;
    double number;
    value_id x, factor;
    char *key;

    if (!pickle_is_none(weights) && name && name->kind == PICKLE_TEXT) {
        key = arena_text(l->keep, name->bytes);
        if (!key)
            return error_no_memory(err, "a name");
        weight = pickle_get(weights, key);
    }
    if (pickle_is_none(weight) || table->count == 0)
        return STATUS_OK;
    if (!pickle_to_f64(weight, &number))
        return state_error(err, "transformer_weights", "holds something that is no number");
    TRY(table_matrix(l, table, CHECK_NONE, &x, err));
    TRY(emit_scalar(l, number, &factor, err));
    TRY(emit_2(&l->e, "Mul", x, factor, &x, err));
    return table_of_matrix(l, x, table->count, table, err);
}

/* --- FeatureUnion --- */

static enum status unite(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *weights = pickle_get(self, "transformer_weights");
    struct pickle_object **items;
    struct table *parts;
    size_t count, used = 0;

    TRY(state_list(l, self, "transformer_list", &items, &count, err));
    parts = arena_new(l->keep, struct table, count);
    if (!parts)
        return error_no_memory(err, "tables");
    for (size_t i = 0; i < count; i++) {
        const struct pickle_object *name = pickle_item(items[i], 0);
        const struct pickle_object *step = pickle_item(items[i], 1);
        const char *role = role_of(l, name, i);

        if (!role)
            return error_no_memory(err, "a name");
        if (pickle_is_none(step) || is_text(step, "drop"))
            continue;
        if (is_text(step, "passthrough"))
            parts[used] = *in;
        else
            TRY(estimator_lower(l, role, step, METHOD_TRANSFORM, in, &parts[used], err));
        TRY(apply_weight(l, weights, name, &parts[used++], err));
    }
    return table_join(l, parts, used, out, err);
}

static const struct pickle_object *unite_first(const struct pickle_object *self)
{
    const struct pickle_object *list = pickle_get(self, "transformer_list");

    for (size_t i = 0; i < pickle_length(list); i++) {
        const struct pickle_object *step = pickle_item(pickle_item(list, i), 1);

        if (step && step->kind == PICKLE_OBJECT)
            return step;
    }
    return NULL;
}

/* --- ColumnTransformer --- */

/* The columns of one transformer: as `columns` says; by the positions that were stored at fit
 * where it says names and the table has none. */
static enum status choose(struct lowering *l, const struct pickle_object *self,
                          const struct pickle_object *name, const struct pickle_object *columns,
                          struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "_transformer_to_input_indices");
    bool named = in->open || (in->count && in->columns[0].name);
    char *key;
    bool flat;

    if (!named && stored && name && name->kind == PICKLE_TEXT && is_text_list(l, columns)) {
        key = arena_text(l->keep, name->bytes);
        if (!key)
            return error_no_memory(err, "a name");
        flat = columns->kind == PICKLE_TEXT;
        if (pickle_get(stored, key)) {
            TRY(table_select(l, in, pickle_get(stored, key), out, err));
            out->flat = flat;
            return STATUS_OK;
        }
    }
    return table_select(l, in, columns, out, err);
}

static enum status distribute(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *weights = pickle_get(self, "transformer_weights");
    struct table source = *in, *parts;
    struct pickle_object **items;
    size_t count, used = 0;

    TRY(state_list(l, self, "transformers_", &items, &count, err));
    parts = arena_new(l->keep, struct table, count);
    if (!parts)
        return error_no_memory(err, "tables");
    for (size_t i = 0; i < count; i++) {
        const struct pickle_object *name = pickle_item(items[i], 0);
        const struct pickle_object *step = pickle_item(items[i], 1);
        const char *role = role_of(l, name, i);
        struct table chosen;

        if (!role)
            return error_no_memory(err, "a name");
        if (is_text(step, "drop"))
            continue;
        if (choose(l, self, name, pickle_item(items[i], 2), &source, &chosen, err))
            return error_within(err, "%s", role);
        if (chosen.count == 0)
            continue;
        if (is_text(step, "passthrough"))
            parts[used] = chosen;
        else
            TRY(estimator_lower(l, role, step, METHOD_TRANSFORM, &chosen, &parts[used], err));
        TRY(apply_weight(l, weights, name, &parts[used++], err));
    }
    return table_join(l, parts, used, out, err);
}

/* --- DataFrameMapper --- */

/* Transformers of one feature: None, one, or a list of them in a row. */
static enum status map_feature(struct lowering *l, const char *role,
                               const struct pickle_object *steps, const struct table *in,
                               struct table *out, struct error *err)
{
    struct table table = *in;
    size_t count = pickle_length(steps);

    *out = *in;
    if (pickle_is_none(steps))
        return STATUS_OK;
    if (steps->kind != PICKLE_LIST && steps->kind != PICKLE_TUPLE)
        return estimator_lower(l, role, steps, METHOD_TRANSFORM, in, out, err);
    for (size_t i = 0; i < count; i++) {
        if (pickle_is_none(pickle_item(steps, i)))
            continue;
        TRY(estimator_lower(l, role, pickle_item(steps, i), METHOD_TRANSFORM, &table, out, err));
        table = *out;
    }
    return STATUS_OK;
}

static const char *feature_role(struct lowering *l, const struct pickle_object *columns,
                                size_t index)
{
    const struct pickle_object *name = columns;
    struct pickle_object **items;
    char quoted[TEXT_QUOTE_SIZE];
    size_t count;

    if (!name || name->kind != PICKLE_TEXT) {
        items = pickle_elements(columns, &count, l->keep);
        name = items && count ? items[0] : NULL;
    }
    if (!name || name->kind != PICKLE_TEXT)
        return arena_printf(l->keep, "feature %zu", index);
    return arena_printf(l->keep, "feature '%s'", text_quote(name->bytes, quoted, sizeof quoted));
}

/* The columns that no feature names, in the order of the table; `taken` says which are. */
static enum status map_default(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, const bool *taken, struct table *out,
                               struct error *err)
{
    const struct pickle_object *step = pickle_get(self, "built_default");
    const struct pickle_object *dropped = pickle_get(self, "drop_cols");
    size_t *indices = arena_new(l->keep, size_t, in->count), count = 0;
    struct table rest;

    if (!step)
        step = pickle_get(self, "default");
    *out = (struct table){0};
    if (!step || (step->kind == PICKLE_BOOL && !step->boolean))
        return STATUS_OK;
    if (!indices)
        return error_no_memory(err, "columns");
    if (in->open || pickle_length(dropped))
        return state_error(err, "default", "takes columns of which not all are known");
    for (size_t i = 0; i < in->count; i++)
        if (!taken[i])
            indices[count++] = i;
    TRY(table_pick(l, in, indices, count, &rest, err));
    if (count == 0)
        return STATUS_OK;
    return map_feature(l, "default", step, &rest, out, err);
}

/* transformed_names_, when they are one for each column and the result is a data frame. */
static enum status name_columns(struct lowering *l, const struct pickle_object *self,
                                struct table *table, struct error *err)
{
    const struct pickle_object *frame = pickle_get(self, "df_out");
    struct column *columns = (struct column *)table->columns;
    struct pickle_object **names;
    struct bytes name;
    size_t count;
    bool on;

    if (!frame || !pickle_to_bool(frame, &on) || !on)
        return STATUS_OK;
    names = pickle_elements(pickle_get(self, "transformed_names_"), &count, l->keep);
    for (size_t i = 0; i < table->count; i++) {
        columns[i].name = NULL;
        if (names && count == table->count && pickle_to_text(names[i], &name, l->keep)) {
            columns[i].name = arena_text(l->keep, name);
            if (!columns[i].name)
                return error_no_memory(err, "a name");
        }
    }
    return STATUS_OK;
}

static enum status map(struct lowering *l, const struct pickle_object *self, const struct table *in,
                       struct table *out, struct error *err)
{
    const char *list =
        pickle_length(pickle_get(self, "built_features")) ? "built_features" : "features";
    struct table source = *in, *parts;
    struct pickle_object **items;
    size_t count;
    bool *taken;

    TRY(state_list(l, self, list, &items, &count, err));
    parts = arena_new(l->keep, struct table, count + 1);
    taken = arena_new(l->keep, bool, in->count);
    if (!parts || !taken)
        return error_no_memory(err, "tables");
    for (size_t i = 0; i < count; i++) {
        const struct pickle_object *columns = pickle_item(items[i], 0);
        const char *role = feature_role(l, columns, i);
        struct table chosen;

        if (!role)
            return error_no_memory(err, "a name");
        if (table_select(l, &source, columns, &chosen, err))
            return error_within(err, "%s", role);
        for (size_t c = 0; c < chosen.count; c++)
            for (size_t s = 0; !in->open && s < in->count; s++)
                if (in->columns[s].name == chosen.columns[c].name)
                    taken[s] = true;
        TRY(map_feature(l, role, pickle_item(items[i], 1), &chosen, &parts[i], err));
    }
    TRY(map_default(l, self, in, taken, &parts[count], err));
    TRY(table_join(l, parts, count + 1, out, err));
    return name_columns(l, self, out, err);
}

const struct estimator_set estimators_compose =
    ESTIMATOR_SET({.name = "FeatureUnion", .transform = unite, .first = unite_first},
                  {.name = "ColumnTransformer", .transform = distribute},
                  {.name = "DataFrameMapper", .package = "sklearn_pandas", .transform = map});
