// SPDX-License-Identifier: Apache-2.0
/* Functions of rows and elements: PolynomialFeatures, Normalizer, FunctionTransformer. */
#include "importers/sklearn/distance.h"

#include <string.h>

#include "base/checked.h"
#include "base/text.h"

enum { TERMS_MAX = 1 << 20 };

/* --- PolynomialFeatures --- */

struct terms {
    int64_t (*pairs)[2]; /* (count,): an earlier term, a column: see the operator Polynomial */
    size_t count, capacity;
};

static bool term_add(struct lowering *l, struct terms *terms, int64_t term, int64_t column)
{
    if (!ARENA_GROW(l->keep, terms->pairs, terms->count, terms->capacity))
        return false;
    terms->pairs[terms->count][0] = term;
    terms->pairs[terms->count++][1] = column;
    return true;
}

/* Terms of degree d are those of degree d - 1 without earlier columns, times a column: starts[c]
 * is the first term of the last degree that has no column before c; starts[width] its end. */
static enum status next_degree(struct lowering *l, struct terms *terms, size_t *starts,
                               size_t width, bool distinct, struct error *err)
{
    size_t end = starts[width], *made = arena_new(l->keep, size_t, width + 1);

    if (!made)
        return error_no_memory(err, "terms");
    for (size_t c = 0; c < width; c++) {
        made[c] = terms->count;
        for (size_t t = distinct ? starts[c + 1] : starts[c]; t < end; t++) {
            if (terms->count >= TERMS_MAX)
                return error_set(err, STATUS_UNSUPPORTED, "more than %d polynomial terms",
                                 TERMS_MAX);
            if (!term_add(l, terms, (int64_t)t, (int64_t)c))
                return error_no_memory(err, "terms");
        }
    }
    made[width] = terms->count;
    memcpy(starts, made, (width + 1) * sizeof *made);
    return STATUS_OK;
}

static enum status degrees_of(const struct pickle_object *self, int64_t *min, int64_t *max,
                              struct error *err)
{
    const struct pickle_object *degree = pickle_get(self, "degree");

    *min = 0;
    if (degree && degree->kind == PICKLE_TUPLE ? !pickle_to_i64(pickle_item(degree, 0), min) ||
                                                     !pickle_to_i64(pickle_item(degree, 1), max)
                                               : !pickle_to_i64(degree, max))
        return state_error(err, "degree", "is no number and no pair of numbers");
    if (*min < 0 || *max < *min || *max > 64)
        return state_error(err, "degree", "is out of range");
    return STATUS_OK;
}

static enum status polynomial(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    size_t *starts = arena_new(l->keep, size_t, in->count + 1), *kept, first = 0, count = 0;
    struct terms terms = {0};
    struct attribute attribute;
    int64_t min, max;
    bool distinct, bias;
    value_id x;

    if (!starts)
        return error_no_memory(err, "terms");
    TRY(degrees_of(self, &min, &max, err));
    TRY(state_bool(self, "interaction_only", false, &distinct, err));
    TRY(state_bool(self, "include_bias", true, &bias, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (bias && !term_add(l, &terms, -1, -1))
        return error_no_memory(err, "terms");
    for (size_t c = 0; c <= in->count; c++) {
        starts[c] = terms.count;
        if (max > 0 && c < in->count && !term_add(l, &terms, -1, (int64_t)c))
            return error_no_memory(err, "terms");
    }
    first = bias;
    for (int64_t d = 2; d <= max; d++) {
        if (d == min)
            first = terms.count;
        TRY(next_degree(l, &terms, starts, in->count, distinct, err));
    }
    attribute = attribute_of_ints("terms", terms.pairs ? terms.pairs[0] : NULL, 2 * terms.count);
    TRY(emit(&l->e, "firn", "Polynomial", &x, 1, &attribute, 1, &x, 1, err));
    TRY(table_of_matrix(l, x, terms.count, out, err));
    if (first <= (size_t)bias)
        return STATUS_OK;
    kept = arena_new(l->keep, size_t, terms.count);
    if (!kept)
        return error_no_memory(err, "terms");
    for (size_t t = 0; t < terms.count; t++)
        if ((bias && t == 0) || t >= first)
            kept[count++] = t;
    return table_pick(l, out, kept, count, out, err);
}

/* --- Normalizer --- */

static enum status normalize(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    static const char *const NORMS[] = {"l2", "l1", "max", NULL};
    int version = estimator_version(l, self);
    value_id x, norms;
    size_t norm;

    TRY(state_choice(self, "norm", NORMS, NORM_L2, &norm, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (norm == NORM_MAX && version < 2400) { /* the largest number, not the largest size */
        TRY(emit_reduce(&l->e, "ReduceMax", x, (const int64_t[]){1}, 1, true, &norms, err));
        TRY(emit_over_norms(l, x, norms, 0, &x, err));
    } else {
        TRY(emit_unit_rows(l, x, (enum norm)norm, unit_rows_least(l, self), &x, err));
    }
    return table_of_matrix(l, x, in->count, out, err);
}

/* --- FunctionTransformer --- */

/* The name of a numpy function: a global, or the call that rebuilds a ufunc. NULL: another. */
static const char *ufunc_name(struct lowering *l, const struct pickle_object *function)
{
    struct bytes text;

    if (!function)
        return NULL;
    if (function->kind == PICKLE_GLOBAL && pickle_is(function, "numpy", pickle_name(function)))
        return pickle_name(function);
    if (strcmp(pickle_name(function), "_ufunc_reconstruct") == 0 &&
        pickle_to_text(pickle_item(function->args, 1), &text, l->keep))
        return arena_text(l->keep, text);
    return NULL;
}

enum status emit_ufunc(struct lowering *l, const struct pickle_object *function, value_id x,
                       value_id *out, struct error *err)
{
    const char *name = ufunc_name(l, function);

    if (!name)
        return state_error(err, "func", "%s.%s is not a function that firn knows",
                           pickle_module(function), pickle_name(function));
    return emit_math(&l->e, name, x, out, err);
}

static bool is_empty(const struct pickle_object *object)
{
    return pickle_is_none(object) || (object->kind == PICKLE_DICT && pickle_length(object) == 0);
}

static enum status function(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *func = pickle_get(self, "func");
    const struct pickle_object *validate = pickle_get(self, "validate");
    int version = estimator_version(l, self);
    bool check = version < 2200; /* what validate=None means */
    value_id x;

    if (!pickle_is_none(validate))
        TRY(state_bool(self, "validate", false, &check, err));
    if (!is_empty(pickle_get(self, "kw_args")))
        return state_error(err, "kw_args", "is not empty");
    if (pickle_is_none(func) && !check) {
        *out = *in;
        return STATUS_OK;
    }
    TRY(table_matrix(l, in, check ? CHECK_FINITE : CHECK_NONE, &x, err));
    if (!pickle_is_none(func))
        TRY(emit_ufunc(l, func, x, &x, err));
    TRY(table_of_matrix(l, x, in->count, out, err));
    out->flat = in->flat;
    return STATUS_OK;
}

const struct estimator_set estimators_expand =
    ESTIMATOR_SET({.name = "PolynomialFeatures", .transform = polynomial},
                  {.name = "Normalizer", .transform = normalize},
                  {.name = "FunctionTransformer", .transform = function});
