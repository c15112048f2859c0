// SPDX-License-Identifier: Apache-2.0
/* The labels of ai.onnx.ml's classifiers: classlabels_ints or classlabels_strings. */
#pragma once

#include "ops/kernels/call.h"

struct class_labels {
    size_t count;
    const struct bytes *strings; /* or NULL */
    const int64_t *ints;         /* or NULL */
};

enum status class_labels_of(const struct op_call *call, struct class_labels *labels,
                            struct error *err) must_check;
enum dtype class_labels_dtype(const struct class_labels *labels);

/* Element i of `y` becomes label `which`. */
void class_labels_put(const struct class_labels *labels, size_t which, struct tensor *y, size_t i);
