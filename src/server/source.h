// SPDX-License-Identifier: Apache-2.0
/* The registry as a source of models. */
#pragma once

#include "server/models.h"

struct model_source source_of_registry(struct registry *registry);
