// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/trees/reading.h"

#include <stdio.h>

enum status reading_ints(struct reading *r, const char *name, size_t want, const int64_t **list,
                         struct error *err)
{
    size_t count;

    *list = attribute_ints(r->call->attributes, name, &count);
    if (count != want)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s has %zu entries, not %zu", name,
                        count, want);
    return STATUS_OK;
}

enum status reading_numbers(struct reading *r, const char *name, const double **list, size_t *count,
                            struct error *err)
{
    char as_tensor[64];
    const struct tensor *tensor;
    double *wide;

    *list = attribute_floats(r->call->attributes, name, count);
    if (*list)
        return STATUS_OK;
    snprintf(as_tensor, sizeof as_tensor, "%s_as_tensor", name);
    tensor = attribute_tensor(r->call->attributes, as_tensor);
    if (!tensor)
        tensor = attribute_tensor(r->call->attributes, name);
    if (!tensor)
        return STATUS_OK;
    if (!dtype_is_float(tensor->dtype))
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s is %s", name,
                        dtype_name(tensor->dtype));
    *count = tensor_count(tensor);
    wide = arena_new(r->scratch, double, *count);
    if (!wide)
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < *count; i++)
        wide[i] = tensor_f64(tensor, i);
    *list = wide;
    return STATUS_OK;
}
