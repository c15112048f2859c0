// SPDX-License-Identifier: Apache-2.0
/* Features of serialized tf.train.Example: ExampleDense, ExampleSparse, ExampleRagged. What the
 * three share: input 0 is STRING, a list of N messages or one message alone (a scalar), which then
 * has no dimension N in the outputs; attribute keys names the features, at most 64. Their values
 * are STRING, F32 or I64.
 *
 * ExampleDense: an input for each key: its default, without elements where the feature must be
 * there. Attributes ranks (K,) and dims, one list after the other: the shape of each feature; a
 * first dimension of -1 is free: the longest of the batch counts, and the default, one element,
 * fills up. Outputs: N dims.
 * ExampleSparse: attribute types (ONNX numbers). Outputs for each key: indices (n, 2) and values
 * (n,), shape (2,): N and the longest.
 * ExampleRagged: attributes types, splits (ONNX numbers). Outputs for each key: values (n,), where
 * rows begin (N + 1,). */
#include <stdio.h>

#include "ops/kernels/features.h"

/* --- what the three share --- */

/* The features of one message, of the dtypes that are wanted or absent. */
static enum status message_read(const struct op_call *call, size_t i, const enum dtype *dtypes,
                                struct feature_list *features, struct error *err)
{
    size_t count;
    const struct bytes *keys = features_keys(call, &count);
    struct bytes message;

    TRY(features_message(call, i, &message, err));
    if (example_features(message, keys, count, features, err))
        return error_within(err, "example %zu", i);
    for (size_t k = 0; k < count; k++)
        TRY(features_check(call, "feature", i, k, &features[k], dtypes[k], err));
    return STATUS_OK;
}

struct lengths {
    size_t total[EXAMPLE_KEYS_MAX], longest[EXAMPLE_KEYS_MAX]; /* values over all examples */
};

static enum status lengths_read(const struct op_call *call, const enum dtype *dtypes,
                                struct lengths *lengths, struct error *err)
{
    struct feature_list features[EXAMPLE_KEYS_MAX];
    size_t count;

    (void)features_keys(call, &count);
    memset(lengths, 0, sizeof *lengths);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(message_read(call, i, dtypes, features, err));
        for (size_t k = 0; k < count; k++) {
            lengths->total[k] += features[k].count;
            if (features[k].count > lengths->longest[k])
                lengths->longest[k] = features[k].count;
        }
    }
    return STATUS_OK;
}

static void types_read(const struct op_call *call, enum dtype *dtypes)
{
    size_t count;

    (void)features_keys(call, &count);
    for (size_t k = 0; k < count; k++)
        dtypes[k] = features_dtype(call, "types", k);
}

/* --- dense --- */

struct dense {
    enum dtype dtype;
    bool variable; /* its first dimension is free */
    struct shape shape;
    size_t width; /* elements of one; of one step when it is variable */
};

static enum status dense_of(const struct op_call *call, size_t k, struct dense *dense,
                            struct error *err)
{
    if (k + 1 >= call->in_count)
        return op_error(call, err, STATUS_INVALID_INPUT, "feature %zu has no default", k);
    *dense = (struct dense){.dtype = call->in[k + 1].dtype};
    TRY(features_shape(call, "feature", k, RANK_MAX - 1, &dense->shape, err));
    dense->variable = dense->shape.rank > 0 && dense->shape.dims[0] == -1;
    if (dense->variable)
        dense->shape.dims[0] = 1;
    TRY(shape_check(&dense->shape, DTYPE_STRING, SIZE_MAX / 2, NULL, err));
    dense->width = shape_count(&dense->shape);
    return STATUS_OK;
}

static enum status default_check(struct op_call *call, size_t k, const struct dense *dense,
                                 struct error *err)
{
    const struct tensor *given = &call->in[k + 1];
    size_t count;

    TRY(op_wants(call, k + 1, FEATURE_DTYPES, err));
    if (!shape_is_known(&given->shape))
        return STATUS_OK;
    count = shape_count(&given->shape);
    if (dense->variable ? count == 1 && dense->width > 0 : count == 0 || count == dense->width)
        return STATUS_OK;
    return op_error(call, err, STATUS_INVALID_INPUT, "feature %zu has a default of %zu elements", k,
                    count);
}

/* N and the feature's own dimensions. */
static void dense_give(struct op_call *call, size_t k, const struct dense *dense, int64_t longest)
{
    const struct shape *messages = &call->in[0].shape;
    struct shape shape = shape_unknown();

    if (messages->rank >= 0) {
        shape = *messages;
        for (int d = 0; d < dense->shape.rank; d++)
            shape.dims[shape.rank++] = dense->shape.dims[d];
        if (dense->variable)
            shape.dims[messages->rank] = longest;
    }
    op_give(call, k, dense->dtype, &shape);
}

