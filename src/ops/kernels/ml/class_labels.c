// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/class_labels.h"

enum status class_labels_of(const struct op_call *call, struct class_labels *labels,
                            struct error *err)
{
    *labels = (struct class_labels){0};
    labels->strings = attribute_strings(call->attributes, "classlabels_strings", &labels->count);
    if (!labels->strings || labels->count == 0) {
        labels->strings = NULL;
        labels->ints = attribute_ints(call->attributes, "classlabels_ints", &labels->count);
    }
    if (labels->count == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "there are no class labels");
    return STATUS_OK;
}

enum dtype class_labels_dtype(const struct class_labels *labels)
{
    return labels->strings ? DTYPE_STRING : DTYPE_I64;
}

void class_labels_put(const struct class_labels *labels, size_t which, struct tensor *y, size_t i)
{
    if (labels->strings)
        ((struct bytes *)y->data)[i] = labels->strings[which];
    else
        ((int64_t *)y->data)[i] = labels->ints[which];
}
