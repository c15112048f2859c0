// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere_applications.h"

#include "server/internal.h"
#include "server/stored.h"

static enum status list_print(const struct view *view, application_writer *write, struct error *err)
{
    bool any = false;

    text_append(view->text, "[");
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);

        if (!model->serving || !hydrosphere_is_application(loaded_row(model->serving)))
            continue;
        text_append(view->text, any ? "," : "");
        any = true;
        TRY(write(view, model, err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

enum status applications_list(struct request *request, struct response *response,
                              application_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = list_print(&view, write, err);

    model_release(request);
    return status;
}

static enum status print_named(struct request *request, struct response *response,
                               struct bytes name, application_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = view_find_application(request, &view, name, &model, err);

    if (!status)
        status = write(&view, model, err);
    model_release(request);
    return status;
}

enum status application_show(struct request *request, struct response *response,
                             application_writer *write, struct error *err)
{
    return print_named(request, response, request->parameters[0], write, err);
}

enum status application_compose(struct request *request, struct response *response,
                                enum compose compose, application_writer *write, struct error *err)
{
    struct version version;

    TRY(hydrosphere_compose(request, compose, &version, err));
    return print_named(request, response, bytes_of(version.model), write, err);
}

enum status application_delete(struct request *request, struct response *response,
                               application_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    struct registry *registry;
    const char *name = NULL;
    enum status status = view_find_application(request, &view, request->parameters[0], &model, err);

    if (!status)
        status = write(&view, model, err);
    if (!status && !(name = arena_text(request_arena(request), bytes_of(model->name))))
        status = error_no_memory(err, "a request");
    model_release(request);
    TRY(status);
    TRY(stored_registry(request, &registry, err));
    TRY(registry_delete(registry, name, 0, err));
    models_refresh(request->server->models, false);
    return STATUS_OK;
}
