// SPDX-License-Identifier: Apache-2.0
/* A convolution node with channels last: which kernels serve it, and its weights as they want them.
 */
#pragma once

#include "ops/kernels/spatial/convolution.h"

struct conv;

/* Choose, and pack the weights: inputs w and bias of the call must be known floats. *conv is NULL
 * where the reference kernel must serve. `geometry`: of the call, x's sizes may be unknown. */
enum status conv_prepare(const struct op_call *call, const struct convolution *geometry,
                         struct conv **conv, struct arena *keep, struct error *err) must_check;

/* For known shapes. */
size_t conv_scratch_size(const struct conv *conv, const struct convolution *geometry,
                         struct team *team);
void conv_run(const struct conv *conv, const struct convolution *geometry,
              const struct op_call *call);
