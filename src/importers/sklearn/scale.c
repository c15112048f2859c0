// SPDX-License-Identifier: Apache-2.0
/* Scaling of single columns: StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, Binarizer.
 */
#include "importers/sklearn/internal.h"

/* x <op> attribute, unless the attribute is None. */
static enum status apply(struct lowering *l, const struct pickle_object *self, const char *op,
                         const char *name, size_t width, value_id *x, struct error *err)
{
    const struct pickle_object *stored;
    struct tensor tensor;
    value_id constant;

    TRY(state_object(self, name, &stored, err));
    if (pickle_is_none(stored))
        return state_error(err, name, "is None");
    TRY(state_vector(l, self, name, (int64_t)width, &tensor, err));
    TRY(emit_constant(&l->e, &tensor, &constant, err));
    return emit_2(&l->e, op, *x, constant, x, err);
}

/* Until 0.19 NaN was refused. */
static enum check check_of(const struct lowering *l, const struct pickle_object *self)
{
    return estimator_version(l, self) < 2000 ? CHECK_FINITE : CHECK_FINITE_OR_NAN;
}

static enum status center_and_scale(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, const char *with_center,
                                    const char *center, const char *with_scale, const char *scale,
                                    struct table *out, struct error *err)
{
    bool centered, scaled;
    value_id x;

    TRY(state_bool(self, with_center, true, &centered, err));
    TRY(state_bool(self, with_scale, true, &scaled, err));
    TRY(table_matrix(l, in, check_of(l, self), &x, err));
    if (centered)
        TRY(apply(l, self, "Sub", center, in->count, &x, err));
    if (scaled)
        TRY(apply(l, self, "Div", scale, in->count, &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

static enum status standard(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    return center_and_scale(l, self, in, "with_mean", "mean_", "with_std", "scale_", out, err);
}

static enum status robust(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    return center_and_scale(l, self, in, "with_centering", "center_", "with_scaling", "scale_", out,
                            err);
}

static enum status max_abs(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    bool clip;
    value_id x;

    TRY(state_bool(self, "clip", false, &clip, err));
    TRY(table_matrix(l, in, check_of(l, self), &x, err));
    TRY(apply(l, self, "Div", "scale_", in->count, &x, err));
    if (clip)
        TRY(emit_clip(&l->e, x, -1, 1, &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

static enum status min_max(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *range = pickle_get(self, "feature_range");
    double low, high;
    value_id x;
    bool clip;

    TRY(state_bool(self, "clip", false, &clip, err));
    TRY(table_matrix(l, in, check_of(l, self), &x, err));
    TRY(apply(l, self, "Mul", "scale_", in->count, &x, err));
    TRY(apply(l, self, "Add", "min_", in->count, &x, err));
    if (clip) {
        if (!pickle_to_f64(pickle_item(range, 0), &low) ||
            !pickle_to_f64(pickle_item(range, 1), &high))
            return state_error(err, "feature_range", "is no pair of numbers");
        TRY(emit_clip(&l->e, x, low, high, &x, err));
    }
    return table_of_matrix(l, x, in->count, out, err);
}

static enum status binarizer(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    double threshold;
    value_id x, limit;

    TRY(state_f64(self, "threshold", 0, &threshold, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_scalar(l, threshold, &limit, err));
    TRY(emit_2(&l->e, "Greater", x, limit, &x, err));
    TRY(emit_cast(&l->e, x, DTYPE_F64, &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

const struct estimator_set estimators_scale =
    ESTIMATOR_SET({.name = "StandardScaler", .transform = standard, .width = "scale_"},
                  {.name = "RobustScaler", .transform = robust, .width = "scale_"},
                  {.name = "MaxAbsScaler", .transform = max_abs, .width = "scale_"},
                  {.name = "MinMaxScaler", .transform = min_max, .width = "scale_"},
                  {.name = "Binarizer", .transform = binarizer});
