// SPDX-License-Identifier: Apache-2.0
/* Tables: columns that are put together as late as possible. */
#include "importers/sklearn/internal.h"

#include <string.h>

#include "base/checked.h"
#include "base/text.h"

enum { COLUMNS_MAX = 4 << 20 }; /* of one table: more is no model */

enum status table_expect(const struct table *table, size_t count, struct error *err)
{
    if (table->count != count)
        return error_set(err, STATUS_UNSUPPORTED, "expects %zu columns, but is given %zu", count,
                         table->count);
    return STATUS_OK;
}

static enum status columns_new(struct lowering *l, size_t count, struct column **columns,
                               struct error *err)
{
    if (count > COLUMNS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d columns", COLUMNS_MAX);
    *columns = arena_new(l->keep, struct column, count);
    return *columns ? STATUS_OK : error_no_memory(err, "columns");
}

enum status table_of_matrix(struct lowering *l, value_id matrix, size_t width, struct table *out,
                            struct error *err)
{
    struct column *columns;

    TRY(columns_new(l, width, &columns, err));
    for (size_t i = 0; i < width; i++)
        columns[i] = (struct column){.value = matrix,
                                     .index = (int64_t)i,
                                     .source = -1,
                                     .dtype = l->e.graph->values[matrix].dtype};
    *out = (struct table){.columns = columns, .count = width};
    return STATUS_OK;
}

enum status table_of_vector(struct lowering *l, value_id vector, struct table *out,
                            struct error *err)
{
    TRY(table_of_matrix(l, vector, 1, out, err));
    ((struct column *)out->columns)->index = -1;
    return STATUS_OK;
}

enum status table_pick(struct lowering *l, const struct table *table, const size_t *indices,
                       size_t count, struct table *out, struct error *err)
{
    struct column *columns;

    TRY(columns_new(l, count, &columns, err));
    for (size_t i = 0; i < count; i++) {
        if (indices[i] >= table->count)
            return error_set(err, STATUS_UNSUPPORTED, "column %zu of a table of %zu columns",
                             indices[i], table->count);
        columns[i] = table->columns[indices[i]];
    }
    *out = (struct table){.columns = columns, .count = count};
    return STATUS_OK;
}

enum status table_join(struct lowering *l, const struct table *tables, size_t count,
                       struct table *out, struct error *err)
{
    struct column *columns;
    size_t total = 0, at = 0;

    for (size_t t = 0; t < count; t++)
        if (!checked_add(total, tables[t].count, &total))
            return error_set(err, STATUS_TOO_LARGE, "too many columns");
    TRY(columns_new(l, total, &columns, err));
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            columns[at++] = tables[t].columns[i];
    *out = (struct table){.columns = columns, .count = total};
    return STATUS_OK;
}

/* --- the model's inputs --- */

enum status table_find(struct lowering *l, struct table *table, struct bytes name, size_t *index,
                       struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct column *columns;
    size_t source;

    for (size_t i = 0; i < table->count; i++)
        if (table->columns[i].name && bytes_is(name, table->columns[i].name)) {
            *index = i;
            return STATUS_OK;
        }
    if (!table->open) {
        if (table->count && table->columns[0].source >= 0 && l->mode != INPUT_NAMED)
            l->needs = INPUT_OPEN;
        return error_set(err, STATUS_UNSUPPORTED, "column '%s' is asked for by name, but %s",
                         text_quote(name, quoted, sizeof quoted),
                         table->count && table->columns[0].name ? "there is none"
                                                                : "the columns have no names");
    }
    for (source = 0; source < l->source_count; source++)
        if (bytes_is(name, l->sources[source].name))
            break;
    if (source == l->source_count) {
        struct evidence evidence = {EVIDENCE_STORED, *l->e.where ? l->e.where : "column names"};

        TRY(source_add(l, name, &evidence, &source, err));
    }
    TRY(columns_new(l, table->count + 1, &columns, err));
    if (table->count)
        memcpy(columns, table->columns, table->count * sizeof *columns);
    *index = table->count;
    columns[table->count++] = (struct column){.value = VALUE_NONE,
                                              .index = -1,
                                              .source = (int32_t)source,
                                              .name = l->sources[source].name};
    table->columns = columns;
    return STATUS_OK;
}

enum dtype column_dtype(const struct lowering *l, const struct column *column)
{
    if (column->dtype != DTYPE_NONE || column->source < 0)
        return column->dtype;
    return l->sources[column->source].dtype;
}

bool column_is_integral(const struct lowering *l, const struct column *column)
{
    return column->integral ||
           (column->source >= 0 && l->mode != INPUT_MATRIX && l->sources[column->source].integral);
}

/* Give an input column its dtype, or the one it already has. */
static enum status source_settle(struct lowering *l, size_t index, enum dtype dtype,
                                 struct error *err)
{
    struct source *source = &l->sources[index];
    struct shape shape = SHAPE(l->batch);

