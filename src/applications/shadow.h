// SPDX-License-Identifier: Apache-2.0
/* Shadows: requests copied to variants that never answer, on a thread of their own. What they do
 * and how long it takes is nobody's concern: a queue that is full drops. */
#pragma once

#include "applications/application.h"

struct shadows;

/* NULL in *shadows when no stage has one. `parts`: borrowed for as long as the shadows. */
enum status shadows_new(const struct application *application, struct servable *const *parts,
                        struct shadows **shadows, struct error *err) must_check;
void shadows_free(struct shadows *shadows); /* NULL is fine */

/* Copy the inputs of a stage for its shadows. `inputs`: in the order of the stage. */
void shadows_offer(struct shadows *shadows, size_t path, size_t stage, const struct tensor *inputs);

struct shadow_counts {
    uint64_t run, failed, dropped; /* failed: of those that were run */
};
struct shadow_counts shadows_counts(const struct shadows *shadows, size_t part);
