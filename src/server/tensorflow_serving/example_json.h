// SPDX-License-Identifier: Apache-2.0
/* Bodies of TensorFlow Serving's REST classify and regress as tf.train.Examples:
 *
 *   {"signature_name": text, "context": {feature: value}, "examples": [{feature: value}, ...]}
 *
 * A value is one or a list of: whole numbers, true and false (int64); numbers with a fraction or
 * exponent, NaN and infinities (float); texts and {"b64": "..."} (bytes). Knows no server. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct examples_json {
    const char *signature;  /* NULL: not said */
    struct bytes *examples; /* (count,) messages, in `keep` */
    size_t count;
    struct bytes context; /* a message; empty: there is none */
};

/* INVALID_INPUT for lists of several types, TOO_LARGE above `examples_max`. */
enum status examples_json_read(struct bytes body, size_t examples_max, struct examples_json *read,
                               struct arena *keep, struct error *err) must_check;