    if (source->dtype != DTYPE_NONE)
        return STATUS_OK;
    source->dtype = dtype;
    source->asked_by = l->e.where;
    return graph_input(l->e.graph, source->name, dtype, &shape, &source->value, err);
}

/* A column as it is in the graph, its input settled as `dtype` when it was not yet. */
static enum status column_settle(struct lowering *l, const struct column *column, enum dtype dtype,
                                 struct column *settled, struct error *err)
{
    *settled = *column;
    if (column->dtype == DTYPE_NONE) {
        TRY(source_settle(l, (size_t)column->source, dtype == DTYPE_NONE ? DTYPE_F64 : dtype, err));
        settled->value = l->sources[column->source].value;
        settled->dtype = l->sources[column->source].dtype;
    }
    if (column->source >= 0 && l->mode == INPUT_MATRIX && dtype != DTYPE_NONE &&
        (settled->dtype == DTYPE_STRING) != (dtype == DTYPE_STRING))
        l->needs = INPUT_NUMBERED;
    return STATUS_OK;
}

enum status table_settle(struct lowering *l, const struct table *table, size_t index,
                         enum dtype dtype, struct error *err)
{
    struct column settled;

    return column_settle(l, &table->columns[index], dtype, &settled, err);
}

static enum status refuse_kind(struct lowering *l, const struct table *table, size_t index,
                               enum dtype have, enum dtype want, struct error *err)
{
    const struct column *column = &table->columns[index];
    char quoted[TEXT_QUOTE_SIZE];
    const char *name =
        column->name ? text_quote(bytes_of(column->name), quoted, sizeof quoted) : NULL;
    const char *by =
        column->source >= 0 && l->mode != INPUT_MATRIX ? l->sources[column->source].asked_by : NULL;

    if (name)
        return error_set(err, STATUS_UNSUPPORTED, "column '%s' is of type %s%s%s, not %s", name,
                         dtype_name(have), by ? " for " : "", by ? by : "", dtype_name(want));
    return error_set(err, STATUS_UNSUPPORTED, "column %zu is of type %s, not %s", index,
                     dtype_name(have), dtype_name(want));
}

enum status table_vector(struct lowering *l, const struct table *table, size_t index,
                         enum dtype dtype, value_id *vector, struct error *err)
{
    struct column column;
    struct attribute picks;

    if (index >= table->count)
        return error_set(err, STATUS_UNSUPPORTED, "column %zu of a table of %zu columns", index,
                         table->count);
    TRY(column_settle(l, &table->columns[index], dtype, &column, err));
    if (dtype == DTYPE_NONE)
        dtype = column.dtype;
    if ((column.dtype == DTYPE_STRING) != (dtype == DTYPE_STRING))
        return refuse_kind(l, table, index, column.dtype, dtype, err);
    *vector = column.value;
    if (column.index >= 0) {
        int64_t at = column.index;
        struct shape scalar = shape_scalar();
        value_id which;

        picks = attribute_of_int("axis", 1);
        TRY(graph_constant_i64(l->e.graph, &at, &scalar, &which, err));
        TRY(emit(&l->e, "", "Gather", (value_id[]){column.value, which}, 2, &picks, 1, vector, 1,
                 err));
    }
    return emit_cast(&l->e, *vector, dtype, vector, err);
}

/* --- putting columns together --- */

struct parts { /* the inputs of a Columns node */
    value_id *values;
    int64_t *picks; /* per column: which input, which of its columns */
    size_t value_count;
    bool finite; /* every column is known to be */
    bool whole;  /* the columns of one matrix, all of them, in order */
};

static enum status parts_collect(struct lowering *l, const struct table *table, enum dtype dtype,
                                 struct parts *parts, struct error *err)
{
    struct column column;

