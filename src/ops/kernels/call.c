// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/call.h"

bool op_is_known(const struct op_call *call, size_t input)
{
    const struct tensor *tensor;

    if (!op_has(call, input))
        return false;
    tensor = &call->in[input];
    return shape_is_known(&tensor->shape) && (tensor->data || tensor_count(tensor) == 0);
}

enum status op_infer_same(struct op_call *call, struct error *err)
{
    (void)err;
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

enum status op_input_ints(const struct op_call *call, size_t input, int64_t *values, size_t max,
                          size_t *count, struct error *err)
{
    const struct tensor *tensor = &call->in[input];
    size_t n = tensor_count(tensor);

    TRY(op_wants(call, input, DTYPES_INDEX, err));
    if (tensor->shape.rank > 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %d dimensions, not 1",
                        input, tensor->shape.rank);
    if (n > max)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %zu elements, at most %zu",
                        input, n, max);
    for (size_t i = 0; i < n; i++)
        values[i] = tensor_i64(tensor, i);
    *count = n;
    return STATUS_OK;
}

enum status op_input_shape(const struct op_call *call, size_t input, int64_t least,
                           struct shape *shape, struct error *err)
{
    const struct shape *in = &call->in[input].shape;
    int64_t unknown = in->rank == 0 ? 1 : in->rank == 1 ? in->dims[0] : DIM_UNKNOWN;
    size_t rank;

    *shape = shape_unknown();
    TRY(op_wants(call, input, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, input, 0, 1, err));
    if (op_is_known(call, input)) {
        TRY(op_input_ints(call, input, shape->dims, RANK_MAX, &rank, err));
        shape->rank = (int)rank;
        for (int i = 0; i < shape->rank; i++)
            if (shape->dims[i] < least)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is %lld", i,
                                (long long)shape->dims[i]);
    } else if (unknown >= 0 && unknown <= RANK_MAX) {
        shape->rank = (int)unknown;
        for (int i = 0; i < shape->rank; i++)
            shape->dims[i] = DIM_UNKNOWN;
    }
    return STATUS_OK;
}

enum status op_axes_list(const struct op_call *call, size_t input, const char *attribute,
                         struct axes *axes, struct error *err)
{
    const int64_t *ints;

    *axes = (struct axes){.known = true};
    if (op_has(call, input)) {
        axes->given = true;
        axes->known = op_is_known(call, input);
        if (axes->known)
            TRY(op_input_ints(call, input, axes->values, RANK_MAX, &axes->count, err));
        return STATUS_OK;
    }
    ints = attribute_ints(call->attributes, attribute, &axes->count);
    if (axes->count > RANK_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu %s, at most %d", axes->count,
                        attribute, RANK_MAX);
    axes->given = ints != NULL;
    for (size_t i = 0; i < axes->count; i++)
        axes->values[i] = ints[i];
    return STATUS_OK;
}

enum status op_axes_mask(const struct op_call *call, const struct axes *axes, int rank,
                         bool mask[RANK_MAX], struct error *err)
{
    memset(mask, 0, RANK_MAX * sizeof *mask);
    for (size_t i = 0; i < axes->count; i++) {
        int axis;

        TRY(op_axis(call, axes->values[i], rank, &axis, err));
        if (mask[axis])
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %d is named twice", axis);
        mask[axis] = true;
    }
    return STATUS_OK;
}

enum status op_input_i64(const struct op_call *call, size_t input, int64_t *value,
                         struct error *err)
{
    if (tensor_count(&call->in[input]) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %zu elements, not 1", input,
                        tensor_count(&call->in[input]));
    *value = tensor_i64(&call->in[input], 0);
    return STATUS_OK;
}

enum status op_prepare_reference(struct op_call *call, struct arena *keep, struct error *err)
{
    bool *reference = arena_new(keep, bool, 1);

    if (!reference)
        return error_no_memory(err, call->op->name);
    *reference = op_is_reference_only();
    call->state = reference;
    return STATUS_OK;
}

bool op_wants_reference(const struct op_call *call)
{
    return op_is_reference_only() || (call->state && *(const bool *)call->state);
}

enum status op_text_take(const struct op_call *call, struct text *text, struct bytes *string,
                         struct error *err)
{
    enum status status = text_check(text, err);
    char *copy = status ? NULL : arena_text(call->memory, text_bytes(text));

    if (!status && !copy)
        status = error_no_memory(err, "strings");
    if (copy)
        *string = (struct bytes){(const uint8_t *)copy, text->size};
    text_release(text);
    return status;
}

enum status dim_multiply(const struct op_call *call, int64_t a, int64_t b, int64_t *out,
                         struct error *err)
{
    if (!dim_is_known(a) || !dim_is_known(b))
        *out = a == 1 ? b : b == 1 ? a : a == 0 || b == 0 ? 0 : DIM_UNKNOWN;
    else if (__builtin_mul_overflow(a, b, out))
        return op_error(call, err, STATUS_TOO_LARGE, "dimension %lld * %lld does not fit",
                        (long long)a, (long long)b);
    return STATUS_OK;
}

enum status dim_add(const struct op_call *call, int64_t a, int64_t b, int64_t *out,
                    struct error *err)
{
    if (!dim_is_known(a) || !dim_is_known(b))
        *out = a == 0 ? b : b == 0 ? a : DIM_UNKNOWN;
    else if (__builtin_add_overflow(a, b, out))
        return op_error(call, err, STATUS_TOO_LARGE, "dimension %lld + %lld does not fit",
                        (long long)a, (long long)b);
    return STATUS_OK;
}

enum status op_wants_rank(const struct op_call *call, size_t input, int low, int high,
                          struct error *err)
{
    int rank = call->in[input].shape.rank;

    if (rank == RANK_UNKNOWN || (rank >= low && rank <= high))
        return STATUS_OK;
    if (low == high)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %d dimensions, not %d",
                        input, rank, low);
    return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %d dimensions, not %d to %d",
                    input, rank, low, high);
}
