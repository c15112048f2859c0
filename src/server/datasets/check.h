// SPDX-License-Identifier: Apache-2.0
/* Are the bytes of a data set what their format says, and do they fit behind what is there? */
#pragma once

#include "registry/object.h"

/* Of formats that firn knows; others are any bytes. With put->append: against the newest revision,
 * whose number goes into *newest (0: none). INVALID_INPUT, CONFLICT. */
enum status dataset_check(struct registry *registry, const struct object_put *put,
                          struct bytes bytes, int64_t *newest, struct arena *scratch,
                          struct error *err) must_check;
