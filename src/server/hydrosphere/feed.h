// SPDX-License-Identifier: Apache-2.0
/* Answers of Hydrosphere's manager that go on, as server-sent events. */
#pragma once

#include "server/request.h"

/* What changes from now on: ModelUpdate, ApplicationUpdate, ServableUpdate, MetricSpecUpdate,
 * DeploymentConfigurationUpdate with the object as its list has it, ...Remove with {"id"} or
 * {"name"}; a heartbeat every 5 s. On a control thread. */
enum status hydrosphere_events(struct request *request, struct response *response,
                               struct error *err) must_check;

/* What there is to say about a servable; `follow`: and what will be. NOT_FOUND. */
enum status hydrosphere_servable_log(struct request *request, struct response *response,
                                     struct bytes name, bool follow, struct error *err) must_check;
