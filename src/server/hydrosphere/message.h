// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's entities as messages, in the fields of generation 2 (package hydrosphere.manager)
 * or 3 (hydrosphere.serving.manager). Each writes the fields of one message. */
#pragma once

#include "formats/protobuf.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/hydrosphere.h"

enum { GENERATION_2 = 2, GENERATION_3 = 3 };

void message_write_signature(struct text *text, const struct signature *signature, int generation);
enum status message_write_version(struct text *text, const struct loaded *loaded, int generation,
                                  struct arena *arena, struct error *err) must_check;
/* One that is being built, or could not be. */
enum status message_write_build(struct text *text, const struct build_entry *entry, int generation,
                                struct arena *arena, struct error *err) must_check;
/* `weight`: of 100 in its stage; 0: it stands alone. */
enum status message_write_servable(struct text *text, const struct table_servable *servable,
                                   int64_t weight, int generation, struct arena *arena,
                                   struct error *err) must_check;
enum status message_write_application(struct text *text, const struct model_table *table,
                                      const struct table_model *model, int generation,
                                      struct arena *arena, struct error *err) must_check;
