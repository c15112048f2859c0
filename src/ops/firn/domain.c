// SPDX-License-Identifier: Apache-2.0
/* Domain and DomainText: what the domain decorators of sklearn2pmml do to values that are missing,
 * invalid or outliers.
 *
 * Domain: (n, w) double -> the same shape. Attributes:
 *   low, high           floats (w): valid values lie between them; absent: all are valid
 *   values, ends        tensor (all,) double and integers (w): the valid values of column c are
 *                       those up to ends[c], after ends[c - 1]; instead of low and high
 *   missing             floats: which values are missing (NaN equals NaN)
 *   on_missing          0 left as they are, 1 an error, 2 become missing_replacement
 *   on_invalid          0 an error, 1 left, 2 become missing_value, then as on_missing,
 *                       3 become invalid_replacement
 *   on_outlier          0 left, 1 as missing, 2 become the limit; outlier_low, outlier_high
 * DomainText: (n,) string; values tensor (k,) string or absent; missing strings (a string without
 * data is always missing); replacements are strings; no outliers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ops/op.h"

enum { LEAVE_MISSING, REFUSE_MISSING, REPLACE_MISSING };
enum { REFUSE_INVALID, LEAVE_INVALID, INVALID_IS_MISSING, REPLACE_INVALID };
enum { LEAVE_OUTLIER, OUTLIER_IS_MISSING, LIMIT_OUTLIER };

struct rules {
    const double *low, *high, *missing;
    const struct tensor *values;
    const int64_t *ends;
    size_t missing_count;
    int64_t on_missing, on_invalid, on_outlier;
    double missing_replacement, invalid_replacement, missing_value, outlier_low, outlier_high;
};

static enum status refuse(const char *what, const char *value, size_t row, size_t column,
                          struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "%s value%s%s, at row %zu, column %zu", what,
                     *value ? " " : "", value, row, column);
}

/* --- numbers --- */

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    const struct tensor *values = attribute_tensor(call->attributes, "values");
    size_t low, high, ends;
    const int64_t *end;
    bool known;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    if (shape->rank != 2 && shape->rank != RANK_UNKNOWN)
        return op_error(call, err, STATUS_INVALID_INPUT, "input is no matrix");
    known = shape->rank == 2 && dim_is_known(shape->dims[1]);
    attribute_floats(call->attributes, "low", &low);
    attribute_floats(call->attributes, "high", &high);
    end = attribute_ints(call->attributes, "ends", &ends);
    if (low != high || (low && known && (int64_t)low != shape->dims[1]))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%zu and %zu limits do not fit the columns", low, high);
    if (values && (values->dtype != DTYPE_F64 || (known && (int64_t)ends != shape->dims[1])))
        return op_error(call, err, STATUS_INVALID_INPUT, "values do not fit the columns");
    for (size_t c = 0; values && c < ends; c++)
        if (end[c] < (c ? end[c - 1] : 0) || end[c] > (int64_t)tensor_count(values))
            return op_error(call, err, STATUS_INVALID_INPUT, "values do not fit the columns");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = *shape;
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    const struct attributes *a = call->attributes;
    struct rules *rules = arena_new(keep, struct rules, 1);
    size_t count;

    if (!rules)
        return error_no_memory(err, "the rules of a domain");
    rules->low = attribute_floats(a, "low", &count);
    rules->high = attribute_floats(a, "high", &count);
    rules->missing = attribute_floats(a, "missing", &rules->missing_count);
    rules->values = attribute_tensor(a, "values");
    rules->ends = attribute_ints(a, "ends", &count);
    rules->on_missing = attribute_int(a, "on_missing", LEAVE_MISSING);
    rules->on_invalid = attribute_int(a, "on_invalid", REFUSE_INVALID);
    rules->on_outlier = attribute_int(a, "on_outlier", LEAVE_OUTLIER);
    rules->missing_replacement = attribute_float(a, "missing_replacement", NAN);
    rules->invalid_replacement = attribute_float(a, "invalid_replacement", NAN);
    rules->missing_value = attribute_float(a, "missing_value", NAN);
    rules->outlier_low = attribute_float(a, "outlier_low", -INFINITY);
    rules->outlier_high = attribute_float(a, "outlier_high", INFINITY);
    call->state = rules;
    return STATUS_OK;
}

static bool is_missing(const struct rules *rules, double x)
{
    for (size_t i = 0; i < rules->missing_count; i++)
        if (x == rules->missing[i] || (isnan(x) && isnan(rules->missing[i])))
            return true;
    return false;
}

