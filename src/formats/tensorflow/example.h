// SPDX-License-Identifier: Apache-2.0
/* tf.train.Example and SequenceExample as they stand in the message, for those who want some of
 * their features: nothing is copied but the values that are asked for (record.h reads them whole).
 * Source: tensorflow/core/example/{example,feature}.proto. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "tensor/tensor.h"

/* A list of values: strings, floats or 64-bit integers. */
struct feature_list {
    enum dtype dtype; /* DTYPE_NONE: absent, or it has no list */
    struct bytes bytes;
    size_t count;
};

/* The features of these names, of an Example or of the context of a SequenceExample; of equal names
 * the last one stands. `count` <= EXAMPLE_KEYS_MAX. INVALID_INPUT for what is no such message. */
enum { EXAMPLE_KEYS_MAX = 64 };
enum status example_features(struct bytes message, const struct bytes *names, size_t count,
                             struct feature_list *features, struct error *err) must_check;

/* The values, list->count of them; strings are borrowed from the message. */
enum status feature_values(const struct feature_list *list, void *values, struct error *err)
    must_check;

/* The feature lists of these names of a SequenceExample: each a message that holds features, which
 * feature_next reads one after the other; data NULL: there is none. */
enum status example_sequences(struct bytes message, const struct bytes *names, size_t count,
                              struct bytes *sequences, struct error *err) must_check;
/* *at begins with 0; *more is false behind the last feature. */
enum status feature_next(struct bytes sequence, size_t *at, struct feature_list *feature,
                         bool *more, struct error *err) must_check;