static enum status infer_dense(struct op_call *call, struct error *err)
{
    bool known = op_is_known(call, 0), variable = false;
    struct dense dense[EXAMPLE_KEYS_MAX];
    enum dtype dtypes[EXAMPLE_KEYS_MAX];
    struct lengths lengths;
    size_t count;

    TRY(features_infer(call, 1, &count, err));
    for (size_t k = 0; k < count; k++) {
        TRY(dense_of(call, k, &dense[k], err));
        TRY(default_check(call, k, &dense[k], err));
        dtypes[k] = dense[k].dtype;
        variable = variable || dense[k].variable;
    }
    if (known && variable)
        TRY(lengths_read(call, dtypes, &lengths, err));
    for (size_t k = 0; k < count; k++) {
        int64_t longest = DIM_UNKNOWN;

        if (known && dense[k].variable)
            longest = (int64_t)(lengths.longest[k] / dense[k].width);
        dense_give(call, k, &dense[k], longest);
    }
    return STATUS_OK;
}

/* `count` times the first element of the default. */
static void fill(const struct tensor *otherwise, uint8_t *to, size_t count)
{
    size_t size = dtype_size(otherwise->dtype);

    for (size_t i = 0; i < count; i++)
        memcpy(to + i * size, otherwise->data, size);
}

static enum status dense_put(const struct op_call *call, size_t i, size_t k,
                             const struct dense *dense, const struct feature_list *feature,
                             struct error *err)
{
    const struct tensor *otherwise = &call->in[k + 1], *out = &call->out[k];
    size_t all = shape_span(&out->shape, call->in[0].shape.rank, out->shape.rank);
    uint8_t *to = (uint8_t *)out->data + i * all * dtype_size(out->dtype);
    char what[96];

    if (feature->dtype == DTYPE_NONE && !dense->variable) {
        if (tensor_count(otherwise) == 0)
            return features_error(call, "feature", i, k, err, "is missing and has no default");
        memcpy(to, otherwise->data, tensor_bytes(otherwise));
        return STATUS_OK;
    }
    if (dense->variable ? feature->count % dense->width != 0 || feature->count > all
                        : feature->count != all) {
        snprintf(what, sizeof what, "has %zu values, not %s%zu", feature->count,
                 dense->variable ? "a multiple of " : "", dense->variable ? dense->width : all);
        return features_error(call, "feature", i, k, err, what);
    }
    if (feature->count)
        TRY(feature_values(feature, to, err));
    if (dense->variable)
        fill(otherwise, to + feature->count * dtype_size(out->dtype), all - feature->count);
    return STATUS_OK;
}

static enum status run_dense(const struct op_call *call, struct error *err)
{
    struct feature_list features[EXAMPLE_KEYS_MAX];
    struct dense dense[EXAMPLE_KEYS_MAX];
    enum dtype dtypes[EXAMPLE_KEYS_MAX];
    size_t count;

    (void)features_keys(call, &count);
    for (size_t k = 0; k < count; k++) {
        TRY(dense_of(call, k, &dense[k], err));
        dtypes[k] = dense[k].dtype;
    }
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(message_read(call, i, dtypes, features, err));
        for (size_t k = 0; k < call->out_count; k++)
            TRY(dense_put(call, i, k, &dense[k], &features[k], err));
    }
    return STATUS_OK;
}

/* --- sparse --- */

static enum status infer_sparse(struct op_call *call, struct error *err)
{
    int rank = call->in[0].shape.rank;
    enum dtype dtypes[EXAMPLE_KEYS_MAX];
    struct lengths lengths;
    size_t count;

    TRY(features_infer(call, 3, &count, err));
    TRY(features_check_types(call, count, err));
    types_read(call, dtypes);
    if (op_is_known(call, 0))
        TRY(lengths_read(call, dtypes, &lengths, err));
    for (size_t k = 0; k < count; k++) {
        int64_t values = op_is_known(call, 0) ? (int64_t)lengths.total[k] : DIM_UNKNOWN;
        int64_t places = rank < 0 ? DIM_UNKNOWN : rank + 1;

        struct shape indices = SHAPE(values, places);

        op_give(call, 3 * k, DTYPE_I64, &indices);
        features_give(call, 3 * k + 1, dtypes[k], values);
        features_give(call, 3 * k + 2, DTYPE_I64, places);
    }
    return STATUS_OK;
}

