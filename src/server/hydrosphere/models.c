// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/models.h"

#include <stdlib.h>

#include "server/internal.h"

enum status hydrosphere_models_list(struct request *request, struct response *response,
                                    view_writer *write, struct error *err)
{
    return view_list(request, response, view_is_model, write, err);
}

static const struct table_model *model_in(const struct model_table *table, int64_t id)
{
    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        if (view_is_model(model) && loaded_row(model->versions[0])->model_id == id)
            return model;
    }
    return NULL;
}

enum status hydrosphere_model_find(struct request *request, struct view *view,
                                   const struct table_model **model, struct error *err)
{
    int64_t id;

    TRY(view_id(request, 0, &id, err));
    *model = model_in(view->table, id);
    if (!*model) {
        view_look_again(request, view);
        *model = model_in(view->table, id);
    }
    return *model
               ? STATUS_OK
               : error_set(err, STATUS_NOT_FOUND, "there is no model with id %lld", (long long)id);
}

/* Found and written; the table stays pinned. */
static enum status found_print(struct request *request, struct view *view, view_writer *write,
                               const struct table_model **model, struct error *err)
{
    TRY(hydrosphere_model_find(request, view, model, err));
    return write(view, *model, err);
}

enum status hydrosphere_model_show(struct request *request, struct response *response,
                                   view_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = found_print(request, &view, write, &model, err);

    model_release(request);
    return status;
}

enum status hydrosphere_model_delete(struct request *request, struct response *response,
                                     view_writer *write, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = found_print(request, &view, write, &model, err);

    return view_delete(request, status, model, err);
}

static int by_id(const void *a, const void *b)
{
    const struct version *x = loaded_row(*(struct loaded *const *)a);
    const struct version *y = loaded_row(*(struct loaded *const *)b);

    return (x->id > y->id) - (x->id < y->id);
}

enum status hydrosphere_versions(const struct view *view, struct loaded ***versions, size_t *count,
                                 struct error *err)
{
    size_t capacity = 0;

    *versions = NULL;
    *count = 0;
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);

        for (size_t v = 0; view_is_model(model) && v < model->count; v++) {
            if (!ARENA_GROW(view->arena, *versions, *count, capacity))
                return error_no_memory(err, "a list");
            (*versions)[(*count)++] = model->versions[v];
        }
    }
    if (*count)
        qsort(*versions, *count, sizeof **versions, by_id);
    return STATUS_OK;
}
