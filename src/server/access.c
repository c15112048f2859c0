// SPDX-License-Identifier: Apache-2.0
#include "server/access.h"

#include "formats/json/json.h"
#include "server/internal.h"

/* Not in the table: another process may have added it a moment ago. */
static enum status look_again(struct request *request, struct bytes model, struct bytes version,
                              struct loaded **loaded, struct error *err)
{
    struct models *models = request->server->models;
    const struct model_table *table;

    model_release(request);
    if (!request->executor->control)
        return request_later(request, LATER_CONTROL);
    models_refresh(models, false);
    table = models_pin(models, request->executor->index);
    return models_find(table, model, version, loaded, err);
}

enum status model_access(struct request *request, bool ready, struct loaded **loaded,
                         struct error *err)
{
    struct bytes version =
        request->match.parameter_count > 1 ? request->parameters[1] : (struct bytes){NULL, 0};

    return model_access_named(request, request->parameters[0], version, ready, loaded, err);
}

enum status model_access_named(struct request *request, struct bytes model, struct bytes version,
                               bool ready, struct loaded **loaded, struct error *err)
{
    struct models *models = request->server->models;
    const struct model_table *table = models_pin(models, request->executor->index);
    enum status status = models_find(table, model, version, loaded, err);

    if (status == STATUS_NOT_FOUND)
        status = look_again(request, model, version, loaded, err);
    if (status != STATUS_OK || request->later != LATER_NO || !ready)
        goto done;
    switch (loaded_state(*loaded)) {
    case MODEL_READY:
        break;
    case MODEL_FAILED:
        *err = *loaded_error(*loaded);
        status = error_within(err, "model '%s' version %lld", loaded_row(*loaded)->model,
                              (long long)loaded_row(*loaded)->number);
        break;
    default:
        loaded_want(models, *loaded);
        status = request_later(request, LATER_LOADED);
    }
done:
    if (status != STATUS_OK || request->later != LATER_NO) {
        *loaded = NULL;
        model_release(request);
    }
    return status;
}

void model_release(struct request *request)
{
    models_unpin(request->server->models, request->executor->index);
}

void oip_write_error(const struct error *err, struct text *text)
{
    text_append(text, "{\"error\":");
    json_write_string(text, bytes_of(err->text));
    text_append_char(text, '}');
}
