// SPDX-License-Identifier: Apache-2.0
/* Predictions from tf.train.Example, whatever the wire: TensorFlow Serving's Classify, Regress and
 * MultiInference. A signature with one input of strings gets the examples as they are, as
 * TensorFlow's own parse them; others get their features by name. */
#pragma once

#include "server/predict.h"

enum { EXAMPLES_MAX = 1 << 20 };

struct examples {
    struct bytes *list; /* (count,) messages */
    size_t count;
};

/* INVALID_INPUT without any, TOO_LARGE above EXAMPLES_MAX. */
enum status examples_check(const struct examples *examples, struct error *err) must_check;

/* The features of a context belong to each example. */
enum status examples_add_context(struct examples *examples, struct bytes context,
                                 struct arena *arena, struct error *err) must_check;

/* p->given from them, for p->signature. */
enum status examples_give(struct prediction *p, const struct examples *examples, struct error *err)
    must_check;

/* --- what the outputs say of each example --- */

struct classification {
    const struct tensor *labels;  /* strings (examples, count); or NULL */
    const struct tensor *scores;  /* (examples, count); or NULL */
    const struct tensor *classes; /* (count,): labels of all examples; or NULL */
    size_t count;                 /* of classes */
};

/* INVALID_INPUT when the signature has neither labels nor scores for `examples` examples. */
enum status classification_find(const struct prediction *p, size_t examples,
                                struct classification *found, struct error *err) must_check;

enum { LABEL_SIZE = 64 };
/* Label of a class, empty when it has none; a number is printed into `buffer` of LABEL_SIZE. */
struct bytes classification_label(const struct classification *found, size_t example, size_t class,
                                  char *buffer);
float classification_score(const struct classification *found, size_t example, size_t class);

/* The output that has one number for each example, else INVALID_INPUT. */
enum status regression_find(const struct prediction *p, size_t examples,
                            const struct tensor **values, struct error *err) must_check;
