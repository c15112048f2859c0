// SPDX-License-Identifier: Apache-2.0
/* Predictions of gRPC whose requests and answers are maps of tensors: TensorFlow Serving's and all
 * of Hydrosphere's. */
#pragma once

#include "formats/tensor_message.h"
#include "server/predict.h"

/* What a client of gRPC says is typed: each tensor given must have its field's dtype.
 * INVALID_INPUT names the field and both. */
enum status tensor_wire_check(const struct prediction *p, struct error *err) must_check;

/* `given` from field `number` of the body, map<string, Tensor>. The signature is set. */
enum status tensor_wire_give(struct prediction *p, uint32_t number, enum tensor_dialect dialect,
                             struct error *err) must_check;

/* All outputs, or those of `names` (count > 0), as field 1 of the answer. */
enum status tensor_wire_answer(struct prediction *p, enum tensor_dialect dialect,
                               const struct bytes *names, size_t count, struct error *err)
    must_check;
