// SPDX-License-Identifier: Apache-2.0
/* The post_transform attribute of ai.onnx.ml's classifiers and regressors. */
#pragma once

#include "ops/op.h"

enum post_transform { POST_NONE, POST_SOFTMAX, POST_LOGISTIC, POST_SOFTMAX_ZERO, POST_PROBIT };

/* From the attribute (absent: NONE); UNSUPPORTED when it is another word. */
enum status post_transform_read(const struct op_call *call, enum post_transform *transform,
                                struct error *err) must_check;

/* One row of scores, in place. SOFTMAX_ZERO leaves scores of zero out of the sum and at zero. */
void post_transform_row(enum post_transform transform, double *scores, size_t count);
