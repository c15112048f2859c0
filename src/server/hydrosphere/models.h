// SPDX-License-Identifier: Apache-2.0
/* Handlers of models that the generations of Hydrosphere's manager share; each says how it writes
 * one. Applications are no models. */
#pragma once

#include "server/hydrosphere/view.h"

enum status hydrosphere_models_list(struct request *request, struct response *response,
                                    view_writer *write, struct error *err) must_check;
/* The model that path parameter 0 names, an id. */
enum status hydrosphere_model_show(struct request *request, struct response *response,
                                   view_writer *write, struct error *err) must_check;
/* With all its versions, whose bytes go with gc; the answer is what it was. */
enum status hydrosphere_model_delete(struct request *request, struct response *response,
                                     view_writer *write, struct error *err) must_check;

/* The model with the id of path parameter 0, after another look at the store. NOT_FOUND. */
enum status hydrosphere_model_find(struct request *request, struct view *view,
                                   const struct table_model **model, struct error *err) must_check;
/* All versions of models, in the order in which they were made. */
enum status hydrosphere_versions(const struct view *view, struct loaded ***versions, size_t *count,
                                 struct error *err) must_check;
