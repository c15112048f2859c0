// SPDX-License-Identifier: Apache-2.0
/* Handlers of applications that the generations of Hydrosphere's manager share; each says how it
 * writes one (view_application, view_application_1). */
#pragma once

#include "server/hydrosphere/compose.h"
#include "server/hydrosphere/view.h"

enum status applications_list(struct request *request, struct response *response,
                              view_writer *write, struct error *err) must_check;
/* The application that path parameter 0 names. */
enum status application_show(struct request *request, struct response *response, view_writer *write,
                             struct error *err) must_check;
/* From the body; the answer is what came of it. */
enum status application_compose(struct request *request, struct response *response,
                                enum compose compose, view_writer *write, struct error *err)
    must_check;
/* With its history; the answer is what it was. */
enum status application_delete(struct request *request, struct response *response,
                               view_writer *write, struct error *err) must_check;
