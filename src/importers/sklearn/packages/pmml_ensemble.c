// SPDX-License-Identifier: Apache-2.0
/* sklearn2pmml: estimators and transformers of which a predicate chooses one for each row, chains
 * of them, linear models on the leaves of trees, and columns remembered from one step to another.
 */
#include "importers/sklearn/packages/expression.h"
#include "importers/sklearn/trees.h"

#include <string.h>

/* --- Memorizer, Recaller --- */

static enum status memorize(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **names;
    size_t count;

    TRY(state_list(l, self, "names", &names, &count, err));
    TRY(table_expect(in, count, err));
    for (size_t i = 0; i < count; i++) {
        struct memory *entry = arena_new(l->keep, struct memory, 1);

        if (!entry)
            return error_no_memory(err, "a memory");
        *entry = (struct memory){.memory = pickle_get(self, "memory"), .next = l->memories};
        if (!entry->memory || !pickle_to_text(names[i], &entry->name, l->keep))
            return state_error(err, "names", "are no names");
        TRY(table_pick(l, in, &i, 1, &entry->column, err));
        l->memories = entry;
    }
    *out = (struct table){.columns = arena_new(l->keep, struct column, 1)};
    return out->columns ? STATUS_OK : error_no_memory(err, "columns");
}

static enum status recall(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **names;
    struct table *parts;
    size_t count;

    (void)in;
    TRY(state_list(l, self, "names", &names, &count, err));
    parts = arena_new(l->keep, struct table, count + 1);
    if (!parts)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++) {
        const struct memory *entry = l->memories;
        struct bytes name;

        if (!pickle_to_text(names[i], &name, l->keep))
            return state_error(err, "names", "are no names");
        while (entry &&
               (entry->memory != pickle_get(self, "memory") || !bytes_equal(entry->name, name)))
            entry = entry->next;
        if (!entry)
            return state_error(err, "names", "asks for what no step has memorized");
        parts[i] = entry->column;
    }
    return table_join(l, parts, count, out, err);
}

/* --- predicates --- */

struct choices { /* of (name, estimator, predicate) */
    struct lowering *l;
    const struct pickle_object *self;
    struct pickle_object **steps;
    size_t count;
    struct table asked; /* what predicates see */
    bool *always;
    value_id *masks; /* (n, 1) BOOL; not set where `always` */
};

static bool is_true(struct bytes text)
{
    size_t first = 0;

    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == ')'))
        text.size--;
    while (first < text.size && (text.data[first] == ' ' || text.data[first] == '('))
        first++;
    return bytes_is((struct bytes){text.data + first, text.size - first}, "True");
}

static enum status predicate(struct choices *c, const struct pickle_object *stored, size_t index,
                             struct error *err)
{
    const struct pickle_object *functions = NULL;
    struct table flag;

    if (pickle_is(stored, "sklearn2pmml", "Predicate")) {
        functions = pickle_get(stored, "function_defs");
        stored = pickle_get(stored, "expr");
    }
    if (!stored || stored->kind != PICKLE_TEXT)
        return state_error(err, "steps", "step %zu has no predicate of text", index);
    c->always[index] = is_true(stored->bytes);
    if (c->always[index])
        return STATUS_OK;
    if (expression_with_functions(c->l, stored->bytes, functions, &c->asked, &flag, err))
        return error_within(err, "predicate %zu", index);
    if (flag.columns[0].dtype != DTYPE_BOOL)
        return state_error(err, "steps", "predicate %zu is no comparison", index);
    c->masks[index] = flag.columns[0].value;
    return STATUS_OK;
}

static enum status choices_init(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct choices *c, struct error *err)
{
    const struct pickle_object *controller = pickle_get(self, "controller");

    *c = (struct choices){.l = l, .self = self, .asked = *in};
    TRY(state_list(l, self, "steps", &c->steps, &c->count, err));
    c->always = arena_new(l->keep, bool, c->count + 1);
    c->masks = arena_new(l->keep, value_id, c->count + 1);
    if (!c->always || !c->masks)
        return error_no_memory(err, "steps");
    if (c->count == 0)
        return state_error(err, "steps", "is empty");
    if (!pickle_is_none(controller))
        TRY(estimator_lower(l, "controller", controller, METHOD_TRANSFORM, in, &c->asked, err));
    for (size_t i = 0; i < c->count; i++)
        TRY(predicate(c, pickle_item(c->steps[i], 2), i, err));
    return STATUS_OK;
}

