// SPDX-License-Identifier: Apache-2.0
#include "server/tensorflow_serving/examples.h"

#include <stdio.h>

#include "formats/tensorflow/example.h"
#include "server/internal.h"

enum status examples_check(const struct examples *examples, struct error *err)
{
    if (examples->count == 0)
        return error_set(err, STATUS_INVALID_INPUT, "the input has no examples");
    if (examples->count > EXAMPLES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%zu examples, at most %d", examples->count,
                         EXAMPLES_MAX);
    return STATUS_OK;
}

/* Messages merge by standing behind each other. */
enum status examples_add_context(struct examples *examples, struct bytes context,
                                 struct arena *arena, struct error *err)
{
    for (size_t i = 0; context.size && i < examples->count; i++) {
        size_t size = context.size + examples->list[i].size;
        uint8_t *both = arena_alloc(arena, size, 1);

        if (!both)
            return error_no_memory(err, "examples");
        memcpy(both, context.data, context.size);
        if (examples->list[i].size)
            memcpy(both + context.size, examples->list[i].data, examples->list[i].size);
        examples->list[i] = (struct bytes){both, size};
    }
    return STATUS_OK;
}

/* --- features as tensors --- */

static enum status feature_of(const struct examples *examples, size_t i, const char *name,
                              struct feature_list *feature, struct error *err)
{
    const struct bytes key = bytes_of(name);

    if (example_features(examples->list[i], &key, 1, feature, err))
        return error_within(err, "example %zu", i);
    return STATUS_OK;
}

/* Values of one example: what the field's dimensions behind the first say, or those of the first
 * example. */
static size_t values_each(const struct field *field, const struct feature_list *first)
{
    size_t each = 1;

    for (int d = 1; d < field->shape.rank; d++) {
        if (field->shape.dims[d] < 0)
            return first->count;
        each *= (size_t)field->shape.dims[d];
    }
    return field->shape.rank < 0 ? first->count : each;
}

static struct shape shape_for(const struct field *field, size_t examples, size_t each)
{
    struct shape shape = field->shape;
    size_t free_dims = 0;

    for (int d = 1; d < shape.rank; d++)
        free_dims += shape.dims[d] < 0;
    if (shape.rank == 1 || (shape.rank < 0 && each == 1))
        return SHAPE((int64_t)examples);
    if (shape.rank < 1 || free_dims)
        return SHAPE((int64_t)examples, (int64_t)each);
    shape.dims[0] = (int64_t)examples;
    return shape;
}

/* *given has no dtype when no example has the feature and the field is optional. */
static enum status field_read(const struct examples *examples, const struct field *field,
                              struct given *given, struct arena *arena, struct error *err)
{
    struct feature_list feature;
    struct shape shape;
    size_t each, size;

    *given = (struct given){.name = field->name};
    TRY(feature_of(examples, 0, field->name, &feature, err));
    if (feature.dtype == DTYPE_NONE && field->optional)
        return STATUS_OK;
    each = values_each(field, &feature);
    shape = shape_for(field, examples->count, each);
    if (feature.dtype != DTYPE_NONE) {
        TRY(shape_check(&shape, feature.dtype, SIZE_MAX / 2, NULL, err));
        TRY(tensor_new(&given->tensor, feature.dtype, &shape, arena, err));
    }
    size = each * dtype_size(feature.dtype);
    for (size_t i = 0; i < examples->count; i++) {
        if (i)
            TRY(feature_of(examples, i, field->name, &feature, err));
        if (feature.dtype == DTYPE_NONE)
            return error_set(err, STATUS_INVALID_INPUT, "example %zu has no feature '%.64s'", i,
                             field->name);
        if (feature.dtype != given->tensor.dtype || feature.count != each)
            return error_set(err, STATUS_INVALID_INPUT,
                             "example %zu has %zu %s as '%.64s', not %zu %s", i, feature.count,
                             dtype_name(feature.dtype), field->name, each,
                             dtype_name(given->tensor.dtype));
        TRY(feature_values(&feature, (char *)given->tensor.data + i * size, err));
    }
    return STATUS_OK;
}

