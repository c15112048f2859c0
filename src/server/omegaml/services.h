// SPDX-License-Identifier: Apache-2.0
/* omega|ml's services: models and scripts called with plain JSON, and what they take and give as
 * OpenAPI (Swagger 2.0, which that wire has always spoken). */
#pragma once

#include "contract/contract.h"
#include "server/request.h"

/* The document of a model: definitions NAME_X and NAME_result, from the contract's first signature
 * or `signature`. */
void omegaml_write_openapi(const char *name, const struct signature *signature, struct text *text);
/* Of a script, which says nothing of its arguments. */
void omegaml_write_script_openapi(const char *name, struct text *text);