static enum status sparse_put(const struct op_call *call, size_t i, size_t k, size_t *used,
                              const struct feature_list *feature, struct error *err)
{
    const struct tensor *values = &call->out[3 * k + 1];
    size_t rank = (size_t)call->in[0].shape.rank + 1;
    int64_t *indices = (int64_t *)call->out[3 * k].data + *used * rank;
    int64_t *shape = call->out[3 * k + 2].data;

    if (*used + feature->count > tensor_count(values))
        return op_error(call, err, STATUS_INTERNAL, "more values than counted");
    if (feature->count)
        TRY(feature_values(feature, (uint8_t *)values->data + *used * dtype_size(values->dtype),
                           err));
    for (size_t v = 0; v < feature->count; v++) {
        if (rank == 2)
            indices[2 * v] = (int64_t)i;
        indices[rank * v + rank - 1] = (int64_t)v;
    }
    if (shape[rank - 1] < (int64_t)feature->count)
        shape[rank - 1] = (int64_t)feature->count;
    *used += feature->count;
    return STATUS_OK;
}

static enum status run_sparse(const struct op_call *call, struct error *err)
{
    struct feature_list features[EXAMPLE_KEYS_MAX];
    enum dtype dtypes[EXAMPLE_KEYS_MAX];
    size_t used[EXAMPLE_KEYS_MAX] = {0}, count, messages = tensor_count(&call->in[0]);

    (void)features_keys(call, &count);
    types_read(call, dtypes);
    for (size_t k = 0; k < count; k++) {
        int64_t *shape = call->out[3 * k + 2].data;

        shape[0] = (int64_t)messages;
        shape[tensor_count(&call->out[3 * k + 2]) - 1] = 0;
    }
    for (size_t i = 0; i < messages; i++) {
        TRY(message_read(call, i, dtypes, features, err));
        for (size_t k = 0; k < count; k++)
            TRY(sparse_put(call, i, k, &used[k], &features[k], err));
    }
    return STATUS_OK;
}

/* --- ragged --- */

static enum status infer_ragged(struct op_call *call, struct error *err)
{
    const struct shape *messages = &call->in[0].shape;
    enum dtype dtypes[EXAMPLE_KEYS_MAX];
    int64_t splits = DIM_UNKNOWN;
    struct lengths lengths;
    size_t count;

    TRY(features_infer(call, 2, &count, err));
    TRY(features_check_types(call, count, err));
    types_read(call, dtypes);
    if (op_is_known(call, 0))
        TRY(lengths_read(call, dtypes, &lengths, err));
    if (messages->rank == 0)
        splits = 0;
    else if (messages->rank == 1 && dim_is_known(messages->dims[0]))
        splits = messages->dims[0] + 1;
    for (size_t k = 0; k < count; k++) {
        enum dtype split = features_dtype(call, "splits", k);

        if (split != DTYPE_I32 && split != DTYPE_I64)
            return op_error(call, err, STATUS_INVALID_INPUT, "splits are no integers");
        features_give(call, 2 * k, dtypes[k],
                      op_is_known(call, 0) ? (int64_t)lengths.total[k] : DIM_UNKNOWN);
        features_give(call, 2 * k + 1, split, splits);
    }
    return STATUS_OK;
}

static enum status run_ragged(const struct op_call *call, struct error *err)
{
    struct feature_list features[EXAMPLE_KEYS_MAX];
    enum dtype dtypes[EXAMPLE_KEYS_MAX];
    size_t used[EXAMPLE_KEYS_MAX] = {0}, count;

    (void)features_keys(call, &count);
    types_read(call, dtypes);
    for (size_t k = 0; k < count; k++)
        features_split(&call->out[2 * k + 1], 0, 0);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(message_read(call, i, dtypes, features, err));
        for (size_t k = 0; k < count; k++) {
            const struct tensor *values = &call->out[2 * k];

            if (used[k] + features[k].count > tensor_count(values))
                return op_error(call, err, STATUS_INTERNAL, "more values than counted");
            if (features[k].count)
                TRY(feature_values(&features[k],
                                   (uint8_t *)values->data + used[k] * dtype_size(values->dtype),
                                   err));
            used[k] += features[k].count;
            if (used[k] > INT32_MAX)
                return op_error(call, err, STATUS_TOO_LARGE, "%zu values", used[k]);
            features_split(&call->out[2 * k + 1], i + 1, used[k]);
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_example =
    OP_SET({.name = "ExampleDense",
            .summary = "features of tf.train.Example, of fixed shape or filled up",
            .in_min = 2,
            .in_max = EXAMPLE_KEYS_MAX + 1,
            .out_min = 1,
            .out_max = OP_OUTPUTS_MAX,
            .infer = infer_dense,
            .run = run_dense},
           {.name = "ExampleSparse",
            .summary = "features of tf.train.Example as sparse tensors",
            .in_min = 1,
            .in_max = 1,
            .out_min = 3,
            .out_max = OP_OUTPUTS_MAX,
            .infer = infer_sparse,
            .run = run_sparse},
           {.name = "ExampleRagged",
            .summary = "features of tf.train.Example as ragged tensors",
            .in_min = 1,
            .in_max = 1,
            .out_min = 2,
            .out_max = OP_OUTPUTS_MAX,
            .infer = infer_ragged,
            .run = run_ragged});
