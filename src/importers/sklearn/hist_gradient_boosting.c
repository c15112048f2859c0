// SPDX-License-Identifier: Apache-2.0
/* HistGradientBoosting: a baseline plus trees over doubles, with missing values and sets of
 * categories (ensemble/_hist_gradient_boosting/_predictor.pyx). */
#include "importers/sklearn/trees.h"

#include <math.h>

enum { CATEGORIES_MAX = 256, SET_WORDS = 4 };

enum link { LINK_IDENTITY, LINK_EXP, LINK_LOGISTIC };

static enum status link_of(const struct pickle_object *self, enum link *link, struct error *err)
{
    static const char *const REGRESSOR[] = {
        "squared_error", "least_squares", "absolute_error", "least_absolute_deviation",
        "quantile",      "poisson",       "gamma",          NULL};
    static const char *const CLASSIFIER[] = {"log_loss", "auto", "binary_crossentropy",
                                             "categorical_crossentropy", NULL};
    bool classifier = !strcmp(pickle_name(self), "HistGradientBoostingClassifier");
    size_t choice;

    TRY(state_choice(self, "loss", classifier ? CLASSIFIER : REGRESSOR, 0, &choice, err));
    *link = classifier ? LINK_LOGISTIC : choice >= 5 ? LINK_EXP : LINK_IDENTITY;
    return STATUS_OK;
}

/* --- categories --- */

struct categories {               /* of each feature after preprocessing */
    bool *is;                     /* (features,) */
    uint64_t (*known)[SET_WORDS]; /* (features,) */
    bool any;
};

static enum status known_set(struct lowering *l, const struct pickle_object *values,
                             uint64_t set[SET_WORDS], struct error *err)
{
    struct tensor known;

    TRY(pickle_to_tensor_f64(values, &known, l->keep, err));
    for (size_t i = 0; i < tensor_count(&known); i++) {
        double value = tensor_f64(&known, i);
        if (!(value >= 0 && value < CATEGORIES_MAX && value == floor(value)))
            return error_set(err, STATUS_UNSUPPORTED, "category %g is not 0 to %d", value,
                             CATEGORIES_MAX - 1);
        set[(size_t)value / 64] |= (uint64_t)1 << ((size_t)value % 64);
    }
    return STATUS_OK;
}

/* The bin mapper knows which features are categories, and as their thresholds which ones it saw. */
static enum status categories_of(struct lowering *l, const struct pickle_object *self,
                                 size_t features, struct categories *categories, struct error *err)
{
    const struct pickle_object *mapper = pickle_get(self, "_bin_mapper");
    const struct pickle_object *flags = pickle_get(mapper, "is_categorical_");
    struct pickle_object **thresholds;
    struct tensor is;
    size_t count;

    categories->is = arena_new(l->keep, bool, features);
    categories->known = arena_alloc(l->keep, features, sizeof *categories->known);
    if (!categories->is || !categories->known)
        return error_no_memory(err, "categories");
    if (pickle_is_none(flags))
        return STATUS_OK;
    TRY(pickle_to_tensor(flags, &is, l->keep, err));
    thresholds = pickle_elements(pickle_get(mapper, "bin_thresholds_"), &count, l->keep);
    if (!thresholds || count != features || tensor_count(&is) != features)
        return state_error(err, "_bin_mapper", "is not that of %zu features", features);
    for (size_t f = 0; f < features; f++) {
        if (!tensor_i64(&is, f))
            continue;
        categories->is[f] = categories->any = true;
        TRY(known_set(l, thresholds[f], categories->known[f], err));
    }
    return STATUS_OK;
}

/* --- trees --- */

struct predictor { /* (count,) columns of one tree's nodes */
    struct tensor value, feature, threshold, missing, left, right, leaf, categorical, bitset;
    struct tensor sets; /* (splits, 8) */
    size_t count;
};

static enum status predictor_read(struct lowering *l, const struct pickle_object *object,
                                  struct predictor *p, struct error *err)
{
    const struct pickle_object *nodes;
    const struct numpy_array *array;

    *p = (struct predictor){0};
    TRY(state_object(object, "nodes", &nodes, err));
    if (nodes->kind != PICKLE_ARRAY || nodes->array->shape.rank != 1)
        return state_error(err, "nodes", "is no array of nodes");
    array = nodes->array;
    p->count = (size_t)array->shape.dims[0];
    TRY(node_field(l, array, "value", DTYPE_F64, &p->value, err));
    TRY(node_field(l, array, "feature_idx", DTYPE_I64, &p->feature, err));
    TRY(node_field(l, array, node_has_field(array, "num_threshold") ? "num_threshold" : "threshold",
                   DTYPE_F64, &p->threshold, err));
    TRY(node_field(l, array, "left", DTYPE_I64, &p->left, err));
    TRY(node_field(l, array, "right", DTYPE_I64, &p->right, err));
    TRY(node_field(l, array, "is_leaf", DTYPE_I64, &p->leaf, err));
    if (node_has_field(array, "missing_go_to_left"))
        TRY(node_field(l, array, "missing_go_to_left", DTYPE_I64, &p->missing, err));
    if (!node_has_field(array, "is_categorical"))
        return STATUS_OK;
    TRY(node_field(l, array, "is_categorical", DTYPE_I64, &p->categorical, err));
    TRY(node_field(l, array, "bitset_idx", DTYPE_I64, &p->bitset, err));
    TRY(pickle_to_tensor(pickle_get(object, "raw_left_cat_bitsets"), &p->sets, l->keep, err));
    if (p->sets.dtype != DTYPE_U32 || tensor_count(&p->sets) % 8)
        return state_error(err, "raw_left_cat_bitsets", "is no array of sets");
    return STATUS_OK;
}