    parts->values = arena_new(l->keep, value_id, table->count);
    parts->picks = arena_new(l->keep, int64_t, 2 * table->count);
    if (!parts->values || !parts->picks)
        return error_no_memory(err, "columns");
    parts->finite = parts->whole = true;
    for (size_t i = 0, v; i < table->count; i++) {
        TRY(column_settle(l, &table->columns[i], dtype, &column, err));
        if ((column.dtype == DTYPE_STRING) != (dtype == DTYPE_STRING))
            return refuse_kind(l, table, i, column.dtype, dtype, err);
        /* Runs of one matrix are the rule, so looking back from the last is quick. */
        for (v = parts->value_count; v > 0 && parts->values[v - 1] != column.value; v--)
            ;
        if (v == 0) {
            parts->values[parts->value_count++] = column.value;
            v = parts->value_count;
        }
        parts->picks[2 * i] = (int64_t)v - 1;
        parts->picks[2 * i + 1] = column.index < 0 ? 0 : column.index;
        parts->finite = parts->finite && column.finite;
        parts->whole = parts->whole && v == 1 && column.index == (int64_t)i;
    }
    if (parts->whole && parts->value_count == 1) {
        const struct value *value = &l->e.graph->values[parts->values[0]];

        parts->whole = value->dtype == dtype && value->shape.rank == 2 &&
                       value->shape.dims[1] == (int64_t)table->count;
    }
    return STATUS_OK;
}

static enum status emit_check(struct lowering *l, enum check check, value_id *matrix,
                              struct error *err)
{
    bool nan = check == CHECK_FINITE_OR_NAN || check == CHECK_FINITE_OR_NAN_F32;
    bool single = check == CHECK_FINITE_F32 || check == CHECK_FINITE_OR_NAN_F32;
    struct attribute attributes[] = {attribute_of_int("nan", nan),
                                     attribute_of_int("single", single)};

    return emit(&l->e, "firn", "Finite", matrix, 1, attributes, 2, matrix, 1, err);
}

/* The matrix (n, 1) that a Squeeze node made this vector of, or VALUE_NONE. */
static value_id unsqueezed(const struct lowering *l, const struct table *table)
{
    value_id vector = table->columns[0].value, matrix;
    const struct node *node;

    if (table->count != 1 || vector < 0 || l->e.graph->values[vector].producer < 0)
        return VALUE_NONE;
    node = &l->e.graph->nodes[l->e.graph->values[vector].producer];
    if (strcmp(node->op->name, "Squeeze") != 0 || *node->domain)
        return VALUE_NONE;
    matrix = node->inputs[0];
    return l->e.graph->values[matrix].shape.rank == 2 &&
                   l->e.graph->values[matrix].dtype == DTYPE_F64
               ? matrix
               : VALUE_NONE;
}

enum status table_matrix(struct lowering *l, const struct table *table, enum check check,
                         value_id *matrix, struct error *err)
{
    struct parts parts = {0};
    struct attribute picks;

    if (table->count == 0)
        return error_set(err, STATUS_UNSUPPORTED, "is given a table without columns");
    TRY(parts_collect(l, table, DTYPE_F64, &parts, err));
    *matrix = parts.whole ? parts.values[0] : unsqueezed(l, table);
    if (*matrix == VALUE_NONE) {
        picks = attribute_of_ints("picks", parts.picks, 2 * table->count);
        TRY(emit(&l->e, "firn", "Columns", parts.values, parts.value_count, &picks, 1, matrix, 1,
                 err));
    }
    if (check == CHECK_NONE ||
        (parts.finite && check != CHECK_FINITE_F32 && check != CHECK_FINITE_OR_NAN_F32))
        return STATUS_OK;
    return emit_check(l, check, matrix, err);
}

enum status table_text(struct lowering *l, const struct table *table, value_id *matrix,
                       struct error *err)
{
    struct parts parts = {0};
    struct attribute picks;

    if (table->count == 0)
        return error_set(err, STATUS_UNSUPPORTED, "is given a table without columns");
    TRY(parts_collect(l, table, DTYPE_STRING, &parts, err));
    *matrix = parts.values[0];
    if (parts.whole)
        return STATUS_OK;
    picks = attribute_of_ints("picks", parts.picks, 2 * table->count);
    return emit(&l->e, "firn", "Columns", parts.values, parts.value_count, &picks, 1, matrix, 1,
                err);
}
