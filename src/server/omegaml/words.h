// SPDX-License-Identifier: Apache-2.0
/* What omega|ml's routes share. */
#pragma once

#include "server/request.h"

/* {"message": ...} */
void omegaml_write_error(const struct error *err, struct text *text);

/* Each parameter of the query, decoded; stops at the first failure. */
enum status omegaml_each_query(struct request *request,
                               enum status (*each)(void *context, const char *key,
                                                   const char *value, struct error *err),
                               void *context, struct error *err) must_check;