/* Does the signature take examples as they are? */
static enum status takes_examples(const struct signature *signature,
                                  const struct examples *examples, bool *takes, struct error *err)
{
    struct feature_list feature;

    *takes = signature->input_count == 1 && field_feed(&signature->inputs[0]) == DTYPE_STRING;
    if (!*takes)
        return STATUS_OK;
    TRY(feature_of(examples, 0, signature->inputs[0].name, &feature, err));
    *takes = feature.dtype == DTYPE_NONE;
    return STATUS_OK;
}

enum status examples_give(struct prediction *p, const struct examples *examples, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    const struct signature *signature = p->signature;
    struct given *given = arena_new(arena, struct given, signature->input_count);
    bool takes;

    if (!given)
        return error_no_memory(err, "a request");
    TRY(takes_examples(signature, examples, &takes, err));
    p->given = given;
    p->given_count = 0;
    if (takes) {
        given[p->given_count++] =
            (struct given){signature->inputs[0].name,
                           {DTYPE_STRING, SHAPE((int64_t)examples->count), examples->list, NULL}};
        return STATUS_OK;
    }
    for (size_t i = 0; i < signature->input_count; i++) {
        TRY(field_read(examples, &signature->inputs[i], &given[p->given_count], arena, err));
        p->given_count += given[p->given_count].tensor.dtype != DTYPE_NONE;
    }
    return STATUS_OK;
}

/* --- classes --- */

static bool is_rows(const struct tensor *tensor, size_t examples)
{
    return tensor->shape.rank >= 1 && tensor->shape.rank <= 2 &&
           (size_t)tensor->shape.dims[0] == examples;
}

static size_t columns(const struct tensor *tensor)
{
    return tensor->shape.rank == 2 ? (size_t)tensor->shape.dims[1] : 1;
}

/* "classes" and "scores", as TensorFlow calls them; else the first matrix of numbers, with the
 * classes that the contract knows. */
enum status classification_find(const struct prediction *p, size_t examples,
                                struct classification *found, struct error *err)
{
    *found = (struct classification){0};
    for (size_t i = 0; i < p->signature->output_count; i++) {
        const struct field *field = &p->signature->outputs[i];
        const struct tensor *output = &p->outputs[i];

        if (!is_rows(output, examples))
            continue;
        if (strcmp(field->name, "classes") == 0 && output->dtype == DTYPE_STRING)
            found->labels = output;
        if (!dtype_is_float(output->dtype) || output->shape.rank != 2)
            continue;
        if (found->scores && strcmp(field->name, "scores") != 0)
            continue;
        found->scores = output;
        found->classes = field->classes && tensor_count(field->classes) == columns(output)
                             ? field->classes
                             : NULL;
    }
    if (!found->labels && !found->scores)
        return error_set(err, STATUS_INVALID_INPUT,
                         "signature '%s' is no classification: it has neither classes nor scores "
                         "for each example",
                         p->signature->name);
    if (found->labels && found->scores && columns(found->labels) != columns(found->scores))
        found->scores = NULL;
    found->count = columns(found->labels ? found->labels : found->scores);
    return STATUS_OK;
}

struct bytes classification_label(const struct classification *found, size_t example, size_t class,
                                  char *buffer)
{
    const struct tensor *labels = found->labels ? found->labels : found->classes;
    size_t i = found->labels ? example * found->count + class : class;

    if (!labels)
        return (struct bytes){(const uint8_t *)"", 0};
    if (labels->dtype == DTYPE_STRING)
        return ((const struct bytes *)labels->data)[i];
    if (dtype_is_float(labels->dtype))
        snprintf(buffer, LABEL_SIZE, "%.17g", tensor_f64(labels, i));
    else
        snprintf(buffer, LABEL_SIZE, "%lld", (long long)tensor_i64(labels, i));
    return bytes_of(buffer);
}

float classification_score(const struct classification *found, size_t example, size_t class)
{
    return found->scores ? (float)tensor_f64(found->scores, example * found->count + class) : 0;
}

enum status regression_find(const struct prediction *p, size_t examples,
                            const struct tensor **values, struct error *err)
{
    for (size_t i = 0; i < p->signature->output_count; i++) {
        *values = &p->outputs[i];
        if (dtype_is_float((*values)->dtype) && is_rows(*values, examples) && columns(*values) == 1)
            return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT,
                     "signature '%s' is no regression: it has no number for each example",
                     p->signature->name);
}
