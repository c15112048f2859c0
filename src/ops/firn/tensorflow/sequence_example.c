// SPDX-License-Identifier: Apache-2.0
/* Feature lists of serialized tf.train.SequenceExample; what is said of messages, keys, types and
 * splits in ops/firn/example.c holds here too. A step is one feature of a list.
 *
 * SequenceDense: attributes types, ranks and dims (of a step), missing (K,): 1: a list that is not
 *   there is empty. Outputs for each key: values N T dims, T the most steps, filled up with zeros;
 *   steps (N,) I64.
 * SequenceSparse: outputs for each key: indices (n, 3), values (n,), shape (3,): N, T, the longest.
 * SequenceRagged: outputs for each key: values (n,), where messages begin among the steps (N + 1,),
 *   where steps begin among the values (steps + 1,). */
#include <stdio.h>

#include "ops/kernels/features.h"

/* --- what the three share --- */

static int64_t number_of(const struct op_call *call, const char *name, size_t k)
{
    size_t count;
    const int64_t *numbers = attribute_ints(call->attributes, name, &count);

    return k < count ? numbers[k] : 0;
}

static enum status lists_read(const struct op_call *call, size_t i, struct bytes *lists,
                              struct error *err)
{
    size_t count;
    const struct bytes *keys = features_keys(call, &count);
    struct bytes message;

    TRY(features_message(call, i, &message, err));
    if (example_sequences(message, keys, count, lists, err))
        return error_within(err, "example %zu", i);
    return STATUS_OK;
}

/* The next step of list k, of its type or without values. */
static enum status step_next(const struct op_call *call, size_t i, size_t k, struct bytes list,
                             size_t *at, struct feature_list *step, bool *more, struct error *err)
{
    *more = false;
    if (!list.data)
        return STATUS_OK;
    if (feature_next(list, at, step, more, err))
        return error_within(err, "example %zu", i);
    if (*more)
        TRY(features_check(call, "feature list", i, k, step, features_dtype(call, "types", k),
                           err));
    return STATUS_OK;
}

struct lengths {
    size_t steps, most_steps, values, longest; /* over all messages */
};

static enum status lengths_read(const struct op_call *call, struct lengths *lengths,
                                struct error *err)
{
    struct bytes lists[EXAMPLE_KEYS_MAX];
    size_t count;

    (void)features_keys(call, &count);
    memset(lengths, 0, count * sizeof *lengths);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(lists_read(call, i, lists, err));
        for (size_t k = 0; k < count; k++) {
            size_t at = 0, steps = 0;
            struct feature_list step;
            bool more;

            for (;; steps++) {
                TRY(step_next(call, i, k, lists[k], &at, &step, &more, err));
                if (!more)
                    break;
                lengths[k].values += step.count;
                if (step.count > lengths[k].longest)
                    lengths[k].longest = step.count;
            }
            lengths[k].steps += steps;
            if (steps > lengths[k].most_steps)
                lengths[k].most_steps = steps;
        }
    }
    return STATUS_OK;
}

/* --- dense --- */

static enum status step_shape(const struct op_call *call, size_t k, struct shape *shape,
                              struct error *err)
{
    TRY(features_shape(call, "feature list", k, RANK_MAX - 2, shape, err));
    return shape_check(shape, DTYPE_STRING, SIZE_MAX / 2, NULL, err);
}

static enum status infer_dense(struct op_call *call, struct error *err)
{
    struct lengths lengths[EXAMPLE_KEYS_MAX];
    const struct shape *messages = &call->in[0].shape;
    size_t count;

    TRY(features_infer(call, 2, &count, err));
    TRY(features_check_types(call, count, err));
    if (op_is_known(call, 0))
        TRY(lengths_read(call, lengths, err));
    for (size_t k = 0; k < count; k++) {
        struct shape step, out = shape_unknown();

        TRY(step_shape(call, k, &step, err));
        if (messages->rank >= 0) {
            out = *messages;
            out.dims[out.rank++] =
                op_is_known(call, 0) ? (int64_t)lengths[k].most_steps : DIM_UNKNOWN;
            for (int d = 0; d < step.rank; d++)
                out.dims[out.rank++] = step.dims[d];
        }
        op_give(call, 2 * k, features_dtype(call, "types", k), &out);
        op_give(call, 2 * k + 1, DTYPE_I64, messages);
    }
    return STATUS_OK;
}

