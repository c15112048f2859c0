// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/applications.h"

#include "server/internal.h"

enum status applications_list(struct request *request, struct response *response,
                              view_writer *write, struct error *err)
{
    return view_list(request, response, view_is_application, write, err);
}

static enum status print_named(struct request *request, struct response *response,
                               struct bytes name, view_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = view_find_application(request, &view, name, &model, err);

    if (!status)
        status = write(&view, model, err);
    model_release(request);
    return status;
}

enum status application_show(struct request *request, struct response *response, view_writer *write,
                             struct error *err)
{
    return print_named(request, response, request->parameters[0], write, err);
}

enum status application_compose(struct request *request, struct response *response,
                                enum compose compose, view_writer *write, struct error *err)
{
    struct version version;

    TRY(hydrosphere_compose(request, compose, &version, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    return print_named(request, response, bytes_of(version.model), write, err);
}

enum status application_delete(struct request *request, struct response *response,
                               view_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = view_find_application(request, &view, request->parameters[0], &model, err);

    if (!status)
        status = write(&view, model, err);
    return view_delete(request, status, model, err);
}
