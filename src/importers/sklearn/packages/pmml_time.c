// SPDX-License-Identifier: Apache-2.0
/* sklearn2pmml's dates and times: columns of seconds since 1970 here. */
#include "importers/sklearn/packages/pmml.h"

static const double DAY = 86400;

static enum status round_down(struct lowering *l, value_id x, double unit, value_id *y,
                              struct error *err)
{
    TRY(emit_scaled(l, "Div", x, unit, &x, err));
    return emit_1(&l->e, "Floor", x, y, err);
}

static void mark_integral(struct table *table, const struct table *in)
{
    for (size_t i = 0; i < table->count; i++) {
        ((struct column *)table->columns)[i].integral = true;
        ((struct column *)table->columns)[i].name = in->columns[i].name;
    }
    table->flat = in->flat;
}

enum status time_column(struct lowering *l, const struct table *in, size_t column, bool days,
                        struct table *out, struct error *err)
{
    struct attribute function = attribute_of_text("function", "seconds");
    struct attribute refuse = attribute_of_int("on_missing", 1);
    value_id x;

    TRY(table_vector(l, in, column, DTYPE_STRING, &x, err));
    TRY(emit(&l->e, "firn", "DomainText", &x, 1, &refuse, 1, &x, 1, err));
    TRY(emit(&l->e, "firn", "Text", &x, 1, &function, 1, &x, 1, err));
    if (days) {
        TRY(round_down(l, x, DAY, &x, err));
        TRY(emit_scaled(l, "Mul", x, DAY, &x, err));
    }
    return table_of_vector(l, x, out, err);
}

/* --- DateDomain, DateTimeDomain --- */

static enum status domain(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    static const char *const PLAIN[] = {"missing_values", "missing_value_replacement"};
    bool days = pickle_text_is(pickle_get(self, "dtype"), "datetime64[D]");
    struct table *parts = arena_new(l->keep, struct table, in->count + 1);

    if (!parts)
        return error_no_memory(err, "columns");
    if (!days && !pickle_text_is(pickle_get(self, "dtype"), "datetime64[s]"))
        return state_error(err, "dtype", "is no type of dates that firn knows");
    for (size_t i = 0; i < ARRAY_COUNT(PLAIN); i++)
        if (!pickle_is_none(pickle_get(self, PLAIN[i])))
            return state_error(err, PLAIN[i], "of dates is not served yet");
    for (size_t i = 0; i < in->count; i++)
        TRY(time_column(l, in, i, days, &parts[i], err));
    TRY(table_join(l, parts, in->count, out, err));
    mark_integral(out, in);
    return STATUS_OK;
}

/* --- durations --- */

/* Seconds from 1970 to the first of January of `year`. */
static enum status year_begin(const struct pickle_object *self, double *seconds, struct error *err)
{
    int64_t year, before;

    if (!pickle_to_i64(pickle_get(self, "year"), &year) || year < 1900 || year > 3000)
        return state_error(err, "year", "is no year");
    before = year - 1;
    *seconds = (double)(before * 365 + before / 4 - before / 100 + before / 400 - 719162) * DAY;
    return STATUS_OK;
}

/* Whole numbers, under the names and in the shape of the input. */
static enum status give_whole(struct lowering *l, value_id x, const struct table *in,
                              struct table *out, struct error *err)
{
    TRY(table_of_matrix(l, x, in->count, out, err));
    mark_integral(out, in);
    return STATUS_OK;
}

static enum status since_year(struct lowering *l, const struct pickle_object *self, bool days,
                              const struct table *in, struct table *out, struct error *err)
{
    double begin = 0;
    value_id x;

    TRY(year_begin(self, &begin, err));
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    TRY(emit_scaled(l, "Sub", x, begin, &x, err));
    if (days)
        TRY(round_down(l, x, DAY, &x, err));
    return give_whole(l, x, in, out, err);
}

static enum status seconds_since(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return since_year(l, self, false, in, out, err);
}

static enum status days_since(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    return since_year(l, self, true, in, out, err);
}

static enum status seconds_of_day(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    value_id x, begin;

    (void)self;
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    TRY(round_down(l, x, DAY, &begin, err));
    TRY(emit_scaled(l, "Mul", begin, DAY, &begin, err));
    TRY(emit_2(&l->e, "Sub", x, begin, &x, err));
    return give_whole(l, x, in, out, err);
}

static enum status format(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *pattern = pickle_get(self, "pattern");
    struct attribute attributes[2] = {attribute_of_text("function", "time")};
    value_id x;

    if (!pattern || pattern->kind != PICKLE_TEXT)
        return state_error(err, "pattern", "is no text");
    attributes[1] =
        (struct attribute){.name = "pattern", .kind = ATTRIBUTE_STRING, .s = pattern->bytes};
    TRY(table_expect(in, 1, err));
    TRY(table_vector(l, in, 0, DTYPE_F64, &x, err));
    TRY(emit(&l->e, "firn", "Text", &x, 1, attributes, 2, &x, 1, err));
    TRY(table_of_vector(l, x, out, err));
    out->flat = in->flat;
    return STATUS_OK;
}

#define PMML(class_name, function)                                                                 \
    {                                                                                              \
        .name = class_name, .package = "sklearn2pmml", .transform = function                       \
    }

const struct estimator_set estimators_pmml_time = ESTIMATOR_SET(
    PMML("DateDomain", domain), PMML("DateTimeDomain", domain),
    PMML("DaysSinceYearTransformer", days_since),
    PMML("SecondsSinceYearTransformer", seconds_since),
    PMML("SecondsSinceMidnightTransformer", seconds_of_day), PMML("DateTimeFormatter", format));
