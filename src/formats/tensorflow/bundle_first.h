// SPDX-License-Identifier: Apache-2.0
/* Checkpoints of version 1, which TensorFlow wrote until 2016: the bytes lie in the table itself.
 * Its first entry, of the empty key, says the names, dtypes, shapes and slices; the others, by
 * name and slice, hold values as TensorProto does.
 * Source: tensorflow/core/util/saved_tensor_slice.proto, tensor_slice_writer. */
#pragma once

#include "base/text.h"
#include "formats/tensorflow/bundle.h"

/* NOT_FOUND: there is none. */
enum status first_open(struct artifact *artifact, const char *prefix, struct bundle *bundle,
                       struct error *err) must_check;
/* `value`: of bundle->index. */
enum status first_entry_read(const struct bundle *bundle, struct bytes value,
                             struct bundle_entry *entry, struct error *err) must_check;
/* `key`: room for keys. */
enum status first_tensor(const struct bundle *bundle, struct bytes name,
                         const struct bundle_entry *entry, struct tensor *tensor, struct text *key,
                         struct error *err) must_check;

/* bundle.c: can we have such a tensor? */
enum status entry_check(const struct bundle_entry *entry, struct error *err) must_check;
