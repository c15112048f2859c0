// SPDX-License-Identifier: Apache-2.0
/* What operators over serialized tf.train.Example and SequenceExample share: input 0 is STRING, a
 * list of N messages or one alone; attribute keys names the features, `types` (ONNX numbers) says
 * of which dtype each is: STRING, F32 or I64. */
#pragma once

#include "formats/tensorflow/example.h"
#include "ops/kernels/call.h"

#define FEATURE_DTYPES (DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_I64))

const struct bytes *features_keys(const struct op_call *call, size_t *count);
/* Of feature k, from the list of numbers `name`: "types", "splits". DTYPE_NONE: none is given. */
enum dtype features_dtype(const struct op_call *call, const char *name, size_t k);

/* Of feature k, from the attributes ranks (K,) and dims, one list after the other: at most `limit`
 * dimensions, unchecked. kind: "feature list". */
enum status features_shape(const struct op_call *call, const char *kind, size_t k, int limit,
                           struct shape *shape, struct error *err) must_check;

/* Input and number of outputs, `outputs` for each key. */
enum status features_infer(struct op_call *call, size_t outputs, size_t *count, struct error *err)
    must_check;
enum status features_check_types(struct op_call *call, size_t count, struct error *err) must_check;

/* Message i, which must be there. */
enum status features_message(const struct op_call *call, size_t i, struct bytes *message,
                             struct error *err) must_check;

/* "feature list 'k' of example 3 is missing"; kind: "feature list". */
enum status features_error(const struct op_call *call, const char *kind, size_t example, size_t k,
                           struct error *err, const char *what) must_check;
/* Of feature k: is what was read of `dtype`, or without values? */
enum status features_check(const struct op_call *call, const char *kind, size_t example, size_t k,
                           const struct feature_list *list, enum dtype dtype, struct error *err)
    must_check;

void features_give(const struct op_call *call, size_t output, enum dtype dtype, int64_t count);
/* Element i of I32 or I64 row splits, where it has one. */
void features_split(const struct tensor *splits, size_t i, size_t value);