/* Categories that were never seen go where missing values go. */
static enum status set_node(struct tree_list *list, const struct predictor *p, size_t i, size_t at,
                            const struct categories *categories, struct error *err)
{
    int64_t index = tensor_i64(&p->bitset, i);
    const uint32_t *stored = p->sets.data;
    uint64_t words[SET_WORDS];

    if (index < 0 || (uint64_t)index >= tensor_count(&p->sets) / 8)
        return error_set(err, STATUS_INVALID_INPUT, "node %zu: its set of categories is missing",
                         i);
    for (size_t w = 0; w < SET_WORDS; w++) {
        words[w] = stored[(size_t)index * 8 + 2 * w] |
                   (uint64_t)stored[(size_t)index * 8 + 2 * w + 1] << 32;
        if (list->missing_left[at])
            words[w] |= ~categories->known[list->feature[at]][w];
    }
    list->mode[at] = 6; /* TREE_MEMBER of ops/kernels/ml/trees.h */
    list->outside_left[at] = list->missing_left[at];
    list->set_words[at] = SET_WORDS;
    return tree_list_set(list, words, &list->set[at], err);
}

static enum status predictor_append(struct tree_list *list, const struct pickle_object *object,
                                    int64_t target, const struct categories *categories,
                                    struct error *err)
{
    size_t start = list->node_count;
    struct predictor p;

    TRY(predictor_read(list->l, object, &p, err));
    TRY(tree_list_reserve(list, p.count, err));
    TRY(tree_list_root(list, start, err));
    for (size_t i = 0; i < p.count; i++) {
        bool leaf = tensor_i64(&p.leaf, i) != 0;
        int64_t feature = tensor_i64(&p.feature, i), left = tensor_i64(&p.left, i),
                right = tensor_i64(&p.right, i);
        size_t at = list->node_count++;
        if (!leaf && (feature < 0 || feature >= list->features || left >= (int64_t)p.count ||
                      right >= (int64_t)p.count))
            return error_set(err, STATUS_INVALID_INPUT, "node %zu: feature or child out of range",
                             i);
        list->feature[at] = leaf ? -1 : feature;
        list->left[at] = leaf ? (int64_t)list->value_count : left + (int64_t)start;
        list->right[at] = leaf ? -1 : right + (int64_t)start;
        list->threshold[at] = leaf ? 0 : tensor_f64(&p.threshold, i);
        list->missing_left[at] = !leaf && p.missing.data && tensor_i64(&p.missing, i);
        if (!leaf && p.categorical.data && tensor_i64(&p.categorical, i))
            TRY(set_node(list, &p, i, at, categories, err));
        if (leaf) {
            TRY(tree_list_value(list, tensor_f64(&p.value, i), err));
            TRY(tree_list_target(list, target, err));
        }
    }
    return STATUS_OK;
}

/* --- input --- */

/* Codes of categories are cut to whole numbers, as the C cast of the predictor does. */
static enum status cut_categories(struct lowering *l, const struct categories *categories,
                                  size_t features, value_id *x, struct error *err)
{
    struct shape shape = SHAPE(1, (int64_t)features);
    struct tensor mask;
    value_id condition, cut;

    TRY(tensor_new(&mask, DTYPE_BOOL, &shape, l->keep, err));
    for (size_t f = 0; f < features; f++)
        ((uint8_t *)mask.data)[f] = categories->is[f];
    TRY(emit_constant(&l->e, &mask, &condition, err));
    TRY(emit_1(&l->e, "Floor", *x, &cut, err));
    return emit_where(&l->e, condition, cut, *x, x, err);
}

