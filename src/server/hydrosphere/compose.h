// SPDX-License-Identifier: Apache-2.0
/* Applications as clients of Hydrosphere send them:
 *
 *   2, 3  {"id"?, "name", "executionGraph": {"stages": [{"modelVariants": [{"modelVersionId",
 *         "weight", "deploymentConfigName"?}]}]}, "kafkaStreaming"?, "metadata"?}
 *   1     the same with "services": [{"runtimeId", "modelVersionId", "weight", "signatureName"}]
 *
 * A variant of weight 0 becomes a shadow: there, every variant ran and a lone 0 was the way to say
 * so. Weights of a stage add up to 100. */
#pragma once

#include "registry/registry.h"
#include "server/request.h"

enum compose { COMPOSE_NEW, COMPOSE_CHANGE };

/* Make the application of the request's body, or change it: in one transaction, the old one
 * answers until the new one can. CONFLICT when COMPOSE_NEW finds one, NOT_FOUND when COMPOSE_CHANGE
 * does not. On a control thread, nothing pinned; sets request->later when a version that it needs
 * is being built, and this thread must not wait for it. */
enum status hydrosphere_compose(struct request *request, enum compose compose,
                                struct version *version, struct error *err) must_check;
