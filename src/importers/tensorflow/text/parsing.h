// SPDX-License-Identifier: Apache-2.0
/* What parsing.c and sequence.c share: the features of an Example, or of the context of a
 * SequenceExample, as nodes. */
#pragma once

#include "importers/tensorflow/internal.h"

/* What a node asks for. */
struct tf_parse {
    value_id serialized;
    struct bytes *dense_keys, *sparse_keys, *ragged_keys;
    size_t dense_count, sparse_count, ragged_count;
    struct shape *dense_shapes;     /* (dense_count,) */
    const value_id *dense_defaults; /* (dense_count,) */
    enum dtype *dense_types, *sparse_types, *ragged_types, *split_types;
};

/* Indices, values, shapes of the sparse ones, the dense ones, values and splits of the ragged ones
 * as outputs. */
enum status tf_parse_emit(struct tf_call *c, const struct tf_parse *p, struct error *err)
    must_check;

/* The strings of an input that must be known; or of `count` inputs, one each. */
enum status tf_parse_keys(const struct tf_call *c, size_t input, struct bytes **keys, size_t *count,
                          struct error *err) must_check;
enum status tf_parse_keys_each(const struct tf_call *c, size_t first, size_t count,
                               struct bytes **keys, struct error *err) must_check;

struct attribute tf_attribute_of_strings(const char *name, const struct bytes *values,
                                         size_t count);
/* The types as ONNX numbers, kept. */
enum status tf_attribute_of_types(struct tf_call *c, const char *name, const enum dtype *types,
                                  size_t count, struct attribute *attribute, struct error *err)
    must_check;
/* Every `step`-th of the values, from `first` on, as outputs. */
enum status tf_give_each(struct tf_call *c, const value_id *values, size_t count, size_t step,
                         size_t first, struct error *err) must_check;