static enum status dense_put(const struct op_call *call, size_t i, size_t k, struct bytes list,
                             struct error *err)
{
    const struct tensor *out = &call->out[2 * k];
    int first = call->in[0].shape.rank;
    size_t most = (size_t)out->shape.dims[first], at = 0, steps = 0;
    size_t width = shape_span(&out->shape, first + 1, out->shape.rank);
    size_t size = width * dtype_size(out->dtype);
    uint8_t *to = (uint8_t *)out->data + i * most * size;
    struct feature_list step;
    char what[96];
    bool more;

    if (!list.data && !number_of(call, "missing", k))
        return features_error(call, "feature list", i, k, err, "is missing");
    for (;; steps++) {
        TRY(step_next(call, i, k, list, &at, &step, &more, err));
        if (!more)
            break;
        if (step.count != width || steps >= most) {
            snprintf(what, sizeof what, "has a step of %zu values, not %zu", step.count, width);
            return features_error(call, "feature list", i, k, err, what);
        }
        if (width)
            TRY(feature_values(&step, to + steps * size, err));
    }
    memset(to + steps * size, 0, (most - steps) * size);
    for (size_t v = steps * width; out->dtype == DTYPE_STRING && v < most * width; v++)
        ((struct bytes *)to)[v] = (struct bytes){(const uint8_t *)"", 0};
    ((int64_t *)call->out[2 * k + 1].data)[i] = (int64_t)steps;
    return STATUS_OK;
}

static enum status run_dense(const struct op_call *call, struct error *err)
{
    struct bytes lists[EXAMPLE_KEYS_MAX];
    size_t count;

    (void)features_keys(call, &count);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(lists_read(call, i, lists, err));
        for (size_t k = 0; k < count; k++)
            TRY(dense_put(call, i, k, lists[k], err));
    }
    return STATUS_OK;
}

/* --- sparse --- */

static enum status infer_sparse(struct op_call *call, struct error *err)
{
    int rank = call->in[0].shape.rank;
    struct lengths lengths[EXAMPLE_KEYS_MAX];
    int64_t places = rank < 0 ? DIM_UNKNOWN : rank + 2;
    size_t count;

    TRY(features_infer(call, 3, &count, err));
    TRY(features_check_types(call, count, err));
    if (op_is_known(call, 0))
        TRY(lengths_read(call, lengths, err));
    for (size_t k = 0; k < count; k++) {
        int64_t values = op_is_known(call, 0) ? (int64_t)lengths[k].values : DIM_UNKNOWN;
        struct shape indices = SHAPE(values, places);

        op_give(call, 3 * k, DTYPE_I64, &indices);
        features_give(call, 3 * k + 1, features_dtype(call, "types", k), values);
        features_give(call, 3 * k + 2, DTYPE_I64, places);
    }
    return STATUS_OK;
}

/* The values of a step behind the `*used` ones, with their indices. */
static enum status sparse_put(const struct op_call *call, size_t i, size_t k, size_t step_number,
                              const struct feature_list *step, size_t *used, struct error *err)
{
    const struct tensor *values = &call->out[3 * k + 1];
    size_t rank = (size_t)call->in[0].shape.rank + 2;
    int64_t *index = (int64_t *)call->out[3 * k].data + *used * rank;

    if (*used + step->count > tensor_count(values))
        return op_error(call, err, STATUS_INTERNAL, "more values than counted");
    if (step->count)
        TRY(feature_values(step, (uint8_t *)values->data + *used * dtype_size(values->dtype), err));
    for (size_t v = 0; v < step->count; v++, index += rank) {
        index[0] = (int64_t)i;
        index[rank - 2] = (int64_t)step_number;
        index[rank - 1] = (int64_t)v;
    }
    *used += step->count;
    return STATUS_OK;
}

static enum status run_sparse(const struct op_call *call, struct error *err)
{
    struct bytes lists[EXAMPLE_KEYS_MAX];
    size_t used[EXAMPLE_KEYS_MAX] = {0}, count, messages = tensor_count(&call->in[0]);
    struct lengths lengths[EXAMPLE_KEYS_MAX];

