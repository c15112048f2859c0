// SPDX-License-Identifier: Apache-2.0
/* What the makers of If and Loop share about subgraphs (model/control.c, model/loop.c). */
#pragma once

#include "importers/tensorflow/control/control.h"

/* What is certain of a value for another graph. */
struct tensor tf_body_type(const struct graph *graph, value_id value);

/* The signature: formal inputs, what was captured, outputs. */
enum status tf_body_close(struct tf_body *body, const value_id *formals, size_t formal_count,
                          value_id *outputs, size_t output_count, struct error *err) must_check;

/* The node: its own inputs, then what its bodies captured. */
enum status tf_body_emit(struct tf_lowering *l, struct emitter *e, const char *op,
                         struct emit_inputs own, struct tf_body *const *bodies, size_t body_count,
                         value_id *outputs, size_t output_count, struct error *err) must_check;
