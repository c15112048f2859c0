// SPDX-License-Identifier: Apache-2.0
/* What a model is given: columns by name, or a matrix. */
#include "importers/sklearn/internal.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_MAX = 32, WIDTH_MAX = 1 << 20 };

/* The estimator that sees `object`'s input first, or NULL. */
static const struct pickle_object *first_of(const struct pickle_object *object)
{
    const struct estimator_class *class = estimator_find(object);

    if (class && class->first)
        return class->first(object);
    return class && class->inner ? pickle_get(object, class->inner) : NULL;
}

const struct pickle_object *ensemble_first(const struct pickle_object *self)
{
    return pickle_item(pickle_get(self, "estimators_"), 0);
}

static bool names_of(const struct pickle_object *object, const char *attribute,
                     struct tensor *names, struct arena *keep, struct error *err)
{
    const struct pickle_object *stored = pickle_get(object, attribute);

    if (pickle_is_none(stored) || pickle_to_tensor(stored, names, keep, err))
        return false;
    if (names->shape.rank == 0)
        names->shape = SHAPE(1);
    return names->dtype == DTYPE_STRING && names->shape.rank == 1 && tensor_count(names) > 0;
}

/* Every name once, and none empty: they become fields. */
static bool names_distinct(const struct tensor *names)
{
    const struct bytes *items = names->data;
    size_t count = tensor_count(names);

    for (size_t i = 0; i < count; i++) {
        if (items[i].size == 0)
            return false;
        for (size_t j = 0; j < i && count <= 4096; j++)
            if (bytes_equal(items[i], items[j]))
                return false;
    }
    return true;
}

static size_t width_of(const struct pickle_object *object, const char **from, struct arena *keep)
{
    static const char *const COUNTS[] = {"n_features_in_", "n_features_", "_n_features",
                                         "n_features", "n_input_features_"};
    const struct estimator_class *class = estimator_find(object);
    const struct pickle_object *stored;
    struct tensor tensor;
    struct error ignored;
    int64_t count;

    if (class && class->columns && !pickle_get(object, COUNTS[0])) {
        *from = pickle_name(object); /* its n_features may be of the output */
        return class->columns;
    }
    for (size_t i = 0; i < ARRAY_COUNT(COUNTS); i++)
        if (pickle_to_i64(pickle_get(object, COUNTS[i]), &count) && count > 0 &&
            count <= WIDTH_MAX) {
            *from = COUNTS[i];
            return (size_t)count;
        }
    if (class && class->inputs) {
        size_t width = class->inputs(object, keep);

        *from = pickle_name(object);
        return width <= WIDTH_MAX ? width : 0;
    }
    if (pickle_length(pickle_get(object, "categories_"))) { /* one list for each column */
        *from = "categories_";
        return pickle_length(pickle_get(object, "categories_"));
    }
    stored = class && class->width ? pickle_get(object, class->width) : NULL;
    if (pickle_is_none(stored) || pickle_to_tensor(stored, &tensor, keep, &ignored) ||
        tensor.shape.rank < 1)
        return 0;
    count = tensor.shape.dims[tensor.shape.rank - 1];
    *from = class->width;
    return count > 0 && count <= WIDTH_MAX ? (size_t)count : 0;
}

enum status inputs_find(const struct pickle_object *root, struct inputs *inputs, struct arena *keep,
                        struct error *err)
{
    static const char *const NAMES[] = {"feature_names_in_", "active_fields", "_df_columns",
                                        "_feature_names_in", "variable_names"};
    const struct pickle_object *object = root;
    struct error ignored;

    (void)err;
    *inputs = (struct inputs){0};
    for (int depth = 0; object && depth < FIRST_MAX; depth++, object = first_of(object)) {
        for (size_t i = 0; i < ARRAY_COUNT(NAMES) && !inputs->names_from; i++) {
            struct tensor names;

            if (names_of(object, NAMES[i], &names, keep, &ignored) && names_distinct(&names)) {
                inputs->names = names;
                inputs->names_from = NAMES[i];
                inputs->width = tensor_count(&names);
                inputs->width_from = NAMES[i];
                return STATUS_OK;
            }
        }
        if (!inputs->width)
            inputs->width = width_of(object, &inputs->width_from, keep);
    }
    return STATUS_OK;
}

enum status source_add(struct lowering *l, struct bytes name, const struct evidence *evidence,
                       size_t *index, struct error *err)
{
    if (!ARENA_GROW(l->keep, l->sources, l->source_count, l->source_capacity))
        return error_no_memory(err, "input columns");
    *index = l->source_count++;
    l->sources[*index] = (struct source){
        .name = arena_text(l->keep, name), .value = VALUE_NONE, .name_evidence = *evidence};
    return l->sources[*index].name ? STATUS_OK : error_no_memory(err, "input columns");
}

static enum status columns_table(struct lowering *l, const struct inputs *inputs,
                                 struct table *table, struct error *err)
{
    struct column *columns = arena_new(l->keep, struct column, inputs->width);
    bool named = l->mode == INPUT_NAMED;
    struct evidence evidence = {named ? EVIDENCE_STORED : EVIDENCE_DERIVED,
                                named ? inputs->names_from : "position of the column"};
    size_t index;
    char number[32];

    if (!columns)
        return error_no_memory(err, "input columns");
    for (size_t i = 0; i < inputs->width; i++) {
        struct bytes name;

        if (named) {
            name = ((const struct bytes *)inputs->names.data)[i];
        } else {
            snprintf(number, sizeof number, "x%zu", i);
            name = bytes_of(number);
        }
        TRY(source_add(l, name, &evidence, &index, err));
        columns[i] = (struct column){.value = VALUE_NONE,
                                     .index = -1,
                                     .source = (int32_t)index,
                                     .name = named ? l->sources[index].name : NULL};
    }
    *table = (struct table){.columns = columns, .count = inputs->width};
    return STATUS_OK;
}

enum status inputs_table(struct lowering *l, const struct inputs *inputs, struct table *table,
                         struct error *err)
{
    struct shape shape = SHAPE(l->batch, (int64_t)inputs->width);
    struct column *columns;

    switch (l->mode) {
    case INPUT_NAMED:
    case INPUT_NUMBERED:
        return columns_table(l, inputs, table, err);
    case INPUT_MATRIX:
        TRY(graph_input(l->e.graph, "x", l->matrix_dtype, &shape, &l->matrix, err));
        TRY(table_of_matrix(l, l->matrix, inputs->width, table, err));
        columns = (struct column *)table->columns;
        for (size_t i = 0; i < table->count; i++)
            columns[i].source = 0;
        return STATUS_OK;
    case INPUT_OPEN:
        columns = arena_new(l->keep, struct column, 1); /* an address of its own, for the memo */
        if (!columns)
            return error_no_memory(err, "input columns");
        *table = (struct table){.columns = columns, .open = true};
        return STATUS_OK;
    }
    return STATUS_OK;
}