static bool is_total(const struct choices *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->always[i])
            return true;
    return false;
}

/* True for every row, refusing those for which no predicate holds: their answer is None. */
static enum status some_predicate(struct choices *c, value_id *some, struct error *err)
{
    struct shape keys_shape = SHAPE(1), rows_shape = SHAPE(2, 1);
    struct tensor *tensors = arena_new(c->l->keep, struct tensor, 2);
    struct attribute attributes[3];
    value_id any = c->masks[0];

    if (!tensors)
        return error_no_memory(err, "steps");
    for (size_t i = 1; i < c->count; i++)
        TRY(emit_2(&c->l->e, "Or", any, c->masks[i], &any, err));
    TRY(tensor_new(&tensors[0], DTYPE_F64, &keys_shape, c->l->keep, err));
    TRY(tensor_new(&tensors[1], DTYPE_F64, &rows_shape, c->l->keep, err));
    tensor_set_f64(&tensors[0], 0, 1);
    tensor_set_f64(&tensors[1], 0, 1);
    attributes[0] = attribute_of_tensor("keys", &tensors[0]);
    attributes[1] = attribute_of_tensor("rows", &tensors[1]);
    attributes[2] = attribute_of_text("column", "whether a predicate holds");
    TRY(emit_cast(&c->l->e, any, DTYPE_F64, &any, err));
    TRY(emit(&c->l->e, "firn", "Lookup", &any, 1, attributes, 3, &any, 1, err));
    return emit_cast(&c->l->e, any, DTYPE_BOOL, some, err);
}

/* Which of the steps' answers a row gets: the first or the last whose predicate holds. */
static enum status choose_value(struct choices *c, bool first, const value_id *values, bool flat,
                                value_id *out, struct error *err)
{
    bool total = is_total(c), any = false;
    value_id mask, some = VALUE_NONE;

    if (!total && c->count == 1)
        return state_error(err, "steps", "is one step, which is not for all rows");
    if (!total)
        TRY(some_predicate(c, &some, err));
    for (size_t n = 0; n < c->count; n++) {
        size_t i = first ? c->count - 1 - n : n;

        if (c->always[i] || !any) {
            *out = values[i];
            any = true;
            continue;
        }
        mask = c->masks[i];
        if (!total)
            TRY(emit_2(&c->l->e, "And", mask, some, &mask, err));
        if (flat)
            TRY(emit_squeeze(&c->l->e, mask, 1, &mask, err));
        TRY(emit_where(&c->l->e, mask, values[i], *out, out, err));
    }
    return STATUS_OK;
}

struct nature { /* of the columns of all answers */
    bool text, flags, integral, flat;
};

static struct nature nature_of(const struct table *parts, size_t count)
{
    struct nature nature = {true, true, true, true};

    for (size_t p = 0; p < count; p++) {
        nature.flat = nature.flat && parts[p].flat;
        for (size_t i = 0; i < parts[p].count; i++) {
            const struct column *column = &parts[p].columns[i];
            bool whole = column->integral || column->dtype == DTYPE_I64 ||
                         column->dtype == DTYPE_I32 || column->dtype == DTYPE_BOOL;

            nature.text = nature.text && column->dtype == DTYPE_STRING;
            nature.flags = nature.flags && column->dtype == DTYPE_BOOL;
            nature.integral = nature.integral && whole;
        }
    }
    return nature;
}

/* The steps' answers as one table. */
static enum status choose(struct choices *c, bool first, const struct table *parts,
                          struct table *out, struct error *err)
{
    struct nature nature = nature_of(parts, c->count);
    value_id *values = arena_new(c->l->keep, value_id, c->count + 1), y;
    bool flat = nature.flat || (nature.text && parts[0].count == 1);

    if (!values)
        return error_no_memory(err, "steps");
    for (size_t i = 0; i < c->count; i++) {
        TRY(table_expect(&parts[i], parts[0].count, err));
        if (flat)
            TRY(table_vector(c->l, &parts[i], 0, nature.text ? DTYPE_STRING : DTYPE_F64, &values[i],
                             err));
        else if (nature.text)
            TRY(table_text(c->l, &parts[i], &values[i], err));
        else
            TRY(table_matrix(c->l, &parts[i], CHECK_NONE, &values[i], err));
    }
    TRY(choose_value(c, first, values, flat, &y, err));
    if (nature.flags)
        TRY(emit_cast(&c->l->e, y, DTYPE_BOOL, &y, err));
    if (flat)
        TRY(table_of_vector(c->l, y, out, err));
    else
        TRY(table_of_matrix(c->l, y, parts[0].count, out, err));
    for (size_t i = 0; i < out->count; i++)
        ((struct column *)out->columns)[i].integral =
            nature.integral && !nature.text && !nature.flags;
    out->flat = nature.flat;
    out->classes = parts[0].classes;
    return STATUS_OK;
}

