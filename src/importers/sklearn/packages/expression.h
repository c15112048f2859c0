// SPDX-License-Identifier: Apache-2.0
/* The Python expressions that sklearn2pmml's transformers hold, such as "X[0] if X[1] > 0 else -1":
 * evaluated for each row, here lowered to nodes over whole columns. */
#pragma once

#include "importers/sklearn/internal.h"

/* The columns of `in` are what X holds. The result is one column. UNSUPPORTED, naming the place,
 * for what is not understood. */
enum status expression_lower(struct lowering *l, struct bytes text, const struct table *in,
                             struct table *out, struct error *err) must_check;

/* The same, with functions that it may call: a list of their sources, or NULL. */
enum status expression_with_functions(struct lowering *l, struct bytes text,
                                      const struct pickle_object *functions, const struct table *in,
                                      struct table *out, struct error *err) must_check;