    (void)features_keys(call, &count);
    TRY(lengths_read(call, lengths, err));
    for (size_t k = 0; k < count; k++) {
        int64_t *shape = call->out[3 * k + 2].data;
        size_t rank = tensor_count(&call->out[3 * k + 2]);

        shape[0] = (int64_t)messages;
        shape[rank - 2] = (int64_t)lengths[k].most_steps;
        shape[rank - 1] = (int64_t)lengths[k].longest;
    }
    for (size_t i = 0; i < messages; i++) {
        TRY(lists_read(call, i, lists, err));
        for (size_t k = 0; k < count; k++) {
            struct feature_list step;
            size_t at = 0;
            bool more;

            for (size_t s = 0;; s++) {
                TRY(step_next(call, i, k, lists[k], &at, &step, &more, err));
                if (!more)
                    break;
                TRY(sparse_put(call, i, k, s, &step, &used[k], err));
            }
        }
    }
    return STATUS_OK;
}

/* --- ragged --- */

static enum status infer_ragged(struct op_call *call, struct error *err)
{
    const struct shape *messages = &call->in[0].shape;
    struct lengths lengths[EXAMPLE_KEYS_MAX];
    int64_t outer = DIM_UNKNOWN;
    bool known = op_is_known(call, 0);
    size_t count;

    TRY(features_infer(call, 3, &count, err));
    TRY(features_check_types(call, count, err));
    if (known)
        TRY(lengths_read(call, lengths, err));
    if (messages->rank == 0)
        outer = 2;
    else if (messages->rank == 1 && dim_is_known(messages->dims[0]))
        outer = messages->dims[0] + 1;
    for (size_t k = 0; k < count; k++) {
        enum dtype split = features_dtype(call, "splits", k);

        if (split != DTYPE_I32 && split != DTYPE_I64)
            return op_error(call, err, STATUS_INVALID_INPUT, "splits are no integers");
        features_give(call, 3 * k, features_dtype(call, "types", k),
                      known ? (int64_t)lengths[k].values : DIM_UNKNOWN);
        features_give(call, 3 * k + 1, split, outer);
        features_give(call, 3 * k + 2, split, known ? (int64_t)lengths[k].steps + 1 : DIM_UNKNOWN);
    }
    return STATUS_OK;
}

static enum status ragged_put(const struct op_call *call, size_t i, size_t k, struct bytes list,
                              size_t *steps, size_t *used, struct error *err)
{
    const struct tensor *values = &call->out[3 * k];
    struct feature_list step;
    size_t at = 0;
    bool more;

    for (;;) {
        TRY(step_next(call, i, k, list, &at, &step, &more, err));
        if (!more)
            break;
        if (*used + step.count > tensor_count(values) || *used + step.count > INT32_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "%zu values", *used + step.count);
        if (step.count)
            TRY(feature_values(&step, (uint8_t *)values->data + *used * dtype_size(values->dtype),
                               err));
        *used += step.count;
        features_split(&call->out[3 * k + 2], ++*steps, *used);
    }
    features_split(&call->out[3 * k + 1], i + 1, *steps);
    return STATUS_OK;
}

static enum status run_ragged(const struct op_call *call, struct error *err)
{
    size_t steps[EXAMPLE_KEYS_MAX] = {0}, used[EXAMPLE_KEYS_MAX] = {0}, count;
    struct bytes lists[EXAMPLE_KEYS_MAX];

    (void)features_keys(call, &count);
    for (size_t k = 0; k < count; k++) {
        features_split(&call->out[3 * k + 1], 0, 0);
        features_split(&call->out[3 * k + 2], 0, 0);
    }
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(lists_read(call, i, lists, err));
        for (size_t k = 0; k < count; k++)
            TRY(ragged_put(call, i, k, lists[k], &steps[k], &used[k], err));
    }
    return STATUS_OK;
}

#define COMMON .in_min = 1, .in_max = 1, .out_max = OP_OUTPUTS_MAX

const struct op_set ops_firn_sequence_example =
    OP_SET({.name = "SequenceDense",
            .summary = "feature lists of tf.train.SequenceExample, filled up",
            COMMON,
            .out_min = 2,
            .infer = infer_dense,
            .run = run_dense},
           {.name = "SequenceSparse",
            .summary = "feature lists of tf.train.SequenceExample as sparse tensors",
            COMMON,
            .out_min = 3,
            .infer = infer_sparse,
            .run = run_sparse},
           {.name = "SequenceRagged",
            .summary = "feature lists of tf.train.SequenceExample as ragged tensors",
            COMMON,
            .out_min = 3,
            .infer = infer_ragged,
            .run = run_ragged});