static bool is_valid(const struct rules *rules, double x, size_t column)
{
    const double *values;

    if (rules->low)
        return x >= rules->low[column] && x <= rules->high[column];
    if (!rules->values)
        return true;
    values = rules->values->data;
    for (int64_t i = column ? rules->ends[column - 1] : 0; i < rules->ends[column]; i++)
        if (values[i] == x)
            return true;
    return false;
}

/* What a missing value becomes; `*refused` when that is an error. */
static double treat_missing(const struct rules *rules, double x, const char **refused)
{
    if (rules->on_missing == REFUSE_MISSING)
        *refused = "missing";
    return rules->on_missing == REPLACE_MISSING ? rules->missing_replacement : x;
}

static double treat(const struct rules *rules, double x, size_t column, const char **refused)
{
    if (is_missing(rules, x))
        return treat_missing(rules, x, refused);
    if (is_valid(rules, x, column)) {
        if (rules->on_outlier == LEAVE_OUTLIER ||
            (x >= rules->outlier_low && x <= rules->outlier_high))
            return x;
        if (rules->on_outlier == OUTLIER_IS_MISSING)
            return treat_missing(rules, rules->missing_value, refused);
        return x < rules->outlier_low ? rules->outlier_low : rules->outlier_high;
    }
    switch (rules->on_invalid) {
    case LEAVE_INVALID:
        return x;
    case INVALID_IS_MISSING:
        return treat_missing(rules, rules->missing_value, refused);
    case REPLACE_INVALID:
        return rules->invalid_replacement;
    default:
        *refused = "invalid";
        return x;
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t width = (size_t)call->in[0].shape.dims[1], count = tensor_count(&call->in[0]);
    const double *x = call->in[0].data;
    double *y = call->out[0].data;
    const char *refused = NULL;
    char value[40];

    for (size_t i = 0; i < count; i++) {
        double before = x[i];

        y[i] = treat(call->state, before, i % width, &refused);
        if (refused) {
            snprintf(value, sizeof value, "%.17g", before);
            return refuse(refused, value, i / width, i % width, err);
        }
    }
    return STATUS_OK;
}

/* --- text --- */

static enum status text_infer(struct op_call *call, struct error *err)
{
    const struct tensor *values = attribute_tensor(call->attributes, "values");

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (values && values->dtype != DTYPE_STRING)
        return op_error(call, err, STATUS_INVALID_INPUT, "values are no strings");
    call->out[0].dtype = DTYPE_STRING;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

static bool text_is_missing(const struct op_call *call, struct bytes x)
{
    size_t count;
    const struct bytes *missing = attribute_strings(call->attributes, "missing", &count);

    if (!x.data)
        return true;
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(x, missing[i]))
            return true;
    return false;
}

static bool text_is_valid(const struct tensor *values, struct bytes x)
{
    for (size_t i = 0; values && i < tensor_count(values); i++)
        if (bytes_equal(((const struct bytes *)values->data)[i], x))
            return true;
    return !values;
}

static struct bytes text_replacement(const struct op_call *call, const char *name)
{
    const struct attribute *attribute = attribute_find(call->attributes, name);

    return attribute ? attribute->s : (struct bytes){0};
}

static enum status text_run(const struct op_call *call, struct error *err)
{
    const struct tensor *values = attribute_tensor(call->attributes, "values");
    int64_t on_missing = attribute_int(call->attributes, "on_missing", LEAVE_MISSING);
    int64_t on_invalid = attribute_int(call->attributes, "on_invalid", REFUSE_INVALID);
    const struct bytes *x = call->in[0].data;
    struct bytes *y = call->out[0].data;
    size_t count = tensor_count(&call->in[0]);
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < count; i++) {
        struct bytes before = x[i];
        bool missing = text_is_missing(call, before);

        y[i] = before;
        if (!missing && !text_is_valid(values, before)) {
            if (on_invalid == REFUSE_INVALID)
                return refuse("invalid", text_quote(before, quoted, sizeof quoted), i, 0, err);
            if (on_invalid == REPLACE_INVALID)
                y[i] = text_replacement(call, "invalid_replacement");
            if (on_invalid == INVALID_IS_MISSING) {
                missing = true;
                y[i] = text_replacement(call, "missing_value");
            }
        }
        if (missing && on_missing == REFUSE_MISSING)
            return refuse("missing", "", i, 0, err);
        if (missing && on_missing == REPLACE_MISSING)
            y[i] = text_replacement(call, "missing_replacement");
    }
    return STATUS_OK;
}

const struct op_set ops_firn_domain =
    OP_SET({.name = "Domain",
            .summary = "treatment of missing, invalid and extreme numbers",
            .flags = OP_INPLACE | OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .prepare = prepare,
            .run = run},
           {.name = "DomainText",
            .summary = "treatment of missing and invalid strings",
            .flags = OP_INPLACE | OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = text_infer,
            .run = text_run});
