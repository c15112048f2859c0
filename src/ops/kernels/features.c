// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/features.h"

#include "base/text.h"

const struct bytes *features_keys(const struct op_call *call, size_t *count)
{
    return attribute_strings(call->attributes, "keys", count);
}

enum dtype features_dtype(const struct op_call *call, const char *name, size_t k)
{
    size_t count;
    const int64_t *types = attribute_ints(call->attributes, name, &count);

    return k < count ? dtype_from_onnx(types[k]) : DTYPE_NONE;
}

enum status features_shape(const struct op_call *call, const char *kind, size_t k, int limit,
                           struct shape *shape, struct error *err)
{
    size_t ranks, left;
    const int64_t *rank = attribute_ints(call->attributes, "ranks", &ranks);
    const int64_t *dims = attribute_ints(call->attributes, "dims", &left);

    for (size_t i = 0; i <= k; i++) {
        if (i >= ranks || rank[i] < 0 || rank[i] > limit || (size_t)rank[i] > left)
            return op_error(call, err, STATUS_INVALID_INPUT, "%s %zu has no shape", kind, k);
        *shape = shape_of((int)rank[i], dims);
        if (rank[i])
            dims += rank[i];
        left -= (size_t)rank[i];
    }
    return STATUS_OK;
}

enum status features_infer(struct op_call *call, size_t outputs, size_t *count, struct error *err)
{
    (void)features_keys(call, count);
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 0, 1, err));
    if (*count < 1 || *count > EXAMPLE_KEYS_MAX || call->out_count > *count * outputs)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu keys for %zu outputs", *count,
                        call->out_count);
    return STATUS_OK;
}

enum status features_check_types(struct op_call *call, size_t count, struct error *err)
{
    for (size_t k = 0; k < count; k++)
        if (!(DTYPE_BIT(features_dtype(call, "types", k)) & FEATURE_DTYPES))
            return op_error(call, err, STATUS_UNSUPPORTED, "a feature of another type");
    return STATUS_OK;
}

enum status features_message(const struct op_call *call, size_t i, struct bytes *message,
                             struct error *err)
{
    *message = ((const struct bytes *)call->in[0].data)[i];
    if (!message->data)
        return op_error(call, err, STATUS_INVALID_INPUT, "example %zu is missing", i);
    return STATUS_OK;
}

enum status features_error(const struct op_call *call, const char *kind, size_t example, size_t k,
                           struct error *err, const char *what)
{
    char quoted[TEXT_QUOTE_SIZE];
    size_t count;

    text_quote(features_keys(call, &count)[k], quoted, sizeof quoted);
    return op_error(call, err, STATUS_INVALID_INPUT, "%s '%s' of example %zu %s", kind, quoted,
                    example, what);
}

enum status features_check(const struct op_call *call, const char *kind, size_t example, size_t k,
                           const struct feature_list *list, enum dtype dtype, struct error *err)
{
    if (list->dtype == DTYPE_NONE || list->dtype == dtype)
        return STATUS_OK;
    return features_error(call, kind, example, k, err,
                          list->dtype == DTYPE_STRING ? "holds strings"
                          : list->dtype == DTYPE_F32  ? "holds floats"
                                                      : "holds integers");
}

void features_give(const struct op_call *call, size_t output, enum dtype dtype, int64_t count)
{
    struct shape shape = SHAPE(count);

    op_give(call, output, dtype, &shape);
}

void features_split(const struct tensor *splits, size_t i, size_t value)
{
    if (i >= tensor_count(splits))
        return;
    if (splits->dtype == DTYPE_I32)
        ((int32_t *)splits->data)[i] = (int32_t)value;
    else
        ((int64_t *)splits->data)[i] = (int64_t)value;
}
