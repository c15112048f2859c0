// SPDX-License-Identifier: Apache-2.0
/* Adapter: a servable behind another face. A manifest may declare a derived number type as another
 * one ("float" where the model computes in double) or [n] as [n,1]; a version keeps the contract
 * that was frozen with it. Where face and model differ so, inputs and outputs are converted. */
#pragma once

#include "engine/servable.h"

/* Do all fields have the same dtype and rank, so that nothing has to be converted? CONFLICT when
 * signatures or fields differ in number or name, which no conversion can mend. */
enum status contract_fits(const struct contract *face, const struct contract *model, bool *same,
                          struct error *err) must_check;

/* Both contracts live as long as `inner`, which the new one takes over (also when this fails). */
enum status adapted_servable(struct servable *inner, const struct contract *face,
                             struct servable **servable, struct error *err) must_check;

/* The session behind an adapter's, or the session itself. */
struct session *adapted_inner(struct session *session);