/* From 1.4 on columns of categories are encoded and come first (_preprocessor). */
static enum status preprocess(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *preprocessor = pickle_get(self, "_preprocessor"), *encoder = NULL;
    size_t *picks = arena_new(l->keep, size_t, in->count), count = 0;
    struct table parts[2], encoded;
    struct tensor is;

    *out = *in;
    if (pickle_is_none(preprocessor))
        return STATUS_OK;
    for (size_t i = 0; i < pickle_length(pickle_get(preprocessor, "transformers_")); i++) {
        const struct pickle_object *row = pickle_item(pickle_get(preprocessor, "transformers_"), i);
        if (pickle_text_is(pickle_item(row, 0), "encoder"))
            encoder = pickle_item(row, 1);
    }
    if (!picks || !encoder)
        return state_error(err, "_preprocessor", "has no step 'encoder'");
    TRY(pickle_to_tensor(pickle_get(self, "is_categorical_"), &is, l->keep, err));
    if (tensor_count(&is) != in->count)
        return state_error(err, "is_categorical_", "does not have %zu entries", in->count);
    for (size_t f = 0; f < in->count; f++)
        if (tensor_i64(&is, f))
            picks[count++] = f;
    TRY(table_pick(l, in, picks, count, &parts[0], err));
    TRY(estimator_lower(l, "encoder of categories", encoder, METHOD_TRANSFORM, &parts[0], &encoded,
                        err));
    parts[0] = encoded;
    count = 0;
    for (size_t f = 0; f < in->count; f++)
        if (!tensor_i64(&is, f))
            picks[count++] = f;
    TRY(table_pick(l, in, picks, count, &parts[1], err));
    return table_join(l, parts, 2, out, err);
}

/* --- methods --- */

static enum status baseline_of(struct lowering *l, const struct pickle_object *self,
                               struct tensor *baseline, struct error *err)
{
    const struct pickle_object *stored;

    TRY(state_object(self, "_baseline_prediction", &stored, err));
    if (pickle_to_tensor_f64(stored, baseline, l->keep, err))
        return error_within(err, "attribute '_baseline_prediction'");
    return STATUS_OK;
}

static enum status iteration_append(struct tree_list *list, const struct pickle_object *iteration,
                                    const struct categories *categories, struct error *err)
{
    size_t count;
    struct pickle_object **trees = pickle_elements(iteration, &count, list->l->keep);

    if (!trees || (int64_t)count != list->outputs)
        return error_set(err, STATUS_INVALID_INPUT, "it does not have %lld trees",
                         (long long)list->outputs);
    for (size_t k = 0; k < count; k++)
        TRY(predictor_append(list, trees[k], (int64_t)k, categories, err));
    return STATUS_OK;
}

static enum status raw_values(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, size_t *outputs, value_id *y,
                              struct error *err)
{
    struct pickle_object **iterations;
    struct categories categories = {0};
    struct tensor baseline;
    struct tree_list list;
    struct table table;
    size_t count;
    value_id x;

    TRY(preprocess(l, self, in, &table, err));
    TRY(baseline_of(l, self, &baseline, err));
    *outputs = tensor_count(&baseline);
    TRY(categories_of(l, self, table.count, &categories, err));
    tree_list_init(&list, l, table.count, *outputs);
    list.base = baseline.data;
    TRY(state_list(l, self, "_predictors", &iterations, &count, err));
    for (size_t i = 0; i < count; i++)
        if (iteration_append(&list, iterations[i], &categories, err))
            return error_within(err, "attribute '_predictors', iteration %zu", i);
    TRY(table_matrix(l, &table, CHECK_NONE, &x, err));
    if (categories.any)
        TRY(cut_categories(l, &categories, table.count, &x, err));
    return tree_list_emit(&list, x, y, err);
}

static enum status decision(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    size_t outputs;
    value_id y;

    TRY(raw_values(l, self, in, &outputs, &y, err));
    if (outputs == 1)
        return predict_numbers(l, y, 1, true, out, err);
    TRY(state_labels(l, self, "classes_", &classes, err));
    return predict_columns(l, &classes, y, out, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);
    struct tensor classes;
    enum link link;
    size_t outputs;
    value_id y, p;

    TRY(link_of(self, &link, err));
    TRY(raw_values(l, self, in, &outputs, &y, err));
    TRY(state_labels(l, self, "classes_", &classes, err));
    if (tensor_count(&classes) != (outputs == 1 ? 2 : outputs))
        return state_error(err, "classes_", "has %zu classes for %zu trees a stage",
                           tensor_count(&classes), outputs);
    if (outputs > 1) {
        TRY(emit(&l->e, "", "Softmax", &y, 1, &axis, 1, &p, 1, err));
        return predict_columns(l, &classes, p, out, err);
    }
    TRY(emit_1(&l->e, "Sigmoid", y, &y, err));
    TRY(emit_both(l, y, &p, err));
    return predict_columns(l, &classes, p, out, err);
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    size_t outputs;
    value_id y;

    TRY(raw_values(l, self, in, &outputs, &y, err));
    TRY(state_labels(l, self, "classes_", &classes, err));
    return outputs > 1 ? predict_argmax(l, &classes, y, out, err)
                       : predict_sign(l, &classes, y, out, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    enum link link;
    size_t outputs;
    value_id y;

    TRY(link_of(self, &link, err));
    TRY(raw_values(l, self, in, &outputs, &y, err));
    if (outputs != 1)
        return state_error(err, "_baseline_prediction", "has %zu values", outputs);
    if (link == LINK_EXP)
        TRY(emit_1(&l->e, "Exp", y, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

const struct estimator_set estimators_hist_gradient_boosting =
    ESTIMATOR_SET({.name = "HistGradientBoostingClassifier",
                   .predict = classify,
                   .predict_proba = probabilities,
                   .decision_function = decision},
                  {.name = "HistGradientBoostingRegressor", .predict = regress});