/* --- SelectFirstClassifier, SelectFirstRegressor, SelectFirstTransformer --- */

static enum status select_first(struct lowering *l, const struct pickle_object *self,
                                enum method method, const struct table *in, struct table *out,
                                struct error *err)
{
    struct choices c;
    struct table *parts;

    TRY(choices_init(l, self, in, &c, err));
    parts = arena_new(l->keep, struct table, c.count + 1);
    if (!parts)
        return error_no_memory(err, "steps");
    for (size_t i = 0; i < c.count; i++)
        TRY(lower_item(l, "step", i, pickle_item(c.steps[i], 1), method, in, &parts[i], err));
    return choose(&c, true, parts, out, err);
}

static enum status select_predict(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    return select_first(l, self, METHOD_PREDICT, in, out, err);
}

static enum status select_proba(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    return select_first(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

static enum status select_transform(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    return select_first(l, self, METHOD_TRANSFORM, in, out, err);
}

static bool steps_have(const struct pickle_object *self, enum method method)
{
    const struct pickle_object *steps = pickle_get(self, "steps");

    for (size_t i = 0; i < pickle_length(steps); i++)
        if (!estimator_has(pickle_item(pickle_item(steps, i), 1), method))
            return method == METHOD_PREDICT;
    return true;
}

/* --- RuleSetClassifier --- */

/* Rules (predicate, score): the first one that holds, else the default score. */
static enum status rules_init(struct choices *c, struct pickle_object **scores, struct error *err)
{
    struct pickle_object *otherwise = pickle_get(c->self, "default_score");

    for (size_t i = 0; i < c->count; i++) {
        scores[i] = pickle_item(c->steps[i], 1);
        if (!scores[i])
            return state_error(err, "rules", "rule %zu has no score", i);
        TRY(predicate(c, pickle_item(c->steps[i], 0), i, err));
    }
    if (pickle_is_none(otherwise))
        return STATUS_OK;
    scores[c->count] = otherwise;
    c->always[c->count++] = true;
    return STATUS_OK;
}

static enum status rules_predict(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct choices c = {.l = l, .self = self, .asked = *in};
    struct pickle_object list = {.kind = PICKLE_LIST}, **scores;
    struct tensor labels;
    value_id *codes, code;

    TRY(state_list(l, self, "rules", &c.steps, &c.count, err));
    c.always = arena_new(l->keep, bool, c.count + 1);
    c.masks = arena_new(l->keep, value_id, c.count + 1);
    codes = arena_new(l->keep, value_id, c.count + 1);
    scores = arena_new(l->keep, struct pickle_object *, c.count + 1);
    if (!c.always || !c.masks || !codes || !scores)
        return error_no_memory(err, "rules");
    TRY(rules_init(&c, scores, err));
    list.items = scores;
    list.count = c.count;
    if (labels_of(l, &list, &labels, err))
        return error_within(err, "attribute 'rules'");
    for (size_t i = 0; i < c.count; i++)
        TRY(emit_scalar(l, (double)i, &codes[i], err));
    TRY(choose_value(&c, true, codes, false, &code, err));
    if (l->e.graph->values[code].shape.rank != 2)
        return state_error(err, "rules", "say the same of all rows");
    TRY(emit_squeeze(&l->e, code, 1, &code, err));
    TRY(emit_cast(&l->e, code, DTYPE_I64, &code, err));
    return predict_labels(l, &labels, code, out, err);
}

/* --- EstimatorChain, Link --- */

/* What later steps see after a Link: its input and the answers of its functions. */
static enum status augment(struct lowering *l, const struct pickle_object *link,
                           struct table *table, struct error *err)
{
    struct pickle_object **functions;
    struct table *parts;
    size_t count;
    value_id x;

    TRY(state_list(l, link, "augment_funcs", &functions, &count, err));
    parts = arena_new(l->keep, struct table, count + 1);
    if (!parts)
        return error_no_memory(err, "a link");
    parts[0] = *table;
    for (size_t i = 0; i < count; i++)
        TRY(function_lower(l, "link", pickle_get(link, "estimator_"), functions[i], table,
                           &parts[i + 1], err));
    TRY(table_join(l, parts, count + 1, table, err));
    TRY(table_matrix(l, table, CHECK_NONE, &x, err));
    return table_of_matrix(l, x, table->count, table, err);
}

static enum status chain(struct lowering *l, const struct pickle_object *self, enum method method,
                         const struct table *in, struct table *out, struct error *err)
{
    struct table *parts, seen = *in;
    struct choices c;
    bool several;

    TRY(state_bool(self, "multioutput", true, &several, err));
    TRY(choices_init(l, self, in, &c, err));
    parts = arena_new(l->keep, struct table, c.count + 1);
    if (!parts)
        return error_no_memory(err, "steps");
    for (size_t i = 0; i < c.count; i++) {
        const struct pickle_object *step = pickle_item(c.steps[i], 1);
        bool link = pickle_is(step, "sklearn2pmml", "Link");

        if (!c.always[i] && (several || link))
            return state_error(err, "steps", "step %zu answers not all rows", i);
        TRY(lower_item(l, "step", i, step, method, &seen, &parts[i], err));
        if (link)
            TRY(augment(l, step, &seen, err));
    }
    return several ? table_join(l, parts, c.count, out, err) : choose(&c, false, parts, out, err);
}

static enum status chain_predict(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return chain(l, self, METHOD_PREDICT, in, out, err);
}

static enum status chain_proba(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    return chain(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

static const struct pickle_object *steps_first(const struct pickle_object *self)
{
    return pickle_item(pickle_item(pickle_get(self, "steps"), 0), 1);
}

/* --- GBDTLMRegressor, GBDTLRClassifier --- */

static enum status on_leaves(struct lowering *l, const struct pickle_object *self,
                             const char *model, enum method method, const struct table *in,
                             struct table *out, struct error *err)
{
    struct table leaves, encoded;

    if (leaves_lower(l, pickle_get(self, "gbdt_"), in, &leaves, err))
        return error_within(err, "attribute 'gbdt_'");
    TRY(estimator_lower(l, "ohe_", pickle_get(self, "ohe_"), METHOD_TRANSFORM, &leaves, &encoded,
                        err));
    return estimator_lower(l, model, pickle_get(self, model), method, &encoded, out, err);
}

static enum status leaves_regress(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    return on_leaves(l, self, "lm_", METHOD_PREDICT, in, out, err);
}

static enum status leaves_classify(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    return on_leaves(l, self, "lr_", METHOD_PREDICT, in, out, err);
}

static enum status leaves_proba(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    return on_leaves(l, self, "lr_", METHOD_PREDICT_PROBA, in, out, err);
}

static bool leaves_has(const struct pickle_object *self, enum method method)
{
    return estimator_has(pickle_get(self, "lr_"), method);
}

static const struct pickle_object *leaves_first(const struct pickle_object *self)
{
    return pickle_get(self, "gbdt_");
}

/* --- MLPTransformer --- */

static enum status inner_layer(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    return estimator_lower(l, "mlp_", pickle_get(self, "mlp_"), METHOD_PREDICT, in, out, err);
}

static const struct pickle_object *mlp_first(const struct pickle_object *self)
{
    return pickle_get(self, "mlp_");
}

#define PMML(class_name, ...)                                                                      \
    {                                                                                              \
        .name = class_name, .package = "sklearn2pmml", __VA_ARGS__                                 \
    }

const struct estimator_set estimators_pmml_ensemble = ESTIMATOR_SET(
    PMML("Memorizer", .transform = memorize), PMML("Recaller", .transform = recall),
    PMML("SelectFirstClassifier", .predict = select_predict, .predict_proba = select_proba,
         .has = steps_have, .first = steps_first),
    PMML("SelectFirstRegressor", .predict = select_predict, .first = steps_first),
    PMML("SelectFirstTransformer", .transform = select_transform, .first = steps_first),
    PMML("EstimatorChain", .predict = chain_predict, .predict_proba = chain_proba,
         .has = steps_have, .first = steps_first),
    PMML("RuleSetClassifier", .predict = rules_predict), PMML("Link", .inner = "estimator_"),
    PMML("GBDTLMRegressor", .predict = leaves_regress, .first = leaves_first),
    PMML("GBDTLRClassifier", .predict = leaves_classify, .predict_proba = leaves_proba,
         .has = leaves_has, .first = leaves_first),
    PMML("MLPTransformer", .transform = inner_layer, .first = mlp_first));
